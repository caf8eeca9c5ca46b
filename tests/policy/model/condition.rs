//! Condition operators with their qualifiers, each as its row in the page's table says.

use std::cmp::Ordering;
use std::net::IpAddr;

use brevet::policy::Value;

use super::pattern::{arn_like, like, literal, symbols};
use super::value::{address, base64, bytes, moment, number, text, values_of};
use crate::case::Asked;

/// Whether the request fulfils a condition.
pub fn holds(operator: &str, key: &str, expected: &[String], variables: bool, allows: bool, asked: &Asked) -> bool {
    let actual = values_of(key, asked);
    let (all, any) = (operator.starts_with("ForAllValues:"), operator.starts_with("ForAnyValue:"));
    let name = operator.rsplit(':').next().unwrap();
    let (name, if_exists) = name.strip_suffix("IfExists").map_or((name, false), |name| (name, true));
    if name == "Null" {
        // "Use either true (the key doesn't exist - it is null) or false (the key exists and its value is not null)."
        return expected.iter().any(|e| e.eq_ignore_ascii_case("true") == actual.is_empty());
    }
    if actual.is_empty() && if_exists {
        // "If the key is not present, evaluate the condition element as true."
        return true;
    }
    let negated = name.contains("Not");
    let positive = name.replace("Not", "");
    // "You can't use a policy variable with other operators" than those of strings and ARNs, and Bool.
    let with_variables = ["String", "Arn", "Bool"].iter().any(|family| positive.starts_with(family));
    let asked_for = (variables && with_variables).then_some(asked);
    if negated && allows && expected.iter().any(|e| symbols(e, asked_for, false).is_none()) {
        // What is unknown must not allow.
        return false;
    }
    let accepts = |a: &Value| expected.iter().any(|e| accepts(&positive, a, e, asked_for));
    // "If the key values in the request resolve to an empty data set, such as an empty string."
    let empty = actual.is_empty() || actual == [Value::Text(String::new())];
    if all {
        empty || actual.iter().all(|a| accepts(a) != negated)
    } else if any {
        !empty && actual.iter().any(|a| accepts(a) != negated)
    } else {
        // "If the key is not present, the values do not match": false, and true for the negated operators.
        actual.iter().any(accepts) != negated
    }
}

/// Whether one value of the request and one of the policy belong together.
fn accepts(operator: &str, actual: &Value, expected: &str, variables: Option<&Asked>) -> bool {
    let exact = symbols(expected, variables, false).map(literal);
    let pattern = symbols(expected, variables, true);
    let of_policy = Value::Text(expected.to_owned());
    match operator {
        "StringEquals" => exact.is_some_and(|e| e == text(actual)),
        "StringEqualsIgnoreCase" | "Bool" => exact.is_some_and(|e| e.to_lowercase() == text(actual).to_lowercase()),
        "StringLike" => pattern.is_some_and(|e| like(&e, &text(actual))),
        // An asterisk by itself, as it is written, stands for every value.
        "ArnEquals" | "ArnLike" if !expected.is_empty() && expected.chars().all(|c| c == '*') => true,
        "ArnEquals" | "ArnLike" => pattern.is_some_and(|e| arn_like(&e, &text(actual))),
        "BinaryEquals" => base64(&bytes(actual)) == expected,
        "IpAddress" => address(actual).is_some_and(|ip| in_range(ip, expected)),
        _ => {
            let ordering = match operator.strip_prefix("Numeric") {
                Some(_) => number(actual).map(|a| a.compare(&number(&of_policy).unwrap())),
                None => moment(actual).map(|a| a.cmp(&moment(&of_policy).unwrap())),
            };
            let Some(ordering) = ordering else { return false };
            match operator.trim_start_matches("Numeric").trim_start_matches("Date") {
                "Equals" => ordering == Ordering::Equal,
                "LessThan" => ordering == Ordering::Less,
                "LessThanEquals" => ordering != Ordering::Greater,
                "GreaterThan" => ordering == Ordering::Greater,
                "GreaterThanEquals" => ordering != Ordering::Less,
                other => panic!("the model does not know {other}"),
            }
        }
    }
}

/// "The value must be in the standard CIDR format." Without a prefix the address itself is meant.
fn in_range(ip: IpAddr, range: &str) -> bool {
    let bits = |ip: IpAddr| -> String {
        match ip {
            IpAddr::V4(ip) => ip.octets().iter().map(|o| format!("{o:08b}")).collect(),
            IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
                // The same host, seen through a socket of the other family.
                Some(v4) => v4.octets().iter().map(|o| format!("{o:08b}")).collect(),
                None => ip.octets().iter().map(|o| format!("{o:08b}")).collect(),
            },
        }
    };
    let (network, prefix) =
        range.split_once('/').map_or((range, None), |(n, p)| (n, Some(p.parse::<usize>().unwrap())));
    let (network, host) = (bits(network.parse().unwrap()), bits(ip));
    let prefix = prefix.unwrap_or(network.len());
    network.len() == host.len() && network[..prefix] == host[..prefix]
}
