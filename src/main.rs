//! The one binary: the subcommand picks broker, sidecar or command line.

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    brevet::cli::run(brevet::cli::Cli::parse()).await
}
