//! Text to values, and values to text.

use raddle_guest::{ExitReason, Failure, RequestError, StopReason};

/// The words of a command, from the left; the rest is what is left of it.
pub struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }

    pub fn word(&mut self) -> &'a str {
        let (word, rest) = self.0.split_once(' ').unwrap_or((self.0, ""));
        self.0 = rest;
        word
    }

    pub fn number(&mut self) -> Result<u64, Failure> {
        let word = self.word();
        word.parse().map_err(|_| Failure::Rejected(format!("`{word}` is no number")))
    }

    pub fn rest(&mut self) -> &'a str {
        std::mem::take(&mut self.0)
    }
}

pub fn outcome(outcome: Result<Vec<u8>, RequestError>) -> String {
    match outcome {
        Ok(reply) => format!("ok {}", String::from_utf8_lossy(&reply)),
        Err(RequestError::NotSent(error)) => format!("not-sent {error:?}"),
        Err(RequestError::Failed(Failure::Rejected(why))) => format!("rejected {why}"),
        Err(RequestError::Failed(Failure::Retry(why))) => format!("retry {why}"),
        Err(RequestError::Failed(Failure::Other(why))) => format!("failed {why}"),
        Err(RequestError::CalleeExited(why)) => format!("callee-exited {why}"),
        Err(RequestError::Dead(why)) => format!("dead {why}"),
        Err(RequestError::Timeout) => "timeout".into(),
        Err(RequestError::Cycle) => "cycle".into(),
        Err(RequestError::Closed) => "closed".into(),
    }
}

pub fn or_none(number: Option<u64>) -> String {
    number.map_or("none".into(), |number| number.to_string())
}

pub fn exit_reason(reason: &ExitReason) -> String {
    match reason {
        ExitReason::Normal => "normal".into(),
        ExitReason::Shutdown => "shutdown".into(),
        ExitReason::Killed => "killed".into(),
        ExitReason::NoSuchActor => "no-such-actor".into(),
        ExitReason::Failed(why) => format!("failed {why}"),
    }
}

pub fn to_exit_reason(word: &str) -> ExitReason {
    match word {
        "normal" => ExitReason::Normal,
        "shutdown" => ExitReason::Shutdown,
        "killed" => ExitReason::Killed,
        "no-such-actor" => ExitReason::NoSuchActor,
        why => ExitReason::Failed(why.into()),
    }
}

pub fn stop_reason(reason: StopReason) -> &'static str {
    match reason {
        StopReason::Normal => "normal",
        StopReason::Shutdown => "shutdown",
        StopReason::Restart => "restart",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_may_have_spaces() {
        let mut words = Words::new("send 17 a b c");
        assert_eq!((words.word(), words.number().unwrap(), words.rest()), ("send", 17, "a b c"));
        assert_eq!((words.word(), words.rest()), ("", ""));
        assert!(Words::new("x").number().is_err());
    }
}
