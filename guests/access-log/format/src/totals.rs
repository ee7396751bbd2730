//! What an aggregator answers when asked for its totals.

use std::collections::BTreeMap;

/// How many of its busiest paths an aggregator tells.
pub const TOP_PATHS_MAX: usize = 10;

/// The totals of one aggregator, or of several added up.
///
/// As text, one figure to a line, the path last since it may hold spaces:
///
/// ```text
/// lines 10000
/// malformed 1
/// bytes 2747282740
/// overflow 0
/// status 200 9126
/// path 807 /favicon.ico
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Lines of either kind.
    pub lines: u64,
    /// Lines that were not whole.
    pub malformed: u64,
    /// Bytes served.
    pub bytes: u64,
    /// Requests whose path was not counted, for want of memory.
    pub overflow: u64,
    /// Status code → requests.
    pub statuses: BTreeMap<u16, u64>,
    /// The busiest paths, and how many requests each; as [`busiest`] sorts them.
    pub paths: Vec<(Vec<u8>, u64)>,
}

impl Totals {
    /// The text form.
    pub fn encode(&self) -> Vec<u8> {
        let mut text = format!(
            "lines {}\nmalformed {}\nbytes {}\noverflow {}\n",
            self.lines, self.malformed, self.bytes, self.overflow
        )
        .into_bytes();
        for (status, count) in &self.statuses {
            text.extend_from_slice(format!("status {status} {count}\n").as_bytes());
        }
        for (path, count) in &self.paths {
            text.extend_from_slice(format!("path {count} ").as_bytes());
            text.extend_from_slice(path);
            text.push(b'\n');
        }
        text
    }

    /// Read the text form. `None`: it is not that.
    pub fn decode(text: &[u8]) -> Option<Totals> {
        let mut totals = Totals::default();
        for line in text.strip_suffix(b"\n")?.split(|byte| *byte == b'\n') {
            let (word, rest) = split_word(line)?;
            match word {
                b"lines" => totals.lines = number(rest)?,
                b"malformed" => totals.malformed = number(rest)?,
                b"bytes" => totals.bytes = number(rest)?,
                b"overflow" => totals.overflow = number(rest)?,
                b"status" => {
                    let (status, count) = split_word(rest)?;
                    totals
                        .statuses
                        .insert(number(status)?.try_into().ok()?, number(count)?);
                }
                b"path" => {
                    let (count, path) = split_word(rest)?;
                    totals.paths.push((path.to_owned(), number(count)?));
                }
                _ => return None,
            }
        }
        Some(totals)
    }

    /// Add another aggregator's totals. Exact, as every path is counted by one
    /// aggregator only: the ten busiest of all are among the ten busiest of each.
    pub fn add(&mut self, other: &Totals) {
        self.lines += other.lines;
        self.malformed += other.malformed;
        self.bytes += other.bytes;
        self.overflow += other.overflow;
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        let paths = self.paths.iter().chain(&other.paths);
        self.paths = busiest(paths.map(|(path, count)| (path.as_slice(), *count)));
    }
}

/// The busiest paths, by requests and then by name.
pub fn busiest<'a>(paths: impl Iterator<Item = (&'a [u8], u64)>) -> Vec<(Vec<u8>, u64)> {
    let rank = |(path, count): &(&'a [u8], u64)| (std::cmp::Reverse(*count), *path);
    let mut paths: Vec<_> = paths.collect();
    if paths.len() > TOP_PATHS_MAX {
        paths.select_nth_unstable_by_key(TOP_PATHS_MAX, rank);
        paths.truncate(TOP_PATHS_MAX);
    }
    paths.sort_unstable_by_key(rank);
    paths
        .into_iter()
        .map(|(path, count)| (path.to_owned(), count))
        .collect()
}

fn split_word(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = line.iter().position(|byte| *byte == b' ')?;
    Some((&line[..space], &line[space + 1..]))
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(paths: &[(&str, u64)]) -> Totals {
        Totals {
            lines: 5,
            malformed: 1,
            bytes: 70,
            overflow: 2,
            statuses: [(200, 3), (404, 2)].into(),
            paths: paths
                .iter()
                .map(|(path, count)| (path.as_bytes().to_owned(), *count))
                .collect(),
        }
    }

    #[test]
    fn survives_a_round_trip() {
        let totals = totals(&[("/a path", 3), ("/\u{fc}", 2), ("", 1)]);
        assert_eq!(Totals::decode(&totals.encode()), Some(totals));
    }

    #[test]
    fn other_text_is_none() {
        for text in [
            "",
            "\n",
            "lines\n",
            "lines x\n",
            "report\n",
            "lines 5",
            "lines 5\nfoo 1\n",
            "status 70000 1\n",
        ] {
            assert_eq!(Totals::decode(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn adds_up() {
        let mut sum = totals(&[("/a", 3), ("/c", 2)]);
        sum.add(&totals(&[("/b", 3), ("/d", 1)]));
        assert_eq!(
            (sum.lines, sum.malformed, sum.bytes, sum.overflow),
            (10, 2, 140, 4)
        );
        assert_eq!(sum.statuses, [(200, 6), (404, 4)].into());
        let paths: Vec<&[u8]> = sum.paths.iter().map(|(path, _)| path.as_slice()).collect();
        assert_eq!(paths, [b"/a", b"/b", b"/c", b"/d"]);
    }

    #[test]
    fn keeps_the_busiest_and_breaks_ties_by_name() {
        let names: Vec<String> = (10..40).map(|name| format!("/{name}")).collect();
        let paths = names.iter().rev().map(|name| (name.as_bytes(), 1));
        let top = busiest(paths.chain([(b"/z".as_slice(), 2)]));
        assert_eq!(top.len(), TOP_PATHS_MAX);
        assert_eq!(top[0], (b"/z".to_vec(), 2));
        assert_eq!(top[1], (b"/10".to_vec(), 1));
        assert_eq!(top[9], (b"/18".to_vec(), 1));
    }
}
