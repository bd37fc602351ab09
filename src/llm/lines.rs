//! JSON lines, from bytes that arrive in any pieces.

use super::sse::Event;

/// The media type.
pub(super) const MEDIA_TYPE: &str = "application/x-ndjson";

/// Puts lines together. Data stays bytes, so that a character may be cut anywhere.
#[derive(Debug, Default)]
pub(super) struct Reader {
    line: Vec<u8>,
}

impl Reader {
    /// Takes the next bytes, and returns the lines that they complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend(piece);
            if piece.ends_with(b"\n") {
                events.extend(self.take());
            }
        }
        events
    }

    /// The line that the end of the stream completes.
    pub(super) fn finish(mut self) -> Option<Event> {
        self.take()
    }

    fn take(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let data = line.trim_ascii();
        (!data.is_empty()).then(|| Event {
            kind: String::new(),
            data: data.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_wherever_the_bytes_are_cut() {
        let bytes = "{\"a\": \"\u{fc}\u{2028}\"}\r\n\n{\"b\": 1}".as_bytes();
        for cut in 0..=bytes.len() {
            let mut reader = Reader::default();
            let mut events = reader.push(&bytes[..cut]);
            events.extend(reader.push(&bytes[cut..]));
            events.extend(reader.finish());
            let data: Vec<_> = events.iter().map(|event| event.data.as_slice()).collect();
            assert_eq!(
                data,
                [bytes[..bytes.len() - 11].trim_ascii(), b"{\"b\": 1}"]
            );
        }
    }
}
