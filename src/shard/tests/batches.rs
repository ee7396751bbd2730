//! Many plain messages at once.

use super::*;
use crate::actor::{Batch, BatchOutcome, Frames};
use crate::shard::mailbox::Hold;

/// Writes down what it gets, a line a batch: `[a b c]`, or `<a b c>` if it came as
/// frames. A request is answered with
/// what it was, and written down as `(a)`. `trap` ends it, and `bad` is refused.
struct Batcher {
    log: Log,
    takes_frames: bool,
}

impl Batcher {
    fn write(&self, line: String) {
        self.log.lock().unwrap().push(line);
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
        self.handle_texts(&texts, format!("[{}]", texts.join(" ")))
    }

    fn takes_frames(&self) -> bool {
        self.takes_frames
    }

    fn handle_frames(&mut self, _: &Context, frames: &Frames) -> BatchOutcome {
        let text = |payload: &[u8]| String::from_utf8(payload.to_vec()).unwrap();
        let texts: Vec<String> = frames.iter().map(|frame| text(frame.payload)).collect();
        assert_eq!(texts.len(), frames.len());
        self.handle_texts(&texts, format!("<{}>", texts.join(" ")))
    }
}

impl Batcher {
    fn handle_texts(&self, texts: &[String], line: String) -> BatchOutcome {
        self.write(line);
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

fn world_of(takes_frames: bool) -> (World, ActorId) {
    let mut world = World::new(2);
    let log = world.log.clone();
    let make = move |_: &_| Batcher { log: log.clone(), takes_frames };
    world.blueprint = Arc::new(Native::new("batcher", make));
    let supervisor = world.supervisor(0, 5);
    let actor = world.child(supervisor, 0, ChildPolicy::default(), "batcher").unwrap();
    (world, actor)
}

fn world() -> (World, ActorId) {
    world_of(false)
}

#[test]
fn plain_messages_come_together_in_order_and_up_to_the_most() {
    for (takes_frames, expected) in [(false, ["[a b c d]", "[e f]"]), (true, ["<a b c d>", "<e f>"])] {
        let (mut world, actor) = world_of(takes_frames);
        for text in ["a", "b", "c", "d", "e", "f"] {
            world.tell_unmeasured(actor, text);
        }
        world.settle();
        assert_eq!(world.log(), expected);
        world.tell_unmeasured(actor, "alone");
        world.settle();
        assert_eq!(world.log(), ["(alone)"], "no batch of one");
        assert_eq!(world.closed_ledger().handled, 7);
    }
}

#[test]
fn a_request_comes_by_itself_and_in_its_turn() {
    for (takes_frames, expected) in [(false, ["[a b]", "[c d]"]), (true, ["<a b>", "<c d>"])] {
        let (mut world, actor) = world_of(takes_frames);
        for text in ["a", "b"] {
            world.tell_unmeasured(actor, text);
        }
        let answer = world.ask(actor, "question");
        for text in ["c", "d"] {
            world.tell_unmeasured(actor, text);
        }
        world.settle();
        assert_eq!(text(answer.wait().unwrap()), "question");
        assert_eq!(world.log(), [expected[0], "(question)", expected[1]]);
        assert_eq!(world.closed_ledger().handled, 5);
    }
}

#[test]
fn a_trap_costs_one_message_and_the_rest_goes_to_the_next_incarnation() {
    let as_frames = ["<a trap c d>", "<c d>", "(e)"];
    for (takes_frames, expected) in [(false, &["[a trap c d]", "[c d e]"][..]), (true, &as_frames)] {
        let (mut world, actor) = world_of(takes_frames);
        for text in ["a", "trap", "c", "d", "e"] {
            world.tell_unmeasured(actor, text);
        }
        world.settle();
        assert_eq!(world.log(), expected);
        let ledger = world.closed_ledger();
        assert_eq!((ledger.handled, ledger.failed), (4, 1));
        let report = world.shards[0].report();
        assert_eq!((report.starts, report.restarts), (2, 1));
    }
}

#[test]
fn what_is_measured_is_no_frame_and_keeps_its_turn() {
    let (mut world, actor) = world_of(true);
    for text in ["a", "b"] {
        world.tell_unmeasured(actor, text);
    }
    for text in ["c", "d"] {
        world.tell(actor, text);
    }
    world.tell_unmeasured(actor, "e");
    world.settle();
    assert_eq!(world.log(), ["<a b>", "[c d]", "(e)"]);
    assert_eq!(world.shards[0].report().latency.count(), 2);
}

#[test]
fn frames_left_behind_are_dead_and_counted() {
    let (mut world, _) = world_of(true);
    let actor = world.spawn(0);
    world.shards[0].local.post.borrow_mut().hold(actor, Hold::Paused);
    for text in ["a", "b", "c"] {
        world.tell_unmeasured(actor, text);
    }
    world.settle();
    assert_eq!(world.shards[0].local.post.borrow().waiting(actor), 3);
    world.stop(actor, Shutdown::default());
    let ledger = world.closed_ledger();
    assert_eq!((ledger.handled, ledger.dead()), (0, 3));
    assert_eq!(ledger.dead_by_reason[DeadReason::Drained as usize], 3);
    let letters = world.shards[0].report().dead_letters;
    assert!(letters.iter().all(|letter| letter.to == Some(actor) && letter.bytes == 1), "{letters:?}");
}

/// Sends the words of what it gets to one actor at once, and writes down what it hears.
struct Crier(ActorId, Log);

impl Actor for Crier {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        let text = told(message);
        let words: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
        let heard = match context.send_many(self.0, &words) {
            Ok(()) => "all".to_owned(),
            Err(refused) => refused.to_string(),
        };
        self.1.lock().unwrap().push(heard);
        Outcome::Done(None)
    }
}

impl Child for Crier {}

#[test]
fn many_are_sent_in_order_up_to_the_first_that_is_refused() {
    let bounds = Bounds { mailbox_messages_max: 6, message_bytes_max: 40, ..Bounds::default() };
    for (takes_frames, from_shard) in [(false, 0), (true, 0), (false, 1), (true, 1)] {
        let mut world = World::with_config(2, ShardConfig { bounds, ..ShardConfig::default() });
        let log = world.log.clone();
        let make = move |_: &_| Batcher { log: log.clone(), takes_frames };
        world.blueprint = Arc::new(Native::new("batcher", make));
        let actor = world.spawn(0);
        let log = world.log.clone();
        world.blueprint = Arc::new(Native::new("crier", move |_| Crier(actor, log.clone())));
        let crier = world.spawn(from_shard);
        world.tell_unmeasured(crier, "a b c d e");
        world.settle();
        let expected = if takes_frames { ["all", "<a b c d>", "(e)"] } else { ["all", "[a b c d]", "(e)"] };
        assert_eq!(world.log(), expected);

        let long = "f g ".to_owned() + &"h".repeat(41) + " i";
        world.tell_unmeasured(crier, &long);
        world.settle();
        let log = world.log();
        assert_eq!(
            log[0],
            "only 2 of the messages were accepted: the message is 41 bytes, and the most is 40"
        );
        assert_eq!(log[1], if takes_frames { "<f g>" } else { "[f g]" });
        if from_shard == 0 {
            world.tell_unmeasured(crier, "1 2 3 4 5 6 7 8");
            world.settle();
            assert!(world.log()[0].starts_with("only 6 of the messages were accepted: the mailbox"));
        }
        let ledger = world.closed_ledger();
        assert_eq!(ledger.refused, if from_shard == 0 { 2 } else { 1 });
        assert_eq!(ledger.handled, ledger.accepted);
    }
}

#[test]
fn refusals_within_a_batch_are_counted() {
    let (mut world, actor) = world();
    for text in ["a", "bad", "bad"] {
        world.tell_unmeasured(actor, text);
    }
    world.settle();
    assert_eq!(world.closed_ledger().handled, 3);
    assert_eq!(world.shards[0].report().answered_with_failure, 2);
}
