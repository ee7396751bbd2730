//! The programs of `examples/`, run to their ends: they assert what they show.

use crate::support::alone;

#[path = "../../examples/embed.rs"]
mod embed;
#[path = "../../examples/embed_tokio.rs"]
mod embed_tokio;

#[test]
fn embedding_in_a_plain_program() {
    alone("examples::embedding_in_a_plain_program", || embed::main().unwrap());
}

#[test]
fn embedding_beside_tokio() {
    alone("examples::embedding_beside_tokio", || embed_tokio::main().unwrap());
}
