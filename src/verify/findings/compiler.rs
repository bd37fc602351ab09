//! Compilers that say `path:line:column: error: message`, or nearly so: gcc, clang, javac (and Maven around it), Go.

use super::placed::placed_line;
use super::{MAX_OBSERVATIONS, Said, lines, may_hold};
use crate::domain::finding::Severity;

/// Go's `path.go:line:column: message`, after the `# package` that does not build.
pub(super) fn go(text: &str) -> Vec<Said> {
    let mut in_package = false;
    let mut found = Vec::new();
    if !may_hold(text, &[".go:"]) {
        return found;
    }
    for line in lines(text) {
        in_package |= line.starts_with("# ");
        let line = line.strip_prefix("vet: ").unwrap_or(&line);
        if let Some((message, place)) = placed_line(line).filter(|_| in_package)
            && place.contains(".go:")
        {
            found.push(Said::new(Severity::Major, &message, None, Some(place)));
        }
        if found.len() > MAX_OBSERVATIONS {
            break;
        }
    }
    found
}

/// What is marked as an error behind its place, and what a linker misses.
pub(super) fn errors(text: &str) -> Vec<Said> {
    let mut found = Vec::new();
    if !may_hold(text, &["error: ", "[ERROR] ", "undefined reference"]) {
        return found;
    }
    for line in lines(text) {
        found.extend(
            marked(&line)
                .or_else(|| by_maven(&line))
                .or_else(|| by_linker(&line)),
        );
        if found.len() > MAX_OBSERVATIONS {
            break;
        }
    }
    found
}

/// `a.c:1:34: error: ‘y’ undeclared`, `A.java:1: error: cannot find symbol`.
fn marked(line: &str) -> Option<Said> {
    let (place, rest) = line
        .split_once(": error: ")
        .or_else(|| line.split_once(": fatal error: "))?;
    let (_, place) = placed_line(&format!("{place}: x"))?;
    let source = [
        ".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".hh", ".m", ".mm", ".cu", ".java", ".kt",
        ".swift", ".zig",
    ];
    let (path, _) = place.rsplit_once(':')?;
    source
        .iter()
        .any(|ending| path.ends_with(ending))
        .then(|| Said::new(Severity::Major, rest, None, Some(place)))
}

/// Maven's `[ERROR] /home/rep/src/A.java:[4,63] cannot find symbol`.
fn by_maven(line: &str) -> Option<Said> {
    let (path, rest) = line.strip_prefix("[ERROR] ")?.split_once(":[")?;
    let (at, message) = rest.split_once("] ")?;
    let number: u32 = at.split(',').next()?.parse().ok()?;
    let place = format!("{path}:{number}");
    (!path.contains(' ')).then(|| Said::new(Severity::Major, message, None, Some(place)))
}

/// "main.c:(.text+0x5): undefined reference to `foo'".
fn by_linker(line: &str) -> Option<Said> {
    let (place, name) = line.split_once(": undefined reference to ")?;
    place.ends_with(')').then(|| {
        Said::new(
            Severity::Major,
            &format!("undefined reference to {name}"),
            None,
            None,
        )
    })
}
