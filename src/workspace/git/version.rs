//! Which git this is, and what that allows.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::sync::OnceLock;

use super::{Command, GitError, Stdio};

/// The oldest git that is supported.
pub(super) const OLDEST: Version = Version {
    major: 2,
    minor: 34,
};

/// The first git that knows `core.fsync`.
const KNOWS_FSYNC: Version = Version {
    major: 2,
    minor: 36,
};

/// A git version, as far as features depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl Version {
    /// Reads `git version 2.39.5 (Apple Git-154)` and the like.
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split_whitespace().nth(2)?.split('.');
        let major = numbers.next()?.parse().ok()?;
        let minor = numbers.next()?.parse().ok()?;
        Some(Self { major, minor })
    }
}

/// The version of the git on the search path, asked once.
///
/// # Errors
/// No git, one that does not say its version, or one older than 2.34.
pub fn git_version() -> Result<Version, GitError> {
    static FOUND: OnceLock<Version> = OnceLock::new();
    if let Some(version) = FOUND.get() {
        return Ok(*version);
    }
    let version = ask()?;
    if version < OLDEST {
        return Err(GitError::TooOld { found: version });
    }
    Ok(*FOUND.get_or_init(|| version))
}

/// The setting that makes git sync what it writes; by default it syncs no loose object.
pub(super) fn durability() -> Result<(&'static str, &'static str), GitError> {
    Ok(durability_of(git_version()?))
}

fn durability_of(version: Version) -> (&'static str, &'static str) {
    if version >= KNOWS_FSYNC {
        ("core.fsync", "all")
    } else {
        ("core.fsyncObjectFiles", "true")
    }
}

#[expect(clippy::disallowed_methods, reason = "the home of git processes")]
fn ask() -> Result<Version, GitError> {
    let words = "git version";
    let mut command = Command::new("git");
    command
        .arg("version")
        .env("PATH", search_path())
        .stdin(Stdio::null());
    let output = command.output();
    let output = output.map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => GitError::Missing,
        _ => GitError::Io {
            words: words.into(),
            source,
        },
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    Version::parse(&text).ok_or_else(|| GitError::Answer {
        words: words.into(),
        answer: text.trim().to_owned(),
    })
}

/// Where git is looked for: the person's search path without the parts that mean "where I am",
/// since that is often a folder that a command could have put a `git` into.
#[expect(
    clippy::disallowed_methods,
    reason = "how git is found is part of starting it"
)]
pub(super) fn search_path() -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    only_absolute(&path)
}

fn only_absolute(path: &OsStr) -> OsString {
    let parts = std::env::split_paths(path).filter(|part| part.is_absolute());
    std::env::join_paths(parts).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_git_says() {
        let read = |text| Version::parse(text).map(|v| (v.major, v.minor));
        assert_eq!(read("git version 2.34.1"), Some((2, 34)));
        assert_eq!(read("git version 2.39.5 (Apple Git-154)"), Some((2, 39)));
        assert_eq!(read("git version 3.0.rc1"), Some((3, 0)));
        assert_eq!(read("something else"), None);
        assert!(Version { major: 2, minor: 9 } < OLDEST);
    }

    #[test]
    fn git_is_never_looked_for_in_the_current_folder() {
        assert_eq!(
            only_absolute(OsStr::new(".:/usr/bin::bin:/bin")),
            "/usr/bin:/bin"
        );
    }

    #[test]
    fn an_older_git_syncs_by_its_older_setting() {
        assert_eq!(durability_of(OLDEST).0, "core.fsyncObjectFiles");
        assert_eq!(durability_of(KNOWS_FSYNC).0, "core.fsync");
    }
}
