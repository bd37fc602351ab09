//! What there is: the repository's languages, commands and build servers, and the person's models.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use globset::Glob;

use crate::config::{CheckConfig, Environment, SetupConfig};
use crate::verify::{self, Detected};
use crate::workspace::repository::{Checkout, RepositoryError, UserRepository};

use super::super::Global;
use super::super::failure::Failure;
use super::models::Models;

/// More than any file that says how a project is built.
const LONGEST: u64 = 1024 * 1024;

/// What decides about builds, reviews and rights, where a repository has it.
const PROTECTED: [&str; 14] = [
    ".github/workflows/**",
    ".gitea/workflows/**",
    ".forgejo/workflows/**",
    ".gitlab-ci.yml",
    ".circleci/**",
    ".buildkite/**",
    ".woodpecker/**",
    ".travis.yml",
    ".ci/**",
    "azure-pipelines.yml",
    "bitbucket-pipelines.yml",
    "Jenkinsfile",
    "CODEOWNERS",
    "LICENSE*",
];

/// Files that fix the versions of dependencies.
const LOCK_FILES: [&str; 12] = [
    "Cargo.lock",
    "package-lock.json",
    "pnpm-lock.yaml",
    "yarn.lock",
    "bun.lock",
    "uv.lock",
    "poetry.lock",
    "Pipfile.lock",
    "go.sum",
    "Gemfile.lock",
    "composer.lock",
    "mix.lock",
];

/// Where package managers put dependencies.
const DEPENDENCIES: [&str; 3] = ["node_modules", ".venv", "vendor"];

/// What was found.
pub(super) struct Survey {
    /// The languages, as in `rust`.
    pub(super) kinds: Vec<&'static str>,
    /// By names that the configuration accepts.
    pub(super) checks: Vec<(String, CheckConfig)>,
    pub(super) setup: Vec<SetupConfig>,
    pub(super) lock_files: Vec<&'static str>,
    pub(super) protected: Vec<&'static str>,
    /// Dependency folders that git ignores, so that they could be shared.
    pub(super) dependencies: Vec<&'static str>,
    pub(super) branch: Option<String>,
    pub(super) models: Models,
    pub(super) missing: Vec<Missing>,
    checkout: Checkout,
}

/// Something that a run will need, and what to do about it.
pub(super) struct Missing {
    pub(super) what: String,
    pub(super) hint: String,
}

impl Survey {
    /// Looks at the project in `folder`. Changes nothing.
    pub(super) fn of(
        folder: &Path,
        global: &Global,
        environment: &Environment,
    ) -> Result<Self, Failure> {
        let checkout = Checkout::around(folder)?;
        let files = checkout.files().map_err(RepositoryError::from)?;
        let detected = detect(&checkout, &files, &checkout.directory);
        if detected.checks.is_empty() {
            refuse_a_part(&checkout, &files)?;
        }
        let repository = UserRepository::open(folder, None);
        let models = Models::of(folder, global, environment, repository.as_ref().ok());
        let below = |name: &str| checkout.directory.join(name);
        let mut survey = Self {
            lock_files: LOCK_FILES
                .into_iter()
                .filter(|name| {
                    files
                        .binary_search(&below(name).to_string_lossy().into())
                        .is_ok()
                })
                .collect(),
            protected: PROTECTED
                .into_iter()
                .filter(|glob| files.iter().any(|file| covers(glob, file)))
                .collect(),
            dependencies: DEPENDENCIES
                .into_iter()
                .filter(|name| is_ignored_folder(&checkout, &below(name)))
                .collect(),
            kinds: detected.kinds,
            checks: named(detected.checks),
            setup: detected.setup,
            branch: checkout.branch.clone(),
            missing: Vec::new(),
            models,
            checkout,
        };
        survey.look_for_what_is_missing(repository.err());
        Ok(survey)
    }

    fn look_for_what_is_missing(&mut self, refused: Option<RepositoryError>) {
        if let Some(error) = refused {
            let (what, hint) = match error {
                // Everything there is would take the person's own file in.
                RepositoryError::NoCommit { .. } => (
                    "nothing is committed yet".to_owned(),
                    "add the project's files, then: `git add orchestrator.yaml && git commit -m \
                     \"first commit\"`"
                        .to_owned(),
                ),
                _ => (error.to_string(), error.hint()),
            };
            self.miss(what, hint);
        }
        if self.checks.is_empty() {
            self.miss(
                "no checks: nothing says how this project is built or tested".to_owned(),
                "write the commands down under `checks:` in orchestrator.yaml".to_owned(),
            );
        }
        if let Some((what, hint)) = self.models.missing() {
            self.miss(what, hint);
        }
    }

    /// The person's own file, if there is one, must not get into a commit.
    pub(super) fn look_at_own_file(&mut self, file: &Path) -> Result<(), Failure> {
        let name = file.strip_prefix(&self.checkout.top).unwrap_or(file);
        if file.symlink_metadata().is_ok()
            && !self.checkout.ignores(name).map_err(RepositoryError::from)?
        {
            let short = file.file_name().unwrap_or_default().to_string_lossy();
            // First, since the first commit is what would take it in.
            let missing = Missing {
                what: format!("git does not ignore {short}, which is yours alone"),
                hint: format!("echo /{short} >> .gitignore"),
            };
            self.missing.insert(0, missing);
        }
        Ok(())
    }

    fn miss(&mut self, what: String, hint: String) {
        self.missing.push(Missing { what, hint });
    }
}

/// What the files of `folder` (relative to the top) show.
fn detect(checkout: &Checkout, files: &[String], folder: &Path) -> Detected {
    let inside: Vec<String> = files
        .iter()
        .filter_map(|file| Path::new(file).strip_prefix(folder).ok()?.to_str())
        .map(str::to_owned)
        .collect();
    let place = checkout.top.join(folder);
    verify::detect(&inside, &|path| read(&place.join(path)))
}

/// The text of a regular file.
fn read(file: &Path) -> Option<String> {
    if !file.symlink_metadata().ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    let file = std::fs::File::open(file).ok()?;
    file.take(LONGEST).read_to_string(&mut text).ok()?;
    Some(text)
}

/// A folder that shows nothing of itself, in one that does, is only a part of the project.
fn refuse_a_part(checkout: &Checkout, files: &[String]) -> Result<(), Failure> {
    let project = checkout
        .directory
        .ancestors()
        .skip(1)
        .find(|above| !detect(checkout, files, above).checks.is_empty());
    let Some(project) = project else {
        return Ok(());
    };
    let whole: PathBuf = checkout.top.join(project).components().collect();
    Err(Failure::config(
        format!(
            "nothing in {} says how it is built or tested; {} does",
            checkout.top.join(&checkout.directory).display(),
            whole.display()
        ),
        format!(
            "write the file there: rgpt init --repo '{}'",
            whole.display()
        ),
    ))
}

/// As the gate reads it: without a folder, a name holds at any depth.
fn covers(glob: &str, file: &str) -> bool {
    let name = match glob.contains('/') {
        true => file,
        false => file.rsplit('/').next().unwrap_or(file),
    };
    Glob::new(glob).is_ok_and(|glob| glob.compile_matcher().is_match(name))
}

fn is_ignored_folder(checkout: &Checkout, folder: &Path) -> bool {
    let there = checkout.top.join(folder).symlink_metadata();
    there.is_ok_and(|meta| meta.is_dir())
        && checkout.ignores(&folder.join("anything")).unwrap_or(false)
}

/// The checks by names that the configuration accepts, each once: folders may be called anything.
fn named(checks: Vec<(String, CheckConfig)>) -> Vec<(String, CheckConfig)> {
    let mut known: Vec<(String, CheckConfig)> = Vec::new();
    for (name, check) in checks {
        let plain = name.chars().map(|c| match c {
            c if c.is_alphanumeric() || matches!(c, '_' | '-' | '.') => c,
            _ => '-',
        });
        let mut name: String = plain.collect();
        while known.iter().any(|(other, _)| *other == name) {
            name.push_str("-2");
        }
        known.push((name, check));
    }
    known
}
