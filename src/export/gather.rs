//! Reading everything that belongs to a run.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{ArtifactFile, Export, Output, Redaction, Tape, exchanges, talk, timeline};
use crate::domain::check::output_label;
use crate::domain::run::CheckState;
use crate::domain::tape::{Answer, Call, TapeEntry};
use crate::domain::{Digest, ExecutionId, Record, Run, RunId, TreeId};
use crate::store::inspect::{Snapshot, snapshot};
use crate::store::{Artifact, Store};
use crate::workspace::own::OwnGit;

impl Export {
    /// Reads a run at one moment, without what is secret.
    ///
    /// # Errors
    /// If there is no such run, or the record cannot be read. What lies beside the record (the
    /// change, files) may be missing; then the export says so.
    pub fn of(store: &Store, run: RunId, redaction: Redaction) -> anyhow::Result<Self> {
        let Snapshot {
            document,
            run,
            records,
            tapes,
            exchanges: heads,
        } = snapshot(store, run)?;
        let files: Vec<ArtifactFile> = document
            .artifacts
            .iter()
            .map(|artifact| found(store, artifact))
            .collect();
        let tree = tree(&run, &tapes);
        let patch = patch(&store.dir().root, &run.created.base_tree, &tree);
        let mut drawn = timeline::timeline(&records);
        for bar in drawn.rows.iter_mut().flat_map(|row| &mut row.bars) {
            bar.title = redaction.text(&bar.title).into_owned();
        }
        let mut document = serde_json::to_value(document)?;
        redaction.value(&mut document);
        Ok(Self {
            document,
            patch: patch.map(|bytes| redaction.bytes(&bytes)),
            timeline: drawn,
            exchanges: exchanges::gathered(heads, &tapes, &redaction),
            tapes: tapes
                .into_iter()
                .map(|(id, entries)| tape(store, &run, id, entries, &redaction))
                .collect::<anyhow::Result<_>>()?,
            outputs: run
                .checks
                .iter()
                .map(|check| output(store, check, &files, &redaction))
                .collect::<anyhow::Result<_>>()?,
            events: records
                .iter()
                .map(|record| event(record, &redaction))
                .collect::<anyhow::Result<_>>()?,
            files,
            log: logs(&store.dir().logs),
            store: store.clone(),
            redaction,
        })
    }
}

/// The file of an artifact, if it is where the record says.
fn found(store: &Store, artifact: &Artifact) -> ArtifactFile {
    let path = artifact.file(&store.dir().artifacts);
    ArtifactFile {
        artifact: artifact.clone(),
        path: path.filter(|path| path.symlink_metadata().is_ok_and(|about| about.is_file())),
    }
}

/// The tree that stands, with what the execution at work has done to it so far.
fn tree(run: &Run, tapes: &[(ExecutionId, Vec<TapeEntry>)]) -> TreeId {
    let at_work = run.running_execution().and_then(|running| {
        let (_, tape) = tapes.iter().find(|(id, _)| *id == running.id)?;
        tape.iter().rev().find_map(|entry| match &entry.answer {
            Some(Answer::Tool(answer)) => answer.tree.clone(),
            _ => None,
        })
    });
    let handed_over = run.done.as_ref().map(|done| done.tree.clone());
    handed_over.or(at_work).unwrap_or_else(|| run.tree.clone())
}

fn patch(state: &Path, base: &TreeId, tree: &TreeId) -> Result<Vec<u8>, String> {
    if base == tree {
        return Ok(Vec::new());
    }
    let own = OwnGit::existing(state).map_err(|error| error.to_string())?;
    let own = own.ok_or("rgpt's own git directory is gone")?;
    own.patch(base, tree).map_err(|error| error.to_string())
}

fn tape(
    store: &Store,
    run: &Run,
    execution: ExecutionId,
    entries: Vec<TapeEntry>,
    redaction: &Redaction,
) -> anyhow::Result<Tape> {
    let brief = run.execution(execution).map(|execution| &execution.brief);
    let mut brief = blob(store, brief)?;
    redaction.value(&mut brief);
    let entries = if redaction.is_empty() {
        entries
    } else {
        let mut value = serde_json::to_value(&entries)?;
        redaction.value(&mut value);
        serde_json::from_value(value)?
    };
    let mut requests: Vec<Digest> = Vec::new();
    for entry in &entries {
        if let Call::Model(call) = &entry.call
            && requests.last() != Some(&call.request)
        {
            requests.push(call.request.clone());
        }
    }
    let mut first = blob(store, requests.first())?;
    redaction.value(&mut first);
    let first = serde_json::from_value(first).ok();
    Ok(Tape {
        execution,
        brief,
        turns: talk::turns(first.as_ref(), &entries),
        system: first.map(|request| request.system).unwrap_or_default(),
        entries,
        requests,
    })
}

/// A text of the record that is JSON; null if it is gone.
fn blob(store: &Store, hash: Option<&Digest>) -> anyhow::Result<Value> {
    let text = match hash {
        Some(hash) => store.blob(hash)?,
        None => None,
    };
    Ok(text
        .and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or_default())
}

fn output(
    store: &Store,
    check: &CheckState,
    files: &[ArtifactFile],
    redaction: &Redaction,
) -> anyhow::Result<Output> {
    let result = &check.result;
    let name = output_label(check.execution, &result.name, result.scope);
    let longer = match &result.full_output {
        Some(hash) => store.blob(hash)?,
        None => None,
    };
    let text = match &longer {
        Some(text) => String::from_utf8_lossy(text),
        None => result.output.as_str().into(),
    };
    let whole = ["stdout", "stderr"].map(|stream| format!("{name}.{stream}"));
    Ok(Output {
        text: redaction.text(&text).into_owned(),
        whole: files
            .iter()
            .filter(|file| whole.contains(&file.artifact.name))
            .cloned()
            .collect(),
        name,
    })
}

fn event(record: &Record, redaction: &Redaction) -> anyhow::Result<Value> {
    let mut event = json!({
        "seq": record.seq,
        "type": record.event.kind(),
        "at": record.at,
        "text": crate::domain::text::sentence(&record.event),
        "payload": record.event.payload()?,
    });
    redaction.value(&mut event);
    Ok(event)
}

/// The log files, the oldest first.
fn logs(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = folder.read_dir() else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let about = entry.metadata().ok().filter(|about| about.is_file())?;
            Some((about.modified().ok()?, entry.path()))
        })
        .collect();
    files.sort();
    files.into_iter().map(|(_, path)| path).collect()
}
