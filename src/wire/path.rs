//! Where in a request a value stands, printed as AWS prints it: `userName`, `tags.1.member.key`.
//!
//! The first letter of a member's name is lowered and nothing else, so `SAMLAssertion` is `sAMLAssertion`.

use std::fmt;

/// A place in the parameter tree: a link to the place above it, so that descending costs nothing until it is printed.
#[derive(Debug, Clone, Copy)]
pub struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'p> {
    Root,
    Member(&'p str),
    Element(u32),
    Entry(u32, &'static str),
}

impl<'p> Path<'p> {
    /// The request itself; prints as nothing.
    pub const ROOT: Path<'static> = Path { parent: None, step: Step::Root };

    /// A structure's member, by its name on the wire.
    pub fn member(&'p self, name: &'p str) -> Path<'p> {
        self.step(Step::Member(name))
    }

    /// A list's element, by the index it was sent with.
    pub fn element(&'p self, index: u32) -> Path<'p> {
        self.step(Step::Element(index))
    }

    /// A map entry's `key` or `value`, by the index it was sent with.
    pub fn entry(&'p self, index: u32, half: &'static str) -> Path<'p> {
        self.step(Step::Entry(index, half))
    }

    fn step(&'p self, step: Step<'p>) -> Path<'p> {
        Path { parent: Some(self), step }
    }
}

impl fmt::Display for Path<'_> {
    // Recursion is as deep as the parameter tree, which is bounded by `tree::MAX_DEPTH`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
            if !matches!(parent.step, Step::Root) {
                f.write_str(".")?;
            }
        }
        match self.step {
            Step::Root => Ok(()),
            Step::Member(name) => {
                let mut letters = name.chars();
                if let Some(first) = letters.next() {
                    write!(f, "{}", first.to_ascii_lowercase())?;
                }
                f.write_str(letters.as_str())
            }
            Step::Element(index) => write!(f, "{index}.member"),
            Step::Entry(index, half) => write!(f, "{index}.entry.{half}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_aws_does() {
        let tags = Path::ROOT.member("Tags");
        let sixth = tags.element(6);
        assert_eq!(sixth.member("Value").to_string(), "tags.6.member.value");
        assert_eq!(sixth.to_string(), "tags.6.member");
        assert_eq!(Path::ROOT.member("SAMLAssertion").to_string(), "sAMLAssertion");
        assert_eq!(Path::ROOT.to_string(), "");
        assert_eq!(tags.entry(2, "value").to_string(), "tags.2.entry.value");
    }
}
