//! Ctrl-C and termination signals.

use std::sync::Arc;

use crate::sync::Flag;

use super::exit::{Exit, Failure};

/// A flag that the first signal raises; the second one ends the process.
pub(super) fn watch() -> Result<Arc<Flag>, Failure> {
    let flag = Arc::new(Flag::new());
    let raised = flag.clone();
    ctrlc::set_handler(move || {
        if raised.is_raised() {
            std::process::exit(Exit::Interrupted as i32);
        }
        raised.raise();
    })
    .map_err(|error| Failure::failed(miette::miette!("cannot listen for Ctrl-C: {error}")))?;
    Ok(flag)
}
