//! Edit blocks: a path, the text to find, the text that takes its place.

use std::collections::BTreeMap;

use super::super::case::Case;
use super::Fault;
use super::content::{elision, packaging};

const SEARCH: &str = "<<<<<<< SEARCH";
const BETWEEN: &str = "=======";
const REPLACE: &str = ">>>>>>> REPLACE";

/// One block.
struct Block<'a> {
    path: &'a str,
    search: String,
    replace: String,
}

pub(super) fn fault(case: &Case) -> Option<Fault> {
    let text = &case.response.text;
    let blocks = match blocks(text) {
        Ok(blocks) => blocks,
        Err(fault) => return Some(fault),
    };
    if blocks.is_empty() {
        return Some(Fault::new("edit.none", "the answer holds no edit block"));
    }
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    for (path, content) in &case.context.file_contents {
        files.insert(path, content.clone());
    }
    blocks
        .iter()
        .find_map(|block| apply(block, &mut files, case))
}

/// Applies a block; says why it cannot be.
fn apply<'a>(
    block: &Block<'a>,
    files: &mut BTreeMap<&'a str, String>,
    case: &Case,
) -> Option<Fault> {
    let path = block.path;
    if path.is_empty() {
        return Some(Fault::new("edit.no_path", "an edit block names no file"));
    }
    if block.search == block.replace {
        return Some(Fault::new("edit.no_change", "an edit block changes nothing").shown(path));
    }
    if let Some(line) = elision(&block.replace).filter(|line| !block.search.contains(*line)) {
        return Some(Fault::new("edit.elision", "an edit leaves out code").shown(line));
    }
    let is_known =
        files.contains_key(path) || case.context.project_files.iter().any(|file| file == path);
    let says_files = !files.is_empty() || !case.context.project_files.is_empty();
    if block.search.trim().is_empty() {
        if let Some(line) = packaging(path, &block.replace) {
            return Some(
                Fault::new("edit.packaging", "an edit writes prose or a fence").shown(line),
            );
        }
        files.insert(path, block.replace.clone());
        return None;
    }
    if says_files && !is_known {
        return Some(
            Fault::new("edit.no_such_file", format!("there is no file {path}")).shown(path),
        );
    }
    let content = files.get_mut(path)?;
    match content.matches(block.search.as_str()).count() {
        0 => {
            let near = squeezed(content).contains(&squeezed(&block.search));
            let first = block.search.lines().find(|line| !line.trim().is_empty());
            Some(
                Fault::new(
                    "edit.no_match",
                    format!("the text to find is not in {path}"),
                )
                .shown(first.unwrap_or(path))
                .repairable(near),
            )
        }
        1 => {
            *content = content.replacen(block.search.as_str(), &block.replace, 1);
            None
        }
        _ => Some(
            Fault::new(
                "edit.ambiguous",
                format!("the text to find is in {path} more than once"),
            )
            .shown(block.search.lines().next().unwrap_or(path)),
        ),
    }
}

/// A text without its white space.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn blocks(text: &str) -> Result<Vec<Block<'_>>, Fault> {
    enum Part {
        Outside,
        Search,
        Replace,
    }
    let mut part = Part::Outside;
    let mut found: Vec<Block<'_>> = Vec::new();
    let mut path = "";
    for line in text.lines() {
        let mark = line.trim_end();
        match part {
            Part::Outside if mark == SEARCH => {
                found.push(Block {
                    path,
                    search: String::new(),
                    replace: String::new(),
                });
                part = Part::Search;
            }
            Part::Outside if mark.starts_with("<<<<<<<") || mark.starts_with(">>>>>>>") => {
                return Err(Fault::new("edit.malformed", "an edit block is malformed").shown(mark));
            }
            Part::Outside => {
                let name = mark.trim().trim_matches(['`', '*', ':', '#', ' ']);
                if !name.is_empty() && !name.contains(' ') && (name.contains(['.', '/'])) {
                    path = name;
                }
            }
            Part::Search if mark == BETWEEN => part = Part::Replace,
            Part::Search if mark == SEARCH || mark == REPLACE => {
                return Err(Fault::new("edit.malformed", "an edit block is malformed").shown(mark));
            }
            Part::Replace if mark == REPLACE => part = Part::Outside,
            Part::Replace if mark == SEARCH || mark == BETWEEN => {
                return Err(Fault::new("edit.malformed", "an edit block is malformed").shown(mark));
            }
            Part::Search | Part::Replace => {
                let Some(block) = found.last_mut() else {
                    continue;
                };
                let to = match part {
                    Part::Search => &mut block.search,
                    _ => &mut block.replace,
                };
                to.push_str(line);
                to.push('\n');
            }
        }
    }
    match part {
        Part::Outside => Ok(found),
        _ => Err(Fault::new("edit.truncated", "an edit block does not end")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<&'static str> {
        let mut case = Case::default();
        case.response.text = text.to_owned();
        let content = "def total(items):\n    return sum(i.price for i in items)\n";
        case.context
            .file_contents
            .insert("src/cart.py".into(), content.into());
        fault(&case).map(|fault| fault.rule)
    }

    fn block(path: &str, search: &str, replace: &str) -> String {
        format!("{path}\n{SEARCH}\n{search}\n{BETWEEN}\n{replace}\n{REPLACE}\n")
    }

    #[test]
    fn a_block_that_fits_is_fine_and_others_say_why() {
        let def = "def total(items):";
        assert_eq!(of(&block("src/cart.py", def, "def total(all):")), None);
        assert_eq!(of(&block("src/new.py", "", "x = 1")), None);
        assert_eq!(of(&block("src/cart.py", def, def)), Some("edit.no_change"));
        assert_eq!(
            of(&block("src/cart.py", "def sum():", "x")),
            Some("edit.no_match")
        );
        assert_eq!(
            of(&block("src/basket.py", def, "x")),
            Some("edit.no_such_file")
        );
        assert_eq!(
            of(&block("src/cart.py", def, "# ... existing code ...")),
            Some("edit.elision")
        );
        assert_eq!(of("no blocks"), Some("edit.none"));
        assert_eq!(
            of(&format!("src/cart.py\n{SEARCH}\n{def}\n")),
            Some("edit.truncated")
        );
        let twice = block("src/cart.py", def, "def total(all):").repeat(2);
        assert_eq!(of(&twice), Some("edit.no_match"));
    }
}
