//! Correct counts in the hunk headers of a patch: models count badly, and a count too small would
//! silently drop the rest of a hunk. Only numbers are corrected; lines must still match letter for letter.

/// `patch` with every hunk header counting the lines that follow it. Counts that fit are left alone.
pub(super) fn recount(patch: &str) -> String {
    let lines: Vec<&str> = patch.split_inclusive('\n').collect();
    let mut corrected = String::with_capacity(patch.len());
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        let Some(header) = Header::parse(line) else {
            corrected.push_str(line);
            continue;
        };
        let body = &lines[at..];
        let length = header
            .length_as_counted(body)
            .unwrap_or_else(|| length(body));
        let body = &body[..length];
        let removed = body
            .iter()
            .filter(|line| !matches!(kind(line), Kind::Added | Kind::Note));
        let added = body
            .iter()
            .filter(|line| !matches!(kind(line), Kind::Removed | Kind::Note));
        corrected.push_str(&format!(
            "@@ -{},{} +{},{} @@{}",
            header.old_start,
            removed.count(),
            header.new_start,
            added.count(),
            header.rest
        ));
        body.iter().for_each(|line| corrected.push_str(line));
        at += length;
    }
    corrected
}

/// `@@ -old_start,old_count +new_start,new_count @@rest`
struct Header<'a> {
    old_start: usize,
    old_count: usize,
    new_start: usize,
    new_count: usize,
    rest: &'a str,
}

impl<'a> Header<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (ranges, rest) = line.strip_prefix("@@ -")?.split_once(" @@")?;
        let (old, new) = ranges.split_once(" +")?;
        let (old_start, old_count) = range(old)?;
        let (new_start, new_count) = range(new)?;
        Some(Self {
            old_start,
            old_count,
            new_start,
            new_count,
            rest,
        })
    }

    /// How many lines of `body` the hunk has by its counts; none if they do not fit what follows.
    fn length_as_counted(&self, body: &[&str]) -> Option<usize> {
        let (mut old, mut new) = (self.old_count, self.new_count);
        let mut length = 0;
        while old > 0 || new > 0 {
            let kind = kind(body.get(length)?);
            match kind {
                Kind::Context | Kind::Blank => {
                    old = old.checked_sub(1)?;
                    new = new.checked_sub(1)?;
                }
                Kind::Removed => old = old.checked_sub(1)?,
                Kind::Added => new = new.checked_sub(1)?,
                Kind::Note => {}
                Kind::Other => return None,
            }
            length += 1;
        }
        if body
            .get(length)
            .is_some_and(|line| matches!(kind(line), Kind::Note))
        {
            length += 1;
        }
        let blank = body[length..]
            .iter()
            .take_while(|line| matches!(kind(line), Kind::Blank));
        let rest = &body[length + blank.count()..];
        // "-- " begins the signature of a mailed patch.
        let ends = rest.first().is_none_or(|line| {
            matches!(kind(line), Kind::Other) || is_file_header(rest) || line.trim_end() == "--"
        });
        ends.then_some(length)
    }
}

/// How many lines of `body` look like a hunk's, without blank ones at the end.
fn length(body: &[&str]) -> usize {
    let mut length = 0;
    for (index, line) in body.iter().enumerate() {
        match kind(line) {
            Kind::Other => break,
            Kind::Removed if is_file_header(&body[index..]) => break,
            Kind::Blank => {}
            _ => length = index + 1,
        }
    }
    length
}

enum Kind {
    Context,
    /// An empty line: a context line whose space was lost, or no part of the hunk.
    Blank,
    Removed,
    Added,
    /// `\ No newline at end of file`
    Note,
    Other,
}

fn kind(line: &str) -> Kind {
    match line.as_bytes().first() {
        Some(b' ') => Kind::Context,
        Some(b'-') => Kind::Removed,
        Some(b'+') => Kind::Added,
        Some(b'\\') => Kind::Note,
        Some(b'\n' | b'\r') | None => Kind::Blank,
        Some(_) => Kind::Other,
    }
}

/// Whether the next file of the patch begins here.
fn is_file_header(lines: &[&str]) -> bool {
    matches!(lines, [old, new, ..] if old.starts_with("--- ") && new.starts_with("+++ "))
}

/// `start,count`, where a count of 1 may be left out.
fn range(text: &str) -> Option<(usize, usize)> {
    match text.split_once(',') {
        Some((start, count)) => Some((start.parse().ok()?, count.parse().ok()?)),
        None => Some((text.parse().ok()?, 1)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILES: &str = "--- a/x\n+++ b/x\n";

    fn header(hunk: &str) -> String {
        let corrected = recount(&format!("{FILES}{hunk}"));
        let body = hunk.split_once('\n').unwrap().1;
        assert!(corrected.ends_with(body), "the body stays: {corrected}");
        corrected.lines().nth(2).unwrap().to_owned()
    }

    #[test]
    fn counts_that_fit_stay() {
        assert_eq!(
            header("@@ -3,2 +3,2 @@ fn a()\n one\n-two\n+2\n"),
            "@@ -3,2 +3,2 @@ fn a()"
        );
        assert_eq!(
            header("@@ -1 +1 @@\n-two\n+2\n\\ No newline at end of file\n"),
            "@@ -1,1 +1,1 @@"
        );
        assert_eq!(
            header("@@ -1,2 +1,1 @@\n-two\n-- \n+x\n"),
            "@@ -1,2 +1,1 @@"
        );
        assert_eq!(
            header("@@ -1,1 +1,1 @@\n-two\n+2\n-- \n2.39.0\n"),
            "@@ -1,1 +1,1 @@"
        );
    }

    #[test]
    fn counts_too_small_or_too_large_are_corrected() {
        for counts in ["-1,1 +1,1", "-1,9 +1,9", "-1,2 +1,7", "-1 +1"] {
            assert_eq!(
                header(&format!("@@ {counts} @@\n one\n-two\n+2\n+3\n three\n")),
                "@@ -1,3 +1,4 @@"
            );
            assert_eq!(
                header(&format!("@@ {counts} @@\n one\n\n-two\n+2\n+3\n\n```\n")),
                "@@ -1,3 +1,4 @@"
            );
        }
    }

    #[test]
    fn the_next_file_or_hunk_is_not_counted() {
        let next =
            "@@ -1,9 +1,9 @@\n-one\n+1\n--- a/y\n+++ b/y\n@@ -1,9 +1,9 @@\n-two\n@@ -5 +4 @@\n+3\n";
        let corrected = recount(&format!("{FILES}{next}"));
        let headers: Vec<&str> = corrected
            .lines()
            .filter(|line| line.starts_with("@@"))
            .collect();
        assert_eq!(
            headers,
            ["@@ -1,1 +1,1 @@", "@@ -1,1 +1,0 @@", "@@ -5,0 +4,1 @@"]
        );
    }

    proptest! {
        #[test]
        fn a_patch_with_right_counts_stays_as_it_is(old in "([ab-]{0,2}\n){0,8}", new in "([ab-]{0,2}\n){0,8}") {
            let patch = diffy::create_patch(&old, &new).to_string();
            let corrected = recount(&patch);
            let parsed = diffy::Patch::from_str(&corrected).unwrap();
            prop_assert_eq!(diffy::apply(&old, &parsed).unwrap(), new);
        }
    }
}
