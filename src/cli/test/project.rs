//! What is tested: the project on disk and its checks.

use std::path::{Path, PathBuf};

use crate::cli::failure::Failure;
use crate::cli::{Global, open};
use crate::config::{self, CheckConfig, Config, Environment, Sandbox};
use crate::verify;
use crate::workspace::edit::Held;
use crate::workspace::{confine, files};

/// What is tested.
pub(super) struct Project {
    /// The top of the repository, or the folder itself where there is none.
    pub(super) top: PathBuf,
    /// The project's folder relative to `top`.
    pub(super) directory: PathBuf,
    pub(super) config: Config,
    /// Whether the checks were found, not configured.
    pub(super) detected: bool,
    pub(super) warnings: Vec<String>,
    pub(super) environment: Environment,
    pub(super) supervisor: PathBuf,
    pub(super) confined: bool,
}

impl Project {
    pub(super) fn open(global: &Global) -> Result<Self, Failure> {
        let environment = config::environment();
        let start = open::start(global)?;
        // No run is made of it, so a repository without a commit, or with submodules, will do; and asking git for less
        // is what keeps this quick.
        let mut loaded = open::configuration(global, &environment, &start, None, Vec::new())?;
        let top = open::git_top(&start);
        let found = loaded.config.checks.is_empty();
        if found {
            loaded.config.checks = detected(&start, top.is_some())?;
        }
        let top = top.unwrap_or_else(|| start.clone());
        let confined =
            confine::probe().available() && loaded.config.policy.sandbox == Sandbox::Auto;
        Ok(Self {
            directory: start.strip_prefix(&top).unwrap_or(Path::new("")).to_owned(),
            top,
            config: loaded.config,
            detected: found,
            warnings: loaded.warnings,
            environment,
            supervisor: std::env::current_exe()?,
            confined,
        })
    }

    /// Where a check runs.
    pub(super) fn folder(&self, check: &CheckConfig) -> PathBuf {
        let folder = self.top.join(&self.directory).join(&check.cwd);
        folder.components().collect()
    }
}

/// The checks that the files on disk suggest. Outside of a repository nothing says that what lies in a folder belongs
/// together, so only the folder's own files count.
fn detected(start: &Path, in_repository: bool) -> Result<Vec<(String, CheckConfig)>, Failure> {
    let held = Held::open(start)?;
    let names = match in_repository {
        true => files::list(&held).map_err(anyhow::Error::from)?,
        false => own_files(start)?,
    };
    let read = |path: &str| String::from_utf8(held.read(path).ok()??).ok();
    Ok(verify::detect(&names, &read).checks)
}

/// The names of the regular files right in a folder.
fn own_files(folder: &Path) -> Result<Vec<String>, Failure> {
    let mut names: Vec<String> = std::fs::read_dir(folder)?
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    Ok(names)
}
