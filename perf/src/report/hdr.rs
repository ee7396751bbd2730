//! `.hgrm` and `.hlog`, as the HdrHistogram plotters read them; values in µs, as is
//! the custom there.

use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use crate::recording::Recording;

const NS_PER_US: f64 = 1e3;
/// Points for each halving of the distance to 100 %.
const TICKS_PER_HALF: u32 = 5;

/// The distribution of percentiles.
pub(super) fn hgrm(histogram: &Histogram<u64>) -> String {
    let mut text =
        format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    let mut total = 0;
    for value in histogram.iter_quantiles(TICKS_PER_HALF) {
        total += value.count_since_last_iteration();
        let quantile = value.quantile_iterated_to();
        let us = value.value_iterated_to() as f64 / NS_PER_US;
        // Writing to a String does not fail.
        let _ = if quantile < 1.0 {
            writeln!(text, "{us:>12.3} {quantile:>14.12} {total:>10} {:>14.2}", 1.0 / (1.0 - quantile))
        } else {
            writeln!(text, "{us:>12.3} {quantile:>14.12} {total:>10}")
        };
    }
    let us = |ns: f64| ns / NS_PER_US;
    let _ = writeln!(
        text,
        "#[Mean    = {:>12.3}, StdDeviation   = {:>12.3}]\n#[Max     = {:>12.3}, Total count    = {:>12}]\n#[Buckets = \
         {:>12}, SubBuckets     = {:>12}]",
        us(histogram.mean()),
        us(histogram.stdev()),
        us(histogram.max() as f64),
        histogram.len(),
        histogram.buckets(),
        2 * 10_u64.pow(u32::from(histogram.sigfig())).next_power_of_two(),
    );
    text
}

/// A histogram for each step of time.
pub(super) fn hlog(recording: &Recording, taken_at_unix_s: u64) -> anyhow::Result<String> {
    let mut text = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let start = UNIX_EPOCH + Duration::from_secs(taken_at_unix_s);
    let step = Duration::from_nanos(recording.step_ns());
    {
        let mut builder = IntervalLogWriterBuilder::new();
        builder.add_comment("[Histogram log format version 1.3]");
        builder.add_comment("raddle-perf: latencies in ns, from when a message was due");
        builder.with_start_time(start).with_base_time(start).with_max_value_divisor(1e6);
        let mut log = builder.begin_log_with(&mut text, &mut serializer)?;
        for (index, histogram) in recording.steps.iter().enumerate().filter(|(_, step)| !step.is_empty()) {
            let at = step * u32::try_from(index)?;
            log.write_histogram(histogram, at, step, None::<Tag<'_>>)
                .map_err(|error| anyhow::anyhow!("an interval of the log: {error:?}"))?;
        }
    }
    Ok(String::from_utf8(text)?)
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;
    use crate::recording::{Path, Plan, Times};

    #[test]
    fn the_distribution_ends_at_the_maximum() {
        let mut histogram = crate::recording::histogram(3);
        (1..=1_000).for_each(|us| histogram.record(us * 1_000).unwrap());
        let text = hgrm(&histogram);
        let rows: Vec<Vec<&str>> = text
            .lines()
            .skip(2)
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split_whitespace().collect())
            .collect();
        let last = rows.last().unwrap();
        assert_eq!((last[1], last[2]), ("1.000000000000", "1000"), "{text}");
        assert!(last[0].parse::<f64>().unwrap() >= 1_000.0);
        let half = rows.iter().find(|row| row[1] == "0.500000000000").unwrap();
        assert!(half[0].starts_with("500."), "{half:?}");
    }

    #[test]
    fn the_log_can_be_read_back() {
        let plan = Plan {
            origin_ns: 0,
            duration: Duration::from_secs(1),
            sample_every: 1,
            unstamped_interval_ns: None,
        };
        let mut recording = Recording::new(plan);
        for end_ns in [50_000_000, 60_000_000, 250_000_000] {
            let times = Times { intended_ns: end_ns - 5_000, end_ns: Some(end_ns), ..Times::default() };
            recording.record(Path::SameShard, times);
        }
        let text = hlog(&recording, 1_000).unwrap();
        let mut counts = Vec::new();
        for entry in IntervalLogIterator::new(text.as_bytes()) {
            if let LogEntry::Interval(interval) = entry.unwrap() {
                use base64::Engine as _;
                let bytes =
                    base64::engine::general_purpose::STANDARD.decode(interval.encoded_histogram()).unwrap();
                let read: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
                counts.push((interval.start_timestamp().as_millis(), read.len()));
            }
        }
        assert_eq!(counts, [(0, 2), (200, 1)], "{text}");
    }
}
