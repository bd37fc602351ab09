//! The environment and the cache folders of commands: what is named here is passed on, nothing else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Variables that are passed on as they are, if they are set.
const PASSED: &[&str] = &[
    "PATH",
    "USER",
    "LOGNAME",
    "LANG",
    "LANGUAGE",
    "TZ",
    "SHELL",
    "GOROOT",
    "GOTOOLCHAIN",
    "JAVA_HOME",
    "MAVEN_HOME",
    "GRADLE_HOME",
    "PYENV_VERSION",
    "NODE_VERSION",
    "DOTNET_ROOT",
];

/// Places that tools look up beneath HOME: the variable that names the place, and where it is without one.
/// With a private HOME the variable is set to the real place, if that exists.
const PLACES: &[(&str, &str)] = &[
    ("CARGO_HOME", ".cargo"),
    ("RUSTUP_HOME", ".rustup"),
    ("GOPATH", "go"),
    ("GOCACHE", ".cache/go-build"),
    ("GOMODCACHE", "go/pkg/mod"),
    ("PYENV_ROOT", ".pyenv"),
    ("RBENV_ROOT", ".rbenv"),
    ("NVM_DIR", ".nvm"),
    ("VOLTA_HOME", ".volta"),
    ("PNPM_HOME", ".local/share/pnpm"),
    ("SDKMAN_DIR", ".sdkman"),
    ("ASDF_DATA_DIR", ".asdf"),
    ("GRADLE_USER_HOME", ".gradle"),
    ("DENO_DIR", ".cache/deno"),
    ("PIP_CACHE_DIR", ".cache/pip"),
    ("UV_CACHE_DIR", ".cache/uv"),
    ("npm_config_cache", ".npm"),
];

/// What is the same for every command: nothing asks, pages or colours. Python writes no compiled
/// files: it tells a stale one by size and whole seconds only, and trees change faster than that.
const FIXED: &[(&str, &str)] = &[
    ("TERM", "dumb"),
    ("NO_COLOR", "1"),
    ("PAGER", "cat"),
    ("GIT_PAGER", "cat"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("PYTHONDONTWRITEBYTECODE", "1"),
];

/// Caches beneath one of the [`PLACES`]; empty means the place itself.
const CACHES: &[(&str, &str)] = &[
    ("CARGO_HOME", "registry"),
    ("CARGO_HOME", "git"),
    ("CARGO_HOME", ".package-cache"),
    ("CARGO_HOME", ".package-cache-mutate"),
    ("CARGO_HOME", ".global-cache"),
    ("GOCACHE", ""),
    ("GOMODCACHE", ""),
    ("DENO_DIR", ""),
    ("PIP_CACHE_DIR", ""),
    ("UV_CACHE_DIR", ""),
    ("GRADLE_USER_HOME", "caches"),
    ("GRADLE_USER_HOME", "daemon"),
    ("GRADLE_USER_HOME", "wrapper/dists"),
    ("npm_config_cache", "_cacache"),
    ("npm_config_cache", "_logs"),
    ("PNPM_HOME", "store"),
];

/// Caches for which no variable stands, beneath HOME.
const HOME_CACHES: &[&str] = &[
    ".m2/repository",
    ".cache/yarn",
    ".cache/node/corepack",
    ".yarn/berry",
    ".bun/install/cache",
    ".cache/ccache",
    ".cache/sccache",
];

/// The caches without which a program does not work, and which it cannot make itself when it is confined: the program,
/// and the cache as in [`CACHES`].
const NEEDED: &[(&str, &str, &str)] = &[
    ("go", "GOCACHE", ""),
    ("go", "GOMODCACHE", ""),
    ("npm", "npm_config_cache", "_cacache"),
    ("npm", "npm_config_cache", "_logs"),
    ("pnpm", "PNPM_HOME", "store"),
];

/// Whose HOME a command has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HomeChoice {
    /// The person's, for their own checks and set-up commands.
    User,
    /// A private folder, for a model's commands; toolchains are still found at their real places.
    Private(PathBuf),
}

/// The complete environment of a command, sorted by name.
///
/// `process` is rgpt's own, `pass` names further variables of it that the person passes on, `extra` is set for this
/// command, `tmp` is its private folder for temporary files. Keys, tokens, `LD_*`, `GIT_*`, proxies and
/// all else that is not listed stay behind unless `pass` names them.
pub fn commands(
    process: &BTreeMap<String, String>,
    pass: &[String],
    extra: &BTreeMap<String, String>,
    tmp: &Path,
    home: HomeChoice,
) -> Vec<(String, String)> {
    let mut env: BTreeMap<String, String> = process
        .iter()
        .filter(|(name, _)| passed(name) || pass.contains(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    match home {
        HomeChoice::User => {
            if let Some(home) = process.get("HOME") {
                env.insert("HOME".into(), home.clone());
            }
        }
        HomeChoice::Private(private) => {
            for (name, _) in PLACES {
                if let Some(place) = place(process, name).filter(|place| place.exists()) {
                    env.insert((*name).to_owned(), text(&place));
                }
            }
            env.insert("HOME".into(), text(&private));
        }
    }
    for (name, value) in FIXED {
        env.insert((*name).to_owned(), (*value).to_owned());
    }
    env.insert("TMPDIR".into(), text(tmp));
    env.extend(
        extra
            .iter()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    env.into_iter().collect()
}

/// The variables of a command in a container: what is the same everywhere, the language, what the person passes on and
/// what is set for it. Search path, home and toolchains are the image's own.
pub fn contained(
    process: &BTreeMap<String, String>,
    pass: &[String],
    extra: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let language = |name: &String| {
        matches!(name.as_str(), "LANG" | "LANGUAGE" | "TZ") || name.starts_with("LC_")
    };
    let own = process
        .iter()
        .filter(|(name, _)| language(name) || pass.contains(name));
    let fixed = FIXED.iter().map(|(name, value)| (*name, *value));
    let set = extra
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let own = own.map(|(name, value)| (name.as_str(), value.as_str()));
    own.chain(fixed)
        .chain(set)
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The variables by which docker and podman find what they talk to, and where they keep things.
pub(super) fn container_client(process: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    const NAMES: [&str; 7] = [
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "TMPDIR",
        "SSH_AUTH_SOCK",
        "DBUS_SESSION_BUS_ADDRESS",
    ];
    const BEGINNINGS: [&str; 4] = ["DOCKER_", "CONTAINER_", "CONTAINERS_", "XDG_"];
    let needed = |name: &String| {
        NAMES.contains(&name.as_str()) || BEGINNINGS.iter().any(|start| name.starts_with(start))
    };
    process
        .iter()
        .filter(|(name, _)| needed(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The folders and files outside a worktree that commands may write, as far as they exist: the download and compile
/// caches of the common tools, without which their builds fail or start from nothing, and `/dev/shm`, without
/// which Python's multiprocessing has no locks. Of CARGO_HOME only the caches: neither its configuration,
/// credentials nor installed programs.
pub fn caches(process: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let named = CACHES.iter().filter_map(|(name, beneath)| {
        place(process, name).map(|place| match *beneath {
            "" => place,
            beneath => place.join(beneath),
        })
    });
    let home = process.get("HOME").map(PathBuf::from);
    let homely = HOME_CACHES
        .iter()
        .filter_map(|beneath| home.as_ref().map(|home| home.join(beneath)));
    named
        .chain(homely)
        .chain([PathBuf::from("/dev/shm")])
        .filter(|path| path.is_absolute() && path.exists())
        .collect()
}

/// Makes the caches that the programs in a person's command line need, if they are not there yet: a confined program
/// cannot. Failing is harmless; the program will say what it misses.
pub fn make_needed_caches(process: &BTreeMap<String, String>, line: &str) {
    let words: Vec<&str> = line
        .split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.')))
        .collect();
    for (program, name, beneath) in NEEDED {
        if words.contains(program)
            && let Some(place) = place(process, name).filter(|place| place.is_absolute())
        {
            drop(std::fs::create_dir_all(place.join(beneath)));
        }
    }
}

/// What of the [`caches`] a model's commands may write: the files with which tools lock them, and
/// nothing that a later build would read. What is not there yet has to be fetched by a check or a
/// set-up command of the person's.
pub fn locks(process: &BTreeMap<String, String>) -> Vec<PathBuf> {
    const LOCKS: [&str; 3] = [".package-cache", ".package-cache-mutate", ".global-cache"];
    let home = place(process, "CARGO_HOME");
    LOCKS
        .iter()
        .filter_map(|lock| home.as_ref().map(|home| home.join(lock)))
        .filter(|path| path.is_absolute() && path.exists())
        .collect()
}

fn passed(name: &str) -> bool {
    PASSED.contains(&name)
        || name.starts_with("LC_")
        || PLACES.iter().any(|(place, _)| *place == name)
}

/// Where the place named by the variable `name` is: where the variable says, else at its usual place beneath HOME.
fn place(process: &BTreeMap<String, String>, name: &str) -> Option<PathBuf> {
    if let Some(path) = process.get(name).filter(|path| !path.is_empty()) {
        return Some(PathBuf::from(path));
    }
    let (_, beneath) = PLACES.iter().find(|(place, _)| *place == name)?;
    Some(Path::new(process.get("HOME")?).join(beneath))
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect()
    }

    fn person(home: &Path) -> BTreeMap<String, String> {
        let mut env = map(&[
            ("PATH", "/opt/bin:/usr/bin"),
            ("LC_ALL", "C.UTF-8"),
            ("OPENAI_API_KEY", "sk-1"),
            ("GITHUB_TOKEN", "t"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
            ("LD_PRELOAD", "/x.so"),
            ("GIT_DIR", "/x"),
            ("SSH_AUTH_SOCK", "/x"),
            ("HTTPS_PROXY", "http://x"),
            ("RUSTFLAGS", "-x"),
            ("CARGO_BUILD_TARGET_DIR", "/x"),
            ("PYTHONPATH", "/x"),
            ("VIRTUAL_ENV", "/x"),
            ("DATABASE_URL", "postgres://"),
            ("TERM", "xterm"),
        ]);
        env.insert("HOME".into(), text(home));
        env
    }

    #[test]
    fn a_check_has_the_persons_home_and_path_and_no_secrets() {
        let env = commands(
            &person(Path::new("/home/me")),
            &["DATABASE_URL".into()],
            &map(&[("RUST_BACKTRACE", "1")]),
            Path::new("/tmp/private"),
            HomeChoice::User,
        );
        let wanted = map(&[
            ("DATABASE_URL", "postgres://"),
            ("GIT_PAGER", "cat"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("PYTHONDONTWRITEBYTECODE", "1"),
            ("HOME", "/home/me"),
            ("LC_ALL", "C.UTF-8"),
            ("NO_COLOR", "1"),
            ("PAGER", "cat"),
            ("PATH", "/opt/bin:/usr/bin"),
            ("RUST_BACKTRACE", "1"),
            ("TERM", "dumb"),
            ("TMPDIR", "/tmp/private"),
        ]);
        assert_eq!(env, wanted.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn a_models_command_has_a_private_home_and_finds_the_toolchains() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".cargo")).unwrap();
        let mut process = person(home.path());
        process.insert("RUSTUP_HOME".into(), text(home.path()));
        let private = HomeChoice::Private("/tmp/home".into());
        let env = commands(
            &process,
            &[],
            &BTreeMap::new(),
            Path::new("/tmp/t"),
            private,
        );
        let env: BTreeMap<String, String> = env.into_iter().collect();
        assert_eq!(env["HOME"], "/tmp/home");
        assert_eq!(env["CARGO_HOME"], text(&home.path().join(".cargo")));
        assert_eq!(env["RUSTUP_HOME"], text(home.path()));
        assert!(!env.contains_key("GOPATH"), "there is no such folder");
    }

    #[test]
    fn a_first_use_finds_its_caches() {
        let home = tempfile::tempdir().unwrap();
        let process = person(home.path());
        make_needed_caches(&process, "cd app && go test ./...");
        make_needed_caches(&process, "cargo test going npmx");
        assert!(home.path().join(".cache/go-build").is_dir());
        assert!(!home.path().join(".npm").exists());
        let made = home.path().join("go/pkg/mod");
        assert!(caches(&process).contains(&made));
    }

    #[test]
    fn only_caches_that_exist_are_writable_and_no_credentials() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join(".cargo/registry")).unwrap();
        std::fs::create_dir_all(home.path().join(".cargo/bin")).unwrap();
        std::fs::create_dir_all(home.path().join("modules")).unwrap();
        let mut process = person(home.path());
        process.insert("GOMODCACHE".into(), text(&home.path().join("modules")));
        let caches = caches(&process);
        let mine: Vec<_> = caches
            .iter()
            .filter(|path| path.starts_with(home.path()))
            .collect();
        assert_eq!(
            mine,
            [
                &home.path().join(".cargo/registry"),
                &home.path().join("modules")
            ]
        );
    }
}
