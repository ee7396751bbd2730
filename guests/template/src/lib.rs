//! Greets whoever a message names. Take it apart, and put your own actor here.
//!
//! | message        | answer                                             |
//! |----------------|----------------------------------------------------|
//! | a name         | the greeting, in the words of the key `greeting`   |
//! | `how-many`     | how many it has greeted, as JSON                   |
//! | nothing        | rejected                                           |

use raddle_guest::{Actor, ActorId, Answer, Failure, Level, Lifecycle, Start, config, log};

/// The actor's state. Each actor has its own; it is gone when the actor is.
#[derive(Default)]
struct Greeter {
    greeting: String,
    greeted: u64,
}

impl Actor for Greeter {
    fn handle(&mut self, _sender: ActorId, payload: Vec<u8>) -> Answer {
        let name = String::from_utf8(payload).map_err(|_| Failure::Rejected("not text".into()))?;
        match name.trim() {
            "" => Err(Failure::Rejected("nobody to greet".into())),
            "how-many" => Ok(Some(format!("{{\"greeted\": {}}}", self.greeted).into_bytes())),
            name => {
                self.greeted += 1;
                let greeting = format!("{}, {name}!", self.greeting);
                log(Level::Info, "greeter", &greeting);
                Ok(Some(greeting.into_bytes()))
            }
        }
    }
}

impl Lifecycle for Greeter {
    /// Called once, before the first message: the place for configuration.
    fn init(&mut self, _start: Start) -> Result<(), String> {
        self.greeting = config("greeting").unwrap_or_else(|| "Hello".into());
        if self.greeting.is_empty() {
            return Err("`greeting` is empty".into());
        }
        Ok(())
    }
}

raddle_guest::actor!(Greeter: lifecycle);

// On the host, with `cargo test`: what needs no runtime around it.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_and_rejects() {
        let mut greeter = Greeter { greeting: "Good day".into(), greeted: 2 };
        let count = greeter.handle(0, b"how-many".to_vec()).unwrap();
        assert_eq!(count.unwrap(), b"{\"greeted\": 2}");
        assert!(matches!(greeter.handle(0, b" ".to_vec()), Err(Failure::Rejected(_))));
    }
}
