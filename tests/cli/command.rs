//! Commands under the real supervisor: their output, their end, their confinement.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rgpt::workspace::command::{CommandError, CommandOutput, CommandSpec, run};
use rgpt::workspace::confine;
use rgpt::workspace::environment::{self, HomeChoice};

const RGPT: &str = env!("CARGO_BIN_EXE_rgpt");

/// A worktree, a folder beside it, and a spool.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["tree", "outside", "spool", "tmp"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn spec(&self, line: &str) -> CommandSpec {
        let process: BTreeMap<String, String> = environment();
        CommandSpec {
            line: line.to_owned(),
            cwd: self.path("tree"),
            env: environment::commands(
                &process,
                &[],
                &BTreeMap::new(),
                &self.path("tmp"),
                HomeChoice::User,
            ),
            timeout: Duration::from_secs(300),
            writable: vec![self.path("tree"), self.path("tmp")],
            confined: confine::probe().available(),
            spool: self.path("spool"),
        }
    }

    fn run(&self, line: &str) -> CommandOutput {
        run(Path::new(RGPT), &self.spec(line), &AtomicBool::new(false)).unwrap()
    }

    /// The process ids that a command wrote to `pids` in the tree.
    fn pids(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("tree/pids")).unwrap();
        text.split_whitespace().map(str::to_owned).collect()
    }

    /// Waits until there are `count` lines in `pids`.
    fn wait_for_pids(&self, count: usize) {
        loop {
            let text = std::fs::read_to_string(self.path("tree/pids")).unwrap_or_default();
            if text.matches('\n').count() >= count {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests hand the real environment in"
)]
fn environment() -> BTreeMap<String, String> {
    std::env::vars().collect()
}

fn alive(pid: &str) -> bool {
    // A zombie has been killed; only its parent has not looked yet.
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit_once(") ").unwrap().1.starts_with('Z'))
}

/// Starts a background process, one in a session of its own, and a daemon that forked twice and ignores signals.
const FAMILY: &str = r#"
    sleep 1000 & echo $! >> pids
    (sleep 1000 & echo $! >> pids)
    python3 -c '
import os, signal, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        open("pids", "a").write("%d\n" % os.getpid())
        time.sleep(1000)
    os._exit(0)
'
    while [ $(wc -l < pids) -lt 3 ]; do sleep 0.01; done
"#;

#[test]
fn exit_code_output_and_signal_are_reported() {
    let place = Place::new();
    let output = place.run("echo out; echo err >&2; exit 3");
    assert_eq!((output.exit_code, output.signal), (Some(3), None));
    assert_eq!(
        (output.stdout.text.as_str(), output.stderr.text.as_str()),
        ("out\n", "err\n")
    );
    assert!(!output.timed_out && !output.cancelled);

    let output = place.run("kill -SEGV $$");
    assert_eq!(
        (output.exit_code, output.signal.as_deref()),
        (None, Some("SIGSEGV"))
    );
}

#[test]
fn a_long_output_has_head_and_tail_and_a_file_with_the_whole() {
    let place = Place::new();
    let output =
        place.run("i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i+1)); done; echo last >&2");
    let text = &output.stdout.text;
    assert!(
        text.starts_with("line 0\n") && text.ends_with("line 29999\n"),
        "{text}"
    );
    assert!(text.contains(" bytes omitted ...]\n"), "{text}");
    let whole = std::fs::read_to_string(output.stdout.whole.unwrap()).unwrap();
    assert_eq!(whole.lines().count(), 30_000);
    assert_eq!(whole.len() as u64, output.stdout.total_bytes);
    assert_eq!(
        (output.stderr.text.as_str(), output.stderr.whole),
        ("last\n", None)
    );
}

#[test]
fn stdin_is_empty() {
    let output = Place::new().run("cat; readlink /proc/self/fd/0");
    assert_eq!(output.stdout.text, "/dev/null\n");
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "compares with a command that was started plainly"
)]
fn no_file_of_rgpt_is_open_in_a_command() {
    let line = "ls /proc/$$/fd";
    // Whoever started the tests may have left files open to all its children.
    let plain = std::process::Command::new("sh")
        .args(["-c", line])
        .output()
        .unwrap();
    assert_eq!(Place::new().run(line).stdout.text.as_bytes(), plain.stdout);
}

#[test]
fn the_environment_is_the_one_given() {
    let place = Place::new();
    let mut spec = place.spec("env | sort");
    spec.env = vec![
        ("A".into(), "1".into()),
        ("PATH".into(), "/usr/bin:/bin".into()),
    ];
    let output = run(Path::new(RGPT), &spec, &AtomicBool::new(false)).unwrap();
    let names: Vec<&str> = output
        .stdout
        .text
        .lines()
        .filter(|line| !line.starts_with('_'))
        .collect();
    let tree = format!("PWD={}", place.path("tree").display());
    assert_eq!(names, ["A=1", "PATH=/usr/bin:/bin", tree.as_str()]);
}

#[test]
fn what_a_finished_command_leaves_behind_is_killed() {
    let place = Place::new();
    let output = place.run(FAMILY);
    assert_eq!(output.exit_code, Some(0));
    for pid in place.pids() {
        assert!(!alive(&pid), "{pid} lives");
    }
}

#[test]
fn a_time_out_kills_the_command_and_its_children() {
    let place = Place::new();
    let mut spec = place.spec(
        "sleep 1000 & echo $! >> pids; (sleep 1000 & echo $! >> pids); echo began; sleep 1000",
    );
    spec.timeout = Duration::from_secs(2);
    let output = run(Path::new(RGPT), &spec, &AtomicBool::new(false)).unwrap();
    assert!(output.timed_out && !output.cancelled);
    assert_eq!(
        (output.exit_code, output.signal.as_deref()),
        (None, Some("SIGKILL"))
    );
    assert_eq!(output.stdout.text, "began\n");
    for pid in place.pids() {
        assert!(!alive(&pid), "{pid} lives");
    }
}

#[test]
fn cancelling_kills_daemons_too() {
    let place = Place::new();
    let cancel = AtomicBool::new(false);
    let spec = place.spec(&format!("{FAMILY} sleep 1000"));
    let output = std::thread::scope(|scope| {
        let running = scope.spawn(|| run(Path::new(RGPT), &spec, &cancel).unwrap());
        place.wait_for_pids(3);
        cancel.store(true, Ordering::Relaxed);
        running.join().unwrap()
    });
    assert!(output.cancelled && !output.timed_out);
    for pid in place.pids() {
        assert!(!alive(&pid), "{pid} lives");
    }
}

#[test]
fn a_fork_storm_is_killed() {
    let place = Place::new();
    let cancel = AtomicBool::new(false);
    let storm = "for i in 1 2 3 4 5 6 7 8; do (while :; do sleep 0.001 & wait; done) & done; echo 1 > pids; wait";
    let spec = place.spec(storm);
    let output = std::thread::scope(|scope| {
        let running = scope.spawn(|| run(Path::new(RGPT), &spec, &cancel).unwrap());
        place.wait_for_pids(1);
        cancel.store(true, Ordering::Relaxed);
        running.join().unwrap()
    });
    assert!(output.cancelled);
}

/// Starts a supervisor by hand, so that the other end of its control socket can be dropped.
#[expect(
    clippy::disallowed_methods,
    reason = "plays rgpt's side of the supervisor"
)]
fn supervise_by_hand(place: &Place, line: &str) -> (std::process::Child, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let child = std::process::Command::new(RGPT)
        .arg("__supervise")
        .stdin(OwnedFd::from(theirs))
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let order = serde_json::json!({
        "line": line, "cwd": place.path("tree"), "writable": null, "timeout_ms": 600_000,
    });
    writeln!(&ours, "{order}").unwrap();
    (child, ours)
}

#[test]
fn when_rgpt_dies_everything_dies() {
    let place = Place::new();
    let (mut supervisor, control) = supervise_by_hand(&place, &format!("{FAMILY} sleep 1000"));
    place.wait_for_pids(3);
    // What the kernel does when rgpt is killed with SIGKILL.
    drop(control);
    supervisor.wait().unwrap();
    for pid in place.pids() {
        assert!(!alive(&pid), "{pid} lives");
    }
}

#[test]
fn when_the_supervisor_is_killed_the_command_dies() {
    let place = Place::new();
    let (mut supervisor, control) = supervise_by_hand(&place, "echo $$ > pids; exec sleep 1000");
    place.wait_for_pids(1);
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
    let mut answer = String::new();
    BufReader::new(control).read_line(&mut answer).unwrap();
    assert_eq!(answer, "");
    while alive(&place.pids()[0]) {
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn writing_inside_works_and_outside_is_refused() {
    if !confine::probe().available() {
        return;
    }
    let place = Place::new();
    std::fs::write(place.path("outside/old"), "old").unwrap();
    let output = place.run(
        "echo in > inside && mkdir -p a/b && mv inside a/b/ && ln a/b/inside hard && rm hard && echo t > $TMPDIR/t && echo ok
         for try in 'echo x > ../outside/new' ': > ../outside/old' 'rm ../outside/old' 'mkdir ../outside/d' \
                    'mv ../outside/old ../outside/o2' 'mv a/b/inside ../outside/' 'ln -s x ../outside/l' \
                    'ln ../outside/old linked' 'ln -s ../outside out && echo x > out/new' 'truncate -s 0 ../outside/old'
         do sh -c \"$try\" 2>/dev/null && echo \"WORKED: $try\"; done; true",
    );
    assert_eq!(output.stdout.text, "ok\n");
    assert_eq!(
        std::fs::read_to_string(place.path("outside/old")).unwrap(),
        "old"
    );
    assert_eq!(std::fs::read_dir(place.path("outside")).unwrap().count(), 1);
    assert_eq!(
        std::fs::read_to_string(place.path("tree/a/b/inside")).unwrap(),
        "in\n"
    );
}

#[test]
fn a_confined_command_cannot_signal_its_supervisor() {
    if !matches!(
        confine::probe(),
        confine::Confinement::Landlock { scoped: true, .. }
    ) {
        return;
    }
    let output = Place::new().run("kill -9 $PPID 2>/dev/null || echo refused");
    assert_eq!(
        (output.exit_code, output.stdout.text.as_str()),
        (Some(0), "refused\n")
    );
}

#[test]
fn unconfined_commands_write_where_they_may() {
    let place = Place::new();
    let mut spec = place.spec("echo x > ../outside/new");
    spec.confined = false;
    let output = run(Path::new(RGPT), &spec, &AtomicBool::new(false)).unwrap();
    assert_eq!(output.exit_code, Some(0));
    assert!(place.path("outside/new").exists());
}

#[test]
fn a_command_that_cannot_be_confined_or_placed_is_not_started() {
    let place = Place::new();
    let mut spec = place.spec("touch started");
    spec.confined = true;
    spec.writable.push(place.path("missing"));
    let error = run(Path::new(RGPT), &spec, &AtomicBool::new(false)).unwrap_err();
    assert!(matches!(&error, CommandError::Refused(_)), "{error}");
    assert!(
        error.to_string().contains("missing") || !confine::probe().available(),
        "{error}"
    );

    let mut spec = place.spec("touch started");
    spec.cwd = place.path("nowhere");
    let error = run(Path::new(RGPT), &spec, &AtomicBool::new(false)).unwrap_err();
    assert!(matches!(error, CommandError::Refused(_)), "{error}");
    assert!(!place.path("tree/started").exists());

    let error = run(
        Path::new("/no/rgpt"),
        &place.spec("true"),
        &AtomicBool::new(false),
    )
    .unwrap_err();
    assert!(matches!(error, CommandError::Start { .. }), "{error}");
}

#[test]
fn a_crate_builds_under_confinement_with_a_private_home() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("tree/src")).unwrap();
    std::fs::write(
        place.path("tree/Cargo.toml"),
        "[package]\nname = \"tiny\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n",
    )
    .unwrap();
    std::fs::write(
        place.path("tree/src/main.rs"),
        "fn main() { println!(\"tiny\"); }\n",
    )
    .unwrap();
    let home = place.path("tmp/home");
    std::fs::create_dir(&home).unwrap();
    let process = environment();
    let mut spec = place.spec("cargo build --offline && ./target/debug/tiny");
    spec.env = environment::commands(
        &process,
        &[],
        &BTreeMap::new(),
        &place.path("tmp"),
        HomeChoice::Private(home),
    );
    spec.writable.extend(environment::caches(&process));
    let output = run(Path::new(RGPT), &spec, &AtomicBool::new(false)).unwrap();
    assert_eq!(output.exit_code, Some(0), "{}", output.stderr.text);
    assert_eq!(output.stdout.text, "tiny\n");
}
