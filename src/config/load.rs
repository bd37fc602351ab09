//! From files, variables and flags to one checked [`Config`].

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::catalogue;
use super::environment::Environment;
use super::error::{ConfigError, MOST_PROBLEMS, Place, Problem};
use super::files;
use super::key_path::KeyPath;
use super::layer::{FileTrust, Layer, LayerKind, Source, nested};
use super::merge::Merged;
use super::settings::{CheckConfig, Config};
use super::units::duration_text;
use super::yaml::Spot;
use super::{rules, schema, untrusted, variables};
use crate::domain::Digest;
use crate::domain::finding::Category;

/// What a configuration is to be loaded from.
pub struct LoadRequest<'a> {
    /// The folder in which the search for `orchestrator.yaml` begins; absolute.
    pub start: PathBuf,
    /// The folder above which the search does not go: the root of the git repository.
    pub top: Option<PathBuf>,
    /// The file named with `--config`, in place of the one that would be found.
    pub explicit: Option<PathBuf>,
    /// The environment variables.
    pub environment: &'a Environment,
    /// Settings from the command line: dotted path and value.
    pub flags: Vec<(String, Value)>,
    /// Whether git tracks a file.
    pub tracked: &'a dyn Fn(&Path) -> bool,
    /// Whether a tracked file with this content was accepted.
    pub trusted: &'a dyn Fn(&Digest) -> bool,
}

/// The configuration, and where it comes from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What is in force.
    pub config: Config,
    /// Where each setting comes from, by its dotted path. Settings that have no value and that no
    /// one cleared are not there.
    pub origins: BTreeMap<String, Origin>,
    /// The files that were read, from the weakest layer to the strongest.
    pub files: Vec<LoadedFile>,
    /// What works, but not as one may think: a line each.
    pub warnings: Vec<String>,
    /// Where no models are configured: the variables with the keys, or the servers, for which models
    /// were chosen from the catalogue.
    pub chosen_for: Vec<String>,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LoadedFile {
    /// The file.
    pub path: PathBuf,
    /// Its layer.
    pub layer: LayerKind,
    /// How far it is trusted.
    pub trust: FileTrust,
}

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The layer.
    pub layer: LayerKind,
    /// The file, for a layer that is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// The line in the file, counted from 1, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The environment variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
}

/// Finds, reads, checks and merges all layers.
///
/// # Errors
///
/// All problems of the first stage that has any: reading, then the shape of each layer, then
/// trust, then what must hold between the settings.
pub fn load(request: &LoadRequest<'_>) -> Result<Loaded, ConfigError> {
    let mut layers = layers(request)?;
    let mut merged = merge(&layers)?;
    let (value, chosen_for) = catalogue::layer(merged.value(), request.environment);
    merged.lay(layers.len(), value.clone());
    layers.push(Layer {
        kind: LayerKind::Catalogue,
        source: Source::Catalogue,
        value,
    });
    let config = settle(&layers, &merged)?;
    let origins = origins(&layers, &merged, &config)?;
    Ok(Loaded {
        origins,
        files: layers.iter().filter_map(loaded_file).collect(),
        warnings: rules::warnings(&config),
        chosen_for,
        config,
    })
}

fn layers(request: &LoadRequest<'_>) -> Result<Vec<Layer>, ConfigError> {
    let mut layers = vec![defaults()?];
    let mut problems = Vec::new();
    for read in files::read_all(request)
        .into_iter()
        .chain(variables::layers(request.environment))
    {
        match read {
            Ok(layer) => layers.push(layer),
            Err(problem) => problems.push(problem),
        }
    }
    layers.extend(request.flags.iter().map(|(path, value)| Layer {
        kind: LayerKind::Flag,
        source: Source::Flag,
        value: nested(&KeyPath::of(path.split('.')), value.clone()),
    }));
    for layer in &mut layers {
        if matches!(layer.source, Source::Variable(_) | Source::Flag) {
            files::resolve_scripts(&mut layer.value, &request.start);
        }
        problems.extend(layer.problems());
    }
    ConfigError::none_of(problems)?;
    Ok(layers)
}

fn defaults() -> Result<Layer, ConfigError> {
    Ok(Layer {
        kind: LayerKind::Default,
        source: Source::Defaults,
        value: serde_json::to_value(Config::default()).map_err(|error| unreadable(&error))?,
    })
}

fn merge(layers: &[Layer]) -> Result<Merged, ConfigError> {
    let mut merged = Merged::new();
    let mut problems = Vec::new();
    for (number, layer) in layers.iter().enumerate() {
        let mut value = layer.value.clone();
        if let Source::File {
            path,
            trust: FileTrust::Untrusted,
            ..
        } = &layer.source
        {
            let below = untrusted::in_force(merged.without_cleared(), &layers[0].value);
            let violations = untrusted::violations(&value, &below);
            problems.extend(
                violations
                    .into_iter()
                    .take(MOST_PROBLEMS)
                    .map(|(key, what)| Problem {
                        hints: vec![way_out(layer.kind, path)],
                        ..Problem::new(layer.place(&key, Spot::Key), &key, what)
                    }),
            );
            value = untrusted::adding_protected(value, &below);
        }
        merged.lay(number, value);
    }
    ConfigError::none_of(problems)?;
    Ok(merged)
}

/// What to do about a file that sets what an untrusted one may not.
fn way_out(kind: LayerKind, path: &Path) -> String {
    let accept = "accept this content of the file with `rgpt config trust`";
    if kind == LayerKind::Local {
        // Named with `--config`, it would take the place of `orchestrator.yaml`.
        return format!("{accept}, or keep the file out of git");
    }
    format!("{accept}, or name it with `--config {}`", path.display())
}

/// Fills in what depends on other settings, and checks the whole.
fn settle(layers: &[Layer], merged: &Merged) -> Result<Config, ConfigError> {
    let mut value = merged.without_cleared();
    let missing = schema::ROOT.missing(&value, &KeyPath::default());
    let problems = missing.into_iter().take(MOST_PROBLEMS).map(|path| {
        let holder = path.parent().unwrap_or_default();
        Problem::new(place(layers, merged, &holder, Spot::Key), &path, "missing")
    });
    ConfigError::none_of(problems.collect())?;
    fill_checks(&mut value);
    let config: Config = serde_json::from_value(value).map_err(|error| unreadable(&error))?;
    let faults = rules::faults(&config).into_iter().take(MOST_PROBLEMS);
    let problems = faults
        .map(|(path, what)| Problem::new(place(layers, merged, &path, Spot::Value), &path, what));
    ConfigError::none_of(problems.collect())?;
    Ok(config)
}

/// Where the setting at `path` stands; for one that is not there, where what should hold it does.
fn place(layers: &[Layer], merged: &Merged, path: &KeyPath, spot: Spot) -> Option<Place> {
    match merged.layer_of(path) {
        Some(number) => layers.get(number)?.place(path, spot),
        None => place(layers, merged, &path.parent()?, Spot::Key),
    }
}

/// A check's kind follows from its name, and its time limit from its kind.
fn fill_checks(value: &mut Value) {
    let checks = value.get_mut("checks").and_then(Value::as_object_mut);
    for (name, check) in checks.into_iter().flatten() {
        let Some(check) = check.as_object_mut() else {
            continue;
        };
        let kind = check
            .get("kind")
            .and_then(|kind| serde_json::from_value::<Category>(kind.clone()).ok())
            .unwrap_or_else(|| CheckConfig::kind_by_name(name));
        check.insert("kind".to_owned(), kind.as_str().into());
        check
            .entry("timeout")
            .or_insert_with(|| duration_text(CheckConfig::timeout_by_kind(kind)).into());
    }
}

/// The schema and the settings disagree; a test sees to it that they do not.
fn unreadable(error: &serde_json::Error) -> ConfigError {
    Problem::new(None, &KeyPath::default(), error.to_string()).into()
}

fn loaded_file(layer: &Layer) -> Option<LoadedFile> {
    match &layer.source {
        Source::File { path, trust, .. } => Some(LoadedFile {
            path: path.clone(),
            layer: layer.kind,
            trust: *trust,
        }),
        _ => None,
    }
}

/// How much text may be walked through to find the lines of settings. Each costs one walk, so a
/// file that is both large and full of settings goes without lines rather than taking minutes.
const LINE_SEARCH: usize = 16 * 1024 * 1024;

fn origins(
    layers: &[Layer],
    merged: &Merged,
    config: &Config,
) -> Result<BTreeMap<String, Origin>, ConfigError> {
    let value = serde_json::to_value(config).map_err(|error| unreadable(&error))?;
    let mut leaves = Vec::new();
    collect_leaves(&value, &KeyPath::default(), &mut leaves);
    let mut walked = 0;
    let mut origins = BTreeMap::new();
    for (path, value) in leaves {
        let layer = merged.layer_of(&path).and_then(|number| layers.get(number));
        let layer = layer.or(layers.first());
        let Some(layer) = layer.filter(|l| !value.is_null() || l.kind != LayerKind::Default) else {
            continue;
        };
        let origin = origin(layer, &path, &mut walked);
        origins.insert(path.to_string(), origin);
    }
    Ok(origins)
}

/// The settings in `value`: whatever is no map, and maps that are empty.
pub(super) fn collect_leaves<'v>(
    value: &'v Value,
    path: &KeyPath,
    leaves: &mut Vec<(KeyPath, &'v Value)>,
) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                collect_leaves(value, &path.key(key), leaves);
            }
        }
        leaf => leaves.push((path.clone(), leaf)),
    }
}

fn origin(layer: &Layer, path: &KeyPath, walked: &mut usize) -> Origin {
    let mut origin = Origin::of(layer.kind);
    match &layer.source {
        Source::Defaults | Source::Catalogue | Source::Flag => {}
        Source::Variable(name) => origin.variable = Some(name.clone()),
        Source::File {
            path: file, text, ..
        } => {
            origin.file = Some(file.clone());
            *walked += text.len();
            if *walked <= LINE_SEARCH
                && let Some(Place::File { position, .. }) = layer.place(path, Spot::Key)
            {
                origin.line = position.map(|(line, _)| line);
            }
        }
    }
    origin
}

impl Origin {
    /// A layer, and no place in it.
    pub(super) fn of(layer: LayerKind) -> Self {
        Self {
            layer,
            file: None,
            line: None,
            variable: None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, &self.line, &self.variable) {
            (Some(file), Some(line), _) => write!(f, "{}:{line}", file.display()),
            (Some(file), None, _) => write!(f, "{}", file.display()),
            (None, _, Some(variable)) => f.write_str(variable),
            (None, _, None) => f.write_str(self.layer.as_str()),
        }
    }
}
