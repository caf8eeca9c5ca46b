//! What the request says about a condition key, as texts, numbers, moments, addresses and bytes.

use std::cmp::Ordering;
use std::net::IpAddr;

use brevet::policy::Value;

use crate::case::Asked;

/// The values of a key: none if the request does not have it. "Condition key names are not case-sensitive."
pub fn values_of(key: &str, asked: &Asked) -> Vec<Value> {
    let named = asked.context.iter().find(|(name, _)| name.name().eq_ignore_ascii_case(key));
    match named {
        None => Vec::new(),
        Some((_, Value::List(texts))) => texts.iter().map(|text| Value::Text(text.clone())).collect(),
        Some((_, one)) => vec![one.clone()],
    }
}

pub fn texts_of(key: &str, asked: &Asked) -> Vec<String> {
    values_of(key, asked).iter().map(text).collect()
}

/// "You can use any available single-valued context key as a policy variable, but you can't use a multivalued context key."
pub fn single_text(key: &str, asked: &Asked) -> Option<String> {
    let named = asked.context.iter().find(|(name, _)| name.name().eq_ignore_ascii_case(key));
    if named.is_some_and(|(_, value)| matches!(value, Value::List(_))) {
        None
    } else {
        texts_of(key, asked).into_iter().next()
    }
}

pub fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::Ip(value) => value.to_string(),
        Value::Time(value) => written(value.seconds()),
        Value::Bytes(bytes) => base64(bytes),
        Value::List(_) => unreachable!("lists are taken apart first"),
    }
}

/// A decimal number as its sign, its digits before the point and those after it, without needless zeros.
#[derive(Debug, PartialEq, Eq)]
pub struct Number {
    negative: bool,
    whole: String,
    fraction: String,
}

/// "Comparing a key to an integer or decimal value", which the documentation does not say how to write. A request's number that
/// were not understood would slip past a denial, so spaces, exponents and bare points are all read.
pub fn number(value: &Value) -> Option<Number> {
    let text = match value {
        Value::Text(text) => text.trim_ascii().to_lowercase(),
        Value::Number(value) => value.to_string(),
        Value::Time(value) => value.seconds().to_string(),
        _ => return None,
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let all_digits = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    let power = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    if power.is_empty() || !all_digits(power) {
        return None;
    }
    // Further than any number of a policy reaches.
    let power = power.parse().map_or(100, |power: usize| power.min(100));
    let digits = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let (mut whole, mut fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole.to_owned(), fraction.to_owned()),
        None => (digits.to_owned(), String::new()),
    };
    if !all_digits(&whole) || !all_digits(&fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    // The point moves a digit at a time.
    for _ in 0..power {
        if exponent.starts_with('-') {
            fraction.insert(0, whole.pop().unwrap_or('0'));
        } else {
            whole.push(if fraction.is_empty() { '0' } else { fraction.remove(0) });
        }
    }
    let (whole, fraction) = (whole.trim_start_matches('0').to_owned(), fraction.trim_end_matches('0').to_owned());
    let zero = whole.is_empty() && fraction.is_empty();
    Some(Number { negative: mantissa.starts_with('-') && !zero, whole, fraction })
}

impl Number {
    pub fn compare(&self, other: &Number) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (negative, _) => {
                let size = (self.whole.len(), &self.whole, &self.fraction);
                let ordering = size.cmp(&(other.whole.len(), &other.whole, &other.fraction));
                if negative { ordering.reverse() } else { ordering }
            }
        }
    }
}

/// Seconds since 1970, and nanoseconds. "One of the W3C implementations of the ISO 8601 date formats or epoch time."
pub fn moment(value: &Value) -> Option<(i64, u32)> {
    match value {
        Value::Time(value) => Some((value.seconds(), 0)),
        Value::Number(value) => Some((*value, 0)),
        Value::Text(text) => read(text),
        _ => None,
    }
}

fn read(text: &str) -> Option<(i64, u32)> {
    let shape = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "d");
    let shape_of_text = shape(text);
    let unsigned = shape_of_text.strip_prefix('-').unwrap_or(&shape_of_text);
    if !unsigned.is_empty() && unsigned != "dddd" && unsigned.chars().all(|c| c == 'd') {
        return Some((text.parse().ok()?, 0));
    }
    // The shorter forms are the longer ones with their beginning left to be filled in.
    let date = match shape_of_text.as_str() {
        "dddd" => format!("{text}-01-01T00:00Z"),
        "dddd-dd" => format!("{text}-01T00:00Z"),
        "dddd-dd-dd" => format!("{text}T00:00Z"),
        _ => text.to_owned(),
    };
    let (local, ahead) = match date.strip_suffix('Z') {
        Some(local) => (local, 0),
        None => {
            let zone = date.get(date.len().checked_sub(6)?..)?;
            if !["+dd:dd", "-dd:dd"].contains(&shape(zone).as_str()) {
                return None;
            }
            let (hours, minutes): (i64, i64) = (zone[1..3].parse().ok()?, zone[4..6].parse().ok()?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let seconds = hours * 3_600 + minutes * 60;
            (&date[..date.len() - 6], if zone.starts_with('-') { -seconds } else { seconds })
        }
    };
    let (local, fraction) = local.split_once('.').map_or((local, "0"), |(local, fraction)| (local, fraction));
    let fits = ["dddd-dd-ddTdd:dd", "dddd-dd-ddTdd:dd:dd"].contains(&shape(local).as_str());
    let fraction_fits = !fraction.is_empty() && shape(fraction).chars().all(|c| c == 'd');
    if !fits || !fraction_fits || (local.len() == 16 && date.contains('.')) {
        return None;
    }
    let part = |from: usize, to: usize| local.get(from..to).map_or(0, |digits| digits.parse::<i64>().unwrap());
    let (year, month, day) = (part(0, 4), part(5, 7), part(8, 10));
    let (hour, minute, second) = (part(11, 13), part(14, 16), part(17, 19));
    if !(1..=12).contains(&month) || day < 1 || day > length(year, month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = (days_before(year, month) + day - 1) * 86_400 + hour * 3_600 + minute * 60 + second - ahead;
    let nanoseconds: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    Some((seconds, nanoseconds.parse().unwrap()))
}

fn length(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The days from 1970 to the first of a month, counted month by month.
fn days_before(year: i64, month: i64) -> i64 {
    let months =
        |from: i64, to: i64| (from..to).map(|at| length(at.div_euclid(12), at.rem_euclid(12) + 1)).sum::<i64>();
    let (epoch, wanted) = (1970 * 12, year * 12 + month - 1);
    months(epoch, wanted) - months(wanted, epoch)
}

/// Seconds since 1970 as `2026-11-24T02:41:41Z`.
fn written(seconds: i64) -> String {
    let (mut day, clock) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let mut month = 1970 * 12;
    let length_at = |month: i64| length(month.div_euclid(12), month.rem_euclid(12) + 1);
    while day < 0 {
        month -= 1;
        day += length_at(month);
    }
    while day >= length_at(month) {
        day -= length_at(month);
        month += 1;
    }
    let (hour, minute, second) = (clock / 3_600, clock / 60 % 60, clock % 60);
    format!("{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", month / 12, month % 12 + 1, day + 1)
}

pub fn address(value: &Value) -> Option<IpAddr> {
    match value {
        Value::Ip(ip) => Some(*ip),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

/// "It compares the value of the specified key byte for byte."
pub fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::Bytes(bytes) => bytes.clone(),
        other => text(other).into_bytes(),
    }
}

const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base 64, bit by bit.
pub fn base64(bytes: &[u8]) -> String {
    let mut bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    while !bits.len().is_multiple_of(6) {
        bits.push('0');
    }
    let digit = |at: usize| ALPHABET.as_bytes()[usize::from_str_radix(&bits[at..at + 6], 2).unwrap()] as char;
    let mut text: String = (0..bits.len()).step_by(6).map(digit).collect();
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}
