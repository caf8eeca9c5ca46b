//! The one binary: the subcommand picks broker, sidecar or command line.

use std::process::ExitCode;

use clap::Parser;

/// Policies, answers and audit records are made of many small pieces, which it hands out faster than the C library does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The allocator asks for huge pages, which would make an idle broker twice as large. Where they cannot be declined, it is.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    run()
}

#[tokio::main]
async fn run() -> ExitCode {
    brevet::cli::run(brevet::cli::Cli::parse()).await
}
