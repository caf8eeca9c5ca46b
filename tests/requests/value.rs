//! A request's parameters as a tree, and the tree as a form.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands at a name. Nothing keeps it from being of another kind than the model says.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Structure(Vec<(String, Value)>),
    /// Elements with the index that they are sent with, which may be none.
    List(Vec<(String, Value)>),
}

/// The way to a value from the top.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Member(String),
    /// The first element of a list.
    Element,
}

impl Value {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A list with the indexes that a client gives.
    pub fn list(elements: impl IntoIterator<Item = Value>) -> Self {
        Self::List(elements.into_iter().enumerate().map(|(at, value)| ((at + 1).to_string(), value)).collect())
    }

    /// This with something else at a place, or nothing there.
    pub fn with(mut self, way: &[Step], new: Option<&Value>) -> Self {
        let Some((step, rest)) = way.split_first() else { return new.unwrap().clone() };
        let (children, name) = match (&mut self, step) {
            (Self::Structure(members), Step::Member(name)) => (members, name.as_str()),
            (Self::List(elements), Step::Element) => (elements, "1"),
            other => panic!("there is no way {way:?} in {other:?}"),
        };
        match (children.iter().position(|(known, _)| known == name), new) {
            (Some(at), None) if rest.is_empty() => drop(children.remove(at)),
            (Some(at), _) => children[at].1 = children[at].1.clone().with(rest, new),
            (None, Some(new)) if rest.is_empty() => children.push((name.to_owned(), new.clone())),
            (None, _) => panic!("nothing stands at {name} to go on from"),
        }
        self
    }

    /// Names and values on the wire. An empty list or structure is an empty value, as SDKs send it.
    pub fn pairs(&self) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        let Self::Structure(members) = self else { panic!("a request is a structure") };
        for (name, value) in members {
            value.append(name.clone(), &mut pairs);
        }
        pairs
    }

    fn append(&self, name: String, pairs: &mut Vec<(String, String)>) {
        match self {
            Self::Text(text) => pairs.push((name, text.clone())),
            Self::Structure(children) | Self::List(children) if children.is_empty() => {
                pairs.push((name, String::new()))
            }
            Self::Structure(members) => {
                members.iter().for_each(|(member, value)| value.append(format!("{name}.{member}"), pairs));
            }
            Self::List(elements) => {
                elements.iter().for_each(|(index, value)| value.append(format!("{name}.member.{index}"), pairs));
            }
        }
    }
}

const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Text as it stands in a form.
pub fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}
