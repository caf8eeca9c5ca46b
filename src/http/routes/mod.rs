//! Routes: what a request that a proxy asks about means, in IAM's terms.
//!
//! A table, in a file of the operator's, says for host, path, method and headers which action on which resource that is, and who the
//! caller is. The first route that fits a request is the one; a request that none fits is refused.

mod file;
mod host;
mod path;
mod pattern;
mod template;

use std::path::Path;

pub use file::RoutesError;
use host::HostPattern;
use path::{NormalPath, PathFault};
use pattern::{Fit, PathPattern};
use template::Template;

use crate::types::Arn;

/// The table.
#[derive(Clone, Debug, Default)]
pub struct Routes(Vec<Route>);

/// One line of the table.
#[derive(Clone, Debug)]
struct Route {
    host: Option<HostPattern>,
    path: PathPattern,
    actions: Actions,
    /// Headers that must be there, with these values.
    headers: Vec<(String, String)>,
    resource: Template,
    /// Condition keys, and the headers that say what they hold.
    context: Vec<(String, String)>,
    callers: Callers,
}

/// Which action a request is.
#[derive(Clone, Debug)]
enum Actions {
    /// This one, by whatever method.
    Any(String),
    /// By its method; other methods do not fit.
    ByMethod(Vec<(String, String)>),
}

/// How a request's caller says who they are: in one of these ways, or in either.
#[derive(Clone, Debug, Default)]
pub(super) struct Callers {
    /// As the bearer of a web identity token for this audience, in the header `Authorization`.
    pub(super) audience: Option<String>,
    /// By a signature (SigV4) for the service of this name.
    pub(super) signed_for: Option<String>,
}

/// A request as a proxy received it.
pub(super) struct Original<'a> {
    pub(super) method: &'a str,
    pub(super) host: Option<&'a str>,
    /// Path and query, as they were sent.
    pub(super) target: &'a str,
    pub(super) headers: &'a dyn Headers,
}

/// A request's headers.
pub(super) trait Headers: Sync {
    /// The header of a name in lower case.
    fn get(&self, name: &str) -> Header<'_>;

    /// All of them, with names in lower case.
    fn all(&self) -> Vec<(&str, &[u8])>;
}

/// One header of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header<'a> {
    /// It is not there.
    None,
    /// It is there once, with this text.
    One(&'a str),
    /// It is there more than once, or is no text: who reads it may read another one.
    Unclear,
}

/// What a request means.
#[derive(Debug)]
pub(super) struct Meaning<'a> {
    pub(super) action: &'a str,
    pub(super) resource: Arn,
    /// Condition keys with their values.
    pub(super) context: Vec<(&'a str, &'a str)>,
    /// Headers without which it would mean something else, with their values.
    pub(super) conditions: &'a [(String, String)],
    pub(super) callers: &'a Callers,
}

/// Why a request means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoMeaning {
    #[error("no route fits the request")]
    NoRoute,
    #[error("the path differs from a route's in upper and lower case or in the slash at its end")]
    Nearly,
    #[error("the path is not one that everybody reads alike: {0}")]
    Path(PathFault),
    #[error("the host is none")]
    Host,
    #[error("the method is none")]
    Method,
    #[error("the header `{0}` asks for another method")]
    OtherMethod(&'static str),
    #[error("the header `{0}` is there more than once, or is no text")]
    Header(String),
    #[error("the resource's name would be too long")]
    TooLong,
}

/// Headers by which some services let a request be of another method than it is.
const OTHER_METHOD: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

impl Routes {
    /// Reads the table.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn read(file: &Path) -> Result<Self, RoutesError> {
        let text = std::fs::read_to_string(file).map_err(|error| RoutesError::unreadable(file, &error))?;
        Self::parse(file, &text)
    }

    /// What a request means.
    pub(super) fn meaning<'a>(&'a self, original: &Original<'a>) -> Result<Meaning<'a>, NoMeaning> {
        for name in OTHER_METHOD {
            if original.headers.get(name) != Header::None {
                return Err(NoMeaning::OtherMethod(name));
            }
        }
        // Methods are case-sensitive (RFC 9110 section 9.1), and not for everybody.
        let method = original.method;
        if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-') {
            return Err(NoMeaning::Method);
        }
        let host = match original.host {
            Some(text) => Some(host::host(text).ok_or(NoMeaning::Host)?),
            None => None,
        };
        let path = NormalPath::read(original.target).map_err(NoMeaning::Path)?;
        for route in &self.0 {
            let fits_host = route.host.as_ref().is_none_or(|own| host.as_deref().is_some_and(|host| own.fits(host)));
            let Some(action) = route.actions.of(method).filter(|_| fits_host) else { continue };
            let fit = route.path.fit(&path);
            if fit == Fit::Not || !route.fits_headers(original.headers)? {
                continue;
            }
            let Fit::Well(captures) = fit else { return Err(NoMeaning::Nearly) };
            let resource = route.resource.fill(&captures).ok_or(NoMeaning::TooLong)?;
            let mut context = Vec::with_capacity(route.context.len());
            for (key, header) in &route.context {
                if let Some(value) = once(original.headers, header)? {
                    context.push((key.as_str(), value));
                }
            }
            let conditions = &route.headers;
            return Ok(Meaning { action, resource, context, conditions, callers: &route.callers });
        }
        Err(NoMeaning::NoRoute)
    }
}

impl Route {
    fn fits_headers(&self, headers: &dyn Headers) -> Result<bool, NoMeaning> {
        for (name, value) in &self.headers {
            if once(headers, name)? != Some(value) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether no request that fits `later` gets past this one.
    fn covers(&self, later: &Self) -> bool {
        let hosts = match (&self.host, &later.host) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(theirs)) => own.covers(theirs),
        };
        hosts
            && self.path.covers(&later.path)
            && self.actions.covers(&later.actions)
            && self.headers.iter().all(|own| later.headers.contains(own))
    }
}

impl Actions {
    fn of(&self, method: &str) -> Option<&str> {
        match self {
            Self::Any(action) => Some(action),
            Self::ByMethod(all) => all.iter().find(|(known, _)| known == method).map(|(_, action)| action.as_str()),
        }
    }

    fn covers(&self, later: &Self) -> bool {
        match (self, later) {
            (Self::Any(_), _) => true,
            (Self::ByMethod(_), Self::Any(_)) => false,
            (Self::ByMethod(_), Self::ByMethod(theirs)) => theirs.iter().all(|(method, _)| self.of(method).is_some()),
        }
    }
}

/// A header that a decision hangs on, which must not have two values.
fn once<'a>(headers: &'a dyn Headers, name: &str) -> Result<Option<&'a str>, NoMeaning> {
    match headers.get(name) {
        Header::None => Ok(None),
        Header::One(text) => Ok(Some(text)),
        Header::Unclear => Err(NoMeaning::Header(name.to_owned())),
    }
}

#[cfg(test)]
mod tests;
