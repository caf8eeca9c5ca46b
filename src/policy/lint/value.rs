//! The values of conditions: whether the operator can compare them, and whether they say what their author may mean.
//!
//! Source: IAM User Guide, `reference_policies_elements_condition_operators`, `reference_policies_condition-keys` (aws:SourceIp).

use std::net::IpAddr;

use super::Checker;
use super::code::IssueCode;
use super::condition::Condition;
use super::read::Statement;
use super::report::Place;
use super::variable;
use crate::policy::condition::Compiled;
use crate::policy::network::Network;
use crate::policy::operator::Test;

pub(super) fn check(checker: &mut Checker, statement: &Statement<'_>) {
    for condition in &statement.conditions {
        for (value, place) in &condition.values {
            one(checker, condition, value, place, statement.allows());
        }
        several(checker, condition);
        addresses(checker, condition);
    }
}

fn one(checker: &mut Checker, condition: &Condition<'_>, value: &str, place: &Place, allows: bool) {
    let Condition { operator, key, .. } = condition;
    let test = operator.test;
    let name = test.name();
    let compiled = Compiled::new(*operator, key, &[value.to_owned()], checker.variables, allows);
    let takes_variables = name.starts_with("String") || name.starts_with("Arn");
    let report = &mut checker.report;
    if value.contains("${") {
        if !takes_variables {
            let details = "Policy variables can only be used with String and ARN operators.";
            if compiled.is_err() {
                report.refuse(IssueCode::InvalidVariableForOperator, details, place);
            } else {
                report.note(IssueCode::InvalidVariableForOperator, details, place);
            }
            return;
        }
        if checker.variables {
            variable::check(report, value, place);
        } else {
            variable::is_out_of_version(report, value, place);
        }
    }
    if compiled.is_err() && !takes_variables {
        let (code, details) = mismatch(test);
        report.refuse(code, details, place);
        return;
    }
    if name.starts_with("String") && !name.ends_with("Like") && without_variables(value).contains(['*', '?']) {
        let details = "Your condition value includes a * or ? character. If you meant to use a wildcard (*, ?), update the condition operator to include Like.";
        report.note(IssueCode::WildcardWithoutLikeOperator, details, place);
    }
    // Four digits are a year.
    if name.starts_with("Date") && value.len() != 4 && value.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        let epoch = value.strip_prefix('-').unwrap_or(value).bytes().all(|b| b.is_ascii_digit());
        if epoch {
            let details = format!(
                "The date {value} might not resolve as expected. We recommend that you use the YYYY-MM-DD format."
            );
            report.note(IssueCode::InvalidDateValue, details, place);
        }
    }
}

fn mismatch(test: Test) -> (IssueCode, String) {
    let name = test.name();
    if name.starts_with("Numeric") {
        let details = format!("Add a valid numeric value for the condition operator {name}.");
        return (IssueCode::TypeMismatchNumber, details);
    }
    if name.starts_with("Date") {
        let details = "The date condition operator is used with an invalid value. Specify a valid date using YYYY-MM-DD or other ISO 8601 date/time format.";
        return (IssueCode::TypeMismatchDate, details.to_owned());
    }
    match test {
        Test::IpAddress | Test::NotIpAddress => (
            IssueCode::TypeMismatchIpRange,
            format!(
                "The condition operator {name} is used with an invalid IP range value. Specify the IP range in standard CIDR format."
            ),
        ),
        Test::BinaryEquals => (
            IssueCode::TypeMismatchString,
            format!("Add a valid base64-encoded string value for the condition operator {name}."),
        ),
        _ => (
            IssueCode::TypeMismatchBoolean,
            format!("Add a valid Boolean value (true or false) for the condition operator {name}."),
        ),
    }
}

/// What of a text is left without its variables, `${*}` among them.
pub(super) fn without_variables(text: &str) -> String {
    let mut rest = text;
    let mut left = String::new();
    while let Some((before, from)) = rest.split_once("${") {
        left.push_str(before);
        rest = from.split_once('}').map_or("", |(_, after)| after);
    }
    left.push_str(rest);
    left
}

/// Several values where one says the same, or where only one makes sense.
fn several(checker: &mut Checker, condition: &Condition<'_>) {
    let Condition { operator, key, place, values } = condition;
    if values.len() < 2 {
        return;
    }
    let kept = match operator.test {
        Test::Bool | Test::Null => {
            let details = "The condition key does not support multiple Boolean values. Use a single Boolean value.";
            checker.report.note(IssueCode::InvalidConditionMultipleBoolean, details, place);
            return;
        }
        Test::NumericLessThan | Test::NumericLessThanEquals => "greatest",
        Test::NumericGreaterThan | Test::NumericGreaterThanEquals => "least",
        _ => return,
    };
    let details =
        format!("Multiple values in {operator} are redundant. Replace with the {kept} single value for {key}.");
    checker.report.note(IssueCode::RedundantConditionValueNum, details, place);
}

fn addresses(checker: &mut Checker, condition: &Condition<'_>) {
    let Condition { operator, place, values, .. } = condition;
    let denied = match operator.test {
        Test::IpAddress => false,
        Test::NotIpAddress => true,
        _ => return,
    };
    let mut private = 0;
    let mut read = 0;
    for (value, place) in values {
        let Some(network) = Network::parse(value) else { continue };
        read += 1;
        private += usize::from(network.is_private());
        if let Some(better) = network.with_bits_cleared() {
            let details = format!(
                "The non-zero bits in the IP address after the masked bits are ignored. Replace address with {better}."
            );
            checker.report.note(IssueCode::ImproveIpRange, details, place);
        }
    }
    if private == 0 || !condition.is_about("aws:sourceip") {
        return;
    }
    let (code, details) = match (denied, private == read) {
        (false, true) => (
            IssueCode::PrivateIpAddress,
            "aws:SourceIp works only for public IP address ranges. The values for condition key aws:SourceIp include only private IP addresses and will not have the desired effect. Update the value to include only public IP addresses.",
        ),
        (true, true) => (
            IssueCode::PrivateNotIpAddress,
            "The values for condition key aws:SourceIp include only private IP addresses and has no effect. aws:SourceIp works only for public IP address ranges. Update the value to include only public IP addresses.",
        ),
        (false, false) => (
            IssueCode::PrivateIpAddressSubset,
            "The values for condition key aws:SourceIp include a mix of private and public IP addresses. The private addresses will not have the desired effect. aws:SourceIp works only for public IP address ranges. To define permissions for private IP ranges, use aws:VpcSourceIp.",
        ),
        (true, false) => (
            IssueCode::PrivateNotIpAddressSubset,
            "The values for condition key aws:SourceIp include a mix of private and public IP addresses. The private addresses have no effect. aws:SourceIp works only for public IP address ranges. To define permissions for private IP ranges, use aws:VpcSourceIp.",
        ),
    };
    checker
        .report
        .note(code, details, place)
        .because("so it is at AWS; here aws:SourceIp is whatever address the caller has, a private one too");
}

impl Network {
    /// Whether every address of the range is one for private use (RFC 1918, RFC 4193).
    fn is_private(&self) -> bool {
        let (first, prefix) = self.parts();
        match first {
            IpAddr::V4(address) => {
                let [a, b, ..] = address.octets();
                (a == 10 && prefix >= 8)
                    || (a == 172 && b & 0xf0 == 16 && prefix >= 12)
                    || (a == 192 && b == 168 && prefix >= 16)
            }
            IpAddr::V6(address) => address.octets()[0] & 0xfe == 0xfc && prefix >= 7,
        }
    }

    /// The range as it should be written, when bits are set that do not count.
    fn with_bits_cleared(&self) -> Option<String> {
        let (first, prefix) = self.parts();
        let cleared = match first {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                IpAddr::V4((address.to_bits() & mask).into())
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
                IpAddr::V6((address.to_bits() & mask).into())
            }
        };
        (cleared != first).then(|| format!("{cleared}/{prefix}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_ranges_and_needless_bits_are_seen() {
        for (range, private, better) in [
            ("10.1.2.3", true, None),
            ("10.1.2.3/8", true, Some("10.0.0.0/8")),
            ("10.0.0.0/7", false, None),
            ("172.31.0.0/16", true, None),
            ("172.32.0.0/16", false, None),
            ("192.168.0.0/16", true, None),
            ("203.0.113.9/24", false, Some("203.0.113.0/24")),
            ("fd00::/8", true, None),
            ("2001:db8::1/32", false, Some("2001:db8::/32")),
            ("0.0.0.0/0", false, None),
            ("1.2.3.4/0", false, Some("0.0.0.0/0")),
        ] {
            let network = Network::parse(range).unwrap();
            assert_eq!(network.is_private(), private, "{range}");
            assert_eq!(network.with_bits_cleared().as_deref(), better, "{range}");
        }
    }

    #[test]
    fn variables_are_left_out() {
        assert_eq!(without_variables("a${*}b${aws:username}*"), "ab*");
    }
}
