//! Conditions, compiled: values are read once, when the document is, so that a decision only compares.
//!
//! Source: IAM User Guide, `reference_policies_elements_condition_operators`,
//! `reference_policies_condition-logic-multiple-context-keys-or-values`,
//! `reference_policies_condition-single-vs-multi-valued-context-keys`.

use std::cmp::Ordering;
use std::sync::Arc;

use super::arn::ArnPattern;
use super::decimal::Decimal;
use super::fact::{Fact, Facts};
use super::folded::Folded;
use super::key::Key;
use super::moment::Moment;
use super::network::Network;
use super::operator::{Operator, SetOperator, Test};
use super::pattern::Pattern;
use super::template::Syntax;

/// One operator with one key and the values that the document expects.
#[derive(Debug, Clone)]
pub(super) struct Compiled {
    pub(super) operator: Operator,
    pub(super) key: Key,
    pub(super) expected: Expected,
    /// The first values as the document has them, for people: see [`stated`].
    pub(super) stated: Arc<[Box<str>]>,
    /// Whether a variable without a value makes the condition false: see [`Compiled::new`].
    demands_variables: bool,
}

/// The values of a condition, read as what the operator compares.
#[derive(Debug, Clone)]
pub(super) enum Expected {
    Text(Box<[Pattern]>),
    TextAnyCase(Box<[Folded]>),
    Arn(Box<[ArnPattern]>),
    Number(Comparison, Box<[Decimal]>),
    Date(Comparison, Box<[Moment]>),
    Binary(Box<[Box<[u8]>]>),
    Network(Box<[Network]>),
    /// Whether the key must be absent.
    Absent(Box<[bool]>),
}

/// How an ordered value of the request is compared with one of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    pub(super) fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Comparison::Equal => ordering.is_eq(),
            Comparison::Less => ordering.is_lt(),
            Comparison::LessOrEqual => ordering.is_le(),
            Comparison::Greater => ordering.is_gt(),
            Comparison::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

impl Compiled {
    /// Compiles a condition. The error says which value the operator cannot compare.
    ///
    /// A variable without a value makes its pattern match nothing, which *fulfils* a negated operator. In a statement that
    /// allows, that would open a door because something is unknown, so there (`allows`) the condition is false instead.
    pub(super) fn new(
        operator: Operator,
        key: &str,
        values: &[String],
        variables: bool,
        allows: bool,
    ) -> Result<Compiled, String> {
        let expected = Expected::new(operator.test, values, variables)?;
        let demands_variables = allows && operator.test.negated() && expected.variables().next().is_some();
        Ok(Compiled { operator, key: Key::new(key), expected, stated: stated(values), demands_variables })
    }

    /// Whether the request fulfils the condition.
    pub(super) fn holds(&self, facts: &dyn Facts) -> bool {
        let value = facts.fact(&self.key).filter(|value| !value.is_absent());
        if let Expected::Absent(wanted) = &self.expected {
            return wanted.contains(&value.is_none());
        }
        if value.is_none() && self.operator.if_exists {
            return true;
        }
        if self.demands_variables && !self.expected.resolvable(facts) {
            return false;
        }
        let negated = self.operator.test.negated();
        match (value, self.operator.set) {
            (None, None) => negated,
            (None, Some(set)) => set == SetOperator::ForAllValues,
            (Some(value), None) => negated != value.any(|v| self.expected.contains(v, facts)),
            (Some(value), Some(SetOperator::ForAnyValue)) => {
                !value.is_empty_set() && value.any(|v| negated != self.expected.contains(v, facts))
            }
            (Some(value), Some(SetOperator::ForAllValues)) => {
                value.is_empty_set() || !value.any(|v| negated == self.expected.contains(v, facts))
            }
        }
    }

    /// Whether the request does not carry the key at all.
    pub(super) fn key_is_absent(&self, facts: &dyn Facts) -> bool {
        facts.fact(&self.key).is_none_or(Fact::is_absent)
    }
}

impl Expected {
    fn new(test: Test, values: &[String], variables: bool) -> Result<Expected, String> {
        let exact = Syntax { wildcards: false, variables };
        let like = Syntax { wildcards: true, variables };
        Ok(match test {
            Test::StringEquals | Test::StringNotEquals => Expected::Text(each(values, |v| Pattern::text(v, exact))?),
            Test::StringLike | Test::StringNotLike => Expected::Text(each(values, |v| Pattern::text(v, like))?),
            Test::StringEqualsIgnoreCase | Test::StringNotEqualsIgnoreCase => {
                Expected::TextAnyCase(each(values, |v| Folded::new(v, variables))?)
            }
            Test::Bool => Expected::TextAnyCase(each(values, |v| boolean(v, variables))?),
            Test::ArnEquals | Test::ArnLike | Test::ArnNotEquals | Test::ArnNotLike => {
                Expected::Arn(each(values, |v| ArnPattern::new(v, variables))?)
            }
            Test::NumericEquals | Test::NumericNotEquals => numbers(Comparison::Equal, values)?,
            Test::NumericLessThan => numbers(Comparison::Less, values)?,
            Test::NumericLessThanEquals => numbers(Comparison::LessOrEqual, values)?,
            Test::NumericGreaterThan => numbers(Comparison::Greater, values)?,
            Test::NumericGreaterThanEquals => numbers(Comparison::GreaterOrEqual, values)?,
            Test::DateEquals | Test::DateNotEquals => dates(Comparison::Equal, values)?,
            Test::DateLessThan => dates(Comparison::Less, values)?,
            Test::DateLessThanEquals => dates(Comparison::LessOrEqual, values)?,
            Test::DateGreaterThan => dates(Comparison::Greater, values)?,
            Test::DateGreaterThanEquals => dates(Comparison::GreaterOrEqual, values)?,
            Test::BinaryEquals => Expected::Binary(each(values, |v| {
                let bytes = data_encoding::BASE64.decode(v.as_bytes());
                bytes.map(Vec::into_boxed_slice).map_err(|_| format!("`{v}` is not base64"))
            })?),
            Test::IpAddress | Test::NotIpAddress => Expected::Network(each(values, |v| {
                Network::parse(v).ok_or_else(|| format!("`{v}` is no range of addresses"))
            })?),
            Test::Null => Expected::Absent(each(values, |v| {
                let lower = v.to_ascii_lowercase();
                lower.parse().map_err(|_| format!("`{v}` is neither true nor false"))
            })?),
        })
    }

    /// Whether one of the values accepts `value`. A value that is not of the operator's type is accepted by none.
    fn contains(&self, value: Fact<'_>, facts: &dyn Facts) -> bool {
        match self {
            Expected::Text(patterns) => {
                let text = value.text();
                patterns.iter().any(|pattern| pattern.matches(&text, facts))
            }
            Expected::TextAnyCase(expected) => {
                let text = value.text();
                expected.iter().any(|folded| folded.equals(&text, facts))
            }
            Expected::Arn(patterns) => {
                let text = value.text();
                patterns.iter().any(|pattern| pattern.matches(&text, facts))
            }
            Expected::Number(comparison, numbers) => {
                value.decimal().is_some_and(|v| numbers.iter().any(|n| comparison.accepts(v.cmp(n))))
            }
            Expected::Date(comparison, moments) => {
                value.moment().is_some_and(|v| moments.iter().any(|m| comparison.accepts(v.cmp(m))))
            }
            Expected::Binary(expected) => match value {
                Fact::Bytes(bytes) => expected.iter().any(|e| **e == *bytes),
                other => expected.iter().any(|e| **e == *other.text().as_bytes()),
            },
            Expected::Network(networks) => value.ip().is_some_and(|v| networks.iter().any(|n| n.contains(v))),
            Expected::Absent(_) => false,
        }
    }

    /// Whether every variable in the values has a value.
    fn resolvable(&self, facts: &dyn Facts) -> bool {
        match self {
            Expected::Text(patterns) => patterns.iter().all(|p| p.resolvable(facts)),
            Expected::TextAnyCase(expected) => expected.iter().all(|folded| folded.resolvable(facts)),
            Expected::Arn(patterns) => patterns.iter().all(|p| p.resolvable(facts)),
            _ => true,
        }
    }

    /// The keys that variables in the values read.
    pub(super) fn variables(&self) -> Box<dyn Iterator<Item = &Key> + '_> {
        match self {
            Expected::Text(patterns) => Box::new(patterns.iter().flat_map(Pattern::variables)),
            Expected::TextAnyCase(expected) => Box::new(expected.iter().flat_map(Folded::variables)),
            Expected::Arn(patterns) => Box::new(patterns.iter().flat_map(ArnPattern::variables)),
            _ => Box::new(std::iter::empty()),
        }
    }
}

/// What is kept of a condition's values to tell people what it expects: enough to recognize it, and no second copy of a long list.
fn stated(values: &[String]) -> Arc<[Box<str>]> {
    const VALUES: usize = 8;
    const CHARACTERS: usize = 128;
    let shown = values.iter().take(VALUES).map(|value| match value.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}...", &value[..end]).into(),
        None => value.as_str().into(),
    });
    let more = (values.len() > VALUES).then(|| format!("... and {} more", values.len() - VALUES).into());
    shown.chain(more).collect()
}

fn each<T>(values: &[String], read: impl Fn(&str) -> Result<T, String>) -> Result<Box<[T]>, String> {
    values.iter().map(|value| read(value)).collect()
}

fn boolean(value: &str, variables: bool) -> Result<Folded, String> {
    let folded = Folded::new(value, variables)?;
    match folded.fixed() {
        Some(text) if text != "true" && text != "false" => Err(format!("`{value}` is neither true nor false")),
        _ => Ok(folded),
    }
}

fn numbers(comparison: Comparison, values: &[String]) -> Result<Expected, String> {
    let read = |v: &str| Decimal::parse(v).ok_or_else(|| format!("`{v}` is no number"));
    Ok(Expected::Number(comparison, each(values, read)?))
}

fn dates(comparison: Comparison, values: &[String]) -> Result<Expected, String> {
    let read = |v: &str| Moment::parse(v).ok_or_else(|| format!("`{v}` is no date"));
    Ok(Expected::Date(comparison, each(values, read)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Context, Value};

    fn holds(operator: &str, expected: &[&str], actual: Option<Value>) -> bool {
        let values: Vec<String> = expected.iter().map(|&v| v.to_owned()).collect();
        let mut context = Context::new();
        if let Some(actual) = actual {
            context.set("k:x", actual);
        }
        context.set("k:name", "Ann");
        Compiled::new(Operator::parse(operator).unwrap(), "K:X", &values, true, false).unwrap().holds(&context)
    }

    fn list(values: &[&str]) -> Option<Value> {
        Some(values.iter().map(|&v| v.to_owned()).collect::<Vec<_>>().into())
    }

    #[test]
    fn an_absent_key_decides_by_the_operator() {
        for test in Test::ALL.iter().filter(|t| **t != Test::Null) {
            let value = match test {
                Test::Bool => "true",
                Test::IpAddress | Test::NotIpAddress => "::1",
                Test::BinaryEquals => "AAAA",
                _ => "2020",
            };
            for absent in [None, list(&[])] {
                let holds = |name: String| holds(&name, &[value], absent.clone());
                assert_eq!(holds(test.name().into()), test.negated(), "{test:?}");
                assert!(holds(format!("{}IfExists", test.name())), "{test:?}");
                assert!(holds(format!("ForAllValues:{}", test.name())), "{test:?}");
                assert!(!holds(format!("ForAnyValue:{}", test.name())), "{test:?}");
                assert!(holds(format!("ForAnyValue:{}IfExists", test.name())), "{test:?}");
            }
        }
    }

    #[test]
    fn values_are_compared_as_the_operator_says() {
        for (operator, expected, actual, result) in [
            ("StringEquals", &["a", "b"][..], Value::from("b"), true),
            ("StringEquals", &["a*"], Value::from("ab"), false),
            ("StringEquals", &["${k:name}"], Value::from("Ann"), true),
            ("StringNotEquals", &["a", "b"], Value::from("b"), false),
            ("StringEqualsIgnoreCase", &["ÄB"], Value::from("äb"), true),
            ("StringEqualsIgnoreCase", &["x${k:name}"], Value::from("XANN"), true),
            ("StringLike", &["h?me/*"], Value::from("home/ann"), true),
            ("StringNotLike", &["h?me/*"], Value::from("home/ann"), false),
            ("NumericLessThan", &["3600"], Value::from(3_599), true),
            ("NumericLessThan", &["3600"], Value::from("3600"), false),
            ("NumericEquals", &["1.50"], Value::from("1.5"), true),
            ("NumericEquals", &["1"], Value::from("one"), false),
            ("NumericNotEquals", &["1"], Value::from("one"), true),
            ("DateGreaterThan", &["2020-01-01T00:00:01Z"], Value::from("2020-01-01T00:00:01Z"), false),
            ("DateGreaterThanEquals", &["2020-01-01T00:00:01Z"], Value::from(1_577_836_801), true),
            ("Bool", &["TRUE"], Value::from(true), true),
            ("Bool", &["false"], Value::from("False"), true),
            ("BinaryEquals", &["AQI="], Value::from(vec![1_u8, 2]), true),
            ("BinaryEquals", &["QQ=="], Value::from("A"), true),
            ("IpAddress", &["10.0.0.0/8", "2001:db8::/32"], Value::from("2001:db8::7"), true),
            ("NotIpAddress", &["10.0.0.0/8"], Value::from("10.9.9.9"), false),
            ("NotIpAddress", &["10.0.0.0/8"], Value::from("unknown"), true),
            ("ArnEquals", &["arn:aws:sns:*:1:t"], Value::from("arn:aws:sns:eu:1:t"), true),
            ("ArnNotLike", &["arn:aws:sns:*:1:t"], Value::from("arn:aws:sns:eu:1:t"), false),
            ("Null", &["true"], Value::from(""), false),
            ("Null", &["false"], Value::from("x"), true),
            ("Null", &["true", "false"], Value::from("x"), true),
        ] {
            assert_eq!(holds(operator, expected, Some(actual.clone())), result, "{operator} {expected:?} {actual:?}");
        }
        assert!(holds("Null", &["true"], None));
    }

    /// Whoever has read an address once for all conditions decides as with the text.
    #[test]
    fn an_address_is_compared_as_its_text() {
        for text in ["192.0.2.7", "0.0.0.0", "2001:db8::1", "::", "::1", "::ffff:192.0.2.7", "2001:0:1::2"] {
            let address: std::net::IpAddr = text.parse().unwrap();
            let binary = data_encoding::BASE64.encode(text.as_bytes());
            for test in Test::ALL {
                let values = match test {
                    Test::Bool | Test::Null => ["true", "false", "true"],
                    Test::BinaryEquals => [binary.as_str(), "AAAA", ""],
                    Test::IpAddress | Test::NotIpAddress => ["192.0.2.0/24", "::ffff:0:0/96", "2001:db8::1"],
                    name if name.name().starts_with("Arn") => ["*", "arn:aws:x:::*", "${k:x}"],
                    name if name.name().starts_with("String") => [text, "*ffff*", "${k:x}"],
                    _ => ["0", "2001", "192"],
                };
                for (set, value) in
                    ["", "ForAllValues:", "ForAnyValue:"].iter().flat_map(|set| values.map(|v| (set, v)))
                {
                    let operator = format!("{set}{}", test.name());
                    let [as_text, read] = [Value::from(text), Value::from(address)];
                    let [as_text, read] = [as_text, read].map(|actual| holds(&operator, &[value], Some(actual)));
                    assert_eq!(as_text, read, "{operator} {value} {text}");
                }
            }
        }
    }

    #[test]
    fn set_operators_count_the_values_of_the_request() {
        for (operator, actual, result) in [
            ("ForAllValues:StringEquals", &["a", "b"][..], true),
            ("ForAllValues:StringEquals", &["a", "c"], false),
            ("ForAnyValue:StringEquals", &["c", "a"], true),
            ("ForAnyValue:StringEquals", &["c"], false),
            ("ForAllValues:StringNotEquals", &["c", "d"], true),
            ("ForAllValues:StringNotEquals", &["c", "a"], false),
            ("ForAnyValue:StringNotEquals", &["a", "c"], true),
            ("ForAnyValue:StringNotEquals", &["a", "b"], false),
            ("StringEquals", &["c", "a"], true),
            ("StringNotEquals", &["c", "a"], false),
            ("ForAllValues:StringEquals", &[""], true),
            ("ForAnyValue:StringNotEquals", &[""], false),
        ] {
            assert_eq!(holds(operator, &["a", "b"], list(actual)), result, "{operator} {actual:?}");
        }
    }

    #[test]
    fn a_variable_without_a_value_opens_nothing() {
        let condition = |allows| {
            let operator = Operator::parse("StringNotEquals").unwrap();
            Compiled::new(operator, "k:x", &["${k:none}".to_owned()], true, allows).unwrap()
        };
        let mut context = Context::new();
        context.set("k:x", "anything");
        assert!(!condition(true).holds(&context), "it does not allow");
        assert!(condition(false).holds(&context), "it goes on denying");
        context.set("k:none", "known");
        assert!(condition(true).holds(&context));
    }

    #[test]
    fn values_that_the_operator_cannot_compare_are_refused() {
        for (operator, value) in [
            ("NumericEquals", "ten"),
            ("NumericEquals", "${k:x}"),
            ("DateEquals", "soon"),
            ("Bool", "yes"),
            ("BinaryEquals", "*"),
            ("IpAddress", "300.0.0.1"),
            ("Null", "maybe"),
            ("StringLike", "${k"),
            ("ArnLike", "${}"),
        ] {
            let operator = Operator::parse(operator).unwrap();
            assert!(Compiled::new(operator, "k:x", &[value.to_owned()], true, true).is_err(), "{operator} {value}");
        }
    }
}
