//! How a run reads: on the terminal, as JSON, as files for the HdrHistogram
//! plotters, as plots, and as one page of HTML.

mod hdr;
mod html;
mod plots;
pub(crate) mod terminal;

use std::path::Path;

use anyhow::Context;

use crate::figure::{Figure, Saved};
use crate::recording::Recording;

#[cfg(feature = "race")]
pub(crate) use terminal::{bars, noise};
pub(crate) use terminal::{print, table};

/// Writes all of it into a folder: `run.json`, `report.html`, two plots, and for each
/// figure with latencies an `.hlog`, an `.hgrm` of all, and one of each stage of each
/// path.
pub(crate) fn write(folder: &Path, saved: &Saved, recordings: &[(String, Recording)]) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let put = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).with_context(|| path.display().to_string())
    };
    put("run.json", &(serde_json::to_string_pretty(saved)? + "\n"))?;
    for (key, recording) in recordings {
        let name = file_name(key);
        put(&format!("{name}.hgrm"), &hdr::hgrm(&recording.all()))?;
        put(&format!("{name}.hlog"), &hdr::hlog(recording, saved.taken_at_unix_s)?)?;
        for (path, stages) in recording.paths() {
            let told = stages.named().into_iter().filter(|(_, histogram)| !histogram.is_empty());
            for (stage, histogram) in told {
                let stage = file_name(&format!("{}, {stage}", path.name()));
                put(&format!("{name}.{stage}.hgrm"), &hdr::hgrm(histogram))?;
            }
        }
    }
    let with_latencies: Vec<&Figure> =
        saved.figures.iter().filter(|figure| !figure.percentiles.is_empty()).collect();
    if !with_latencies.is_empty() {
        put("percentiles.svg", &plots::percentiles(&with_latencies)?)?;
        put("over-time.svg", &plots::over_time(&with_latencies)?)?;
    }
    put("report.html", &html::page(saved)?)
}

/// A title, as the name of a file.
fn file_name(title: &str) -> String {
    let letters = title.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' });
    let dashed: String = letters.collect();
    let words: Vec<&str> = dashed.split('-').filter(|word| !word.is_empty()).collect();
    words.join("-").to_ascii_lowercase()
}

/// A count, short: `1.25 M`.
pub(crate) fn count(count: f64) -> String {
    match count {
        count if count >= 1e6 => format!("{:.2} M", count / 1e6),
        count if count >= 1e4 => format!("{:.1} k", count / 1e3),
        count => format!("{count:.0}"),
    }
}

/// A time in ns, short: `1.25 µs`.
pub(crate) fn time(ns: f64) -> String {
    match ns {
        ns if ns >= 1e9 => format!("{:.2} s", ns / 1e9),
        ns if ns >= 1e6 => format!("{:.2} ms", ns / 1e6),
        ns if ns >= 1e4 => format!("{:.1} µs", ns / 1e3),
        ns if ns >= 1e3 => format!("{:.2} µs", ns / 1e3),
        ns => format!("{ns:.1} ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        assert_eq!([count(999.0), count(12_340.0), count(1_250_000.0)], ["999", "12.3 k", "1.25 M"]);
        assert_eq!([time(91.25), time(1_254.0), time(20_500.0)], ["91.2 ns", "1.25 µs", "20.5 µs"]);
        assert_eq!(file_name("tell, same shard, at 1.25 M/s"), "tell-same-shard-at-1-25-m-s");
    }
}
