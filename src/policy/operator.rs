//! The names of condition operators. An operator that is not in this table does not exist: a document that uses it is refused.
//!
//! Source: IAM User Guide, `reference_policies_elements_condition_operators` and
//! `reference_policies_condition-single-vs-multi-valued-context-keys`.

use std::fmt;

/// A condition operator with its qualifiers, as in `ForAnyValue:StringLikeIfExists`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Operator {
    /// What is compared, and how.
    pub test: Test,
    /// How several values of the key count; `None` without a qualifier.
    pub set: Option<SetOperator>,
    /// Whether an absent key fulfils the condition.
    pub if_exists: bool,
}

/// The qualifiers for keys that carry several values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SetOperator {
    /// Every value must pass; none at all passes.
    ForAllValues,
    /// One value must pass; none at all fails.
    ForAnyValue,
}

macro_rules! tests {
    ($($name:ident),+ $(,)?) => {
        /// The comparisons that the language has, by their names in documents.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Test {
            $(#[doc = concat!("`", stringify!($name), "`")] $name,)+
        }

        impl Test {
            /// Every comparison.
            pub const ALL: &'static [Test] = &[$(Test::$name),+];

            /// The name in documents.
            pub fn name(self) -> &'static str {
                match self { $(Test::$name => stringify!($name),)+ }
            }

            fn named(name: &str) -> Option<Test> {
                match name { $(stringify!($name) => Some(Test::$name),)+ _ => None }
            }
        }
    };
}

tests! {
    StringEquals, StringNotEquals, StringEqualsIgnoreCase, StringNotEqualsIgnoreCase, StringLike, StringNotLike,
    NumericEquals, NumericNotEquals, NumericLessThan, NumericLessThanEquals, NumericGreaterThan, NumericGreaterThanEquals,
    DateEquals, DateNotEquals, DateLessThan, DateLessThanEquals, DateGreaterThan, DateGreaterThanEquals,
    Bool, BinaryEquals, IpAddress, NotIpAddress, ArnEquals, ArnLike, ArnNotEquals, ArnNotLike, Null,
}

impl Test {
    /// Whether the comparison holds where its positive twin does not.
    pub fn negated(self) -> bool {
        matches!(
            self,
            Test::StringNotEquals
                | Test::StringNotEqualsIgnoreCase
                | Test::StringNotLike
                | Test::NumericNotEquals
                | Test::DateNotEquals
                | Test::NotIpAddress
                | Test::ArnNotEquals
                | Test::ArnNotLike
        )
    }
}

impl Operator {
    /// Reads an operator's name; `None` when the language has no such operator. Names are case-sensitive.
    pub fn parse(name: &str) -> Option<Operator> {
        let (set, rest) = if let Some(rest) = name.strip_prefix("ForAllValues:") {
            (Some(SetOperator::ForAllValues), rest)
        } else if let Some(rest) = name.strip_prefix("ForAnyValue:") {
            (Some(SetOperator::ForAnyValue), rest)
        } else {
            (None, name)
        };
        let (base, if_exists) = match rest.strip_suffix("IfExists") {
            Some(base) => (base, true),
            None => (rest, false),
        };
        let test = Test::named(base)?;
        (!(test == Test::Null && if_exists)).then_some(Operator { test, set, if_exists })
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = match self.set {
            Some(SetOperator::ForAllValues) => "ForAllValues:",
            Some(SetOperator::ForAnyValue) => "ForAnyValue:",
            None => "",
        };
        write!(f, "{set}{}{}", self.test.name(), if self.if_exists { "IfExists" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_reads_back_with_every_qualifier() {
        for test in Test::ALL {
            for set in ["", "ForAllValues:", "ForAnyValue:"] {
                for suffix in ["", "IfExists"] {
                    let name = format!("{set}{}{suffix}", test.name());
                    let read = Operator::parse(&name);
                    if *test == Test::Null && suffix == "IfExists" {
                        assert_eq!(read, None, "{name}");
                    } else {
                        assert_eq!(read.map(|o| o.to_string()), Some(name));
                    }
                }
            }
        }
    }

    #[test]
    fn names_that_are_nearly_right_are_unknown() {
        for name in [
            "",
            "stringEquals",
            "StringEqual",
            "StringEqualsifexists",
            "ForAllValues:",
            "IfExists",
            "ForAnyValues:Bool",
        ] {
            assert_eq!(Operator::parse(name), None, "{name}");
        }
    }
}
