//! Values that cross a component's border, whatever their type.
//!
//! ```text
//!   Rust value ──to_value──► Value ──check──► call ──► Value ──from_value──► Rust value
//!                              ▲                         │
//!   WAVE text ──from_wave──────┘                         └──to_wave──► WAVE text
//! ```
//!
//! A [`Value`] is wasmtime's own (docs/decisions/0007 says why): a tree that says
//! what it holds, but not of which [`Type`] it is. The type comes from the function
//! that is called. Rust values come in and go out by serde, so `derive(Serialize,
//! Deserialize)` is all that a type of one's own needs:
//!
//! | component              | Rust                                                      |
//! |------------------------|-----------------------------------------------------------|
//! | integers               | any integer, if its value fits                            |
//! | `f32`, `f64`           | `f32`, `f64`, if its value does not change                |
//! | `char`, `string`, `bool` | the same                                                |
//! | `list<T>`              | `Vec<T>`; of pairs also a map                             |
//! | `record`               | a struct; or a map, whose keys are the fields             |
//! | `tuple`                | a tuple                                                   |
//! | `variant`              | an enum; a case's payload is what is in its parentheses   |
//! | `enum`                 | an enum without payloads, or a string                     |
//! | `option<T>`, `result<T, E>` | `Option<T>`, `Result<T, E>`; `()` where WIT has none |
//! | `flags`                | a struct of `bool`s, or a list of names                   |
//!
//! Names may be written as Rust writes them: `max_bytes` and `MaxBytes` are
//! `max-bytes`. Handles (resources, streams, futures) are not values: a function
//! that takes or gives one cannot be called in this way.

mod check;
mod error;
mod from_value;
mod names;
mod to_value;
mod wave;

#[cfg(test)]
mod tests;

pub use wasmtime::component::{Type, Val as Value};

pub use check::{check, check_all};
pub use error::{Step, ValueError};
pub use from_value::from_value;
pub use to_value::{to_value, to_values};
pub use wave::{TextError, from_wave, to_wave};

pub(super) use check::{describe, handle_in};
pub(super) use wave::parse_arguments;
