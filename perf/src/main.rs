//! Measures Raddle beside its floors, in the same run. Every message counts only
//! because a guest handled it: the guest's own count is read back and checked, and
//! a run that does not add up is an error, not a figure.

mod actors;
mod bare;
mod pump;
mod stats;
mod table;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures Raddle beside its floors, in the same run.
#[derive(Parser)]
#[command(name = "raddle-perf")]
enum Command {
    /// ns per message through a guest: bare call, same shard, across shards
    Table(table::Args),
    /// Many live actors at once, each counted through its guest
    Actors(actors::Args),
}

fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Table(args) => table::run(&args),
        Command::Actors(args) => actors::run(&args),
    }
}
