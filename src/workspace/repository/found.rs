//! Finding the repository around a folder, the way the person's own git finds it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{ObjectFormat, RepositoryError};
use crate::workspace::git::{GitCommand, GitError, git_version, path_text};

/// What the person's git says about where they are.
pub(super) struct Found {
    pub(super) top: PathBuf,
    /// Where that is, relative to `top`.
    pub(super) directory: PathBuf,
    pub(super) git_dir: PathBuf,
    pub(super) common_dir: PathBuf,
    pub(super) object_format: ObjectFormat,
    pub(super) shallow: bool,
}

/// What is asked, in the order of the answers.
const QUESTIONS: [&str; 7] = [
    "--is-bare-repository",
    "--is-inside-work-tree",
    "--show-object-format",
    "--is-shallow-repository",
    "--show-toplevel",
    "--git-dir",
    "--git-common-dir",
];

impl Found {
    pub(super) fn around(
        start: &Path,
        person: &[(OsString, OsString)],
    ) -> Result<Self, RepositoryError> {
        git_version()?;
        let start = &start
            .canonicalize()
            .map_err(|source| RepositoryError::Unreadable {
                path: start.to_owned(),
                source,
            })?;
        let ask = |options: &[&str]| {
            let command = GitCommand::as_person(person, "rev-parse").directory(start);
            command.arg("--path-format=absolute").args(options)
        };
        let all = ask(&QUESTIONS).run().unwrap_or_default();
        let answers: Vec<&[u8]> = all.trim_ascii_end().split(|byte| *byte == b'\n').collect();
        let answers: Vec<Vec<u8>> = match <[&[u8]; 7]>::try_from(answers) {
            Ok(answers) => answers.iter().map(|answer| answer.to_vec()).collect(),
            // Refused, or a path has several lines: one question after the other tells which.
            Err(_) => one_by_one(start, &ask)?,
        };
        let [bare, inside, format, shallow, top, git_dir, common_dir] = answers.as_slice() else {
            return Err(ask(&QUESTIONS).answer(&all).into());
        };
        if bare == b"true" || inside != b"true" {
            return Err(RepositoryError::NoFiles {
                path: start.to_owned(),
            });
        }
        let top = canonical(top)?;
        let directory = start.strip_prefix(&top).unwrap_or(Path::new(""));
        Ok(Self {
            directory: directory.to_owned(),
            top,
            git_dir: canonical(git_dir)?,
            common_dir: canonical(common_dir)?,
            object_format: match format.as_slice() {
                b"sha1" => ObjectFormat::Sha1,
                b"sha256" => ObjectFormat::Sha256,
                other => {
                    return Err(RepositoryError::ObjectFormat {
                        format: path_text(other),
                    });
                }
            },
            shallow: shallow == b"true",
        })
    }

    /// The branch that is checked out, or that the first commit will be on; `None` when `HEAD` is
    /// detached.
    pub(super) fn branch(&self) -> Result<Option<String>, GitError> {
        let head = std::fs::read(self.git_dir.join("HEAD")).unwrap_or_default();
        let head = head.trim_ascii_end();
        if let Some(name) = head.strip_prefix(b"ref: refs/heads/")
            // What stands there where refs are kept in tables.
            && name != b".invalid"
        {
            return Ok(Some(path_text(name)));
        }
        let command = GitCommand::on(&self.git_dir, "symbolic-ref");
        let branch = command.args(["--quiet", "--short", "HEAD"]).ask()?;
        Ok(branch.map(|name| path_text(name.trim_ascii_end())))
    }
}

fn one_by_one(
    start: &Path,
    ask: &dyn Fn(&[&str]) -> GitCommand,
) -> Result<Vec<Vec<u8>>, RepositoryError> {
    let no_files = || RepositoryError::NoFiles {
        path: start.to_owned(),
    };
    let mut answers = Vec::new();
    for question in QUESTIONS {
        let answer = match ask(&[question]).path() {
            Err(error) if answers.is_empty() => {
                return Err(RepositoryError::of_discovery(start, error));
            }
            answer => answer?.into_os_string(),
        };
        let refused = match question {
            "--is-bare-repository" => answer == "true",
            "--is-inside-work-tree" => answer != "true",
            _ => false,
        };
        if refused {
            return Err(no_files());
        }
        answers.push(answer.as_bytes().to_vec());
    }
    Ok(answers)
}

fn canonical(path: &[u8]) -> Result<PathBuf, RepositoryError> {
    let path = Path::new(OsStr::from_bytes(path));
    path.canonicalize()
        .map_err(|source| RepositoryError::Unreadable {
            path: path.to_owned(),
            source,
        })
}
