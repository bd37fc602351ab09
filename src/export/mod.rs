//! A run as a document to take away: Markdown, JSON, one HTML page, an archive of everything.
//!
//! Start at [`Export::of`], which reads a run at one moment, whether or not it is at work. The
//! formats are functions of it; [`summary`] is the short Markdown that every finished run leaves.
//! What comes from models, repositories and commands is cleaned, escaped and cut where it is shown
//! ([`html`] has one door for it), and stands as it is where programs read it.

mod archive;
mod bounds;
mod exchanges;
mod gather;
mod html;
mod json;
mod markdown;
mod patch;
mod redact;
mod talk;
mod timeline;
pub mod words;

use std::path::PathBuf;

use serde_json::Value;

pub use archive::archive;
pub use html::html;
pub use json::json;
pub use markdown::{markdown, summary};
pub use redact::Redaction;

use crate::domain::tape::TapeEntry;
use crate::domain::{Digest, ExecutionId};
use crate::store::inspect::Doc;
use crate::store::{Artifact, ExchangeHead, Store};
use talk::Turn;
use timeline::Timeline;

/// The version of the JSON document; a new one where an old reader would be misled.
pub const FORMAT_VERSION: u32 = 1;

/// A run as it stood at one moment, with everything that belongs to it.
pub struct Export {
    store: Store,
    redaction: Redaction,
    /// The document of `inspect --json`.
    document: Value,
    /// The change from the base to the tree that stands, or why it cannot be had.
    patch: Result<Vec<u8>, String>,
    timeline: Timeline,
    tapes: Vec<Tape>,
    exchanges: Vec<Wire>,
    outputs: Vec<Output>,
    /// Every event with its whole payload.
    events: Vec<Value>,
    files: Vec<ArtifactFile>,
    /// The log's lines about the run.
    log: Vec<PathBuf>,
}

/// What an execution was given, and what it did.
struct Tape {
    execution: ExecutionId,
    brief: Value,
    system: String,
    entries: Vec<TapeEntry>,
    turns: Vec<Turn>,
    /// The requests to models, whole; the same text is kept once.
    requests: Vec<Digest>,
}

/// What went over the wire for a model call; its bytes are read when they are written.
struct Wire {
    head: ExchangeHead,
    /// The request that it was sent for, in the canonical form.
    request: Option<Digest>,
}

/// What a check printed.
struct Output {
    name: String,
    /// The end of it, as the record holds it.
    text: String,
    /// The files with the whole of it, where that is more.
    whole: Vec<ArtifactFile>,
}

/// A file of a run, and where it is, if it is.
#[derive(Clone)]
struct ArtifactFile {
    artifact: Artifact,
    path: Option<PathBuf>,
}

impl Export {
    fn doc(&self) -> Doc<'_> {
        Doc(&self.document)
    }

    /// The patch as text: bytes that are no text are replaced.
    fn patch_text(&self) -> Result<String, &str> {
        match &self.patch {
            Ok(bytes) => Ok(String::from_utf8_lossy(bytes).into_owned()),
            Err(why) => Err(why),
        }
    }
}
