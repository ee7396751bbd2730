//! Mailboxes: linked lists of nodes from one pool per shard.
//!
//! ```text
//!   pool   ┌──────┬──────┬──────┬──────┬──────┐
//!          │ msg  │ free │ msg  │ msg  │ free │   chunks of 256 nodes
//!          └──┬───┴──────┴──▲┬──┴──▲───┴──────┘
//!  mailbox:   head ─────────┘└──tail
//! ```
//!
//! An idle actor's mailbox costs 8 bytes and no allocation, and the node that was
//! freed last is used next, so that the nodes in use stay in the cache. A message
//! is written into its node once and is handed to its actor in place.
//!
//! **Invariant:** a node is in exactly one mailbox, or held by whoever popped it,
//! or free. [`MessagePool::in_use`] counts the first two, for the ledger.

use crate::actor::Message;

/// The number of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NodeId(u32);

const NOBODY: u32 = u32::MAX;
const CHUNK_BITS: u32 = 8;
const CHUNK: usize = 1 << CHUNK_BITS;

struct Node {
    next: u32,
    message: Message,
}

/// All nodes of one shard.
pub(super) struct MessagePool {
    chunks: Vec<Box<[Node]>>,
    free: u32,
    in_use: usize,
}

impl MessagePool {
    pub(super) fn new() -> Self {
        Self { chunks: Vec::new(), free: NOBODY, in_use: 0 }
    }

    /// How many messages there are, in mailboxes or being handled.
    pub(super) fn in_use(&self) -> usize {
        self.in_use
    }

    fn node(&self, index: u32) -> &Node {
        &self.chunks[(index >> CHUNK_BITS) as usize][index as usize & (CHUNK - 1)]
    }

    fn node_mut(&mut self, index: u32) -> &mut Node {
        &mut self.chunks[(index >> CHUNK_BITS) as usize][index as usize & (CHUNK - 1)]
    }

    pub(super) fn message(&self, id: NodeId) -> &Message {
        &self.node(id.0).message
    }

    #[cold]
    fn grow(&mut self) {
        let first = u32::try_from(self.chunks.len() * CHUNK).expect("fewer than 2^32 messages");
        let chunk = (0..CHUNK as u32)
            .map(|offset| Node {
                next: if offset as usize == CHUNK - 1 { self.free } else { first + offset + 1 },
                message: Message::default(),
            })
            .collect();
        self.chunks.push(chunk);
        self.free = first;
    }

    fn allocate(&mut self, message: Message) -> u32 {
        if self.free == NOBODY {
            self.grow();
        }
        let index = self.free;
        let node = self.node_mut(index);
        let next_free = std::mem::replace(&mut node.next, NOBODY);
        node.message = message;
        self.free = next_free;
        self.in_use += 1;
        index
    }

    /// Gives a popped node back. What the message owned is dropped when the node
    /// is used again, or here if it is on the heap.
    pub(super) fn free(&mut self, id: NodeId) {
        let head = self.free;
        let node = self.node_mut(id.0);
        if node.message.payload.is_on_heap() {
            node.message.payload = crate::actor::Payload::empty();
        }
        node.next = head;
        self.free = id.0;
        self.in_use -= 1;
    }
}

/// The queue of one actor. Its nodes belong to the shard's pool, so dropping a
/// mailbox that is not empty leaks them: empty it first.
#[derive(Debug)]
pub(super) struct Mailbox {
    head: u32,
    tail: u32,
}

impl Mailbox {
    pub(super) const fn new() -> Self {
        Self { head: NOBODY, tail: NOBODY }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.head == NOBODY
    }

    pub(super) fn push(&mut self, pool: &mut MessagePool, message: Message) {
        let index = pool.allocate(message);
        if self.tail == NOBODY {
            self.head = index;
        } else {
            pool.node_mut(self.tail).next = index;
        }
        self.tail = index;
    }

    /// Takes the oldest message out of the queue. It stays in its node until
    /// [`MessagePool::free`].
    pub(super) fn pop(&mut self, pool: &MessagePool) -> Option<NodeId> {
        if self.head == NOBODY {
            return None;
        }
        let index = self.head;
        self.head = pool.node(index).next;
        if self.head == NOBODY {
            self.tail = NOBODY;
        }
        Some(NodeId(index))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::actor::Payload;

    fn numbered(number: u32) -> Message {
        Message { payload: Payload::copy_from(&number.to_le_bytes()), ..Message::default() }
    }

    fn number(message: &Message) -> u32 {
        u32::from_le_bytes(message.payload.as_slice().try_into().unwrap())
    }

    /// Many mailboxes on one pool against as many `VecDeque`s.
    #[test]
    fn mailboxes_are_fifo_and_share_nothing_but_the_pool() {
        let mut pool = MessagePool::new();
        let mut boxes: Vec<Mailbox> = (0..7).map(|_| Mailbox::new()).collect();
        let mut oracle: Vec<VecDeque<u32>> = vec![VecDeque::new(); 7];
        let mut state = 1_u64;
        for step in 0..50_000_u32 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let which = (state >> 33) as usize % 7;
            if (state >> 60) < 8 {
                boxes[which].push(&mut pool, numbered(step));
                oracle[which].push_back(step);
            } else {
                let got = boxes[which].pop(&pool).map(|node| {
                    let got = number(pool.message(node));
                    pool.free(node);
                    got
                });
                assert_eq!(got, oracle[which].pop_front());
            }
            assert_eq!(boxes[which].is_empty(), oracle[which].is_empty());
            assert_eq!(pool.in_use(), oracle.iter().map(VecDeque::len).sum::<usize>());
        }
    }

    #[test]
    fn nodes_are_used_again() {
        let mut pool = MessagePool::new();
        let mut mailbox = Mailbox::new();
        for round in 0..10_000 {
            mailbox.push(&mut pool, numbered(round));
            let node = mailbox.pop(&pool).unwrap();
            pool.free(node);
        }
        assert_eq!(pool.chunks.len(), 1);
    }

    #[test]
    fn heap_payloads_go_when_their_node_is_freed() {
        let bytes: std::sync::Arc<[u8]> = vec![1; 1000].into();
        let mut pool = MessagePool::new();
        let mut mailbox = Mailbox::new();
        mailbox.push(&mut pool, Message { payload: bytes.clone().into(), ..Message::default() });
        let node = mailbox.pop(&pool).unwrap();
        assert_eq!(std::sync::Arc::strong_count(&bytes), 2);
        pool.free(node);
        assert_eq!(std::sync::Arc::strong_count(&bytes), 1);
    }
}
