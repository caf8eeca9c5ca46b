//! `brevet policy`: policies on the desk of whoever writes them, without a broker.

mod case;
mod evaluate;
mod validate;

use std::io;
use std::process::ExitCode;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Check policies before they are used
    Validate(validate::ValidateArgs),
    /// Decide requests under policies: tests of policies, for a repository and its CI
    ///
    /// Each line of input is a JSON object {name, principal, action, resource, resource_account, context, identity_policies,
    /// boundary, session_policies, resource_policy, scps, rcps, expected}, of which only principal and action must be there.
    /// Each line of output says the decision, the statements that made it, and what was missing. Exits with 1 when a case
    /// comes out otherwise than expected.
    Evaluate(evaluate::EvaluateArgs),
}

pub(super) fn run(command: &PolicyCommand) -> ExitCode {
    let (mut input, mut out, mut err) = (io::stdin().lock(), io::stdout().lock(), io::stderr().lock());
    ExitCode::from(match command {
        PolicyCommand::Validate(args) => validate::run(args, &mut input, &mut out, &mut err),
        PolicyCommand::Evaluate(args) => evaluate::run(args, &mut input, &mut out, &mut err),
    })
}
