pub mod id; pub mod payload;
