//! Named places where a test can kill the process, and deliberately broken variants that such tests must catch.
//!
//! Only debug builds have them; in a release build every function here is empty.
//! `RGPT_CRASH=name:k` kills this process with SIGKILL at the k-th (from 1) hit of `name`,
//! `RGPT_CRASH_LOG=path` appends a line for every hit, `RGPT_BROKEN=variant` turns on a broken variant.

#[cfg(debug_assertions)]
use std::collections::HashMap;
#[cfg(debug_assertions)]
use std::fs::File;
#[cfg(debug_assertions)]
use std::io::Write;
#[cfg(debug_assertions)]
use std::sync::{LazyLock, Mutex, PoisonError};

#[cfg(debug_assertions)]
struct Plan {
    crash: Option<(String, u64)>,
    log: Option<File>,
    broken: Option<String>,
    hits: Mutex<HashMap<&'static str, u64>>,
}

#[cfg(debug_assertions)]
static PLAN: LazyLock<Plan> = LazyLock::new(read_plan);

#[cfg(debug_assertions)]
#[expect(
    clippy::disallowed_methods,
    reason = "failpoints are switched from outside, beneath all configuration, and only in debug builds"
)]
fn read_plan() -> Plan {
    let log = std::env::var_os("RGPT_CRASH_LOG")
        .and_then(|path| File::options().create(true).append(true).open(path).ok());
    Plan {
        crash: std::env::var("RGPT_CRASH").ok().as_deref().and_then(crash),
        log,
        broken: std::env::var("RGPT_BROKEN").ok(),
        hits: Mutex::default(),
    }
}

/// Reads `name:k`; a bare `name` means its first hit.
#[cfg(debug_assertions)]
fn crash(text: &str) -> Option<(String, u64)> {
    match text.rsplit_once(':') {
        Some((name, count)) => Some((name.to_owned(), count.parse().ok()?)),
        None => Some((text.to_owned(), 1)),
    }
}

/// Marks that the process is at the place `name`.
#[cfg(debug_assertions)]
pub fn hit(name: &'static str) {
    let plan = &*PLAN;
    if plan.crash.is_none() && plan.log.is_none() {
        return;
    }
    let count = {
        let mut hits = plan.hits.lock().unwrap_or_else(PoisonError::into_inner);
        let count = hits.entry(name).or_default();
        *count += 1;
        *count
    };
    if let Some(mut log) = plan.log.as_ref() {
        // One write each, so that the lines of several processes do not mix.
        let _ = log.write_all(format!("{name}\n").as_bytes());
    }
    if plan
        .crash
        .as_ref()
        .is_some_and(|(at, k)| at == name && *k == count)
    {
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// Marks that the process is at the place `name`.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn hit(_name: &'static str) {}

/// Whether the deliberately broken `variant` is asked for.
#[cfg(debug_assertions)]
pub fn broken(variant: &str) -> bool {
    PLAN.broken.as_deref() == Some(variant)
}

/// Whether the deliberately broken `variant` is asked for: never in a release build.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn broken(_variant: &str) -> bool {
    false
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::*;

    #[test]
    fn a_crash_names_its_place_and_its_count() {
        assert_eq!(crash("edit.renamed:3"), Some(("edit.renamed".into(), 3)));
        assert_eq!(crash("edit.renamed"), Some(("edit.renamed".into(), 1)));
        assert_eq!(crash("edit.renamed:x"), None);
    }
}
