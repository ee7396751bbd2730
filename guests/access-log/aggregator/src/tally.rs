//! The counts of one aggregator.

use std::collections::HashMap;

use access_log_format::{PathHasher, Record, Totals, busiest};

/// How many different paths are counted.
const PATHS_MAX: usize = 100_000;
/// How long all of them may be together.
const PATH_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What was counted so far.
#[derive(Default)]
pub struct Tally {
    /// All but the paths.
    totals: Totals,
    paths: HashMap<Box<[u8]>, u64, PathHasher>,
    path_bytes: usize,
}

impl Tally {
    pub fn count(&mut self, record: Record) {
        self.totals.lines += 1;
        let (status, bytes) = match record {
            Record::Request {
                status,
                bytes,
                path,
            } => {
                self.count_path(path);
                (Some(status), Some(bytes))
            }
            Record::Malformed { status, bytes } => {
                self.totals.malformed += 1;
                (status, bytes)
            }
        };
        if let Some(status) = status {
            *self.totals.statuses.entry(status).or_default() += 1;
        }
        // A log that claims more than 2⁶⁴ bytes is not worth a trap.
        self.totals.bytes = self.totals.bytes.saturating_add(bytes.unwrap_or(0));
    }

    fn count_path(&mut self, path: &[u8]) {
        if let Some(count) = self.paths.get_mut(path) {
            *count += 1;
        } else if self.paths.len() < PATHS_MAX && self.path_bytes + path.len() <= PATH_BYTES_MAX {
            self.path_bytes += path.len();
            self.paths.insert(path.into(), 1);
        } else {
            self.totals.overflow += 1;
        }
    }

    pub fn totals(&self) -> Totals {
        let paths = self.paths.iter().map(|(path, count)| (&**path, *count));
        Totals {
            paths: busiest(paths),
            ..self.totals.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &[u8]) -> Record<'_> {
        Record::Request {
            status: 200,
            bytes: 10,
            path,
        }
    }

    #[test]
    fn counts() {
        let mut tally = Tally::default();
        tally.count(request(b"/a"));
        tally.count(request(b"/b"));
        tally.count(request(b"/b"));
        tally.count(Record::Malformed {
            status: Some(404),
            bytes: None,
        });
        tally.count(Record::Malformed {
            status: None,
            bytes: Some(5),
        });

        let expected = Totals {
            lines: 5,
            malformed: 2,
            bytes: 35,
            overflow: 0,
            statuses: [(200, 3), (404, 1)].into(),
            paths: vec![(b"/b".to_vec(), 2), (b"/a".to_vec(), 1)],
        };
        assert_eq!(tally.totals(), expected);
    }

    #[test]
    fn bounds_the_number_of_paths() {
        let mut tally = Tally::default();
        for path in 0..PATHS_MAX + 5 {
            tally.count(request(path.to_string().as_bytes()));
        }
        tally.count(request(b"7"));
        let totals = tally.totals();
        assert_eq!(totals.overflow, 5);
        assert_eq!(totals.lines, PATHS_MAX as u64 + 6);
        assert_eq!(totals.paths[0], (b"7".to_vec(), 2));
    }

    #[test]
    fn bounds_the_size_of_paths() {
        let mut tally = Tally::default();
        let mut path = vec![b'x'; PATH_BYTES_MAX / 4];
        for index in 0..5 {
            path[0] = index;
            tally.count(request(&path));
        }
        assert_eq!(tally.totals().overflow, 1);
    }
}
