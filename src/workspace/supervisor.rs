//! `rgpt __supervise`: a process of its own that runs one command and ends everything the command started.
//!
//! It is the sub-reaper of all that descends from the command, so a daemon that forked twice and left its session
//! is still found. It ends all of it when the command ends, when time is up, or when its control socket
//! closes, which it does when rgpt wants it or dies. It stays outside the command's confinement.
//! (A supervisor that is itself killed with SIGKILL takes the command with it, but not the command's descendants;
//! from ABI 6 of Landlock on, confined commands cannot signal it.)

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, WaitStatus};
use serde::{Deserialize, Serialize};

use super::confine;

/// How long everything may take to die once it is killed. Longer means a process that cannot be killed.
const SWEEP: Duration = Duration::from_secs(10);

/// How long the confining process may take until it is the command.
const START: Duration = Duration::from_secs(30);

/// What rgpt tells the supervisor, as one line of JSON on its stdin, a socket. The command's
/// environment, stdout and stderr are the supervisor's own.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    /// The line for `sh -c`.
    pub(super) line: String,
    /// Where it runs.
    pub(super) cwd: PathBuf,
    /// What it may write, if it is confined.
    pub(super) writable: Option<Vec<PathBuf>>,
    /// The time limit, in milliseconds.
    pub(super) timeout_ms: u64,
}

/// What the supervisor answers, as one line of JSON on the same socket, when everything is dead.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Report {
    /// The command's exit code.
    pub(super) exit_code: Option<i32>,
    /// The number of the signal that ended it.
    pub(super) signal: Option<i32>,
    /// Whether time was up.
    pub(super) timed_out: bool,
    /// How many processes could not be killed.
    pub(super) survivors: usize,
    /// Why the command was not started.
    pub(super) refused: Option<String>,
}

/// The hidden verb `__supervise`.
pub fn supervise() -> ExitCode {
    let Ok(socket) = io::stdin().as_fd().try_clone_to_owned() else {
        return ExitCode::FAILURE;
    };
    let mut socket = UnixStream::from(socket);
    let report = run(&mut socket).unwrap_or_else(|error| Report {
        refused: Some(error.to_string()),
        ..Report::default()
    });
    let Ok(mut line) = serde_json::to_vec(&report) else {
        return ExitCode::FAILURE;
    };
    line.push(b'\n');
    match socket.write_all(&line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Reads up to the end of a line.
pub(super) fn read_line(from: &mut impl Read) -> io::Result<String> {
    let mut line = Vec::new();
    let mut buffer = [0_u8; 4096];
    while !line.ends_with(b"\n") {
        match from.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => line.extend_from_slice(&buffer[..count]),
        }
    }
    String::from_utf8(line).map_err(io::Error::other)
}

fn run(socket: &mut UnixStream) -> io::Result<Report> {
    let order: Order = serde_json::from_str(&read_line(socket)?)?;
    let me = rustix::process::getpid();
    rustix::process::set_child_subreaper(Some(me))?;
    // Without /proc the descendants could not be found: then rather start nothing.
    processes()?;
    let deadline = Instant::now() + Duration::from_millis(order.timeout_ms);
    let mut watch = Watch::default();
    let started = start(order, me).and_then(|(command, refusal)| match refusal {
        Some(refusal) => Ok(Err(refusal)),
        None => watch.until_end(socket, command, deadline).map(Ok),
    });
    // Whatever happened, nothing stays.
    let survivors = sweep(me, &mut watch);
    let (exit_code, signal) = match watch.ended {
        Some(status) => (status.exit_status(), status.terminating_signal()),
        None => (None, None),
    };
    Ok(Report {
        exit_code,
        signal,
        timed_out: watch.timed_out,
        survivors,
        refused: started?.err(),
    })
}

/// Starts the command; the second part is why it did not become one.
#[expect(
    clippy::disallowed_methods,
    reason = "starts the command that it supervises"
)]
fn start(order: Order, me: Pid) -> io::Result<(Pid, Option<String>)> {
    let (mut ours, theirs) = UnixStream::pair()?;
    // The link of the running program works even if the file was replaced meanwhile.
    let child = Command::new("/proc/self/exe")
        .arg0("rgpt")
        .arg("__confine")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .spawn()?;
    let command = i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::other("a process without a number"))?;
    let order = confine::Order {
        line: order.line,
        cwd: order.cwd,
        writable: order.writable,
        supervisor: me.as_raw_nonzero().into(),
    };
    let mut line = serde_json::to_vec(&order)?;
    line.push(b'\n');
    ours.set_write_timeout(Some(START))?;
    ours.set_read_timeout(Some(START))?;
    ours.write_all(&line)?;
    // Its end of the socket closes when it becomes the command; words before that are an error.
    let mut refusal = String::new();
    ours.read_to_string(&mut refusal)?;
    Ok((command, Some(refusal).filter(|refusal| !refusal.is_empty())))
}

/// What is seen of the command.
#[derive(Default)]
struct Watch {
    command: Option<Pid>,
    ended: Option<WaitStatus>,
    timed_out: bool,
}

impl Watch {
    /// Waits until the command ends, time is up or rgpt hangs up.
    fn until_end(
        &mut self,
        socket: &mut UnixStream,
        command: Pid,
        deadline: Instant,
    ) -> io::Result<()> {
        self.command = Some(command);
        // Becomes readable when the command ends. Kernels before 5.3 lack it: then look often.
        let pidfd = rustix::process::pidfd_open(command, PidfdFlags::empty()).ok();
        let longest = Duration::from_millis(if pidfd.is_some() { 1000 } else { 20 });
        loop {
            self.reap();
            if self.ended.is_some() {
                return Ok(());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.timed_out = true;
                return Ok(());
            }
            let mut fds = vec![PollFd::new(&*socket, PollFlags::IN)];
            fds.extend(pidfd.as_ref().map(|fd| PollFd::new(fd, PollFlags::IN)));
            wait(&mut fds, left.min(longest))?;
            let spoken = !fds[0].revents().is_empty();
            if spoken && !matches!(socket.read(&mut [0; 64]), Ok(1..)) {
                return Ok(());
            }
        }
    }

    /// Takes the status of every process that has ended. False if there is no child at all.
    fn reap(&mut self) -> bool {
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if Some(pid) == self.command => self.ended = Some(status),
                Ok(Some(_)) => {}
                Ok(None) => return true,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return false,
            }
        }
    }
}

/// Polls; an interruption counts as a time-out.
pub(super) fn wait(fds: &mut [PollFd<'_>], longest: Duration) -> io::Result<()> {
    let longest = Timespec::try_from(longest).map_err(io::Error::other)?;
    match rustix::event::poll(fds, Some(&longest)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Kills all that descends from `me`, until nothing is left; answers how many could not be killed.
///
/// As sub-reaper `me` is the parent of every orphan, so the parents in /proc lead to all of them. They are
/// stopped before they are killed, so that none forks away from a list already read.
fn sweep(me: Pid, watch: &mut Watch) -> usize {
    let deadline = Instant::now() + SWEEP;
    loop {
        // The common case: the command was alone and is reaped, there is nobody to look for.
        if !watch.reap() {
            return 0;
        }
        let mut known = HashSet::new();
        loop {
            let living = descendants(me);
            let new: Vec<Pid> = living.difference(&known).copied().collect();
            if new.is_empty() {
                break;
            }
            for pid in new {
                let _ = rustix::process::kill_process(pid, Signal::STOP);
                known.insert(pid);
            }
        }
        for pid in &known {
            let _ = rustix::process::kill_process(*pid, Signal::KILL);
        }
        if Instant::now() >= deadline {
            return descendants(me).len();
        }
        let _ = wait(&mut [], Duration::from_millis(2));
    }
}

/// The living descendants of `me`.
fn descendants(me: Pid) -> HashSet<Pid> {
    let mut found = HashSet::new();
    let Ok(processes) = processes() else {
        return found;
    };
    let mut parents = vec![me];
    while let Some(parent) = parents.pop() {
        for child in processes.get(&parent).into_iter().flatten() {
            if found.insert(*child) {
                parents.push(*child);
            }
        }
    }
    found
}

/// The living processes by parent.
fn processes() -> io::Result<HashMap<Pid, Vec<Pid>>> {
    let mut children: HashMap<Pid, Vec<Pid>> = HashMap::new();
    for entry in std::fs::read_dir("/proc")? {
        let entry = entry?;
        let pid = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let Some(pid) = pid.and_then(Pid::from_raw) else {
            continue;
        };
        // A process that ended meanwhile has no file any more.
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        if let Some(parent) = living_parent(&stat) {
            children.entry(parent).or_default().push(pid);
        }
    }
    Ok(children)
}

/// The parent in a line of `/proc/<pid>/stat`: `pid (name) state parent …`, where the name may hold anything.
/// None if the process is dead and only waits to be reaped.
fn living_parent(stat: &str) -> Option<Pid> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    Pid::from_raw(fields.next()?.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_whatever_the_name_of_the_process() {
        assert_eq!(living_parent("42 (sh) S 7 42 42 0 -1"), Pid::from_raw(7));
        assert_eq!(living_parent("42 (a) Z 1 (b) R 9 1 1"), Pid::from_raw(9));
        assert_eq!(living_parent("42 (sh) Z 7 42 42 0 -1"), None);
        assert_eq!(living_parent(""), None);
    }
}
