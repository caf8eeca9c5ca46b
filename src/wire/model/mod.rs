//! The table of the operations that AWS publishes for IAM and STS: what brevet is held against, and what requests are
//! validated by.
//!
//! `iam.json` and `sts.json` are written by `tests/coverage/make_table.py` from botocore's service models and are not
//! edited by hand. They are compiled in and read once, at the first use.

mod load;
mod pattern;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, OnceLock};

pub use pattern::{Pattern, PatternError};

/// One of the two services whose Query API brevet speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// Identity and Access Management, API version 2010-05-08.
    Iam,
    /// Security Token Service, API version 2011-06-15.
    Sts,
}

impl Service {
    /// The name that requests are signed for, and the prefix of actions in policies.
    pub fn name(self) -> &'static str {
        match self {
            Self::Iam => "iam",
            Self::Sts => "sts",
        }
    }
}

/// A service's published operations.
#[derive(Debug)]
pub struct Model {
    service: Service,
    api_version: String,
    xmlns: String,
    botocore: String,
    operations: BTreeMap<String, Operation>,
    patterns: Vec<Arc<Pattern>>,
}

/// One published operation.
#[derive(Debug)]
pub struct Operation {
    /// The name, which is the value of `Action`.
    pub name: String,
    /// The members of the input; none for an operation without parameters.
    pub input: Vec<Member>,
    /// The members of the output's top level; `None` when the operation declares no output at all.
    pub output: Option<Vec<Member>>,
    /// The element around the output, such as `CreateUserResult`; present exactly when `output` is.
    pub result_wrapper: Option<String>,
    /// Whether a request needs no signature, as for `AssumeRoleWithWebIdentity`.
    pub unsigned: bool,
    /// The errors that the operation declares, beside those common to every operation.
    pub errors: Vec<Arc<ErrorShape>>,
    /// How the operation's answers are paged, if they are.
    pub pagination: Option<Pagination>,
}

/// A member of a structure.
#[derive(Debug)]
pub struct Member {
    /// The name on the wire, such as `UserName`.
    pub name: String,
    /// Whether a request without it is refused.
    pub required: bool,
    /// What its value is.
    pub shape: Arc<Shape>,
}

/// A type of the model with its constraints.
#[derive(Debug)]
pub struct Shape {
    /// The shape's name in the model, such as `userNameType`.
    pub name: String,
    /// What kind of value it is.
    pub kind: Kind,
    /// The least length (characters of text, elements of a list) or value (of a number).
    pub min: Option<i64>,
    /// The greatest length or value.
    pub max: Option<i64>,
    /// Whether the model marks it as one that must not be shown.
    pub sensitive: bool,
}

/// What kind of value a shape is.
#[derive(Debug)]
pub enum Kind {
    /// Members by name, in the model's order.
    Structure(Vec<Member>),
    /// Elements of one shape.
    List(Arc<Shape>),
    /// Keys and values.
    Map(Arc<Shape>, Arc<Shape>),
    /// Text, with the pattern that the whole of it must match and the values it may take (empty: any).
    Text {
        /// The pattern, if there is one.
        pattern: Option<Arc<Pattern>>,
        /// The only values that are allowed, unless empty.
        allowed: Vec<String>,
    },
    /// A 32-bit whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// A moment, as ISO 8601 text.
    Timestamp,
    /// Bytes, as base64 text.
    Blob,
}

/// An error that operations declare.
#[derive(Debug)]
pub struct ErrorShape {
    /// The shape's name, such as `NoSuchEntityException`.
    pub name: String,
    /// The code on the wire, such as `NoSuchEntity`.
    pub code: String,
    /// The HTTP status.
    pub status: u16,
    /// Whether it is the caller's mistake.
    pub sender: bool,
}

/// The members that page through a list.
#[derive(Debug)]
pub struct Pagination {
    /// The input member that says where to go on, such as `Marker`.
    pub input_token: String,
    /// The output member that the next request's `input_token` is taken from.
    pub output_token: String,
    /// The input member that limits a page, such as `MaxItems`.
    pub limit_key: String,
    /// The output members that are paged.
    pub result_keys: Vec<String>,
    /// The output member that says whether there is more, such as `IsTruncated`.
    pub more_results: Option<String>,
}

impl Model {
    /// The service's table, read at the first call.
    pub fn of(service: Service) -> &'static Self {
        static IAM: OnceLock<Model> = OnceLock::new();
        static STS: OnceLock<Model> = OnceLock::new();
        match service {
            Service::Iam => IAM.get_or_init(|| load::compiled_in(service, include_str!("iam.json"))),
            Service::Sts => STS.get_or_init(|| load::compiled_in(service, include_str!("sts.json"))),
        }
    }

    /// The operation of this exact name.
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.get(name)
    }

    /// Every operation, in the order of names.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.operations.values()
    }

    /// Every distinct pattern that the shapes use.
    pub fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.patterns.iter().map(Arc::as_ref)
    }

    /// Which service this is the table of.
    pub fn service(&self) -> Service {
        self.service
    }

    /// The value that `Version` must have.
    pub fn api_version(&self) -> &str {
        &self.api_version
    }

    /// The XML namespace of the service's answers.
    pub fn xmlns(&self) -> &str {
        &self.xmlns
    }

    /// The version of botocore that the table was written from.
    pub fn botocore(&self) -> &str {
        &self.botocore
    }
}

impl Operation {
    /// The declared error with this code on the wire.
    pub fn error(&self, code: &str) -> Option<&ErrorShape> {
        self.errors.iter().map(Arc::as_ref).find(|error| error.code == code)
    }
}

/// The published operations that are not among `implemented`, in the order of names.
pub fn missing(service: Service, implemented: &[&str]) -> Vec<&'static str> {
    let implemented: HashSet<&str> = implemented.iter().copied().collect();
    let names = Model::of(service).operations().map(|operation| operation.name.as_str());
    names.filter(|name| !implemented.contains(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iam(name: &str) -> &'static Operation {
        Model::of(Service::Iam).operation(name).unwrap()
    }

    #[test]
    fn both_tables_are_whole() {
        let (iam, sts) = (Model::of(Service::Iam), Model::of(Service::Sts));
        assert_eq!((iam.api_version(), sts.api_version()), ("2010-05-08", "2011-06-15"));
        assert!(iam.operations().count() >= 176 && sts.operations().count() >= 11);
        assert_eq!(iam.botocore(), sts.botocore());
        for operation in iam.operations().chain(sts.operations()) {
            assert_eq!(operation.output.is_some(), operation.result_wrapper.is_some(), "{}", operation.name);
            if let Some(wrapper) = &operation.result_wrapper {
                assert_eq!(*wrapper, format!("{}Result", operation.name));
            }
        }
    }

    #[test]
    fn an_operation_carries_its_facts() {
        let list = iam("ListUsers");
        let names: Vec<&str> = list.input.iter().map(|member| member.name.as_str()).collect();
        assert_eq!(names, ["PathPrefix", "Marker", "MaxItems"]);
        let page = list.pagination.as_ref().unwrap();
        assert_eq!((page.input_token.as_str(), page.limit_key.as_str()), ("Marker", "MaxItems"));
        assert_eq!(
            (page.result_keys.as_slice(), page.more_results.as_deref()),
            (&["Users".to_owned()][..], Some("IsTruncated"))
        );
        let delete = iam("DeleteUser");
        assert!(delete.output.is_none() && delete.pagination.is_none());
        let error = delete.error("NoSuchEntity").unwrap();
        assert_eq!((error.name.as_str(), error.status, error.sender), ("NoSuchEntityException", 404, true));
        assert!(!iam("GetUser").errors.last().unwrap().sender);
        assert!(iam("UpdateRole").output.as_ref().unwrap().is_empty());
    }

    #[test]
    fn shapes_carry_their_constraints() {
        let create = iam("CreateUser");
        let name = create.input.iter().find(|member| member.name == "UserName").unwrap();
        assert!(name.required);
        assert_eq!((name.shape.min, name.shape.max), (Some(1), Some(64)));
        let Kind::Text { pattern: Some(pattern), .. } = &name.shape.kind else { panic!("{:?}", name.shape) };
        assert_eq!(pattern.source(), r"[\w+=,.@-]+");
        let password = &iam("ChangePassword").input[0];
        assert!(password.shape.sensitive);
    }

    #[test]
    fn only_the_exchanges_of_foreign_tokens_are_unsigned() {
        let unsigned: Vec<&str> =
            Model::of(Service::Sts).operations().filter(|o| o.unsigned).map(|o| o.name.as_str()).collect();
        assert_eq!(unsigned, ["AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"]);
        assert!(!Model::of(Service::Iam).operations().any(|o| o.unsigned));
    }

    #[test]
    fn missing_names_the_gaps() {
        let all: Vec<&str> = Model::of(Service::Sts).operations().map(|o| o.name.as_str()).collect();
        assert!(missing(Service::Sts, &all).is_empty());
        assert_eq!(missing(Service::Sts, &all[1..]), ["AssumeRole"]);
        assert_eq!(missing(Service::Sts, &[]).len(), all.len());
    }
}
