//! A native actor that sends as fast as a guest takes.

use std::sync::Arc;

use raddle::actor::{Actor, ActorId, Child, Context, Message, Native, Outcome, Payload};
use raddle::{Handle, ShardId};

/// Messages on their way at once.
const IN_FLIGHT_MAX: u64 = 2_048;
/// Messages sent between two looks at how many are on their way.
const BURST: u64 = 64;

/// Told `START`, it sends as many messages as it was made for, and then tells its
/// channel. It pauses, by a message to itself, while too many are on their way.
struct Pump {
    to: ActorId,
    payload: Payload,
    left: u64,
    handle: Handle,
    done: std::sync::mpsc::Sender<()>,
}

impl Actor for Pump {
    fn handle(&mut self, context: &Context, _: &Message) -> Outcome {
        if self.handle.unsettled() < IN_FLIGHT_MAX {
            for _ in 0..BURST.min(self.left) {
                if context.send(self.to, self.payload.clone()).is_err() {
                    break;
                }
                self.left -= 1;
            }
        }
        if self.left > 0 {
            if context.send(context.own_id(), Payload::empty()).is_err() {
                // Its own mailbox holds nothing else.
                self.left = 0;
            }
        } else {
            // The measurement may have been given up.
            let _ = self.done.send(());
        }
        Outcome::Done(None)
    }
}

impl Child for Pump {}

/// Lets a pump on that shard send so many messages, and waits until all are
/// settled.
pub(crate) fn run(
    runtime: &raddle::Runtime,
    on: ShardId,
    to: ActorId,
    payload: &[u8],
    messages: u64,
) -> anyhow::Result<()> {
    let (done, sent) = std::sync::mpsc::channel();
    let (payload, handle) = (Payload::copy_from(payload), runtime.handle());
    let blueprint = Native::new("pump", move |_| Pump {
        to,
        payload: payload.clone(),
        left: messages,
        handle: handle.clone(),
        done: done.clone(),
    });
    let pump = runtime.spawn(raddle::Spawn::new(Arc::new(blueprint)).on(on)).wait()?;
    runtime.tell(pump, Payload::empty())?;
    sent.recv()?;
    while runtime.unsettled() > 0 {
        std::hint::spin_loop();
    }
    runtime.stop(pump, raddle::control::child_spec::Shutdown::BrutalKill).wait()?;
    Ok(())
}
