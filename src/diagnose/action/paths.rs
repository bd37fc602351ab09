//! Places: inside the workspace or not, protected or not.

use crate::policy::path::canonical;

use super::super::case::Policy;

/// Places outside that anyone may name.
const HARMLESS: [&str; 5] = [
    "/dev/null",
    "/dev/stdout",
    "/dev/stderr",
    "/dev/stdin",
    "/dev/tty",
];

/// Why a path leads out of the workspace, if it does.
pub(in crate::diagnose) fn escapes(path: &str, policy: &Policy) -> Option<String> {
    let why = |what: &str| Some(format!("{path:.200} {what}"));
    if HARMLESS.contains(&path) || path.is_empty() {
        return None;
    }
    if path.contains('\0') || path.contains("%2e%2e") || path.contains("%2E%2E") {
        return why("is no plain path");
    }
    if path.starts_with('~') || path.starts_with("$HOME") {
        return why("lies outside the workspace");
    }
    let windows = path.as_bytes().get(1) == Some(&b':') && path.as_bytes().get(2) == Some(&b'\\');
    if windows || path.starts_with("\\\\") || path.starts_with("file:") {
        return why("lies outside the workspace");
    }
    let (inside, mut depth) = match path.strip_prefix('/') {
        None => (path, 0_usize),
        Some(_) => {
            let workspace = policy.workspace.trim_end_matches('/');
            match path.strip_prefix(workspace) {
                Some(rest)
                    if !workspace.is_empty() && (rest.is_empty() || rest.starts_with('/')) =>
                {
                    (rest, 0)
                }
                _ => return why("lies outside the workspace"),
            }
        }
    };
    for part in inside.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => match depth.checked_sub(1) {
                Some(up) => depth = up,
                None => return why("climbs out of the workspace"),
            },
            _ => depth += 1,
        }
    }
    None
}

/// Why a path may not be touched, if it may not.
pub(in crate::diagnose) fn protected(path: &str, policy: &Policy) -> Option<String> {
    let plain = inside(path, policy);
    let folded = plain.to_ascii_lowercase();
    let is = |pattern: &str| {
        let whole = pattern.trim_start_matches("./");
        let name = whole.trim_end_matches('/').to_ascii_lowercase();
        if name.is_empty() || name.starts_with(['/', '~']) {
            return !name.is_empty() && path.to_ascii_lowercase().starts_with(&name);
        }
        // A bare name is protected wherever it lies; a path, where it says.
        match name.contains('/') {
            true => folded == name || folded.starts_with(&format!("{name}/")),
            false => folded
                .split('/')
                .any(|part| part == name || (part.contains(['*', '?', '[']) && glob(part, &name))),
        }
    };
    let pattern = policy.protected_paths.iter().find(|pattern| is(pattern));
    if let Some(pattern) = pattern {
        return Some(format!("{path:.200} is protected: {pattern}"));
    }
    let in_git = canonical(&plain)
        .err()
        .filter(|denial| denial.rule == "git-metadata");
    in_git.map(|denial| denial.message)
}

/// The path as it stands below the workspace, without steps to and fro.
pub(super) fn inside(path: &str, policy: &Policy) -> String {
    let workspace = policy.workspace.trim_end_matches('/');
    let rest = match path.strip_prefix(workspace) {
        Some(rest) if !workspace.is_empty() => rest,
        _ => path,
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in rest.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Whether a shell's pattern may stand for a name.
fn glob(pattern: &str, name: &str) -> bool {
    globset::Glob::new(pattern).is_ok_and(|glob| glob.compile_matcher().is_match(name))
}
