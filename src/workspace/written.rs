//! The files that a command writes: those that match globs and are new or changed when it has ended.
//!
//! What a repository's commands leave is hostile: no link is followed, only regular files are read, and how much is
//! looked at and read is bounded. Start at [`Watch::begin`].

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use rustix::fs::{AtFlags, Dir, FileType, OFlags, Stat};

use super::edit::Held;

/// The most bytes that are read of all files together.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// The most files that are read.
const MAX_FILES: usize = 2000;
/// The most directory entries that are looked at.
const MAX_ENTRIES: usize = 200_000;
/// How deep below a glob's fixed part is looked.
const MAX_DEPTH: usize = 24;

/// Files as they were before a command.
#[derive(Debug)]
pub struct Watch {
    place: Place,
    before: HashMap<String, Stamp>,
}

/// What a command wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Path relative to the folder, and content with invalid UTF-8 replaced; sorted by path.
    pub files: Vec<(String, String)>,
    /// Files that match but were there before and have not changed.
    pub stale: usize,
    /// Why not everything could be read, if so.
    pub missing: Option<String>,
}

/// By what a file is known to be the one that was there before. Setting a file's times back changes its `ctime`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: i64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    #[expect(
        clippy::unnecessary_cast,
        reason = "the types of these fields differ between platforms"
    )]
    fn of(stat: &Stat) -> Self {
        Self {
            inode: stat.st_ino as u64,
            size: stat.st_size as i64,
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        }
    }
}

impl Watch {
    /// Looks at what matches `globs`, which are relative to `folder`, itself relative to `root` and reached without
    /// links.
    ///
    /// # Errors
    /// `root` cannot be opened, or a glob is none.
    pub fn begin(root: &Path, folder: &Path, globs: &[String]) -> io::Result<Self> {
        let place = Place::new(root, folder, globs)?;
        let before = place.matching().found.into_iter().collect();
        Ok(Self { place, before })
    }

    /// The paths, relative to the folder, of what is new or changed since.
    pub fn changed(&self) -> Vec<String> {
        let found = self.place.matching().found.into_iter();
        found
            .filter(|(path, stamp)| self.before.get(path) != Some(stamp))
            .map(|(path, _)| path)
            .collect()
    }

    /// Reads what is new or changed since.
    pub fn end(self) -> Written {
        let search = self.place.matching();
        let mut written = Written::default();
        if search.cut {
            written.missing = Some("there are too many files to look through".to_owned());
        }
        let mut left = MAX_BYTES;
        for (path, stamp) in search.found {
            if self.before.get(&path) == Some(&stamp) {
                written.stale += 1;
                continue;
            }
            if written.files.len() == MAX_FILES {
                written.missing = Some(format!("there are more than {MAX_FILES} report files"));
                break;
            }
            match self.place.read(&path, left) {
                Ok(Some(content)) => {
                    left = left.saturating_sub(content.len() as u64);
                    let text = String::from_utf8_lossy(&content).into_owned();
                    written.files.push((path, text));
                }
                Ok(None) => {
                    let most = MAX_BYTES / (1024 * 1024);
                    written.missing = Some(format!("the report files have more than {most} MiB"));
                    break;
                }
                Err(error) => written.missing = Some(format!("cannot read {path}: {error}")),
            }
        }
        written
    }
}

/// Where is looked, and for what.
#[derive(Debug)]
struct Place {
    held: Held,
    /// The folder relative to what is held; empty for that itself.
    folder: String,
    globs: GlobSet,
    /// The folders in which the globs begin to have wildcards.
    bases: Vec<String>,
}

#[derive(Default)]
struct Search {
    /// Sorted by path.
    found: Vec<(String, Stamp)>,
    entries: usize,
    /// Whether not everything was looked at.
    cut: bool,
}

impl Place {
    fn new(root: &Path, folder: &Path, globs: &[String]) -> io::Result<Self> {
        let mut set = GlobSetBuilder::new();
        let mut bases: Vec<String> = Vec::new();
        for glob in globs {
            let glob = glob.trim_start_matches("./");
            let built = GlobBuilder::new(glob).literal_separator(true).build();
            set.add(built.map_err(io::Error::other)?);
            bases.push(base(glob));
        }
        bases.sort();
        bases.dedup();
        let all = bases.clone();
        bases.retain(|base| {
            !all.iter()
                .any(|above| base != above && is_below(base, above))
        });
        let folder = folder.to_string_lossy();
        let parts = folder.split('/').filter(|part| !matches!(*part, "" | "."));
        Ok(Self {
            held: Held::open(root)?,
            folder: parts.collect::<Vec<_>>().join("/"),
            globs: set.build().map_err(io::Error::other)?,
            bases,
        })
    }

    fn matching(&self) -> Search {
        let mut search = Search::default();
        for base in &self.bases {
            self.walk(base, 0, &mut search);
        }
        search.found.sort_by(|a, b| a.0.cmp(&b.0));
        search
    }

    /// Collects what matches in a folder and below. What cannot be opened, or vanished meanwhile, is not there.
    fn walk(&self, folder: &str, depth: usize, search: &mut Search) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let whole = match join(&self.folder, folder) {
            path if path.is_empty() => ".".to_owned(),
            path => path,
        };
        let Ok(opened) = self.held.open_beneath(&whole, flags) else {
            return;
        };
        let Ok(entries) = Dir::read_from(&opened) else {
            return;
        };
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            if matches!(name, "." | ".." | ".git" | "node_modules") {
                continue;
            }
            search.entries += 1;
            if search.entries > MAX_ENTRIES {
                search.cut = true;
                return;
            }
            let Ok(stat) = rustix::fs::statat(&opened, name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            let path = join(folder, name);
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile if self.globs.is_match(&path) => {
                    search.found.push((path, Stamp::of(&stat)));
                }
                FileType::Directory if depth < MAX_DEPTH => self.walk(&path, depth + 1, search),
                FileType::Directory => search.cut = true,
                _ => {}
            }
        }
    }

    /// The content of a file; `None` if it has more than `most` bytes.
    fn read(&self, path: &str, most: u64) -> io::Result<Option<Vec<u8>>> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let file = File::from(self.held.open_beneath(&join(&self.folder, path), flags)?);
        let mut content = Vec::new();
        file.take(most.saturating_add(1))
            .read_to_end(&mut content)?;
        Ok((content.len() as u64 <= most).then_some(content))
    }
}

/// The folders of a glob before the first part with a wildcard.
fn base(glob: &str) -> String {
    let folders = glob.rsplit_once('/').map_or("", |(folders, _)| folders);
    let fixed = folders
        .split('/')
        .take_while(|part| !part.contains(['*', '?', '[', '{', '\\']))
        .filter(|part| !matches!(*part, "" | "."));
    fixed.collect::<Vec<_>>().join("/")
}

fn is_below(folder: &str, above: &str) -> bool {
    above.is_empty()
        || folder
            .strip_prefix(above)
            .is_some_and(|rest| rest.starts_with('/'))
}

fn join(folder: &str, name: &str) -> String {
    match (folder.is_empty(), name.is_empty()) {
        (true, _) => name.to_owned(),
        (_, true) => folder.to_owned(),
        _ => format!("{folder}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use rustix::fs::Mode;

    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.0.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }

        fn watch(&self, folder: &str, globs: &[&str]) -> Watch {
            let globs: Vec<String> = globs.iter().map(|glob| (*glob).to_owned()).collect();
            Watch::begin(self.0.path(), Path::new(folder), &globs).unwrap()
        }
    }

    fn paths(written: &Written) -> Vec<&str> {
        written
            .files
            .iter()
            .map(|(path, _)| path.as_str())
            .collect()
    }

    #[test]
    fn only_what_is_new_or_changed_counts() {
        let folder = Folder::new();
        folder.write("out/old.xml", "old");
        folder.write("out/again.xml", "old");
        let watch = folder.watch("", &["out/*.xml"]);
        folder.write("out/again.xml", "new");
        folder.write("out/new.xml", "new");
        folder.write("out/new.txt", "no report");
        folder.write("out/deeper/new.xml", "too deep for the glob");
        let written = watch.end();
        assert_eq!(paths(&written), ["out/again.xml", "out/new.xml"]);
        assert_eq!((written.stale, written.missing), (1, None));
    }

    #[test]
    fn a_file_whose_time_was_set_back_has_changed() {
        let folder = Folder::new();
        folder.write("a.xml", "old");
        let path = folder.0.path().join("a.xml");
        let time = std::fs::metadata(&path).unwrap().modified().unwrap();
        let watch = folder.watch(".", &["*.xml"]);
        std::fs::write(&path, "new").unwrap();
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(time)
            .unwrap();
        assert_eq!(watch.end().files, [("a.xml".to_owned(), "new".to_owned())]);
    }

    #[test]
    fn globs_are_relative_to_the_folder_and_reach_below() {
        let folder = Folder::new();
        let watch = folder.watch("app", &["**/TEST-*.xml"]);
        folder.write("app/a/target/TEST-a.xml", "");
        folder.write("app/TEST-b.xml", "");
        folder.write("TEST-outside.xml", "");
        folder.write("app/node_modules/x/TEST-theirs.xml", "");
        assert_eq!(paths(&watch.end()), ["TEST-b.xml", "a/target/TEST-a.xml"]);
    }

    #[test]
    fn links_are_not_followed_and_pipes_not_read() {
        let folder = Folder::new();
        let outside = Folder::new();
        outside.write("a.xml", "secret");
        let watch = folder.watch("", &["**/*.xml"]);
        symlink(outside.0.path(), folder.0.path().join("out")).unwrap();
        symlink(
            outside.0.path().join("a.xml"),
            folder.0.path().join("a.xml"),
        )
        .unwrap();
        let fifo = folder.0.path().join("b.xml");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, Mode::RUSR).unwrap();
        assert_eq!(watch.end(), Written::default());
    }

    #[test]
    fn too_much_is_said() {
        let folder = Folder::new();
        let watch = folder.watch("", &["*.xml"]);
        let file = File::create(folder.0.path().join("a.xml")).unwrap();
        file.set_len(MAX_BYTES + 1).unwrap();
        let written = watch.end();
        assert!(written.files.is_empty());
        assert_eq!(
            written.missing.unwrap(),
            "the report files have more than 64 MiB"
        );
    }

    #[test]
    fn the_fixed_part_of_a_glob_is_where_the_search_begins() {
        let found = [
            "target/surefire-reports/*.xml",
            "junit.xml",
            "**/a.xml",
            "a/b*/c.xml",
        ]
        .map(base);
        assert_eq!(found, ["target/surefire-reports", "", "", "a"]);
    }
}
