//! Developer tasks, beyond `cargo build` and `cargo test`: `cargo xtask --help`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

mod ci;
mod guests;
mod loom;
mod mutants;
mod soak;

/// What a developer does beyond `cargo build` and `cargo test`.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Run every check that `.ci/run` runs
    Ci(ci::Args),
    /// Rebuild the guests, or check that they match their sources
    Guests(guests::Args),
    /// Rebuild the guest in JavaScript: takes npm, and is no part of `ci`
    JavascriptGuest,
    /// Make a component of the core module of a guest, as `guests` does
    Componentize(guests::ComponentizeArgs),
    /// Make a toolchain that builds guests, from Debian packages
    GuestToolchain(guests::toolchain::Args),
    /// Check the lock-free code in every interleaving
    Loom(loom::Args),
    /// Break the lock-free code on purpose, and see that the models notice
    Mutants(mutants::Args),
    /// Run the lock-free floor, and guests, for a long time
    Soak(soak::Args),
}

fn main() -> ExitCode {
    let result = match Task::parse() {
        Task::Ci(args) => ci::run(&args),
        Task::Guests(args) => guests::run(&args),
        Task::JavascriptGuest => guests::javascript::run(),
        Task::Componentize(args) => guests::componentize(&args),
        Task::GuestToolchain(args) => guests::toolchain::make(&args),
        Task::Loom(args) => loom::run(&args),
        Task::Mutants(args) => mutants::run(&args),
        Task::Soak(args) => soak::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the checkout.
fn root() -> PathBuf {
    // Set by `cargo run`. What was set when this was compiled may be another
    // checkout, if they share a target folder.
    let xtask = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&xtask).parent().expect("xtask is a folder of the repository").to_owned()
}
