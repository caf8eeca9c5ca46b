//! A policy that takes part in a simulation.

use super::position::{Extent, extents};
use crate::policy::{Document, Fault, Kind, Malformed};

/// A policy with the name that results call it by.
#[derive(Debug, Clone)]
pub struct Input {
    id: String,
    kind: Kind,
    document: Document,
    extents: Vec<Extent>,
}

impl Input {
    /// Reads a policy that is used as `kind`. `id` is for people, and need not be unique.
    ///
    /// # Errors
    /// The text is not such a policy.
    pub fn read(id: impl Into<String>, text: &str, kind: Kind) -> Result<Input, Malformed> {
        let document = Document::parse(text, kind)?;
        Ok(Input { id: id.into(), kind, document, extents: extents(text) })
    }

    /// Reads a policy of which only its text is known: one that names principals is a resource's.
    ///
    /// # Errors
    /// The text is neither.
    pub fn read_any(id: impl Into<String>, text: &str) -> Result<Input, Malformed> {
        let id = id.into();
        Input::read(id.clone(), text, Kind::Identity).or_else(|malformed| match malformed.fault() {
            Fault::PrincipalInIdentityPolicy => {
                Input::read(id.clone(), text, Kind::Resource).or_else(|why| {
                    // A trust policy is about its own role, and names no resource.
                    Input::read(id, text, Kind::Trust).map_err(|_| why)
                })
            }
            _ => Err(malformed),
        })
    }

    /// What results call it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How it is used.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The policy.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Where a statement stands in the text.
    pub fn extent(&self, statement: usize) -> Option<Extent> {
        self.extents.get(statement).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_of_which_only_the_text_is_known_may_be_a_resources() {
        let read = |elements: &str| {
            let text = format!(r#"{{"Statement":{{"Effect":"Allow",{elements}}}}}"#);
            Input::read_any("p", &text).map(|input| input.kind())
        };
        assert_eq!(read(r#""Action":"s3:*","Resource":"*""#), Ok(Kind::Identity));
        assert_eq!(read(r#""Action":"s3:*","Resource":"*","Principal":"*""#), Ok(Kind::Resource));
        assert_eq!(read(r#""Action":"sts:AssumeRole","Principal":"*""#), Ok(Kind::Trust));
        assert_eq!(read(r#""Action":"s3:*""#).unwrap_err().to_string(), "Policy statement must contain resources.");
        let neither = read(r#""Action":"s3:*","Principal":"*""#).unwrap_err();
        assert_eq!(neither.to_string(), "Missing required field Resource");
    }
}
