//! TLS in which both sides show certificates: authorities, and clients that have a certificate of one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use brevet::clock::Timestamp;
use brevet::crypto::x509;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType, date_time_ymd,
};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::raw::Answer;
use super::{Running, World};

/// Whose certificates clients may show.
pub struct Authority {
    params: CertificateParams,
    key: KeyPair,
    pub pem: String,
}

/// A certificate and its private key, both in PEM.
#[derive(Clone)]
pub struct Shown {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("signed").pem();
        Self { params, key, pem }
    }

    /// A client's certificate for these URIs, valid for an hour from `from` on.
    pub fn client(&self, uris: &[&str], from: Timestamp) -> Shown {
        self.client_of(uris, from, ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// The same, for another use.
    pub fn client_of(&self, uris: &[&str], from: Timestamp, purpose: ExtendedKeyUsagePurpose) -> Shown {
        let moment = |at: Timestamp| date_time_ymd(1970, 1, 1) + Duration::from_secs(at.seconds().unsigned_abs());
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "arn:aws:iam::999999999999:user/root");
        params.not_before = moment(from);
        params.not_after = moment(from.plus(3_600));
        params.subject_alt_names = uris.iter().map(|uri| SanType::URI((*uri).try_into().expect("a URI"))).collect();
        params.subject_alt_names.push(SanType::DnsName("service.example".try_into().expect("a name")));
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().expect("a key");
        let issuer = Issuer::from_params(&self.params, &self.key);
        let certificate = params.signed_by(&key, &issuer).expect("signed").pem();
        Shown { certificate, key: key.serialize_pem() }
    }
}

impl World {
    /// One more broker, which speaks TLS and asks for certificates of `authority`, as those do that begin after it; and the file that clients trust.
    pub async fn another_with_tls(&mut self, authority: &Authority) -> (Running, PathBuf) {
        let made = x509::development(&[], self.now()).expect("certificates");
        let write = |name: &str, text: &str| {
            let path = self.folder.path().join(name);
            std::fs::write(&path, text).expect("written");
            path
        };
        let certificate = write("server.pem", &made.server_certificate);
        let key = write("server.key", made.server_key.expose());
        let authorities = write("clients.pem", &authority.pem);
        let ca = write("ca.pem", &made.ca_certificate);
        let server = &mut self.config.server;
        (server.tls_certificate, server.tls_key) = (Some(certificate), Some(key));
        server.client_authorities = Some(authorities);
        (self.another_broker().await, ca)
    }
}

/// What a TLS client is configured with.
pub fn client_config(ca: &Path, shown: Option<&Shown>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).expect("a certificate")).expect("an authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.expect("versions").with_root_certificates(roots);
    match shown {
        None => builder.with_no_client_auth(),
        Some(shown) => {
            let chain = vec![CertificateDer::from_pem_slice(shown.certificate.as_bytes()).expect("a certificate")];
            let key = PrivateKeyDer::from_pem_slice(shown.key.as_bytes()).expect("a key");
            builder.with_client_auth_cert(chain, key).expect("a key that fits")
        }
    }
}

/// A client with a certificate, or without.
pub struct Client {
    pub http: reqwest::Client,
    pub url: String,
}

impl Client {
    pub fn new(at: &Running, ca: &Path, shown: Option<&Shown>) -> Self {
        let mut config = client_config(ca, shown);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let http = reqwest::Client::builder().tls_backend_preconfigured(config).build().expect("a client");
        Self { http, url: at.url.replace("http://", "https://") }
    }

    /// A POST without a signature; why there was no answer.
    pub async fn post(&self, path: &str, kind: &str, body: &str) -> Result<Answer, reqwest::Error> {
        let request = self.http.post(format!("{}{path}", self.url)).header("content-type", kind);
        Ok(Answer::of(request.body(body.to_owned()).send().await?).await)
    }

    /// A question to the AuthZEN door.
    pub async fn ask(&self, question: &serde_json::Value) -> Answer {
        let asked = self.post("/access/v1/evaluation", "application/json", &question.to_string()).await;
        asked.expect("the broker answers")
    }
}
