//! With a program in docker's place that writes down what it is asked.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use super::*;
use crate::domain::finding::Category;

/// Answers as docker does, and keeps its questions in `asked`.
const STAND_IN: &str = r#"#!/bin/sh
cd "$(dirname "$0")"
printf '%s\n' "$*" >> asked
case "$1" in
  info) [ ! -e silent ] || { echo 'Cannot connect to the daemon' >&2; exit 1; } ;;
  image) [ ! -e unknown ] ;;
  pull) echo 'manifest unknown' >&2; exit 1 ;;
  ps) cat others 2>/dev/null ;;
esac
"#;

struct Machine {
    dir: tempfile::TempDir,
    containers: Containers,
}

impl Machine {
    fn new(with_docker: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        if with_docker {
            let program = dir.path().join("docker");
            fs::write(&program, STAND_IN).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = format!("{}:/usr/bin:/bin", dir.path().display());
        let path = if with_docker {
            path
        } else {
            "/nowhere".to_owned()
        };
        let variables = [
            ("PATH", path.as_str()),
            ("HOME", "/home/me"),
            ("LANG", "C.UTF-8"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let containers = Containers::new(&variables.into(), dir.path());
        Self { dir, containers }
    }

    fn is(&self, what: &str, text: &str) {
        fs::write(self.dir.path().join(what), text).unwrap();
    }

    fn ready(&mut self, check: &CheckConfig) -> Result<Container, ContainerError> {
        self.containers
            .ready(check, Path::new("/src/tree"), &AtomicBool::new(false))
    }

    fn asked(&self) -> String {
        let asked = fs::read_to_string(self.dir.path().join("asked")).unwrap_or_default();
        let host = Owner::this_process().host.unwrap();
        let own = Owner::this_process().name(0);
        asked
            .replace(&host, "HOST")
            .replace(own.trim_end_matches('0'), "rgpt-OWN-")
    }
}

fn check() -> CheckConfig {
    CheckConfig {
        runner: Runner::Docker,
        image: Some("node:22".to_owned()),
        network: Network::None,
        ..CheckConfig::new(Category::Test, "npm test")
    }
}

#[test]
fn one_container_is_made_used_and_removed() {
    let mut machine = Machine::new(true);
    let first = machine.ready(&check()).unwrap();
    let again = machine.ready(&check()).unwrap();
    assert_eq!(first.name(), again.name());
    machine.containers.clear(&first);
    machine.containers = Containers::new(&BTreeMap::new(), Path::new("/"));
    let user = rustix::process::getuid().as_raw();
    let group = rustix::process::getgid().as_raw();
    let asked = machine
        .asked()
        .replace(&format!("{user}:{group}"), "USER:GROUP");
    insta::assert_snapshot!(asked, @r#"
    info --format {{json .SecurityOptions}}
    ps --all --filter label=rgpt.host=HOST --format {{.Names}}
    image inspect --format {{.Id}} node:22
    run --detach --rm --pull=never --network=none --name rgpt-OWN-1 --label rgpt.host=HOST --mount type=bind,source=/src/tree,target=/src/tree --cap-drop=all --security-opt=no-new-privileges --security-opt=label=disable --tmpfs=/tmp:rw,exec,mode=1777 --user=USER:GROUP --entrypoint /bin/sh node:22 -c n=0; while [ $n -lt 1440 ]; do sleep 60 & wait; n=$((n+1)); done
    exec rgpt-OWN-1 /bin/sh -c kill -9 -1
    rm --force rgpt-OWN-1
    "#);
}

#[test]
fn what_a_dead_process_left_is_removed_and_nothing_else() {
    let mut machine = Machine::new(true);
    let living = Owner::this_process().name(7);
    machine.is(
        "others",
        &format!("rgpt-0bad-1-1-1\n{living}\nsomeones-own\n"),
    );
    machine.ready(&check()).unwrap();
    let asked = machine.asked();
    let removed: Vec<&str> = asked
        .lines()
        .filter(|line| line.starts_with("rm"))
        .collect();
    assert_eq!(removed, ["rm --force rgpt-0bad-1-1-1"]);
}

#[test]
fn what_is_missing_is_said_with_what_to_type() {
    let told = |machine: &mut Machine, check: &CheckConfig| {
        let error = machine.ready(check).unwrap_err();
        format!("{error}\n  {}", error.hint())
    };
    let mut texts = vec![told(&mut Machine::new(false), &check())];
    let mut silent = Machine::new(true);
    silent.is("silent", "");
    texts.push(told(&mut silent, &check()));
    let mut unknown = Machine::new(true);
    unknown.is("unknown", "");
    texts.push(told(&mut unknown, &check()));
    let mut never = check();
    never.pull = Pull::Never;
    texts.push(told(&mut unknown, &never));
    never.image = None;
    texts.push(told(&mut unknown, &never));
    insta::assert_snapshot!(texts.join("\n"), @r"
    docker is not installed: there is no such program on the PATH
      install it, as in `apt-get install docker`, or run here: rgpt test --runner host
    docker does not answer: Cannot connect to the daemon
      start it, as in `systemctl start docker`, or run here: rgpt test --runner host
    docker cannot fetch the image node:22: manifest unknown
      fetch it: docker pull node:22
    docker has no image node:22, and `pull: never` keeps it from fetching one
      fetch it: docker pull node:22
    nothing says in which image docker is to run it
      name it: `image` of the check in orchestrator.yaml, or --image
    ");
}

#[test]
fn values_of_variables_stand_in_no_list_of_processes() {
    let mut machine = Machine::new(true);
    let container = machine.ready(&check()).unwrap();
    let spec = CommandSpec {
        line: "echo 'a b'".to_owned(),
        cwd: "/src/tree/my app".into(),
        env: vec![("HOME".to_owned(), "/home/me".to_owned())],
        timeout: Duration::from_secs(9),
        writable: vec!["/src/tree".into()],
        confined: true,
        spool: "/spool".into(),
    };
    let own = [("TOKEN", "secret"), ("HOME", "/app")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    let framed = container.frame(spec, &own, "shard-1");
    assert!(framed.line.contains("--env TOKEN ") && !framed.line.contains("secret"));
    assert!(framed.line.contains("--env HOME=/app "), "{}", framed.line);
    assert!(framed.line.contains("--workdir '/src/tree/my app'"));
    assert!(
        framed.line.ends_with(r#"'echo '\''a b'\'''"#),
        "{}",
        framed.line
    );
    let env: BTreeMap<String, String> = framed.env.into_iter().collect();
    assert_eq!(env["TOKEN"], "secret");
    assert_eq!(env["HOME"], "/home/me");
    assert!(!framed.confined);
}
