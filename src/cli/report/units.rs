//! Numbers as people read them.

use std::fmt;

/// A count with its thousands apart: `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time in ns, in the unit that suits it: `417 ns`, `1.25 µs`, `35.1 ms`, `2.00 s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nanoseconds(pub u64);

impl fmt::Display for Nanoseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            ns @ 0..1_000 => format!("{ns} ns"),
            ns @ 1_000..1_000_000 => format!("{} µs", three_digits(ns as f64 / 1e3)),
            ns @ 1_000_000..1_000_000_000 => format!("{} ms", three_digits(ns as f64 / 1e6)),
            ns if ns < 120_000_000_000 => format!("{} s", three_digits(ns as f64 / 1e9)),
            ns => {
                let seconds = ns / 1_000_000_000;
                format!("{} min {} s", count(seconds / 60), seconds % 60)
            }
        };
        f.pad(&text)
    }
}

/// A size in bytes, in the unit that suits it: `64 KiB`, `2.56 GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 7] = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        let power = (self.0.max(1).ilog2() / 10) as usize;
        let unit = UNITS[power];
        let text = if self.0.is_multiple_of(1 << (10 * power)) {
            format!("{} {unit}", self.0 >> (10 * power))
        } else {
            format!("{} {unit}", three_digits(self.0 as f64 / (1u64 << (10 * power)) as f64))
        };
        f.pad(&text)
    }
}

/// Three significant digits, and never fewer than the whole part has.
fn three_digits(value: f64) -> String {
    // Compared with what rounds up to one digit more.
    match value {
        value if value < 9.995 => format!("{value:.2}"),
        value if value < 99.95 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345, "12,345"),
            (123_456, "123,456"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(count(number), text);
        }
    }

    #[test]
    fn times_have_the_unit_that_suits_them() {
        for (ns, text) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (9_994, "9.99 µs"),
            (9_996, "10.0 µs"),
            (12_345, "12.3 µs"),
            (999_499, "999 µs"),
            (35_100_000, "35.1 ms"),
            (2_000_000_000, "2.00 s"),
            (119_000_000_000, "119 s"),
            (3_725_000_000_000, "62 min 5 s"),
        ] {
            assert_eq!(Nanoseconds(ns).to_string(), text);
        }
    }

    #[test]
    fn sizes_have_the_unit_that_suits_them() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1_023, "1023 bytes"),
            (1 << 10, "1 KiB"),
            (64 << 20, "64 MiB"),
            (2_747_282_505, "2.56 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }
}
