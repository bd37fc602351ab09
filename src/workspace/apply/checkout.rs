//! The user's files as the person's own git sees and writes them: line endings, links and rights
//! by their settings, but no program that these name.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::history::with_objects_of;
use super::refusal::{ApplyError, at};
use crate::domain::Digest;
use crate::domain::application::FileOnDisk;
use crate::workspace::git::{GitCommand, GitError, records};
use crate::workspace::own::OwnGit;
use crate::workspace::repository::{Settings, UserRepository};

/// The person's settings that say what files look like, wherever they have set them.
const LOOKS: &str = r"^core\.(autocrlf|eol|symlinks|filemode|ignorecase|precomposeunicode|checkstat|trustctime|checkroundtripencoding)$";

/// Where git looks for attributes if nothing else is set.
const USUAL_ATTRIBUTES: &str = "~/.config/git/attributes";

/// A file of a tree as it is written out: what is recorded of it, and its bytes.
pub(super) type Written = BTreeMap<String, (FileOnDisk, Vec<u8>)>;

/// How the person's git treats the files of their checkout.
#[derive(Debug)]
pub(super) struct Checkout<'a> {
    pub(super) user: &'a UserRepository,
    pub(super) own: &'a OwnGit,
    /// A folder of our own, for what is thrown away afterwards.
    pub(super) scratch: PathBuf,
    settings: Vec<(OsString, OsString)>,
}

impl<'a> Checkout<'a> {
    /// Reads the person's settings, and makes `scratch` anew.
    pub(super) fn of(
        user: &'a UserRepository,
        own: &'a OwnGit,
        scratch: &Path,
    ) -> Result<Self, ApplyError> {
        match std::fs::remove_dir_all(scratch) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => at(scratch, Err(error))?,
            _ => {}
        }
        at(scratch, std::fs::create_dir_all(scratch))?;
        Ok(Self {
            user,
            own,
            scratch: scratch.to_owned(),
            settings: settings(user)?,
        })
    }

    /// A command on the user's repository and files, under the person's settings for files.
    pub(super) fn git(&self, subcommand: &str) -> GitCommand {
        let command = GitCommand::on(&self.user.git_dir, subcommand).work_tree(&self.user.top);
        let mut command = with_objects_of(self.own, command).env("GIT_ATTR_NOSYSTEM", "0");
        for (key, value) in &self.settings {
            command = command.setting(key, value);
        }
        command
    }

    /// Refuses files that a program would have to make, at their place in `tree`.
    pub(super) fn refuse_filtered(&self, tree: &str, paths: &[&str]) -> Result<(), ApplyError> {
        let configured = self.user.filters()?;
        if configured.is_empty() {
            return Ok(());
        }
        let index = self.scratch.join("attributes.index");
        let bare = |command: GitCommand| command.env("GIT_INDEX_FILE", &index);
        bare(self.git("read-tree")).arg(tree).run()?;
        let command = bare(self.git("check-attr")).args(["-z", "--cached", "--stdin", "filter"]);
        let answer = command.input(listed(paths)).run()?;
        let mut fields = answer.split(|byte| *byte == 0);
        while let (Some(path), Some(_), Some(value)) = (fields.next(), fields.next(), fields.next())
        {
            let filter = String::from_utf8_lossy(value).into_owned();
            if configured.contains(&filter) {
                let path = String::from_utf8_lossy(path).into_owned();
                return Err(ApplyError::Filtered { path, filter });
            }
        }
        Ok(())
    }

    /// The files `paths` of `tree` as the person's git would write them; those that `tree` has not
    /// are left out.
    pub(super) fn write_out(&self, tree: &str, paths: &[&str]) -> Result<Written, ApplyError> {
        let (files, index) = (self.scratch.join("files"), self.scratch.join("files.index"));
        at(&files, std::fs::create_dir_all(&files))?;
        // In an empty folder, attributes are those of the tree, as in a checkout of it.
        let there = |command: GitCommand| command.work_tree(&files).env("GIT_INDEX_FILE", &index);
        there(self.git("read-tree")).arg(tree).run()?;
        let command =
            there(self.git("checkout-index")).args(["-z", "--stdin", "--force", "--quiet"]);
        command.input(listed(paths)).run()?;
        let mut written = BTreeMap::new();
        for path in paths {
            let place = files.join(path);
            let meta = at(&place, std::fs::symlink_metadata(&place))?;
            let content = if meta.is_symlink() {
                let target = at(&place, std::fs::read_link(&place))?;
                target.as_os_str().as_bytes().to_vec()
            } else {
                at(&place, std::fs::read(&place))?
            };
            let file = FileOnDisk {
                content: Digest::of(&content),
                mode: meta.mode(),
            };
            written.insert((*path).to_owned(), (file, content));
        }
        at(&files, std::fs::remove_dir_all(&files))?;
        Ok(written)
    }
}

impl Drop for Checkout<'_> {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.scratch));
    }
}

/// Paths as git reads them from its input with `-z`.
pub(super) fn listed(paths: &[&str]) -> Vec<u8> {
    let mut list = Vec::new();
    for path in paths {
        list.extend_from_slice(path.as_bytes());
        list.push(0);
    }
    list
}

fn settings(user: &UserRepository) -> Result<Vec<(OsString, OsString)>, GitError> {
    let mut settings: Vec<_> = Settings::of(&user.git_dir)?.filters_off().collect();
    let looks = user.personal("config").args(["-z", "--get-regexp", LOOKS]);
    for record in records(&looks.ask()?.unwrap_or_default()) {
        let text = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        let mut parts = record.splitn(2, |byte| *byte == b'\n');
        let key = parts.next().map(text).unwrap_or_default();
        // A key alone means yes.
        let value = parts.next().map_or_else(|| "true".into(), text);
        settings.push((key, value));
    }
    let attributes = user.personal("config");
    let attributes = attributes.args(["--type=path", "--default", USUAL_ATTRIBUTES]);
    if let Ok(path) = attributes.args(["--get", "core.attributesFile"]).path() {
        settings.push(("core.attributesFile".into(), path.into()));
    }
    // What git keeps beside the entries of an index stays or is made anew; only a monitor is not
    // asked.
    settings.push(("core.untrackedCache".into(), "keep".into()));
    settings.push(("core.splitIndex".into(), "false".into()));
    Ok(settings)
}
