//! Files that a person asks for: written aside, so that they appear whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use super::failure::Failure;

/// Where a file is to be written.
pub(super) struct Target {
    path: PathBuf,
    force: bool,
}

impl Target {
    /// A file that is not there yet, unless `force` says that it may be.
    pub(super) fn new(path: &Path, force: bool) -> Result<Self, Failure> {
        let target = Self {
            path: std::path::absolute(path)?,
            force,
        };
        if target.path.is_dir() {
            return Err(Failure::config(
                format!("{} is a folder", path.display()),
                "name a file in it: --output FILE",
            ));
        }
        target.refuse_taken()?;
        Ok(target)
    }

    fn refuse_taken(&self) -> Result<(), Failure> {
        if !self.force && self.path.symlink_metadata().is_ok() {
            return Err(Failure::config(
                format!("{} is there already", self.path.display()),
                "name another file: --output FILE; or write over it: --force",
            ));
        }
        Ok(())
    }

    /// Has `write` write the file; returns where it is and its size in bytes.
    pub(super) fn write(
        &self,
        write: impl FnOnce(File) -> anyhow::Result<()>,
    ) -> Result<(&Path, u64), Failure> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let aside = format!(".{name}.{}", std::process::id());
        let aside = self.path.with_file_name(aside);
        let cannot = |error: std::io::Error| {
            Failure::infra(
                format!("cannot write {}: {error}", self.path.display()),
                Some("name a file elsewhere: --output FILE".to_owned()),
            )
        };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&aside);
        let written = write(file.map_err(cannot)?)
            .map_err(Failure::from)
            .and_then(|()| self.refuse_taken())
            .and_then(|()| {
                let size = aside.metadata().map_err(cannot)?.len();
                fs::rename(&aside, &self.path).map_err(cannot)?;
                Ok(size)
            });
        if written.is_err() {
            // It may be gone already; the failure to tell is the other one.
            drop(fs::remove_file(&aside));
        }
        Ok((&self.path, written?))
    }
}
