//! Workers that are native actors.

use super::*;

pub(super) struct Natives;

impl Cast for Natives {
    fn blueprint(&self, part: Part) -> Arc<dyn Blueprint> {
        let make = move |_: &_| {
            let scripted = Scripted { plan: part.plan.clone(), hand: part.hand.clone() };
            Watched::new(part.clone(), Box::new(scripted))
        };
        Arc::new(Native::new("scripted", make))
    }

    fn cue(&self, _: ActorId, reason: &ExitReason) -> String {
        match reason {
            ExitReason::Error(text) => text.clone(),
            reason => reason.label().to_owned(),
        }
    }
}

/// Starts and stops as its plan says; ends as its messages say.
struct Scripted {
    plan: Plan,
    hand: Arc<quanta::Mock>,
}

impl Actor for Scripted {
    fn handle(&mut self, _: &Context, message: &Message) -> Outcome {
        Outcome::Exited(match &message.payload[..] {
            b"normal" => ExitReason::Normal,
            b"shutdown" => ExitReason::Shutdown,
            b"killed" => ExitReason::Killed,
            other => ExitReason::Error(String::from_utf8_lossy(other).into()),
        })
    }
}

impl Child for Scripted {
    fn start(&mut self, _: &Context, _: &Incarnation) -> Result<(), StartError> {
        match self.plan.next_start() {
            Start::Fail => Err(StartError::Refused("told to".into())),
            Start::Ignore => Err(StartError::Ignored),
            Start::Good => Ok(()),
        }
    }

    fn stop(&mut self, _: &Context, _: StopReason, within: Option<Duration>) -> ExitReason {
        let takes = Duration::from_millis(self.plan.stop_ms);
        let late = within.is_some_and(|within| within < takes);
        self.hand.increment(if late { within.unwrap_or_default() } else { takes });
        if late { ExitReason::Killed } else { ExitReason::Shutdown }
    }
}
