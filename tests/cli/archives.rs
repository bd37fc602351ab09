//! Archives that are not what they should be: nothing of them is restored.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde_json::Value;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::sandbox::Sandbox;
use crate::upkeep::{backup, entries, restore, with_two_runs};

const LOG: &str = "logs/rgpt.log";

/// A good archive's members, the manifest last, to be spoiled.
#[derive(Clone)]
struct Members(Vec<(String, Vec<u8>)>);

impl Members {
    fn of(file: &Path) -> Self {
        let mut zip = ZipArchive::new(File::open(file).unwrap()).unwrap();
        let count = zip.len();
        let read = |index| {
            let mut member = zip.by_index(index).unwrap();
            let mut content = Vec::new();
            member.read_to_end(&mut content).unwrap();
            (member.name().unwrap().into_owned(), content)
        };
        Self((0..count).map(read).collect())
    }

    fn write(&self, file: &Path) {
        let mut zip = ZipWriter::new(File::create(file).unwrap());
        for (name, content) in &self.0 {
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap();
    }

    fn content(&mut self, name: &str) -> &mut Vec<u8> {
        let member = self.0.iter_mut().find(|(known, _)| known == name);
        &mut member.unwrap().1
    }

    /// With another manifest.
    fn told(&self, change: impl FnOnce(&mut Value)) -> Self {
        let mut all = self.clone();
        let manifest = all.content("manifest.json");
        let mut value = serde_json::from_slice(manifest).unwrap();
        change(&mut value);
        *manifest = value.to_string().into_bytes();
        all
    }

    /// With a manifest that says something else of one member.
    fn told_of(&self, name: &str, change: impl FnOnce(&mut Value)) -> Self {
        self.told(|manifest| {
            let members = manifest["members"].as_array_mut().unwrap();
            change(
                members
                    .iter_mut()
                    .find(|member| member["path"] == name)
                    .unwrap(),
            );
        })
    }

    /// With the log under another name.
    fn renamed(&self, to: &str) -> Self {
        let mut all = self.told_of(LOG, |member| member["path"] = to.into());
        let log = all.0.iter_mut().find(|(name, _)| name == LOG);
        log.unwrap().0 = to.to_owned();
        all
    }

    /// With the configuration's copy under another name, too.
    fn also_at(&self, to: &str) -> Self {
        let from = "config/orchestrator.yaml";
        let mut all = self.told_of(from, |member| member["path"] = to.into());
        all.0.iter_mut().find(|(name, _)| name == from).unwrap().0 = to.to_owned();
        all
    }

    /// With other content of one member, of which the manifest knows.
    fn changed(&self, name: &str, content: &[u8]) -> Self {
        let mut all = self.told_of(name, |member| {
            member["size"] = content.len().into();
            member["hash"] = blake3::hash(content).to_hex().as_str().into();
        });
        *all.content(name) = content.to_vec();
        all
    }
}

struct Bench {
    sandbox: Sandbox,
    good: Members,
    bad: PathBuf,
}

fn bench() -> Bench {
    let sandbox = with_two_runs();
    let good = Members::of(&backup(&sandbox, "good.zip"));
    let bad = sandbox.outside("bad.zip");
    Bench { sandbox, good, bad }
}

impl Bench {
    /// Restoring the bad archive leaves nothing; gives why it is refused.
    fn refused(&self) -> String {
        let outcome = restore(
            &self.sandbox,
            &self.bad,
            &self.sandbox.outside("state"),
            &[],
        );
        assert_eq!(outcome.code, 1, "{outcome:#?}");
        let left = entries(&self.sandbox.outside(""));
        assert!(
            !left.iter().any(|name| name.starts_with("state")),
            "{left:?}"
        );
        outcome.error()["message"].as_str().unwrap().to_owned()
    }

    fn assert_refused(&self, cases: &[(&str, Members)]) {
        for (reason, members) in cases {
            members.write(&self.bad);
            let message = self.refused();
            assert!(message.contains(reason), "{reason}: {message}");
        }
    }
}

#[test]
fn no_member_leads_out_of_the_state_directory_or_to_a_program() {
    let bench = bench();
    let evil = b"[core]\n\tbare = true\n\tfsmonitor = /bin/evil\n";
    bench.assert_refused(&[
        ("may not hold", bench.good.renamed("artifacts/../../evil")),
        ("may not hold", bench.good.renamed("/etc/evil")),
        (
            "may not hold",
            bench.good.renamed("git/hooks/post-checkout"),
        ),
        (
            "may not hold",
            bench.good.renamed("git/objects/info/alternates"),
        ),
        (
            "lies in a file",
            bench
                .good
                .renamed("artifacts/run-1/a/b")
                .also_at("artifacts/run-1/a"),
        ),
        ("none of rgpt's", bench.good.changed("git/config", evil)),
    ]);
}

#[test]
fn what_the_manifest_says_must_be_so() {
    let bench = bench();
    let good = &bench.good;
    let mut damaged = good.clone();
    damaged.content(LOG)[0] ^= 1;
    let noise = b"no database ".repeat(500);
    bench.assert_refused(&[
        ("is damaged", damaged),
        ("is not a database", good.changed("rgpt.db", &noise)),
        (
            "another size",
            good.told_of(LOG, |log| log["size"] = 1.into()),
        ),
        (
            "manifest tells of",
            good.told(|manifest| manifest["events"] = 1.into()),
        ),
        ("other files", Members(good.0[1..].to_vec())),
        ("no manifest", Members(good.0[..good.0.len() - 1].to_vec())),
        (
            "twice",
            good.told(|manifest| {
                let members = manifest["members"].as_array_mut().unwrap();
                members[1] = members[0].clone();
            }),
        ),
    ]);
}

#[test]
fn archives_of_others_and_of_later_versions_are_told_apart() {
    let bench = bench();
    let told = |key: &str, value: Value| bench.good.told(|manifest| manifest[key] = value);
    bench.assert_refused(&[
        ("newer rgpt", told("schema", 99.into())),
        ("newer rgpt", told("version", 99.into())),
        ("another program", told("format", "x".into())),
    ]);
    fs::write(&bench.bad, "no zip at all").unwrap();
    assert!(bench.refused().contains("no archive"));
    fs::remove_file(&bench.bad).unwrap();
    assert!(bench.refused().contains("bad.zip"));
}

#[test]
fn a_link_is_refused() {
    let bench = bench();
    let mut zip = ZipWriter::new(File::create(&bench.bad).unwrap());
    for (name, content) in &bench.good.0 {
        let options = SimpleFileOptions::default();
        if name == LOG {
            let target = format!("{:1$}", "/etc/passwd", content.len());
            zip.add_symlink(name, target, options).unwrap();
        } else {
            zip.start_file(name, options).unwrap();
            zip.write_all(content).unwrap();
        }
    }
    zip.finish().unwrap();
    assert!(bench.refused().contains("no plain file"));
}

#[test]
fn a_member_that_unpacks_to_more_than_it_says_is_refused() {
    let bench = bench();
    let mut members = bench.good.clone();
    let honest = members.content(LOG).len();
    let bomb = 50_000_000_u32;
    *members.content(LOG) = vec![0; bomb as usize];
    members.write(&bench.bad);
    // The zip file's own lists are made to agree with the manifest.
    let mut bytes = fs::read(&bench.bad).unwrap();
    let (from, to) = (bomb.to_le_bytes(), (honest as u32).to_le_bytes());
    let places: Vec<usize> = (0..bytes.len() - 4)
        .filter(|at| bytes[*at..*at + 4] == from)
        .collect();
    assert_eq!(
        places.len(),
        2,
        "the local header and the central directory"
    );
    for at in places {
        bytes[at..at + 4].copy_from_slice(&to);
    }
    fs::write(&bench.bad, bytes).unwrap();
    let message = bench.refused();
    assert!(message.contains(LOG), "{message}");
}
