//! Adds up what aggregators answer, and reports it.
//!
//! | payload                   | does                            | reply             |
//! |---------------------------|---------------------------------|-------------------|
//! | an aggregator's totals    | adds them                       | empty             |
//! | `report`                  |                                 | a JSON object     |
//! | `reset`                   | forgets what it was told        | empty             |
//!
//! Anything else is rejected. Tell it the totals of every aggregator once; it
//! does not know them apart. The JSON object:
//!
//! ```json
//! {"lines":2,"malformed":1,"status":{"200":2},"bytes":47,"top_paths":[["/a",1]]}
//! ```
//!
//! `"overflow":N` comes last, if N requests were to paths that an aggregator
//! had no memory left for.

mod json;

use access_log_format::Totals;
use raddle_guest::{Actor, ActorId, Answer, Failure};

#[derive(Default)]
struct Reporter {
    totals: Totals,
}

impl Actor for Reporter {
    fn handle(&mut self, _sender: ActorId, payload: Vec<u8>) -> Answer {
        match payload.as_slice() {
            b"report" => return Ok(Some(json::report(&self.totals).into_bytes())),
            b"reset" => self.totals = Totals::default(),
            text => match Totals::decode(text) {
                Some(totals) => self.totals.add(&totals),
                None => {
                    let expected = "expected an aggregator's totals, `report` or `reset`";
                    return Err(Failure::Rejected(expected.into()));
                }
            },
        }
        Ok(None)
    }
}

raddle_guest::actor!(Reporter);
