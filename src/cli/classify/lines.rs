//! Cases, one a line, each answered as it is read.

use std::io::{self, BufRead};

use serde_json::{Value, json};

use crate::diagnose::{Case, Unreadable, diagnose};
use crate::heal::classify::Scorer;

use super::super::ui::Ui;
use super::super::{Outcome, exit};

/// The most bytes of one case.
const MOST_CASE: usize = 64 * 1024 * 1024;

/// A line of the input.
enum Line {
    Read(Vec<u8>),
    /// It is longer than a case may be, and was passed over.
    TooLong,
}

/// Answers each line; one that is no case is answered with an error, and the next is read.
pub(super) fn answer(mut cases: impl BufRead, scorer: &Scorer, ui: &Ui) -> Outcome {
    let (mut failed, mut unreadable) = (false, false);
    while let Some(line) = next(&mut cases)? {
        let case = match line {
            Line::Read(line) if line.iter().all(u8::is_ascii_whitespace) => continue,
            Line::Read(line) => Case::read(&line),
            Line::TooLong => Err(Unreadable {
                id: Value::Null,
                why: format!("the line is longer than {} MiB", MOST_CASE / (1024 * 1024)),
            }),
        };
        match case {
            Ok(case) => {
                let answer = diagnose(&case, scorer);
                failed |= answer.diagnosis.error_type.is_some();
                ui.json_line(&answer.document());
            }
            Err(Unreadable { id, why }) => {
                unreadable = true;
                let error = json!({"kind": "USAGE", "message": why, "hints": ["give one JSON object a line, as in {\"id\": 1, \"exit_code\": 1, \"stderr\": \"…\"}"]});
                ui.json_line(&json!({"id": id, "error": error}));
            }
        }
        if ui.is_closed() {
            break;
        }
    }
    Ok(match (unreadable, failed) {
        (true, _) => exit::COULD_NOT,
        (false, true) => exit::NOT_REACHED,
        (false, false) => exit::REACHED,
    })
}

/// The next line, without its end; `None` if there is no more.
fn next(cases: &mut impl BufRead) -> io::Result<Option<Line>> {
    let mut line = Vec::new();
    let mut dropped = false;
    loop {
        let piece = cases.fill_buf()?;
        if piece.is_empty() {
            let any = dropped || !line.is_empty();
            return Ok(any.then_some(if dropped {
                Line::TooLong
            } else {
                Line::Read(line)
            }));
        }
        let end = piece.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(piece.len());
        if dropped || line.len() + taken > MOST_CASE {
            dropped = true;
            line = Vec::new();
        } else {
            line.extend_from_slice(&piece[..taken]);
        }
        let used = taken + usize::from(end.is_some());
        cases.consume(used);
        if end.is_some() {
            return Ok(Some(if dropped {
                Line::TooLong
            } else {
                Line::Read(line)
            }));
        }
    }
}
