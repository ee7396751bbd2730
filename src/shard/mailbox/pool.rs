//! The nodes that messages wait in.

use crate::actor::{Frames, Message};

/// No node.
pub(super) const NOBODY: u32 = u32::MAX;

/// Letters are made so many at a time.
pub(super) const GROWTH: usize = 256;
/// In the index of a node that is a run.
const RUN: u32 = 1 << 31;

/// The number of the run that this node is, if it is one.
#[inline(always)]
pub(super) fn run_at(index: u32) -> Option<usize> {
    (index & RUN != 0 && index != NOBODY).then_some((index & !RUN) as usize)
}

/// All nodes of one shard.
pub(in crate::shard) struct Pool {
    next: Vec<u32>,
    #[expect(clippy::vec_box, reason = "messages stay where they are; their pointers are swapped")]
    pub(super) letters: Vec<Box<Message>>,
    free: u32,
    pub(super) runs: Vec<Run>,
    pub(super) free_runs: Vec<u32>,
    letters_in_use: usize,
}

pub(super) struct Run {
    next: u32,
    pub(super) frames: Frames,
}

impl Pool {
    pub(in crate::shard) fn new() -> Self {
        Self {
            next: Vec::new(),
            letters: Vec::new(),
            free: NOBODY,
            runs: Vec::new(),
            free_runs: Vec::new(),
            letters_in_use: 0,
        }
    }

    /// How many messages wait in mailboxes.
    pub(in crate::shard) fn in_use(&self) -> usize {
        let in_runs: usize = self.runs.iter().map(|run| run.frames.len()).sum();
        self.letters_in_use + in_runs
    }

    #[cold]
    fn grow(&mut self) {
        let first = self.next.len();
        let past = u32::try_from(first + GROWTH).ok().filter(|&past| past < RUN);
        let past = past.expect("fewer than 2^31 messages");
        self.next.extend(first as u32 + 1..past);
        self.next.push(self.free);
        self.letters.resize_with(first + GROWTH, Box::default);
        self.free = first as u32;
    }

    /// A free node, for the caller to fill.
    #[inline(always)]
    pub(super) fn allocate(&mut self) -> u32 {
        if self.free == NOBODY {
            self.grow();
        }
        let index = self.free;
        self.free = std::mem::replace(&mut self.next[index as usize], NOBODY);
        self.letters_in_use += 1;
        index
    }

    /// A free run, for the caller to fill.
    #[inline]
    pub(super) fn allocate_run(&mut self) -> u32 {
        match self.free_runs.pop() {
            Some(index) => index,
            None => self.grow_runs(),
        }
    }

    #[cold]
    fn grow_runs(&mut self) -> u32 {
        let index = u32::try_from(self.runs.len()).ok().filter(|&index| index < RUN - 1);
        self.runs.push(Run { next: NOBODY, frames: Frames::new() });
        RUN | index.expect("fewer than 2^31 runs")
    }

    /// The run has been emptied.
    pub(super) fn release_run(&mut self, index: u32, run: usize) {
        self.runs[run].frames.clear();
        self.runs[run].next = NOBODY;
        self.free_runs.push(index);
    }

    #[inline(always)]
    pub(super) fn next(&self, index: u32) -> u32 {
        match run_at(index) {
            None => self.next[index as usize],
            Some(run) => self.runs[run].next,
        }
    }

    #[inline(always)]
    pub(super) fn set_next(&mut self, index: u32, next: u32) {
        match run_at(index) {
            None => self.next[index as usize] = next,
            Some(run) => self.runs[run].next = next,
        }
    }

    /// What waits in this node goes into the hand; the node is free.
    #[inline]
    pub(super) fn release(&mut self, index: u32, hand: &mut Box<Message>) {
        std::mem::swap(&mut self.letters[index as usize], hand);
        self.free_letter(index);
    }

    #[inline(always)]
    pub(super) fn free_letter(&mut self, index: u32) {
        self.next[index as usize] = self.free;
        self.free = index;
        self.letters_in_use -= 1;
    }
}
