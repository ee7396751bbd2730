//! The twin of `glommio.rs` in a build without the feature: same names, and
//! nothing that could be made.

use std::convert::Infallible;
use std::io;

use super::Drive;
use super::pace::Pace;
use super::probe::Refusal;
use crate::sync::Wake;

pub(super) fn bell() -> io::Result<(Bell, Sleeper)> {
    Err(io::Error::new(io::ErrorKind::Unsupported, Refusal::NotBuiltIn.to_string()))
}

pub(super) struct Bell(Infallible);

impl Wake for Bell {
    fn wake(&self) {
        match self.0 {}
    }
}

#[derive(Debug)]
pub(super) struct Sleeper(Infallible);

impl Sleeper {
    pub(super) fn settle(self) -> io::Result<Engine> {
        match self.0 {}
    }
}

pub(super) struct Engine(Infallible);

impl Engine {
    pub(super) fn run<D: Drive>(self, _pace: Pace<D>) -> io::Result<()> {
        match self.0 {}
    }
}

pub(super) fn try_ring() -> Result<(), Refusal> {
    Err(Refusal::NotBuiltIn)
}

pub(super) fn try_executor() -> Result<(), Refusal> {
    Err(Refusal::NotBuiltIn)
}
