//! Running one command line to its end, with its output, under a [`supervisor`](super::supervisor).

mod capture;

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::fd::{AsFd, OwnedFd};

use super::supervisor::{Order, Report, wait};
use capture::Capture;
pub use capture::Captured;

/// How often a wish to cancel is looked for.
const TICK: Duration = Duration::from_millis(50);

/// How long after its time limit a command's supervisor may take before it is given up.
const GRACE: Duration = Duration::from_secs(60);

/// How long outputs may stay open after the supervisor has ended.
const CLOSING: Duration = Duration::from_secs(5);

/// The longest time limit; a longer one counts as this.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The log shows so many characters of a command.
const TOLD: usize = 200;

/// A command to run.
#[derive(Clone, Debug)]
pub struct CommandSpec {
    /// The line for `sh -c`.
    pub line: String,
    /// Where it runs.
    pub cwd: PathBuf,
    /// The complete environment.
    pub env: Vec<(String, String)>,
    /// Its time limit.
    pub timeout: Duration,
    /// The existing files and folders that it may write, if it is confined.
    pub writable: Vec<PathBuf>,
    /// Whether its writes are confined to `writable`.
    pub confined: bool,
    /// The folder for whole outputs, made when one is kept.
    pub spool: PathBuf,
}

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandOutput {
    /// Its exit code; none if a signal ended it.
    pub exit_code: Option<i32>,
    /// The signal that ended it, as in `SIGKILL`.
    pub signal: Option<String>,
    /// Whether it was killed at its time limit.
    pub timed_out: bool,
    /// Whether it was killed because that was asked for.
    pub cancelled: bool,
    /// How long it took.
    pub duration: Duration,
    /// What it wrote to stdout.
    pub stdout: Captured,
    /// What it wrote to stderr.
    pub stderr: Captured,
}

/// Why a command has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The supervisor could not be started, or not be spoken to.
    #[error("cannot start the supervisor {}: {source}", path.display())]
    Start {
        /// The supervisor's program.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The command was not started: it could not be confined, or its folder or shell is missing.
    #[error("the command was not started: {0}")]
    Refused(String),
    /// The supervisor ended without a report; processes of the command may be left.
    #[error("the command's supervisor ended without a report ({how})")]
    Lost {
        /// Its exit code or signal.
        how: String,
    },
    /// The supervisor did not end the command in time and was killed.
    #[error("the command's supervisor did not answer and was killed")]
    Unresponsive,
    /// Processes of the command could not be killed.
    #[error("{0} processes of the command could not be killed")]
    Survivors(usize),
    /// The output could not be read or kept; the command was killed.
    #[error("cannot keep the command's output in {}: {source}", spool.display())]
    Output {
        /// The folder for whole outputs.
        spool: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// The text as one word of a shell's command line.
pub fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:,@%+".contains(c);
    match text.is_empty() || !text.chars().all(plain) {
        true => format!("'{}'", text.replace('\'', r"'\''")),
        false => text.to_owned(),
    }
}

/// Runs the command of `spec` to its end, under `supervisor`, the path of the rgpt program.
/// When this returns, every process that the command started is dead.
///
/// # Errors
///
/// See [`CommandError`]. A command that fails, is killed or runs out of time is no error.
pub fn run(
    supervisor: &Path,
    spec: &CommandSpec,
    cancel: &AtomicBool,
) -> Result<CommandOutput, CommandError> {
    run_while(supervisor, spec, &[cancel])
}

/// Runs a command to its end, which comes early once one of `cancel` is set.
fn run_while(
    supervisor: &Path,
    spec: &CommandSpec,
    cancel: &[&AtomicBool],
) -> Result<CommandOutput, CommandError> {
    let started = Instant::now();
    let failed = |source| CommandError::Start {
        path: supervisor.to_owned(),
        source,
    };
    let (control, theirs) = UnixStream::pair().map_err(failed)?;
    let mut child = spawn(supervisor, spec, theirs).map_err(failed)?;
    let sent = send(&control, spec);
    let conversation = sent.map_err(failed).and_then(|()| {
        Conversation::new(control, &mut child, spec)
            .map_err(failed)?
            .listen(started, cancel)
    });
    if conversation.is_err() {
        // The control socket is closed by now, so a healthy supervisor is ending; a sick one is not waited for.
        end(&mut child);
    }
    let conversation = conversation?;
    let end = child.wait();
    let report: Report =
        serde_json::from_slice(&conversation.answer).map_err(|_| CommandError::Lost {
            how: end.map_or_else(|error| error.to_string(), |status| status.to_string()),
        })?;
    if let Some(refused) = report.refused {
        return Err(CommandError::Refused(refused));
    }
    if report.survivors > 0 {
        return Err(CommandError::Survivors(report.survivors));
    }
    let kept = |source| CommandError::Output {
        spool: spec.spool.clone(),
        source,
    };
    let output = CommandOutput {
        exit_code: report.exit_code,
        signal: report.signal.map(signal_name),
        timed_out: report.timed_out,
        cancelled: conversation.cancelled && !report.timed_out,
        duration: started.elapsed(),
        stdout: conversation.stdout.finish().map_err(kept)?,
        stderr: conversation.stderr.finish().map_err(kept)?,
    };
    tell(spec, &output);
    Ok(output)
}

/// Runs commands side by side, each as [`run`] does, and tells `ended` of each by its index when it has ended. If one
/// could not be run, the others are ended.
///
/// # Errors
///
/// The first of the commands' errors.
pub fn run_all(
    supervisor: &Path,
    specs: &[CommandSpec],
    cancel: &AtomicBool,
    ended: &(dyn Fn(usize, &CommandOutput) + Sync),
) -> Result<Vec<CommandOutput>, CommandError> {
    if let [one] = specs {
        let output = run(supervisor, one, cancel)?;
        ended(0, &output);
        return Ok(vec![output]);
    }
    let lost = AtomicBool::new(false);
    let cancel = &[cancel, &lost];
    let one = |index: usize, spec| {
        let outcome = run_while(supervisor, spec, cancel);
        match &outcome {
            Ok(output) => ended(index, output),
            Err(_) => lost.store(true, Ordering::Relaxed),
        }
        outcome
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = specs
            .iter()
            .enumerate()
            .map(|(index, spec)| scope.spawn(move || one(index, spec)))
            .collect();
        // All are waited for, whatever the first of them says.
        let outcomes: Vec<_> = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or(Err(CommandError::Unresponsive)))
            .collect();
        outcomes.into_iter().collect()
    })
}

/// Tells the log how a command ended.
fn tell(spec: &CommandSpec, output: &CommandOutput) {
    let first = spec.line.lines().next().unwrap_or_default();
    let command: String = first.chars().take(TOLD).collect();
    let how = match (&output.signal, output.exit_code) {
        _ if output.timed_out => "ran out of time".to_owned(),
        _ if output.cancelled => "was called off".to_owned(),
        (Some(signal), _) => format!("was ended by {signal}"),
        (None, Some(code)) => format!("exited with {code}"),
        (None, None) => "ended".to_owned(),
    };
    tracing::info!(
        target: "rgpt::story",
        exit_code = output.exit_code,
        signal = output.signal,
        ms = u64::try_from(output.duration.as_millis()).unwrap_or(u64::MAX),
        stdout_bytes = output.stdout.total_bytes,
        stderr_bytes = output.stderr.total_bytes,
        confined = spec.confined,
        "`{command}` {how}"
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where commands begin"
)]
fn spawn(supervisor: &Path, spec: &CommandSpec, control: UnixStream) -> io::Result<Child> {
    Command::new(supervisor)
        .arg("__supervise")
        // The supervisor has the command's environment: it may be read through /proc.
        .env_clear()
        .envs(spec.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::from(OwnedFd::from(control)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Out of reach of Ctrl-C in the terminal: it must live to end the command.
        .process_group(0)
        .spawn()
}

fn send(mut control: &UnixStream, spec: &CommandSpec) -> io::Result<()> {
    let order = Order {
        line: spec.line.clone(),
        cwd: spec.cwd.clone(),
        writable: spec.confined.then(|| spec.writable.clone()),
        timeout_ms: u64::try_from(spec.timeout.min(LONGEST).as_millis()).unwrap_or(u64::MAX),
    };
    let mut line = serde_json::to_vec(&order)?;
    line.push(b'\n');
    control.set_write_timeout(Some(GRACE))?;
    control.write_all(&line)
}

/// Waits a while for the supervisor to end by itself, then kills it.
fn end(child: &mut Child) {
    let deadline = Instant::now() + GRACE;
    while Instant::now() < deadline {
        match child.try_wait() {
            Ok(None) => std::thread::sleep(TICK),
            _ => return,
        }
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// The talk with a supervisor: its answer and the command's outputs, read as they come.
struct Conversation<'a> {
    control: Option<UnixStream>,
    answer: Vec<u8>,
    cancelled: bool,
    stdout: Capture<'a>,
    stderr: Capture<'a>,
    spec: &'a CommandSpec,
}

impl<'a> Conversation<'a> {
    fn new(control: UnixStream, child: &mut Child, spec: &'a CommandSpec) -> io::Result<Self> {
        let missing = || io::Error::other("no pipe");
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let stderr = child.stderr.take().ok_or_else(missing)?;
        Ok(Self {
            control: Some(control),
            answer: Vec::new(),
            cancelled: false,
            stdout: Capture::new(stdout.into(), "stdout", &spec.spool),
            stderr: Capture::new(stderr.into(), "stderr", &spec.spool),
            spec,
        })
    }

    /// Listens until the supervisor and both outputs are closed.
    fn listen(mut self, started: Instant, cancel: &[&AtomicBool]) -> Result<Self, CommandError> {
        let mut deadline = started + self.spec.timeout.min(LONGEST) + GRACE;
        while self.control.is_some() || self.stdout.is_open() || self.stderr.is_open() {
            if Instant::now() >= deadline {
                match self.control {
                    Some(_) => return Err(CommandError::Unresponsive),
                    // A process that outlived its supervisor holds the output; it is not waited for.
                    None => return Ok(self),
                }
            }
            let wanted = cancel.iter().any(|flag| flag.load(Ordering::Relaxed));
            if wanted && !self.cancelled {
                self.cancelled = true;
                if let Some(control) = &self.control {
                    let _ = control.shutdown(Shutdown::Write);
                }
                deadline = deadline.min(Instant::now() + GRACE);
            }
            let was_open = self.control.is_some();
            self.take_what_is_there()
                .map_err(|source| CommandError::Output {
                    spool: self.spec.spool.clone(),
                    source,
                })?;
            if was_open && self.control.is_none() {
                deadline = Instant::now() + CLOSING;
            }
        }
        Ok(self)
    }

    fn take_what_is_there(&mut self) -> io::Result<()> {
        let [control, stdout, stderr] = {
            let fds = [
                self.control.as_ref().map(AsFd::as_fd),
                self.stdout.fd(),
                self.stderr.fd(),
            ];
            let mut polled: Vec<PollFd<'_>> = fds
                .iter()
                .flatten()
                .map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN))
                .collect();
            wait(&mut polled, TICK)?;
            let mut answers = polled.iter().map(|fd| !fd.revents().is_empty());
            fds.map(|fd| fd.is_some() && answers.next().unwrap_or(false))
        };
        if stdout {
            self.stdout.take()?;
        }
        if stderr {
            self.stderr.take()?;
        }
        if control {
            let mut buffer = [0_u8; 4096];
            match self
                .control
                .as_ref()
                .map(|mut socket| socket.read(&mut buffer))
            {
                Some(Ok(count @ 1..)) => self.answer.extend_from_slice(&buffer[..count]),
                _ => self.control = None,
            }
        }
        Ok(())
    }
}

/// The name of a signal of Linux (x86, ARM and RISC-V).
fn signal_name(number: i32) -> String {
    const NAMES: [&str; 31] = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
        "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
        "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];
    usize::try_from(number)
        .ok()
        .and_then(|number| NAMES.get(number.checked_sub(1)?))
        .map_or_else(|| format!("signal {number}"), |name| format!("SIG{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_their_names() {
        assert_eq!(signal_name(9), "SIGKILL");
        assert_eq!(signal_name(15), "SIGTERM");
        assert_eq!(signal_name(64), "signal 64");
    }
}
