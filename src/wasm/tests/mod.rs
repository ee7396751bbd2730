//! This module on real components: prebuilt guests, and text where a guest is to
//! be wrong in some way. The context is made by hand; no shard takes part.

mod access;
mod actor;
mod batch;
mod caching;
mod hostile;
mod inbox;
mod loading;
mod passage;
mod pool;
pub(super) mod support;
mod text;
mod wasi;
