//! Conversions on real component types, and through real calls.

mod errors;
mod generated;
mod rust;
mod support;
