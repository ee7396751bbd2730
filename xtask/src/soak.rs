//! `cargo xtask soak`: what must never fail, for a long time, in a release build.

use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Run what must never fail for a long time: sleep and wake, the mesh, requests,
/// messages among guests, guests that trap, supervision and names
#[derive(clap::Args)]
pub struct Args {
    /// Which soak; all if none is named
    #[arg(value_enum)]
    soaks: Vec<Soak>,
    /// Stop each soak after this long, however far it came
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: Option<u64>,
    /// What drives the hammer's shards; both if none is named
    #[arg(long, value_enum)]
    driver: Vec<Driver>,
    /// How many sleeps the hammer must see ended
    #[arg(long, default_value_t = 100_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    cycles: u64,
    /// How many messages cross the mesh
    #[arg(long, default_value_t = 1_000_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    messages: u64,
    /// How many requests are raced
    #[arg(long, default_value_t = 10_000_000)]
    requests: u64,
    /// How many times a guest traps
    #[arg(long, default_value_t = 1_000_000)]
    traps: u64,
    /// How many calls of guests are dropped in the middle
    #[arg(long, default_value_t = 100_000)]
    cancels: u64,
    /// How many actors of the supervision tree are made to fail
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    failures: u64,
    /// How many names are registered, looked up or given back
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    operations: u64,
    /// How many messages guests send to guests: one in a call, and as many in batches
    #[arg(long, default_value_t = 100_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    guest_messages: u64,
    /// How many shards the mesh has
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(2..=64))]
    shards: u64,
    /// How many pairs of shards the hammer has
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=256))]
    pairs: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Soak {
    /// Sleep and wake, without spinning
    Hammer,
    /// Messages across all pairs of shards
    Mesh,
    /// Requests against everything that can end one
    Requests,
    /// Guests that trap, and calls of guests that are dropped in the middle
    Traps,
    /// A supervision tree whose actors fail at random
    Supervision,
    /// Names that are registered, looked up and given back
    Registry,
    /// Numbered messages among guests on two shards
    Guests,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Driver {
    /// Plain pinned threads
    Thread,
    /// glommio
    Glommio,
}

/// Builds the soaks and runs those chosen; fails if one fails.
pub fn run(args: &Args) -> Result<()> {
    let all = |soak| args.soaks.is_empty() || args.soaks.contains(&soak);
    let by = |driver| args.driver.is_empty() || args.driver.contains(&driver);
    let glommio = by(Driver::Glommio) && all(Soak::Hammer);
    if all(Soak::Mesh) {
        let (messages, shards) = (args.messages.to_string(), args.shards.to_string());
        soak(args, glommio, &["mesh", "--messages", &messages, "--shards", &shards])?;
    }
    if all(Soak::Requests) {
        soak(args, glommio, &["requests", "--requests", &args.requests.to_string()])?;
    }
    if all(Soak::Traps) {
        let (traps, cancels) = (args.traps.to_string(), args.cancels.to_string());
        for layout in ["guarded", "compact"] {
            let traps = ["traps", "--traps", &traps, "--cancels", &cancels, "--layout", layout];
            soak_guests(args, &traps)?;
        }
    }
    if all(Soak::Supervision) {
        soak(args, glommio, &["supervision", "--failures", &args.failures.to_string()])?;
    }
    if all(Soak::Registry) {
        soak(args, glommio, &["registry", "--operations", &args.operations.to_string()])?;
    }
    if all(Soak::Guests) {
        for batch in ["1", "32"] {
            let messages = args.guest_messages.to_string();
            soak_guests(args, &["soak", "--messages", &messages, "--batch", batch])?;
        }
    }
    if all(Soak::Hammer) {
        let (cycles, pairs) = (args.cycles.to_string(), args.pairs.to_string());
        for (driver, name) in [(Driver::Thread, "thread"), (Driver::Glommio, "glommio")] {
            if by(driver) {
                let hammer = ["hammer", "--cycles", &cycles, "--driver", name, "--pairs", &pairs];
                soak(args, glommio, &hammer)?;
            }
        }
    }
    Ok(())
}

fn soak(args: &Args, glommio: bool, arguments: &[&str]) -> Result<()> {
    let mut command = build_and_run(&["--package", "raddle-bench", "--bin", "soak"]);
    if glommio {
        command.args(["--features", "glommio"]);
    }
    run_soak(args, command, arguments)
}

/// The harness has wasmtime, and guests.
fn soak_guests(args: &Args, arguments: &[&str]) -> Result<()> {
    run_soak(args, build_and_run(&["--package", "raddle-perf"]), arguments)
}

fn build_and_run(what: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["run", "--quiet", "--release"]).args(what);
    command
}

fn run_soak(args: &Args, mut command: Command, arguments: &[&str]) -> Result<()> {
    command.arg("--").args(arguments).current_dir(crate::root());
    if let Some(seconds) = args.seconds {
        command.args(["--seconds", &seconds.to_string()]);
    }
    let status = command.status().context("running cargo")?;
    ensure!(status.success(), "the soak failed: {}", arguments.join(" "));
    Ok(())
}
