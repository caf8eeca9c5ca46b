//! Whose certificates are believed when keys are fetched: those of public authorities, or of the authorities that a setting names for
//! a host; and behind them, as AWS does, those whose thumbprint an OIDC provider has.
//!
//! Source: "Obtain the thumbprint for an OpenID Connect identity provider", `id_roles_providers_create_oidc_verify-thumbprint.html`.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::fetch_error::FetchError;
use super::resolver::Stopped;
use crate::crypto::hash::sha1_thumbprint;

/// The most bytes that a file of certificate authorities may have.
const MAX_CA_FILE: u64 = 4 * 1024 * 1024;

/// Whoever vouches for a host's certificate.
pub(super) type Authorities = Arc<dyn ServerCertVerifier>;

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider())))
}

/// The authorities that the machine trusts; none on a machine that has none.
pub(super) fn public() -> Option<Authorities> {
    match rustls_platform_verifier::Verifier::new(provider()) {
        Ok(verifier) => Some(Arc::new(verifier)),
        Err(error) => {
            tracing::warn!(%error, "no public certificate authority is known; issuers need web_identity.authorities or thumbprints");
            None
        }
    }
}

/// The authorities in a PEM file.
///
/// # Errors
/// Why there are none.
pub(super) fn of_file(path: &Path) -> Result<Authorities, String> {
    use std::io::Read;
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut pem = Vec::new();
    file.take(MAX_CA_FILE + 1).read_to_end(&mut pem).map_err(|error| error.to_string())?;
    if pem.len() as u64 > MAX_CA_FILE {
        return Err(format!("it is larger than {MAX_CA_FILE} bytes"));
    }
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    of_roots(roots).ok_or_else(|| "it holds no PEM certificate".to_owned())
}

fn of_roots(roots: RootCertStore) -> Option<Authorities> {
    let built = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build().ok()?;
    Some(built)
}

/// TLS 1.2 and 1.3 for one fetch.
///
/// # Errors
/// rustls does not take its own defaults.
pub(super) fn client_config(
    authorities: Option<Authorities>,
    thumbprints: &[String],
    stopped: Stopped,
) -> Result<ClientConfig, FetchError> {
    let verifier = Vouching {
        authorities,
        thumbprints: thumbprints.iter().map(|thumbprint| thumbprint.to_ascii_lowercase()).collect(),
        provider: provider(),
        stopped,
    };
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| FetchError::Unreachable(error.to_string()))?;
    let mut config = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Believes a certificate that the authorities vouch for, or else a certificate of the chain whose thumbprint is known. Name, time and
/// purpose are checked either way.
#[derive(Debug)]
struct Vouching {
    authorities: Option<Authorities>,
    /// In lower case.
    thumbprints: Vec<String>,
    provider: Arc<CryptoProvider>,
    stopped: Stopped,
}

impl ServerCertVerifier for Vouching {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut last = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let known = self.authorities.iter().cloned();
        for authority in known.chain(self.thumbprinted(end_entity, intermediates)) {
            match authority.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
                Ok(verified) => return Ok(verified),
                Err(error) => last = error,
            }
        }
        self.stopped.because(FetchError::Certificate);
        Err(last)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl Vouching {
    /// The certificates of a chain whose thumbprints are known, as authorities.
    fn thumbprinted(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
    ) -> Option<Authorities> {
        /// No server needs a longer chain.
        const LONGEST: usize = 10;
        if self.thumbprints.is_empty() {
            return None;
        }
        let mut roots = RootCertStore::empty();
        for certificate in std::iter::once(end_entity).chain(intermediates).take(LONGEST) {
            if self.thumbprints.contains(&sha1_thumbprint(certificate)) {
                // One that cannot be read vouches for nothing.
                let _ = roots.add(certificate.clone().into_owned());
            }
        }
        of_roots(roots)
    }
}
