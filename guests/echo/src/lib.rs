//! Answers with what it was sent. The smallest actor there is: it exports
//! `handler`, and imports nothing.

use raddle_guest::{Actor, ActorId, Answer};

#[derive(Default)]
struct Echo;

impl Actor for Echo {
    fn handle(&mut self, _sender: ActorId, payload: Vec<u8>) -> Answer {
        Ok(Some(payload))
    }
}

raddle_guest::actor!(Echo);
