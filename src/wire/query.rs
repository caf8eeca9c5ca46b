//! Serde from the parameter tree to an operation's input struct.
//!
//! Inputs derive `Deserialize` with the names of the wire (`rename_all = "PascalCase"`, acronyms renamed one by one).
//! Members that the struct does not have are ignored, as AWS ignores them. Timestamps and blobs stay text. A value that
//! does not fit is never repeated in the error, because it may be a secret; only a type's own refusal is passed on.

use std::fmt;
use std::str::FromStr;
use std::vec;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, Expected, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use thiserror::Error;

use super::path::Path;
use super::tree::{Branch, Misfit, Node};

/// Reads a struct out of a tree.
pub fn decode<T: DeserializeOwned>(tree: &Node<'_>) -> Result<T, DecodeError> {
    T::deserialize(Value { node: tree, path: Path::ROOT })
}

/// Why a tree is not the struct that was asked for, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    path: String,
    placed: bool,
    cause: DecodeCause,
}

/// What is wrong with one parameter.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeCause {
    /// It is required and was not sent.
    #[error("a value is required")]
    Missing,
    /// It is a structure where a value belongs, or the like.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// It does not parse as what the member is.
    #[error("{0} is expected")]
    NotA(String),
    /// The type of the member refused it, in the type's own words.
    #[error("{0}")]
    Refused(String),
}

impl DecodeError {
    /// The place as AWS prints it, such as `tags.1.member.key`; empty for the request itself.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong there.
    pub fn cause(&self) -> &DecodeCause {
        &self.cause
    }

    fn at(path: &Path<'_>, cause: impl Into<DecodeCause>) -> Self {
        Self { path: path.to_string(), placed: true, cause: cause.into() }
    }

    // Serde makes errors where no path is at hand; the level above adds it, once.
    fn unplaced(path: String, cause: DecodeCause) -> Self {
        Self { path, placed: false, cause }
    }

    fn below(mut self, path: &Path<'_>) -> Self {
        if !self.placed {
            let above = path.to_string();
            self.path = match (above.is_empty(), self.path.is_empty()) {
                (true, _) => self.path,
                (false, true) => above,
                (false, false) => format!("{above}.{}", self.path),
            };
            self.placed = true;
        }
        self
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "at `{}`: ", self.path)?;
        }
        self.cause.fmt(f)
    }
}

impl std::error::Error for DecodeError {}

impl de::Error for DecodeError {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self::unplaced(String::new(), DecodeCause::Refused(message.to_string()))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::unplaced(Path::ROOT.member(field).to_string(), DecodeCause::Missing)
    }

    // The defaults of these three repeat the value.
    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::unplaced(String::new(), DecodeCause::NotA(expected.to_string()))
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::unplaced(String::new(), DecodeCause::NotA(expected.to_string()))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::unplaced(String::new(), DecodeCause::NotA(format!("one of {}", expected.join(", "))))
    }
}

struct Value<'n, 'a> {
    node: &'n Node<'a>,
    path: Path<'n>,
}

impl<'n, 'a> Value<'n, 'a> {
    fn text(&self) -> Result<&'a str, DecodeError> {
        self.node.text().map_err(|misfit| DecodeError::at(&self.path, misfit))
    }

    fn parse<T: FromStr>(&self, what: &str) -> Result<T, DecodeError> {
        self.text()?.parse().map_err(|_| DecodeError::at(&self.path, DecodeCause::NotA(what.into())))
    }

    fn truth(&self) -> Result<bool, DecodeError> {
        match self.text()? {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(DecodeError::at(&self.path, DecodeCause::NotA("true or false".into()))),
        }
    }
}

macro_rules! parsed {
    ($what:literal: $($method:ident $visit:ident)*) => {
        $(fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            visitor.$visit(self.parse($what)?).map_err(|e: DecodeError| e.below(&self.path))
        })*
    };
}

impl<'n, 'a> Deserializer<'a> for Value<'n, 'a> {
    type Error = DecodeError;

    parsed! { "a whole number within its range":
        deserialize_i8 visit_i8 deserialize_i16 visit_i16 deserialize_i32 visit_i32 deserialize_i64 visit_i64
        deserialize_u8 visit_u8 deserialize_u16 visit_u16 deserialize_u32 visit_u32 deserialize_u64 visit_u64
    }
    parsed! { "a number": deserialize_f32 visit_f32 deserialize_f64 visit_f64 }

    fn deserialize_bool<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_bool(self.truth()?).map_err(|e: DecodeError| e.below(&self.path))
    }

    fn deserialize_str<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_borrowed_str(self.text()?).map_err(|e: DecodeError| e.below(&self.path))
    }

    fn deserialize_string<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let path = self.path;
        visitor.visit_some(self).map_err(|e| e.below(&path))
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(self, _: &'static str, visitor: V) -> Result<V::Value, DecodeError> {
        let path = self.path;
        visitor.visit_newtype_struct(self).map_err(|e| e.below(&path))
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let elements = self.node.elements().map_err(|misfit| DecodeError::at(&self.path, misfit))?;
        visitor.visit_seq(List { rest: elements.into_iter(), path: &self.path }).map_err(|e| e.below(&self.path))
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let branch = self.node.fields().map_err(|misfit| DecodeError::at(&self.path, misfit))?;
        let known = fields.iter().filter_map(|name| Some((*name, branch?.get(name)?))).collect();
        visitor.visit_map(Structure::new(known, &self.path)).map_err(|e| e.below(&self.path))
    }

    // A map's parameters are entries. Anything else is a structure whose names serde does not know beforehand.
    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.node {
            Node::Branch(branch) if branch.get("entry").is_none() => {
                let members = branch.iter().collect();
                visitor.visit_map(Structure::new(members, &self.path)).map_err(|e| e.below(&self.path))
            }
            _ => {
                let entries = self.node.entries().map_err(|misfit| DecodeError::at(&self.path, misfit))?;
                let entries = Entries { rest: entries.into_iter(), next: None, path: &self.path };
                visitor.visit_map(entries).map_err(|e| e.below(&self.path))
            }
        }
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let text = BorrowedStrDeserializer::<DecodeError>::new(self.text()?);
        text.deserialize_enum(name, variants, visitor).map_err(|e| e.below(&self.path))
    }

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.node {
            Node::Leaf(_) => self.deserialize_str(visitor),
            Node::Branch(branch) if is_list(branch) => self.deserialize_seq(visitor),
            Node::Branch(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    fn deserialize_tuple<V: Visitor<'a>>(self, _: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_seq(visitor)
    }

    forward_to_deserialize_any! { <W: Visitor<'a>> char bytes byte_buf identifier unit unit_struct tuple_struct i128 u128 }
}

fn is_list(branch: &Branch<'_>) -> bool {
    branch.len() == 1 && matches!(branch.get("member"), Some(Node::Branch(_)))
}

struct List<'n, 'a> {
    rest: vec::IntoIter<(u32, &'n Node<'a>)>,
    path: &'n Path<'n>,
}

impl<'a> SeqAccess<'a> for List<'_, 'a> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, DecodeError> {
        let Some((index, node)) = self.rest.next() else { return Ok(None) };
        let path = self.path.element(index);
        seed.deserialize(Value { node, path }).map(Some).map_err(|e| e.below(&path))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

struct Structure<'n, 'a, 'k> {
    rest: vec::IntoIter<(&'k str, &'n Node<'a>)>,
    next: Option<(&'k str, &'n Node<'a>)>,
    path: &'n Path<'n>,
}

impl<'n, 'a, 'k> Structure<'n, 'a, 'k> {
    fn new(members: Vec<(&'k str, &'n Node<'a>)>, path: &'n Path<'n>) -> Self {
        Self { rest: members.into_iter(), next: None, path }
    }
}

impl<'a, 'k: 'a> MapAccess<'a> for Structure<'_, 'a, 'k> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        self.next = self.rest.next();
        let Some((name, _)) = self.next else { return Ok(None) };
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<T::Value, DecodeError> {
        let (name, node) = self.next.take().ok_or_else(out_of_turn)?;
        let path = self.path.member(name);
        seed.deserialize(Value { node, path }).map_err(|e| e.below(&path))
    }
}

struct Entries<'n, 'a> {
    rest: vec::IntoIter<(u32, &'a str, &'n Node<'a>)>,
    next: Option<(u32, &'n Node<'a>)>,
    path: &'n Path<'n>,
}

impl<'a> MapAccess<'a> for Entries<'_, 'a> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        let Some((index, key, node)) = self.rest.next() else { return Ok(None) };
        self.next = Some((index, node));
        let key = Node::Leaf(key);
        let path = self.path.entry(index, "key");
        seed.deserialize(Value { node: &key, path }).map(Some).map_err(|e| e.below(&path))
    }

    fn next_value_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<T::Value, DecodeError> {
        let (index, node) = self.next.take().ok_or_else(out_of_turn)?;
        let path = self.path.entry(index, "value");
        seed.deserialize(Value { node, path }).map_err(|e| e.below(&path))
    }
}

fn out_of_turn() -> DecodeError {
    de::Error::custom("a map's value was asked for before its key")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::wire::form::Form;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Tag {
        key: String,
        value: String,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    enum Status {
        Active,
        Inactive,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(transparent)]
    struct Name(String);

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Input {
        user_name: Name,
        #[serde(rename = "MFADevice")]
        mfa_device: Option<String>,
        max_items: Option<i32>,
        permanent: Option<bool>,
        status: Option<Status>,
        #[serde(default)]
        tags: Vec<Tag>,
        #[serde(default)]
        counts: BTreeMap<String, u8>,
    }

    fn read(text: &str) -> Result<Input, DecodeError> {
        let form = Form::parse(text.as_bytes()).unwrap();
        decode(&Node::of(&form).unwrap())
    }

    #[test]
    fn reads_every_kind_of_member_and_ignores_the_rest() {
        let input = read(
            "Action=X&UserName=ana&MFADevice=m&MaxItems=7&Permanent=true&Status=Inactive&Unknown.member.1=x\
             &Tags.member.2.Key=b&Tags.member.2.Value=&Tags.member.1.Key=a&Tags.member.1.Value=1&Tags.member.1.More=x\
             &Counts.entry.1.key=k&Counts.entry.1.value=255",
        );
        let tag = |key: &str, value: &str| Tag { key: key.into(), value: value.into() };
        assert_eq!(
            input.unwrap(),
            Input {
                user_name: Name("ana".into()),
                mfa_device: Some("m".into()),
                max_items: Some(7),
                permanent: Some(true),
                status: Some(Status::Inactive),
                tags: vec![tag("a", "1"), tag("b", "")],
                counts: [("k".to_owned(), 255)].into(),
            }
        );
    }

    #[test]
    fn absent_members_are_none_and_empty_collections_are_empty() {
        let input = read("UserName=&Tags=&Counts=").unwrap();
        assert_eq!(input.user_name, Name(String::new()));
        assert_eq!((input.mfa_device, input.max_items, input.status), (None, None, None));
        assert!(input.tags.is_empty() && input.counts.is_empty());
    }

    #[test]
    fn errors_name_the_path_and_never_the_value() {
        for (text, wanted) in [
            ("Tags=", "at `userName`: a value is required"),
            ("UserName=a&Tags.member.3.Key=hush", "at `tags.3.member.value`: a value is required"),
            ("UserName=a&MaxItems=hush", "at `maxItems`: a whole number within its range is expected"),
            ("UserName=a&MaxItems=", "at `maxItems`: a whole number within its range is expected"),
            ("UserName=a&MaxItems=99999999999", "at `maxItems`: a whole number within its range is expected"),
            ("UserName=a&Permanent=hush", "at `permanent`: true or false is expected"),
            ("UserName=a&Status=hush", "at `status`: one of Active, Inactive is expected"),
            ("UserName.x=hush", "at `userName`: a single value is expected"),
            ("UserName=a&MFADevice.member.1=hush", "at `mFADevice`: a single value is expected"),
            ("UserName=a&Tags=hush", "at `tags`: a list is expected, as member.1, member.2 and so on"),
            ("UserName=a&Tags.member.1=hush", "at `tags.1.member`: a structure is expected"),
            (
                "UserName=a&Counts.entry.4.key=k&Counts.entry.4.value=hush",
                "at `counts.4.entry.value`: a whole number within its range is expected",
            ),
        ] {
            assert_eq!(read(text).unwrap_err().to_string(), wanted, "{text}");
        }
    }

    #[test]
    fn a_types_own_refusal_is_placed() {
        #[derive(Debug, Deserialize)]
        #[serde(try_from = "String")]
        struct Even;
        impl TryFrom<String> for Even {
            type Error = &'static str;
            fn try_from(text: String) -> Result<Self, &'static str> {
                if text.len().is_multiple_of(2) { Ok(Even) } else { Err("odd length") }
            }
        }
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Words {
            #[serde(rename = "Words")]
            _words: Vec<Even>,
        }
        let form = Form::parse(b"Words.member.1=ab&Words.member.2=abc").unwrap();
        let error = decode::<Words>(&Node::of(&form).unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "at `words.2.member`: odd length");
    }
}
