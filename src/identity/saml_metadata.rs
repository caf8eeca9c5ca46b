//! What a SAML 2.0 identity provider says of itself: its metadata, read into the little that trust in its assertions needs.
//!
//! The document comes from outside. It is read without document types and without entities of its own, within bounds of depth and
//! count, in one pass; what is read is what is trusted, and nothing else of the document ever is. Source: OASIS "Metadata for the
//! OASIS Security Assertion Markup Language (SAML) V2.0", sections 2.3.2, 2.4.1 and 2.4.3; AWS's "Create a SAML identity provider
//! in IAM" for the encoding and the size of keys.

use data_encoding::BASE64;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use serde::{Deserialize, Serialize};

use super::saml_names::Names;
use crate::clock::Timestamp;
use crate::crypto::metadata_key::{MetadataKey, MetadataKeyError};

/// The trust that a metadata document asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamlMetadata {
    /// Who issues the assertions: the document's `entityID`.
    pub entity_id: String,
    /// After which moment the document is not to be used, where it says so: the earliest of its `validUntil`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// The certificates whose keys sign assertions: DER in Base64, each once, in the order of the document. Every one of them
    /// has a key that [`MetadataKey::of`] reads; there is at least one.
    pub signing_certificates: Vec<String>,
}

/// Why a document is not taken. No sentence quotes the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SamlMetadataError {
    /// Not XML, or XML that has no business in metadata.
    #[error("it is not well-formed XML")]
    NotXml,
    /// AWS wants UTF-8 without one.
    #[error("it begins with a byte order mark")]
    ByteOrderMark,
    /// `<!DOCTYPE`, by which a document could define entities.
    #[error("it declares a document type")]
    DocumentType,
    /// More or deeper than any identity provider writes.
    #[error("it has too many or too deeply nested elements, or too many attributes")]
    TooLarge,
    /// The document is about something else, or about many.
    #[error("its root is not an EntityDescriptor of SAML 2.0 metadata")]
    NotEntityDescriptor,
    /// Without it nobody can be told from others.
    #[error("it has no entityID of 1 to 1,024 characters")]
    NoEntityId,
    /// `validUntil` is not a moment in UTC.
    #[error("its validUntil is not a moment in UTC")]
    BadMoment,
    /// It describes a service provider, say.
    #[error("it has no IDPSSODescriptor that supports SAML 2.0")]
    NoIdentityProvider,
    /// Nothing that an assertion's signature could be checked with.
    #[error("its IDPSSODescriptor has no certificate for signing")]
    NoSigningCertificate,
    /// More than anybody rotates.
    #[error("it has more than {MAX_CERTIFICATES} certificates for signing")]
    TooManyCertificates,
    /// The text of a certificate is not Base64.
    #[error("a certificate for signing is not Base64")]
    NotBase64,
    /// A certificate whose key no signature can be checked with.
    #[error("of a certificate for signing: {0}")]
    Certificate(MetadataKeyError),
}

const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";
const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";

/// The deepest nesting that is read; metadata of AD FS nests nine deep.
const MAX_DEPTH: usize = 32;
/// The most elements that are read; metadata of AD FS, with all its claims, has some 300.
const MAX_ELEMENTS: usize = 10_000;
/// The most certificates for signing.
const MAX_CERTIFICATES: usize = 16;
/// SAML metadata section 2.2.1.
const LONGEST_ENTITY_ID: usize = 1_024;

impl SamlMetadata {
    /// Reads a document.
    ///
    /// # Errors
    /// [`SamlMetadataError`].
    pub fn read(document: &str) -> Result<Self, SamlMetadataError> {
        if document.starts_with('\u{feff}') {
            return Err(SamlMetadataError::ByteOrderMark);
        }
        if !document.chars().all(is_xml) {
            return Err(SamlMetadataError::NotXml);
        }
        let mut reader = Reader::from_str(document);
        let mut pass = Pass::default();
        loop {
            match reader.read_event().map_err(|_| SamlMetadataError::NotXml)? {
                Event::Start(start) => pass.open(&start)?,
                Event::Empty(start) => {
                    pass.open(&start)?;
                    pass.close()?;
                }
                Event::End(_) => pass.close()?,
                Event::Text(text) => pass.text(&text.xml10_content())?,
                Event::CData(text) => pass.text(&text.xml10_content())?,
                Event::GeneralRef(reference) => {
                    let mut utf8 = [0; 4];
                    let text = match reference.resolve_char_ref() {
                        Ok(Some(letter)) if is_xml(letter) => &*letter.encode_utf8(&mut utf8),
                        Ok(None) => quick_xml::escape::resolve_predefined_entity(&reference.into_inner())
                            .ok_or(SamlMetadataError::NotXml)?,
                        Ok(Some(_)) | Err(_) => return Err(SamlMetadataError::NotXml),
                    };
                    pass.text(text)?;
                }
                Event::DocType(_) => return Err(SamlMetadataError::DocumentType),
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
                Event::Eof => return pass.end(),
            }
        }
    }
}

/// XML 1.0, section 2.2.
fn is_xml(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Where in a document an element stands, as far as that matters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Entity,
    IdentityProvider,
    SigningKey,
    KeyInfo,
    Data,
    Certificate,
    /// Whatever stands here, and below, is nothing to us.
    Elsewhere,
}

/// One pass over a document.
#[derive(Default)]
struct Pass {
    names: Names,
    open: Vec<Place>,
    elements: usize,
    entity_id: Option<String>,
    valid_until: Option<Timestamp>,
    identity_provider: bool,
    text: String,
    certificates: Vec<String>,
}

impl Pass {
    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), SamlMetadataError> {
        self.elements += 1;
        if self.elements > MAX_ELEMENTS || self.open.len() >= MAX_DEPTH {
            return Err(SamlMetadataError::TooLarge);
        }
        if self.open.is_empty() && self.elements > 1 {
            return Err(SamlMetadataError::NotXml);
        }
        let attributes = self.names.open(start)?;
        let attribute = |name: &str| {
            let found = attributes.iter().find(|attribute| attribute.key.as_ref() == name);
            let value = found.map(|attribute| attribute.normalized_value(XmlVersion::Implicit1_0));
            value.transpose().map_err(|_| SamlMetadataError::NotXml)
        };
        let (namespace, local) = self.names.of(start)?;
        let place = match (self.open.last(), namespace, local) {
            (None, Some(METADATA), "EntityDescriptor") => {
                let id = attribute("entityID")?.filter(|id| (1..=LONGEST_ENTITY_ID).contains(&id.chars().count()));
                self.entity_id = Some(id.ok_or(SamlMetadataError::NoEntityId)?.into_owned());
                Place::Entity
            }
            (None, ..) => return Err(SamlMetadataError::NotEntityDescriptor),
            (Some(Place::Entity), Some(METADATA), "IDPSSODescriptor")
                if attribute("protocolSupportEnumeration")?
                    .is_some_and(|all| all.split(' ').any(|one| one == PROTOCOL)) =>
            {
                self.identity_provider = true;
                Place::IdentityProvider
            }
            // Without a use a key is for signing and for encryption.
            (Some(Place::IdentityProvider), Some(METADATA), "KeyDescriptor")
                if attribute("use")?.is_none_or(|purpose| purpose == "signing") =>
            {
                Place::SigningKey
            }
            (Some(Place::SigningKey), Some(SIGNATURE), "KeyInfo") => Place::KeyInfo,
            (Some(Place::KeyInfo), Some(SIGNATURE), "X509Data") => Place::Data,
            (Some(Place::Data), Some(SIGNATURE), "X509Certificate") => Place::Certificate,
            (Some(Place::Certificate), ..) => return Err(SamlMetadataError::NotBase64),
            _ => Place::Elsewhere,
        };
        if let Place::Entity | Place::IdentityProvider = place
            && let Some(text) = attribute("validUntil")?
        {
            let until = moment(&text).ok_or(SamlMetadataError::BadMoment)?;
            self.valid_until = Some(self.valid_until.map_or(until, |earlier| earlier.min(until)));
        }
        self.open.push(place);
        self.text.clear();
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), SamlMetadataError> {
        match self.open.last() {
            Some(Place::Certificate) => self.text.extend(text.split_ascii_whitespace()),
            Some(_) => {}
            None if text.trim().is_empty() => {}
            None => return Err(SamlMetadataError::NotXml),
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), SamlMetadataError> {
        self.names.close();
        if self.open.pop() != Some(Place::Certificate) {
            return Ok(());
        }
        let text = std::mem::take(&mut self.text);
        let der = BASE64.decode(text.as_bytes()).map_err(|_| SamlMetadataError::NotBase64)?;
        MetadataKey::of(&der).map_err(SamlMetadataError::Certificate)?;
        if self.certificates.contains(&text) {
            return Ok(());
        }
        if self.certificates.len() >= MAX_CERTIFICATES {
            return Err(SamlMetadataError::TooManyCertificates);
        }
        self.certificates.push(text);
        Ok(())
    }

    fn end(self) -> Result<SamlMetadata, SamlMetadataError> {
        let Some(entity_id) = self.entity_id.filter(|_| self.open.is_empty()) else {
            return Err(SamlMetadataError::NotXml);
        };
        if !self.identity_provider {
            return Err(SamlMetadataError::NoIdentityProvider);
        }
        if self.certificates.is_empty() {
            return Err(SamlMetadataError::NoSigningCertificate);
        }
        Ok(SamlMetadata { entity_id, valid_until: self.valid_until, signing_certificates: self.certificates })
    }
}

/// An `xs:dateTime` as SAML writes it: in UTC, with or without `Z`, with or without a fraction, which is cut off (SAML core,
/// section 1.3.3). There is no year 0 in it, nor in the clocks of clients, of which some read no list of providers with one in it.
fn moment(text: &str) -> Option<Timestamp> {
    let (whole, rest) = text.trim().split_at_checked(19)?;
    let rest = match rest.strip_prefix('.') {
        Some(fraction) => {
            let rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            (rest.len() < fraction.len()).then_some(rest)?
        }
        None => rest,
    };
    let utc = ["", "Z", "+00:00", "-00:00"].contains(&rest);
    Timestamp::parse_iso8601(&format!("{whole}Z")).filter(|_| utc && !whole.starts_with("0000"))
}

#[cfg(test)]
#[path = "saml_metadata_tests.rs"]
mod tests;
