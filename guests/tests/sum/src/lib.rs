//! Adds up what it is told, and can prove it: the guest of measurements. It does
//! as little as a guest can that reads its messages.
//!
//! A payload starts with a word, u64, little-endian: the lowest byte says what to
//! do, the 56 bits above it are a value. Every message counts as 1, and its value
//! is added, but for `to` and `get`.
//!
//! | byte | name   | does                                                   | reply              |
//! |------|--------|--------------------------------------------------------|--------------------|
//! | 0    | `add`  |                                                        | empty              |
//! | 1    | `get`  |                                                        | count, sum: 2 words |
//! | 2    | `to`   | sends to the addresses that follow, and to no others   | how many: 1 word   |
//! | 3    | `pass` | if the value is not 0: sends the payload on to the first of them, with the value less 1 | empty |
//! | 4    | `fan`  | sends the payload to all of them, as `add`             | empty              |
//! | 5    | `ask`  |                                                        | the value and 1: 1 word |
//! | 6    | `trap` | traps, and counts nothing                              |                    |
//!
//! It takes batches. Anything else is rejected, as is a payload without a word.

mod tally;

use raddle_guest::{Actor, ActorId, Answer, Failure, send};
use tally::{Op, Tally, Word};

// On wasm only: unit tests run on the host, and with its allocator.
#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: raddle_guest::Arena = raddle_guest::Arena::new();

#[derive(Default)]
struct Sum {
    tally: Tally,
}

impl Actor for Sum {
    fn handle(&mut self, sender: ActorId, payload: Vec<u8>) -> Answer {
        self.handle_in_place(sender, &payload)
    }

    #[inline]
    fn handle_in_place(&mut self, _sender: ActorId, payload: &[u8]) -> Answer {
        match Word::read(payload) {
            Some(word) if word.op() == Op::Add as u8 => {
                self.tally.add(word.value());
                Ok(None)
            }
            Some(word) => self.obey(word, payload),
            None => Err(Failure::Rejected("shorter than a word".into())),
        }
    }
}

impl Sum {
    /// Does what is not the usual.
    #[inline(never)]
    fn obey(&mut self, word: Word, payload: &[u8]) -> Answer {
        match Op::of(word.op()) {
            Some(Op::Add) => self.tally.add(word.value()),
            Some(Op::Get) => return Ok(Some(self.tally.to_bytes())),
            Some(Op::To) => {
                let count = self.tally.send_to(&payload[8..]);
                return count
                    .map(|count| Some((count as u64).to_le_bytes().to_vec()))
                    .ok_or_else(|| Failure::Rejected("too many addresses, or half of one".into()));
            }
            Some(Op::Pass) => {
                self.tally.add(word.value());
                if word.value() > 0 {
                    let first = self.tally.targets().first().copied();
                    let to = first.ok_or_else(|| Failure::Rejected("pass to whom?".into()))?;
                    self.forward(to, payload, word.with_value(word.value() - 1))?;
                }
            }
            Some(Op::Fan) => {
                self.tally.add(word.value());
                let mut payload = payload.to_vec();
                word.with_op(Op::Add).write(&mut payload);
                for &to in self.tally.targets() {
                    send(to, &payload)?;
                }
            }
            Some(Op::Ask) => {
                self.tally.add(word.value());
                return Ok(Some((word.value() + 1).to_le_bytes().to_vec()));
            }
            Some(Op::Trap) => std::process::abort(),
            None => return Err(Failure::Rejected("no such op".into())),
        }
        Ok(None)
    }

    fn forward(&self, to: ActorId, payload: &[u8], word: Word) -> Result<(), Failure> {
        let mut payload = payload.to_vec();
        word.write(&mut payload);
        Ok(send(to, &payload)?)
    }
}

raddle_guest::actor!(Sum: batch);
