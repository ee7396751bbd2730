//! What a parser sends to an aggregator, one message for each line.

/// What one line of the log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record<'a> {
    /// A whole line.
    Request {
        status: u16,
        bytes: u64,
        path: &'a [u8],
    },
    /// A line that is not whole, and what could be read of it all the same.
    Malformed {
        status: Option<u16>,
        bytes: Option<u64>,
    },
}

/// No status that a log can hold: three digits end at 999.
const NO_STATUS: u16 = u16::MAX;
const NO_BYTES: u64 = u64::MAX;

/// Tag, status and bytes.
const HEADER_SIZE: usize = 11;

impl<'a> Record<'a> {
    /// The tag of a whole line.
    const REQUEST: u8 = 1;
    /// The tag of a line that is not whole.
    const MALFORMED: u8 = 2;

    /// ```text
    /// ┌─────┬────────┬───────┬────────┐
    /// │ tag │ status │ bytes │ path … │   integers little-endian;
    /// │  1  │   2    │   8   │        │   all ones: could not be read
    /// └─────┴────────┴───────┴────────┘
    /// ```
    pub fn encode(&self) -> Vec<u8> {
        let (tag, status, bytes, path): (u8, u16, u64, &[u8]) = match *self {
            Record::Request {
                status,
                bytes,
                path,
            } => (Self::REQUEST, status, bytes, path),
            Record::Malformed { status, bytes } => (
                Self::MALFORMED,
                status.unwrap_or(NO_STATUS),
                bytes.unwrap_or(NO_BYTES),
                &[],
            ),
        };
        let mut encoded = Vec::with_capacity(HEADER_SIZE + path.len());
        encoded.push(tag);
        encoded.extend_from_slice(&status.to_le_bytes());
        encoded.extend_from_slice(&bytes.to_le_bytes());
        encoded.extend_from_slice(path);
        encoded
    }

    /// `None`: the payload is no record.
    pub fn decode(payload: &'a [u8]) -> Option<Record<'a>> {
        let (header, path) = payload.split_first_chunk::<HEADER_SIZE>()?;
        let [tag, s0, s1, bytes @ ..] = *header;
        let status = u16::from_le_bytes([s0, s1]);
        let bytes = u64::from_le_bytes(bytes);
        match tag {
            Self::REQUEST if status != NO_STATUS && bytes != NO_BYTES => Some(Record::Request {
                status,
                bytes,
                path,
            }),
            Self::MALFORMED if path.is_empty() => Some(Record::Malformed {
                status: Some(status).filter(|status| *status != NO_STATUS),
                bytes: Some(bytes).filter(|bytes| *bytes != NO_BYTES),
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_a_round_trip() {
        for record in [
            Record::Request {
                status: 200,
                bytes: 0,
                path: b"/",
            },
            Record::Request {
                status: 999,
                bytes: 1 << 40,
                path: b"",
            },
            Record::Malformed {
                status: None,
                bytes: None,
            },
            Record::Malformed {
                status: Some(404),
                bytes: None,
            },
            Record::Malformed {
                status: Some(404),
                bytes: Some(12),
            },
        ] {
            assert_eq!(Record::decode(&record.encode()), Some(record));
        }
    }

    #[test]
    fn text_is_no_record() {
        for text in ["", "totals", "totals and more", "lines 5\nmalformed 0\n"] {
            assert_eq!(Record::decode(text.as_bytes()), None);
        }
    }

    #[test]
    fn a_cut_record_is_none() {
        let encoded = Record::Request {
            status: 200,
            bytes: 5,
            path: b"",
        }
        .encode();
        for size in 0..encoded.len() {
            assert_eq!(Record::decode(&encoded[..size]), None);
        }
    }
}
