//! Measures Raddle beside its floors and its rivals, in the same run. Every message
//! counts only because a guest handled it: what the guest added up is read back and
//! checked, and a run that does not add up is an error, not a figure.
//!
//! ```text
//!   run, sweep ──► workload ──► pump, open ──► guests        what is done, and how fast
//!        │            └──────► recorder, recording           latencies, where they arise
//!        └──► figure ──► report, compare                     what is said of it
//!   floor                                                    what it takes without Raddle
//!   race ──► the same workloads, by other runtimes too       (feature `race`)
//! ```

mod actors;
mod compare;
mod figure;
mod floor;
mod interrupt;
mod machine;
mod noise;
mod open;
mod overload;
mod pump;
#[cfg(feature = "race")]
mod race;
#[cfg(not(feature = "race"))]
#[path = "race_disabled.rs"]
mod race;
mod recorder;
mod recording;
mod report;
mod round_trip;
mod run;
mod setup;
mod soak;
mod stats;
mod sweep;
mod table;
mod traps;
mod word;
mod workload;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures Raddle beside its floors and its rivals, in the same run.
#[derive(Parser)]
#[command(name = "raddle-perf", version)]
enum Command {
    /// Workloads, as fast as they go or at a set rate
    Run(Box<run::Args>),
    /// Rate after rate, until the runtime no longer keeps up
    Sweep(Box<sweep::Args>),
    /// Two saved runs, side by side
    Compare(compare::Args),
    /// Other actor runtimes under the same workloads, in turn
    Race(Box<race::Args>),
    /// ns per message through a guest: bare call, same shard, across shards
    Table(table::Args),
    /// Many live actors at once, each counted through its guest
    Actors(actors::Args),
    /// Traps and cancelled calls without number: memory and slots must come back
    Traps(traps::Args),
    /// Guests that send to each other, for a long time: is anything lost or reordered?
    Soak(soak::Args),
    /// There and back between shards that are awake, beside the rings and the guest's calls
    RoundTrip(round_trip::Args),
    /// Twice what a guest can take: what is handled, how late, and how soon it is over
    Overload(overload::Args),
}

fn main() -> ExitCode {
    let command = Command::parse();
    let done = match &command {
        Command::Run(args) => run::run(args),
        Command::Sweep(args) => sweep::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Race(args) => race::run(args),
        Command::Table(args) => table::run(args),
        Command::Actors(args) => actors::run(args),
        Command::Traps(args) => traps::run(args),
        Command::RoundTrip(args) => round_trip::run(args),
        Command::Soak(args) => soak::run(args),
        Command::Overload(args) => overload::run(args),
    };
    let Err(error) = done else { return ExitCode::SUCCESS };
    // Why, and what of: with no backtrace, whatever the environment says.
    eprintln!("error: {error}");
    let mut said = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        // Some repeat what they are caused by.
        if !said.ends_with(&cause) {
            eprintln!("  {cause}");
        }
        said = cause;
    }
    ExitCode::FAILURE
}
