//! Python environments that import from somebody's working tree: what `pip install --editable` and
//! its relatives leave behind.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

/// More than any such file holds.
const LONGEST: u64 = 1024 * 1024;

/// Where in `tree` the file has Python import from, if it is one that does.
pub(super) fn imports_from(file: &Path, tree: &Path) -> Option<String> {
    let name = file.file_name()?.to_str()?;
    let named: fn(&str) -> Vec<String> = if name.ends_with(".pth") || name.ends_with(".egg-link") {
        lines_and_strings
    } else if name.starts_with("__editable__") && name.ends_with(".py") {
        strings
    } else if name == "direct_url.json" {
        editable_source
    } else {
        return None;
    };
    let mut text = Vec::new();
    let opened = File::open(file).ok()?;
    opened.take(LONGEST).read_to_end(&mut text).ok()?;
    named(&String::from_utf8_lossy(&text))
        .into_iter()
        .find(|path| is_within(Path::new(path), tree))
}

/// Whether a full path leads into `tree`, as it is written or as it is meant. A relative one does
/// not: from a copy it leads into the copy.
fn is_within(path: &Path, tree: &Path) -> bool {
    path.is_absolute()
        && (path.starts_with(tree)
            || path
                .canonicalize()
                .is_ok_and(|meant| meant.starts_with(tree)))
}

/// A line is a path, or code.
fn lines_and_strings(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.trim().to_owned());
    lines.chain(strings(text)).collect()
}

/// What stands between quotes. Pieces between two strings are taken along; they are no full paths.
fn strings(text: &str) -> Vec<String> {
    text.lines()
        .flat_map(|line| line.split(['\'', '"']))
        .map(|piece| piece.replace("\\\\", "\\"))
        .collect()
}

/// The place that an installed package says it is an editable form of.
fn editable_source(text: &str) -> Vec<String> {
    let about: Value = serde_json::from_str(text).unwrap_or_default();
    let url = about["url"]
        .as_str()
        .and_then(|url| url.strip_prefix("file://"));
    match (about["dir_info"]["editable"].as_bool(), url) {
        (Some(true), Some(path)) => vec![unescaped(path)],
        _ => Vec::new(),
    }
}

/// `%20` as a space.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after
            .get(..2)
            .and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
