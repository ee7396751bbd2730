//! A line in Apache's combined format:
//!
//! ```text
//! 203.0.113.9 - frank [10/Oct/2000:13:55:36 -0700] "GET /a.gif HTTP/1.0" 200 2326 "http://a/" "Mozilla/4.08"
//! host  ident   user  [time]                       "request"          status bytes "referer"  "user agent"
//! ```
//!
//! In quotes, a backslash keeps the next character from ending them.

use access_log_format::Record;

/// What a line says. The path is as it was requested, with its query.
pub fn parse(line: &[u8]) -> Record<'_> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);

    let mut reading = Reading::default();
    if let Some(request) = reading.read(line) {
        return request;
    }
    // Not whole. What was read before it broke off still counts; where that
    // was too early, count words as `awk` would.
    if reading.status.is_none() {
        let mut words = line
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
            .skip(8);
        reading.status = words.next().and_then(status);
        reading.bytes = words
            .next()
            .and_then(bytes)
            .filter(|_| reading.status.is_some());
    }
    Record::Malformed {
        status: reading.status,
        bytes: reading.bytes,
    }
}

/// What was read of a line so far.
#[derive(Default)]
struct Reading {
    status: Option<u16>,
    bytes: Option<u64>,
}

impl Reading {
    /// `None`: the line is not whole.
    fn read<'a>(&mut self, line: &'a [u8]) -> Option<Record<'a>> {
        let (_host, rest) = word(line)?;
        let (_ident, rest) = word(rest)?;
        let (_user, rest) = word(rest)?;
        let (_time, rest) = bracketed(rest)?;
        let (request, rest) = quoted(rest.strip_prefix(b" ")?)?;
        let (status_field, rest) = field(rest.strip_prefix(b" ")?);
        let status = *self.status.insert(status(status_field)?);
        let (bytes_field, rest) = field(rest.strip_prefix(b" ")?);
        let bytes = *self.bytes.insert(bytes(bytes_field)?);
        let (_referer, rest) = quoted(rest.strip_prefix(b" ")?)?;
        let (_agent, rest) = quoted(rest.strip_prefix(b" ")?)?;
        let is_whole = rest.is_empty() && !line.contains(&b'\n');
        is_whole.then(|| Record::Request {
            status,
            bytes,
            path: path(request),
        })
    }
}

/// Up to the next space, or the end.
fn field(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text
        .iter()
        .position(|byte| *byte == b' ')
        .unwrap_or(text.len());
    text.split_at(end)
}

/// A field that is not empty, and the space after it.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (word, rest) = field(text);
    let rest = rest.strip_prefix(b" ")?;
    (!word.is_empty()).then_some((word, rest))
}

fn bracketed(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.strip_prefix(b"[")?;
    let end = text.iter().position(|byte| *byte == b']')?;
    (end > 0).then_some((&text[..end], &text[end + 1..]))
}

fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.strip_prefix(b"\"")?;
    let mut index = 0;
    loop {
        match text.get(index)? {
            b'"' => return Some((&text[..index], &text[index + 1..])),
            b'\\' => index += 2,
            _ => index += 1,
        }
    }
}

/// The second of the words of a request, or all of a request that is but one:
/// a client that hangs up early leaves a `-`.
fn path(request: &[u8]) -> &[u8] {
    match word(request) {
        Some((_method, rest)) => field(rest).0,
        None => request,
    }
}

fn status(field: &[u8]) -> Option<u16> {
    match field {
        [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] => {
            Some(u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0'))
        }
        _ => None,
    }
}

/// `-` is none. More than `u64` holds is no number.
fn bytes(field: &[u8]) -> Option<u64> {
    match field {
        b"-" => Some(0),
        b"" => None,
        // All ones is what a record says for "could not be read".
        digits => digits
            .iter()
            .try_fold(0u64, |value, digit| {
                let digit = digit.checked_sub(b'0').filter(|digit| *digit <= 9)?;
                value.checked_mul(10)?.checked_add(u64::from(digit))
            })
            .filter(|bytes| *bytes != u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"203.0.113.9 - frank [10/Oct/2000:13:55:36 -0700] "GET /a.gif?b=c HTTP/1.0" 200 2326 "http://a/" "Mozilla/4.08 [en]""#;

    fn request(path: &str, status: u16, bytes: u64) -> Record<'_> {
        Record::Request {
            status,
            bytes,
            path: path.as_bytes(),
        }
    }

    fn malformed(status: Option<u16>, bytes: Option<u64>) -> Record<'static> {
        Record::Malformed { status, bytes }
    }

    #[test]
    fn reads_a_whole_line() {
        for end in ["", "\n", "\r\n"] {
            let line = format!("{WHOLE}{end}");
            assert_eq!(parse(line.as_bytes()), request("/a.gif?b=c", 200, 2326));
        }
    }

    #[test]
    fn reads_the_odd_ones() {
        let line = |request: &str, status: &str, bytes: &str, agent: &str| {
            format!(r#"::1 - - [t] "{request}" {status} {bytes} "-" "{agent}""#)
        };
        for (text, expected) in [
            (line("GET /", "304", "-", "-"), request("/", 304, 0)),
            (line("-", "408", "0", ""), request("-", 408, 0)),
            (line("", "400", "0", ""), request("", 400, 0)),
            (
                line("GET /a b c HTTP/1.1", "200", "1", "-"),
                request("/a", 200, 1),
            ),
            (
                line(r#"GET /\"x\" HTTP/1.1"#, "200", "1", r#"a \"b\" \\"#),
                request(r#"/\"x\""#, 200, 1),
            ),
            (
                line("GET /\u{fc} HTTP/1.1", "200", "1", "\u{2014}"),
                request("/\u{fc}", 200, 1),
            ),
        ] {
            assert_eq!(parse(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn salvages_status_and_bytes() {
        for (text, expected) in [
            (
                r#"::1 - - [t] "GET / HTTP/1.1" 200 235 "-" "Mozilla"#,
                malformed(Some(200), Some(235)),
            ),
            (
                r#"::1 - - [t] "GET / HTTP/1.1" 200 - "#,
                malformed(Some(200), Some(0)),
            ),
            (
                r#"::1 - - [t] "GET /a b HTTP/1.1" 200 235"#,
                malformed(Some(200), Some(235)),
            ),
            (
                r#"::1 - - [t] "GET / HTTP/1.1" 200"#,
                malformed(Some(200), None),
            ),
            (
                r#"::1 - - [t] "GET / HTTP/1.1" 200 x "-" "-""#,
                malformed(Some(200), None),
            ),
            (
                r#"::1 - - [a b] "GET / HTTP/1.1 404 12 "-" "-""#,
                malformed(Some(404), Some(12)),
            ),
            (
                r#"::1 - - [a b] "GET / HTTP/1.1" 20 12 "-" "-""#,
                malformed(None, None),
            ),
            ("", malformed(None, None)),
            ("garbage", malformed(None, None)),
            ("1 2 3 4 5 6 7 8 099 10", malformed(None, None)),
        ] {
            assert_eq!(parse(text.as_bytes()), expected, "{text}");
        }
        let two = format!("{WHOLE}\n{WHOLE}");
        assert_eq!(parse(two.as_bytes()), malformed(Some(200), Some(2326)));
    }

    #[test]
    fn every_cut_of_a_line_is_malformed() {
        for size in 0..WHOLE.len() {
            let record = parse(&WHOLE.as_bytes()[..size]);
            assert!(
                matches!(record, Record::Malformed { .. }),
                "{size}: {record:?}"
            );
        }
    }

    #[test]
    fn numbers_beyond_measure_are_unread() {
        let line = WHOLE.replace("2326", "18446744073709551615");
        assert_eq!(parse(line.as_bytes()), malformed(Some(200), None));
    }
}
