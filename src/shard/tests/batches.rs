//! Many plain messages at once.

use super::*;
use crate::actor::{Batch, BatchOutcome};

/// Writes down what it gets, a line a batch: `[a b c]`. A request is answered with
/// what it was, and written down as `(a)`. `trap` ends it, and `bad` is refused.
struct Batcher(Log);

impl Batcher {
    fn write(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }
}

fn told(message: &Message) -> String {
    String::from_utf8(message.payload.to_vec()).unwrap()
}

impl Actor for Batcher {
    fn handle(&mut self, _: &Context, message: &Message) -> Outcome {
        self.write(format!("({})", told(message)));
        Outcome::Done(Some(message.payload.clone()))
    }

    fn batch_messages_max(&self) -> usize {
        4
    }

    fn handle_batch(&mut self, _: &Context, batch: Batch<'_>) -> BatchOutcome {
        let texts: Vec<String> = batch.iter().map(told).collect();
        assert_eq!(texts.len(), batch.len());
        self.write(format!("[{}]", texts.join(" ")));
        let failures = texts.iter().filter(|text| *text == "bad").count();
        match texts.iter().position(|text| text == "trap") {
            None => BatchOutcome { handled: texts.len(), failures, exited: None },
            Some(at) => {
                let reason = ExitReason::Trap { cause: TrapCause::Guest, message: "told to".into() };
                BatchOutcome { handled: at, failures, exited: Some(reason) }
            }
        }
    }
}

impl Child for Batcher {}

fn world() -> (World, ActorId) {
    let mut world = World::new(2);
    let log = world.log.clone();
    world.blueprint = Arc::new(Native::new("batcher", move |_| Batcher(log.clone())));
    let supervisor = world.supervisor(0, 5);
    let actor = world.child(supervisor, 0, ChildPolicy::default(), "batcher").unwrap();
    (world, actor)
}

#[test]
fn plain_messages_come_together_in_order_and_up_to_the_most() {
    let (mut world, actor) = world();
    for text in ["a", "b", "c", "d", "e", "f"] {
        world.tell(actor, text);
    }
    world.settle();
    assert_eq!(world.log(), ["[a b c d]", "[e f]"]);
    world.tell(actor, "alone");
    world.settle();
    assert_eq!(world.log(), ["(alone)"], "no batch of one");
    assert_eq!(world.closed_ledger().handled, 7);
}

#[test]
fn a_request_comes_by_itself_and_in_its_turn() {
    let (mut world, actor) = world();
    for text in ["a", "b"] {
        world.tell(actor, text);
    }
    let answer = world.ask(actor, "question");
    for text in ["c", "d"] {
        world.tell(actor, text);
    }
    world.settle();
    assert_eq!(text(answer.wait().unwrap()), "question");
    assert_eq!(world.log(), ["[a b]", "(question)", "[c d]"]);
    assert_eq!(world.closed_ledger().handled, 5);
}

#[test]
fn a_trap_costs_one_message_and_the_rest_goes_to_the_next_incarnation() {
    let (mut world, actor) = world();
    for text in ["a", "trap", "c", "d", "e"] {
        world.tell(actor, text);
    }
    world.settle();
    assert_eq!(world.log(), ["[a trap c d]", "[c d e]"]);
    let ledger = world.closed_ledger();
    assert_eq!((ledger.handled, ledger.failed), (4, 1));
    let report = world.shards[0].report();
    assert_eq!((report.starts, report.restarts), (2, 1));
}

#[test]
fn refusals_within_a_batch_are_counted() {
    let (mut world, actor) = world();
    for text in ["a", "bad", "bad"] {
        world.tell(actor, text);
    }
    world.settle();
    assert_eq!(world.closed_ledger().handled, 3);
    assert_eq!(world.shards[0].report().answered_with_failure, 2);
}
