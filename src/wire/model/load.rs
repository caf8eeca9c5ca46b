//! Reading a table: JSON with shapes by name into operations whose shapes are resolved and shared.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use thiserror::Error;

use super::{ErrorShape, Kind, Member, Model, Operation, Pagination, Pattern, Service, Shape};

/// Why a table cannot be read.
#[derive(Debug, Error)]
enum TableError {
    #[error("the table is not of the form that is expected: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the shape {0} is not in the table")]
    UnknownShape(String),
    #[error("the error {0} is not in the table")]
    UnknownError(String),
    #[error("the shape {0} lacks what its kind needs, or contains itself")]
    BadShape(String),
}

/// Reads a table that is part of the program.
#[expect(clippy::expect_used, reason = "the text is compiled in, and a unit test reads both tables")]
pub(super) fn compiled_in(service: Service, text: &str) -> Model {
    read(service, text).expect("the compiled-in table is well formed")
}

fn read(service: Service, text: &str) -> Result<Model, TableError> {
    let table: Table = serde_json::from_str(text)?;
    let mut errors = HashMap::new();
    for (name, facts) in table.errors {
        let error = ErrorShape { name: name.clone(), code: facts.code, status: facts.status, sender: facts.sender };
        errors.insert(name, Arc::new(error));
    }
    let mut shapes = Shapes { lines: table.shapes, done: HashMap::new(), patterns: BTreeMap::new() };
    let mut operations = BTreeMap::new();
    for (name, line) in table.operations {
        let find = |error: String| errors.get(&error).cloned().ok_or(TableError::UnknownError(error));
        let operation = Operation {
            name: name.clone(),
            input: line.input.map_or(Ok(Vec::new()), |shape| shapes.members(&shape))?,
            output: line.output.map(|shape| shapes.members(&shape)).transpose()?,
            result_wrapper: line.result_wrapper,
            unsigned: line.unsigned,
            errors: line.errors.into_iter().map(find).collect::<Result<_, _>>()?,
            pagination: line.pagination.map(Into::into),
        };
        operations.insert(name, operation);
    }
    Ok(Model {
        service,
        api_version: table.api_version,
        xmlns: table.xml_namespace,
        botocore: table.botocore,
        operations,
        patterns: shapes.patterns.into_values().collect(),
    })
}

/// Resolves names to shapes, each once.
struct Shapes {
    lines: HashMap<String, ShapeLine>,
    done: HashMap<String, Arc<Shape>>,
    patterns: BTreeMap<String, Arc<Pattern>>,
}

impl Shapes {
    fn get(&mut self, name: &str) -> Result<Arc<Shape>, TableError> {
        if let Some(shape) = self.done.get(name) {
            return Ok(Arc::clone(shape));
        }
        // Taken out while it is resolved, so that a shape that contains itself is an error and not an endless descent.
        let line = self.lines.remove(name).ok_or_else(|| TableError::UnknownShape(name.into()))?;
        let (min, max, sensitive) = (line.min, line.max, line.sensitive);
        let shape = Arc::new(Shape { name: name.into(), kind: self.kind(name, line)?, min, max, sensitive });
        self.done.insert(name.into(), Arc::clone(&shape));
        Ok(shape)
    }

    fn kind(&mut self, name: &str, line: ShapeLine) -> Result<Kind, TableError> {
        let bad = || TableError::BadShape(name.into());
        Ok(match line.kind {
            KindName::Structure => Kind::Structure(self.resolve(line.members, &line.required)?),
            KindName::List => Kind::List(self.get(&line.member.ok_or_else(bad)?)?),
            KindName::Map => Kind::Map(self.get(&line.key.ok_or_else(bad)?)?, self.get(&line.value.ok_or_else(bad)?)?),
            KindName::String => {
                let pattern = line.pattern.map(|source| {
                    let known = self.patterns.entry(source.clone());
                    Arc::clone(known.or_insert_with(|| Arc::new(Pattern::new(source))))
                });
                Kind::Text { pattern, allowed: line.allowed }
            }
            KindName::Integer => Kind::Integer,
            KindName::Boolean => Kind::Boolean,
            KindName::Timestamp => Kind::Timestamp,
            KindName::Blob => Kind::Blob,
        })
    }

    fn resolve(&mut self, members: Pairs<String>, required: &[String]) -> Result<Vec<Member>, TableError> {
        let member = |(name, shape): (String, String)| {
            Ok(Member { required: required.contains(&name), shape: self.get(&shape)?, name })
        };
        members.0.into_iter().map(member).collect()
    }

    // An operation's own structure. Two operations may share one, so it is resolved from a copy.
    fn members(&mut self, name: &str) -> Result<Vec<Member>, TableError> {
        let shape = self.get(name)?;
        let Kind::Structure(members) = &shape.kind else { return Err(TableError::BadShape(name.into())) };
        let copy = |m: &Member| Member { name: m.name.clone(), required: m.required, shape: Arc::clone(&m.shape) };
        Ok(members.iter().map(copy).collect())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Table {
    api_version: String,
    xml_namespace: String,
    botocore: String,
    operations: BTreeMap<String, OperationLine>,
    errors: HashMap<String, ErrorLine>,
    shapes: HashMap<String, ShapeLine>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OperationLine {
    input: Option<String>,
    output: Option<String>,
    result_wrapper: Option<String>,
    #[serde(default)]
    unsigned: bool,
    #[serde(default)]
    errors: Vec<String>,
    pagination: Option<PageLine>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PageLine {
    input_token: String,
    output_token: String,
    limit_key: String,
    result_keys: Vec<String>,
    more_results: Option<String>,
}

impl From<PageLine> for Pagination {
    fn from(line: PageLine) -> Self {
        Self {
            input_token: line.input_token,
            output_token: line.output_token,
            limit_key: line.limit_key,
            result_keys: line.result_keys,
            more_results: line.more_results,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ErrorLine {
    code: String,
    status: u16,
    sender: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShapeLine {
    #[serde(rename = "type")]
    kind: KindName,
    min: Option<i64>,
    max: Option<i64>,
    pattern: Option<String>,
    #[serde(rename = "enum", default)]
    allowed: Vec<String>,
    #[serde(default)]
    sensitive: bool,
    member: Option<String>,
    key: Option<String>,
    value: Option<String>,
    #[serde(default)]
    required: Vec<String>,
    #[serde(default)]
    members: Pairs<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum KindName {
    Structure,
    List,
    Map,
    String,
    Integer,
    Boolean,
    Timestamp,
    Blob,
}

/// A JSON object whose order counts.
struct Pairs<T>(Vec<(String, T)>);

impl<T> Default for Pairs<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for InOrder<T> {
            type Value = Pairs<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<T>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(InOrder(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(shapes: &str) -> Result<Model, TableError> {
        let head = r#""apiVersion": "v", "xmlNamespace": "x", "botocore": "b""#;
        read(
            Service::Iam,
            &format!(r#"{{{head}, "operations": {{"A": {{"input": "In"}}}}, "errors": {{}}, "shapes": {{{shapes}}}}}"#),
        )
    }

    #[test]
    fn the_compiled_in_tables_are_well_formed() {
        read(Service::Iam, include_str!("iam.json")).unwrap();
        read(Service::Sts, include_str!("sts.json")).unwrap();
    }

    #[test]
    fn a_table_with_a_hole_is_refused() {
        let good = r#""In": {"type": "structure", "members": {"X": "s"}}, "s": {"type": "string"}"#;
        assert!(table(good).is_ok());
        for shapes in [
            "",
            r#""In": {"type": "structure", "members": {"X": "s"}}"#,
            r#""In": {"type": "structure", "members": {"X": "In"}}"#,
            r#""In": {"type": "string"}"#,
            r#""In": {"type": "list"}"#,
            r#""In": {"type": "structure", "membres": {}}"#,
        ] {
            assert!(table(shapes).is_err(), "{shapes}");
        }
    }
}
