//! `rgpt test` in containers.

use std::fs;

use serde_json::Value;

use super::{document, folder};
use crate::sandbox::{RGPT, Sandbox, write};

#[test]
fn without_docker_or_podman_it_says_what_to_do() {
    let mut sandbox = folder(&[(
        "orchestrator.local.yaml",
        "checks: {test: {command: 'true', runner: podman, image: 'busybox:1'}}\n",
    )]);
    let nothing = sandbox.outside("bin").to_str().unwrap().to_owned();
    sandbox.set("PATH", nothing);
    let outcome = sandbox.rgpt(&["test"]);
    assert_eq!(outcome.code, 1);
    insta::assert_snapshot!(outcome.stderr.lines().skip(1).collect::<Vec<_>>().join("\n"), @r"
    error: check test: podman is not installed: there is no such program on the PATH
      hint: install it, as in `apt-get install podman`, or run here: rgpt test --runner host
    ");
    let docker = sandbox.rgpt(&["test", "--runner", "docker", "--json"]);
    assert_eq!(docker.error()["kind"], "CONFIG_ERROR");
    let option = sandbox.rgpt(&["test", "--image", "--privileged"]);
    assert_eq!(option.code, 64);
}

#[test]
fn a_container_without_an_image_is_refused() {
    let sandbox = folder(&[(
        "orchestrator.local.yaml",
        "checks: {test: {command: 'true'}}\n",
    )]);
    let outcome = sandbox.rgpt(&["test", "--runner", "podman", "--json"]);
    assert_eq!(outcome.code, 1);
    assert_eq!(outcome.error()["kind"], "CONFIG_ERROR");
}

/// A machine on which podman has one image, of nothing but busybox, and keeps everything in the machine's own folder.
struct Podman(Sandbox);

impl Podman {
    fn new(checks: &str) -> Self {
        let mut sandbox = folder(&[("orchestrator.local.yaml", checks)]);
        let own = |path: &str| sandbox.outside(path).to_str().unwrap().to_owned();
        // Limits and runtime that a podman within a container of its own gets along with, too.
        let limit = |resource| {
            rustix::process::getrlimit(resource)
                .maximum
                .unwrap_or(1 << 20)
        };
        let files = limit(rustix::process::Resource::Nofile);
        let processes = limit(rustix::process::Resource::Nproc).min(4096);
        write(
            &sandbox.outside("containers.conf"),
            &format!(
                "[engine]\nruntime = \"runc\"\n[containers]\ndefault_ulimits = [\"nofile={files}:{files}\", \"nproc={processes}:{processes}\"]\n"
            ),
        );
        write(
            &sandbox.outside("storage.conf"),
            &format!(
                "[storage]\ndriver = \"vfs\"\ngraphroot = {:?}\nrunroot = {:?}\n",
                own("graph"),
                own("run")
            ),
        );
        let (conf, storage) = (own("containers.conf"), own("storage.conf"));
        sandbox.set("CONTAINERS_CONF", conf);
        sandbox.set("CONTAINERS_STORAGE_CONF", storage);
        let podman = Self(sandbox);
        podman.import();
        podman
    }

    fn import(&self) {
        let tree = self.0.outside("image");
        fs::create_dir_all(tree.join("bin")).unwrap();
        fs::copy("/bin/busybox", tree.join("bin/busybox")).unwrap();
        for name in [
            "sh", "sleep", "cat", "env", "id", "ls", "mkdir", "kill", "touch", "ps",
        ] {
            std::os::unix::fs::symlink("busybox", tree.join("bin").join(name)).unwrap();
        }
        let tar = self.0.outside("image.tar");
        let (tree, tar) = (tree.to_str().unwrap(), tar.to_str().unwrap());
        self.run("tar", &["-C", tree, "-cf", tar, "."]);
        self.run("podman", &["import", tar, "localhost/tiny:1"]);
    }

    fn run(&self, program: &str, words: &[&str]) -> String {
        let output = self.0.start(program).args(words).output().unwrap();
        assert!(output.status.success(), "{program} {words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn containers(&self) -> String {
        self.run("podman", &["ps", "--all", "--format", "{{.Names}}"])
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        // What a failed test left would keep the folder busy.
        let _ = self
            .0
            .start("podman")
            .args(["rm", "--all", "--force"])
            .output();
    }
}

#[test]
#[ignore = "needs podman"]
fn a_container_sees_the_tree_and_nothing_else() {
    let command = "echo 1..1; echo ok 1 - $A; ls / > root; id -u > owner; env > variables";
    let podman = Podman::new(&format!(
        "checks: {{test: {{command: '{command}', report: tap, runner: podman, image: 'localhost/tiny:1', pull: never, network: none, env: {{A: set}}, pass_env: [TOKEN]}}}}\n"
    ));
    let document = document(&podman.0, 0, &[]);
    assert_eq!(document["results"][0]["test_case"], "set");
    let seen = podman.0.read("root");
    assert!(seen.contains("bin\n") && !seen.contains("home"), "{seen}");
    let variables = podman.0.read("variables");
    assert!(
        variables.contains("\nTMPDIR=/tmp/rgpt/tmp\n"),
        "{variables}"
    );
    let home = podman.0.variable("HOME");
    assert!(!variables.contains(home), "{variables}");
    let user = rustix::process::getuid().as_raw();
    assert_eq!(podman.0.read("owner").trim(), user.to_string());
    let meta = fs::metadata(podman.0.folder().join("owner")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&meta), user);
    assert_eq!(podman.containers(), "");
}

#[test]
#[ignore = "needs podman"]
fn shards_share_one_container_and_nothing_stays() {
    let command =
        "sleep 1000 & echo ok 1 - {shard}; echo 1..1; cat /proc/sys/kernel/hostname > host-{shard}";
    let podman = Podman::new(&format!(
        "checks:\n  test: {{command: '{command}', report: tap, runner: podman, image: localhost/tiny:1, shards: 3}}\n  again: {{kind: test, command: 'ps > left; cat left; echo ok 1 - a; echo 1..1', report: tap, runner: podman, image: localhost/tiny:1}}\n"
    ));
    let document = document(&podman.0, 0, &[]);
    assert_eq!(document["summary"]["passed"], 4, "{document:#}");
    assert!(!podman.0.read("left").contains("sleep 1000"));
    assert_eq!(podman.containers(), "");
}

#[test]
#[ignore = "needs podman"]
fn a_crash_leaves_nothing_for_long() {
    let podman = Podman::new(
        "checks: {test: {command: 'touch started; sleep 300', runner: podman, image: localhost/tiny:1}}\n",
    );
    let mut child = podman.0.start(RGPT).arg("test").spawn().unwrap();
    let begun = std::time::Instant::now();
    while !podman.0.folder().join("started").exists() {
        assert!(begun.elapsed() < std::time::Duration::from_secs(120));
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_ne!(podman.containers(), "", "nobody was left to remove it");
    podman.0.write(
        "orchestrator.local.yaml",
        "checks: {test: {command: 'true', runner: podman, image: localhost/tiny:1}}\n",
    );
    let outcome = podman.0.rgpt(&["test"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_eq!(podman.containers(), "");
    let missing = podman
        .0
        .rgpt(&["test", "--json", "--image", "localhost/none:1"]);
    let error: Value = missing.error();
    assert_eq!(error["kind"], "CONFIG_ERROR", "{error}");
}
