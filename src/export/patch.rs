//! A unified diff, read for showing.

/// One file of a patch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FileChange<'p> {
    /// Its path, as git writes it.
    pub(super) path: &'p str,
    /// What became of it, if it was not only changed.
    pub(super) fate: Option<&'static str>,
    /// Lines that were added and removed.
    pub(super) added: u64,
    pub(super) removed: u64,
    /// The lines of its hunks, in order.
    pub(super) lines: Vec<Line<'p>>,
}

/// A line of a patch, without the sign at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'p> {
    pub(super) kind: LineKind,
    /// Its number in the new file, or in the old one if it was removed.
    pub(super) number: Option<u64>,
    pub(super) text: &'p str,
}

/// What a line of a patch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineKind {
    /// The head of a hunk.
    Hunk,
    /// In both files.
    Same,
    /// In the new one only.
    Added,
    /// In the old one only.
    Removed,
    /// Said by git.
    Note,
}

/// The files of a patch.
pub(super) fn files(patch: &str) -> Vec<FileChange<'_>> {
    let mut files: Vec<FileChange<'_>> = Vec::new();
    // What the current hunk still has of the old and the new file: only that tells a removed line
    // `-- a` from the head of a file.
    let (mut left, mut next) = ((0, 0), (0, 0));
    for line in patch.split_terminator('\n') {
        if left == (0, 0) && line.starts_with("diff --git ") {
            files.push(FileChange {
                path: named(line),
                ..FileChange::default()
            });
            continue;
        }
        let Some(file) = files.last_mut() else {
            continue;
        };
        let (kind, number) = match line.as_bytes().first() {
            Some(b'@') if left == (0, 0) => {
                (left, next) = numbers(line).unwrap_or_default();
                (LineKind::Hunk, None)
            }
            Some(b'\\') => (LineKind::Note, None),
            _ if left == (0, 0) => {
                about(file, line);
                continue;
            }
            Some(b'+') => {
                file.added += 1;
                left.1 = u64::saturating_sub(left.1, 1);
                next.1 += 1;
                (LineKind::Added, Some(next.1 - 1))
            }
            Some(b'-') => {
                file.removed += 1;
                left.0 = u64::saturating_sub(left.0, 1);
                next.0 += 1;
                (LineKind::Removed, Some(next.0 - 1))
            }
            _ => {
                left = (
                    u64::saturating_sub(left.0, 1),
                    u64::saturating_sub(left.1, 1),
                );
                next = (next.0 + 1, next.1 + 1);
                (LineKind::Same, Some(next.1 - 1))
            }
        };
        let sign = matches!(kind, LineKind::Same | LineKind::Added | LineKind::Removed);
        file.lines.push(Line {
            kind,
            number,
            text: if sign {
                line.get(1..).unwrap_or_default()
            } else {
                line
            },
        });
    }
    files
}

/// The path that the line `diff --git a/x b/x` names: without renames it is the same twice.
fn named(line: &str) -> &str {
    let names = line.trim_start_matches("diff --git ");
    let second = names.get(names.len() / 2 + 1..).unwrap_or(names);
    let second = second.trim_matches('"');
    second.strip_prefix("b/").unwrap_or(second)
}

fn about<'p>(file: &mut FileChange<'p>, line: &'p str) {
    if line.starts_with("new file") {
        file.fate = Some("added");
    } else if line.starts_with("deleted file") {
        file.fate = Some("deleted");
    } else if line.starts_with("old mode")
        || line.starts_with("new mode")
        || line.starts_with("Binary ")
    {
        file.lines.push(Line {
            kind: LineKind::Note,
            number: None,
            text: line,
        });
    }
}

type Pair = (u64, u64);

/// How many lines of the old and the new file a hunk has, and with which it begins. A count that
/// is left out stands for one.
fn numbers(head: &str) -> Option<(Pair, Pair)> {
    let mut words = head.split(' ').skip(1);
    let mut range = |sign: char| -> Option<Pair> {
        let word = words.next()?.strip_prefix(sign)?;
        match word.split_once(',') {
            Some((start, count)) => Some((start.parse().ok()?, count.parse().ok()?)),
            None => Some((word.parse().ok()?, 1)),
        }
    };
    let ((old, olds), (new, news)) = (range('-')?, range('+')?);
    Some(((olds, news), (old, new)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATCH: &str = "diff --git a/a b.rs b/a b.rs\nindex 1..2 100644\n--- a/a b.rs\n+++ b/a b.rs\n\
        @@ -1,2 +1,3 @@ fn f() {\n same\n--- old\n+new\n+diff --git a/x b/x\n\
        \\ No newline at end of file\n\
        diff --git a/new b/new\nnew file mode 100644\n--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+x\n\
        diff --git a/pic b/pic\nindex 1..2 100644\nBinary files a/pic and b/pic differ\n";

    #[test]
    fn files_and_lines_are_told_apart() {
        let files = files(PATCH);
        let told: Vec<_> = files
            .iter()
            .map(|file| {
                (
                    file.path,
                    file.fate,
                    file.added,
                    file.removed,
                    file.lines.len(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("a b.rs", None, 2, 1, 6),
                ("new", Some("added"), 1, 0, 2),
                ("pic", None, 0, 0, 1),
            ]
        );
        let removed = files[0].lines[2];
        let expected = (LineKind::Removed, Some(2), "-- old");
        assert_eq!((removed.kind, removed.number, removed.text), expected);
        let added = files[0].lines[4];
        assert_eq!((added.number, added.text), (Some(3), "diff --git a/x b/x"));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(diff --git a/x b/x\n|@@ -1,2 \\+1,2 @@\n|[-+ @é\\\\]{0,3}\n){0,20}") {
            files(&text);
        }
    }
}
