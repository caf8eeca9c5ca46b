//! The documentation as slow, plain code over the JSON itself: nothing compiled, nothing clever, nothing shared with the engine.
//!
//! The laws compare the engine with it on generated policies and requests.

use std::net::IpAddr;

use brevet::policy::{Effect, Principal, PrincipalKind, Value};
use serde_json::Value as Json;

use crate::case::{Asked, Texts};

pub fn effect(texts: &Texts, asked: &Asked) -> Effect {
    let who = &asked.principal;
    let root = who.kind == PrincipalKind::Root;
    let own = |texts: &[String]| if root { Vec::new() } else { statements(texts) };
    let identity = own(&texts.identity);
    let boundary = texts.boundary.as_deref().map(own);
    let session = texts.session.as_deref().map(statements);
    let resource = texts.resource.as_deref().map(statements).unwrap_or_default();
    let bounded = texts.boundary.is_some() && !root;

    // "An explicit deny in any policy overrides any allows."
    let mut without_principals = identity.iter().chain(boundary.iter().flatten()).chain(session.iter().flatten());
    if without_principals.any(|s| s.is("Deny") && s.matches(asked))
        || resource.iter().any(|s| s.is("Deny") && s.matches(asked) && s.reach(who, bounded).is_some())
    {
        return Effect::ExplicitlyDenied;
    }

    let allows = |list: &[Statement]| list.iter().any(|s| s.is("Allow") && s.matches(asked));
    let identity_allows = root || allows(&identity);
    let boundary_allows = boundary.as_deref().is_none_or(|list| root || allows(list));
    let session_allows = match &session {
        Some(list) => allows(list),
        // "If there is no session policy ... if the principal is a role session, then allowed; otherwise denied."
        None => who.kind != PrincipalKind::FederatedUser,
    };
    let reach =
        resource.iter().filter(|s| s.is("Allow") && s.matches(asked)).filter_map(|s| s.reach(who, bounded)).max();
    let stranger = matches!(who.kind, PrincipalKind::Service | PrincipalKind::Federated | PrincipalKind::Anonymous);
    let own_side = identity_allows && boundary_allows && session_allows;
    let same_account = asked.resource_account.as_ref().is_none_or(|account| *account == who.account);

    let allowed = match reach {
        // "IAM role trust policies are exceptions ..., because they must explicitly allow access for principals."
        None => !texts.trust && !stranger && same_account && own_side,
        Some(_) if stranger => true,
        Some(_) if !same_account => own_side,
        // The table "Resource-based policies and implicit denies in other policy types (same account)".
        Some(Reach::Principal) => true,
        Some(Reach::Issuer) => boundary_allows && session_allows,
        Some(Reach::Account) => own_side,
    };
    if allowed { Effect::Allowed } else { Effect::ImplicitlyDenied }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Account,
    Issuer,
    Principal,
}

struct Statement {
    json: Json,
    variables: bool,
}

fn statements(texts: &[String]) -> Vec<Statement> {
    let mut all = Vec::new();
    for text in texts {
        let policy: Json = serde_json::from_str(text).unwrap();
        let variables = policy["Version"] == "2012-10-17";
        for json in list(&policy["Statement"]) {
            all.push(Statement { json, variables });
        }
    }
    all
}

fn list(json: &Json) -> Vec<Json> {
    match json {
        Json::Array(items) => items.clone(),
        Json::Null => Vec::new(),
        one => vec![one.clone()],
    }
}

fn texts(json: &Json) -> Vec<String> {
    list(json)
        .into_iter()
        .map(|item| match item {
            Json::String(text) => text,
            other => other.to_string(),
        })
        .collect()
}

impl Statement {
    fn is(&self, effect: &str) -> bool {
        self.json["Effect"] == effect
    }

    fn matches(&self, asked: &Asked) -> bool {
        self.action(asked) && self.resource(asked) && self.conditions(asked)
    }

    fn action(&self, asked: &Asked) -> bool {
        let requested = asked.action.to_lowercase();
        let one_of = |json: &Json| {
            texts(json).iter().any(|p| like(&symbols(&p.to_lowercase(), None, true).unwrap(), &requested))
        };
        match self.json.get("Action") {
            Some(actions) => one_of(actions),
            None => !one_of(&self.json["NotAction"]),
        }
    }

    fn resource(&self, asked: &Asked) -> bool {
        let pattern = |p: &String| symbols(p, self.variables.then_some(asked), true);
        let one_of =
            |json: &Json| texts(json).iter().filter_map(pattern).any(|p| resource_like(&p, 0, &chars(&asked.resource)));
        match (self.json.get("Resource"), self.json.get("NotResource")) {
            (Some(resources), _) => one_of(resources),
            (_, Some(others)) => {
                let unknown = texts(others).iter().any(|p| pattern(p).is_none());
                !one_of(others) && (!unknown || self.is("Deny"))
            }
            (None, None) => true,
        }
    }

    fn conditions(&self, asked: &Asked) -> bool {
        let Some(operators) = self.json.get("Condition") else { return true };
        operators.as_object().unwrap().iter().all(|(operator, keys)| {
            keys.as_object()
                .unwrap()
                .iter()
                .all(|(key, expected)| self.condition(operator, key, &texts(expected), asked))
        })
    }

    fn condition(&self, operator: &str, key: &str, expected: &[String], asked: &Asked) -> bool {
        let (all, any) = (operator.starts_with("ForAllValues:"), operator.starts_with("ForAnyValue:"));
        let name = operator.rsplit(':').next().unwrap();
        let (name, if_exists) = name.strip_suffix("IfExists").map_or((name, false), |name| (name, true));
        let actual: Vec<String> = match asked.context.get(&key.to_lowercase()) {
            None => Vec::new(),
            Some(Value::List(values)) => values.clone(),
            Some(one) => vec![one.as_text().into_owned()],
        };
        if name == "Null" {
            return expected.iter().any(|e| (e == "true") == actual.is_empty());
        }
        if actual.is_empty() && if_exists {
            return true;
        }
        let negated = name.contains("Not");
        let positive = name.replace("Not", "");
        let unknown = expected.iter().any(|e| self.variables && symbols(e, Some(asked), false).is_none());
        if unknown && negated && self.is("Allow") {
            return false;
        }
        let accepts = |a: &String| expected.iter().any(|e| self.accepts(&positive, a, e, asked));
        let empty = actual.is_empty() || actual == [""];
        if all {
            empty || actual.iter().all(|a| accepts(a) != negated)
        } else if any {
            !empty && actual.iter().any(|a| accepts(a) != negated)
        } else {
            actual.iter().any(accepts) != negated
        }
    }

    fn accepts(&self, operator: &str, actual: &str, expected: &str, asked: &Asked) -> bool {
        let variables = self.variables.then_some(asked);
        let exact = |e: &str| symbols(e, variables, false).map(literal);
        match operator {
            "StringEquals" => exact(expected).is_some_and(|e| e == actual),
            "StringEqualsIgnoreCase" | "Bool" => {
                exact(expected).is_some_and(|e| e.to_lowercase() == actual.to_lowercase())
            }
            "StringLike" => symbols(expected, variables, true).is_some_and(|e| like(&e, actual)),
            "ArnEquals" | "ArnLike" => symbols(expected, variables, true).is_some_and(|e| arn_like(&e, actual)),
            "IpAddress" => actual.parse::<IpAddr>().is_ok_and(|ip| in_range(ip, expected)),
            "NumericLessThan" => number(actual).is_some_and(|n| n < number(expected).unwrap()),
            "NumericEquals" => number(actual).is_some_and(|n| n == number(expected).unwrap()),
            "NumericGreaterThanEquals" => number(actual).is_some_and(|n| n >= number(expected).unwrap()),
            other => panic!("the model does not know {other}"),
        }
    }

    /// How a resource's policy reaches the principal: `None` when it does not.
    fn reach(&self, who: &Principal, bounded: bool) -> Option<Reach> {
        let account = [who.account.clone(), format!("arn:aws:iam::{}:root", who.account)];
        let in_account = !who.account.is_empty();
        let own_kind = match who.kind {
            PrincipalKind::Service => "Service",
            PrincipalKind::Federated => "Federated",
            _ => "AWS",
        };
        let named =
            |json: &Json, kind: &str, name: &str| !name.is_empty() && texts(&json[kind]).iter().any(|v| v == name);
        let everyone = |json: &Json| json == "*" || texts(&json["AWS"]).iter().any(|v| v == "*");
        let names_account = |json: &Json| in_account && account.iter().any(|a| named(json, "AWS", a));
        let names_self = |json: &Json| match who.kind {
            PrincipalKind::Root => names_account(json),
            PrincipalKind::FederatedUser => named(json, own_kind, &who.arn),
            _ => named(json, own_kind, &who.arn) || named(json, own_kind, &who.unique_id),
        };
        let is_session = matches!(who.kind, PrincipalKind::AssumedRole | PrincipalKind::FederatedUser);
        let names_issuer = |json: &Json| {
            is_session
                && (who.issuer_arn.as_ref().is_some_and(|arn| named(json, "AWS", arn))
                    || who.kind == PrincipalKind::AssumedRole
                        && named(json, "AWS", who.unique_id.split(':').next().unwrap()))
        };
        if let Some(json) = self.json.get("NotPrincipal") {
            let whole_chain =
                names_self(json) && (!is_session || names_issuer(json)) && (!in_account || names_account(json));
            let reached = if self.is("Deny") {
                !everyone(json) && (bounded || !whole_chain)
            } else {
                !(everyone(json) || names_self(json) || names_issuer(json) || names_account(json))
            };
            return reached.then_some(Reach::Principal);
        }
        let json = &self.json["Principal"];
        if everyone(json) || names_self(json) {
            Some(Reach::Principal)
        } else if names_issuer(json) {
            Some(Reach::Issuer)
        } else if names_account(json) {
            Some(Reach::Account)
        } else {
            None
        }
    }
}

/// A character of a pattern.
#[derive(Clone, Copy, PartialEq)]
enum Symbol {
    Char(char),
    One,
    Any,
}

/// A pattern's characters with variables (those of `asked`, if there are any) filled in; `None` when one has no value.
fn symbols(text: &str, asked: Option<&Asked>, wildcards: bool) -> Option<Vec<Symbol>> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let (Some(asked), true) = (asked, rest.starts_with("${")) {
            let end = rest.find('}').unwrap();
            let inside = &rest[2..end];
            let value = match inside {
                "*" | "?" | "$" => inside.to_owned(),
                _ => {
                    let (key, default) =
                        inside.split_once(", ").map_or((inside, None), |(k, d)| (k, Some(d.trim_matches('\''))));
                    match asked.context.get(&key.to_lowercase()) {
                        Some(Value::List(_)) | None => default?.to_owned(),
                        Some(one) => one.as_text().into_owned(),
                    }
                }
            };
            out.extend(value.chars().map(Symbol::Char));
            rest = &rest[end + 1..];
            continue;
        }
        out.push(match c {
            '*' if wildcards => Symbol::Any,
            '?' if wildcards => Symbol::One,
            c => Symbol::Char(c),
        });
        rest = &rest[c.len_utf8()..];
    }
    Some(out)
}

fn chars(text: &str) -> Vec<char> {
    text.chars().collect()
}

fn literal(symbols: Vec<Symbol>) -> String {
    symbols.into_iter().map(|s| if let Symbol::Char(c) = s { c } else { unreachable!() }).collect()
}

fn like(pattern: &[Symbol], text: &str) -> bool {
    fn go(pattern: &[Symbol], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((Symbol::Any, rest)) => (0..=text.len()).any(|skip| go(rest, &text[skip..])),
            Some((symbol, rest)) => {
                text.first().is_some_and(|c| *symbol == Symbol::One || *symbol == Symbol::Char(*c))
                    && go(rest, &text[1..])
            }
        }
    }
    go(pattern, &chars(text))
}

/// Wildcards within the first five parts of an ARN end at its colons, but for an asterisk that ends its part.
fn resource_like(pattern: &[Symbol], colons: usize, text: &[char]) -> bool {
    let Some((symbol, rest)) = pattern.split_first() else { return text.is_empty() };
    let free = colons >= 5 || matches!(rest.first(), None | Some(Symbol::Char(':') | Symbol::Any));
    match symbol {
        Symbol::Any => (0..=text.len())
            .take_while(|skip| free || !text[..*skip].contains(&':'))
            .any(|skip| resource_like(rest, colons, &text[skip..])),
        Symbol::One => {
            text.first().is_some_and(|c| colons >= 5 || *c != ':') && resource_like(rest, colons, &text[1..])
        }
        Symbol::Char(expected) => {
            let passed = colons + usize::from(*expected == ':');
            text.first() == Some(expected) && resource_like(rest, passed, &text[1..])
        }
    }
}

fn arn_like(pattern: &[Symbol], arn: &str) -> bool {
    if pattern == [Symbol::Any] {
        return true;
    }
    let patterns: Vec<&[Symbol]> = pattern.splitn(6, |s| *s == Symbol::Char(':')).collect();
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    patterns.len() == 6 && parts.len() == 6 && patterns.iter().zip(parts).all(|(pattern, part)| like(pattern, part))
}

fn in_range(ip: IpAddr, range: &str) -> bool {
    let bits = |ip: IpAddr| -> String {
        match ip {
            IpAddr::V4(ip) => ip.octets().iter().map(|o| format!("{o:08b}")).collect(),
            IpAddr::V6(ip) => ip.octets().iter().map(|o| format!("{o:08b}")).collect(),
        }
    };
    let (network, prefix) =
        range.split_once('/').map_or((range, None), |(n, p)| (n, Some(p.parse::<usize>().unwrap())));
    let (a, b) = (bits(network.parse().unwrap()), bits(ip));
    let prefix = prefix.unwrap_or(a.len());
    a.len() == b.len() && a[..prefix] == b[..prefix]
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}
