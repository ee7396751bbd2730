//! The words that messages start with, and what is added up.

/// What a message wants done: the lowest byte of its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Op {
    Add = 0,
    Get = 1,
    To = 2,
    Pass = 3,
    Fan = 4,
    Ask = 5,
    Trap = 6,
}

impl Op {
    const ALL: [Op; 7] = [Op::Add, Op::Get, Op::To, Op::Pass, Op::Fan, Op::Ask, Op::Trap];

    pub fn of(byte: u8) -> Option<Op> {
        Op::ALL.get(usize::from(byte)).copied()
    }
}

/// The first 8 bytes of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word(u64);

impl Word {
    #[inline]
    pub fn read(payload: &[u8]) -> Option<Word> {
        payload.first_chunk().map(|bytes| Word(u64::from_le_bytes(*bytes)))
    }

    pub fn op(self) -> u8 {
        self.0 as u8
    }

    pub fn value(self) -> u64 {
        self.0 >> 8
    }

    pub fn with_value(self, value: u64) -> Word {
        Word(value << 8 | self.0 & 0xFF)
    }

    pub fn with_op(self, op: Op) -> Word {
        Word(self.0 & !0xFF | op as u64)
    }

    /// Over the first 8 bytes of a payload that has them.
    pub fn write(self, payload: &mut [u8]) {
        payload[..8].copy_from_slice(&self.0.to_le_bytes());
    }
}

/// The most addresses to send to.
pub const TARGETS_MAX: usize = 256;

/// What was counted, and whom to send to.
pub struct Tally {
    count: u64,
    sum: u64,
    targets: [u64; TARGETS_MAX],
    target_count: usize,
}

impl Default for Tally {
    fn default() -> Self {
        Tally { count: 0, sum: 0, targets: [0; TARGETS_MAX], target_count: 0 }
    }
}

impl Tally {
    #[inline]
    pub fn add(&mut self, value: u64) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(value);
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        [self.count.to_le_bytes(), self.sum.to_le_bytes()].concat()
    }

    pub fn targets(&self) -> &[u64] {
        &self.targets[..self.target_count]
    }

    /// Sends to these addresses from here on. How many they are, if they are whole
    /// and not too many.
    pub fn send_to(&mut self, addresses: &[u8]) -> Option<usize> {
        let (addresses, rest) = addresses.as_chunks::<8>();
        if !rest.is_empty() || addresses.len() > TARGETS_MAX {
            return None;
        }
        for (target, address) in self.targets.iter_mut().zip(addresses) {
            *target = u64::from_le_bytes(*address);
        }
        self.target_count = addresses.len();
        Some(self.target_count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_an_op_and_a_value() {
        assert_eq!(Word::read(&[0; 7]), None);
        let word = Word::read(&[3, 1, 2, 0, 0, 0, 0, 0, 9]).unwrap();
        assert_eq!((word.op(), word.value()), (3, 0x0201));
        let mut payload = [7; 9];
        word.with_value(5).with_op(Op::Add).write(&mut payload);
        assert_eq!(payload, [0, 5, 0, 0, 0, 0, 0, 0, 7]);
    }

    #[test]
    fn ops_are_numbered_in_order() {
        for (index, op) in Op::ALL.into_iter().enumerate() {
            assert_eq!(op as usize, index);
        }
        assert_eq!(Op::of(7), None);
    }

    #[test]
    fn adds_up() {
        let mut tally = Tally::default();
        tally.add(40);
        tally.add(2);
        assert_eq!(tally.to_bytes(), [2, 0, 0, 0, 0, 0, 0, 0, 42, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn takes_whole_addresses_only_and_not_too_many() {
        let mut tally = Tally::default();
        assert_eq!(tally.send_to(&[1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]), Some(2));
        assert_eq!(tally.targets(), [1, 2]);
        assert_eq!(tally.send_to(&[1; 9]), None);
        assert_eq!(tally.send_to(&[0; (TARGETS_MAX + 1) * 8]), None);
        assert_eq!(tally.targets(), [1, 2]);
    }
}
