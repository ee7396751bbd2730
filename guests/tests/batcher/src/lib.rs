//! Takes its messages in batches, and misbehaves at the one that says so.
//!
//! A message is a u64, little-endian; it is added to the sum, but for
//!
//! | number   | does                        |
//! |----------|-----------------------------|
//! | 2⁶⁴ − 1  | traps                       |
//! | 2⁶⁴ − 2  | loops forever               |
//! | 2⁶⁴ − 3  | is answered with a failure  |
//! | 2⁶⁴ − 4  | stops the actor             |
//!
//! Whoever sends nothing gets two u64: how many messages this incarnation has
//! finished, and their sum. If the configuration names a `witness`, each message
//! that is finished is sent on to it.

use raddle_guest::{Actor, ActorId, Answer, Failure, config, exit, lookup, send};

// On wasm only: unit tests run on the host, and with its allocator.
#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: raddle_guest::Arena = raddle_guest::Arena::new();

#[derive(Default)]
struct Batcher {
    finished: u64,
    sum: u64,
    /// Looked up with the first message.
    witness: Option<Option<ActorId>>,
}

impl Batcher {
    fn take(&mut self, number: u64, payload: &[u8]) -> Answer {
        match number {
            u64::MAX => panic!("asked to trap"),
            0xffff_ffff_ffff_fffe => loop {
                std::hint::black_box(());
            },
            0xffff_ffff_ffff_fffd => return Err(Failure::Rejected("asked to fail".into())),
            0xffff_ffff_ffff_fffc => exit(),
            number => self.sum = self.sum.wrapping_add(number),
        }
        self.finished += 1;
        let find = || config("witness").and_then(|name| lookup(&name));
        if let Some(witness) = *self.witness.get_or_insert_with(find) {
            send(witness, payload)?;
        }
        Ok(None)
    }
}

impl Actor for Batcher {
    fn handle(&mut self, sender: ActorId, payload: Vec<u8>) -> Answer {
        self.handle_in_place(sender, &payload)
    }

    fn handle_in_place(&mut self, _sender: ActorId, payload: &[u8]) -> Answer {
        if payload.is_empty() {
            return Ok(Some([self.finished.to_le_bytes(), self.sum.to_le_bytes()].concat()));
        }
        match payload.try_into() {
            Ok(number) => self.take(u64::from_le_bytes(number), payload),
            Err(_) => Err(Failure::Rejected("expected 8 bytes".into())),
        }
    }
}

raddle_guest::actor!(Batcher: batch);
