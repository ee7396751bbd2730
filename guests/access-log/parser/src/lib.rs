//! Parses lines of an access log in Apache's combined format, one to a message,
//! and sends each as one record to the aggregator that owns its path.
//!
//! | configuration  |                                                              |
//! |----------------|--------------------------------------------------------------|
//! | `aggregators`  | what the aggregators are called: for `sum` the parser looks  |
//! |                | for `sum.0`, `sum.1`, … until one is missing; `aggregator`   |
//! |                | if not set                                                   |
//! | `trap_on`      | panic on lines with this text, to try out supervision        |
//!
//! A line that is not whole counts as malformed; status and bytes are counted
//! all the same if they can be read (see [`line`]). Without aggregators, and
//! when an aggregator is too busy, the line fails with `retry`.

mod line;

use access_log_format::{Record, owner};
use raddle_guest::{Actor, ActorId, Answer, Failure, config, log_panics, lookup, send};

struct Parser {
    /// In the order of their numbers; empty until they were found.
    aggregators: Vec<ActorId>,
    trap_on: Option<Vec<u8>>,
}

impl Default for Parser {
    fn default() -> Self {
        log_panics();
        let trap_on = config("trap_on").filter(|text| !text.is_empty());
        Parser {
            aggregators: Vec::new(),
            trap_on: trap_on.map(String::into_bytes),
        }
    }
}

impl Actor for Parser {
    fn handle(&mut self, _sender: ActorId, payload: Vec<u8>) -> Answer {
        if let Some(text) = &self.trap_on {
            let found = payload.windows(text.len()).any(|window| window == text);
            assert!(!found, "trap_on: this line has the text that it asks for");
        }
        if self.aggregators.is_empty() {
            self.aggregators = find_aggregators()?;
        }
        let record = line::parse(&payload);
        let key = match record {
            Record::Request { path, .. } => path,
            Record::Malformed { .. } => &payload,
        };
        let aggregator = self.aggregators[owner(key, self.aggregators.len())];
        send(aggregator, &record.encode())?;
        Ok(None)
    }
}

fn find_aggregators() -> Result<Vec<ActorId>, Failure> {
    let prefix = config("aggregators").unwrap_or_else(|| "aggregator".into());
    let names = (0..).map(|index| format!("{prefix}.{index}"));
    let aggregators: Vec<ActorId> = names.map_while(|name| lookup(&name)).collect();
    if aggregators.is_empty() {
        return Err(Failure::Retry(format!("no actor is called {prefix}.0")));
    }
    Ok(aggregators)
}

raddle_guest::actor!(Parser);
