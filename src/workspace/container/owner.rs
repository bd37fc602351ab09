//! Which process made a container, and whether it still lives.

use std::fs;

use crate::domain::Digest;

/// The process that makes containers.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    /// The machine and its processes' numbering: only those of the same can be told dead. None where it is not known.
    pub(super) host: Option<String>,
    /// The boot, the process's number and when it started.
    process: String,
}

impl Owner {
    pub(super) fn this_process() -> Self {
        let number = std::process::id();
        let start = started(number).unwrap_or_default();
        let boot = boot().unwrap_or_default();
        Self {
            host: host(),
            process: format!("{boot}-{number}-{start}"),
        }
    }

    /// The name of its n-th container.
    pub(super) fn name(&self, n: u32) -> String {
        format!("rgpt-{}-{n}", self.process)
    }

    /// Whether the process that gave a container this name is no more. What is no such name is left alone.
    pub(super) fn is_gone(name: &str) -> bool {
        let parts: Vec<&str> = name.split('-').collect();
        let ["rgpt", theirs, number, start, _] = parts.as_slice() else {
            return false;
        };
        let (Ok(number), Ok(start)) = (number.parse(), start.parse::<u64>()) else {
            return false;
        };
        boot().is_some_and(|boot| boot != *theirs || started(number) != Some(start))
    }
}

/// The machine, as far as its names tell.
fn host() -> Option<String> {
    let numbering = fs::read_link("/proc/self/ns/pid").ok()?;
    let machine = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let all = format!("{machine}\n{name}\n{}", numbering.display());
    Some(
        Digest::of(all.as_bytes())
            .as_str()
            .chars()
            .take(16)
            .collect(),
    )
}

/// The machine's last start, by the beginning of its name.
fn boot() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.chars().take_while(char::is_ascii_hexdigit).collect())
}

/// When a process started, in ticks since the boot.
fn started(number: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    // The name in parentheses may hold anything; the 22nd field is the 20th behind it.
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_of_a_living_process_is_left_alone() {
        let own = Owner::this_process().name(1);
        assert!(!Owner::is_gone(&own), "{own}");
        for other in ["rgpt", "my-rgpt-container", "rgpt-a-b-c-d", ""] {
            assert!(!Owner::is_gone(other), "{other}");
        }
        let parts: Vec<&str> = own.split('-').collect();
        let later = format!("rgpt-{}-{}-1-1", parts[1], parts[2]);
        assert!(Owner::is_gone(&later), "the number was given anew");
        assert!(Owner::is_gone("rgpt-0000-1-1-1"), "before the last start");
    }
}
