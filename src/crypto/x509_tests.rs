use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

use super::*;

const NOW: Timestamp = Timestamp(1_795_488_101);

#[derive(Debug)]
struct At(Timestamp);

impl rustls::time_provider::TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0.seconds().unsigned_abs())))
    }
}

/// Shakes hands in memory, as a client that trusts only `ca` and lives at `now`.
fn shake_hands(made: &DevelopmentCertificates, ca: &str, host: &str, now: Timestamp) -> Result<(), rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    let client = ClientConfig::builder_with_details(provider.clone(), Arc::new(At(now)))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let server = ServerConfig::builder_with_details(provider, Arc::new(At(now)))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(made.server_certificate.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(made.server_key.expose().as_bytes()).unwrap(),
        )?;
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(client), name)?;
    let mut server = ServerConnection::new(Arc::new(server))?;
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut wire.as_slice()).unwrap();
        server.process_new_packets()?;
        let mut wire = Vec::new();
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut wire.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    Ok(())
}

#[test]
fn a_client_that_trusts_the_authority_trusts_the_server() {
    let made = development(&["broker.example".into(), "10.1.2.3".into()], NOW).unwrap();
    for host in ["localhost", "127.0.0.1", "::1", "broker.example", "10.1.2.3"] {
        assert_eq!(shake_hands(&made, &made.ca_certificate, host, NOW), Ok(()), "{host}");
    }
    assert!(shake_hands(&made, &made.ca_certificate, "other.example", NOW).is_err());
    let other = development(&[], NOW).unwrap();
    assert!(shake_hands(&made, &other.ca_certificate, "localhost", NOW).is_err());
}

#[test]
fn the_server_certificate_ends_when_it_says() {
    let made = development(&[], NOW).unwrap();
    let at = |moment| shake_hands(&made, &made.ca_certificate, "localhost", moment);
    assert_eq!(made.expires, NOW.plus(SERVER_SECONDS));
    assert_eq!(at(NOW.plus(-BACKDATE_SECONDS)), Ok(()));
    assert!(at(NOW.plus(-BACKDATE_SECONDS - 1)).is_err());
    assert_eq!(at(made.expires), Ok(()));
    assert!(at(made.expires.plus(1)).is_err());
}

#[test]
fn names_are_checked_and_not_repeated() {
    let made = development(&["localhost".into(), "a.example".into(), "*.b.example".into()], NOW).unwrap();
    assert_eq!(made.names, ["localhost", "127.0.0.1", "::1", "a.example", "*.b.example"]);
    for bad in ["", "a b", "-a.example", "a..example", "https://a.example", "*", "*.", "ä.example"] {
        assert_eq!(development(&[bad.into()], NOW).unwrap_err(), CertificateError::BadName(bad.into()));
    }
    let many: Vec<String> = (0..MAX_NAMES).map(|n| format!("n{n}.example")).collect();
    assert_eq!(development(&many, NOW).unwrap_err(), CertificateError::TooManyNames);
    assert_eq!(development(&[], Timestamp(i64::MAX)).unwrap_err(), CertificateError::BadTime);
    assert_eq!(development(&[], Timestamp(0)).unwrap_err(), CertificateError::BadTime);
}

#[test]
fn keys_do_not_print() {
    let made = development(&[], NOW).unwrap();
    assert!(!format!("{made:?}").contains("PRIVATE KEY"));
}
