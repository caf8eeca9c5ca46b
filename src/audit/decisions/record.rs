//! What stands in the decision log: a line each.

use serde::{Deserialize, Serialize};

use super::credentials::without_credentials;

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Entry {
    /// An answer.
    Decision(Box<Record>),
    /// Answers whose records are not there.
    Dropped(Dropped),
    /// The log begins, or goes on in another file.
    Begun {
        /// When, in ISO 8601.
        time: String,
        /// What is in it.
        log: Begun,
    },
}

/// What is in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// Of this format.
    pub version: u32,
    /// One in so many allowed answers; 0 for none.
    pub allowed_one_in: u64,
    /// One in so many others.
    pub denied_one_in: u64,
    /// What is masked.
    pub mask: Vec<String>,
}

impl Begun {
    /// The version of this format.
    pub const VERSION: u32 = 1;
}

/// Answers whose records are not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// When that was written down, in ISO 8601: they were given before.
    pub time: String,
    /// How many.
    pub dropped: u64,
}

/// An answer to a question.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When, in ISO 8601.
    pub time: String,
    /// The decision's id, which the asker was told.
    pub id: String,
    /// At which door it was asked.
    pub door: String,
    /// The ARN of who asked.
    pub asker: String,
    /// The ARN of whom it was about; absent where that is nobody.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// Their unique id, as in `aws:userid`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject_id: String,
    /// Their session, if they have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<RecordedSession>,
    /// Such as `record:write`.
    pub action: String,
    /// The resource's ARN.
    pub resource: String,
    /// Who owns it, where somebody is known to.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub resource_account: String,
    /// `allowed`, `explicitly_denied`, `implicitly_denied`, `nobody` (there is nobody it could be about) or `unanswered`.
    pub decision: String,
    /// Of `nobody` and `unanswered`: why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The statements that made it; those that allow where they did not suffice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<RecordedStatement>,
    /// What was missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<RecordedMissing>,
    /// The names of the condition keys that the asker said something of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub said: Vec<String>,
    /// The condition keys that policies read, and what they found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Every change up to this revision was in it.
    #[serde(default)]
    pub revision: u64,
    /// For how many seconds the asker might keep it.
    #[serde(default)]
    pub max_age: i64,
    /// Whether it was made on knowledge that may be older than the staleness bound.
    #[serde(default, skip_serializing_if = "is_false")]
    pub degraded: bool,
    /// For how many answers like it this record stands, where they are sampled.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub one_in: u64,
    /// Whether something was left out, or cut, because it was too much.
    #[serde(default, skip_serializing_if = "is_false")]
    pub cut: bool,
}

/// A session, by what names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedSession {
    /// The unique id in its token.
    pub jti: String,
    /// Its name, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it was issued.
    pub issued: String,
    /// When it ends.
    pub expires: String,
}

/// A statement of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedStatement {
    /// The policy's ARN, or owner and name of an inline one.
    pub policy: String,
    /// Which kind of policy it was used as.
    pub kind: String,
    /// Its place in the policy, from 0.
    pub index: usize,
    /// Its `Sid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// `Allow` or `Deny`.
    pub effect: String,
}

/// Which kind of policy did not allow it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedMissing {
    /// The kind.
    pub kind: String,
    /// The level of the organization, from 0 at its root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<usize>,
    /// The first statement that would have allowed it but for a condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub near: Option<Near>,
}

/// A statement that allows but for a condition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Near {
    /// The statement.
    pub statement: RecordedStatement,
    /// The condition's key.
    pub key: String,
    /// Its operator.
    pub operator: String,
    /// Whether the key was absent.
    pub absent: bool,
    /// What the policy expects, unless that is masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Vec<String>>,
}

/// A condition key, and what was found: its values, or what stands for them where they are masked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// The key, as AWS spells it.
    pub key: String,
    /// Its values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
    /// Hashes of its values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hashed: Option<Vec<String>>,
    /// How many values it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<usize>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_one(number: &u64) -> bool {
    *number == 1
}

fn one() -> u64 {
    1
}

/// Characters of a text that are kept: of an ARN most of the longest there is.
const LONGEST_NAME: usize = 1_024;
/// Of a value of a condition key.
const LONGEST_VALUE: usize = 256;
/// Values of a key.
const VALUES: usize = 16;
/// Condition keys, and names of those that the asker said.
const KEYS: usize = 64;
/// Statements.
const STATEMENTS: usize = 32;
/// Bytes of a line at the most; who made a record longer than this is told its head alone.
pub(super) const LONGEST_LINE: usize = 64 * 1_024;

impl Record {
    /// The record as a line of the log: bounded, without credentials, and with nothing in it that could begin another line or speak to a
    /// terminal.
    pub(super) fn line(mut self) -> Vec<u8> {
        self.bound();
        let line = written(&self);
        if line.len() <= LONGEST_LINE {
            return line;
        }
        // Characters that take many bytes, and many of them.
        self.conditions.clear();
        self.said.clear();
        self.statements.truncate(1);
        self.cut = true;
        written(&self)
    }

    /// Every statement that it names.
    pub(super) fn named_statements(&mut self) -> impl Iterator<Item = &mut RecordedStatement> {
        let near = self.missing.as_mut().and_then(|missing| missing.near.as_mut());
        self.statements.iter_mut().chain(near.map(|near| &mut near.statement))
    }

    fn bound(&mut self) {
        let mut cut = self.cut;
        let names = [&mut self.asker, &mut self.subject, &mut self.subject_id, &mut self.action, &mut self.resource];
        names.into_iter().for_each(|name| keep(name, LONGEST_NAME, &mut cut));
        if let Some(session) = &mut self.session {
            session.name.iter_mut().for_each(|name| keep(name, LONGEST_VALUE, &mut cut));
        }
        cut |= self.statements.len() > STATEMENTS || self.said.len() > KEYS || self.conditions.len() > KEYS;
        self.statements.truncate(STATEMENTS);
        self.said.truncate(KEYS);
        self.conditions.truncate(KEYS);
        for statement in self.named_statements() {
            keep(&mut statement.policy, LONGEST_NAME, &mut cut);
            statement.sid.iter_mut().for_each(|sid| keep(sid, LONGEST_VALUE, &mut cut));
        }
        self.said.iter_mut().for_each(|name| keep(name, LONGEST_VALUE, &mut cut));
        for condition in &mut self.conditions {
            keep(&mut condition.key, LONGEST_VALUE, &mut cut);
            for values in [&mut condition.values, &mut condition.hashed].into_iter().flatten() {
                cut |= values.len() > VALUES;
                values.truncate(VALUES);
                values.iter_mut().for_each(|value| keep(value, LONGEST_VALUE, &mut cut));
            }
        }
        if let Some(near) = self.missing.as_mut().and_then(|missing| missing.near.as_mut()) {
            near.expected.iter_mut().flatten().for_each(|value| keep(value, LONGEST_VALUE, &mut cut));
        }
        self.cut = cut;
    }
}

/// Keeps the beginning of a text that others chose, without credentials.
fn keep(text: &mut String, longest: usize, cut: &mut bool) {
    if let Some(cleaned) = without_credentials(text) {
        *text = cleaned;
    }
    if let Some((end, _)) = text.char_indices().nth(longest) {
        text.truncate(end);
        text.push_str("...");
        *cut = true;
    }
}

/// As one line of JSON. JSON escapes what would end the line; what a terminal would obey, or show in another order, is escaped too.
pub fn written(value: &impl Serialize) -> Vec<u8> {
    // Texts, numbers and lists of them: nothing here can fail to be JSON.
    let json = serde_json::to_string(value).unwrap_or_default();
    let mut line = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        match c {
            // Such characters stand within texts only.
            '\u{7f}'..='\u{9f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{feff}' => {
                line.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => line.push(c),
        }
    }
    line.push('\n');
    line.into_bytes()
}
