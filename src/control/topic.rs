//! A table of filters: which of them match a subject.
//!
//! A trie over tokens. Each token is a number, found once for each token of the
//! subject; the ways on from a node are in one hash table of all nodes:
//!
//! ```text
//!   a.b     (root, a) ► 1   (1, b) ► 2 ●         subject  a . b
//!   a.*     node 1: star ► 3 ●                             │   │
//!   a.>     node 1: tail ● here                   numbers  0   1
//! ```
//!
//! What a match costs depends on the depth of the subject and on how many
//! wildcards stand beside plain tokens on the way, never on how many filters there
//! are elsewhere: at each node two ways go on at most.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use crate::actor::{Filter, Subject};

const NONE: u32 = u32::MAX;
const ROOT: u32 = 0;

struct Node<T> {
    /// The node that `*` leads to.
    star: u32,
    /// What stands for the filter that ends here.
    here: Option<T>,
    /// What stands for the filter that goes on with `>`.
    tail: Option<T>,
    /// Ways on by a plain token.
    ways: u32,
}

impl<T> Node<T> {
    const fn new() -> Self {
        Self { star: NONE, here: None, tail: None, ways: 0 }
    }

    fn is_bare(&self) -> bool {
        self.here.is_none() && self.tail.is_none() && self.star == NONE && self.ways == 0
    }
}

struct Token {
    number: u32,
    /// How many ways it is on.
    ways: u32,
}

/// Filters, each with one value.
pub struct TopicTable<T> {
    nodes: Vec<Node<T>>,
    free_nodes: Vec<u32>,
    /// Guests choose the tokens: keyed, so that none can make them collide.
    tokens: HashMap<Box<str>, Token>,
    free_numbers: Vec<u32>,
    numbers: u32,
    ways: HashMap<u64, u32, WayHash>,
    len: usize,
}

impl<T> Default for TopicTable<T> {
    fn default() -> Self {
        Self {
            nodes: vec![Node::new()],
            free_nodes: Vec::new(),
            tokens: HashMap::new(),
            free_numbers: Vec::new(),
            numbers: 0,
            ways: HashMap::with_hasher(WayHash::new()),
            len: 0,
        }
    }
}

impl<T> TopicTable<T> {
    /// No filters.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many filters there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of a filter, which is made if it is not there.
    pub fn entry(&mut self, filter: &Filter, make: impl FnOnce() -> T) -> &mut T {
        let mut node = ROOT;
        let mut has_tail = false;
        for token in filter.tokens() {
            match token {
                ">" => has_tail = true,
                "*" if self.nodes[node as usize].star != NONE => node = self.nodes[node as usize].star,
                "*" => {
                    let next = self.new_node();
                    self.nodes[node as usize].star = next;
                    node = next;
                }
                token => node = self.way_or_new(node, token),
            }
        }
        let node = &mut self.nodes[node as usize];
        let place = if has_tail { &mut node.tail } else { &mut node.here };
        if place.is_none() {
            self.len += 1;
        }
        place.get_or_insert_with(make)
    }

    /// The value of a filter, if it is there.
    pub fn get_mut(&mut self, filter: &Filter) -> Option<&mut T> {
        let (path, has_tail) = self.path(filter)?;
        let node = &mut self.nodes[*path.last()? as usize];
        if has_tail { node.tail.as_mut() } else { node.here.as_mut() }
    }

    /// Takes a filter out.
    pub fn remove(&mut self, filter: &Filter) -> Option<T> {
        let (path, has_tail) = self.path(filter)?;
        let node = &mut self.nodes[*path.last()? as usize];
        let value = if has_tail { node.tail.take() } else { node.here.take() }?;
        self.len -= 1;
        self.prune(filter, &path);
        Some(value)
    }

    /// Shows the values of all filters that match.
    pub fn matches<'a>(&'a self, subject: &Subject, mut found: impl FnMut(&'a T)) {
        if self.len == 0 {
            return;
        }
        let mut numbers = [NONE; crate::actor::TOPIC_TOKENS_MAX];
        let mut depth = 0;
        for token in subject.tokens() {
            numbers[depth] = self.tokens.get(token).map_or(NONE, |token| token.number);
            depth += 1;
        }
        let numbers = &numbers[..depth];
        if subject.as_str().starts_with('$') {
            // A wildcard at the beginning does not match these.
            if let Some(node) = self.way(ROOT, numbers[0]) {
                self.walk(node, &numbers[1..], &mut found);
            }
        } else {
            self.walk(ROOT, numbers, &mut found);
        }
    }

    fn walk<'a>(&'a self, mut node: u32, mut numbers: &[u32], found: &mut impl FnMut(&'a T)) {
        loop {
            let at = &self.nodes[node as usize];
            let Some((&number, rest)) = numbers.split_first() else {
                if let Some(value) = &at.here {
                    found(value);
                }
                return;
            };
            if let Some(value) = &at.tail {
                found(value);
            }
            let way = if at.ways == 0 { None } else { self.way(node, number) };
            numbers = rest;
            node = match (at.star, way) {
                (NONE, None) => return,
                (NONE, Some(way)) => way,
                (star, None) => star,
                (star, Some(way)) => {
                    self.walk(star, rest, found);
                    way
                }
            };
        }
    }

    /// The nodes that a filter goes through, and whether it ends in `>`.
    fn path(&self, filter: &Filter) -> Option<(Vec<u32>, bool)> {
        let mut path = vec![ROOT];
        for token in filter.tokens() {
            let node = *path.last()?;
            let next = match token {
                ">" => return Some((path, true)),
                "*" => Some(self.nodes[node as usize].star).filter(|&star| star != NONE),
                token => self.way(node, self.tokens.get(token)?.number),
            };
            path.push(next?);
        }
        Some((path, false))
    }

    /// Takes the nodes of a filter that lead nowhere any more, from its end.
    fn prune(&mut self, filter: &Filter, path: &[u32]) {
        let tokens: Vec<&str> = filter.tokens().collect();
        for step in (1..path.len()).rev() {
            let (parent, node) = (path[step - 1], path[step]);
            if !self.nodes[node as usize].is_bare() {
                return;
            }
            match tokens[step - 1] {
                "*" => self.nodes[parent as usize].star = NONE,
                token => self.remove_way(parent, token),
            }
            self.free_nodes.push(node);
        }
    }

    fn way(&self, node: u32, number: u32) -> Option<u32> {
        if number == NONE { None } else { self.ways.get(&way_key(node, number)).copied() }
    }

    fn way_or_new(&mut self, node: u32, text: &str) -> u32 {
        let number = match self.tokens.get(text) {
            Some(token) => token.number,
            None => {
                let number = self.free_numbers.pop().unwrap_or_else(|| {
                    self.numbers += 1;
                    self.numbers - 1
                });
                self.tokens.insert(text.into(), Token { number, ways: 0 });
                number
            }
        };
        if let Some(way) = self.way(node, number) {
            return way;
        }
        let next = self.new_node();
        self.ways.insert(way_key(node, number), next);
        self.nodes[node as usize].ways += 1;
        if let Some(token) = self.tokens.get_mut(text) {
            token.ways += 1;
        }
        next
    }

    fn remove_way(&mut self, node: u32, text: &str) {
        let Some(token) = self.tokens.get_mut(text) else { return };
        token.ways -= 1;
        let (number, is_last) = (token.number, token.ways == 0);
        self.ways.remove(&way_key(node, number));
        self.nodes[node as usize].ways -= 1;
        if is_last {
            self.tokens.remove(text);
            self.free_numbers.push(number);
        }
    }

    fn new_node(&mut self) -> u32 {
        if let Some(node) = self.free_nodes.pop() {
            self.nodes[node as usize] = Node::new();
            return node;
        }
        let node = u32::try_from(self.nodes.len()).expect("fewer than 2^32 nodes");
        self.nodes.push(Node::new());
        node
    }
}

fn way_key(node: u32, number: u32) -> u64 {
    u64::from(node) << 32 | u64::from(number)
}

/// Hashes one 64-bit number that guests have little say in: a multiplication, with
/// a key all the same.
#[derive(Clone)]
struct WayHash(u64);

impl WayHash {
    fn new() -> Self {
        Self(RandomState::new().hash_one(0) | 1)
    }
}

impl BuildHasher for WayHash {
    type Hasher = WayHasher;

    fn build_hasher(&self) -> WayHasher {
        WayHasher(self.0)
    }
}

struct WayHasher(u64);

impl Hasher for WayHasher {
    fn write_u64(&mut self, way: u64) {
        let product = u128::from(way ^ self.0) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product as u64) ^ (product >> 64) as u64;
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &str) -> Filter {
        Filter::parse(text).unwrap()
    }

    fn subject(text: &str) -> Subject {
        Subject::reserved(text).unwrap()
    }

    fn found(table: &TopicTable<String>, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        table.matches(&subject(text), |value| found.push(value.clone()));
        found.sort();
        found
    }

    #[test]
    fn every_filter_that_matches_is_found_once() {
        let mut table = TopicTable::new();
        for text in ["a.b", "a.*", "a.>", ">", "*", "*.b", "a.b.c", "$a.b", "$a.>"] {
            table.entry(&filter(text), || text.to_owned());
        }
        assert_eq!(found(&table, "a.b"), ["*.b", ">", "a.*", "a.>", "a.b"]);
        assert_eq!(found(&table, "a"), ["*", ">"]);
        assert_eq!(found(&table, "x.y.z"), [">"]);
        assert_eq!(found(&table, "$a.b"), ["$a.>", "$a.b"]);
    }

    fn random(state: &mut u64) -> u64 {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state
    }

    fn some_topic(state: &mut u64, wildcards: bool) -> String {
        let depth = 1 + random(state) % 4;
        let mut tokens: Vec<&str> = Vec::new();
        for _ in 0..depth {
            let choices = if wildcards { 6 } else { 4 };
            tokens.push(["a", "b", "c", "$d", "*", "*"][(random(state) % choices) as usize]);
        }
        if wildcards && random(state).is_multiple_of(3) {
            tokens.push(">");
        }
        tokens.join(".")
    }

    /// Against a list of filters that are matched one by one.
    #[test]
    fn it_finds_what_a_list_would_through_any_insertions_and_removals() {
        for seed in 1..16_u64 {
            let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut table = TopicTable::new();
            let mut list: Vec<Filter> = Vec::new();
            for _ in 0..1_000 {
                let one = filter(&some_topic(&mut state, true));
                match random(&mut state) % 4 {
                    0 | 1 => {
                        assert_eq!(table.get_mut(&one).is_some(), list.contains(&one));
                        table.entry(&one, || one.to_string());
                        if !list.contains(&one) {
                            list.push(one);
                        }
                    }
                    2 if !list.is_empty() => {
                        let index = random(&mut state) as usize % list.len();
                        let one = list.swap_remove(index);
                        assert_eq!(table.remove(&one), Some(one.to_string()));
                        assert_eq!(table.remove(&one), None);
                    }
                    _ => {
                        let published = some_topic(&mut state, false);
                        let to = subject(&published);
                        let mut expected: Vec<String> =
                            list.iter().filter(|one| one.matches(&to)).map(ToString::to_string).collect();
                        expected.sort();
                        assert_eq!(found(&table, &published), expected, "{published}, seed {seed}");
                    }
                }
                assert_eq!(table.len(), list.len());
            }
            for one in list.drain(..) {
                table.remove(&one);
            }
            assert!(table.is_empty() && table.tokens.is_empty() && table.ways.is_empty(), "all is freed");
            assert_eq!(table.free_nodes.len() + 1, table.nodes.len());
        }
    }

    #[test]
    fn a_match_does_not_look_at_filters_elsewhere() {
        let mut table = TopicTable::new();
        for number in 0..10_000 {
            table.entry(&filter(&format!("a.{number}.b")), || number);
        }
        table.entry(&filter("a.*.b"), || 10_000);
        let mut found = Vec::new();
        table.matches(&subject("a.77.b"), |&number| found.push(number));
        found.sort_unstable();
        assert_eq!(found, [77, 10_000]);
    }
}
