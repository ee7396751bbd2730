//! Parts of a bench, which can be run alone: `cargo bench --bench spawn -- warm`.

/// Is this part to be run? All are, if none is named.
pub fn is_wanted(part: &str) -> bool {
    // The bench's own options, as `--bench`, are no concern of ours.
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    only.is_none_or(|only| only == part)
}
