//! Server-sent events, from bytes that arrive in any pieces.
//!
//! Lines end with LF, CR or CRLF and with nothing else. Data stays bytes, so that a character may be
//! cut anywhere, and what is no text is not taken for some.
//!
//! Some servers that fail in the middle of a stream leave its form, and end it with a bare JSON
//! document over several lines. That is read as an event, too.

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// Its type, empty where none is given.
    pub(super) kind: String,
    /// Its data lines, joined by newlines.
    pub(super) data: Vec<u8>,
}

/// Puts events together.
#[derive(Debug, Default)]
pub(super) struct Reader {
    line: Vec<u8>,
    /// Whether the last byte was a CR, so that an LF after it ends no line of its own.
    after_cr: bool,
    begun: bool,
    event: Event,
    has_data: bool,
    /// Whether the event is a bare JSON document.
    bare: bool,
}

impl Reader {
    /// Takes the next bytes, and returns the events that they complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for &byte in bytes {
            let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
            match byte {
                b'\n' if after_cr => {}
                b'\n' | b'\r' => events.extend(self.end_line()),
                other => self.line.push(other),
            }
        }
        events
    }

    /// The event that the end of the stream completes: the last blank line is often left out.
    pub(super) fn finish(mut self) -> Option<Event> {
        let last = self.end_line();
        last.or_else(|| self.take())
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let mut line = line.as_slice();
        if !std::mem::replace(&mut self.begun, true) {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        if line.is_empty() {
            return self.take();
        }
        if self.goes_bare(line[0]) {
            self.add(line);
            return None;
        }
        let document = if self.bare { self.take() } else { None };
        self.field(line);
        document
    }

    /// Whether a line that begins so is one of a bare JSON document: no field begins like that.
    fn goes_bare(&mut self, first: u8) -> bool {
        if self.bare {
            return b"{}[]\" \t".contains(&first);
        }
        self.bare = !self.has_data && b"{[".contains(&first);
        self.bare
    }

    fn add(&mut self, data: &[u8]) {
        if self.has_data {
            self.event.data.push(b'\n');
        }
        self.event.data.extend(data);
        self.has_data = true;
    }

    fn field(&mut self, line: &[u8]) {
        let colon = line.iter().position(|byte| *byte == b':');
        let (field, value) = match colon {
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (line, &b""[..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => self.add(value),
            b"event" => self.event.kind = String::from_utf8_lossy(value).into_owned(),
            // Comments have an empty field; `id` and `retry` are for browsers.
            _ => {}
        }
    }

    fn take(&mut self) -> Option<Event> {
        self.bare = false;
        let event = std::mem::take(&mut self.event);
        std::mem::take(&mut self.has_data).then_some(event)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: &[&[u8]]) -> Vec<Event> {
        let mut reader = Reader::default();
        let mut events: Vec<Event> = pieces.iter().flat_map(|piece| reader.push(piece)).collect();
        events.extend(reader.finish());
        events
    }

    fn data(text: &str) -> Vec<String> {
        let events = read(&[text.as_bytes()]);
        let text = |data| String::from_utf8(data).expect("text");
        events.into_iter().map(|event| text(event.data)).collect()
    }

    #[test]
    fn events_are_told_apart_by_empty_lines_of_every_kind() {
        assert_eq!(
            data("data: a\n\ndata: b\r\n\r\ndata:c\r\rdata: d"),
            ["a", "b", "c", "d"]
        );
        assert_eq!(
            data("\u{feff}data: a\n\n\n\n: ping\n\nid: 1\nretry: 5\n\n"),
            ["a"]
        );
        assert_eq!(data("data: a\ndata:\ndata:  b\n\n"), ["a\n\n b"]);
        assert_eq!(data("data\n\n"), [""]);
        assert_eq!(data("data: a\u{2028}b\u{85}c\n\n"), ["a\u{2028}b\u{85}c"]);
    }

    #[test]
    fn an_event_has_the_type_that_it_names() {
        let events = read(&[b"event: error\ndata: x\n\ndata: y\n\n"]);
        assert_eq!(
            (events[0].kind.as_str(), events[1].kind.as_str()),
            ("error", "")
        );
    }

    #[test]
    fn a_bare_document_is_an_event() {
        let bare = "{\n  \"error\": {\r\n    \"code\": 503\n  }\n}";
        let joined = bare.replace('\r', "");
        assert_eq!(data(&format!("data: a\r\n\r\n{bare}")), ["a", &joined]);
        assert_eq!(
            data(&format!("{bare}\n\n[{{\ndata: b\n\n")),
            [&joined, "[{", "b"]
        );
        assert_eq!(data("data: a\n{\ndata: b\n\n"), ["a\nb"]);
    }

    proptest! {
        #[test]
        fn any_split_of_the_bytes_gives_the_same_events(
            text in "(data: ?[aé漢😀]{0,5}|event: x|: c|[{][}]?|)(\r\n|\n|\r){0,3}(data: [a漢]{0,3}(\r\n|\n|\r)){0,6}",
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(read(&pieces), read(&[bytes]));
        }
    }
}
