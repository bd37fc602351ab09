//! Which files lie in a folder, for those who must know all of them or be told that they cannot.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

/// The most entries that are looked at.
const MAX_ENTRIES: usize = 200_000;
/// How deep is looked.
const MAX_DEPTH: usize = 24;
/// The most bytes of a text.
const MAX_TEXT: u64 = 1024 * 1024;

/// Files in a folder and below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Their paths relative to the folder, sorted.
    pub files: Vec<String>,
    /// Why there may be others, if so.
    pub unsure: Option<String>,
}

/// Lists the files whose names `takes` accepts, in a folder and in those below whose names `enter` accepts. No link is
/// followed, and Python's virtual environments are left out.
pub fn files(folder: &Path, enter: &dyn Fn(&str) -> bool, takes: &dyn Fn(&str) -> bool) -> Listing {
    let mut walk = Walk {
        enter,
        takes,
        entries: 0,
        found: Listing::default(),
    };
    walk.folder(folder, "", 0);
    walk.found.files.sort();
    walk.found
}

/// The text of a file in a folder, if it is a regular one and not too long.
pub fn text(folder: &Path, path: &str) -> Option<String> {
    let path = folder.join(path);
    if !path.symlink_metadata().ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    let file = File::open(path).ok()?;
    let read = file.take(MAX_TEXT + 1).read_to_string(&mut text).ok()?;
    (read as u64 <= MAX_TEXT).then_some(text)
}

struct Walk<'a> {
    enter: &'a dyn Fn(&str) -> bool,
    takes: &'a dyn Fn(&str) -> bool,
    entries: usize,
    found: Listing,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, prefix: &str, depth: usize) {
        let Ok(entries) = fs::read_dir(folder) else {
            self.doubt(format!("{} cannot be read", folder.display()));
            return;
        };
        for entry in entries.flatten() {
            self.entries += 1;
            if self.entries > MAX_ENTRIES || depth > MAX_DEPTH {
                self.doubt("there are too many files to look through".to_owned());
                return;
            }
            let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string()) else {
                continue;
            };
            let path = format!("{prefix}{name}");
            if kind.is_file() && (self.takes)(&name) {
                self.found.files.push(path);
            } else if kind.is_dir() && (self.enter)(&name) {
                if !entry.path().join("pyvenv.cfg").exists() {
                    self.folder(&entry.path(), &format!("{path}/"), depth + 1);
                }
            } else if kind.is_symlink() && self.leads_to_more(&entry.path(), &name) {
                self.doubt(format!("{path} is a link, which may lead to more files"));
            }
        }
    }

    fn leads_to_more(&self, link: &Path, name: &str) -> bool {
        let target = fs::metadata(link);
        (self.takes)(name) || ((self.enter)(name) && target.is_ok_and(|target| target.is_dir()))
    }

    fn doubt(&mut self, why: String) {
        self.found.unsure.get_or_insert(why);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn files_are_found_and_links_are_told_of() {
        let dir = tempfile::tempdir().unwrap();
        for path in [
            "a/test_a.py",
            "test_b.py",
            "venv/pyvenv.cfg",
            "venv/test_c.py",
            "b.txt",
        ] {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let list = || files(dir.path(), &|_| true, &|name| name.ends_with(".py"));
        assert_eq!(list().files, ["a/test_a.py", "test_b.py"]);
        assert_eq!(list().unsure, None);
        symlink("b.txt", dir.path().join("c.txt")).unwrap();
        assert_eq!(list().unsure, None);
        symlink("a", dir.path().join("d")).unwrap();
        assert!(list().unsure.unwrap().contains("d is a link"));
    }
}
