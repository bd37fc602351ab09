//! rgpt's own git directory, `<state>/git`: the objects and refs of all runs.
//!
//! Its objects are copies, its configuration and attributes are ours alone, and no command of a
//! run can write it. A kill at any instant leaves it usable. Start at [`OwnGit::open`].

mod difference;
mod fetch;
mod keep;
mod merge;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;

pub use merge::Merged;

use super::git::{GitCommand, GitError, ObjectStore};
use super::repository::{Identity, ObjectFormat, UserRepository};
use crate::domain::{CommitId, TreeId};

/// Outranks every `.gitattributes`, so that files are their blobs' bytes, in both directions.
const ATTRIBUTES: &str = "* -text -crlf !eol -ident -filter !working-tree-encoding !diff !merge \
                          !whitespace !export-subst !export-ignore\n";

/// What builds and tests leave behind in repositories that forgot to ignore it.
const BY_PRODUCTS: &str = "\
target/
node_modules/
__pycache__/
*.py[co]
.pytest_cache/
.mypy_cache/
.ruff_cache/
.hypothesis/
.tox/
.nox/
.venv/
.coverage
.coverage.*
coverage.xml
htmlcov/
lcov.info
*.profraw
.nyc_output/
.gradle/
.DS_Store
";

/// How long a lock of another process is waited for. git itself holds one for milliseconds.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why something could not be kept in rgpt's own git directory.
#[derive(Debug, thiserror::Error)]
pub enum OwnGitError {
    /// git failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A file of the directory cannot be read or written.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The state belongs to a repository with another hash.
    #[error(
        "{} holds {found} objects, but the repository has {} objects",
        path.display(),
        wanted.name()
    )]
    ObjectFormat {
        /// The own git directory.
        path: PathBuf,
        /// What it holds.
        found: String,
        /// What the repository has.
        wanted: ObjectFormat,
    },
    /// A ref is neither where it was believed to be nor where it is to go.
    #[error("{name} is at {}, not at {}", shown(found), shown(expected))]
    Conflict {
        /// The ref.
        name: String,
        /// Where it was believed to be; `None`: nowhere.
        expected: Option<CommitId>,
        /// Where it is.
        found: Option<CommitId>,
    },
}

impl OwnGitError {
    /// What to do or type next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Git(_) | Self::Io { .. } => {
                "see that the state folder can be written and the disk has space, then `rgpt resume`"
            }
            Self::ObjectFormat { .. } => "name another folder: `--state-dir <folder>`",
            Self::Conflict { .. } => "look at what happened: `rgpt inspect`",
        }
    }
}

fn shown(commit: &Option<CommitId>) -> &str {
    commit.as_ref().map_or("no commit", CommitId::short)
}

/// rgpt's own git directory.
#[derive(Clone, Debug)]
pub struct OwnGit {
    dir: PathBuf,
    format: ObjectFormat,
}

impl OwnGit {
    /// Opens `<state_dir>/git`, made for `user`'s kind of objects if it is not there yet.
    ///
    /// # Errors
    /// It cannot be made, or was made for objects of another format.
    pub fn open(state_dir: &Path, user: &UserRepository) -> Result<Self, OwnGitError> {
        let own = Self {
            dir: state_dir.join("git"),
            format: user.object_format,
        };
        if !own.dir.is_dir() {
            let _lock = own.lock()?;
            if !own.dir.is_dir() {
                own.make()?;
            }
        }
        let found = own.made_for()?;
        if found != own.format.name() {
            return Err(OwnGitError::ObjectFormat {
                path: own.dir,
                found,
                wanted: own.format,
            });
        }
        Ok(own)
    }

    /// How its objects are named, as its configuration says. git itself writes nothing there where
    /// they are named the old way.
    fn made_for(&self) -> Result<String, OwnGitError> {
        let text = self.io(std::fs::read_to_string(self.dir.join("config")))?;
        if !text.to_ascii_lowercase().contains("objectformat") {
            return Ok(ObjectFormat::Sha1.name().to_owned());
        }
        let asked = GitCommand::on(&self.dir, "rev-parse");
        Ok(asked.arg("--show-object-format").line()?)
    }

    /// Made aside and renamed, so that it is there whole or not at all.
    fn make(&self) -> Result<(), OwnGitError> {
        let new = self.dir.with_extension("new");
        if new.exists() {
            self.io(std::fs::remove_dir_all(&new))?;
        }
        let format = format!("--object-format={}", self.format.name());
        let command = GitCommand::bare("init").args(["--quiet", "--bare", "--template=", &format]);
        command
            .setting("init.defaultBranch", "none")
            .arg(&new)
            .run()?;
        self.io(std::fs::create_dir_all(new.join("info")))?;
        self.io(std::fs::write(new.join("info/attributes"), ATTRIBUTES))?;
        self.io(std::fs::write(new.join("info/exclude"), BY_PRODUCTS))?;
        crate::failpoint::hit("git.made");
        self.io(std::fs::rename(&new, &self.dir))
    }

    /// Held while the directory is made or objects are fetched; dies with its process.
    fn lock(&self) -> Result<std::fs::File, OwnGitError> {
        let path = self.dir.with_extension("lock");
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path);
        let file = file.and_then(|file| file.lock().map(|()| file));
        file.map_err(|source| OwnGitError::Io { path, source })
    }

    fn io<T>(&self, result: std::io::Result<T>) -> Result<T, OwnGitError> {
        result.map_err(|source| OwnGitError::Io {
            path: self.dir.clone(),
            source,
        })
    }

    /// The directory, `<state>/git`.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// How its objects are named.
    pub(crate) fn object_format(&self) -> ObjectFormat {
        self.format
    }

    pub(crate) fn git(&self, subcommand: &str) -> GitCommand {
        GitCommand::on(&self.dir, subcommand)
    }

    pub(crate) fn objects(&self) -> ObjectStore<'_> {
        ObjectStore::of(&self.dir)
    }

    /// Makes a commit. The same arguments give the same id, on every machine and at any time.
    ///
    /// # Errors
    /// The tree or a parent is not here.
    pub fn commit(
        &self,
        tree: &TreeId,
        parents: &[CommitId],
        message: &str,
        author: &Identity,
        at: Timestamp,
    ) -> Result<CommitId, GitError> {
        let date = format!("@{} +0000", at.as_second());
        let mut command = self.git("commit-tree").arg(tree.as_str());
        for parent in parents {
            command = command.args(["-p", parent.as_str()]);
        }
        for role in ["AUTHOR", "COMMITTER"] {
            command = command
                .env(&format!("GIT_{role}_NAME"), &author.name)
                .env(&format!("GIT_{role}_EMAIL"), &author.email)
                .env(&format!("GIT_{role}_DATE"), &date);
        }
        // git refuses NUL bytes, and a message without an end of line reads badly in its logs.
        let message = format!("{}\n", message.replace('\0', "").trim_end());
        Ok(CommitId(command.input(message).line()?))
    }

    /// Moves the ref `name` from `old` (`None`: it does not exist) to `new`. If it is at `new`
    /// already, that is what was wanted.
    ///
    /// # Errors
    /// [`OwnGitError::Conflict`] if it is anywhere else.
    pub fn update_ref(
        &self,
        name: &str,
        new: &CommitId,
        old: Option<&CommitId>,
    ) -> Result<(), OwnGitError> {
        let expected = old.map_or_else(|| self.format.zero(), |commit| commit.0.clone());
        let command = self.git("update-ref");
        let command = command.args(["--no-deref", name, new.as_str(), &expected]);
        match patiently(|| command.run()) {
            Ok(_) => Ok(()),
            Err(error) => match self.read_ref(name)? {
                Some(found) if found == *new => Ok(()),
                found if found.as_ref() == old => Err(error.into()),
                found => Err(OwnGitError::Conflict {
                    name: name.to_owned(),
                    expected: old.cloned(),
                    found,
                }),
            },
        }
    }

    /// The commit that the ref `name` is at.
    ///
    /// # Errors
    /// git cannot be run.
    pub fn read_ref(&self, name: &str) -> Result<Option<CommitId>, GitError> {
        // Where git keeps a ref that it has not packed; nothing else here packs any.
        if let Ok(text) = std::fs::read_to_string(self.dir.join(name))
            && is_object(text.trim_end(), self.format)
        {
            return Ok(Some(text.trim_end().into()));
        }
        Ok(self.objects().reference(name)?.map(CommitId))
    }

    /// Whether the object is here.
    ///
    /// # Errors
    /// git cannot be run.
    pub fn object_exists(&self, object: &str) -> Result<bool, GitError> {
        self.objects().exists(object)
    }

    /// The tree of `commit`.
    ///
    /// # Errors
    /// There is no such commit.
    pub fn tree_of(&self, commit: &CommitId) -> Result<TreeId, GitError> {
        self.objects().tree_of(commit)
    }

    /// The paths of all files of `tree`, in git's order.
    ///
    /// # Errors
    /// There is no such tree.
    pub fn list_files(&self, tree: &TreeId) -> Result<Vec<String>, GitError> {
        self.objects().files(tree)
    }

    /// The bytes of the file `path` in `tree`; `None` if it is not in there.
    ///
    /// # Errors
    /// There is no such tree.
    pub fn read_blob(&self, tree: &TreeId, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        self.objects().read(tree, path)
    }
}

fn is_object(text: &str, format: ObjectFormat) -> bool {
    text.len() == format.zero().len() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Runs `command` until no other process holds the lock it needs. A lock file that does not change
/// for the whole wait belonged to a process that was killed, and is removed: git holds these locks
/// for milliseconds. Only for locks in our own directories.
pub(crate) fn patiently<T>(command: impl Fn() -> Result<T, GitError>) -> Result<T, GitError> {
    let start = Instant::now();
    let mut first_seen = None;
    while start.elapsed() < PATIENCE {
        let error = match command() {
            Err(error) => error,
            done => return done,
        };
        let Some(lock) = error.lock() else {
            return Err(error);
        };
        first_seen.get_or_insert_with(|| (modified(&lock), lock));
        std::thread::sleep(Duration::from_millis(10));
    }
    if let Some((seen, lock)) = first_seen
        && seen.is_some()
        && modified(&lock) == seen
    {
        drop(std::fs::remove_file(&lock));
    }
    command()
}

fn modified(path: &Path) -> Option<SystemTime> {
    let meta = std::fs::metadata(path);
    meta.and_then(|meta| meta.modified()).ok()
}

#[cfg(test)]
mod tests;
