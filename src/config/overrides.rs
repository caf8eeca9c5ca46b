//! Settings as flags of the command line. Which setting each flag overrides stands in the table of keys.

use std::convert::Infallible;
use std::path::PathBuf;

use crate::telemetry::LogFormat;
use crate::types::SecretText;

/// The flags that override settings.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Overrides {
    /// The folder of the embedded database and of the master key
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The address and port to listen on
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<String>,
    /// The postgres:// URL of a database to use instead of the embedded one. Other users of the machine see flags: the variable
    /// BREVET_STORE_DATABASE keeps its password to itself
    #[arg(long, value_name = "URL", value_parser = secret)]
    pub database: Option<SecretText>,
    /// The URL by which clients reach the broker
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// A PEM file with the server's certificate chain
    #[arg(long, value_name = "FILE")]
    pub tls_certificate: Option<PathBuf>,
    /// A PEM file with the certificate's private key
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Speak plain HTTP on an address that other machines reach
    #[arg(long)]
    pub allow_plain_http: bool,
    /// What to log: off, error, warn, info, debug or trace; as in info,brevet::store=debug for some modules
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// How log lines look
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

fn secret(text: &str) -> Result<SecretText, Infallible> {
    Ok(SecretText::new(text))
}
