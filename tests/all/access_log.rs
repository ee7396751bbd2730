//! The access log counted without Raddle: words, as `awk` would.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// What the report should say of these lines.
#[derive(Debug, PartialEq)]
pub struct Counts {
    pub lines: u64,
    pub malformed: u64,
    pub bytes: u64,
    pub status: BTreeMap<String, u64>,
    pub top_paths: Vec<(String, u64)>,
}

impl Counts {
    /// Splits each line at its blanks: `$7` is the path, `$9` the status, `$10` the
    /// bytes, and a whole line ends with the quoted user agent.
    pub fn of<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut all, mut malformed, mut bytes) = (0, 0, 0);
        let (mut status, mut paths) = (BTreeMap::new(), BTreeMap::<_, u64>::new());
        for line in lines {
            all += 1;
            let words: Vec<&str> = line.split_whitespace().collect();
            if words.len() < 12 || !line.ends_with('"') {
                malformed += 1;
            } else {
                *paths.entry(words[6].to_owned()).or_default() += 1;
            }
            if let Some(code) = words.get(8).filter(|word| word.parse::<u16>().is_ok()) {
                *status.entry((*code).to_owned()).or_default() += 1;
                bytes += words.get(9).and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
            }
        }
        let mut top_paths: Vec<(String, u64)> = paths.into_iter().collect();
        top_paths.sort_by(|(a, a_count), (b, b_count)| b_count.cmp(a_count).then(a.cmp(b)));
        top_paths.truncate(10);
        Self { lines: all, malformed, bytes, status, top_paths }
    }

    /// Does the report say so?
    #[track_caller]
    pub fn assert_in(&self, report: &Value) {
        assert_eq!(report["lines"], self.lines, "{report:#}");
        assert_eq!(report["malformed"], self.malformed);
        assert_eq!(report["bytes"], self.bytes);
        assert_eq!(report["status"], json!(self.status));
        assert_eq!(report["top_paths"], json!(self.top_paths));
    }
}
