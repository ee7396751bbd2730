//! The machine alone, in a world without shards; and OTP's cases, which run here
//! and again over real shards.

pub(crate) mod cases;
mod generated;
mod machine;
mod model;
mod pure;
pub(crate) mod stage;

use pure::Pure;

/// OTP's cases against the machine alone.
mod otp {
    super::cases::otp_cases!(super::Pure::new());
}
