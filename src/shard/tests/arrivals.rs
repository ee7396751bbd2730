//! What a probe is shown: each message that crosses a border, once.

use super::*;

/// Counts in the last byte, a digit, how often a message was shown.
fn count(message: &mut Message) {
    if let Some(last) = message.payload.as_mut_slice().and_then(<[u8]>::last_mut) {
        *last += 1;
    }
}

#[test]
fn what_crosses_is_shown_once_and_what_stays_is_not() {
    let config = ShardConfig { on_arrival: Some(ArrivalProbe(count)), ..ShardConfig::default() };
    let mut world = World::with_config(2, config);
    let (here, near, far) = (world.spawn(0), world.spawn(0), world.spawn(1));
    world.log();
    for (to, shown) in [(near, "1"), (far, "2")] {
        // Once on its way in, and once more if it goes on to the other shard.
        world.tell(here, &format!("send {to} log 0"));
        world.settle();
        assert_eq!(world.log(), [shown]);
    }
    assert_eq!(text(world.ask_now(far, "echo 0")), "1");
    // Larger than what travels in the message itself.
    let zeros = "0".repeat(2 * Payload::INLINE_MAX);
    world.tell(here, &format!("send {far} log {zeros}"));
    world.settle();
    assert_eq!(world.log(), [format!("{}2", &zeros[1..])]);
    world.closed_ledger();
}
