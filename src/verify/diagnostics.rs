//! What compilers and linters say, as observations with a place.

use crate::domain::finding::{Category, Observation, Severity};

use super::report::{lines, python_place, shorten};

/// The most observations of one kind that one check makes.
pub(super) const MAX_OBSERVATIONS: usize = 100;
/// The most bytes of an observation's message.
const MAX_MESSAGE: usize = 300;

/// `text` as one line for people.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::new();
    for part in text.lines().map(str::trim).filter(|part| !part.is_empty()) {
        if !line.is_empty() {
            line.push_str(if line.ends_with([':', ',']) {
                " "
            } else {
                ", "
            });
        }
        line.push_str(part);
        if line.len() > MAX_MESSAGE {
            let cut = shorten(&line, MAX_MESSAGE).len();
            line.truncate(cut);
            line.push('…');
            break;
        }
    }
    line
}

/// Errors of a compiler: rustc's, Go's, TypeScript's, and Python's syntax errors.
pub(super) fn compile_errors(stdout: &str, stderr: &str) -> Vec<Observation> {
    let mut found = rustc(stderr, "error", Severity::Major, Category::Build);
    found.extend(go(stderr));
    found.extend(typescript(stdout));
    found.extend(python_syntax(stdout));
    found.extend(python_syntax(stderr));
    without_repeats(found)
}

/// What a linter says. Its errors are major, its warnings medium; lines of linters that know no levels are errors if
/// the linter `failed`.
pub(super) fn lints(stdout: &str, stderr: &str, failed: bool) -> Vec<Observation> {
    let level = if failed {
        Severity::Major
    } else {
        Severity::Medium
    };
    let mut found = Vec::new();
    for text in [stderr, stdout] {
        found.extend(rustc(text, "error", Severity::Major, Category::Lint));
        found.extend(rustc(text, "warning", Severity::Medium, Category::Lint));
    }
    found.extend(placed_lines(stdout, level));
    without_repeats(found)
}

/// Diagnostics in the form `error[E0308]: message` with `--> path:line:column` on one of the next lines.
fn rustc(text: &str, word: &str, severity: Severity, category: Category) -> Vec<Observation> {
    let mut found = Vec::new();
    let mut open: Option<String> = None;
    for line in lines(text) {
        if let Some(message) = headline(&line, word) {
            open = Some(message);
        } else if let Some(place) = line.trim_start().strip_prefix("--> ") {
            if let Some(message) = open.take() {
                found.push(observation(
                    severity,
                    category,
                    message,
                    place_without_column(place),
                ));
            }
        } else if line.is_empty() {
            open = None;
        }
        if found.len() > MAX_OBSERVATIONS {
            break;
        }
    }
    found
}

/// `mismatched types (E0308)` from `error[E0308]: mismatched types`.
fn headline(line: &str, word: &str) -> Option<String> {
    let rest = line.strip_prefix(word)?;
    if let Some(message) = rest.strip_prefix(": ") {
        return Some(message.to_owned());
    }
    let (code, message) = rest.strip_prefix('[')?.split_once("]: ")?;
    Some(format!("{message} ({code})"))
}

/// Go's `path.go:line:column: message`, after the `# package` that does not build.
fn go(text: &str) -> Vec<Observation> {
    let mut in_package = false;
    let mut found = Vec::new();
    for line in lines(text) {
        in_package |= line.starts_with("# ");
        let line = line.strip_prefix("vet: ").unwrap_or(&line);
        if let Some((message, Some(place))) = placed_line(line).filter(|_| in_package)
            && place.contains(".go:")
        {
            let place = place.trim_start_matches("./").to_owned();
            found.push(observation(
                Severity::Major,
                Category::Build,
                message,
                Some(place),
            ));
        }
        if found.len() > MAX_OBSERVATIONS {
            break;
        }
    }
    found
}

/// TypeScript's `path(line,column): error TS2307: message`.
fn typescript(text: &str) -> Vec<Observation> {
    let mut found = Vec::new();
    for line in lines(text) {
        let parts = line
            .split_once(": error TS")
            .and_then(|(place, message)| Some((place.strip_suffix(')')?, message)));
        if let Some((place, message)) = parts
            && let Some((path, at)) = place.rsplit_once('(')
            && let Some(number) = at
                .split(',')
                .next()
                .and_then(|line| line.parse::<u32>().ok())
        {
            found.push(observation(
                Severity::Major,
                Category::Build,
                format!("TS{message}"),
                Some(format!("{path}:{number}")),
            ));
        }
        if found.len() > MAX_OBSERVATIONS {
            break;
        }
    }
    found
}

/// Python's `File "path", line N`, then within a few lines `SyntaxError: message`.
fn python_syntax(text: &str) -> Vec<Observation> {
    const REACH: usize = 4;
    let mut found = Vec::new();
    let mut place: Option<(String, usize)> = None;
    for (at, line) in lines(text).enumerate() {
        let line = line.strip_prefix("E ").unwrap_or(&line);
        let line = line.trim_start_matches(['*', ' ']);
        if let Some(found_place) = python_place(line) {
            place = Some((found_place, at));
        } else if ["SyntaxError: ", "IndentationError: ", "TabError: "]
            .iter()
            .any(|kind| line.starts_with(kind))
            && let Some((location, _)) = place.take_if(|(_, from)| at - *from <= REACH)
        {
            found.push(observation(
                Severity::Major,
                Category::Build,
                line.to_owned(),
                Some(location),
            ));
        }
        if found.len() > MAX_OBSERVATIONS {
            break;
        }
    }
    found
}

/// Linters that print `path:line:column: message`, and ruff's `CODE message` with `--> path:line:column` after it.
fn placed_lines(text: &str, severity: Severity) -> Vec<Observation> {
    let mut found = Vec::new();
    let mut before = String::new();
    for line in lines(text) {
        let ruff = line.trim_start().strip_prefix("--> ");
        let one = match ruff {
            Some(place) if is_coded(&before) => Some((before.clone(), place_without_column(place))),
            Some(_) => None,
            None => placed_line(&line),
        };
        if let Some((message, location)) = one {
            found.push(observation(severity, Category::Lint, message, location));
        }
        if found.len() > MAX_OBSERVATIONS {
            break;
        }
        before = line.into_owned();
    }
    found
}

/// Whether a line begins with a rule's code, as in `F401 [*] …`.
fn is_coded(line: &str) -> bool {
    let code = line.split(' ').next().unwrap_or_default();
    code.starts_with(|c: char| c.is_ascii_uppercase())
        && code.ends_with(|c: char| c.is_ascii_digit())
        && code
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn placed_line(line: &str) -> Option<(String, Option<String>)> {
    let (place, message) = line.split_once(": ")?;
    let real = !place.contains(' ') && !message.is_empty();
    let (path, number) = place.split_once(':')?;
    let number = number.split(':').next()?;
    let number: u32 = number.parse().ok()?;
    (real && !path.is_empty()).then(|| (message.to_owned(), Some(format!("{path}:{number}"))))
}

/// `path:line` from `path:line:column`.
fn place_without_column(place: &str) -> Option<String> {
    let (rest, column) = place.trim().rsplit_once(':')?;
    let told = rest
        .rsplit_once(':')
        .is_some_and(|(_, line)| line.parse::<u32>().is_ok());
    (told && column.parse::<u32>().is_ok()).then(|| rest.to_owned())
}

fn observation(
    severity: Severity,
    category: Category,
    message: String,
    location: Option<String>,
) -> Observation {
    Observation {
        severity,
        category,
        message: one_line(&message),
        location,
    }
}

/// The same thing is often said twice: a target is compiled as a library and for its tests.
fn without_repeats(mut found: Vec<Observation>) -> Vec<Observation> {
    let mut seen = std::collections::HashSet::new();
    found.retain(|one| seen.insert((one.message.clone(), one.location.clone())));
    found.truncate(MAX_OBSERVATIONS);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(found: &[Observation]) -> Vec<String> {
        found
            .iter()
            .map(|one| {
                format!(
                    "{} {} {} @ {}",
                    one.severity,
                    one.category,
                    one.message,
                    one.location.as_deref().unwrap_or("-")
                )
            })
            .collect()
    }

    #[test]
    fn compile_errors_have_a_message_and_a_place() {
        let found = compile_errors("", include_str!("report/fixtures/cargo_compile.err.txt"));
        assert_eq!(
            told(&found),
            [
                "major build mismatched types (E0308) @ src/lib.rs:1",
                "major build cannot find function `nothere` in this scope (E0425) @ src/lib.rs:2",
            ]
        );
    }

    #[test]
    fn go_and_typescript_have_their_places_too() {
        let go = "# example.org/rep/c [example.org/rep/c.test]\nc/c_test.go:5:28: undefined: undefinedFn\n./main.go:3:1: expected declaration\n";
        assert_eq!(
            told(&compile_errors("", go)),
            [
                "major build undefined: undefinedFn @ c/c_test.go:5",
                "major build expected declaration @ main.go:3",
            ]
        );
        assert!(compile_errors("", "svc.go:5:1: logged\n").is_empty());
        let tsc = "src/a.ts(1,22): error TS2307: Cannot find module './billing'.\n";
        assert_eq!(
            told(&compile_errors(tsc, "")),
            ["major build TS2307: Cannot find module './billing'. @ src/a.ts:1"]
        );
    }

    #[test]
    fn python_syntax_errors_are_compile_errors() {
        let text = "***   File \"./app/bad.py\", line 3\n    def f(:\n          ^\nSyntaxError: invalid syntax\n\n";
        assert_eq!(
            told(&compile_errors(text, "")),
            ["major build SyntaxError: invalid syntax @ app/bad.py:3"]
        );
        assert!(
            compile_errors("SyntaxError: invalid syntax", "").is_empty(),
            "no place, no finding"
        );
    }

    #[test]
    fn clippy_warnings_are_medium_and_denied_ones_major() {
        let warned = lints(
            "",
            include_str!("report/fixtures/cargo_clippy.err.txt"),
            false,
        );
        assert_eq!(
            told(&warned),
            [
                "medium lint unused variable: `unused` @ src/lib.rs:1",
                "medium lint writing `&Vec` instead of `&[_]` involves a new object where a slice will do @ src/lib.rs:1",
                "medium lint length comparison to zero @ src/lib.rs:1",
            ]
        );
        let denied = lints(
            "",
            include_str!("report/fixtures/cargo_clippyd.err.txt"),
            true,
        );
        assert_eq!(denied.len(), 3);
        assert!(denied.iter().all(|one| one.severity == Severity::Major));
    }

    #[test]
    fn linters_for_python_are_read_in_their_two_forms() {
        let text = "F401 [*] `os` imported but unused\n --> app/a.py:1:8\n  |\n1 | import os\n\napp/b.py:3:1: E302 expected 2 blank lines\napp/c.py:9: error: bad type  [arg-type]\nFound 3 errors.\n";
        assert_eq!(
            told(&lints(text, "", true)),
            [
                "major lint F401 [*] `os` imported but unused @ app/a.py:1",
                "major lint E302 expected 2 blank lines @ app/b.py:3",
                "major lint error: bad type  [arg-type] @ app/c.py:9",
            ]
        );
    }
}
