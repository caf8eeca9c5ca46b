//! Envoy's side of external authorization by gRPC, written down once more: its messages, and HTTP/2 with trailers.
//!
//! Source: Envoy's API, `envoy/service/auth/v3`; "gRPC over HTTP2" of the gRPC project.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::Running;
use super::mutual_tls::{Shown, client_config};

#[derive(Clone, PartialEq, Message)]
pub struct CheckRequest {
    #[prost(message, optional, tag = "1")]
    pub attributes: Option<Attributes>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Attributes {
    #[prost(map = "string, string", tag = "10")]
    pub context_extensions: HashMap<String, String>,
    #[prost(message, optional, tag = "4")]
    pub request: Option<Request>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Request {
    #[prost(message, optional, tag = "2")]
    pub http: Option<Http>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Http {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(string, tag = "2")]
    pub method: String,
    #[prost(map = "string, string", tag = "3")]
    pub headers: HashMap<String, String>,
    #[prost(string, tag = "4")]
    pub path: String,
    #[prost(string, tag = "5")]
    pub host: String,
    #[prost(string, tag = "6")]
    pub scheme: String,
    #[prost(message, optional, tag = "13")]
    pub header_map: Option<HeaderMap>,
}

#[derive(Clone, PartialEq, Message)]
pub struct HeaderMap {
    #[prost(message, repeated, tag = "1")]
    pub headers: Vec<HeaderValue>,
}

#[derive(Clone, PartialEq, Message)]
pub struct HeaderValue {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, tag = "2")]
    pub value: String,
    #[prost(bytes = "vec", tag = "3")]
    pub raw_value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub struct CheckResponse {
    #[prost(message, optional, tag = "1")]
    pub status: Option<Status>,
    #[prost(message, optional, tag = "2")]
    pub denied: Option<Denied>,
    #[prost(message, optional, tag = "3")]
    pub ok: Option<Ok>,
    #[prost(message, optional, tag = "4")]
    pub dynamic_metadata: Option<prost_types::Struct>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Status {
    #[prost(int32, tag = "1")]
    pub code: i32,
    #[prost(string, tag = "2")]
    pub message: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Denied {
    #[prost(message, optional, tag = "1")]
    pub status: Option<HttpStatus>,
    #[prost(message, repeated, tag = "2")]
    pub headers: Vec<HeaderValueOption>,
    #[prost(string, tag = "3")]
    pub body: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct HttpStatus {
    #[prost(int32, tag = "1")]
    pub code: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct Ok {
    #[prost(message, repeated, tag = "2")]
    pub headers: Vec<HeaderValueOption>,
    #[prost(string, repeated, tag = "5")]
    pub headers_to_remove: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct HeaderValueOption {
    #[prost(message, optional, tag = "1")]
    pub header: Option<HeaderValue>,
    #[prost(int32, tag = "3")]
    pub append_action: i32,
}

/// What came back of a call.
#[derive(Debug)]
pub struct Reply {
    /// The gRPC status: `0` with an answer.
    pub status: String,
    pub message: String,
    pub response: Option<CheckResponse>,
}

/// How a proxy reaches a broker, and who it is there.
pub struct Proxy<'a> {
    pub at: &'a Running,
    /// What it trusts, and its certificate; plain text without.
    pub tls: Option<(&'a Path, Option<&'a Shown>)>,
    /// Its token, in the call's metadata.
    pub token: Option<&'a str>,
}

impl Proxy<'_> {
    /// Calls `Check`.
    pub async fn check(&self, request: &CheckRequest) -> Reply {
        self.call(&request.encode_to_vec()).await
    }

    /// The same with any bytes for a message.
    pub async fn call(&self, message: &[u8]) -> Reply {
        let address = self.at.host();
        let stream = TcpStream::connect(address).await.expect("connected");
        match self.tls {
            None => self.send(stream, message).await,
            Some((ca, shown)) => {
                let mut config = client_config(ca, shown);
                config.alpn_protocols = vec![b"h2".to_vec()];
                let name = ServerName::try_from("localhost").expect("a name");
                let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
                self.send(connector.connect(name, stream).await.expect("TLS"), message).await
            }
        }
    }

    async fn send(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, message: &[u8]) -> Reply {
        let shaken = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
        let (mut sender, connection) = shaken.expect("HTTP/2");
        let driver = tokio::spawn(connection);
        let mut body = BytesMut::new();
        body.put_u8(0);
        body.put_u32(u32::try_from(message.len()).expect("a length"));
        body.put_slice(message);
        let path = "/envoy.service.auth.v3.Authorization/Check";
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let mut request = http::Request::post(format!("{scheme}://{}{path}", self.at.host()))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        if let Some(token) = self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::new(Bytes::from(body))).expect("a request");
        let (parts, body) = sender.send_request(request).await.expect("an answer").into_parts();
        let collected = body.collect().await.expect("a whole answer");
        let trailers = collected.trailers().cloned().unwrap_or_default();
        let bytes = collected.to_bytes();
        driver.abort();
        let of = |name: &str| {
            let value = trailers.get(name).or_else(|| parts.headers.get(name));
            value.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        let response = bytes.get(5..).map(|message| CheckResponse::decode(message).expect("a CheckResponse"));
        let message = of("grpc-message");
        let message = percent_encoding::percent_decode_str(&message).decode_utf8_lossy().into_owned();
        Reply { status: of("grpc-status"), message, response }
    }
}

/// A request that Envoy has received.
pub fn request(method: &str, host: &str, path: &str, headers: &[(&str, &str)]) -> CheckRequest {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let http = Http {
        id: "7".to_owned(),
        method: method.to_owned(),
        headers,
        path: path.to_owned(),
        host: host.to_owned(),
        scheme: "https".to_owned(),
        header_map: None,
    };
    let request = Some(Request { http: Some(http) });
    CheckRequest { attributes: Some(Attributes { context_extensions: HashMap::new(), request }) }
}

/// The same, as Envoy sends it where it is set to `encode_raw_headers`.
pub fn raw_request(method: &str, host: &str, path: &str, headers: &[(&str, &[u8])]) -> CheckRequest {
    let mut whole = request(method, host, path, &[]);
    let of = |(name, value): &(&str, &[u8])| HeaderValue {
        key: (*name).to_owned(),
        value: String::new(),
        raw_value: value.to_vec(),
    };
    let http = whole.attributes.as_mut().and_then(|attributes| attributes.request.as_mut()?.http.as_mut());
    http.expect("a request").header_map = Some(HeaderMap { headers: headers.iter().map(of).collect() });
    whole
}
