//! A person's machine in a temporary folder: a home, configuration, caches and a repository of
//! their own. Start at [`Sandbox::new`].
//!
//! The repository holds a greeting and a check that refuses a bad one; the model answers from a
//! script, see [`Sandbox::script`].

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// The program under test.
pub(crate) const RGPT: &str = env!("CARGO_BIN_EXE_rgpt");

/// The check of the repository: what it prints says whether the greeting is fine. That it must pass again is tested
/// where it matters.
const CHECKS: &str =
    "checks:\n  test: {kind: test, command: sh check.sh, report: none}\nstability: {reruns: 0}\n";

const CHECK_SCRIPT: &str = "if grep -n bad greeting.txt; then exit 1; fi\n";

/// A machine with a repository. Everything in it goes when it is dropped.
pub(crate) struct Sandbox {
    dir: tempfile::TempDir,
    folder: PathBuf,
    variables: BTreeMap<String, String>,
}

impl Sandbox {
    /// A repository with a check and one commit, and a model that has nothing to say yet.
    pub(crate) fn new() -> Self {
        Self::named("project")
    }

    /// The same, in a folder of this name.
    pub(crate) fn named(name: &str) -> Self {
        let mut sandbox = Self::bare_machine();
        sandbox.folder = sandbox.folder.join(name);
        fs::create_dir_all(&sandbox.folder).unwrap();
        sandbox.git(&["init", "-q", "-b", "main"]);
        sandbox.write("orchestrator.yaml", CHECKS);
        sandbox.write("check.sh", CHECK_SCRIPT);
        sandbox.write("greeting.txt", "hello\n");
        sandbox.write("docs/notes.txt", "notes\n");
        sandbox.commit("first");
        sandbox
    }

    /// A machine with a model and no repository, in the folder `work`.
    pub(crate) fn bare_machine() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // The canonical path, as programs report it.
        let root = dir.path().canonicalize().unwrap();
        let folder = root.join("work");
        for made in ["home/.config", "home/.cache", "work"] {
            fs::create_dir_all(root.join(made)).unwrap();
        }
        let sandbox = Self {
            variables: variables(&root),
            dir,
            folder,
        };
        write(
            &sandbox.outside("home/.gitconfig"),
            "[user]\n\tname = Ada\n\temail = ada@example.org\n",
        );
        sandbox.person_config(&sandbox.model_config());
        sandbox.script(&[]);
        sandbox
    }

    /// The folder that commands start in: the top of the repository.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes commands start in another folder of the repository's.
    pub(crate) fn go_to(&mut self, folder: impl Into<PathBuf>) {
        self.folder = folder.into();
    }

    /// A path on this machine, outside the repository.
    pub(crate) fn outside(&self, path: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(path)
    }

    /// Sets a variable for every command from now on.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.insert(name.to_owned(), value.into());
    }

    /// The value of a variable that every command gets.
    pub(crate) fn variable(&self, name: &str) -> &str {
        &self.variables[name]
    }

    /// Writes a file of the repository.
    pub(crate) fn write(&self, path: &str, content: &str) {
        write(&self.folder.join(path), content);
    }

    /// Reads a file of the repository.
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.folder.join(path)).unwrap()
    }

    /// Commits everything.
    pub(crate) fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
    }

    /// Runs git and returns what it prints, without the last line break.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let output = self.start("git").args(arguments).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {output:?}");
        String::from_utf8(output.stdout)
            .unwrap()
            .trim_end()
            .to_owned()
    }

    /// A command in this machine's environment and the repository's folder, without input.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where these tests start programs"
    )]
    pub(crate) fn start(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(&self.variables)
            .current_dir(&self.folder)
            .stdin(Stdio::null());
        command
    }

    /// Runs rgpt to its end.
    pub(crate) fn rgpt(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(self.start(RGPT).args(arguments).output().unwrap())
    }

    /// Runs a goal to its end, and returns exit code and `run.summary`.
    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, Value) {
        let goal = ["run", "--json", "--goal", "greet the world"];
        let outcome = self.rgpt(&[&goal, arguments].concat());
        (outcome.code, outcome.summary())
    }

    /// What `inspect --json` says of the latest run.
    pub(crate) fn inspect(&self) -> Value {
        self.rgpt(&["inspect", "latest", "--json"]).document()
    }

    /// Writes the person's own configuration.
    pub(crate) fn person_config(&self, content: &str) {
        write(&self.outside("home/.config/rgpt/config.yaml"), content);
    }

    /// The person's configuration that [`Sandbox::new`] writes: one model, its words in a script.
    pub(crate) fn model_config(&self) -> String {
        format!(
            "providers:\n  dry: {{kind: scripted, script: {script:?}}}\n\
             models:\n  scripted: {{provider: dry, model: dry, price: {{input: 1.0, output: 1.0}}}}\n\
             phases:\n  planner: {{models: [scripted]}}\n  builder: {{models: [scripted]}}\n",
            script = self.outside("script.yaml"),
        )
    }

    /// Gives the model its words.
    pub(crate) fn script(&self, replies: &[Value]) {
        let text = serde_json::to_string_pretty(&json!({"replies": replies})).unwrap();
        // What JSON may hold as it is, and YAML may not.
        let text = text
            .replace('\u{7f}', "\\u007f")
            .replace('\u{9b}', "\\u009b");
        write(&self.outside("script.yaml"), &text);
    }

    /// A script that plans one step and writes a greeting.
    pub(crate) fn script_that_greets(&self) {
        self.script(&[
            plan(&[step("step-1", &["greeting.txt"])]),
            tools(&[write_file("greeting.txt", "hello world\n")]),
            finish("greets the world"),
        ]);
    }

    /// A script that breaks the check, and mends it when the failure is shown.
    pub(crate) fn script_that_mends(&self) {
        self.script(&[
            plan(&[step("step-1", &["greeting.txt"])]),
            tools(&[write_file("greeting.txt", "bad world\n")]),
            finish("greets"),
            tools(&[write_file("greeting.txt", "good world\n")]),
            finish("greets better"),
        ]);
    }

    /// Everything in the repository, bit by bit.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.folder)
    }

    /// Everything in the person's home, bit by bit.
    pub(crate) fn home_fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.outside("home"))
    }

    /// Processes that were started here and are still alive.
    pub(crate) fn processes(&self) -> Vec<String> {
        let here = self.outside("");
        let here = here.to_str().unwrap().trim_end_matches('/');
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.parse::<u32>().is_err() {
                continue;
            }
            let cwd = fs::read_link(entry.path().join("cwd")).unwrap_or_default();
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            let living = !line.is_empty();
            if living && (cwd.starts_with(here) || line.contains(here)) {
                found.push(format!("{name}: {line}"));
            }
        }
        found
    }
}

/// The environment of the sandboxed person: their own home, and the real toolchains.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where these tests read the environment"
)]
fn variables(root: &Path) -> BTreeMap<String, String> {
    let real = |name: &str| std::env::var(name).ok();
    let home = real("HOME").unwrap_or_default();
    let text = |path: &str| root.join(path).to_str().unwrap().to_owned();
    let place = |name: &str, usual: &str| real(name).unwrap_or_else(|| format!("{home}/{usual}"));
    [
        ("PATH", real("PATH").unwrap_or_default()),
        ("HOME", text("home")),
        ("XDG_CONFIG_HOME", text("home/.config")),
        ("XDG_CACHE_HOME", text("home/.cache")),
        ("LANG", "C.UTF-8".to_owned()),
        ("CARGO_HOME", place("CARGO_HOME", ".cargo")),
        ("RUSTUP_HOME", place("RUSTUP_HOME", ".rustup")),
        ("CARGO_NET_OFFLINE", "true".to_owned()),
        ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
        // Nothing can listen there: an Ollama of the real person's is not found.
        ("OLLAMA_HOST", "127.0.0.1:0".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// Writes a file and the folders above it.
pub(crate) fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// What a finished program left; one that a signal ended has no exit code.
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The one JSON document on standard output.
    pub(crate) fn document(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The JSON objects on standard output, one a line.
    pub(crate) fn stream(&self) -> Vec<Value> {
        let parse = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
        };
        self.stdout.lines().map(parse).collect()
    }

    /// The last object of a stream, which tells of the whole run.
    pub(crate) fn summary(&self) -> Value {
        let last = self.stdout.lines().last();
        let last = last.unwrap_or_else(|| panic!("nothing is on standard output: {self:#?}"));
        let last: Value = serde_json::from_str(last).unwrap_or_else(|_| panic!("{self:#?}"));
        assert_eq!(last["type"], "run.summary", "{self:#?}");
        last
    }

    /// The error object of a document or at the end of a stream.
    pub(crate) fn error(&self) -> Value {
        match serde_json::from_str::<Value>(&self.stdout) {
            Ok(document) => document["error"].clone(),
            Err(_) => {
                let last = self.stream().pop().unwrap();
                assert_eq!(last["type"], "error", "{self:#?}");
                last["error"].clone()
            }
        }
    }
}

/// Everything beneath a folder: kind, mode, content and time of change of each entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(BTreeMap<String, String>);

impl Fingerprint {
    fn of(folder: &Path) -> Self {
        let mut entries = BTreeMap::new();
        collect(folder, "", &mut entries);
        Self(entries)
    }

    /// Asserts that nothing at all differs.
    pub(crate) fn assert_same(&self, now: &Self) {
        let differences = self.differences(now, |_| false);
        assert!(differences.is_empty(), "changed: {differences:#?}");
    }

    /// Asserts that only rgpt's own folder, the branches of runs and new objects were added.
    pub(crate) fn assert_only_branches_added(&self, now: &Self) {
        let own = |path: &str| {
            let is_branch = ["refs/heads/rgpt", "logs/refs/heads/rgpt"]
                .iter()
                .any(|place| path.starts_with(&format!(".git/{place}")));
            let is_new_object = path.starts_with(".git/objects/") && !self.0.contains_key(path);
            path.starts_with(".rgpt") || is_branch || is_new_object
        };
        let differences = self.differences(now, own);
        assert!(differences.is_empty(), "changed: {differences:#?}");
    }

    /// Asserts that nothing was changed, and nothing added but below a place.
    pub(crate) fn assert_only_added_below(&self, now: &Self, place: &str) {
        let differences = self.differences(now, |path| path.starts_with(place));
        assert!(differences.is_empty(), "changed: {differences:#?}");
    }

    fn differences(&self, now: &Self, expected: impl Fn(&str) -> bool) -> Vec<String> {
        let paths = self.0.keys().chain(now.0.keys());
        let mut different: Vec<String> = paths
            .filter(|path| self.0.get(*path) != now.0.get(*path) && !expected(path))
            .map(|path| format!("{path}: {:?} -> {:?}", self.0.get(path), now.0.get(path)))
            .collect();
        different.dedup();
        different
    }
}

fn collect(folder: &Path, prefix: &str, entries: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let about = fs::symlink_metadata(entry.path()).unwrap();
        let mode = about.permissions().mode();
        let what = if about.is_symlink() {
            format!("link to {:?}", fs::read_link(entry.path()).unwrap())
        } else if about.is_dir() {
            collect(&entry.path(), &format!("{path}/"), entries);
            format!("folder {mode:o}")
        } else {
            let content = blake3::hash(&fs::read(entry.path()).unwrap());
            let time = (about.mtime(), about.mtime_nsec());
            format!("file {mode:o} {} {content} {time:?}", about.len())
        };
        entries.insert(path, what);
    }
}

/// The planner's answer with these steps.
pub(crate) fn plan(steps: &[Value]) -> Value {
    json!({"agent": "planner", "json": {"summary": "a plan", "steps": steps}})
}

/// A step whose scope is these files.
pub(crate) fn step(id: &str, files: &[&str]) -> Value {
    json!({"id": id, "name": format!("carry out {id}"), "description": "as the goal says", "files": files})
}

/// The builder's answer with these tool calls.
pub(crate) fn tools(calls: &[Value]) -> Value {
    json!({"agent": "builder", "tools": calls})
}

/// The builder's answer that ends a step.
pub(crate) fn finish(summary: &str) -> Value {
    tools(&[json!({"name": "finish", "arguments": {"summary": summary}})])
}

/// A tool call that writes a file.
pub(crate) fn write_file(path: &str, content: &str) -> Value {
    json!({"name": "write_file", "arguments": {"path": path, "content": content}})
}

/// A tool call that runs a command.
pub(crate) fn run_command(command: &str) -> Value {
    json!({"name": "run_command", "arguments": {"command": command}})
}

/// The texts of the events of this type.
pub(crate) fn events<'d>(document: &'d Value, kind: &str) -> Vec<&'d str> {
    let all = document["events"].as_array().unwrap();
    all.iter()
        .filter(|event| event["type"] == kind)
        .map(|event| event["text"].as_str().unwrap())
        .collect()
}

/// The keys of an object, in order.
pub(crate) fn keys(object: &Value) -> Vec<&str> {
    let object = object
        .as_object()
        .unwrap_or_else(|| panic!("{object} is no object"));
    object.keys().map(String::as_str).collect()
}
