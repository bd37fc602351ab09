//! Repositories for tests, made by a git that knows nothing of the machine's configuration.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::workspace::own::OwnGit;
use crate::workspace::repository::{RepositoryError, UserRepository};

/// A folder with a home, repositories and state of its own.
pub(crate) struct Fixture {
    folder: tempfile::TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let fixture = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for name in ["home", "state", "cache"] {
            std::fs::create_dir(fixture.path(name)).unwrap();
        }
        fixture
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    /// The environment of the person of this fixture.
    pub(crate) fn person(&self) -> Vec<(OsString, OsString)> {
        vec![
            ("HOME".into(), self.path("home").into()),
            ("XDG_CONFIG_HOME".into(), self.path("home/.config").into()),
            ("GIT_CONFIG_NOSYSTEM".into(), "1".into()),
        ]
    }

    /// Runs the person's git.
    pub(crate) fn try_git(&self, directory: &Path, arguments: &[&str]) -> Output {
        #[expect(clippy::disallowed_methods, reason = "the person's git, not ours")]
        let mut command = Command::new("git");
        for name in super::REDIRECTIONS {
            command.env_remove(name);
        }
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "A Person");
            command.env(format!("GIT_{role}_EMAIL"), "person@example.org");
            command.env(format!("GIT_{role}_DATE"), "@1700000000 +0200");
        }
        command
            .envs(self.person())
            .current_dir(directory)
            .args(arguments)
            .output()
            .unwrap()
    }

    pub(crate) fn git(&self, directory: &Path, arguments: &[&str]) -> String {
        let output = self.try_git(directory, arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "git {arguments:?}: {said}");
        String::from_utf8(output.stdout)
            .unwrap()
            .trim_end()
            .to_owned()
    }

    /// A repository with one commit of `files`.
    pub(crate) fn repository(&self, name: &str, files: &[(&str, &str)]) -> PathBuf {
        self.repository_with(name, files, &[])
    }

    pub(crate) fn repository_with(
        &self,
        name: &str,
        files: &[(&str, &str)],
        init: &[&str],
    ) -> PathBuf {
        let top = self.path(name);
        std::fs::create_dir_all(&top).unwrap();
        self.git(&top, &[&["init", "-q", "-b", "main"], init].concat());
        self.commit(&top, files);
        top
    }

    /// Commits `files` on top.
    pub(crate) fn commit(&self, top: &Path, files: &[(&str, &str)]) -> String {
        for (path, content) in files {
            write(&top.join(path), content);
        }
        self.git(top, &["add", "--all", "--force"]);
        self.git(top, &["commit", "-q", "--allow-empty", "-m", "a commit"]);
        self.git(top, &["rev-parse", "HEAD"])
    }

    pub(crate) fn open(&self, start: &Path) -> UserRepository {
        self.try_open(start).unwrap()
    }

    pub(crate) fn try_open(&self, start: &Path) -> Result<UserRepository, RepositoryError> {
        UserRepository::open_as(start, None, self.person())
    }

    /// rgpt's git directory for `user`, with the base in it.
    pub(crate) fn own(&self, user: &UserRepository) -> OwnGit {
        let own = OwnGit::open(&self.path("state"), user).unwrap();
        own.fetch_base(user, &user.base_commit).unwrap();
        own
    }

    /// A program that leaves the file `marker` behind when it runs, and repeats its input.
    pub(crate) fn trap(&self, marker: &str) -> PathBuf {
        let program = self.path(&format!("trap-{marker}"));
        let marker = self.path(marker);
        write(
            &program,
            &format!("#!/bin/sh\ntouch '{}'\ncat\n", marker.display()),
        );
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        program
    }
}

/// Writes a file, making its folders.
pub(crate) fn write(path: &Path, content: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// Everything beneath `folder`: each path with its mode and its bytes or where it leads.
pub(crate) fn contents(folder: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            let content = if meta.is_symlink() {
                std::fs::read_link(&path)
                    .unwrap()
                    .into_os_string()
                    .into_encoded_bytes()
            } else if meta.is_dir() {
                folders.push(path.clone());
                Vec::new()
            } else {
                std::fs::read(&path).unwrap_or_default()
            };
            let relative = path.strip_prefix(folder).unwrap().to_owned();
            found.insert(relative, (meta.permissions().mode(), content));
        }
    }
    found
}

/// Like [`contents`], without what is in a top-level `.git`.
pub(crate) fn files(folder: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = contents(folder);
    found.retain(|path, _| !path.starts_with(".git"));
    found
}
