//! Messages from guest to guest, for a long time. Each guest numbers what it sends to
//! each other one, and looks whether what it gets is the next number: so a message that
//! is lost, doubled or out of order between a pair is seen by the guest that misses it.
//! The ledger of every shard is checked after every turn.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use raddle::actor::Blueprint;
use raddle::runtime::driver::Reactor;
use raddle::shard::ShardConfig;
use raddle::wasm::{CacheConfig, ComponentBlueprint, Profile, TrustLevel};
use raddle::{ActorId, Runtime, ShardId, Spawn};

use crate::interrupt;
use crate::pump;
use crate::word::read;

/// The guest's words: see `guests/tests/sequence`.
const PEERS: u64 = 1;
const LAUNCH: u64 = 2;
const REPORT: u64 = 3;
/// The most peers that the guest takes.
const ACTORS_MAX: u64 = 64;
/// Tokens on their way at once: all of them find room in any one mailbox.
const TOKENS_MAX: u64 = 4_096;
/// Messages between two looks at the time.
const ROUND_MESSAGES: u64 = 4_000_000;
const LOOK_EVERY: Duration = Duration::from_millis(1);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many messages guests send to guests
    #[arg(long, default_value_t = 100_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    messages: u64,
    /// How many guests: each sends to all, and to itself
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=ACTORS_MAX))]
    actors: u64,
    /// How many messages are on their way at once
    #[arg(long, default_value_t = 1_024, value_parser = clap::value_parser!(u64).range(1..=TOKENS_MAX))]
    tokens: u64,
    /// The most messages that a guest handles in one call
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1024))]
    batch: u64,
    /// How many shards
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=64))]
    shards: u64,
    /// What drives the shards: auto, glommio or thread
    #[arg(long, default_value = "auto")]
    reactor: Reactor,
    /// Stop after this long, however far it came
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: Option<u64>,
    /// The guest
    #[arg(long, default_value = "guests/prebuilt/sequence.wasm")]
    guest: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    interrupt::listen()?;
    let config = ShardConfig { checks_ledger: true, measures_latency: false, ..ShardConfig::default() };
    let runtime =
        Runtime::builder().shards(args.shards as usize).reactor(args.reactor).config(config).build()?;
    let guests = start(&runtime, args)?;
    let begun = Instant::now();
    let mut sent = 0;
    while sent < args.messages && !is_over(args, begun) {
        sent += round(&runtime, &guests, args.tokens, args.messages - sent)?;
    }
    let elapsed = begun.elapsed();
    let faults = audit(&runtime, &guests, sent)?;
    let report = runtime.shutdown(Duration::from_secs(10));
    let ledger = report.ledger();
    ensure!(report.failures.is_empty(), "{}", report.failures.join("; "));
    ensure!(ledger.closes() && ledger.resident == 0, "the ledger does not close: {ledger:?}");
    ensure!(ledger.failed + ledger.dead() + ledger.refused == 0, "not all were handled: {ledger:?}");
    ensure!(faults.is_empty(), "{}", faults.join("; "));
    ensure!(!interrupt::is_raised() || sent > 0, interrupt::Interrupted);
    println!(
        "{sent} messages among {} guests, shards: {} ({}), batches of at most {}, in {:.1} s: {:.2} million a second",
        guests.len(),
        args.shards,
        args.reactor,
        args.batch,
        elapsed.as_secs_f64(),
        sent as f64 / elapsed.as_secs_f64() / 1e6
    );
    println!("none lost, doubled or out of order over {} pairs", guests.len() * guests.len());
    println!(
        "the ledger closes: accepted {} = handled {} + failed {} + dead {} + resident {}",
        ledger.accepted,
        ledger.handled,
        ledger.failed,
        ledger.dead(),
        ledger.resident
    );
    Ok(())
}

fn is_over(args: &Args, begun: Instant) -> bool {
    interrupt::is_raised() || args.seconds.is_some_and(|seconds| begun.elapsed().as_secs() >= seconds)
}

/// Starts the guests, on the shards in turn, and makes them known to each other.
fn start(runtime: &Runtime, args: &Args) -> anyhow::Result<Vec<ActorId>> {
    let component = runtime
        .engine()
        .load(&args.guest, &CacheConfig::default(), &())
        .with_context(|| format!("--guest {}", args.guest.display()))?;
    let mut profile = Profile::of(TrustLevel::Standard);
    profile.limits.batch_messages_max = args.batch as usize;
    let blueprint: Arc<dyn Blueprint> = Arc::new(ComponentBlueprint::with(component, profile)?);
    let spawn = |number: u64| {
        let shard = ShardId((number % args.shards) as u16);
        runtime.spawn(Spawn::new(blueprint.clone()).on(shard)).wait()
    };
    let guests = (0..args.actors).map(spawn).collect::<Result<Vec<_>, _>>()?;
    for (number, &guest) in guests.iter().enumerate() {
        let addresses = guests.iter().flat_map(|peer| peer.to_bits().to_le_bytes());
        let peers: Vec<u8> = op(PEERS, seed(number)).into_iter().chain(addresses).collect();
        let answer = runtime.request(guest, peers).wait()?;
        ensure!(read(&answer) == Some(args.actors), "a guest knows not all its peers");
    }
    Ok(guests)
}

/// Another one for each guest, so that they choose differently.
fn seed(number: usize) -> u64 {
    (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 8
}

fn op(op: u64, value: u64) -> [u8; 8] {
    (value << 8 | op).to_le_bytes()
}

/// Lets tokens go round until about so many messages were sent, at most. How many?
fn round(runtime: &Runtime, guests: &[ActorId], tokens: u64, most: u64) -> anyhow::Result<u64> {
    let most = most.min(ROUND_MESSAGES);
    let each = (tokens.min(most) / guests.len() as u64).max(1);
    let launchers = guests.len().min(most as usize);
    let hops = most / (each * launchers as u64);
    let launch: Vec<u8> = [op(LAUNCH, each), hops.saturating_sub(1).to_le_bytes()].concat();
    for &guest in &guests[..launchers] {
        let launched = runtime.request(guest, launch.as_slice()).wait()?;
        ensure!(read(&launched) == Some(each), "a guest launches not what it was told");
    }
    pump::settle(runtime, LOOK_EVERY)?;
    Ok(each * launchers as u64 * hops.max(1))
}

/// What one guest says of one peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pair {
    sent: u64,
    received: u64,
}

/// What one guest says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Account {
    out_of_order: u64,
    strangers: u64,
    refused: u64,
    /// In the order of the guests.
    pairs: Vec<Pair>,
}

impl Account {
    fn parse(reply: &[u8]) -> Option<Self> {
        let words: Vec<u64> =
            reply.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
        let ([out_of_order, strangers, refused], pairs) = words.split_first_chunk()?;
        let pair = |[_address, sent, received]: &[u64; 3]| Pair { sent: *sent, received: *received };
        Some(Self {
            out_of_order: *out_of_order,
            strangers: *strangers,
            refused: *refused,
            pairs: pairs.as_chunks().0.iter().map(pair).collect(),
        })
    }
}

fn audit(runtime: &Runtime, guests: &[ActorId], sent: u64) -> anyhow::Result<Vec<String>> {
    let mut accounts = Vec::new();
    for &guest in guests {
        let reply = runtime.request(guest, op(REPORT, 0).as_slice()).wait()?;
        accounts.push(Account::parse(&reply).context("what a guest reports is not whole words")?);
    }
    Ok(faults(&accounts, sent))
}

/// What is wrong with these accounts, if so many messages were sent in all.
fn faults(accounts: &[Account], sent: u64) -> Vec<String> {
    let mut faults = Vec::new();
    let mut received = 0;
    for (to, account) in accounts.iter().enumerate() {
        for (count, what) in [
            (account.out_of_order, "got numbers out of order"),
            (account.strangers, "got messages of strangers"),
            (account.refused, "could not send"),
        ] {
            if count > 0 {
                faults.push(format!("guest {to} {what}: {count}"));
            }
        }
        for (from, pair) in account.pairs.iter().enumerate() {
            received += pair.received;
            let sent = accounts[from].pairs.get(to).map_or(0, |pair| pair.sent);
            if sent != pair.received {
                faults.push(format!("guest {from} sent {sent} to guest {to}, which got {}", pair.received));
            }
        }
    }
    if received != sent {
        faults.push(format!("{sent} were sent, and {received} came"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts() -> Vec<Account> {
        let account = |pairs: [(u64, u64); 2]| Account {
            out_of_order: 0,
            strangers: 0,
            refused: 0,
            pairs: pairs.map(|(sent, received)| Pair { sent, received }).to_vec(),
        };
        vec![account([(1, 1), (2, 3)]), account([(3, 2), (4, 4)])]
    }

    #[test]
    fn what_adds_up_has_no_faults_and_each_fault_is_seen() {
        assert_eq!(faults(&accounts(), 10), [] as [&str; 0]);
        assert_eq!(faults(&accounts(), 11), ["11 were sent, and 10 came"]);
        let mut doubled = accounts();
        doubled[1].pairs[0].received = 3;
        assert_eq!(faults(&doubled, 11), ["guest 0 sent 2 to guest 1, which got 3"]);
        let mut disorderly = accounts();
        disorderly[0].out_of_order = 7;
        assert_eq!(faults(&disorderly, 10), ["guest 0 got numbers out of order: 7"]);
    }

    #[test]
    fn an_account_is_read_as_the_guest_writes_it() {
        let words = [7_u64, 0, 1, 99, 5, 6];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let account =
            Account { out_of_order: 7, strangers: 0, refused: 1, pairs: vec![Pair { sent: 5, received: 6 }] };
        assert_eq!(Account::parse(&bytes), Some(account));
        assert_eq!(Account::parse(&bytes[..16]), None);
    }
}
