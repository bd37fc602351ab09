//! A repository, bit by bit: what must be the same afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use crate::sandbox::Sandbox;

/// What git adds to, and what rgpt keeps for itself.
const GROWS: [&str; 6] = [
    ".rgpt",
    ".git/objects",
    ".git/logs",
    ".git/index",
    ".git/worktrees",
    ".git/refs/heads",
];

/// Everything of a repository.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    /// By path: what it is, its rights, its content; and its time of change.
    files: BTreeMap<String, (String, (i64, i64))>,
    /// Every entry with its flags, by path and stage.
    index: BTreeMap<String, String>,
    refs: BTreeMap<String, String>,
    status: String,
}

impl Picture {
    pub(super) fn of(sandbox: &Sandbox) -> Self {
        let mut files = BTreeMap::new();
        collect(sandbox.folder(), "", &mut files);
        let entry = |record: &str| {
            let (meta, path) = record.split_once('\t').unwrap();
            let stage = meta.rsplit(' ').next().unwrap();
            (format!("{path} {stage}"), meta.to_owned())
        };
        let index = git(sandbox, &["ls-files", "-z", "--stage", "-v"]);
        let index = index.split_terminator('\0').map(entry).collect();
        let refs = git(
            sandbox,
            &["for-each-ref", "--format=%(refname) %(objectname)"],
        );
        let mut refs: BTreeMap<String, String> = refs
            .lines()
            .map(|line| line.split_once(' ').unwrap())
            .map(|(name, at)| (name.to_owned(), at.to_owned()))
            .collect();
        let head = sandbox.folder().join(".git/HEAD");
        let head = std::fs::read_to_string(head).unwrap_or_default();
        refs.insert("HEAD".to_owned(), head);
        refs.insert("stash log".to_owned(), git(sandbox, &["stash", "list"]));
        Self {
            files,
            index,
            refs,
            status: git(sandbox, &["status", "--porcelain=v1", "--ignored"]),
        }
    }

    /// The commit of a branch.
    pub(super) fn reference(&self, branch: &str) -> Option<&String> {
        self.refs.get(&format!("refs/heads/{branch}"))
    }

    pub(super) fn status(&self) -> &str {
        &self.status
    }

    /// Every path outside `.git`.
    pub(super) fn paths(&self) -> Vec<String> {
        let outside = |path: &&String| !path.starts_with(".git/");
        self.files.keys().filter(outside).cloned().collect()
    }

    /// Asserts that nothing at all differs.
    pub(super) fn assert_same(&self, now: &Self) {
        self.assert_same_but(now, &[], None);
        assert_eq!(self.status, now.status);
    }

    /// Asserts that nothing differs but these files, on disk and in the index, and a branch.
    pub(super) fn assert_same_but(&self, now: &Self, touched: &[&str], branch: Option<&str>) {
        let of_touched = |path: &str| {
            let folder = |file: &&&str| file.starts_with(&format!("{path}/"));
            touched.contains(&path) || touched.iter().find(folder).is_some()
        };
        let mut differences = differing(&self.files, &now.files);
        differences.retain(|path, _| !of_touched(path));
        let mut entries = differing(&self.index, &now.index);
        entries.retain(|entry, _| !of_touched(entry.rsplit_once(' ').unwrap().0));
        let mut refs = differing(&self.refs, &now.refs);
        refs.retain(|name, _| {
            Some(name.as_str()) != branch.map(|b| format!("refs/heads/{b}")).as_deref()
        });
        assert!(differences.is_empty(), "files: {differences:#?}");
        assert!(entries.is_empty(), "index: {entries:#?}");
        assert!(refs.is_empty(), "refs: {refs:#?}");
    }

    /// Asserts that nothing differs but when these files were last written.
    pub(super) fn assert_same_but_times(&self, now: &Self, touched: &[&str]) {
        let timeless = |picture: &Self| {
            let mut picture = picture.clone();
            for path in touched {
                if let Some(file) = picture.files.get_mut(*path) {
                    file.1 = (0, 0);
                }
            }
            picture
        };
        timeless(self).assert_same(&timeless(now));
    }
}

/// Runs git without letting it write the index or run what was planted, and gives all it printed.
pub(super) fn git(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let mut command = sandbox.start("git");
    command.env("GIT_OPTIONAL_LOCKS", "0");
    let harmless = ["core.fsmonitor=false", "core.hooksPath=/dev/null"];
    for setting in harmless {
        command.args(["-c", setting]);
    }
    let output = command.args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}

pub(super) fn mode(sandbox: &Sandbox, path: &str) -> u32 {
    let meta = std::fs::metadata(sandbox.folder().join(path)).unwrap();
    meta.permissions().mode() & 0o7777
}

pub(super) fn set_mode(sandbox: &Sandbox, path: &str, mode: u32) {
    let permissions = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(sandbox.folder().join(path), permissions).unwrap();
}

fn differing<V: PartialEq + Clone>(
    before: &BTreeMap<String, V>,
    after: &BTreeMap<String, V>,
) -> BTreeMap<String, (Option<V>, Option<V>)> {
    let all: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    all.into_iter()
        .filter(|key| before.get(*key) != after.get(*key))
        .map(|key| {
            (
                key.clone(),
                (before.get(key).cloned(), after.get(key).cloned()),
            )
        })
        .collect()
}

fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, (String, (i64, i64))>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if GROWS.contains(&path.as_str()) {
            continue;
        }
        let meta = entry.path().symlink_metadata().unwrap();
        let mode = meta.mode();
        let (what, time) = if meta.is_symlink() {
            let target = std::fs::read_link(entry.path()).unwrap();
            (format!("link to {}", target.display()), (0, 0))
        } else if meta.is_dir() {
            collect(&entry.path(), &format!("{path}/"), files);
            (format!("folder {mode:o}"), (0, 0))
        } else {
            let content = std::fs::read(entry.path()).unwrap();
            let content = String::from_utf8_lossy(&content).into_owned();
            (
                format!("file {mode:o} {content:?}"),
                (meta.mtime(), meta.mtime_nsec()),
            )
        };
        files.insert(path, (what, time));
    }
}
