//! Strangers who connect and then keep their places without asking for anything, to keep others out.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::world::mutual_tls::{Authority, client_config};
use crate::world::{Backend, Running, World};

const PATIENCE: Duration = Duration::from_secs(1);
/// Much less than for ever, on a machine that is busy.
const SOON: Duration = Duration::from_secs(20);
/// Longer than any story takes.
const LONG: Duration = Duration::from_secs(3_600);
const WHOLE: &[u8] = b"GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n";
/// What they send before they fall silent.
const SILENT: [&[u8]; 8] = [
    b"",
    b"G",
    b"P",
    b"PRI * HT",
    b"PRI * HTTP/2.0\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /health/live HTTP/1.1\r\nhost: ",
];

trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Wire for S {}

/// A broker with little patience, and the authority of its certificate if it speaks TLS.
struct Port {
    _world: World,
    broker: Running,
    ca: Option<PathBuf>,
}

impl Port {
    async fn open(connections: usize, tls: bool) -> Self {
        Self::open_with(connections, tls, PATIENCE).await
    }

    async fn open_with(connections: usize, tls: bool, idle: Duration) -> Self {
        let (mut world, broker) = World::begin_with(Backend::Sqlite, |config| {
            config.server.header_timeout = PATIENCE;
            config.server.idle_timeout = idle;
            config.server.connections = connections;
        })
        .await;
        if !tls {
            return Self { _world: world, broker, ca: None };
        }
        let (broker, ca) = world.another_with_tls(&Authority::new("services")).await;
        Self { _world: world, broker, ca: Some(ca) }
    }

    async fn connect(&self, protocol: Option<&str>) -> Box<dyn Wire> {
        let stream = TcpStream::connect(self.broker.host()).await.expect("connected");
        let Some(ca) = &self.ca else { return Box::new(stream) };
        let mut config = client_config(ca, None);
        config.alpn_protocols = protocol.iter().map(|name| name.as_bytes().to_vec()).collect();
        let name = ServerName::try_from("127.0.0.1").expect("a name");
        Box::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("a handshake"))
    }
}

/// Sends bytes and then nothing; how long after `begun` the broker ends that, and what it has said.
async fn keep(mut wire: Box<dyn Wire>, sent: &[u8], begun: Instant) -> (Duration, String) {
    wire.write_all(sent).await.expect("sent");
    wire.flush().await.expect("sent");
    let mut heard = Vec::new();
    // It may be ended without a farewell.
    let _ = tokio::time::timeout(SOON, wire.read_to_end(&mut heard)).await.expect("it is cut off");
    (begun.elapsed(), String::from_utf8_lossy(&heard).into_owned())
}

/// Asks, and reads the answer to its end.
async fn ask(wire: &mut dyn Wire) {
    wire.write_all(WHOLE).await.expect("sent");
    wire.flush().await.expect("sent");
    let (mut heard, mut length) = (Vec::new(), usize::MAX);
    while heard.len() < length {
        let read = tokio::time::timeout(SOON, wire.read_buf(&mut heard)).await.expect("in time").expect("read");
        assert_ne!(read, 0, "it is cut off: {:?}", String::from_utf8_lossy(&heard));
        let text = String::from_utf8_lossy(&heard).to_ascii_lowercase();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let body = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
            length = head.len() + 4 + body.parse::<usize>().expect("a number");
        }
    }
    assert!(heard.starts_with(b"HTTP/1.1 200"), "{:?}", String::from_utf8_lossy(&heard));
}

async fn asked(sender: &mut http2::SendRequest<Empty<Bytes>>) -> u16 {
    let request = http::Request::get("http://a/health/live").body(Empty::new()).expect("a request");
    let answer = tokio::time::timeout(SOON, sender.send_request(request)).await.expect("in time");
    answer.expect("an answer").status().as_u16()
}

/// While all are silent who may be, others are answered, on connections that stay.
async fn they_are_cut_off(port: &Port, protocol: Option<&str>) {
    let wire = port.connect(Some("h2")).await;
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(wire)).await.expect("HTTP/2 by prior knowledge");
    let connection = tokio::spawn(connection);
    assert_eq!(asked(&mut sender).await, 200);

    let mut silent = JoinSet::new();
    for sent in SILENT {
        let (begun, wire) = (Instant::now(), port.connect(protocol).await);
        silent.spawn(async move { (sent, keep(wire, sent, begun).await) });
    }
    assert_eq!(asked(&mut sender).await, 200);
    let begun = Instant::now();
    let (took, heard) = keep(port.connect(Some("http/1.1")).await, WHOLE, begun).await;
    assert!(heard.starts_with("HTTP/1.1 200"), "{heard:?}");
    assert!(took >= PATIENCE, "it may ask again: {took:?}");
    while let Some(ended) = silent.join_next().await {
        let (sent, (took, _)) = ended.expect("no panic");
        let sent = String::from_utf8_lossy(sent);
        assert!(took >= PATIENCE, "{sent:?} was given its time: {took:?}");
        assert!(took < 8 * PATIENCE, "{sent:?} was not given more: {took:?}");
    }
    assert_eq!(asked(&mut sender).await, 200);
    assert!(!connection.is_finished(), "who answers the broker's pings stays");
}

#[tokio::test]
async fn whoever_says_nothing_is_cut_off_and_nobody_else() {
    let port = Port::open(SILENT.len() + 2, false).await;
    they_are_cut_off(&port, None).await;
}

#[tokio::test]
async fn whoever_says_nothing_after_a_handshake_is_cut_off_and_nobody_else() {
    let port = Port::open(SILENT.len() + 2, true).await;
    for protocol in [None, Some("http/1.1"), Some("h2")] {
        they_are_cut_off(&port, protocol).await;
    }
    for sent in ["", "\x16\x03\x01"] {
        let begun = Instant::now();
        let stream = TcpStream::connect(port.broker.host()).await.expect("connected");
        let (took, _) = keep(Box::new(stream), sent.as_bytes(), begun).await;
        assert!(took >= PATIENCE && took < 8 * PATIENCE, "a handshake that does not begin: {took:?}");
    }
}

#[tokio::test]
async fn those_who_say_nothing_do_not_keep_all_places() {
    // Which HTTP these speak remains open.
    let undecided = [SILENT[0], SILENT[2], SILENT[3], SILENT[5]];
    let port = Port::open(undecided.len(), false).await;
    let mut held = Vec::new();
    for sent in undecided {
        let mut wire = port.connect(None).await;
        wire.write_all(sent).await.expect("sent");
        held.push(wire);
    }
    let begun = Instant::now();
    let (_, heard) = keep(port.connect(None).await, WHOLE, begun).await;
    assert!(heard.starts_with("HTTP/1.1 200"), "{heard:?}");
    drop(held);
}

/// Byte by byte is no way to have more time.
#[tokio::test]
async fn whoever_says_it_slowly_is_cut_off() {
    let port = Port::open(2, false).await;
    let begun = Instant::now();
    let (mut reading, mut writing) = tokio::io::split(port.connect(None).await);
    let dripping = tokio::spawn(async move {
        let mut pause = tokio::time::interval(PATIENCE / 4);
        for byte in &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r"[..] {
            pause.tick().await;
            if writing.write_all(&[*byte]).await.is_err() {
                break;
            }
        }
        // The other half must not be what ends it.
        writing
    });
    let mut heard = Vec::new();
    let _ = tokio::time::timeout(SOON, reading.read_to_end(&mut heard)).await.expect("it is cut off");
    let took = begun.elapsed();
    assert!(took >= PATIENCE && took < 4 * PATIENCE, "{took:?}");
    drop(dripping);
}

/// Proxies keep connections, and send requests on them long after the last.
#[tokio::test]
async fn whoever_was_answered_may_be_silent_for_longer() {
    for tls in [false, true] {
        let port = Port::open_with(16, tls, LONG).await;
        let mut wire = port.connect(Some("http/1.1")).await;
        for _ in 0..2 {
            ask(&mut *wire).await;
            tokio::time::sleep(2 * PATIENCE).await;
        }
        ask(&mut *wire).await;
        // Once it begins to ask, it has as little time as at first.
        let begun = Instant::now();
        let (took, heard) = keep(wire, b"GET /health/live HTTP/1.1\r\nhost: ", begun).await;
        assert!(took >= PATIENCE && took < 8 * PATIENCE, "{took:?}");
        assert_eq!(heard, "");
    }
}

#[tokio::test]
async fn whoever_asks_further_byte_by_byte_is_cut_off() {
    let port = Port::open_with(16, false, LONG).await;
    let mut wire = port.connect(None).await;
    ask(&mut *wire).await;
    let begun = Instant::now();
    let (mut reading, mut writing) = tokio::io::split(wire);
    let dripping = tokio::spawn(async move {
        let mut pause = tokio::time::interval(PATIENCE / 4);
        while writing.write_all(b"G").await.is_ok() {
            pause.tick().await;
        }
        // The other half must not be what ends it.
        writing
    });
    let mut heard = Vec::new();
    let _ = tokio::time::timeout(SOON, reading.read_to_end(&mut heard)).await.expect("it is cut off");
    let took = begun.elapsed();
    assert!(took >= PATIENCE && took < 8 * PATIENCE, "{took:?}");
    drop(dripping);
}

/// One answer is cheap: it must not buy a place that others need.
#[tokio::test]
async fn those_who_were_answered_do_not_keep_all_places() {
    let places = 8;
    let port = Port::open_with(places, false, LONG).await;
    let mut held = Vec::new();
    for _ in 0..places {
        let mut wire = port.connect(None).await;
        ask(&mut *wire).await;
        held.push(wire);
    }
    let mut others = JoinSet::new();
    for _ in 0..places / 2 {
        let mut wire = port.connect(None).await;
        others.spawn(async move {
            ask(&mut *wire).await;
            wire
        });
    }
    while let Some(answered) = others.join_next().await {
        held.push(answered.expect("answered"));
    }
    drop(held);
}
