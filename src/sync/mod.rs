//! FLOOR: whatever crosses a thread. The home of memory orderings and of unsafe.
//!
//! ```text
//!      outside threads                                   outside threads
//!        │        │  ▲                                         │ read
//!   push │  reply │  │ wait                             ┌──────▼──────┐
//!   ┌────▼───┐ ┌──┴──┴──┐                               │  published  │
//!   │ inject │ │ reply  │                               └──────▲──────┘
//!   └────┬───┘ └───▲────┘                                      │ publish
//!        │ drain   │ resolve                                   │
//!   ┌────▼─────────┴────────────┐   ring (batches)      ┌──────┴──────┐
//!   │          shard 0          │ ────────────────────► │   shard 1   │
//!   │  counters, gauges, flags  │ ◄──────────────────── │             │
//!   └────▲──────────────────────┘   ring, credits       └──────▲──────┘
//!        │ arm / disarm                                        │
//!    doorbell ◄─── ring: by whoever pushed to this shard ───► doorbell
//! ```
//!
//! **Invariants**
//! - Below this module there is nothing but `std` and loom; outside it there is no
//!   `Ordering` and no unsafe code (but what wasmtime's API demands).
//! - Every ordering stronger than relaxed is a named site that names its partner;
//!   `docs/memory-ordering.md` is their table, and lists which model fails when
//!   one is weakened.
//! - Shards never wait for each other here. What waits: the injector's intake
//!   for a stranger in the middle of a push, and a publisher whose every slot is
//!   being read.
#![allow(unsafe_code)]

mod counter;
mod credit;
mod doorbell;
mod flag;
mod inject;
mod lines;
mod mutation;
pub mod primitive;
mod published;
mod queue;
mod reply;
mod ring;
mod rooms;
mod slots;
mod taken;

pub use counter::{Counter, Gauge, SharedCounter};
pub use credit::{Granter, Purse, SpendError, credits};
pub use doorbell::{Doorbell, Wake};
pub use flag::Flag;
pub use inject::{Injector, Intake, PushError, injector};
pub(crate) use mutation::mutant;
pub use primitive::CachePadded;
pub use published::{Publisher, Reader, published};
pub use reply::{Abandoned, Resolver, TimedOut, Waiter, reply_slot};
#[doc(hidden)]
pub use ring::ring_from;
pub use ring::{Consumer, Full, Producer, ring};
pub use rooms::Rooms;
pub use taken::Taken;
