//! Values that satisfy the model, for every shape; likely ones where a member's name says what it names.

use brevet::types::AccountId;
use brevet::wire::model::{Kind, Member, Operation, Shape};

use super::dialect::ALPHABET;
use super::dice::Dice;
use super::expect::{Expected, judge, part};
use super::value::Value;
use crate::world::policies::{allow, trust};

/// Makes values.
pub struct Sampler {
    pub account: AccountId,
    pub dice: Dice,
}

impl Sampler {
    /// A request with the members that the operation requires, or with all.
    pub fn request(&mut self, operation: &Operation, all: bool) -> Value {
        let request = self.structure(&operation.input, all);
        assert_eq!(judge(operation, &request), Expected::Inside, "{}: {request:?}", operation.name);
        request
    }

    fn structure(&mut self, members: &[Member], all: bool) -> Value {
        let wanted = members.iter().filter(|member| all || member.required);
        Value::Structure(wanted.map(|member| (member.name.clone(), self.member(member, all))).collect())
    }

    fn member(&mut self, member: &Member, all: bool) -> Value {
        match (&member.shape.kind, self.likely(&member.name)) {
            (Kind::Text { .. }, Some(text)) if fits(&member.shape, &text) => Value::Text(text),
            _ => self.value(&member.shape, &member.name, all),
        }
    }

    /// A value of a shape, for the member of this name.
    pub fn value(&mut self, shape: &Shape, name: &str, all: bool) -> Value {
        match &shape.kind {
            Kind::Structure(members) => self.structure(members, all),
            Kind::List(element) => match self.likely(name.trim_end_matches("List").trim_end_matches('s')) {
                Some(text) if matches!(element.kind, Kind::Text { .. }) && fits(element, &text) => {
                    Value::list([Value::Text(text)])
                }
                _ => Value::list([self.value(element, name, all)]),
            },
            Kind::Text { .. } => Value::Text(self.text(shape)),
            Kind::Integer => {
                let min = shape.min.unwrap_or(0);
                Value::text(
                    (min + i64::try_from(self.dice.below(90)).unwrap()).min(shape.max.unwrap_or(1_000)).to_string(),
                )
            }
            Kind::Boolean => Value::text(if self.dice.below(2) == 0 { "true" } else { "false" }),
            Kind::Map(..) | Kind::Timestamp | Kind::Blob => {
                panic!("tests/requests/sample.rs has no value for {}", shape.name)
            }
        }
    }

    /// Any text of this shape.
    pub fn text(&mut self, shape: &Shape) -> String {
        let Kind::Text { pattern, allowed } = &shape.kind else { panic!("{} is no text", shape.name) };
        if !allowed.is_empty() {
            return allowed[self.dice.below(allowed.len())].clone();
        }
        let (min, max) = limits(shape);
        let (low, high) = pattern.as_ref().map_or((0, None), |pattern| part(pattern.source()).lengths());
        let min = min.max(low);
        let most = max.unwrap_or(usize::MAX).min(high.unwrap_or(usize::MAX)).min(min + 40);
        (0..200)
            .find_map(|_| {
                let length = min + self.dice.below(most - min + 1);
                self.of_length(shape, length)
            })
            .unwrap_or_else(|| panic!("nothing found that {} takes", shape.name))
    }

    /// A text of this length that the shape takes, but for its length.
    pub fn of_length(&mut self, shape: &Shape, length: usize) -> Option<String> {
        let Kind::Text { pattern, allowed } = &shape.kind else { panic!("{} is no text", shape.name) };
        match pattern {
            _ if !allowed.is_empty() => None,
            Some(pattern) => part(pattern.source()).of_length(length, &mut self.dice),
            None => Some((0..length).map(|at| char::from(b'a' + u8::try_from(at % 26).unwrap())).collect()),
        }
    }

    /// A text that the pattern of a shape does not take, made of one that it takes.
    pub fn unmatching(&mut self, shape: &Shape, pattern: &str) -> Option<String> {
        let part = part(pattern);
        let all: Vec<char> = ALPHABET.chars().collect();
        for _ in 0..60 {
            let mut chars: Vec<char> = self.text(shape).chars().collect();
            let (at, c) = (self.dice.below(chars.len() + 1), self.dice.pick(&all));
            match self.dice.below(3) {
                0 if at < chars.len() => chars[at] = c,
                1 if !chars.is_empty() => drop(chars.pop()),
                _ => chars.insert(at, c),
            }
            let text: String = chars.into_iter().collect();
            if !part.matches(&text) {
                return Some(text);
            }
        }
        None
    }

    /// What a member of this name most likely names in an account that `suite.rs` has furnished.
    fn likely(&self, name: &str) -> Option<String> {
        let arn = |rest: &str| format!("arn:aws:iam::{}:{rest}", self.account);
        Some(match name {
            "UserName" | "ExistingUserName" => "someone".to_owned(),
            "GroupName" => "crew".to_owned(),
            "RoleName" => "worker".to_owned(),
            "InstanceProfileName" => "machines".to_owned(),
            "PolicyName" | "VirtualMFADeviceName" => "thing".to_owned(),
            "RoleArn" => arn("role/worker"),
            "PolicyArn" | "PermissionsBoundary" | "arn" => arn("policy/thing"),
            "PolicySourceArn" | "CallerArn" => arn("user/someone"),
            "Arn" | "ResourceArn" => arn("user/someone"),
            "SerialNumber" => arn("mfa/thing"),
            "SigningAlgorithm" => "ES384".to_owned(),
            "AssumeRolePolicyDocument" => trust(&self.account.to_string(), &["sts:AssumeRole"], None),
            "PolicyDocument" | "Policy" | "PolicyInput" => allow("notes:Read", "*"),
            "ActionName" => "notes:Read".to_owned(),
            "Password" | "NewPassword" | "OldPassword" => "Tr0ub4dor&3-correct".to_owned(),
            "Path" | "NewPath" | "PathPrefix" => "/team/".to_owned(),
            "VersionId" => "v1".to_owned(),
            _ => return None,
        })
    }
}

fn fits(shape: &Shape, text: &str) -> bool {
    let Kind::Text { pattern, allowed } = &shape.kind else { return false };
    let (min, max) = limits(shape);
    let length = text.chars().count();
    length >= min
        && max.is_none_or(|max| length <= max)
        && allowed.is_empty()
        && pattern.as_ref().is_none_or(|pattern| super::expect::matches(pattern.source(), text))
}

/// The least and the greatest length.
pub fn limits(shape: &Shape) -> (usize, Option<usize>) {
    let number = |limit: i64| usize::try_from(limit).unwrap();
    (shape.min.map_or(0, number), shape.max.map(number))
}
