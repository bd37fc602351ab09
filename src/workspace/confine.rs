//! Keeping a command's writes to the folders it is given, with Landlock.
//!
//! Reading, executing and the network stay free here. Landlock does not cover changes of modes, times and
//! extended attributes, nor UNIX sockets that have a path.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, LandlockStatus, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};
use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

use super::supervisor::read_line;

/// The oldest ABI that will do: without it (kernel 6.2) truncating files outside is not refused.
const FLOOR: ABI = ABI::V3;

/// The newest ABI whose rights are used: the newest on which the rules were tried.
const NEWEST: ABI = ABI::V7;

/// The devices that commands may write.
const DEVICES: [&str; 5] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
];

/// What can be enforced on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confinement {
    /// Writes are confined, by the rules of this Landlock ABI.
    Landlock {
        /// The version of the ABI, at least 3.
        abi: u32,
        /// Whether signals and abstract UNIX sockets are kept inside too (ABI 6).
        scoped: bool,
    },
    /// The kernel cannot, or not enough.
    None {
        /// Why, for people.
        why: &'static str,
    },
}

impl Confinement {
    /// Whether commands can be confined.
    pub fn available(self) -> bool {
        matches!(self, Self::Landlock { .. })
    }
}

/// What the kernel really enforces, found by confining a thread that ends at once.
pub fn probe() -> Confinement {
    let tried = std::thread::Builder::new().spawn(|| {
        Ruleset::default()
            .handle_access(AccessFs::from_write(FLOOR))
            .and_then(Ruleset::create)
            .and_then(RulesetCreated::restrict_self)
    });
    let status = match tried.map(std::thread::JoinHandle::join) {
        Ok(Ok(Ok(status))) => status,
        _ => {
            return Confinement::None {
                why: "Landlock does not answer",
            };
        }
    };
    let why = match status.landlock {
        LandlockStatus::NotImplemented => "the kernel is built without Landlock",
        LandlockStatus::NotEnabled => "Landlock is off: add it to the kernel's `lsm=` parameter",
        LandlockStatus::Available { effective_abi, .. } => {
            if effective_abi >= FLOOR && status.ruleset == RulesetStatus::FullyEnforced {
                return Confinement::Landlock {
                    abi: effective_abi as u32,
                    scoped: effective_abi >= ABI::V6,
                };
            }
            "the kernel is older than 6.2, so its Landlock lets files outside be truncated"
        }
    };
    Confinement::None { why }
}

/// What the supervisor tells the process that becomes the command.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    /// The line for `sh -c`.
    pub(super) line: String,
    /// Where it runs.
    pub(super) cwd: PathBuf,
    /// What it may write, if it is confined.
    pub(super) writable: Option<Vec<PathBuf>>,
    /// The supervisor, whose death is the command's.
    pub(super) supervisor: i32,
}

/// The hidden verb `__confine`: reads an [`Order`] from stdin, a socket, and becomes the command.
/// Only if that fails does it return, having written the reason to the socket.
pub fn confine() -> ExitCode {
    let Ok(socket) = io::stdin().as_fd().try_clone_to_owned() else {
        return ExitCode::FAILURE;
    };
    let mut socket = UnixStream::from(socket);
    let error = match become_command(&mut socket) {
        Ok(never) => match never {},
        Err(error) => error,
    };
    let _ = socket.write_all(error.to_string().as_bytes());
    ExitCode::FAILURE
}

fn become_command(socket: &mut UnixStream) -> Result<std::convert::Infallible, io::Error> {
    let order: Order = serde_json::from_str(&read_line(socket)?)?;
    rustix::process::setsid()?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // The supervisor may have died before the signal was asked for.
    if rustix::process::getppid()
        .map(Pid::as_raw_nonzero)
        .map(i32::from)
        != Some(order.supervisor)
    {
        return Err(io::Error::other("the supervisor is gone"));
    }
    if let Some(writable) = &order.writable {
        restrict(writable)
            .map_err(|why| io::Error::other(format!("cannot confine the command: {why}")))?;
    }
    Err(shell(&order.line, &order.cwd).exec())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the command itself, started by its supervisor"
)]
fn shell(line: &str, cwd: &Path) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell
        .arg("-c")
        .arg(line)
        .current_dir(cwd)
        .stdin(Stdio::null());
    shell
}

/// Confines this process for good: it can write only beneath `writable` and to harmless devices.
/// Every right must be enforced; there is no best effort.
fn restrict(writable: &[PathBuf]) -> Result<(), String> {
    let Confinement::Landlock { abi, scoped } = probe() else {
        return Err("the kernel has no sufficient Landlock".to_owned());
    };
    let abi = ABI::from(abi.min(NEWEST as u32) as i32);
    let rights = AccessFs::from_write(abi);
    let in_words = |error: landlock::RulesetError| error.to_string();
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(rights)
        .map_err(in_words)?;
    if scoped {
        rules = rules.scope(Scope::from_all(abi)).map_err(in_words)?;
    }
    let mut rules = rules.create().map_err(in_words)?;
    for path in writable {
        let rights = if path.is_dir() {
            rights
        } else {
            rights & AccessFs::from_file(abi)
        };
        let fd = PathFd::new(path).map_err(|error| error.to_string())?;
        rules = rules
            .add_rule(PathBeneath::new(fd, rights))
            .map_err(in_words)?;
    }
    for device in DEVICES {
        // A device that is not there cannot be written.
        if let Ok(fd) = PathFd::new(device) {
            let rule = PathBeneath::new(fd, rights & AccessFs::from_file(abi));
            rules = rules.add_rule(rule).map_err(in_words)?;
        }
    }
    let status = rules.restrict_self().map_err(in_words)?;
    if status.ruleset != RulesetStatus::FullyEnforced || !status.no_new_privs {
        return Err("the kernel enforces only a part of the rules".to_owned());
    }
    Ok(())
}
