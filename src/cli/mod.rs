//! EDGE: the command line.

pub mod args;
pub mod check;
pub mod exit;
pub mod report;
