//! Cases of an operation: its request with one thing changed, or everything at once.

use brevet::wire::model::{Kind, Member, Operation, Shape};
use brevet::wire::tree::MAX_DEPTH;

use super::bodies::MALFORMED;
use super::dialect::ALPHABET;
use super::expect::{Expected, SECRETS, judge, part};
use super::sample::{Sampler, limits};
use super::value::{Step, Value, escape};

/// A request and what must be answered.
#[derive(Debug)]
pub struct Case {
    /// What of the report it is counted under.
    pub kind: &'static str,
    /// Where and what, for whoever reads that it failed.
    pub what: String,
    pub body: Vec<u8>,
    pub expected: Expected,
    /// What the answer must not repeat.
    pub secrets: Vec<String>,
}

/// Where a value stands in an operation's input.
struct Place<'m> {
    way: Vec<Step>,
    shape: &'m Shape,
    required: bool,
    secret: bool,
}

/// The longest text that is put into many requests. What may be longer gets its longest once.
const LONG: usize = 4_096;

/// Everything for one operation.
pub fn cases(version: &str, operation: &Operation, sampler: &mut Sampler) -> Vec<Case> {
    let mut maker = Maker { version, operation, sampler, made: Vec::new() };
    maker.whole();
    let mut places = Vec::new();
    visit(&operation.input, &[], false, &mut places);
    for place in &places {
        maker.place(place);
    }
    maker.everything(&places);
    super::bodies::forge(version, operation, maker.sampler, &mut maker.made);
    maker.made
}

fn visit<'m>(members: &'m [Member], above: &[Step], secret: bool, places: &mut Vec<Place<'m>>) {
    for member in members {
        let mut way = above.to_vec();
        way.push(Step::Member(member.name.clone()));
        let secret = secret || SECRETS.contains(&member.name.as_str());
        descend(&member.shape, way, member.required, secret, places);
    }
}

fn descend<'m>(shape: &'m Shape, way: Vec<Step>, required: bool, secret: bool, places: &mut Vec<Place<'m>>) {
    let secret = secret || shape.sensitive;
    places.push(Place { way: way.clone(), shape, required, secret });
    match &shape.kind {
        Kind::Structure(members) => visit(members, &way, secret, places),
        Kind::List(element) => descend(element, [way, vec![Step::Element]].concat(), false, secret, places),
        _ => {}
    }
}

struct Maker<'m, 's> {
    version: &'m str,
    operation: &'m Operation,
    sampler: &'s mut Sampler,
    made: Vec<Case>,
}

impl Maker<'_, '_> {
    fn add(&mut self, kind: &'static str, what: String, request: &Value, secrets: Vec<String>) {
        let pairs = request.pairs();
        let body = body(self.version, &self.operation.name, &pairs);
        let too_deep = pairs.iter().any(|(name, _)| name.split('.').count() > MAX_DEPTH);
        let expected = if too_deep { MALFORMED } else { judge(self.operation, request) };
        self.made.push(Case { kind, what, body, expected, secrets });
    }

    fn whole(&mut self) {
        for all in [false, true] {
            let request = self.sampler.request(self.operation, all);
            self.add("base", format!("all={all}"), &request, Vec::new());
        }
    }

    /// The required members, and those on the way to a place.
    fn around(&mut self, place: &Place<'_>) -> Value {
        let least = self.sampler.request(self.operation, false);
        let Value::Structure(all) = self.sampler.request(self.operation, true) else { unreachable!() };
        let Some(Step::Member(first)) = place.way.first() else { unreachable!() };
        let given = all.into_iter().find(|(name, _)| name == first).map(|(_, value)| value);
        least.with(&place.way[..1], given.as_ref())
    }

    fn put(&mut self, kind: &'static str, place: &Place<'_>, value: Option<&Value>) {
        let request = self.around(place).with(&place.way, value);
        let secrets = match value {
            Some(Value::Text(text)) if place.secret && text.len() >= 8 => vec![text.clone()],
            _ => Vec::new(),
        };
        let shown: String = format!("{:?} is {value:?}", place.way).chars().take(160).collect();
        self.add(kind, shown, &request, secrets);
    }

    fn put_text(&mut self, kind: &'static str, place: &Place<'_>, text: impl Into<String>) {
        self.put(kind, place, Some(&Value::Text(text.into())));
    }

    fn place(&mut self, place: &Place<'_>) {
        if place.required {
            self.put("missing", place, None);
        }
        match &place.shape.kind {
            Kind::Structure(_) => {
                self.put_text("value-for-structure", place, "x");
                self.put_text("empty-structure", place, "");
                self.put("list-for-structure", place, Some(&Value::list([Value::text("x")])));
            }
            Kind::List(element) => self.list(place, element),
            Kind::Text { .. } => self.text(place),
            Kind::Integer => {
                let (min, max) = (place.shape.min, place.shape.max);
                for inside in [min, max].into_iter().flatten() {
                    self.put_text("number-inside", place, inside.to_string());
                    self.put_text("number-inside", place, format!("+{inside}"));
                    self.put_text("number-inside", place, format!("00{inside}"));
                }
                let extremes = [i64::from(i32::MIN), i64::from(i32::MAX)];
                for outside in [min.map(|min| min - 1), max.map(|max| max + 1)].into_iter().flatten().chain(extremes) {
                    self.put_text("number-outside", place, outside.to_string());
                }
                for text in
                    ["", "ten", "1e3", "5.0", " 5", "5 ", "0x10", "1_000", "٣", "--1", "2147483648", "-2147483649"]
                {
                    self.put_text("not-a-number", place, text);
                }
                self.not_a_value(place);
            }
            Kind::Boolean => {
                for text in ["true", "false"] {
                    self.put_text("boolean", place, text);
                }
                for text in ["", "yes", "1", "TRUE", "True", "true ", "null"] {
                    self.put_text("not-a-boolean", place, text);
                }
                self.not_a_value(place);
            }
            other => panic!("tests/requests/cases.rs has no cases for {other:?}"),
        }
    }

    fn not_a_value(&mut self, place: &Place<'_>) {
        self.put("list-for-value", place, Some(&Value::list([Value::text("x")])));
        self.put("structure-for-value", place, Some(&Value::Structure(vec![("X".to_owned(), Value::text("x"))])));
    }

    fn text(&mut self, place: &Place<'_>) {
        let shape = place.shape;
        let Kind::Text { pattern, allowed } = &shape.kind else { unreachable!() };
        let (min, max) = limits(shape);
        self.put_text("empty", place, "");
        for value in allowed {
            self.put_text("allowed", place, value.as_str());
        }
        if let Some(first) = allowed.first() {
            for value in
                ["Nonsense".to_owned(), first.to_lowercase() + "x", format!("{first} "), first.replace(|_| true, "?")]
            {
                self.put_text("not-allowed", place, value);
            }
        }
        if let Some(text) = self.sampler.of_length(shape, min).filter(|_| min > 0) {
            self.put_text("shortest", place, text);
        }
        if min > 1 {
            let text = self.sampler.of_length(shape, min - 1).unwrap_or_else(|| "a".repeat(min - 1));
            self.put_text("too-short", place, text);
        }
        if let Some(max) = max {
            if let Some(text) = self.sampler.of_length(shape, max) {
                self.put_text("longest", place, text);
            }
            let text = self.sampler.of_length(shape, max + 1).unwrap_or_else(|| "a".repeat(max + 1));
            self.put_text("too-long", place, text);
            for wide in ['ÿ', '東', '𝔸'].into_iter().filter(|_| max <= LONG) {
                // Lengths count characters, whatever they take in UTF-8 or UTF-16.
                self.put_text("wide", place, wide.to_string().repeat(max));
                self.put_text("wide", place, wide.to_string().repeat(max + 1));
            }
        }
        if let Some(pattern) = pattern {
            for _ in 0..3 {
                let text = self.sampler.text(shape);
                self.put_text("matching", place, text);
                if let Some(text) = self.sampler.unmatching(shape, pattern.source()) {
                    self.put_text("not-matching", place, text);
                }
            }
            let outside: Vec<char> =
                ALPHABET.chars().filter(|c| !part(pattern.source()).matches(&c.to_string())).collect();
            for c in ['\0', '<', '&', '\'', '\n', '\u{ffff}'].into_iter().filter(|c| outside.contains(c)) {
                self.put_text("not-matching", place, format!("{c}{}", "a".repeat(min.min(64))));
            }
        } else if allowed.is_empty() {
            let text: String = ALPHABET.chars().cycle().take(min.max(70).min(max.unwrap_or(70))).collect();
            self.put_text("any-text", place, text);
        }
        self.not_a_value(place);
    }

    fn list(&mut self, place: &Place<'_>, element: &Shape) {
        let (min, max) = limits(place.shape);
        let mut elements =
            |count: usize| -> Vec<Value> { (0..count).map(|_| self.sampler.value(element, "", true)).collect() };
        let some = elements(max.unwrap_or(3).clamp(1, 3));
        let mut wanted = vec![("list-some", Value::list(some.clone()))];
        if let Some(max) = max {
            wanted.push(("list-longest", Value::list(elements(max))));
            wanted.push(("list-too-long", Value::list(elements(max + 1))));
        } else {
            wanted.push(("list-long", Value::list(elements(60))));
        }
        if min > 1 {
            wanted.push(("list-too-short", Value::list(elements(min - 1))));
        }
        wanted.push(("list-empty", Value::List(Vec::new())));
        let at = |indexes: &[&str]| {
            Value::List(
                indexes
                    .iter()
                    .zip(some.iter().cycle())
                    .map(|(index, value)| ((*index).to_owned(), value.clone()))
                    .collect(),
            )
        };
        let few = max.unwrap_or(9).min(2);
        wanted.push(("list-holes", at(&["7", "3"][..few])));
        wanted.push(("list-holes", at(&["4294967295"])));
        for index in ["0", "01", "-1", "+1", "x", "1 ", "4294967296", "member"] {
            wanted.push(("list-index", at(&[index])));
        }
        // More violations than a message tells one by one.
        wanted.push(("list-of-violations", Value::list(vec![Value::text(""); max.unwrap_or(40) + 1])));
        wanted.push(("value-for-list", Value::text("x")));
        wanted.push(("structure-for-list", Value::Structure(vec![("1".to_owned(), Value::text("x"))])));
        wanted.push(("structure-for-list", Value::Structure(vec![("member".to_owned(), Value::text("x"))])));
        for (kind, value) in &wanted {
            self.put(kind, place, Some(value));
        }
    }

    /// As many violations as fit into one request: all members, half of the required ones left out.
    fn everything(&mut self, places: &[Place<'_>]) {
        if self.operation.input.is_empty() {
            return;
        }
        let mut request = self.sampler.request(self.operation, true);
        let mut left_out = false;
        for place in places {
            let long = |shape: &Shape| limits(shape).1.filter(|max| *max < LONG).map_or(0, |max| max + 1);
            let text = match &place.shape.kind {
                Kind::Text { .. } => "\u{1}".repeat(long(place.shape)),
                Kind::Integer if place.shape.max.is_some() => (place.shape.max.unwrap() + 1).to_string(),
                _ => continue,
            };
            // Every other one that is required is not there at all.
            let missing = place.required && left_out;
            left_out = place.required && !missing;
            request = request.with(&place.way, (!missing).then_some(&Value::Text(text)));
        }
        self.add("everything", "all members".to_owned(), &request, Vec::new());
        // The order of the message is the model's, and not the request's.
        let Value::Structure(mut members) = request else { unreachable!() };
        members.reverse();
        self.add("everything", "all members, the last one first".to_owned(), &Value::Structure(members), Vec::new());
    }
}

/// A form.
pub fn body(version: &str, action: &str, pairs: &[(String, String)]) -> Vec<u8> {
    let mut body = format!("Action={}&Version={version}", escape(action));
    for (name, value) in pairs {
        body.push_str(&format!("&{}={}", escape(name), escape(value)));
    }
    body.into_bytes()
}
