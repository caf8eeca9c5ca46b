//! Certificates for development: an authority of one's own and a server certificate that it signs (RFC 5280).
//!
//! In production the broker is given certificates. These are short-lived, and the authority can sign nothing but servers'
//! certificates (path length 0).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};

use crate::clock::Timestamp;
use crate::types::secret::SecretText;

/// How long the authority is valid: a year.
pub const AUTHORITY_SECONDS: i64 = 365 * 86_400;

/// How long the server's certificate is valid: 90 days.
pub const SERVER_SECONDS: i64 = 90 * 86_400;

/// How long before its making a certificate is valid, so that a container whose clock is behind takes it: an hour.
pub const BACKDATE_SECONDS: i64 = 3_600;

/// An authority and a server certificate, in PEM.
#[derive(Debug, Clone)]
pub struct DevelopmentCertificates {
    /// The authority's certificate: what clients are told to trust.
    pub ca_certificate: String,
    /// The authority's private key, PKCS#8.
    pub ca_key: SecretText,
    /// The server's certificate.
    pub server_certificate: String,
    /// The server's private key, PKCS#8.
    pub server_key: SecretText,
    /// Until when the server's certificate is valid.
    pub expires: Timestamp,
    /// The names that the server's certificate is good for, as given, `localhost` and the loopback addresses first.
    pub names: Vec<String>,
}

/// Why no certificate was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// A name that is neither a DNS name nor an address.
    #[error("`{0}` is neither a DNS name nor an IP address")]
    BadName(String),
    /// More names than a certificate should carry.
    #[error("more than {MAX_NAMES} names")]
    TooManyNames,
    /// The moment is outside the years that certificates can name.
    #[error("the present moment has no place in a certificate")]
    BadTime,
    /// The certificate could not be made or signed.
    #[error("the certificate could not be made")]
    NotMade,
}

/// The most names that are put on one certificate.
pub const MAX_NAMES: usize = 100;

/// Makes an authority and a server certificate for `localhost`, `127.0.0.1`, `::1` and `names`. Keys are P-256, drawn by ring.
pub fn development(names: &[String], now: Timestamp) -> Result<DevelopmentCertificates, CertificateError> {
    let (names, alternatives) = alternative_names(names)?;
    let expires = now.plus(SERVER_SECONDS);

    let ca_key = KeyPair::generate().map_err(|_| CertificateError::NotMade)?;
    let mut ca = certificate("brevet development authority", now, now.plus(AUTHORITY_SECONDS))?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_certificate = ca.self_signed(&ca_key).map_err(|_| CertificateError::NotMade)?;

    let server_key = KeyPair::generate().map_err(|_| CertificateError::NotMade)?;
    let mut server = certificate("brevet development server", now, expires)?;
    server.subject_alt_names = alternatives;
    server.is_ca = IsCa::ExplicitNoCa;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    let issuer = Issuer::from_params(&ca, &ca_key);
    let server_certificate = server.signed_by(&server_key, &issuer).map_err(|_| CertificateError::NotMade)?;

    Ok(DevelopmentCertificates {
        ca_certificate: ca_certificate.pem(),
        ca_key: SecretText::new(ca_key.serialize_pem()),
        server_certificate: server_certificate.pem(),
        server_key: SecretText::new(server_key.serialize_pem()),
        expires,
        names,
    })
}

fn certificate(name: &str, now: Timestamp, until: Timestamp) -> Result<CertificateParams, CertificateError> {
    // `CertificateParams` names its times in a crate that is not a dependency of ours: the epoch plus a duration is one.
    let moment = |at: Timestamp| {
        let seconds = u64::try_from(at.seconds()).ok().filter(|seconds| *seconds < YEAR_9000);
        seconds.map(|seconds| date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds)).ok_or(CertificateError::BadTime)
    };
    let mut params = CertificateParams::default();
    params.not_before = moment(now.plus(-BACKDATE_SECONDS))?;
    params.not_after = moment(until)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "brevet");
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

fn alternative_names(given: &[String]) -> Result<(Vec<String>, Vec<SanType>), CertificateError> {
    let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST).to_string(), IpAddr::V6(Ipv6Addr::LOCALHOST).to_string()];
    let mut names = vec!["localhost".to_owned()];
    for name in loopback.iter().chain(given) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    if names.len() > MAX_NAMES {
        return Err(CertificateError::TooManyNames);
    }
    let alternatives = names.iter().map(|name| alternative_name(name)).collect::<Result<_, _>>()?;
    Ok((names, alternatives))
}

fn alternative_name(name: &str) -> Result<SanType, CertificateError> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let bad = || CertificateError::BadName(name.to_owned());
    let label_is_good = |label: &str| {
        let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    // RFC 6125 section 6.4.3: a wildcard is the whole left-most label.
    let host = name.strip_prefix("*.").unwrap_or(name);
    if name.len() > 253 || !host.split('.').all(label_is_good) {
        return Err(bad());
    }
    name.try_into().map(SanType::DnsName).map_err(|_| bad())
}

/// Well within the four-digit years of RFC 5280 section 4.1.2.5.
const YEAR_9000: u64 = 221_845_392_000;

#[cfg(test)]
#[path = "x509_tests.rs"]
mod tests;
