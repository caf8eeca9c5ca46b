use std::collections::HashMap;
use std::io;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::*;
use crate::clock::{Clock, SystemClock};
use crate::crypto::hash::sha1_thumbprint;
use crate::crypto::x509::{DevelopmentCertificates, development};

const KEYS: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

/// What a path is answered with: the head's first line and further lines, and the body; nothing for a path that never answers.
type Pages = HashMap<&'static str, Option<(String, Vec<u8>)>>;

/// An issuer on this machine, with a certificate of its own authority.
struct Issuer {
    address: SocketAddr,
    certificates: DevelopmentCertificates,
    folder: tempfile::TempDir,
}

fn ok(body: impl Into<Vec<u8>>) -> Option<(String, Vec<u8>)> {
    Some(("200 OK".to_owned(), body.into()))
}

fn discovery(issuer: &str, jwks: &str) -> Option<(String, Vec<u8>)> {
    ok(json!({ "issuer": issuer, "jwks_uri": jwks }).to_string())
}

const ABOUT: &str = "/.well-known/openid-configuration";

fn good() -> Pages {
    [(ABOUT, discovery("https://idp.example", "https://idp.example/keys")), ("/keys", ok(KEYS))].into()
}

impl Issuer {
    async fn answering(pages: Pages) -> Self {
        let certificates = development(&["idp.example".to_owned(), "evil.example".to_owned()], SystemClock.now())
            .expect("certificates");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), &certificates.ca_certificate).expect("written");
        std::fs::write(folder.path().join("none.pem"), "").expect("written");
        let chain: Vec<_> = [&certificates.server_certificate, &certificates.ca_certificate]
            .into_iter()
            .flat_map(|pem| CertificateDer::pem_slice_iter(pem.as_bytes()))
            .map(|certificate| certificate.expect("a certificate"))
            .collect();
        let key = PrivateKeyDer::from_pem_slice(certificates.server_key.expose().as_bytes()).expect("a key");
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a certificate with its key");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let pages = Arc::new(pages);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, pages) = (acceptor.clone(), Arc::clone(&pages));
                tokio::spawn(async move { answer(acceptor.accept(stream).await?, &pages).await });
            }
        });
        Self { address, certificates, folder }
    }

    fn settings(&self) -> Settings {
        Settings {
            addresses: vec![("idp.example".to_owned(), self.address)],
            authorities: vec![("idp.example".to_owned(), self.folder.path().join("ca.pem"))],
            ..Settings::default()
        }
    }

    fn ca_thumbprint(&self) -> String {
        let pem = self.certificates.ca_certificate.as_bytes();
        sha1_thumbprint(&CertificateDer::from_pem_slice(pem).expect("a certificate"))
    }
}

async fn answer(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin, pages: &Pages) -> io::Result<()> {
    let mut head = Vec::new();
    loop {
        let mut byte = [0];
        stream.read_exact(&mut byte).await?;
        head.push(byte[0]);
        if head.ends_with(b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&head).into_owned();
            let path = text.split(' ').nth(1).unwrap_or_default();
            let missing = Some(("404 Not Found".to_owned(), Vec::new()));
            let Some((status, body)) = pages.get(path).unwrap_or(&missing) else {
                std::future::pending::<()>().await;
                return Ok(());
            };
            let length =
                if status.contains("chunked") { String::new() } else { format!("content-length: {}\r\n", body.len()) };
            stream.write_all(format!("HTTP/1.1 {status}\r\n{length}\r\n").as_bytes()).await?;
            stream.write_all(body).await?;
            stream.flush().await?;
            head.clear();
        }
    }
}

async fn fetch(settings: &Settings, url: &str, thumbprints: &[String]) -> Result<IssuerKeys, FetchError> {
    let fetcher = Fetcher::new(settings).expect("settings");
    fetcher.keys(&OidcIssuer::from_url(url).expect("an issuer"), thumbprints).await
}

async fn from(pages: Pages) -> Result<IssuerKeys, FetchError> {
    let issuer = Issuer::answering(pages).await;
    fetch(&issuer.settings(), "https://idp.example", &[]).await
}

fn answered(result: Result<IssuerKeys, FetchError>) -> String {
    match result {
        Err(FetchError::Answer(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_keys_of_an_issuer_are_fetched() {
    assert!(from(good()).await.expect("keys").has(Some("a")));
    // An issuer with a path, and one that ends in a slash.
    for (url, about) in [
        ("https://idp.example/t/1", "/t/1/.well-known/openid-configuration"),
        ("https://idp.example/t/", "/t/.well-known/openid-configuration"),
        ("https://idp.example/", ABOUT),
    ] {
        let issuer =
            Issuer::answering([(about, discovery(url, "https://idp.example/keys")), ("/keys", ok(KEYS))].into()).await;
        assert!(fetch(&issuer.settings(), url, &[]).await.is_ok(), "{url}");
    }
}

#[tokio::test]
async fn a_discovery_document_speaks_for_its_own_issuer() {
    for other in ["https://idp.example/", "https://IDP.example", "http://idp.example", "https://other.example", ""] {
        let pages = [(ABOUT, discovery(other, "https://idp.example/keys")), ("/keys", ok(KEYS))].into();
        assert_eq!(answered(from(pages).await), "its discovery document is of another issuer", "{other}");
    }
    let twice =
        r#"{"issuer":"https://idp.example","issuer":"https://idp.example","jwks_uri":"https://idp.example/keys"}"#;
    for text in ["", "{}", "[]", r#"{"issuer":"https://idp.example"}"#, twice] {
        let pages = [(ABOUT, ok(text)), ("/keys", ok(KEYS))].into();
        assert_eq!(answered(from(pages).await), "its discovery document has no issuer and jwks_uri", "{text}");
    }
}

#[tokio::test]
async fn keys_are_at_an_https_address_that_is_not_inside() {
    let at = |jwks: &str| [(ABOUT, discovery("https://idp.example", jwks)), ("/keys", ok(KEYS))].into();
    for plain in
        ["http://idp.example/keys", "ftp://idp.example/keys", "file:///etc/passwd", "https://me@idp.example/keys"]
    {
        assert_eq!(answered(from(at(plain)).await), "the address of its keys is no https URL", "{plain}");
    }
    for nothing in ["", "/keys", "https://", &format!("https://idp.example/{}", "x".repeat(LONGEST_URL))] {
        assert_eq!(answered(from(at(nothing)).await), "the address of its keys is no URL", "{nothing:.40}");
    }
    for inside in [
        "https://127.0.0.1/keys",
        "https://127.1/keys",
        "https://0x7f000001/keys",
        "https://2130706433/keys",
        "https://[::1]/keys",
        "https://[::ffff:127.0.0.1]/keys",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1:6443/openid/v1/jwks",
        "https://localhost/keys",
    ] {
        assert_eq!(from(at(inside)).await, Err(FetchError::Inside), "{inside}");
    }
}

#[tokio::test]
async fn an_address_that_a_setting_gives_is_for_that_issuer_alone() {
    let pages = [(ABOUT, discovery("https://evil.example", "https://idp.example/keys")), ("/keys", ok(KEYS))].into();
    let issuer = Issuer::answering(pages).await;
    let mut settings = issuer.settings();
    settings.addresses.push(("evil.example".to_owned(), issuer.address));
    let mut fetcher = Fetcher::new(&settings).expect("settings");
    fetcher.lookup = Arc::new(Loopback);
    let evil = OidcIssuer::from_url("https://evil.example").expect("an issuer");
    // Discovery works; the way on to the other issuer's host is that of everybody.
    assert_eq!(fetcher.keys(&evil, &[issuer.ca_thumbprint()]).await, Err(FetchError::Inside));
}

struct Loopback;

#[async_trait]
impl Lookup for Loopback {
    async fn addresses(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![IpAddr::from([127, 0, 0, 1])])
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    for target in ["https://idp.example/keys", "http://169.254.169.254/", "https://127.0.0.1/"] {
        let redirect = Some((format!("302 Found\r\nlocation: {target}"), Vec::new()));
        let mut pages = good();
        pages.insert(ABOUT, redirect.clone());
        assert_eq!(answered(from(pages).await), "it is a redirect, and redirects are not followed");
        let mut pages = good();
        pages.insert("/keys", redirect);
        pages.insert(ABOUT, discovery("https://idp.example", "https://idp.example/keys"));
        assert_eq!(answered(from(pages).await), "it is a redirect, and redirects are not followed");
    }
}

#[tokio::test]
async fn answers_are_bounded_in_size_and_time() {
    let huge = |status: &str| Some((status.to_owned(), vec![b' '; 10 << 20]));
    let chunked = Some(("200 OK\r\ntransfer-encoding: chunked".to_owned(), endless()));
    for page in [huge("200 OK"), chunked] {
        let mut pages = good();
        pages.insert("/keys", page);
        assert_eq!(answered(from(pages).await), format!("it is longer than {LONGEST_KEYS} bytes"));
    }
    let mut pages = good();
    pages.insert(ABOUT, huge("200 OK"));
    assert_eq!(answered(from(pages).await), format!("it is longer than {LONGEST_DISCOVERY} bytes"));
    for silent in [ABOUT, "/keys"] {
        let mut pages = good();
        pages.insert(silent, None);
        let issuer = Issuer::answering(pages).await;
        let settings = Settings { timeout: Duration::from_millis(300), ..issuer.settings() };
        assert_eq!(fetch(&settings, "https://idp.example", &[]).await, Err(late()), "{silent}");
    }
    let mut pages = good();
    pages.insert("/keys", Some(("503 Service Unavailable".to_owned(), Vec::new())));
    assert_eq!(answered(from(pages).await), "its HTTP status is 503");
}

/// A body in chunks whose length nobody has announced: a megabyte of it.
fn endless() -> Vec<u8> {
    let chunk = [b"1000\r\n".as_slice(), &[b' '; 0x1000], b"\r\n"].concat();
    chunk.repeat(256)
}

#[tokio::test]
async fn a_certificate_is_believed_by_its_authority_or_its_thumbprint() {
    let issuer = Issuer::answering(good()).await;
    let url = "https://idp.example";
    let known = issuer.settings();
    let unknown = Settings { authorities: Vec::new(), ..issuer.settings() };
    assert!(fetch(&known, url, &[]).await.is_ok());
    assert_eq!(fetch(&unknown, url, &[]).await, Err(FetchError::Certificate));
    let (right, wrong) = (issuer.ca_thumbprint(), "0".repeat(40));
    assert_eq!(fetch(&unknown, url, std::slice::from_ref(&wrong)).await, Err(FetchError::Certificate));
    assert!(fetch(&unknown, url, &[wrong, right.to_ascii_uppercase()]).await.is_ok());
    // The name is checked whoever vouches for the certificate.
    let renamed = Settings { addresses: vec![("other.example".to_owned(), issuer.address)], ..unknown };
    assert_eq!(fetch(&renamed, "https://other.example", &[right]).await, Err(FetchError::Certificate));
}

#[tokio::test]
async fn keys_may_be_in_a_file_which_is_read_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys.json");
    let issuer = OidcIssuer::from_url("https://kubernetes.default.svc").expect("an issuer");
    let settings = Settings { key_files: vec![(issuer.clone(), path.clone())], ..Settings::default() };
    for (text, reason) in [(None, "web_identity.key_files"), (Some("{}"), "is not a JWK set")] {
        if let Some(text) = text {
            std::fs::write(&path, text).expect("written");
        }
        let error = Fetcher::new(&settings).expect_err("no keys").to_string();
        assert!(error.contains(reason), "{error}");
    }
    std::fs::write(&path, KEYS).expect("written");
    let fetcher = Fetcher::new(&settings).expect("settings");
    assert!(fetcher.keys(&issuer, &[]).await.expect("keys").has(Some("a")));
    std::fs::write(&path, KEYS.replace("\"a\"", "\"b\"")).expect("written");
    assert!(fetcher.keys(&issuer, &[]).await.expect("keys").has(Some("b")));
    std::fs::remove_file(&path).expect("removed");
    assert!(matches!(fetcher.keys(&issuer, &[]).await, Err(FetchError::Unreachable(_))));
}

#[test]
fn authorities_are_read_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, "no certificate").expect("written");
    let settings = Settings { authorities: vec![("idp.example".to_owned(), path)], ..Settings::default() };
    let error = Fetcher::new(&settings).expect_err("no authority").to_string();
    assert!(error.starts_with("web_identity.authorities: ") && error.ends_with("holds no PEM certificate"), "{error}");
}
