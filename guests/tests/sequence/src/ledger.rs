//! What was sent to each peer, what came from it, and what was wrong with that.

/// The most peers.
pub const PEERS_MAX: usize = 64;

/// What went to one peer, and came from it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Peer {
    pub address: u64,
    pub sent: u64,
    pub received: u64,
}

/// All of it.
pub struct Ledger {
    peers: [Peer; PEERS_MAX],
    peer_count: usize,
    random: u64,
    /// Where the last message came from: batches come from few.
    last: usize,
    /// Numbers that were not the next one.
    out_of_order: u64,
    /// Messages from nobody that is known.
    strangers: u64,
    refused: u64,
    /// Who was chosen for the next message.
    chosen: usize,
}

impl Default for Ledger {
    fn default() -> Self {
        Ledger {
            peers: [Peer::default(); PEERS_MAX],
            peer_count: 0,
            random: 1,
            last: 0,
            out_of_order: 0,
            strangers: 0,
            refused: 0,
            chosen: 0,
        }
    }
}

impl Ledger {
    /// Gets to know these peers. How many they are, if they are whole and not too many.
    pub fn meet(&mut self, seed: u64, addresses: &[u8]) -> Option<u64> {
        let (addresses, rest) = addresses.as_chunks::<8>();
        if !rest.is_empty() || addresses.len() > PEERS_MAX {
            return None;
        }
        for (peer, address) in self.peers.iter_mut().zip(addresses) {
            *peer = Peer { address: u64::from_le_bytes(*address), ..Peer::default() };
        }
        self.peer_count = addresses.len();
        self.random = seed | 1;
        Some(addresses.len() as u64)
    }

    /// A message with this number has come.
    #[inline]
    pub fn received(&mut self, sender: u64, number: u64) {
        if self.peers[self.last].address != sender {
            let known = self.peers[..self.peer_count].iter().position(|peer| peer.address == sender);
            let Some(index) = known else {
                self.strangers += 1;
                return;
            };
            self.last = index;
        }
        let peer = &mut self.peers[self.last];
        if number != peer.received {
            self.out_of_order += 1;
        }
        peer.received += 1;
    }

    /// Whom to send to next, and with which number.
    #[inline]
    pub fn next(&mut self) -> Option<(u64, u64)> {
        // A xorshift generator.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.chosen = ((self.random >> 32) * self.peer_count as u64 >> 32) as usize;
        let peer = self.peers[..self.peer_count].get(self.chosen)?;
        Some((peer.address, peer.sent))
    }

    /// It was sent.
    #[inline]
    pub fn sent(&mut self) {
        self.peers[self.chosen].sent += 1;
    }

    /// It was not taken.
    pub fn refused(&mut self) {
        self.refused += 1;
    }

    /// Numbers out of order, messages of strangers, messages refused; then, for each
    /// peer: address, sent, received. Each is a word.
    pub fn to_bytes(&self) -> Vec<u8> {
        let faults = [self.out_of_order, self.strangers, self.refused];
        let peers = self.peers[..self.peer_count].iter();
        let words = peers.flat_map(|peer| [peer.address, peer.sent, peer.received]);
        faults.into_iter().chain(words).flat_map(u64::to_le_bytes).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(ledger: &Ledger) -> Vec<u64> {
        ledger.to_bytes().as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect()
    }

    fn ledger_of(addresses: &[u64]) -> Ledger {
        let mut ledger = Ledger::default();
        let bytes: Vec<u8> = addresses.iter().flat_map(|address| address.to_le_bytes()).collect();
        assert_eq!(ledger.meet(7, &bytes), Some(addresses.len() as u64));
        ledger
    }

    #[test]
    fn what_comes_in_order_is_no_fault_and_anything_else_is_one() {
        let mut ledger = ledger_of(&[10, 20]);
        for (sender, number) in [(10, 0), (20, 0), (10, 1), (10, 2), (20, 1)] {
            ledger.received(sender, number);
        }
        assert_eq!(words(&ledger), [0, 0, 0, 10, 0, 3, 20, 0, 2]);
        ledger.received(10, 4); // One was lost, …
        ledger.received(20, 1); // one came twice, …
        ledger.received(30, 0); // and one is from a stranger.
        assert_eq!(words(&ledger)[..3], [2, 1, 0]);
    }

    #[test]
    fn every_peer_is_chosen_and_its_messages_are_numbered() {
        let mut ledger = ledger_of(&[10, 20, 30]);
        let mut next = [0; 3];
        for _ in 0..3_000 {
            let (address, number) = ledger.next().unwrap();
            let index = address as usize / 10 - 1;
            assert_eq!(number, next[index]);
            ledger.sent();
            next[index] += 1;
        }
        assert!(next.iter().all(|&sent| sent > 800), "{next:?}");
        assert_eq!(words(&ledger)[3..], [10, next[0], 0, 20, next[1], 0, 30, next[2], 0]);
    }

    #[test]
    fn only_whole_addresses_and_not_too_many_are_taken() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.next(), None);
        assert_eq!(ledger.meet(1, &[1; 9]), None);
        assert_eq!(ledger.meet(1, &[0; 8 * (PEERS_MAX + 1)]), None);
    }
}
