//! The workloads. Each proves every round: what the guests say that they have
//! handled must be what was sent.

mod access_log;
pub(crate) mod ask;
mod flow;
mod lives;
mod mixed;
mod parents;
mod pass;
pub(crate) mod stranger;
mod topic;

use std::path::PathBuf;
use std::time::Duration;

use raddle::ActorId;
use serde::Serialize;

use crate::pump::Stream;
use crate::recording::Recording;
use crate::setup::Stand;

/// What is to be done.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// A native actor tells one guest
    Tell,
    /// A token goes round among guests: per hop
    Ring,
    /// Two guests, to and fro: per round trip
    PingPong,
    /// Many native actors tell one guest
    FanIn,
    /// One guest tells many
    FanOut,
    /// Many pairs, a native actor and a guest, on all shards
    Pairs,
    /// An outside thread asks a guest, and waits: per reply
    Ask,
    /// A native actor publishes to many guests: per copy
    Publish,
    /// Guests start, answer once, and are stopped
    SpawnStop,
    /// Guests trap over and over, and are restarted: per restart
    RestartStorm,
    /// An outside thread tells, asks and publishes to many guests
    Mixed,
    /// The pipeline of examples/access_log: per line
    AccessLog,
    /// Your own component (--component), told by an outside thread
    Component,
}

impl Kind {
    pub(crate) fn name(self) -> String {
        clap::ValueEnum::to_possible_value(&self).expect("none is hidden").get_name().to_owned()
    }
}

/// Where sender and receiver are, for workloads that have a choice.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Place {
    /// On the same shard
    Same,
    /// On different shards
    Across,
    /// First the one, then the other
    Both,
}

/// What only some workloads need.
#[derive(clap::Args, Debug, Clone, Serialize)]
pub(crate) struct Extras {
    /// Your component, for the workload `component`
    #[arg(long, value_name = "FILE")]
    pub(crate) component: Option<PathBuf>,
    /// What to send to it [default: --payload bytes of `x`]
    #[arg(long, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// The same from a file, for what is no text
    #[arg(long, value_name = "FILE", conflicts_with = "message")]
    pub(crate) message_file: Option<PathBuf>,
    /// Its configuration
    #[arg(long = "config", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) configs: Vec<(String, String)>,
    /// The access log
    #[arg(long, default_value = "examples/access_log/sample.log", value_name = "FILE")]
    pub(crate) log: PathBuf,
    /// Tokens that go round in a ring at once
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub(crate) tokens: u64,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// What one round came to.
pub(crate) struct Round {
    /// Messages, hops, round trips, …
    pub(crate) units: u64,
    pub(crate) elapsed: Duration,
    /// Where each of them is waited for: how long each took.
    pub(crate) recording: Option<Recording>,
}

impl Round {
    pub(crate) fn ns_per_unit(&self) -> f64 {
        self.elapsed.as_nanos() as f64 / self.units as f64
    }
}

/// A workload that is set up.
pub(crate) trait Workload {
    /// What is said of it: `tell, same shard`.
    fn title(&self) -> String;

    /// What is counted: `message`, `hop`, …
    fn unit(&self) -> &'static str {
        "message"
    }

    /// Does about so many units as fast as they go, and proves them.
    ///
    /// # Errors
    /// If anything was lost, doubled or changed.
    fn round(&mut self, stand: &Stand, units: u64) -> anyhow::Result<Round>;

    /// How it can be fed at a set rate, if it can.
    fn open(&self) -> Option<Open<'_>> {
        None
    }

    /// Stops its actors.
    ///
    /// # Errors
    /// If they do not stop.
    fn end(self: Box<Self>, stand: &Stand) -> anyhow::Result<()>;
}

/// Who is fed at a set rate, and how.
pub(crate) enum Open<'a> {
    /// Native actors send these `add`s, in turn.
    Streams(Vec<Stream>),
    /// An outside thread asks this guest.
    Asks(ActorId),
    /// An outside thread tells this component, which proves nothing but by the
    /// runtime's ledger.
    Stranger(ActorId, &'a [u8]),
}

/// Sets up a workload: one, or one for each place.
pub(crate) fn set_up(
    kind: Kind,
    place: Place,
    stand: &Stand,
    extras: &Extras,
) -> anyhow::Result<Vec<Box<dyn Workload>>> {
    let has_places =
        matches!(kind, Kind::Tell | Kind::Ring | Kind::PingPong | Kind::FanIn | Kind::FanOut | Kind::Publish);
    let across: Vec<bool> = match place {
        _ if !has_places => vec![false],
        Place::Same => vec![false],
        Place::Across => {
            anyhow::ensure!(stand.runtime.shards() > 1, "--place across takes 2 shards, and there is 1");
            vec![true]
        }
        Place::Both if stand.runtime.shards() == 1 => vec![false],
        Place::Both => vec![false, true],
    };
    across.into_iter().map(|across| one(kind, across, stand, extras)).collect()
}

fn one(kind: Kind, across: bool, stand: &Stand, extras: &Extras) -> anyhow::Result<Box<dyn Workload>> {
    Ok(match kind {
        Kind::Tell => Box::new(flow::tell(stand, across)?),
        Kind::FanIn => Box::new(flow::fan_in(stand, across)?),
        Kind::FanOut => Box::new(flow::fan_out(stand, across)?),
        Kind::Pairs => Box::new(flow::pairs(stand, stand.runtime.shards())?),
        Kind::Ring => Box::new(pass::Pass::ring(stand, across, extras.tokens)?),
        Kind::PingPong => Box::new(pass::Pass::ping_pong(stand, across)?),
        Kind::Ask => Box::new(ask::Ask::new(stand)?),
        Kind::Publish => Box::new(topic::Publish::new(stand, across)?),
        Kind::SpawnStop => Box::new(parents::SpawnStop::new(stand, stand.runtime.shards())?),
        Kind::RestartStorm => Box::new(lives::RestartStorm::new(stand)?),
        Kind::Mixed => Box::new(mixed::Mixed::new(stand)?),
        Kind::AccessLog => Box::new(access_log::AccessLog::new(stand, extras)?),
        Kind::Component => Box::new(stranger::Stranger::new(stand, extras)?),
    })
}

/// What usually keeps all shards busy, on the first of them alone.
#[cfg(feature = "race")]
pub(crate) fn set_up_alone(kind: Kind, stand: &Stand) -> anyhow::Result<Option<Box<dyn Workload>>> {
    Ok(match kind {
        Kind::Pairs => Some(Box::new(flow::pairs(stand, 1)?)),
        Kind::SpawnStop => Some(Box::new(parents::SpawnStop::new(stand, 1)?)),
        _ => None,
    })
}

fn counted_shards(shards: usize) -> String {
    if shards == 1 { "1 shard".to_owned() } else { format!("{shards} shards") }
}

/// ` same shard` or `across shards`, after a name.
fn titled(name: &str, across: bool) -> String {
    format!("{name}, {}", if across { "across shards" } else { "same shard" })
}
