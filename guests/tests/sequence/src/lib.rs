//! Passes tokens on to its peers, and looks whether any is lost, doubled or out of
//! order: the guest of soaks.
//!
//! Every token carries the number that its sender has given to its messages to this
//! receiver: 0, 1, 2, …. So of each pair of peers the receiver knows which number comes
//! next, and anything else is a fault. A token goes on to a peer that is as good as
//! random, with one hop less, until it has none left.
//!
//! A payload starts with a word, u64, little-endian: the lowest byte says what to do,
//! the 56 bits above it are a value.
//!
//! | byte | name     | value      | behind the word       | reply                       |
//! |------|----------|------------|-----------------------|-----------------------------|
//! | 0    | `token`  | its number | hops left: 1 word     |                             |
//! | 1    | `peers`  | a seed     | their addresses       | how many: 1 word            |
//! | 2    | `launch` | how many   | hops of each: 1 word  | how many: 1 word            |
//! | 3    | `report` |            |                       | see [`Ledger::to_bytes`]    |
//!
//! It takes batches. Anything else is rejected.

mod ledger;

use ledger::Ledger;
use raddle_guest::{Actor, ActorId, Answer, Failure, send};

// On wasm only: unit tests run on the host, and with its allocator.
#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: raddle_guest::Arena = raddle_guest::Arena::new();

const TOKEN: u8 = 0;
const PEERS: u8 = 1;
const LAUNCH: u8 = 2;
const REPORT: u8 = 3;

/// Bytes of a token: what a message of the usual size has.
const TOKEN_BYTES: usize = 64;

#[derive(Default)]
struct Sequence {
    ledger: Ledger,
}

impl Actor for Sequence {
    fn handle(&mut self, sender: ActorId, payload: Vec<u8>) -> Answer {
        self.handle_in_place(sender, &payload)
    }

    #[inline]
    fn handle_in_place(&mut self, sender: ActorId, payload: &[u8]) -> Answer {
        let word = word_at(payload, 0)?;
        let value = word >> 8;
        match word as u8 {
            TOKEN => {
                self.ledger.received(sender, value);
                let hops = word_at(payload, 8)?;
                if hops > 0 {
                    self.pass(hops - 1);
                }
                Ok(None)
            }
            PEERS => reply(self.ledger.meet(value, &payload[8..])),
            LAUNCH => {
                let hops = word_at(payload, 8)?;
                (0..value).for_each(|_| self.pass(hops));
                reply(Some(value))
            }
            REPORT => Ok(Some(self.ledger.to_bytes())),
            _ => Err(Failure::Rejected("no such op".into())),
        }
    }
}

impl Sequence {
    /// Sends a token to one of the peers.
    fn pass(&mut self, hops: u64) {
        let Some((to, number)) = self.ledger.next() else { return };
        let mut token = [0; TOKEN_BYTES];
        token[..8].copy_from_slice(&(number << 8 | u64::from(TOKEN)).to_le_bytes());
        token[8..16].copy_from_slice(&hops.to_le_bytes());
        if send(to, &token).is_ok() {
            self.ledger.sent();
        } else {
            self.ledger.refused();
        }
    }
}

#[inline]
fn word_at(payload: &[u8], at: usize) -> Result<u64, Failure> {
    let bytes = payload.get(at..).and_then(|rest| rest.first_chunk());
    let bytes = bytes.ok_or_else(|| Failure::Rejected("shorter than its words".into()))?;
    Ok(u64::from_le_bytes(*bytes))
}

fn reply(value: Option<u64>) -> Answer {
    let value = value.ok_or_else(|| Failure::Rejected("too many addresses, or half of one".into()))?;
    Ok(Some(value.to_le_bytes().to_vec()))
}

raddle_guest::actor!(Sequence: batch);
