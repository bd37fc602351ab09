//! One layer of configuration: some settings, and where they come from.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::{MOST_PROBLEMS, Place, Problem};
use super::key_path::{KeyPath, Segment};
use super::schema;
use super::yaml::{self, Spot};

/// The layers, from the weakest to the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LayerKind {
    /// Built in.
    Default,
    /// What the catalogue of models knows of those that are configured, or chooses where none are.
    Catalogue,
    /// `$XDG_CONFIG_HOME/rgpt/config.yaml`.
    User,
    /// `orchestrator.yaml`, or the file named with `--config`.
    Repository,
    /// `orchestrator.local.yaml`.
    Local,
    /// Variables such as `RGPT_EXECUTION__MAX_RETRIES`.
    Environment,
    /// The command line.
    Flag,
}

impl LayerKind {
    /// The name in records and for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Catalogue => "catalogue",
            Self::User => "user",
            Self::Repository => "repository",
            Self::Local => "local",
            Self::Environment => "environment",
            Self::Flag => "flag",
        }
    }
}

/// How far a file is trusted, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileTrust {
    /// The user's own file, outside every repository.
    Own,
    /// Named with `--config`.
    Named,
    /// Not tracked by git, so no one else put it there.
    Untracked,
    /// Tracked by git, but this content was accepted with `rgpt config trust`.
    Accepted,
    /// Tracked by git: it may not set everything.
    Untrusted,
}

/// Some settings and where they come from.
pub(super) struct Layer {
    pub(super) kind: LayerKind,
    pub(super) source: Source,
    pub(super) value: Value,
}

/// Where a layer's settings stand.
pub(super) enum Source {
    Defaults,
    Catalogue,
    File {
        path: PathBuf,
        text: String,
        trust: FileTrust,
    },
    Variable(String),
    Flag,
}

impl Layer {
    /// Where the setting at `path`, or what holds it, stands in this layer.
    pub(super) fn place(&self, path: &KeyPath, spot: Spot) -> Option<Place> {
        match &self.source {
            Source::Defaults | Source::Catalogue => None,
            Source::Variable(name) => Some(Place::Variable(name.clone())),
            Source::Flag => Some(Place::CommandLine),
            Source::File {
                path: file, text, ..
            } => {
                let mut nearest = Some((path.clone(), spot));
                let mut position = None;
                while let Some((path, spot)) = nearest
                    && position.is_none()
                {
                    position = yaml::locate(text, &path, spot);
                    nearest = path.parent().map(|holder| (holder, Spot::Key));
                }
                Some(Place::File {
                    path: file.clone(),
                    position,
                })
            }
        }
    }

    /// What in this layer is not as the schema wants it.
    pub(super) fn problems(&self) -> Vec<Problem> {
        schema::ROOT
            .mismatches(&self.value, &KeyPath::default())
            .into_iter()
            .take(MOST_PROBLEMS)
            .map(|mismatch| {
                let place = self.place(&mismatch.path, mismatch.spot);
                Problem::new(place, &mismatch.path, mismatch.what)
            })
            .collect()
    }
}

/// The settings in which only that at `path` is set. The path is of keys only.
pub(super) fn nested(path: &KeyPath, value: Value) -> Value {
    path.0
        .iter()
        .rev()
        .fold(value, |inner, segment| match segment {
            Segment::Key(key) => Value::Object(Map::from_iter([(key.clone(), inner)])),
            Segment::Item(_) => Value::Array(vec![inner]),
        })
}
