//! The count, and the commands that it takes. By hand rather than with
//! `str::parse` and `format!`, which would bring more code than the actor has.

/// A message to a counter.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Add(u64),
    Get,
}

impl Command {
    pub fn parse(payload: &[u8]) -> Option<Command> {
        match payload {
            b"" | b"add" => Some(Command::Add(1)),
            b"get" => Some(Command::Get),
            [b'a', b'd', b'd', b' ', digits @ ..] => parse_decimal(digits).map(Command::Add),
            _ => None,
        }
    }
}

fn parse_decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |value, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// A count that stops at its maximum.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Count(u64);

impl Count {
    pub fn add(&mut self, amount: u64) {
        self.0 = self.0.saturating_add(amount);
    }

    pub fn is_saturated(&self) -> bool {
        self.0 == u64::MAX
    }

    pub fn to_decimal(&self) -> Vec<u8> {
        let digit_count = self.0.checked_ilog10().unwrap_or(0) as usize + 1;
        let mut digits = vec![b'0'; digit_count];
        let mut rest = self.0;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        digits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_commands() {
        assert_eq!(Command::parse(b""), Some(Command::Add(1)));
        assert_eq!(Command::parse(b"add"), Some(Command::Add(1)));
        assert_eq!(Command::parse(b"add 0"), Some(Command::Add(0)));
        assert_eq!(Command::parse(b"add 120"), Some(Command::Add(120)));
        assert_eq!(
            Command::parse(b"add 18446744073709551615"),
            Some(Command::Add(u64::MAX))
        );
        assert_eq!(Command::parse(b"get"), Some(Command::Get));
        for wrong in [
            "add ",
            "add x",
            "add -1",
            "add 18446744073709551616",
            "get ",
            "put",
            "a",
        ] {
            assert_eq!(Command::parse(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn counts_and_saturates() {
        let mut count = Count::default();
        assert_eq!(count.to_decimal(), b"0");
        count.add(9);
        assert_eq!(count.to_decimal(), b"9");
        count.add(1);
        assert_eq!(count.to_decimal(), b"10");
        count.add(u64::MAX);
        assert!(count.is_saturated());
        assert_eq!(count.to_decimal(), u64::MAX.to_string().as_bytes());
    }
}
