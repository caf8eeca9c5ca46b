//! Namespaces of XML while a document is read, within bounds.
//!
//! Source: "Namespaces in XML 1.0 (Third Edition)".

use std::collections::BTreeSet;

use quick_xml::XmlVersion;
use quick_xml::events::BytesStart;
use quick_xml::events::attributes::Attribute;

use super::saml_metadata::SamlMetadataError;

/// The most attributes of an element, declarations of namespaces among them.
const MAX_ATTRIBUTES: usize = 64;

/// The most declarations that are in force at one place: each element's prefix is looked for among them.
const MAX_BOUND: usize = 256;

/// What the prefix `xml` means, whether it is said or not.
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Which prefixes mean what.
#[derive(Default)]
pub(super) struct Names {
    /// Prefix and namespace, the inner ones last. The default namespace has the empty prefix.
    bound: Vec<(String, String)>,
    /// How many were bound before each element that is open.
    before: Vec<usize>,
}

impl Names {
    /// An element begins: takes up its declarations, and gives its attributes.
    pub(super) fn open<'a>(&mut self, start: &'a BytesStart<'_>) -> Result<Vec<Attribute<'a>>, SamlMetadataError> {
        self.before.push(self.bound.len());
        let mut attributes = Vec::new();
        let mut seen = BTreeSet::new();
        // quick-xml's own check for names that stand there twice compares each with each.
        let mut found = start.attributes();
        for attribute in found.with_checks(false) {
            let attribute = attribute.map_err(|_| SamlMetadataError::NotXml)?;
            if attributes.len() >= MAX_ATTRIBUTES {
                return Err(SamlMetadataError::TooLarge);
            }
            let name: &'a str = attribute.key.0;
            if attribute.value.contains('<') || !seen.insert(name) {
                return Err(SamlMetadataError::NotXml);
            }
            let prefix = if name == "xmlns" { Some("") } else { name.strip_prefix("xmlns:") };
            if let Some(prefix) = prefix {
                self.bind(prefix, &attribute)?;
            }
            attributes.push(attribute);
        }
        Ok(attributes)
    }

    /// Namespace and local name of an element that has begun just now.
    pub(super) fn of<'a>(&self, start: &'a BytesStart<'_>) -> Result<(Option<&str>, &'a str), SamlMetadataError> {
        let name: &'a str = start.name().0;
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        let bound = self.bound.iter().rev().find(|(known, _)| known == prefix).map(|(_, namespace)| namespace.as_str());
        match (prefix, bound) {
            _ if local.is_empty() || local.contains(':') || name.starts_with(':') => Err(SamlMetadataError::NotXml),
            ("", bound) => Ok((bound.filter(|namespace| !namespace.is_empty()), local)),
            (_, Some(namespace)) => Ok((Some(namespace), local)),
            (_, None) => Err(SamlMetadataError::NotXml),
        }
    }

    /// The innermost element that is open ends.
    pub(super) fn close(&mut self) {
        if let Some(before) = self.before.pop() {
            self.bound.truncate(before);
        }
    }

    fn bind(&mut self, prefix: &str, attribute: &Attribute<'_>) -> Result<(), SamlMetadataError> {
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| SamlMetadataError::NotXml)?;
        let reserved = prefix == "xmlns" || prefix == "xml" && value != XML;
        let undone = value.is_empty() && !prefix.is_empty();
        if reserved || undone || prefix.contains(':') {
            return Err(SamlMetadataError::NotXml);
        }
        if self.bound.len() >= MAX_BOUND {
            return Err(SamlMetadataError::TooLarge);
        }
        self.bound.push((prefix.to_owned(), value.into_owned()));
        Ok(())
    }
}
