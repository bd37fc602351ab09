//! A private folder for what must not be left behind.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::cli::failure::Failure;
use crate::config::Environment;

/// A private folder for temporary files and outputs, which goes when it is dropped.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// How many names are tried.
    const TRIES: u32 = 100;

    pub(super) fn make(environment: &Environment) -> Result<Self, Failure> {
        let parent = environment
            .get("TMPDIR")
            .filter(|path| path.starts_with('/'));
        let parent = Path::new(parent.unwrap_or("/tmp"));
        let mut builder = std::fs::DirBuilder::new();
        builder.mode(0o700);
        for number in 0..Self::TRIES {
            let folder = parent.join(format!("rgpt-test-{}-{number}", std::process::id()));
            match builder.create(&folder) {
                Ok(()) => {
                    let made = Self(folder);
                    builder.create(made.tmp())?;
                    return Ok(made);
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    let message = format!("cannot make {}: {error}", folder.display());
                    let hint = "name a folder that can be written: export TMPDIR=…";
                    return Err(Failure::infra(message, Some(hint.to_owned())));
                }
            }
        }
        Err(Failure::infra(
            format!("there is no free name for a folder in {}", parent.display()),
            Some("name another folder: export TMPDIR=…".to_owned()),
        ))
    }

    /// For temporary files of commands.
    pub(super) fn tmp(&self) -> PathBuf {
        self.0.join("tmp")
    }

    /// For whole outputs of commands.
    pub(super) fn out(&self, name: &str) -> PathBuf {
        self.0.join("out").join(name)
    }

    /// For what only rgpt writes.
    pub(super) fn own(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left there is harmless, and the system's to clean.
        drop(std::fs::remove_dir_all(&self.0));
    }
}
