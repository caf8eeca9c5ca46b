//! The scenario that decisions are measured on, as plain texts, so that every peer can be given the same one: a user in five
//! groups, whose policies have three statements each with wildcards, a variable and conditions on source address and MFA; one
//! explicit denial; a permissions boundary.

#![allow(dead_code, reason = "each bench uses a part of it")]

use std::fmt::Write as _;

/// Services that policies speak of, in lower case.
pub const SERVICES: [&str; 20] = [
    "s3", "reports", "ledger", "orders", "stock", "mail", "search", "audit", "media", "builds", "deploy", "secrets",
    "queues", "tables", "graphs", "alerts", "wiki", "chat", "forms", "events",
];
/// The groups that the user is in; policy `i` belongs to group `i % GROUPS`.
pub const GROUPS: usize = 5;
/// Where the policies let requests come from.
pub const NETWORKS: [&str; 2] = ["10.0.0.0/8", "192.0.2.0/24"];
/// The user's name, which a resource pattern has as `${aws:username}`.
pub const USER: &str = "ann";

/// What the policies are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// Every statement is about S3: no index by service helps.
    OneService,
    /// The statements are about twenty services.
    ManyServices,
}

impl Spread {
    /// The services of the three statements of policy `i`.
    pub fn services(self, i: usize) -> [&'static str; 3] {
        match self {
            Self::OneService => [SERVICES[0]; 3],
            Self::ManyServices => [i, i + 7, i + 13].map(|at| SERVICES[at % SERVICES.len()]),
        }
    }

    /// For labels.
    pub fn name(self) -> &'static str {
        match self {
            Self::OneService => "one service",
            Self::ManyServices => "20 services",
        }
    }
}

/// The policy documents.
pub fn policies(count: usize, spread: Spread) -> Vec<String> {
    (0..count).map(|i| policy(i, spread)).collect()
}

/// One document with as many of the statements as AWS's quota of a managed policy lets in: 6,144 characters without white space.
pub fn largest_policy() -> String {
    let (mut statements, mut length) = (Vec::new(), 0);
    for i in 1.. {
        let text = statements_of(i, Spread::ManyServices);
        length += text.chars().filter(|c| !c.is_whitespace()).count() + 1;
        if length > 6_100 {
            break;
        }
        statements.push(text);
    }
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))
}

fn policy(i: usize, spread: Spread) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements_of(i, spread))
}

fn statements_of(i: usize, spread: Spread) -> String {
    let [read, write, browse] = spread.services(i);
    // One explicit denial, as companies have it: nobody does anything without a second factor.
    let third = if i == 0 {
        r#"{"Sid":"Factor","Effect":"Deny","Action":"*","Resource":"*",
            "Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}"#
            .to_owned()
    } else {
        format!(
            r#"{{"Sid":"Browse{i}","Effect":"Allow","Action":["{browse}:Describe*","{browse}:ListAll*"],"Resource":"*"}}"#
        )
    };
    format!(
        r#"
            {{"Sid":"Read{i}","Effect":"Allow","Action":["{read}:Get*","{read}:List*"],
              "Resource":["arn:aws:{read}:::team-{i}-*","arn:aws:{read}:::team-{i}-*/*"],
              "Condition":{{"IpAddress":{{"aws:SourceIp":["{}","{}"]}}}}}},
            {{"Sid":"Write{i}","Effect":"Allow","Action":["{write}:Put*","{write}:Delete*"],
              "Resource":"arn:aws:{write}:::team-{i}-*/${{aws:username}}/*",
              "Condition":{{"Bool":{{"aws:MultiFactorAuthPresent":"true"}}}}}},
            {third}"#,
        NETWORKS[0], NETWORKS[1]
    )
}

/// The permissions boundary: all of the services, never the users.
pub fn boundary() -> String {
    let mut actions = String::new();
    for service in SERVICES {
        // Writing into a String cannot fail.
        let _ = write!(actions, r#""{service}:*","#);
    }
    let actions = actions.trim_end_matches(',');
    format!(
        r#"{{"Version":"2012-10-17","Statement":[
            {{"Effect":"Allow","Action":[{actions}],"Resource":"*"}},
            {{"Effect":"Deny","Action":"iam:*","Resource":"*"}}]}}"#
    )
}

/// What a question must come out as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A statement of one policy allows it.
    Allowed,
    /// The denial forbids it.
    Forbidden,
    /// Nothing allows it: the only statement about it has a condition that does not hold.
    NotAllowed,
}

/// A question.
#[derive(Clone, Debug)]
pub struct Question {
    /// For labels.
    pub name: &'static str,
    /// The action.
    pub action: &'static str,
    /// The resource's ARN.
    pub resource: String,
    /// `aws:SourceIp`.
    pub source_ip: &'static str,
    /// `aws:MultiFactorAuthPresent`.
    pub mfa: bool,
    /// What must come out.
    pub verdict: Verdict,
}

/// The questions, about a policy in the middle of `count`.
pub fn questions(count: usize) -> [Question; 3] {
    let team = count / 2 / SERVICES.len() * SERVICES.len();
    let question = |name, source_ip, mfa, verdict| Question {
        name,
        action: "s3:GetObject",
        resource: format!("arn:aws:s3:::team-{team}-reports/2026/q3.csv"),
        source_ip,
        mfa,
        verdict,
    };
    [
        question("allowed", "10.1.2.3", true, Verdict::Allowed),
        question("explicit denial", "10.1.2.3", false, Verdict::Forbidden),
        question("implicit denial", "203.0.113.9", true, Verdict::NotAllowed),
    ]
}
