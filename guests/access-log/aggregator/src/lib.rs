//! Adds up the requests whose paths it owns.
//!
//! | payload                              | does                  | reply        |
//! |--------------------------------------|-----------------------|--------------|
//! | a record (`access_log_format::Record`) | counts it           | empty        |
//! | `totals`                             |                       | its totals as text (`access_log_format::Totals`) |
//!
//! Anything else is rejected. The memory that paths may take is bounded (see
//! [`tally`]); requests to paths beyond it are counted as `overflow`.

mod tally;

use access_log_format::Record;
use raddle_guest::{Actor, ActorId, Answer, Failure};
use tally::Tally;

#[derive(Default)]
struct Aggregator {
    tally: Tally,
}

impl Actor for Aggregator {
    fn handle(&mut self, _sender: ActorId, payload: Vec<u8>) -> Answer {
        if let Some(record) = Record::decode(&payload) {
            self.tally.count(record);
            return Ok(None);
        }
        match payload.as_slice() {
            b"totals" => Ok(Some(self.tally.totals().encode())),
            _ => Err(Failure::Rejected("expected a record or `totals`".into())),
        }
    }
}

raddle_guest::actor!(Aggregator);
