//! TLS in which both sides show certificates, for services that sign in so: the broker once more on the store of a world, and what clients
//! and the bare handler need beside it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use brevet::clock::{Clock, SystemClock, SystemRandom, Timestamp};
use brevet::config::Config;
use brevet::crypto::x509;
use brevet::server::{Bootstrap, Server};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType, date_time_ymd,
};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Both sides of connections.
#[derive(Clone)]
pub struct Tls {
    pub acceptor: TlsAcceptor,
    pub connector: TlsConnector,
}

/// A broker that speaks it.
pub struct Mutual {
    pub address: SocketAddr,
    pub tls: Tls,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Mutual {
    /// One on the store of `config`, for a client whose certificate names `arn`.
    pub async fn start(config: &Config, folder: &Path, arn: &str) -> Self {
        let now = SystemClock.now();
        let made = x509::development(&[], now).expect("certificates");
        let (authority, shown, shown_key) = client(arn, now);
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).expect("written");
            path
        };
        let mut config = config.clone();
        config.server.tls_certificate = Some(write("server.pem", &made.server_certificate));
        config.server.tls_key = Some(write("server.key", made.server_key.expose()));
        config.server.client_authorities = Some(write("clients.pem", &authority));
        let roots = roots(&made.ca_certificate);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.expect("versions").with_root_certificates(roots);
        let client =
            builder.with_client_auth_cert(vec![certificate(&shown)], key(&shown_key)).expect("a key that fits");
        // The bare handler does what the broker does: asks for a certificate, and checks it.
        let files = [&config.server.tls_certificate, &config.server.tls_key, &config.server.client_authorities];
        let [certificate, key, authorities] = files.map(|file| file.as_deref().expect("a file"));
        let acceptor = brevet::http::acceptor(certificate, key, Some(authorities), Arc::new(SystemClock));
        let acceptor = acceptor.expect("certificates that fit");
        let tls = Tls { acceptor, connector: TlsConnector::from(Arc::new(client)) };
        let started =
            Server::start(&config, &Bootstrap::default(), Arc::new(SystemClock), Arc::new(SystemRandom), None).await;
        let server = started.expect("the broker starts");
        let address = server.url().trim_start_matches("https://").parse().expect("host and port");
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.run(async move {
            let _ = stopped.await;
        }));
        Self { address, tls, stop, task }
    }

    pub async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

/// An authority, and a certificate of its with the key: for an hour.
fn client(arn: &str, now: Timestamp) -> (String, String, String) {
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, "services");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority_key = KeyPair::generate().expect("a key");
    let pem = authority.self_signed(&authority_key).expect("signed").pem();
    let moment = |at: Timestamp| date_time_ymd(1970, 1, 1) + Duration::from_secs(at.seconds().unsigned_abs());
    let mut params = CertificateParams::default();
    (params.not_before, params.not_after) = (moment(now), moment(now.plus(3_600)));
    params.subject_alt_names = vec![SanType::URI(arn.try_into().expect("a URI"))];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let own = KeyPair::generate().expect("a key");
    let issuer = Issuer::from_params(&authority, &authority_key);
    (pem, params.signed_by(&own, &issuer).expect("signed").pem(), own.serialize_pem())
}

fn roots(pem: &str) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(certificate(pem)).expect("an authority");
    roots
}

fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")
}

fn key(pem: &str) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_slice(pem.as_bytes()).expect("a key")
}
