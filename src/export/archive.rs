//! Everything about a run in one archive.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek, Write};
use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::{Export, html, json, markdown};

/// The longest name of a file within, in bytes.
const NAME: usize = 120;

/// Writes the archive. The same record gives the same bytes: files stand in a fixed order and bear
/// the time of the run's last event. Files of the run are copied piece by piece; one that is
/// missing is named in the README.
///
/// # Errors
/// If a file of the run cannot be read though it is there, or the archive cannot be written.
pub fn archive<W: Write + Seek>(export: &Export, to: W) -> anyhow::Result<W> {
    let mut bundle = Bundle::new(export, to);
    bundle.begin("report.html", "the report as one page, for a browser")?;
    bundle.zip.write_all(html(export).as_bytes())?;
    bundle.begin("report.md", "the same in Markdown, for reading as it is")?;
    bundle.zip.write_all(markdown(export).as_bytes())?;
    bundle.begin("run.json", "the whole record as one document")?;
    json(export, &mut bundle.zip)?;
    match &export.patch {
        Ok(patch) => {
            bundle.begin("patch.diff", "the change, as `git apply` takes it")?;
            bundle.zip.write_all(patch)?;
        }
        Err(why) => bundle.missing.push(format!("patch.diff: {why}")),
    }
    bundle.begin("events.ndjson", "every event, one a line")?;
    for event in &export.events {
        serde_json::to_writer(&mut bundle.zip, event)?;
        bundle.zip.write_all(b"\n")?;
    }
    tapes(&mut bundle)?;
    exchanges(&mut bundle)?;
    outputs(&mut bundle)?;
    artifacts(&mut bundle)?;
    log(&mut bundle)?;
    bundle.finish()
}

struct Bundle<'e, W: Write + Seek> {
    export: &'e Export,
    zip: ZipWriter<W>,
    options: SimpleFileOptions,
    names: BTreeSet<String>,
    contents: Vec<(String, String)>,
    missing: Vec<String>,
}

impl<'e, W: Write + Seek> Bundle<'e, W> {
    fn new(export: &'e Export, to: W) -> Self {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(last_change(export))
            .unix_permissions(0o644);
        Self {
            export,
            zip: ZipWriter::new(to),
            options,
            names: BTreeSet::new(),
            contents: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// Begins a file. What is written from now on is in it.
    fn begin(&mut self, name: &str, about: &str) -> anyhow::Result<()> {
        let name = self.free(name);
        self.zip.start_file(name.as_str(), self.options)?;
        self.contents.push((name, about.to_owned()));
        Ok(())
    }

    /// The name, with a number at its end if it is taken; names that differ only in case are the
    /// same on some machines.
    fn free(&mut self, name: &str) -> String {
        let mut free = name.to_owned();
        let mut number = 1;
        while !self.names.insert(free.to_lowercase()) {
            number += 1;
            free = format!("{name}-{number}");
        }
        free
    }

    /// Copies a file of the run, without secrets.
    fn copy(&mut self, path: &Path) -> anyhow::Result<()> {
        let cannot = || format!("cannot read {}", path.display());
        let mut file = File::open(path).with_context(cannot)?;
        let redaction = &self.export.redaction;
        redaction
            .copy(&mut file, &mut self.zip)
            .with_context(cannot)?;
        Ok(())
    }

    fn finish(mut self) -> anyhow::Result<W> {
        let run = self.export.doc().at("run");
        let mut text = format!(
            "# rgpt run {}\n\nEverything on the record about this run, as of event {}. Made by rgpt {}.\n\n",
            run.word("id"),
            self.export.events.len(),
            env!("CARGO_PKG_VERSION")
        );
        for (name, about) in &self.contents {
            let _ = writeln!(text, "- `{name}`: {about}");
        }
        if !self.missing.is_empty() {
            text.push_str("\nMissing:\n\n");
        }
        for what in &self.missing {
            let _ = writeln!(text, "- {}", crate::domain::clean::line(what));
        }
        self.zip.start_file("README.md", self.options)?;
        self.zip.write_all(text.as_bytes())?;
        Ok(self.zip.finish()?)
    }
}

/// The time of the last event, as archives keep it; none if it is none of theirs.
fn last_change(export: &Export) -> DateTime {
    let at = export.doc().at("run").time("updated_at");
    let at = at.map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).datetime());
    at.and_then(|at| {
        DateTime::from_date_and_time(
            u16::try_from(at.year()).ok()?,
            u8::try_from(at.month()).ok()?,
            u8::try_from(at.day()).ok()?,
            u8::try_from(at.hour()).ok()?,
            u8::try_from(at.minute()).ok()?,
            u8::try_from(at.second()).ok()?,
        )
        .ok()
    })
    .unwrap_or_default()
}

fn tapes<W: Write + Seek>(bundle: &mut Bundle<'_, W>) -> anyhow::Result<()> {
    let export = bundle.export;
    let mut known = BTreeSet::new();
    for tape in &export.tapes {
        let name = format!("tapes/{}.json", tape.execution);
        bundle.begin(
            &name,
            "an execution: what it was given, and its calls and answers",
        )?;
        serde_json::to_writer_pretty(&mut bundle.zip, &json::tape(tape))?;
        for hash in &tape.requests {
            if !known.insert(hash) {
                continue;
            }
            let Some(text) = export.store.blob(hash)? else {
                bundle.missing.push(format!("the request {hash}"));
                continue;
            };
            let name = format!("requests/{}.json", safe(hash.as_str()));
            bundle.begin(&name, "a request to a model, as the tapes name it")?;
            bundle.zip.write_all(&export.redaction.bytes(&text))?;
        }
    }
    Ok(())
}

fn exchanges<W: Write + Seek>(bundle: &mut Bundle<'_, W>) -> anyhow::Result<()> {
    let export = bundle.export;
    for wire in &export.exchanges {
        let name = wire.name();
        let Some(received) = export.store.received(wire.head.place, wire.head.number)? else {
            bundle.missing.push(name);
            continue;
        };
        bundle.begin(
            &name,
            "what a model's server answered, byte by byte, keys taken out",
        )?;
        wire.write(&export.redaction.bytes(&received), &mut bundle.zip)?;
    }
    Ok(())
}

fn outputs<W: Write + Seek>(bundle: &mut Bundle<'_, W>) -> anyhow::Result<()> {
    for output in &bundle.export.outputs {
        let name = format!("outputs/{}.txt", safe(&output.name));
        bundle.begin(
            &name,
            "what a check printed, its beginning and end if that is much",
        )?;
        bundle.zip.write_all(output.text.as_bytes())?;
    }
    Ok(())
}

fn artifacts<W: Write + Seek>(bundle: &mut Bundle<'_, W>) -> anyhow::Result<()> {
    for file in &bundle.export.files {
        let artifact = &file.artifact;
        let Some(path) = &file.path else {
            bundle
                .missing
                .push(format!("the file of the artifact {}", artifact.name));
            continue;
        };
        let about = format!("a file of the run ({})", safe(&artifact.kind));
        bundle.begin(&format!("artifacts/{}", safe(&artifact.name)), &about)?;
        bundle.copy(path)?;
    }
    Ok(())
}

/// The lines of the log that are about the run.
fn log<W: Write + Seek>(bundle: &mut Bundle<'_, W>) -> anyhow::Result<()> {
    let export = bundle.export;
    let run = export.doc().at("run").number("id");
    let mut begun = false;
    for path in &export.log {
        let Ok(file) = File::open(path) else { continue };
        for line in BufReader::new(file).split(b'\n') {
            let line = line.with_context(|| format!("cannot read {}", path.display()))?;
            if !is_about(&line, run) {
                continue;
            }
            if !begun {
                bundle.begin("log.ndjson", "what the log says of the run")?;
                begun = true;
            }
            bundle.zip.write_all(&export.redaction.bytes(&line))?;
            bundle.zip.write_all(b"\n")?;
        }
    }
    Ok(())
}

/// Whether a line of the log is about the run: it says so, or what it was written within does.
fn is_about(line: &[u8], run: Option<u64>) -> bool {
    let Ok(line) = serde_json::from_slice::<Value>(line) else {
        return false;
    };
    let says = |value: &Value| run.is_some() && value["run"].as_u64() == run;
    let within = line["spans"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    says(&line) || says(&line["span"]) || within.iter().any(says)
}

/// A name that is a plain file's on every machine: no folder, nothing hidden, nothing strange.
pub(super) fn safe(name: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') {
            c
        } else {
            '_'
        }
    };
    let mut safe: String = name.chars().map(plain).take(NAME).collect();
    if safe.starts_with(['.', '-']) || safe.is_empty() {
        safe.insert(0, '_');
    }
    if safe.ends_with('.') {
        safe.push('_');
    }
    safe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_plain() {
        for (name, expected) in [
            ("exec-1-test-final.stdout", "exec-1-test-final.stdout"),
            ("../../etc/passwd", "_.._.._etc_passwd"),
            ("/etc/passwd", "_etc_passwd"),
            ("a\\b:c\0\u{202e}", "a_b_c__"),
            ("", "_"),
            ("..", "_.._"),
        ] {
            assert_eq!(safe(name), expected);
        }
    }

    #[test]
    fn lines_of_the_log_are_told_apart() {
        for line in [
            r#"{"run":3,"event":"x"}"#,
            r#"{"span":{"run":3}}"#,
            r#"{"spans":[{"a":1},{"run":3}]}"#,
        ] {
            assert!(is_about(line.as_bytes(), Some(3)), "{line}");
            assert!(!is_about(line.as_bytes(), Some(4)), "{line}");
        }
        assert!(!is_about(b"run 3 is done", Some(3)));
    }

    proptest! {
        #[test]
        fn no_name_leads_anywhere(name in any::<String>()) {
            let safe = safe(&name);
            prop_assert!(!safe.contains(['/', '\\', ':']) && !safe.starts_with('.') && !safe.is_empty());
        }
    }
}
