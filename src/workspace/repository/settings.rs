//! What the repository's own configuration says of things that must be known before it is touched.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use crate::workspace::git::{GitCommand, GitError, records};

/// The settings of filters, and those by which a clone is partial.
pub(in crate::workspace) struct Settings(Vec<(Vec<u8>, Option<Vec<u8>>)>);

impl Settings {
    pub(in crate::workspace) fn of(git_dir: &Path) -> Result<Self, GitError> {
        let command = GitCommand::on(git_dir, "config").args([
            "-z",
            "--get-regexp",
            r"^(filter\..*|extensions\.partialclone|remote\..*\.promisor)$",
        ]);
        let answer = command.ask()?.unwrap_or_default();
        // A key, and after a line end its value, if it has one.
        let settings = records(&answer).map(|record| {
            let mut parts = record.splitn(2, |byte| *byte == b'\n');
            let key = parts.next().unwrap_or_default().to_vec();
            (key, parts.next().map(<[u8]>::to_vec))
        });
        Ok(Self(settings.collect()))
    }

    /// Settings that switch every filter of the repository's configuration off.
    pub(in crate::workspace) fn filters_off(
        &self,
    ) -> impl Iterator<Item = (OsString, OsString)> + use<'_> {
        let keys = self.0.iter().map(|(key, _)| key);
        keys.filter(|key| key.starts_with(b"filter.")).map(|key| {
            let off = if key.ends_with(b"required") {
                "false"
            } else {
                ""
            };
            (OsString::from_vec(key.clone()), off.into())
        })
    }

    /// Whether some server has promised objects that are not here.
    pub(super) fn has_promises(&self) -> bool {
        self.0
            .iter()
            .filter(|(key, _)| !key.starts_with(b"filter."))
            .any(|(_, value)| value.as_deref() != Some(b"false"))
    }
}
