//! Finding and reading the files of the layers.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::environment::Environment;
use super::error::{Place, Problem};
use super::key_path::KeyPath;
use super::layer::{FileTrust, Layer, LayerKind, Source};
use super::load::LoadRequest;
use super::yaml;
use crate::domain::Digest;

const REPOSITORY_FILE: &str = "orchestrator.yaml";
const LOCAL_FILE: &str = "orchestrator.local.yaml";
const MAX_FILE: u64 = 1024 * 1024;

/// The folder of rgpt's own configuration: `$XDG_CONFIG_HOME/rgpt`, else `~/.config/rgpt`; `None`
/// if the environment names neither.
pub fn config_home(environment: &Environment) -> Option<PathBuf> {
    let absolute = |name: &str| {
        let path = PathBuf::from(environment.get(name)?);
        path.is_absolute().then_some(path)
    };
    let base = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))?;
    Some(base.join("rgpt"))
}

/// The files that there are for `request`, from the weakest to the strongest layer.
pub(super) fn read_all(request: &LoadRequest<'_>) -> Vec<Result<Layer, Problem>> {
    find_all(request)
        .into_iter()
        .map(|(kind, path)| read(kind, &path, request))
        .collect()
}

fn find_all(request: &LoadRequest<'_>) -> Vec<(LayerKind, PathBuf)> {
    let mut found = Vec::new();
    if let Some(folder) = config_home(request.environment)
        && holds(&folder, "config.yaml")
    {
        found.push((LayerKind::User, folder.join("config.yaml")));
    }
    let repository = match &request.explicit {
        Some(path) => Some(std::path::absolute(path).unwrap_or_else(|_| path.clone())),
        None => search(request, REPOSITORY_FILE),
    };
    let local = match &repository {
        Some(path) => path
            .parent()
            .filter(|folder| holds(folder, LOCAL_FILE))
            .map(|folder| folder.join(LOCAL_FILE)),
        None => search(request, LOCAL_FILE),
    };
    let local = local.filter(|local| Some(local) != repository.as_ref());
    found.extend(repository.map(|path| (LayerKind::Repository, path)));
    found.extend(local.map(|path| (LayerKind::Local, path)));
    found
}

/// Searches upward from the start to the top; without a top, only at the start, so that a file
/// which someone left in a shared folder such as `/tmp` is not picked up.
fn search(request: &LoadRequest<'_>, name: &str) -> Option<PathBuf> {
    let start = request.start.as_path();
    let top = request.top.as_deref().filter(|top| start.starts_with(top));
    let top = top.unwrap_or(start);
    start
        .ancestors()
        .take_while(|folder| folder.starts_with(top))
        .find(|folder| holds(folder, name))
        .map(|folder| folder.join(name))
}

/// Whether `folder` has an entry of exactly this name. A file system that ignores case would also
/// open `Orchestrator.yaml`, which git then does not know under the name asked for: a tracked file
/// would pass for an untracked one.
fn holds(folder: &Path, name: &str) -> bool {
    if fs::symlink_metadata(folder.join(name)).is_err() {
        return false;
    }
    fs::read_dir(folder).map_or(true, |entries| {
        entries.flatten().any(|entry| entry.file_name() == name)
    })
}

fn read(kind: LayerKind, path: &Path, request: &LoadRequest<'_>) -> Result<Layer, Problem> {
    let refuse = |position, key_path: &KeyPath, what: String| {
        let place = Place::File {
            path: path.to_owned(),
            position,
        };
        Problem::new(Some(place), key_path, what)
    };
    let text = read_text(path).map_err(|what| refuse(None, &KeyPath::default(), what))?;
    let trust = trust(kind, path, &text, request);
    let value =
        yaml::read(&text).map_err(|error| refuse(error.position, &error.path, error.what))?;
    let mut value = match value {
        Value::Null => Value::Object(serde_json::Map::new()),
        value => value,
    };
    if let Some(folder) = path.parent() {
        resolve_scripts(&mut value, folder);
    }
    Ok(Layer {
        kind,
        source: Source::File {
            path: path.to_owned(),
            text,
            trust,
        },
        value,
    })
}

fn trust(kind: LayerKind, path: &Path, text: &str, request: &LoadRequest<'_>) -> FileTrust {
    match kind {
        LayerKind::User => FileTrust::Own,
        LayerKind::Repository if request.explicit.is_some() => FileTrust::Named,
        _ if !(request.tracked)(path) => FileTrust::Untracked,
        _ if (request.trusted)(&Digest::of(text.as_bytes())) => FileTrust::Accepted,
        _ => FileTrust::Untrusted,
    }
}

pub(super) fn read_text(path: &Path) -> Result<String, String> {
    let because = |error: std::io::Error| format!("cannot be read: {error}");
    // Looked at before it is opened: opening a pipe would wait for its writer.
    if !fs::metadata(path).map_err(because)?.is_file() {
        return Err("cannot be read: it is not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    let mut file = File::open(path).map_err(because)?.take(MAX_FILE + 1);
    file.read_to_end(&mut bytes).map_err(because)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err("cannot be read: it is larger than 1 MiB".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "cannot be read: it is not UTF-8 text".to_owned())
}

/// The script of a scripted provider stands relative to the file that names it.
pub(super) fn resolve_scripts(value: &mut Value, folder: &Path) {
    let providers = value.get_mut("providers").and_then(Value::as_object_mut);
    for provider in providers.into_iter().flat_map(|map| map.values_mut()) {
        if let Some(Value::String(script)) = provider.get_mut("script") {
            *script = folder.join(&*script).to_string_lossy().into_owned();
        }
    }
}
