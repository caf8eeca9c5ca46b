use proptest::prelude::*;

use super::*;
use crate::crypto::x509;

/// The certificate of a new key on P-256, DER in Base64.
fn certificate() -> String {
    let made = x509::development(&[], Timestamp(1_790_000_000)).expect("a certificate");
    made.ca_certificate.lines().filter(|line| !line.starts_with('-')).collect()
}

fn key(purpose: &str, certificate: &str) -> String {
    format!(
        "<md:KeyDescriptor{purpose}><ds:KeyInfo xmlns:ds=\"{SIGNATURE}\"><ds:X509Data><ds:X509Certificate>{certificate}\
         </ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
    )
}

/// Metadata with these attributes of the root, and this inside its IDPSSODescriptor.
fn metadata(attributes: &str, inside: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<md:EntityDescriptor xmlns:md=\"{METADATA}\" {attributes}>\
         <md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:1.1:protocol {PROTOCOL}\">{inside}\
         <md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"https://idp.example.com/\"/>\
         </md:IDPSSODescriptor></md:EntityDescriptor>\n"
    )
}

const NAMED: &str = "entityID=\"https://idp.example.com/\"";

#[test]
fn what_trust_needs_is_read() {
    let (one, two) = (certificate(), certificate());
    let wrapped = format!("\n  {}\r\n\t{}\n<!-- & -->", &one[..64], &one[64..]);
    let inside = key(" use=\"signing\"", &wrapped) + &key("", &two) + &key(" use=\"signing\"", &one);
    let read = SamlMetadata::read(&metadata("validUntil=\"2031-02-03T04:05:06.789Z\" entityID='a&amp;&#98;'", &inside));
    let read = read.expect("metadata");
    assert_eq!(read.entity_id, "a&b");
    assert_eq!(read.signing_certificates, [one, two]);
    assert_eq!(read.valid_until, Timestamp::parse_iso8601("2031-02-03T04:05:06Z"));
    let stored = serde_json::to_string(&read).expect("JSON");
    assert_eq!(serde_json::from_str::<SamlMetadata>(&stored).expect("the same"), read);
}

#[test]
fn prefixes_mean_what_they_are_bound_to() {
    let certificate = certificate();
    let plain = format!(
        "<EntityDescriptor xmlns='{METADATA}' {NAMED}><IDPSSODescriptor protocolSupportEnumeration='{PROTOCOL}'>\
         <KeyDescriptor><x:KeyInfo xmlns:x='{SIGNATURE}'><x:X509Data><x:X509Certificate>{certificate}</x:X509Certificate>\
         </x:X509Data></x:KeyInfo></KeyDescriptor></IDPSSODescriptor></EntityDescriptor>"
    );
    assert!(SamlMetadata::read(&plain).is_ok());
    for (wrong, cause) in [
        (plain.replace(METADATA, "urn:other"), SamlMetadataError::NotEntityDescriptor),
        (plain.replace(SIGNATURE, "urn:other"), SamlMetadataError::NoSigningCertificate),
        (plain.replace("xmlns:x=", "xmlns:y="), SamlMetadataError::NotXml),
        (plain.replace("xmlns:x=", "xmlns:xmlns="), SamlMetadataError::NotXml),
        (
            plain.replace("<EntityDescriptor xmlns=", "<EntityDescriptor xmlns:md="),
            SamlMetadataError::NotEntityDescriptor,
        ),
        (plain.replace("<KeyDescriptor>", "<KeyDescriptor xmlns=''>"), SamlMetadataError::NoSigningCertificate),
    ] {
        assert_eq!(SamlMetadata::read(&wrong), Err(cause), "{wrong}");
    }
}

#[test]
fn keys_that_stand_elsewhere_are_not_trusted() {
    let (good, bad) = (certificate(), certificate());
    let inside = key(" use=\"signing\"", &good)
        + &key(" use=\"encryption\"", &bad)
        + &format!("<md:Extensions>{}</md:Extensions>", key("", &bad))
        + &format!("<!-- {} -->", key("", &bad).replace("--", ""))
        + &format!("<md:Organization><![CDATA[{}]]></md:Organization>", key("", &bad));
    let whole = metadata(NAMED, &inside);
    let service =
        format!("<md:SPSSODescriptor protocolSupportEnumeration=\"{PROTOCOL}\">{}</md:SPSSODescriptor>", key("", &bad));
    let old = format!(
        "<md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:1.1:protocol\">{}</md:IDPSSODescriptor>",
        key("", &bad)
    );
    let whole = whole.replace("</md:EntityDescriptor>", &format!("{service}{old}</md:EntityDescriptor>"));
    assert_eq!(SamlMetadata::read(&whole).expect("metadata").signing_certificates, [good]);
}

#[test]
fn documents_that_trust_cannot_be_taken_from_are_refused() {
    let certificate = certificate();
    let good = metadata(NAMED, &key("", &certificate));
    assert!(SamlMetadata::read(&good).is_ok());
    let many: String = (0..=MAX_CERTIFICATES).map(|_| key("", &self::certificate())).collect();
    let deep = "<md:x>".repeat(40) + &"</md:x>".repeat(40);
    // 81 KB of this kept a processor busy for seconds: each of its elements was looked for among 1,890 declarations.
    let declares: String = (0..63).map(|n| format!(" xmlns:n{n}=\"u\"")).collect();
    let declared = format!("<md:x{declares}>").repeat(5) + &"</md:x>".repeat(5);
    let crowded: String = (0..70).map(|n| format!(" a{n}=\"\"")).collect();
    for (document, cause) in [
        (String::new(), SamlMetadataError::NotXml),
        ("plain".to_owned(), SamlMetadataError::NotXml),
        (format!("\u{feff}{good}"), SamlMetadataError::ByteOrderMark),
        (good.replace('\n', "\u{1}"), SamlMetadataError::NotXml),
        (good.trim_end().trim_end_matches("</md:EntityDescriptor>").to_owned(), SamlMetadataError::NotXml),
        (format!("{good}{}", &good[39..]), SamlMetadataError::NotXml),
        (format!("{good}more"), SamlMetadataError::NotXml),
        (good.replace("?>\n", "?><!DOCTYPE x [<!ENTITY e 'y'>]>\n"), SamlMetadataError::DocumentType),
        (metadata("entityID=\"&e;\"", ""), SamlMetadataError::NotXml),
        (metadata(NAMED, "&e;"), SamlMetadataError::NotXml),
        (metadata(NAMED, "&#0;"), SamlMetadataError::NotXml),
        (metadata(NAMED, &deep), SamlMetadataError::TooLarge),
        (metadata(NAMED, &declared), SamlMetadataError::TooLarge),
        (metadata(NAMED, &"<md:x/>".repeat(MAX_ELEMENTS)), SamlMetadataError::TooLarge),
        (metadata(&format!("{NAMED}{crowded}"), ""), SamlMetadataError::TooLarge),
        (metadata(&format!("{NAMED} {NAMED}"), ""), SamlMetadataError::NotXml),
        (good.replace("EntityDescriptor", "EntitiesDescriptor"), SamlMetadataError::NotEntityDescriptor),
        (metadata("", &key("", &certificate)), SamlMetadataError::NoEntityId),
        (metadata("entityID=\"\"", &key("", &certificate)), SamlMetadataError::NoEntityId),
        (metadata(&format!("entityID=\"{}\"", "x".repeat(1_025)), ""), SamlMetadataError::NoEntityId),
        (metadata(&format!("{NAMED} validUntil=\"tomorrow\""), ""), SamlMetadataError::BadMoment),
        (metadata(&format!("{NAMED} validUntil=\"2031-02-03T04:05:06+01:00\""), ""), SamlMetadataError::BadMoment),
        (metadata(&format!("{NAMED} validUntil=\"0000-01-01T00:00:00Z\""), ""), SamlMetadataError::BadMoment),
        (good.replace(PROTOCOL, "urn:oasis:names:tc:SAML:2.0:protocols"), SamlMetadataError::NoIdentityProvider),
        (good.replace("IDPSSODescriptor", "SPSSODescriptor"), SamlMetadataError::NoIdentityProvider),
        (metadata(NAMED, ""), SamlMetadataError::NoSigningCertificate),
        (metadata(NAMED, &key(" use=\"encryption\"", &certificate)), SamlMetadataError::NoSigningCertificate),
        (metadata(NAMED, &key(" use=\"SIGNING\"", &certificate)), SamlMetadataError::NoSigningCertificate),
        (metadata(NAMED, &many), SamlMetadataError::TooManyCertificates),
        (metadata(NAMED, &key("", "%%")), SamlMetadataError::NotBase64),
        (metadata(NAMED, &key("", &certificate.replace('M', "<md:x/>M"))), SamlMetadataError::NotBase64),
        (metadata(NAMED, &key("", "AAAA")), SamlMetadataError::Certificate(MetadataKeyError::NotACertificate)),
        (
            metadata(NAMED, &(key("", &certificate) + &key("", ""))),
            SamlMetadataError::Certificate(MetadataKeyError::NotACertificate),
        ),
    ] {
        let shown: String = document.chars().take(300).collect();
        assert_eq!(SamlMetadata::read(&document), Err(cause), "{shown}");
    }
}

#[test]
fn of_several_ends_the_earliest_counts() {
    let inside = key("", &certificate());
    let document = metadata(&format!("{NAMED} validUntil=\"2031-02-03T04:05:06\""), &inside);
    let earlier =
        document.replace("<md:IDPSSODescriptor ", "<md:IDPSSODescriptor validUntil=\"2030-01-01T00:00:00Z\" ");
    let until = |document: &str| SamlMetadata::read(document).expect("metadata").valid_until;
    assert_eq!(until(&document), Timestamp::parse_iso8601("2031-02-03T04:05:06Z"));
    assert_eq!(until(&earlier), Timestamp::parse_iso8601("2030-01-01T00:00:00Z"));
    assert_eq!(until(&metadata(NAMED, &inside)), None);
}

/// Pieces of documents that nearly are metadata.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"x\">",
        "</md:EntityDescriptor>",
        "<md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">",
        "</md:IDPSSODescriptor>",
        "<md:KeyDescriptor use=\"signing\">",
        "</md:KeyDescriptor>",
        "<KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data><X509Certificate>",
        "</X509Certificate></X509Data></KeyInfo>",
        "<a b='c' d=\"&amp;\"/>",
        "<a xmlns:a=\"\">",
        "<!DOCTYPE a [<!ENTITY b \"&b;&b;\">]>",
        "<![CDATA[AAAA]]>",
        "<!-- -->",
        "<?p i?>",
        "&#65;&amp;&nbsp;",
        "AAAA",
        "<",
        "]]>",
        "\u{feff}",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_makes_it_stumble(text in "\\PC{0,200}|[<>/a:=\"'&;x!\\[\\]-]{0,200}") {
        prop_assert!(SamlMetadata::read(&text).is_err());
    }

    #[test]
    fn documents_without_a_certificate_are_never_taken(text in pieces()) {
        prop_assert!(SamlMetadata::read(&text).is_err());
    }

    #[test]
    fn a_changed_document_is_refused_or_says_what_a_document_can_say(at in 0usize..2_000, to in any::<char>()) {
        let good = metadata(NAMED, &key(" use=\"signing\"", CERTIFICATE));
        let mut letters: Vec<char> = good.chars().collect();
        let at = at % letters.len();
        letters[at] = to;
        if let Ok(read) = SamlMetadata::read(&letters.into_iter().collect::<String>()) {
            prop_assert_eq!(read.signing_certificates.len(), 1);
            prop_assert!((1..=LONGEST_ENTITY_ID).contains(&read.entity_id.chars().count()));
            let der = BASE64.decode(read.signing_certificates[0].as_bytes()).expect("Base64");
            prop_assert!(MetadataKey::of(&der).is_ok());
        }
    }
}

/// Some certificate; making one for each of a property's cases would take long.
const CERTIFICATE: &str = "MIIBjDCCATGgAwIBAgIUTNNsMFgTihmO23SeHtpCau3GWO4wCgYIKoZIzj0EAwIwGjEYMBYGA1UEAwwPaWRwLmV4YW1wbGUuY29tMCAXDTI2MTEyNjIwNDAx\
    NFoYDzIxMjYxMTAyMjA0MDE0WjAaMRgwFgYDVQQDDA9pZHAuZXhhbXBsZS5jb20wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAR7uCnY7CI0S62pCLpot5pp\
    I7oKSngtYkdd3PlaNmTFWeKAEvyXCYhUP7hn3EJZcwtz1jzUWyZkLSI/4iVr4yb/o1MwUTAdBgNVHQ4EFgQUQjyabK8bEqum+tF4VcgaQU5RSUkwHwYDVR0j\
    BBgwFoAUQjyabK8bEqum+tF4VcgaQU5RSUkwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAjcJFHJvi6vojDlC12l1f1s3HMVJH0CSgtG8a\
    LfRcNxgCIQClVX0QS4byliZAuez1huWLOPyO5A1gUvZzjiPlPTN3Lw==";
