//! Reads the table of routes from a TOML file (<https://toml.io/en/v1.0.0>), and tells all that is wrong with it by line.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::Path;

use http::HeaderName;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::host::HostPattern;
use super::pattern::PathPattern;
use super::template::Template;
use super::{Actions, Callers, Route, Routes};
use crate::authn::is_for_others;
use crate::config::nearest;
use crate::ops::questions::{self, Said};
use crate::wire::strict_json::Json;

/// Routes at the most: each request is held to them one by one.
const MOST: usize = 1_000;
const KEYS: [&str; 10] =
    ["host", "path", "methods", "action", "actions", "headers", "resource", "context", "audience", "signed_for"];

/// What is wrong with a table of routes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct RoutesError {
    file: String,
    /// With lines from 1; 0 for the file as a whole.
    problems: Vec<(usize, String)>,
}

impl RoutesError {
    pub(super) fn unreadable(file: &Path, error: &io::Error) -> Self {
        Self { file: file.display().to_string(), problems: vec![(0, format!("cannot be read: {error}"))] }
    }
}

impl fmt::Display for RoutesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (line, problem)) in self.problems.iter().enumerate() {
            let line_end = if place == 0 { "" } else { "\n" };
            match line {
                0 => write!(f, "{line_end}{}: {problem}", self.file)?,
                line => write!(f, "{line_end}{} line {line}: {problem}", self.file)?,
            }
        }
        Ok(())
    }
}

impl Routes {
    /// Reads `text`, the contents of `file`.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(super) fn parse(file: &Path, text: &str) -> Result<Self, RoutesError> {
        let mut reading = Reading { text, problems: Vec::new() };
        let routes = reading.table();
        if reading.problems.is_empty() {
            return Ok(Self(routes.into_iter().map(|(_, route)| route).collect()));
        }
        reading.problems.sort_by_key(|(line, _)| *line);
        Err(RoutesError { file: file.display().to_string(), problems: reading.problems })
    }
}

struct Reading<'a> {
    text: &'a str,
    problems: Vec<(usize, String)>,
}

/// A route's keys with their places.
struct Keys<'a> {
    line: usize,
    given: Vec<(&'static str, usize, DeValue<'a>)>,
}

impl<'a> Reading<'a> {
    fn table(&mut self) -> Vec<(usize, Route)> {
        let table = match DeTable::parse(self.text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                let line = self.line(error.span().unwrap_or_default());
                self.problem(line, error.message());
                return Vec::new();
            }
        };
        let mut routes: Vec<(usize, Route)> = Vec::new();
        for (name, value) in table {
            let line = self.line(name.span());
            match (&*name.into_inner(), value.into_inner()) {
                ("route", DeValue::Array(all)) if all.len() > MOST => {
                    self.problem(line, format!("there are more than {MOST} routes"));
                }
                ("route", DeValue::Array(all)) => {
                    for one in all {
                        let read = self.route(one);
                        if let Some((line, route)) = read {
                            if let Some((earlier, _)) = routes.iter().find(|(_, earlier)| earlier.covers(&route)) {
                                let told = format!(
                                    "no request comes as far as this route: the one of line {earlier} takes all that fits it"
                                );
                                self.problem(line, told);
                            }
                            routes.push((line, route));
                        }
                    }
                }
                ("route", _) => self.problem(line, "write [[route]] on a line of its own, and its keys below"),
                (other, _) => self.problem(line, unknown(other, &["route"])),
            }
        }
        if routes.is_empty() && self.problems.is_empty() {
            self.problem(0, "there is no [[route]] in it");
        }
        routes
    }

    fn route(&mut self, value: Spanned<DeValue<'a>>) -> Option<(usize, Route)> {
        let line = self.line(value.span());
        let DeValue::Table(table) = value.into_inner() else {
            self.problem(line, "a route is a table of keys");
            return None;
        };
        let mut keys = Keys { line, given: Vec::new() };
        for (name, value) in table {
            let line = self.line(name.span());
            let name = name.into_inner();
            match KEYS.iter().find(|known| **known == name) {
                Some(known) => keys.given.push((known, line, value.into_inner())),
                None => self.problem(line, unknown(&name, &KEYS)),
            }
        }
        let before = self.problems.len();
        let host = self.read(&keys, "host", |value| HostPattern::read(text(value)?));
        let path = self.needed(&keys, "path", |value| PathPattern::read(text(value)?));
        let headers = self.read(&keys, "headers", header_values).unwrap_or_default();
        let context = self.read(&keys, "context", context).unwrap_or_default();
        let actions = self.actions(&keys);
        let callers = Callers {
            audience: self.read(&keys, "audience", audience),
            signed_for: self.read(&keys, "signed_for", service),
        };
        if !keys.has("audience") && !keys.has("signed_for") {
            let told = "the route has no `audience` or `signed_for`: nobody could say who they are";
            self.problem(keys.line, told);
        }
        let path = path?;
        let resource = self.needed(&keys, "resource", |value| Template::read(text(value)?, &path));
        if self.problems.len() > before {
            return None;
        }
        let (actions, resource) = (actions?, resource?);
        Some((keys.line, Route { host, path, actions, headers, resource, context, callers }))
    }

    /// `action`, for all methods or those of `methods`; or `actions`, which says it for each method.
    fn actions(&mut self, keys: &Keys<'_>) -> Option<Actions> {
        let action = self.read(keys, "action", |value| action(text(value)?));
        let methods = self.read(keys, "methods", methods);
        let by_method = self.read(keys, "actions", actions_by_method);
        match (keys.has("action"), keys.has("methods"), keys.has("actions")) {
            (true, false, false) => action.map(Actions::Any),
            (true, true, false) => {
                let action = action?;
                Some(Actions::ByMethod(methods?.into_iter().map(|method| (method, action.clone())).collect()))
            }
            (false, false, true) => by_method.map(Actions::ByMethod),
            _ => {
                self.problem(keys.line, "a route has `action`, with `methods` or without, or else `actions`");
                None
            }
        }
    }

    fn needed<T>(
        &mut self,
        keys: &Keys<'_>,
        name: &'static str,
        read: impl FnOnce(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<T> {
        if !keys.has(name) {
            self.problem(keys.line, format!("the route has no `{name}`"));
        }
        self.read(keys, name, read)
    }

    fn read<T>(
        &mut self,
        keys: &Keys<'_>,
        name: &'static str,
        read: impl FnOnce(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<T> {
        let (_, line, value) = keys.given.iter().find(|(known, ..)| *known == name)?;
        match read(value) {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.problem(*line, format!("`{name}` {wrong}"));
                None
            }
        }
    }

    fn problem(&mut self, line: usize, problem: impl Into<String>) {
        self.problems.push((line, problem.into()));
    }

    fn line(&self, span: Range<usize>) -> usize {
        let before = self.text.get(..span.start).unwrap_or_default();
        before.bytes().filter(|byte| *byte == b'\n').count() + 1
    }
}

impl Keys<'_> {
    fn has(&self, name: &str) -> bool {
        self.given.iter().any(|(known, ..)| *known == name)
    }
}

fn unknown(name: &str, known: &[&str]) -> String {
    let hint = nearest(name, known.iter().copied()).map(|right| format!("; did you mean `{right}`?"));
    format!("unknown key `{name}`{}", hint.unwrap_or_default())
}

fn text<'a>(value: &'a DeValue<'_>) -> Result<&'a str, String> {
    match value {
        DeValue::String(text) => Ok(text),
        _ => Err("must be a text".to_owned()),
    }
}

/// A table of texts, in the order of its keys.
fn texts(value: &DeValue<'_>) -> Result<Vec<(String, String)>, String> {
    let DeValue::Table(table) = value else { return Err("must be a table of texts".to_owned()) };
    table.iter().map(|(name, value)| Ok((name.get_ref().to_string(), text(value.get_ref())?.to_owned()))).collect()
}

fn method(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    if fits { Ok(text.to_owned()) } else { Err(format!("has `{text}`, but a method is in capitals, such as GET")) }
}

fn methods(value: &DeValue<'_>) -> Result<Vec<String>, String> {
    let DeValue::Array(all) = value else { return Err("must be a list of methods".to_owned()) };
    if all.is_empty() {
        return Err("must name a method".to_owned());
    }
    all.iter().map(|one| method(text(one.get_ref())?)).collect()
}

fn action(text: &str) -> Result<String, String> {
    match questions::action(text, "") {
        Ok(action) => Ok(action.into_owned()),
        Err(_) => Err(format!("is `{text}`, but must have the form service:Action, such as reports:Read")),
    }
}

fn actions_by_method(value: &DeValue<'_>) -> Result<Vec<(String, String)>, String> {
    let all = texts(value)?;
    if all.is_empty() {
        return Err("must name a method and its action".to_owned());
    }
    all.into_iter().map(|(name, of_it)| Ok((method(&name)?, action(&of_it)?))).collect()
}

/// A header's name in lower case. Those that tell who calls, or where to, are no conditions.
fn header(name: &str) -> Result<String, String> {
    let read: HeaderName = name.parse().map_err(|_| format!("has `{name}`, which is no header"))?;
    match read.as_str() {
        "authorization" | "host" => Err(format!("has `{name}`, which a route does not read")),
        lower => Ok(lower.to_owned()),
    }
}

fn header_values(value: &DeValue<'_>) -> Result<Vec<(String, String)>, String> {
    texts(value)?.into_iter().map(|(name, value)| Ok((header(&name)?, value))).collect()
}

fn context(value: &DeValue<'_>) -> Result<Vec<(String, String)>, String> {
    let mut keys = Vec::new();
    for (key, name) in texts(value)? {
        // A key that no asker may give would refuse every request. What its values look like depends on its type.
        let said = |value: &str| Said::nothing().context(&[(Cow::Borrowed(&key), Json::Text(Cow::Borrowed(value)))]);
        let tries = ["x", "true", "192.0.2.1", "1"].map(said);
        if let [Err(refusal), Err(_), Err(_), Err(_)] = &tries {
            return Err(format!("has `{key}`, which a proxy cannot say: {refusal}"));
        }
        keys.push((key, header(&name)?));
    }
    Ok(keys)
}

fn audience(value: &DeValue<'_>) -> Result<String, String> {
    /// As `GetWebIdentityToken` has it.
    const LONGEST: usize = 1_000;
    let audience = text(value)?;
    if audience.is_empty() || audience.len() > LONGEST {
        return Err(format!("must have 1 to {LONGEST} characters"));
    }
    Ok(audience.to_owned())
}

fn service(value: &DeValue<'_>) -> Result<String, String> {
    let name = text(value)?;
    if !is_for_others(name) {
        return Err("must be the name of a service, and of none of the broker's own".to_owned());
    }
    Ok(name.to_owned())
}
