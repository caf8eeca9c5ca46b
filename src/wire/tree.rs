//! The parameter tree: `Tags.member.1.Key=team` as nested nodes.
//!
//! The wire does not say what is a structure, a list or a map; whoever walks the tree knows from the shape and asks with
//! [`Node::text`], [`Node::fields`], [`Node::elements`] or [`Node::entries`]. Lists are `Name.member.N`, maps
//! `Name.entry.N.key` and `.value`; indexes sort as numbers and may have gaps. An empty leaf where a list, map or
//! structure is expected is an empty one, which is how SDKs send it.
//!
//! Source: the "AWS query protocol" page of the Smithy specification, sections on lists and maps.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use thiserror::Error;

use super::form::Form;

/// The most segments that a parameter name may have. IAM's deepest input has seven.
pub const MAX_DEPTH: usize = 8;
/// The most elements of one list or map, and members of one nested structure.
pub const MAX_CHILDREN: usize = 1_000;

/// A value or a branch, borrowed from the [`Form`] it was built of. `Debug` shows no values.
#[derive(Clone, PartialEq, Eq)]
pub enum Node<'a> {
    /// A parameter's value.
    Leaf(&'a str),
    /// A structure, a list or a map.
    Branch(Branch<'a>),
}

/// Children by the next segment of their names.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Branch<'a> {
    children: BTreeMap<&'a str, Node<'a>>,
}

/// Why parameters are not a tree.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TreeError {
    /// More than [`MAX_DEPTH`] segments.
    #[error("parameter `{0}` is nested more than {MAX_DEPTH} deep")]
    TooDeep(String),
    /// More than [`MAX_CHILDREN`] below one name.
    #[error("parameter `{0}` makes more than {MAX_CHILDREN} elements")]
    TooMany(String),
    /// A name that begins or ends with a period, or has two together.
    #[error("parameter name `{0}` has an empty segment")]
    EmptySegment(String),
    /// One name has a value and members.
    #[error("parameter `{0}` is both a value and a structure")]
    Conflict(String),
}

/// A node is not of the kind that the shape asks for: AWS's `MalformedInput`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Misfit {
    /// A branch stands where a plain value belongs.
    #[error("a single value is expected")]
    Value,
    /// A value stands where a structure belongs.
    #[error("a structure is expected")]
    Structure,
    /// Something else stands where `member.N` belongs.
    #[error("a list is expected, as member.1, member.2 and so on")]
    List,
    /// Something else stands where `entry.N.key` and `entry.N.value` belong.
    #[error("a map is expected, as entry.1.key and entry.1.value and so on")]
    Map,
    /// An index is not a whole number from 1 without leading zeros.
    #[error("an index must be a whole number from 1")]
    Index,
}

impl<'a> Node<'a> {
    /// The tree of a form's parameters: a branch, whose children are the top-level names.
    pub fn of(form: &'a Form<'_>) -> Result<Self, TreeError> {
        let mut root = Branch::default();
        for (name, value) in form.pairs() {
            root.insert(name, value)?;
        }
        Ok(Self::Branch(root))
    }

    /// The value, where a plain value is expected.
    pub fn text(&self) -> Result<&'a str, Misfit> {
        match self {
            Self::Leaf(value) => Ok(value),
            Self::Branch(_) => Err(Misfit::Value),
        }
    }

    /// The members, where a structure is expected; `None` for an empty one.
    pub fn fields(&self) -> Result<Option<&Branch<'a>>, Misfit> {
        match self {
            Self::Branch(branch) => Ok(Some(branch)),
            Self::Leaf("") => Ok(None),
            Self::Leaf(_) => Err(Misfit::Structure),
        }
    }

    /// The elements in the order of their indexes, where a list is expected.
    pub fn elements(&self) -> Result<Vec<(u32, &Node<'a>)>, Misfit> {
        self.numbered("member", Misfit::List)
    }

    /// Index, key and value in the order of the indexes, where a map is expected.
    pub fn entries(&self) -> Result<Vec<(u32, &'a str, &Node<'a>)>, Misfit> {
        let mut entries = Vec::new();
        for (index, entry) in self.numbered("entry", Misfit::Map)? {
            let Self::Branch(halves) = entry else { return Err(Misfit::Map) };
            match (halves.get("key"), halves.get("value")) {
                (Some(Self::Leaf(key)), Some(value)) => entries.push((index, *key, value)),
                _ => return Err(Misfit::Map),
            }
        }
        Ok(entries)
    }

    fn numbered(&self, marker: &str, misfit: Misfit) -> Result<Vec<(u32, &Node<'a>)>, Misfit> {
        let branch = match self {
            Self::Leaf("") => return Ok(Vec::new()),
            Self::Leaf(_) => return Err(misfit),
            Self::Branch(branch) => branch,
        };
        let (Some(Self::Branch(numbers)), 1) = (branch.get(marker), branch.len()) else { return Err(misfit) };
        let mut found = Vec::with_capacity(numbers.len());
        for (index, node) in numbers.iter() {
            found.push((parse_index(index).ok_or(Misfit::Index)?, node));
        }
        found.sort_unstable_by_key(|(index, _)| *index);
        Ok(found)
    }
}

impl<'a> Branch<'a> {
    /// The child of this name.
    pub fn get(&self, name: &str) -> Option<&Node<'a>> {
        self.children.get(name)
    }

    /// How many children there are.
    pub fn len(&self) -> usize {
        self.children.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.children.is_empty()
    }

    /// Names and children, in the order of the names as text.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &Node<'a>)> {
        self.children.iter().map(|(name, node)| (*name, node))
    }

    fn insert(&mut self, name: &'a str, value: &'a str) -> Result<(), TreeError> {
        let mut here = &mut self.children;
        let mut limit = usize::MAX; // The top level is bounded by the form's number of parameters.
        let mut segments = name.split('.').enumerate().peekable();
        while let Some((depth, segment)) = segments.next() {
            if segment.is_empty() {
                return Err(TreeError::EmptySegment(name.into()));
            }
            if depth == MAX_DEPTH {
                return Err(TreeError::TooDeep(name.into()));
            }
            let full = here.len() >= limit;
            let last = segments.peek().is_none();
            let child = match here.entry(segment) {
                Entry::Vacant(_) if full => return Err(TreeError::TooMany(name.into())),
                Entry::Vacant(slot) if last => {
                    slot.insert(Node::Leaf(value));
                    return Ok(());
                }
                Entry::Vacant(slot) => slot.insert(Node::Branch(Branch::default())),
                Entry::Occupied(slot) => slot.into_mut(),
            };
            match child {
                Node::Branch(branch) if !last => here = &mut branch.children,
                _ => return Err(TreeError::Conflict(name.into())),
            }
            limit = MAX_CHILDREN;
        }
        Ok(())
    }
}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leaf(_) => f.write_str("_"),
            Self::Branch(branch) => branch.fmt(f),
        }
    }
}

impl fmt::Debug for Branch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.children).finish()
    }
}

// One spelling per number: with `01` beside `1` two elements would share an index.
fn parse_index(text: &str) -> Option<u32> {
    if text.starts_with('0') || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Form<'_> {
        Form::parse(text.as_bytes()).unwrap()
    }

    fn child<'n, 'a>(node: &'n Node<'a>, name: &str) -> &'n Node<'a> {
        node.fields().unwrap().unwrap().get(name).unwrap()
    }

    #[test]
    fn list_indexes_sort_as_numbers_and_may_have_gaps() {
        let form = form("L.member.10=j&L.member.9=i&L.member.2=b");
        let tree = Node::of(&form).unwrap();
        let found = child(&tree, "L").elements().unwrap();
        assert_eq!(found, [(2, &Node::Leaf("b")), (9, &Node::Leaf("i")), (10, &Node::Leaf("j"))]);
    }

    #[test]
    fn a_far_index_costs_nothing() {
        let form = form("L.member.4294967295=z");
        let tree = Node::of(&form).unwrap();
        assert_eq!(child(&tree, "L").elements().unwrap().len(), 1);
    }

    #[test]
    fn maps_are_entries_with_key_and_value() {
        let form = form("M.entry.2.key=b&M.entry.2.value=2&M.entry.1.value=1&M.entry.1.key=a");
        let tree = Node::of(&form).unwrap();
        assert_eq!(child(&tree, "M").entries().unwrap(), [(1, "a", &Node::Leaf("1")), (2, "b", &Node::Leaf("2"))]);
    }

    #[test]
    fn an_empty_leaf_is_an_empty_collection() {
        let form = form("Tags=");
        let tree = Node::of(&form).unwrap();
        let tags = child(&tree, "Tags");
        assert!(tags.elements().unwrap().is_empty());
        assert!(tags.entries().unwrap().is_empty());
        assert_eq!(tags.fields(), Ok(None));
        assert_eq!(tags.text(), Ok(""));
    }

    #[test]
    fn the_wrong_kind_is_a_misfit() {
        for (text, wanted) in [
            ("L=x", Misfit::List),
            ("L.1=x", Misfit::List),
            ("L.member=x", Misfit::List),
            ("L.member.1=x&L.other=y", Misfit::List),
            ("L.member.0=x", Misfit::Index),
            ("L.member.01=x", Misfit::Index),
            ("L.member.%2B1=x", Misfit::Index),
            ("L.member.one=x", Misfit::Index),
            ("L.member.4294967296=x", Misfit::Index),
        ] {
            let form = form(text);
            let tree = Node::of(&form).unwrap();
            assert_eq!(child(&tree, "L").elements(), Err(wanted), "{text}");
        }
        for text in ["M.entry.1.key=a", "M.entry.1=a", "M.entry.1.key.x=a&M.entry.1.value=b"] {
            let form = form(text);
            let tree = Node::of(&form).unwrap();
            assert_eq!(child(&tree, "M").entries(), Err(Misfit::Map), "{text}");
        }
        let form = form("A=x&B.C=y");
        let tree = Node::of(&form).unwrap();
        assert_eq!(child(&tree, "A").fields(), Err(Misfit::Structure));
        assert_eq!(child(&tree, "B").text(), Err(Misfit::Value));
    }

    #[test]
    fn a_name_cannot_be_leaf_and_branch_in_either_order() {
        for text in ["A=1&A.B=2", "A.B=2&A=1"] {
            assert!(matches!(Node::of(&form(text)), Err(TreeError::Conflict(_))), "{text}");
        }
    }

    #[test]
    fn the_limits_hold() {
        assert!(Node::of(&form("a.b.c.d.e.f.g.h=1")).is_ok());
        assert!(matches!(Node::of(&form("a.b.c.d.e.f.g.h.i=1")), Err(TreeError::TooDeep(_))));
        for text in ["a..b=1", ".a=1", "a.=1", "."] {
            assert!(matches!(Node::of(&form(text)), Err(TreeError::EmptySegment(_))), "{text}");
        }
        let full: Vec<String> = (1..=MAX_CHILDREN).map(|i| format!("L.member.{i}=")).collect();
        assert!(Node::of(&form(&full.join("&"))).is_ok());
        assert!(matches!(Node::of(&form(&format!("{}&L.member.1001=", full.join("&")))), Err(TreeError::TooMany(_))));
    }

    #[test]
    fn debug_shows_no_values() {
        let form = form("NewPassword=hunter2&A.B=secret");
        assert_eq!(format!("{:?}", Node::of(&form).unwrap()), r#"{"A": {"B": _}, "NewPassword": _}"#);
    }
}
