//! Whom a client believes to be the broker: the machine's certificate store, or nobody but a given authority.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use rustls_platform_verifier::BuilderVerifierExt;

use super::ClientError;

/// The most bytes that a certificate authority file may have.
const MAX_CA_FILE: u64 = 4 * 1024 * 1024;

/// TLS 1.2 and 1.3 with ring. With a `ca_file` only the authorities in it are trusted; a private broker gains nothing
/// from the hundred authorities of the public web.
pub(super) fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig, ClientError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let setup = |e: rustls::Error| ClientError::Setup(e.to_string());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(setup)?;
    let mut config = match ca_file {
        None => builder.with_platform_verifier().map_err(setup)?.with_no_client_auth(),
        Some(path) => builder.with_root_certificates(authorities(path)?).with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn authorities(path: &Path) -> Result<RootCertStore, ClientError> {
    let unusable = |reason: String| ClientError::CaFile { path: path.to_owned(), reason };
    let file = std::fs::File::open(path).map_err(|e| unusable(e.to_string()))?;
    let mut pem = Vec::new();
    file.take(MAX_CA_FILE + 1).read_to_end(&mut pem).map_err(|e| unusable(e.to_string()))?;
    if pem.len() as u64 > MAX_CA_FILE {
        return Err(unusable(format!("it is larger than {MAX_CA_FILE} bytes")));
    }
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|e| unusable(e.to_string()))?;
        roots.add(certificate).map_err(|e| unusable(e.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("it holds no PEM certificate".to_owned()));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("ca.pem");
        std::fs::write(&file, "no certificate here\n").expect("written");
        assert!(matches!(client_config(Some(&file)), Err(ClientError::CaFile { .. })));
        assert!(matches!(client_config(Some(&dir.path().join("absent"))), Err(ClientError::CaFile { .. })));
    }
}
