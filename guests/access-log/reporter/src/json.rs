//! The report as JSON, by hand: a serialiser would be most of the guest.

use std::fmt::Write;

use access_log_format::Totals;

/// One JSON object.
pub fn report(totals: &Totals) -> String {
    let statuses = totals
        .statuses
        .iter()
        .map(|(status, count)| format!("\"{status}\":{count}"));
    let paths = totals
        .paths
        .iter()
        .map(|(path, count)| format!("[{},{count}]", string(path)));
    let mut json = format!(
        r#"{{"lines":{},"malformed":{},"status":{{{}}},"bytes":{},"top_paths":[{}]"#,
        totals.lines,
        totals.malformed,
        join(statuses),
        totals.bytes,
        join(paths),
    );
    if totals.overflow > 0 {
        write!(json, r#","overflow":{}"#, totals.overflow).expect("a string takes everything");
    }
    json.push('}');
    json
}

fn join(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(",")
}

/// A JSON string. What is not UTF-8 becomes U+FFFD.
fn string(bytes: &[u8]) -> String {
    let mut json = String::from("\"");
    for character in String::from_utf8_lossy(bytes).chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            control if control < ' ' || control == '\u{7f}' => {
                write!(json, "\\u{:04x}", u32::from(control)).expect("a string takes everything");
            }
            other => json.push(other),
        }
    }
    json.push('"');
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports() {
        let mut totals = Totals {
            lines: 3,
            malformed: 1,
            bytes: 47,
            overflow: 0,
            statuses: [(200, 2), (404, 1)].into(),
            paths: vec![(b"/b".to_vec(), 2), (b"/a".to_vec(), 1)],
        };
        assert_eq!(
            report(&totals),
            r#"{"lines":3,"malformed":1,"status":{"200":2,"404":1},"bytes":47,"top_paths":[["/b",2],["/a",1]]}"#
        );
        totals.overflow = 9;
        assert!(report(&totals).ends_with(r#"["/a",1]],"overflow":9}"#));
        assert_eq!(
            report(&Totals::default()),
            r#"{"lines":0,"malformed":0,"status":{},"bytes":0,"top_paths":[]}"#
        );
    }

    #[test]
    fn escapes() {
        assert_eq!(string(b"/\"a\"\\"), r#""/\"a\"\\""#);
        assert_eq!(string(b"\x00\t\x1f\x7f"), r#""\u0000\u0009\u001f\u007f""#);
        assert_eq!(
            string("/\u{fc}\u{1f600}".as_bytes()),
            "\"/\u{fc}\u{1f600}\""
        );
        assert_eq!(string(b"/\xff/\xc3"), "\"/\u{fffd}/\u{fffd}\"");
    }
}
