//! What can be wrong with a configuration, told so that the operator knows where to look and what to write instead.

use std::fmt;
use std::net::SocketAddr;

/// Everything that is wrong, in the order in which it was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError(
    /// At least one.
    pub Vec<Problem>,
);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let line_end = if index == 0 { "" } else { "\n" };
            write!(f, "{line_end}{problem}")?;
        }
        Ok(())
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The file is not TOML.
    #[error("{place}: {message}", place = FileLine(file, *line))]
    Syntax {
        /// The file's name.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What the parser expected.
        message: String,
    },
    /// The file has a key that means nothing.
    #[error("unknown key `{key}` {place}{}", DidYouMean(suggestion))]
    UnknownKey {
        /// The key, with its section.
        key: String,
        /// Where it stands.
        place: Place,
        /// The nearest key.
        suggestion: Option<String>,
    },
    /// The file has a section that means nothing.
    #[error("unknown section `{section}` {place}{}", DidYouMean(suggestion))]
    UnknownSection {
        /// The section.
        section: String,
        /// Where it begins.
        place: Place,
        /// The nearest section.
        suggestion: Option<String>,
    },
    /// The file gives a section's name a value.
    #[error("`{section}` {place} is a section: write [{section}] on a line of its own, and its keys below")]
    NotASection {
        /// The section.
        section: &'static str,
        /// Where it stands.
        place: Place,
    },
    /// A variable is named like a setting and is none.
    #[error("unknown variable {variable} in the environment{}", DidYouMean(suggestion))]
    UnknownVariable {
        /// Its name.
        variable: String,
        /// The nearest variable.
        suggestion: Option<String>,
    },
    /// A setting has a value that it cannot have.
    #[error("`{key}` {place} {fault}")]
    Wrong {
        /// The key, with its section.
        key: String,
        /// Where the value was given.
        place: Place,
        /// Why it cannot.
        fault: Fault,
    },
    /// Half of a pair.
    #[error("`{key}` {place} needs `{missing}` too: TLS takes a certificate and its key")]
    HalfOfTls {
        /// The half that was given.
        key: &'static str,
        /// Where.
        place: Place,
        /// The half that was not.
        missing: &'static str,
    },
    /// Clients cannot show certificates where nobody speaks TLS.
    #[error(
        "`server.client_authorities` {place} needs `server.tls_certificate` and `server.tls_key`: certificates are shown in TLS"
    )]
    AuthoritiesWithoutTls {
        /// Where it was given.
        place: Place,
    },
    /// Secrets would cross a network in the clear, and nobody said that they may.
    #[error(
        "`server.listen` {place} is {listen}, which other machines reach, and without TLS secrets would cross the network in \
         the clear: set `server.tls_certificate` and `server.tls_key`, or listen on 127.0.0.1, or set \
         `server.allow_plain_http` when a proxy in front ends TLS"
    )]
    PlainHttp {
        /// The address.
        listen: SocketAddr,
        /// Where it was given.
        place: Place,
    },
    /// Clients would be sent to a URL without TLS.
    #[error(
        "`server.public_url` {place} must begin with https://, unless it names this machine or `server.allow_plain_http` is set"
    )]
    PlainPublicUrl {
        /// Where it was given.
        place: Place,
    },
    /// The next key would be published before the present one signs.
    #[error(
        "`sessions.publish_ahead_hours` {place} is {hours} hours, which must be less than `sessions.rotate_after_days`, {days} \
         days"
    )]
    PublishedTooEarly {
        /// Where the hours were given.
        place: Place,
        /// How long a key is published before it signs.
        hours: u32,
        /// How long a key signs.
        days: u32,
    },
    /// A setting says something that another one leaves without effect.
    #[error("`{key}` {place} has no effect, because `{other}` {other_place} is {value}: take one of the two out")]
    Idle {
        /// The setting without effect.
        key: &'static str,
        /// Where it was given.
        place: Place,
        /// The setting that decides so.
        other: &'static str,
        /// Where that was given.
        other_place: Place,
        /// What that one is.
        value: &'static str,
    },
}

/// Why a setting cannot have a value. Follows the name of the setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A value of another type.
    #[error("must be {expected}, not {found}")]
    WrongType {
        /// What the setting takes.
        expected: &'static str,
        /// What it was given.
        found: &'static str,
    },
    /// A number too small or too large.
    #[error("is {value}, but must be from {least} to {most}")]
    OutOfRange {
        /// What was given.
        value: i128,
        /// The least that the setting takes.
        least: u64,
        /// The most that it takes.
        most: u64,
    },
    /// A text that does not read as what it must be.
    #[error("is `{value}`, but must be {expected}")]
    Malformed {
        /// The beginning of what was given.
        value: String,
        /// What the setting takes.
        expected: &'static str,
    },
    /// A list that says two things of one.
    #[error("names {what} twice, `{value}`: only one of the two could count")]
    Twice {
        /// What kind of thing.
        what: &'static str,
        /// The beginning of its name.
        value: String,
    },
    /// A URL has a parameter that nobody reads.
    #[error("has {parameter} means nothing{}", DidYouMean(nearest))]
    UnknownParameter {
        /// What is said of it.
        parameter: String,
        /// The nearest one that is read.
        nearest: Option<String>,
    },
    /// A URL has a parameter whose value does not read as what it must be.
    #[error("has a parameter that cannot be read: `{name}` must be {expected}")]
    WrongParameter {
        /// Its name.
        name: &'static str,
        /// What it takes.
        expected: &'static str,
    },
    /// A text that does not read as what it must be, of a setting that is secret.
    #[error("must be {expected}")]
    MalformedSecret {
        /// What the setting takes.
        expected: &'static str,
    },
}

impl Fault {
    pub(super) fn malformed(value: &str, expected: &'static str) -> Self {
        Self::Malformed { value: beginning(value), expected }
    }

    /// Of a parameter that may be named, or not.
    pub(super) fn unknown_parameter(name: Option<&str>, nearest: Option<String>) -> Self {
        let parameter = name
            .map_or_else(|| "a parameter that".to_owned(), |name| format!("a parameter `{}`, which", beginning(name)));
        Self::UnknownParameter { parameter, nearest }
    }

    pub(super) fn twice(what: &'static str, value: &str) -> Self {
        Self::Twice { what, value: beginning(value) }
    }
}

/// What a message shows of a value. In front of an `@` is who logs in, and by what password.
fn beginning(value: &str) -> String {
    /// Characters of it.
    const SHOWN: usize = 80;
    let shown = value.rsplit_once('@').map(|(_, rest)| format!("...@{rest}"));
    shown.as_deref().unwrap_or(value).chars().take(SHOWN).flat_map(char::escape_debug).collect()
}

/// Where a value was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the file of this name, in this line, from 1.
    File(String, usize),
    /// In this environment variable.
    Variable(String),
    /// By this flag.
    Flag(&'static str),
    /// Nowhere.
    Default,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file, line) => write!(f, "in {}", FileLine(file, *line)),
            Self::Variable(variable) => write!(f, "in the variable {variable}"),
            Self::Flag(flag) => write!(f, "in the flag {flag}"),
            Self::Default => f.write_str("by default"),
        }
    }
}

struct FileLine<'a>(&'a str, usize);

impl fmt::Display for FileLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} line {}", self.0, self.1)
    }
}

struct DidYouMean<'a>(&'a Option<String>);

impl fmt::Display for DidYouMean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |nearest| write!(f, "; did you mean `{nearest}`?"))
    }
}
