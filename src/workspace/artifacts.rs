//! Keeping files that a command leaves: those that it names, and those that match globs.
//!
//! What is named is hostile, and so is what lies there: only regular files beneath the tree that the command itself has
//! written are taken, no link is followed, and how much is kept is bounded. Start at [`Gathering::begin`].

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{FileType, OFlags};

use super::edit::Held;
use super::written::Watch;

/// The most files that are kept of one command.
const MAX_FILES: usize = 200;
/// The most bytes of one file, and of all together.
const MAX_FILE: u64 = 64 * 1024 * 1024;
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// What a command may leave, from before it runs.
#[derive(Debug)]
pub struct Gathering {
    held: Held,
    /// Where it runs, relative to what is held.
    folder: PathBuf,
    watch: Watch,
    /// Seconds and nanoseconds before which nothing was written by it.
    since: (i64, i64),
}

/// A file that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its path in the tree.
    pub name: String,
    /// Where the copy is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
}

impl Gathering {
    /// Begins before a command runs in `folder` of the tree at `root`; in `scratch` a file can be made.
    ///
    /// # Errors
    /// The tree cannot be opened, a glob is none, or `scratch` cannot be written.
    pub fn begin(root: &Path, folder: &Path, globs: &[String], scratch: &Path) -> io::Result<Self> {
        // The time as files get it: it runs a little behind other clocks.
        let mark = scratch.join("artifacts-since");
        let made = File::create(&mark)?.metadata()?;
        fs::remove_file(&mark)?;
        Ok(Self {
            held: Held::open(root)?,
            folder: folder.components().filter(is_name).collect(),
            watch: Watch::begin(root, folder, globs)?,
            since: (made.ctime(), made.ctime_nsec()),
        })
    }

    /// Keeps what there is in `to`, and says how many files were too large or too many. `named` are the names that the
    /// command gives. Only if there is anything to keep, `prepare` is called and then `to` made.
    ///
    /// # Errors
    /// A copy cannot be written.
    pub fn end(
        self,
        named: &[String],
        to: &Path,
        prepare: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<(Vec<Kept>, usize)> {
        let changed = self.watch.changed();
        let matching = changed.iter().filter_map(|path| self.inside(path));
        let mut paths: BTreeSet<String> = matching.collect();
        paths.extend(named.iter().filter_map(|name| self.inside(name)));
        let (mut kept, mut left_out, mut room) = (Vec::new(), 0, MAX_BYTES);
        let mut prepare = Some(prepare);
        for name in paths {
            let Some(file) = self.open(&name) else {
                continue;
            };
            let most = room.min(MAX_FILE);
            if kept.len() == MAX_FILES || file.metadata()?.len() > most {
                left_out += 1;
                continue;
            }
            if let Some(prepare) = prepare.take() {
                prepare()?;
            }
            let path = to.join(&name);
            let size = copy(file, &path, most)?;
            room -= size;
            kept.push(Kept { name, path, size });
        }
        Ok((kept, left_out))
    }

    /// A name as a path in the tree, if it leads there.
    fn inside(&self, name: &str) -> Option<String> {
        let path = Path::new(name.strip_prefix("file://").unwrap_or(name));
        let relative = match path.strip_prefix(self.held.path()) {
            Ok(inside) => inside.to_owned(),
            Err(_) if path.is_absolute() => return None,
            Err(_) => self.folder.join(path),
        };
        let mut parts: Vec<&str> = Vec::new();
        for part in relative.components() {
            match part {
                Component::Normal(part) => parts.push(part.to_str()?),
                Component::ParentDir => drop(parts.pop()?),
                Component::CurDir => {}
                Component::RootDir | Component::Prefix(_) => return None,
            }
        }
        let own = parts.iter().any(|part| matches!(*part, ".git" | ".rgpt"));
        (!parts.is_empty() && !own).then(|| parts.join("/"))
    }

    /// The file at a path, if it is a regular one that was written since.
    fn open(&self, path: &str) -> Option<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let file = File::from(self.held.open_beneath(path, flags).ok()?);
        let stat = rustix::fs::fstat(&file).ok()?;
        let meta = file.metadata().ok()?;
        let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        (regular && (meta.ctime(), meta.ctime_nsec()) >= self.since).then_some(file)
    }
}

fn is_name(part: &Component<'_>) -> bool {
    matches!(part, Component::Normal(_))
}

/// Copies at most `most` bytes into a new file, for the owner's eyes only.
fn copy(from: File, to: &Path, most: u64) -> io::Result<u64> {
    if let Some(folder) = to.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(to)?;
    io::copy(&mut from.take(most), &mut file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    struct Tree(tempfile::TempDir);

    impl Tree {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir_all(dir.path().join("tree/app")).unwrap();
            Self(dir)
        }

        fn root(&self) -> PathBuf {
            self.0.path().canonicalize().unwrap().join("tree")
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.root().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn begin(&self, globs: &[&str]) -> Gathering {
            let globs: Vec<String> = globs.iter().map(|glob| (*glob).to_owned()).collect();
            // Files have the time of the last tick.
            std::thread::sleep(std::time::Duration::from_millis(20));
            Gathering::begin(&self.root(), Path::new("./app"), &globs, self.0.path()).unwrap()
        }

        fn end(&self, gathering: Gathering, named: &[&str]) -> (Vec<String>, usize) {
            let named: Vec<String> = named.iter().map(|name| (*name).to_owned()).collect();
            let to = self.0.path().join("kept");
            let (kept, left_out) = gathering.end(&named, &to, || Ok(())).unwrap();
            for one in &kept {
                assert_eq!(fs::metadata(&one.path).unwrap().len(), one.size);
            }
            (kept.into_iter().map(|one| one.name).collect(), left_out)
        }
    }

    #[test]
    fn what_is_named_or_matches_and_is_new_is_kept() {
        let tree = Tree::new();
        tree.write("app/old.png", "old");
        let gathering = tree.begin(&["out/**/*.txt"]);
        for path in ["app/a.png", "shots/b.png", "app/out/x/c.txt", "app/d.txt"] {
            tree.write(path, "new");
        }
        let absolute = tree.root().join("app/a.png").display().to_string();
        let named = [
            &*absolute,
            "./a.png",
            "../shots/b.png",
            "old.png",
            "none.png",
        ];
        assert_eq!(
            tree.end(gathering, &named),
            (
                ["app/a.png", "app/out/x/c.txt", "shots/b.png"]
                    .map(str::to_owned)
                    .to_vec(),
                0
            )
        );
    }

    #[test]
    fn nothing_leads_out_of_the_tree() {
        let tree = Tree::new();
        let gathering = tree.begin(&["*.png"]);
        fs::write(tree.0.path().join("secret.png"), "secret").unwrap();
        let root = tree.root();
        symlink("../../secret.png", root.join("app/link.png")).unwrap();
        symlink("../..", root.join("app/up")).unwrap();
        tree.write(".git/config.png", "");
        rustix::fs::mkfifoat(
            rustix::fs::CWD,
            root.join("app/pipe.png"),
            rustix::fs::Mode::RUSR,
        )
        .unwrap();
        let named = [
            "../../secret.png",
            "/etc/passwd",
            "link.png",
            "up/secret.png",
            "../.git/config.png",
            "pipe.png",
            "..",
            "",
        ];
        assert_eq!(tree.end(gathering, &named), (Vec::new(), 0));
        assert!(!tree.0.path().join("kept").exists());
    }

    #[test]
    fn how_much_is_kept_is_bounded() {
        let tree = Tree::new();
        let gathering = tree.begin(&["*.txt", "*.bin"]);
        for number in 0..MAX_FILES + 3 {
            tree.write(&format!("app/{number}.txt"), "");
        }
        File::create(tree.root().join("app/0.bin"))
            .unwrap()
            .set_len(MAX_FILE + 1)
            .unwrap();
        let (kept, left_out) = tree.end(gathering, &[]);
        assert_eq!((kept.len(), left_out), (MAX_FILES, 4));
    }
}
