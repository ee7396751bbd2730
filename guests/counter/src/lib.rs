//! Counts. Made to live in very many instances at once: its stack, statics and
//! heap share one 64 KiB page, of which a few 4 KiB pages are ever touched.
//!
//! | payload            | does          | reply                             |
//! |--------------------|---------------|-----------------------------------|
//! | `add`, or nothing  | adds 1        | empty                             |
//! | `add N`            | adds N        | empty                             |
//! | `get`              |               | the count, in decimal (`42`)      |
//!
//! Anything else is rejected. The count stops at 2⁶⁴ − 1, and the actor is
//! `degraded` from then on. It starts again at 0 when the actor restarts.

mod count;

use count::{Command, Count};
use raddle_guest::{Actor, ActorId, Answer, Failure, Health, Lifecycle, Start, Status};

// On wasm only: unit tests run on the host, and with its allocator.
#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: raddle_guest::Arena = raddle_guest::Arena::new();

#[derive(Default)]
struct Counter {
    count: Count,
}

impl Actor for Counter {
    fn handle(&mut self, _sender: ActorId, payload: Vec<u8>) -> Answer {
        match Command::parse(&payload) {
            Some(Command::Add(amount)) => {
                self.count.add(amount);
                Ok(None)
            }
            Some(Command::Get) => Ok(Some(self.count.to_decimal())),
            None => Err(Failure::Rejected("expected `add`, `add N` or `get`".into())),
        }
    }
}

impl Lifecycle for Counter {
    fn init(&mut self, _start: Start) -> Result<(), String> {
        self.count = Count::default();
        Ok(())
    }
}

impl Health for Counter {
    fn check(&mut self) -> Status {
        if self.count.is_saturated() {
            Status::Degraded("the count has reached its maximum".into())
        } else {
            Status::Healthy
        }
    }
}

raddle_guest::actor!(Counter: lifecycle, health);
