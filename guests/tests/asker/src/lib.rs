//! Suspendable: asks others and waits for their replies, or computes for long.
//!
//! The first byte of a payload says what to do; integers are little-endian.
//!
//! | op | argument                                   | does                  | reply             |
//! |----|--------------------------------------------|-----------------------|-------------------|
//! |  0 | u64 actor id, u64 timeout in ns, bytes     | ask it the bytes      | what it answered  |
//! |  1 | u64 rounds                                 | compute               | u64: the result   |
//! |  2 |                                            | loop forever          | –                 |
//! |  3 |                                            |                       | u64: messages finished before this one |
//! |  4 | u64 actor id, u64 timeout in ns, bytes     | ask it, then trap     | –                 |
//!
//! A request that gets no reply is answered with `other` and why. An unknown op,
//! and an argument too short, is rejected.

use std::time::Duration;

use raddle_guest::{Actor, ActorId, Answer, Failure, ask};

#[derive(Default)]
struct Asker {
    finished: u64,
}

impl Actor for Asker {
    fn handle(&mut self, _sender: ActorId, payload: Vec<u8>) -> Answer {
        let (op, argument) = payload.split_first().ok_or_else(too_short)?;
        let answer = match op {
            0 | 4 => {
                let (to, rest) = argument.split_first_chunk().ok_or_else(too_short)?;
                let (timeout, bytes) = rest.split_first_chunk().ok_or_else(too_short)?;
                let timeout = Duration::from_nanos(u64::from_le_bytes(*timeout));
                let reply = ask(u64::from_le_bytes(*to), bytes, timeout);
                assert_eq!(*op, 0, "asked to trap");
                match reply {
                    Ok(reply) => Ok(Some(reply)),
                    Err(error) => Err(Failure::Other(error.to_string())),
                }
            }
            1 => number(compute(u64::from_le_bytes(*argument.first_chunk().ok_or_else(too_short)?))),
            2 => loop {
                std::hint::black_box(());
            },
            3 => number(self.finished),
            _ => Err(Failure::Rejected("unknown op".into())),
        };
        self.finished += 1;
        answer
    }
}

/// A linear congruential generator: nothing that could be left out.
fn compute(rounds: u64) -> u64 {
    (0..rounds).fold(1, |state: u64, _| {
        std::hint::black_box(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1))
    })
}

fn number(value: u64) -> Answer {
    Ok(Some(value.to_le_bytes().to_vec()))
}

fn too_short() -> Failure {
    Failure::Rejected("the argument is too short".into())
}

raddle_guest::actor!(Asker);
