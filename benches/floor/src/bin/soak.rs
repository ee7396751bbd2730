//! Runs what must never fail for a long time, and looks at every message.
//!
//! ```text
//!   soak hammer   pairs of shards that never spin send tokens to and fro: every
//!                 push must be seen, and none may take 100 ms
//!   soak mesh     every shard sends to every other: nothing lost, doubled or
//!                 reordered, by sequence numbers and sums
//!   soak requests actors ask each other, raced by deadlines, deaths and cancels:
//!                 every request has exactly one outcome
//!   soak supervision  a tree of actors that fail at random: all are up again in the
//!                 end, and everything ends
//!   soak registry names that come and go: nobody finds one whose end was told
//! ```

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[path = "soak/hammer.rs"]
mod hammer;
#[path = "soak/mesh.rs"]
mod mesh;
#[path = "soak/registry.rs"]
mod registry;
#[path = "soak/requests.rs"]
mod requests;
#[path = "soak/supervision.rs"]
mod supervision;
#[path = "soak/tally.rs"]
mod tally;

/// Soaks of the lock-free floor, of supervision and of names
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    soak: Soak,
}

#[derive(Subcommand)]
enum Soak {
    /// Sleep and wake, without spinning
    Hammer(hammer::Args),
    /// Messages across all pairs of shards
    Mesh(mesh::Args),
    /// Requests against everything that can end one
    Requests(requests::Args),
    /// A supervision tree whose actors fail at random
    Supervision(supervision::Args),
    /// Names that are registered, looked up and given back
    Registry(registry::Args),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().soak {
        Soak::Hammer(args) => hammer::run(&args),
        Soak::Mesh(args) => mesh::run(&args),
        Soak::Requests(args) => requests::run(&args),
        Soak::Supervision(args) => supervision::run(&args),
        Soak::Registry(args) => registry::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("FAILED: {error:#}");
            ExitCode::FAILURE
        }
    }
}
