//! Processes of a world, found by what they know of it; and ends for them.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

/// How long what a dead driver had started may take to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// The living processes that work beneath `root` or have it in their environment, once those that
/// are about to end have ended.
pub(super) fn left_over(root: &Path) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let living = living(root);
        if living.is_empty() || Instant::now() > deadline {
            return living;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn living(root: &Path) -> Vec<String> {
    let root = root.as_os_str().as_encoded_bytes();
    let knows = |bytes: &[u8]| bytes.windows(root.len()).any(|window| window == root);
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let process = entry.path();
        let is_process = entry.file_name().to_string_lossy().parse::<u32>().is_ok();
        if !is_process || is_dead(&process) {
            continue;
        }
        let environment = std::fs::read(process.join("environ")).unwrap_or_default();
        let folder = std::fs::read_link(process.join("cwd")).unwrap_or_default();
        if knows(&environment) || knows(folder.as_os_str().as_encoded_bytes()) {
            let words = std::fs::read(process.join("cmdline")).unwrap_or_default();
            let words = String::from_utf8_lossy(&words).replace('\0', " ");
            found.push(format!("{}: {words}", process.display()));
        }
    }
    found
}

/// Gone, or only waiting for its parent to look.
fn is_dead(process: &Path) -> bool {
    let stat = std::fs::read_to_string(process.join("stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_none_or(|(_, rest)| rest.starts_with(['Z', 'X']))
}

/// Makes `command` the leader of a group of its own, so that it can be killed with its children.
pub(super) fn leading_a_group(mut command: Command) -> Command {
    command.process_group(0);
    command
}

pub(super) fn signal(child: &Child, signal: Signal) {
    rustix::process::kill_process(pid(child), signal).unwrap();
}

pub(super) fn signal_group(leader: &Child, signal: Signal) {
    rustix::process::kill_process_group(pid(leader), signal).unwrap();
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap()
}
