//! The process's environment, read once and passed on as a value, so that what a command does depends on nothing
//! hidden.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::types::secret::SecretText;

/// Every variable that is looked at.
const NAMES: [&str; 16] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_STS",
    "HOME",
    "HTTPS_PROXY",
    "NO_PROXY",
    "XDG_CACHE_HOME",
    "XDG_RUNTIME_DIR",
    "https_proxy",
    "no_proxy",
];

/// The variables that were set, without those that were empty or not Unicode. Does not print their values.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, SecretText>);

impl Environment {
    /// The environment of this process.
    pub fn of_this_process() -> Self {
        Self::of(NAMES.into_iter().filter_map(|name| Some((name, std::env::var(name).ok()?))))
    }

    /// An environment with just these variables.
    pub fn of<N: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self(
            variables
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| (name, SecretText::new(value)))
                .collect(),
        )
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(SecretText::expose)
    }

    /// The value of the first of these variables that is set.
    pub fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.get(name))
    }

    /// The caller's home directory, if it is an absolute path.
    pub fn home(&self) -> Option<PathBuf> {
        self.directory("HOME")
    }

    /// Where caches go (XDG Base Directory Specification): `$XDG_CACHE_HOME` or `~/.cache`.
    pub fn cache_home(&self) -> Option<PathBuf> {
        self.directory("XDG_CACHE_HOME").or_else(|| Some(self.home()?.join(".cache")))
    }

    /// Where files go that live as long as the login (the same specification): `$XDG_RUNTIME_DIR`.
    pub fn runtime_dir(&self) -> Option<PathBuf> {
        self.directory("XDG_RUNTIME_DIR")
    }

    fn directory(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_variables_count_as_unset() {
        let environment = Environment::of([("AWS_PROFILE", ""), ("AWS_REGION", "eu-west-1")]);
        assert_eq!(environment.get("AWS_PROFILE"), None);
        assert_eq!(environment.first(&["AWS_PROFILE", "AWS_REGION"]), Some("eu-west-1"));
    }

    #[test]
    fn the_cache_is_in_an_absolute_place() {
        let cache = |pairs: &[(&str, &str)]| Environment::of(pairs.iter().copied()).cache_home();
        assert_eq!(cache(&[("HOME", "/home/a")]), Some("/home/a/.cache".into()));
        assert_eq!(cache(&[("HOME", "/home/a"), ("XDG_CACHE_HOME", "/c")]), Some("/c".into()));
        assert_eq!(cache(&[("HOME", "/home/a"), ("XDG_CACHE_HOME", "relative")]), Some("/home/a/.cache".into()));
        assert_eq!(cache(&[]), None);
    }

    #[test]
    fn values_do_not_print() {
        let environment = Environment::of([("AWS_SECRET_ACCESS_KEY", "hunter2")]);
        assert!(!format!("{environment:?}").contains("hunter2"));
    }
}
