//! Disks that are full or cannot be written.
//!
//! A small disk can only be mounted by root; elsewhere these tests say that they are skipped.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::sandbox::{Sandbox, finish, plan, run_command, step, tools, write_file};

/// A small file system in memory, taken away when it is dropped.
struct SmallDisk<'s> {
    sandbox: &'s Sandbox,
    folder: PathBuf,
}

impl<'s> SmallDisk<'s> {
    /// Mounts one of this size; none where that is not allowed.
    #[expect(
        clippy::print_stderr,
        reason = "whoever reads the tests' output is told what did not run"
    )]
    fn mount(sandbox: &'s Sandbox, size: &str) -> Option<Self> {
        let folder = sandbox.outside("disk");
        std::fs::create_dir(&folder).unwrap();
        let disk = Self { sandbox, folder };
        let mounted = disk.run(
            "mount",
            &["-t", "tmpfs", "-o", &format!("size={size}"), "rgpt"],
        );
        if !mounted {
            eprintln!("skipped: no file system can be mounted here");
        }
        mounted.then_some(disk)
    }

    fn remount(&self, options: &str) {
        assert!(self.run("mount", &["-o", &format!("remount,{options}")]));
    }

    fn state(&self) -> String {
        self.folder.join("state").display().to_string()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> bool {
        let mut command = self.sandbox.start(program);
        let output = command.args(arguments).arg(&self.folder).output();
        output.is_ok_and(|output| output.status.success())
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        self.run("umount", &["-l"]);
    }
}

/// Runs a goal that is refused, and gives the error and its hints in one text.
fn refused(sandbox: &Sandbox, state: &str) -> String {
    let before = sandbox.fingerprint();
    let outcome = sandbox.rgpt(&["run", "--goal", "greet", "--state-dir", state, "--json"]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    before.assert_same(&sandbox.fingerprint());
    let error = outcome.error();
    assert_eq!(error["kind"], "INFRA_ERROR");
    format!("{} {}", error["message"], error["hints"])
}

#[test]
fn a_read_only_disk_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    let Some(disk) = SmallDisk::mount(&sandbox, "1m") else {
        return;
    };
    disk.remount("ro");
    let said = refused(&sandbox, &disk.state());
    assert!(said.contains("cannot write to"), "{said}");
    assert!(said.contains("--state-dir"), "{said}");
}

#[test]
fn a_folder_that_may_not_be_written_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    if rustix::process::geteuid().is_root() {
        eprintln!("skipped: nothing is forbidden to root");
        return;
    }
    let sandbox = Sandbox::new();
    let folder = sandbox.outside("locked");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o555)).unwrap();
    let said = refused(&sandbox, folder.join("state").to_str().unwrap());
    assert!(said.contains("cannot write to"), "{said}");
}

#[test]
fn a_full_disk_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.script_that_greets();
    let Some(disk) = SmallDisk::mount(&sandbox, "64k") else {
        return;
    };
    let said = refused(&sandbox, &disk.state());
    assert!(said.contains("full") || said.contains("No space"), "{said}");
}

#[test]
fn a_disk_that_fills_up_stops_a_run_that_goes_on_when_there_is_space() {
    let sandbox = Sandbox::new();
    sandbox.script(&[
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[
            run_command("head -c 30000000 /dev/zero"),
            write_file("greeting.txt", "hello world\n"),
        ]),
        finish("greets"),
    ]);
    let Some(disk) = SmallDisk::mount(&sandbox, "4m") else {
        return;
    };
    let state = disk.state();
    let before = sandbox.fingerprint();
    let outcome = sandbox.rgpt(&["run", "--goal", "greet", "--state-dir", &state, "--json"]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    before.assert_same(&sandbox.fingerprint());
    let error = outcome.error().to_string();
    assert!(
        error.contains("No space") || error.contains("full"),
        "{error}"
    );
    assert!(error.contains("rgpt resume"), "{error}");
    let stream = outcome.stream();
    assert_eq!(stream[stream.len() - 2]["type"], "run.summary");

    disk.remount("size=200m");
    let resumed = sandbox.rgpt(&["resume", "--state-dir", &state, "--json"]);
    assert_eq!(resumed.code, 0, "{resumed:#?}");
    assert_verified(&resumed.summary(), Path::new(&state));
    let check = sandbox.rgpt(&["db", "check", "--state-dir", &state]);
    assert_eq!(check.code, 0, "{check:#?}");
}

fn assert_verified(summary: &Value, state: &Path) {
    assert_eq!(summary["run"]["verified"], true, "{summary:#}");
    assert!(state.join("rgpt.db").is_file());
}
