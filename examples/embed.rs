//! Raddle in a plain program: a component actor and a native one, side by side.
//!
//! ```sh
//! cargo run --example embed
//! ```

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use raddle::actor::{Actor, Child, Context, Failure, Message, Native, Outcome};
use raddle::control::supervisor::SupervisorSpec;
use raddle::{Runtime, Spawn};

const TEXT: &str = "\
A raddle is the comb that spreads a loom's threads evenly,
each in its own slot,
before the weaving starts.";

/// A native actor: counts the words of each message, and adds them to `counter`,
/// which is a component. It cannot tell, nor need it.
struct Words;

impl Actor for Words {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        let Some(counter) = context.lookup("counter") else {
            return Outcome::Failed(Failure::Retry("nobody counts yet".into()));
        };
        let words = String::from_utf8_lossy(&message.payload).split_whitespace().count();
        // It leaves when this actor returns; refused, it never left.
        match context.send(counter, format!("add {words}")) {
            Ok(()) => Outcome::Done(None),
            Err(error) => Outcome::Failed(Failure::Retry(error.to_string())),
        }
    }
}

/// Nothing to do at its start and stop.
impl Child for Words {}

pub(crate) fn main() -> Result<(), raddle::Error> {
    // One shard for each physical core, each on a pinned thread.
    let runtime = Runtime::builder().build()?;
    println!("{} shards; {}", runtime.shards(), runtime.reactor());

    // Whoever ends badly is started again, at the same address: once in 5 s.
    let supervisor = runtime.supervise(SupervisorSpec::default()).wait()?;

    // Compiled the first time, and taken from the cache after that.
    let counter = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/prebuilt/counter.wasm");
    let counter = runtime.load(&counter)?;
    let counter = runtime.spawn(Spawn::new(counter).name("counter").under(supervisor)).wait()?;

    let words = Arc::new(Native::new("words", |_| Words));
    let words = runtime.spawn(Spawn::new(words).name("words").under(supervisor)).wait()?;

    // `tell` does not wait: it gives the message back if there is no room for it.
    for line in TEXT.lines() {
        runtime.tell(words, line)?;
    }
    // All that was told is handled, and all that came of it.
    assert!(runtime.settle(Duration::from_secs(10)), "not in 10 s");

    // `request` has a reply: to be waited for, or awaited.
    let count = runtime.request(counter, "get").wait()?;
    println!("{} words, counted by {counter}", String::from_utf8_lossy(&count));
    assert_eq!(&*count, TEXT.split_whitespace().count().to_string().as_bytes());

    let report = runtime.shutdown(Duration::from_secs(5));
    let ledger = report.ledger();
    println!("{} messages accepted, {} handled, {} lost", ledger.accepted, ledger.handled, ledger.dead());
    println!("latency: {:?}", report.latency().summary());
    assert!(ledger.closes());
    Ok(())
}
