//! The layers of `src/`: a module imports only from a lower number, never sideways or up, and what
//! is to be pure stays so. A crate does not enforce this by itself, so this test does.
//!
//! It reads tokens, not types: comments, strings and test code are left out, and every path that
//! begins with `crate::`, or climbs there by `super::`, must lead to a lower module.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use source::{Name, Source};

#[path = "layers/source.rs"]
mod source;

/// The modules of each layer, from 0 up, as in ARCHITECTURE.md; `lib.rs` and `main.rs` stand outside.
const LAYERS: [&[&str]; 8] = [
    &["failpoint", "domain"],
    &["config", "syntax"],
    &["policy", "heal", "agents"],
    &["compare", "store", "llm", "bus", "workspace"],
    &["context", "verify", "deliberate", "export", "upkeep"],
    &["diagnose", "engine"],
    &["improve", "server"],
    &["cli"],
];

/// The lowest layer that has effects, so the lowest that may have failpoints.
const EFFECTS: usize = 3;

/// Modules without effects: the same input always gives the same output.
const PURE: &[&str] = &[
    "domain",
    "config::settings",
    "policy",
    "heal",
    "agents",
    "compare",
    "diagnose",
];

/// What a pure module may not name.
const EFFECTFUL: &[&str] = &[
    "failpoint",
    "rusqlite",
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "tokio",
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
];

#[test]
fn every_module_imports_only_from_lower_layers() -> io::Result<()> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let violations = violations(&src)?;
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
    Ok(())
}

/// Everything that is wrong with the tree below `src`, one line each: `file:line: what`.
fn violations(src: &Path) -> io::Result<Vec<String>> {
    let mut paths = rust_files(src)?;
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let source = Source::read(&fs::read_to_string(&path)?);
        let path = path.strip_prefix(src).map_err(io::Error::other)?.to_owned();
        files.push((module_of(&path), path, source));
    }
    let test_modules: BTreeSet<Vec<String>> = files
        .iter()
        .flat_map(|(module, _, source)| {
            let child = |name: &String| [module.as_slice(), std::slice::from_ref(name)].concat();
            source.test_modules.iter().map(child)
        })
        .collect();
    let mut found = Vec::new();
    for (module, path, source) in &files {
        let is_test = (1..=module.len()).any(|depth| test_modules.contains(&module[..depth]));
        if !is_test {
            let judged = judge(module, source).into_iter();
            found.extend(
                judged.map(|(line, what)| format!("src/{}:{line}: {what}", path.display())),
            );
        }
    }
    Ok(found)
}

fn rust_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

/// The module that a file holds, as in `["store", "tape"]`; empty for `lib.rs` and `main.rs`.
fn module_of(path: &Path) -> Vec<String> {
    let path = path.with_extension("");
    let parts = path.iter().map(|part| part.to_string_lossy().into_owned());
    let mut module: Vec<String> = parts.collect();
    let is_root = module.len() == 1 && ["lib", "main"].contains(&module[0].as_str());
    if is_root || module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    module
}

/// What is wrong with one file, with the lines.
fn judge(module: &[String], source: &Source) -> Vec<(usize, String)> {
    let Some(top) = module.first() else {
        return Vec::new();
    };
    let Some(layer) = layer_of(top) else {
        return vec![(
            1,
            format!("`{top}` has no layer; give it one in tests/layers.rs"),
        )];
    };
    let path = module.join("::");
    let pure = PURE.iter().find(|pure| is_within(&path, pure));
    let mut found = Vec::new();
    for name in &source.names {
        if let Some(what) =
            root_module(name, module.len()).and_then(|used| misuse(top, layer, used))
        {
            found.push((name.line, what));
        }
        let effect = EFFECTFUL.iter().find(|effect| name.mentions(effect));
        if let (Some(pure), Some(effect)) = (pure, effect) {
            found.push((
                name.line,
                format!("`{pure}` is pure and may not name `{effect}`"),
            ));
        }
    }
    found.dedup();
    found
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn is_within(path: &str, module: &str) -> bool {
    path.strip_prefix(module)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The top-level module that a name leads to, if it leads to the crate's root at all.
/// `depth` is that of the file's module.
fn root_module(name: &Name, depth: usize) -> Option<&str> {
    let path: Vec<&str> = name.path.iter().map(String::as_str).collect();
    let path = path.strip_prefix(&["self"]).unwrap_or(&path);
    let climbs = path.iter().take_while(|part| **part == "super").count();
    let below_root = match *path.first()? {
        "crate" => &path[1..],
        "super" if climbs == depth + name.inline_depth => &path[climbs..],
        _ => return None,
    };
    below_root.first().copied()
}

/// Why a module of this layer may not use another one, if it may not.
fn misuse(user: &str, layer: usize, used: &str) -> Option<String> {
    if used == user {
        return None;
    }
    let Some(below) = layer_of(used) else {
        return Some(format!("`{user}` uses `{used}`, which has no layer"));
    };
    let why = match layer.cmp(&below) {
        Ordering::Less => "upward",
        Ordering::Equal => "sideways",
        Ordering::Greater if used == "failpoint" && layer < EFFECTS => "without effects to fail",
        Ordering::Greater => return None,
    };
    Some(format!("`{user}` ({layer}) uses `{used}` ({below}): {why}"))
}

/// A source folder made up for a test.
fn tree(files: &[(&str, &str)]) -> io::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap_or(folder.path()))?;
        fs::write(path, text)?;
    }
    Ok(folder)
}

#[test]
#[rustfmt::skip]
fn a_good_tree_is_accepted() -> io::Result<()> {
    let good = tree(&[
        ("lib.rs", "pub mod cli; #[cfg(test)] mod fakes; pub use crate::cli::Args;"),
        ("main.rs", "fn main() { rgpt::cli::run() }"),
        ("fakes.rs", "use crate::cli::Args;"),
        ("domain/mod.rs", "mod id; pub use id::Id; pub use crate::domain::id::Other;"),
        ("domain/id.rs", "use super::Plan; const HINT: &str = \"crate::cli\"; // crate::cli"),
        ("engine.rs", "mod inner { use super::super::store; use super::cli; }"),
        ("heal.rs", "/// [`crate::cli`]\nfn a<'a>(x: &'a str) { let _ = '\"'; } /* /* */ crate::cli */"),
        ("llm.rs", "const A: &str = r#\"\"crate::cli\"#; const B: &str = \"\\\"crate::cli\";"),
        ("policy.rs", "#[cfg(test)]\nmod tests { use crate::cli::Args; fn f() { std::fs::read(); } }"),
        ("store/mod.rs", "use crate::{config as c, domain::{Id, plan::*}, failpoint};\n#[cfg(test)]\nmod proofs;"),
        ("store/blobs/mod.rs", "use super::super::domain; use super::cli; #[cfg(test)]\nuse crate::{cli, engine};"),
        ("store/proofs.rs", "use crate::engine::Engine;"),
    ])?;

    assert_eq!(violations(good.path())?, Vec::<String>::new());
    Ok(())
}

#[test]
#[rustfmt::skip]
fn a_bad_tree_is_refused_with_file_line_and_both_modules() -> io::Result<()> {
    let bad = tree(&[
        ("agents.rs", "fn f() {\n    crate::failpoint::hit();\n}"),
        ("bus.rs", "use crate::domain::Id;\nuse super::store::Store;"),
        ("domain/run.rs", "use jiff::Timestamp;\nuse std::{collections::BTreeMap, fs};\nfn f() { Timestamp::now() }"),
        ("heal.rs", "fn f() { tokio::spawn() }\n#[cfg(not(test))]\nfn g() { crate::policy::go() }"),
        ("llm/wire.rs", "mod inner {\n    use super::super::super::cli;\n}"),
        ("store.rs", "use crate::{\n    domain::{self, Id},\n    engine::Engine,\n};"),
        ("utils.rs", ""),
        ("verify.rs", "fn f() {\n    let x = crate::cli::ui::width();\n}\nuse crate::*;"),
    ])?;

    assert_eq!(
        violations(bad.path())?,
        [
            "src/agents.rs:2: `agents` (2) uses `failpoint` (0): without effects to fail",
            "src/agents.rs:2: `agents` is pure and may not name `failpoint`",
            "src/bus.rs:2: `bus` (3) uses `store` (3): sideways",
            "src/domain/run.rs:2: `domain` is pure and may not name `std::fs`",
            "src/domain/run.rs:3: `domain` is pure and may not name `Timestamp::now`",
            "src/heal.rs:1: `heal` is pure and may not name `tokio`",
            "src/heal.rs:3: `heal` (2) uses `policy` (2): sideways",
            "src/llm/wire.rs:2: `llm` (3) uses `cli` (7): upward",
            "src/store.rs:3: `store` (3) uses `engine` (5): upward",
            "src/utils.rs:1: `utils` has no layer; give it one in tests/layers.rs",
            "src/verify.rs:2: `verify` (4) uses `cli` (7): upward",
            "src/verify.rs:4: `verify` uses `*`, which has no layer",
        ]
    );
    Ok(())
}
