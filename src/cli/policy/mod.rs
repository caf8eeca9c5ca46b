//! `brevet policy`: policies on the desk of whoever writes them, without a broker.

mod validate;

use std::io;
use std::process::ExitCode;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Check policies before they are used
    Validate(validate::ValidateArgs),
}

pub(super) fn run(command: &PolicyCommand) -> ExitCode {
    match command {
        PolicyCommand::Validate(args) => {
            let (mut input, mut out, mut err) = (io::stdin().lock(), io::stdout().lock(), io::stderr().lock());
            ExitCode::from(validate::run(args, &mut input, &mut out, &mut err))
        }
    }
}
