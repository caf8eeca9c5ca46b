//! The configuration as an operator meets it: layers, mistakes, and the sample files that the repository ships.

mod layers;
mod mistakes;
mod samples;

use std::path::Path;

use brevet::config::{Config, ConfigError, Overrides};

/// Settles from a file called `brevet.toml` and these variables.
fn load(text: &str, variables: &[(&str, &str)], flags: &Overrides) -> Result<Config, ConfigError> {
    let environment: Vec<(String, String)> =
        variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Config::load(Some((Path::new("brevet.toml"), text)), &environment, flags)
}

/// What is said of a file that is wrong, line by line.
fn refusals(text: &str) -> Vec<String> {
    load(text, &[], &Overrides::default()).unwrap_err().to_string().lines().map(str::to_owned).collect()
}
