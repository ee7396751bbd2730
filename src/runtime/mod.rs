//! ASSEMBLY: threads, drivers, the embedding API.
pub mod driver;
pub mod ticker;
pub mod topology;
