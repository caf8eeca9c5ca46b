//! Whom the client believes to be the broker.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use brevet::client::{Broker, BrokerSettings, ClientError};
use brevet::clock::{SystemClock, SystemRandom};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use crate::fake_sts::long_lived_key;

const IDENTITY: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>a</Arn><UserId>u</UserId><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";

/// A TLS server that says who the caller is; its endpoint, and its certificate.
async fn serve() -> (String, String) {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.expect("versions").with_no_client_auth();
    let mut config = builder.with_single_cert(vec![certified.cert.der().clone()], key).expect("a key that fits");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("https://localhost:{}", listener.local_addr().expect("an address").port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = TowerToHyperService::new(Router::new().fallback(async || IDENTITY));
                let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    (endpoint, certified.cert.pem())
}

async fn account(endpoint: &str, ca_file: Option<&Path>) -> Result<String, ClientError> {
    let settings = BrokerSettings { ca_file: ca_file.map(Path::to_owned), ..BrokerSettings::at(endpoint, "us-east-1") };
    let broker = Broker::new(&settings, Arc::new(SystemClock), Arc::new(SystemRandom))?;
    Ok(broker.get_caller_identity(&long_lived_key()).await?.account)
}

#[tokio::test]
async fn only_the_given_authority_is_believed() {
    let dir = tempfile::tempdir().expect("a directory");
    let (endpoint, certificate) = serve().await;
    let (_, other) = serve().await;
    let (ours, theirs) = (dir.path().join("ours.pem"), dir.path().join("theirs.pem"));
    std::fs::write(&ours, certificate).expect("written");
    std::fs::write(&theirs, other).expect("written");
    assert_eq!(account(&endpoint, Some(&ours)).await.as_deref(), Ok("1"));
    for stranger in [Some(theirs.as_path()), None] {
        let refused = account(&endpoint, stranger).await;
        assert!(matches!(refused, Err(ClientError::Connect(_))), "{refused:?}");
    }
    let by_address = endpoint.replace("localhost", "127.0.0.1");
    assert!(matches!(account(&by_address, Some(&ours)).await, Err(ClientError::Connect(_))));
}
