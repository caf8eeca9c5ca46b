//! How long a decision stays what it is while nothing changes but the time.

use std::cmp::Ordering;

use super::compile::Matcher;
use super::condition::{Comparison, Compiled, Expected};
use super::fact::{Fact, Facts};
use super::key::Key;
use super::set::PolicySet;
use crate::clock::Timestamp;

/// The condition keys whose values change by themselves.
const CLOCKS: [&str; 2] = ["aws:currenttime", "aws:epochtime"];
const MFA_AGE: &str = "aws:multifactorauthage";

/// What a set of policies reads of the time.
#[derive(Debug, Clone, Default)]
pub(super) struct Clocks {
    /// The conditions on keys that change by themselves.
    conditions: Box<[Compiled]>,
    /// Such keys that are read as policy variables.
    variables: Box<[Key]>,
}

impl Clocks {
    pub(super) fn new<'m>(matchers: impl Iterator<Item = &'m Matcher>) -> Clocks {
        let (mut conditions, mut variables) = (Vec::new(), Vec::new());
        for matcher in matchers {
            conditions.extend(matcher.conditions.iter().filter(|condition| ticks(&condition.key)).cloned());
            variables.extend(matcher.variables().filter(|key| ticks(key)).cloned());
        }
        Clocks { conditions: conditions.into(), variables: variables.into() }
    }
}

fn ticks(key: &Key) -> bool {
    CLOCKS.contains(&key.name()) || key.name() == MFA_AGE
}

impl PolicySet {
    /// Whether it has anything that changes with the time.
    pub fn reads_the_time(&self) -> bool {
        let Clocks { conditions, variables } = self.clocks();
        !(conditions.is_empty() && variables.is_empty())
    }

    /// The earliest moment after `now` at which a condition on a key that changes with the time (`aws:CurrentTime`,
    /// `aws:EpochTime`, `aws:MultiFactorAuthAge`) could come out otherwise, in a request that is the same in all else.
    ///
    /// `None` when time changes nothing; `now` itself when it cannot be known, because such a key is read as a text or as a
    /// policy variable. A key that the request lacks stays absent.
    pub fn valid_until(&self, now: Timestamp, facts: &dyn Facts) -> Option<Timestamp> {
        let clocks = self.clocks();
        if clocks.variables.iter().any(|key| facts.fact(key).is_some()) {
            return Some(now);
        }
        clocks.conditions.iter().filter_map(|condition| condition_until(condition, now, facts)).min()
    }
}

fn condition_until(condition: &Compiled, now: Timestamp, facts: &dyn Facts) -> Option<Timestamp> {
    let value = facts.fact(&condition.key).filter(|value| !value.is_absent())?;
    // How far the key's value is ahead of the clock: 0 for the time itself, negative for an age.
    let ahead = if condition.key.name() == MFA_AGE {
        let age = match value {
            Fact::Number(age) => Some(age),
            Fact::Text(text) => text.parse().ok(),
            _ => None,
        };
        let Some(age) = age else { return Some(now) };
        i128::from(age) - i128::from(now.seconds())
    } else {
        0
    };
    let present = i128::from(now.seconds()) + ahead;
    let change = match &condition.expected {
        Expected::Absent(_) => return None,
        Expected::Number(comparison, numbers) => {
            let at = |value: i128, number: &_| {
                i64::try_from(value).map(|v| super::decimal::Decimal::from(v).cmp(number)).ok()
            };
            numbers.iter().filter_map(|n| flip(*comparison, n.floor(), present, |v| at(v, n))).min()
        }
        Expected::Date(comparison, moments) => {
            let at = |value: i128, moment: &_| {
                i64::try_from(value).map(|v| super::moment::Moment::from(Timestamp(v)).cmp(moment)).ok()
            };
            moments.iter().filter_map(|m| flip(*comparison, m.floor(), present, |v| at(v, m))).min()
        }
        _ => return Some(now),
    };
    i64::try_from(change? - ahead).ok().map(Timestamp)
}

/// The first whole value above `present` where the comparison with a threshold comes out otherwise than one before it. It can
/// only do so at the threshold or right after it.
fn flip(
    comparison: Comparison,
    floor: i128,
    present: i128,
    compare: impl Fn(i128) -> Option<Ordering>,
) -> Option<i128> {
    let accepts = |value| compare(value).map(|ordering| comparison.accepts(ordering));
    [floor, floor + 1].into_iter().find(|&value| value > present && accepts(value) != accepts(value - 1))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::policy::{Context, Document, Kind, Policy};

    const NOW: i64 = 1_585_699_200; // 2020-04-01T00:00:00Z

    fn until(statement: &str) -> Option<i64> {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"*",{statement}}}]}}"#);
        let document = Document::parse(&text, Kind::Identity).unwrap();
        let set = PolicySet::new(vec![Arc::new(Policy::compile(&document, Kind::Identity, "p"))]);
        let mut context = Context::new();
        context.set("aws:CurrentTime", Timestamp(NOW));
        context.set("aws:EpochTime", NOW);
        context.set("aws:MultiFactorAuthAge", 100);
        set.valid_until(Timestamp(NOW), &context).map(|t| t.seconds() - NOW)
    }

    #[test]
    fn conditions_on_the_time_say_when_they_change() {
        for (condition, expected) in [
            (r#""StringEquals":{"aws:username":"a"}"#, None),
            (r#""DateLessThan":{"aws:CurrentTime":"2020-04-01T00:01:00Z"}"#, Some(60)),
            (r#""DateLessThanEquals":{"aws:CurrentTime":"2020-04-01T00:01:00Z"}"#, Some(61)),
            (r#""DateGreaterThan":{"aws:CurrentTime":"2020-04-01T00:01:00Z"}"#, Some(61)),
            (r#""DateGreaterThanEquals":{"aws:CurrentTime":"2020-04-01T00:01:00Z"}"#, Some(60)),
            (r#""DateLessThan":{"aws:CurrentTime":"2020-04-01T00:01:00.5Z"}"#, Some(61)),
            (r#""DateEquals":{"aws:CurrentTime":"2020-04-01T00:01:00Z"}"#, Some(60)),
            (r#""DateEquals":{"aws:CurrentTime":"2020-04-01T00:00:00Z"}"#, Some(1)),
            (r#""DateLessThan":{"aws:CurrentTime":"2020-03-01"}"#, None),
            (r#""DateLessThan":{"aws:EpochTime":"1585699210"}"#, Some(10)),
            (r#""NumericLessThan":{"aws:EpochTime":"1585699210"}"#, Some(10)),
            (r#""NumericLessThan":{"aws:MultiFactorAuthAge":"3600"}"#, Some(3_500)),
            (r#""NumericLessThanEqualsIfExists":{"aws:MultiFactorAuthAge":"3600"}"#, Some(3_501)),
            (r#""NumericLessThan":{"aws:MultiFactorAuthAge":"50"}"#, None),
            (r#""Null":{"aws:MultiFactorAuthAge":"true"}"#, None),
            (r#""StringLike":{"aws:CurrentTime":"2020*"}"#, Some(0)),
            (r#""StringLike":{"aws:username":"${aws:EpochTime}"}"#, Some(0)),
            (
                r#""DateGreaterThan":{"aws:CurrentTime":"2021"},"NumericLessThan":{"aws:MultiFactorAuthAge":["3600","200"]}"#,
                Some(100),
            ),
        ] {
            assert_eq!(until(&format!(r#""Resource":"*","Condition":{{{condition}}}"#)), expected, "{condition}");
        }
        assert_eq!(until(r#""Resource":"arn:aws:s3:::${aws:CurrentTime}""#), Some(0));
    }

    #[test]
    fn a_key_that_the_request_lacks_stays_absent() {
        let text = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*",
            "Condition":{"NumericLessThan":{"aws:MultiFactorAuthAge":"3600"}}}}"#;
        let document = Document::parse(text, Kind::Identity).unwrap();
        let set = PolicySet::new(vec![Arc::new(Policy::compile(&document, Kind::Identity, "p"))]);
        assert_eq!(set.valid_until(Timestamp(NOW), &Context::new()), None);
    }
}
