//! What the actors of the access log example say to each other: a parser sends
//! [`Record`]s to the aggregators, an aggregator answers with its [`Totals`],
//! and the reporter reads them.
//!
//! Records are binary, everything that people may type is text. Their first
//! byte tells them apart: the tags of records are no printable characters.

mod hash;
mod record;
mod totals;

pub use hash::{PathHasher, owner};
pub use record::Record;
pub use totals::{TOP_PATHS_MAX, Totals, busiest};
