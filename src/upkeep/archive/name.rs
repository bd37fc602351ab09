//! Which files an archive may hold, and so which files a restore may write: an archive may come
//! from anywhere.

/// The longest path, and the longest part of one.
const LONGEST: (usize, usize) = (1_000, 200);

/// The copies of configuration files.
const CONFIG: [&str; 2] = ["orchestrator.yaml", "orchestrator.local.yaml"];

/// Whether a file of a state directory belongs into an archive, by its path in it.
///
/// Of rgpt's own git directory only what holds objects and refs: nothing in there may name a
/// program, or another place to take objects from.
pub(in crate::upkeep) fn is_allowed(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    if path.len() > LONGEST.0 || !parts.iter().all(|part| is_plain(part)) {
        return false;
    }
    match parts.as_slice() {
        ["rgpt.db"] => true,
        ["artifacts", _, ..] => true,
        ["config", name] => CONFIG.contains(name),
        ["logs", name] => is_log(name),
        ["git", "HEAD" | "packed-refs" | "shallow" | "config"] => true,
        ["git", "info", "exclude" | "attributes"] => true,
        ["git", "refs", _, ..] => !path.ends_with(".lock"),
        ["git", "objects", "pack", name] => is_pack(name),
        ["git", "objects", fan, rest] => {
            fan.len() == 2 && is_hex(fan) && [38, 62].contains(&rest.len()) && is_hex(rest)
        }
        _ => false,
    }
}

/// A part of a path that leads nowhere else and that a terminal can show.
fn is_plain(part: &str) -> bool {
    !part.is_empty()
        && part != "."
        && part != ".."
        && part.len() <= LONGEST.1
        && !part.chars().any(|c| c.is_control() || c == '\\')
}

fn is_log(name: &str) -> bool {
    match name.strip_prefix("rgpt.log") {
        Some("") => true,
        Some(rest) => rest
            .strip_prefix('.')
            .is_some_and(|number| number.parse::<u32>().is_ok()),
        None => false,
    }
}

fn is_pack(name: &str) -> bool {
    let Some((stem, "pack" | "idx" | "rev")) = name.split_once('.') else {
        return false;
    };
    stem.strip_prefix("pack-").is_some_and(is_hex)
}

fn is_hex(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_state_directory_needs_is_allowed() {
        let object = format!("git/objects/ab/{}", "0".repeat(38));
        let pack = format!("git/objects/pack/pack-{}.idx", "f".repeat(40));
        for path in [
            "rgpt.db",
            "artifacts/run-1/check-2.stdout",
            "config/orchestrator.yaml",
            "logs/rgpt.log",
            "logs/rgpt.log.12",
            "git/HEAD",
            "git/refs/rgpt/run/1",
            "git/info/attributes",
            &object,
            &pack,
        ] {
            assert!(is_allowed(path), "{path}");
        }
    }

    #[test]
    fn what_leads_elsewhere_or_could_run_is_not() {
        for path in [
            "",
            "/rgpt.db",
            "../rgpt.db",
            "artifacts/../../x",
            "artifacts/./x",
            "artifacts//x",
            "artifacts",
            "artifacts/a\\..\\b",
            "artifacts/a\nb",
            "rgpt.db-wal",
            "locks/open.lock",
            "config/.bashrc",
            "logs/rgpt.lock",
            "git/hooks/post-checkout",
            "git/objects/info/alternates",
            "git/objects/pack/tmp_pack_1",
            "git/objects/../config",
            "git/rgpt/run-1-build",
            "git/refs/rgpt/run/1.lock",
            "archive/pruned.zip",
        ] {
            assert!(!is_allowed(path), "{path}");
        }
        assert!(!is_allowed(&format!("artifacts/{}", "x".repeat(300))));
    }
}
