use super::*;
use crate::cli::render::fixture;

/// A stream that keeps what it is given, or refuses everything.
#[derive(Clone, Default)]
pub(crate) struct Kept {
    bytes: Arc<Mutex<Vec<u8>>>,
    refuses: Option<io::ErrorKind>,
}

impl Kept {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.bytes.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.lock().unwrap().extend(bytes);
        self.refuses
            .map_or(Ok(bytes.len()), |kind| Err(kind.into()))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A terminal-less [`Ui`] without colours, and what it writes to its two streams.
pub(crate) fn kept(json: bool) -> (Ui, Kept, Kept) {
    let (out, err) = (Kept::default(), Kept::default());
    let streams = [&out, &err].map(|kept| Stream::new(kept.clone(), false));
    let [to_out, to_err] = streams;
    (
        Ui::to(to_out, to_err, fixture::look()).with(json, false, 0),
        out,
        err,
    )
}

fn hints() -> Vec<String> {
    vec!["rgpt init".to_owned(), "rgpt config check".to_owned()]
}

#[test]
fn an_error_says_what_failed_and_what_to_type() {
    let (ui, out, err) = kept(false);
    ui.error(
        "CONFIG_ERROR",
        "no checks found in this\x1b[2J repository",
        &hints(),
    );
    assert_eq!(out.text(), "");
    insta::assert_snapshot!(err.text(), @r"
    error: no checks found in this repository
      hint: rgpt init
      hint: rgpt config check
    ");
}

#[test]
fn an_error_is_a_document_with_json() {
    let (ui, out, err) = kept(true);
    ui.error("CONFIG_ERROR", "no checks found", &hints()[..1]);
    ui.stream_error("IO", "disk full", &[]);
    ui.line("never seen");
    assert_eq!(err.text(), "");
    insta::assert_snapshot!(out.text(), @r#"
    {
      "error": {
        "kind": "CONFIG_ERROR",
        "message": "no checks found",
        "hints": [
          "rgpt init"
        ]
      }
    }
    {"type":"error","error":{"kind":"IO","message":"disk full","hints":[]}}
    "#);
}

#[test]
fn colours_are_taken_out_where_they_are_not_wanted() {
    let (ui, out, _) = kept(false);
    ui.line(&style::paint(style::GOOD, "green"));
    assert_eq!(out.text(), "green\n");
    let colorful = Kept::default();
    let mut stream = Stream::new(colorful.clone(), true);
    stream.write(&style::paint(style::GOOD, "green"));
    assert_eq!(colorful.text(), "\u{1b}[32mgreen\u{1b}[0m\n");
    assert!(colored(ColorChoice::Always, anstream::ColorChoice::Never));
    assert!(!colored(ColorChoice::Never, anstream::ColorChoice::Always));
}

#[test]
fn after_a_closed_pipe_everything_more_is_dropped_quietly() {
    for (kind, lost) in [
        (io::ErrorKind::BrokenPipe, false),
        (io::ErrorKind::StorageFull, true),
    ] {
        let out = Kept {
            refuses: Some(kind),
            ..Kept::default()
        };
        let streams = [out.clone(), Kept::default()].map(|kept| Stream::new(kept, false));
        let [to_out, to_err] = streams;
        let ui = Ui::to(to_out, to_err, fixture::look());
        ui.line("first");
        ui.line("second");
        assert_eq!(out.text(), "first\n");
        assert_eq!(ui.lost().is_some(), lost);
    }
}

#[test]
fn json_hides_nothing_and_stays_the_same_document() {
    let (ui, out, _) = kept(true);
    let document = json!({"message": "a\u{1b}[31m\u{9b}\u{202e}\u{e0041}\n日本"});
    ui.json_line(&document);
    assert_eq!(
        out.text(),
        "{\"message\":\"a\\u001b[31m\\u009b\\u202e\\udb40\\udc41\\n日本\"}\n"
    );
    assert_eq!(
        serde_json::from_str::<Value>(&out.text()).unwrap(),
        document
    );
}

#[test]
fn ascii_is_for_terminals_that_say_they_know_no_more() {
    let ascii = |name: &'static str, value: &'static str| {
        let (ui, _, _) = kept(false);
        ui.suited(|asked| (asked == name).then_some(value))
            .look()
            .ascii
    };
    assert!(ascii("TERM", "dumb"));
    assert!(ascii("LANG", "C"));
    assert!(ascii("LC_ALL", "de_DE.ISO-8859-1"));
    assert!(!ascii("LC_CTYPE", "C.UTF-8"));
    assert!(!ascii("LANG", "en_US.utf8"));
    assert!(!ascii("TERM", "xterm"));
}

#[test]
fn notes_are_clean_and_quiet_leaves_them_out() {
    let (ui, out, err) = kept(false);
    ui.note("the tree is dirty\x1b[2K");
    ui.clone().with(false, true, 0).note("not said");
    assert_eq!(err.text(), "note: the tree is dirty\n");
    assert_eq!(out.text(), "");
}

#[test]
fn the_real_streams_are_asked_for_their_width() {
    let ui = Ui::new(true, ColorChoice::Never, true, 2);
    assert!(ui.is_json() && ui.is_quiet() && ui.verbosity() == 2);
    assert!(WIDTHS.contains(&ui.look().width));
    assert!(!ui.streams.out().colored && !ui.streams.err().colored);
}
