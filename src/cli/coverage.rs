//! `brevet coverage`: which of AWS's operations this broker has built.

use clap::Args;

use crate::ops::Registry;
use crate::wire::model::{Model, Service};

#[derive(Debug, Args)]
pub(super) struct CoverageArgs {
    /// Only the operations that are not built, one `service:Operation` a line
    #[arg(long)]
    missing: bool,
}

pub(super) fn table(args: &CoverageArgs) -> String {
    let registry = Registry::new();
    let mut text = String::new();
    for service in [Service::Iam, Service::Sts] {
        let missing = registry.missing(service);
        let declared = Model::of(service).operations().count();
        if args.missing {
            missing.iter().for_each(|name| text.push_str(&format!("{}:{name}\n", service.name())));
            continue;
        }
        text.push_str(&format!("{}: {} of {declared} operations\n", service.name(), declared - missing.len()));
        for operation in Model::of(service).operations() {
            let mark = if missing.contains(&operation.name.as_str()) { "missing" } else { "built" };
            text.push_str(&format!("  {mark:8}{}\n", operation.name));
        }
    }
    text
}
