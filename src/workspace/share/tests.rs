use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::{Duration, SystemTime};

use super::*;
use crate::workspace::git::fixture::{Fixture, contents, write};

const IGNORED: &str = "/deps/\nweb/node_modules/\n.venv/\ntarget/\n/linked\n";

/// A person's repository with a folder of dependencies, and a worktree of its commit.
struct World {
    fixture: Fixture,
    user: UserRepository,
    worktree: Worktree,
}

impl World {
    fn new() -> Self {
        let fixture = Fixture::new();
        let files = [
            (".gitignore", IGNORED),
            ("src/a.py", "a = 1\n"),
            ("web/index.js", ""),
        ];
        let top = fixture.repository("repo", &files);
        write(&top.join("deps/lib/code.txt"), "code\n");
        let user = fixture.open(&top);
        let own = fixture.own(&user);
        let (root, index) = (
            fixture.path("cache/run-1/repo"),
            fixture.path("state/index"),
        );
        let worktree = Worktree::create(&own, &root, &index, &user.base_tree).unwrap();
        Self {
            fixture,
            user,
            worktree,
        }
    }

    fn user(&self, path: &str) -> PathBuf {
        self.user.top.join(path)
    }

    fn copy(&self, path: &str) -> PathBuf {
        self.worktree.root().join(path)
    }

    fn bring_from(&self, directory: &str, folders: &[&str]) -> Result<(), ShareError> {
        let folders: Vec<String> = folders.iter().map(|folder| (*folder).to_owned()).collect();
        let directory = Path::new(directory);
        let checked = check(&self.user, directory, &folders);
        let before = contents(&self.user.top);
        let brought = bring(&self.user, directory, &folders, &self.worktree);
        assert_eq!(
            contents(&self.user.top),
            before,
            "the user's tree is only read"
        );
        if let (Err(checked), Err(brought)) = (&checked, &brought) {
            assert_eq!(checked.to_string(), brought.to_string());
        }
        checked.and(brought)
    }

    fn bring(&self, folders: &[&str]) -> Result<(), ShareError> {
        self.bring_from("", folders)
    }

    fn refusal(&self, folder: &str) -> String {
        let error = self.bring(&[folder]).unwrap_err();
        assert!(
            error.is_configuration() && !error.hint().is_empty(),
            "{error}"
        );
        assert!(!self.copy(folder).join("x").exists());
        error
            .to_string()
            .replace(&self.user.top.display().to_string(), "REPO")
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn a_folder_is_copied_with_its_modes_and_times() {
    let world = World::new();
    let program = world.user("deps/bin/tool");
    write(&program, "#!/bin/sh\n");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o750)).unwrap();
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_millis(1_500_000_000_123);
    for path in ["deps/bin/tool", "deps/lib", "deps"] {
        let file = std::fs::File::open(world.user(path)).unwrap();
        file.set_modified(long_ago).unwrap();
    }
    world.bring(&["deps"]).unwrap();
    assert_eq!(read(&world.copy("deps/lib/code.txt")), "code\n");
    assert_eq!(
        world.copy("deps/bin/tool").metadata().unwrap().mode() & 0o777,
        0o750
    );
    for path in ["deps/bin/tool", "deps/lib", "deps", "deps/lib/code.txt"] {
        let modified = |path: PathBuf| path.metadata().unwrap().modified().unwrap();
        assert_eq!(
            modified(world.copy(path)),
            modified(world.user(path)),
            "{path}"
        );
    }
}

#[test]
fn the_copy_is_no_change_and_has_no_way_back() {
    let world = World::new();
    world.bring(&["deps"]).unwrap();
    assert_eq!(world.worktree.changes().unwrap(), []);
    world.worktree.restore(&world.user.base_tree).unwrap();
    assert!(world.copy("deps/lib/code.txt").is_file());
    std::fs::write(world.copy("deps/lib/code.txt"), "changed\n").unwrap();
    assert_eq!(read(&world.user("deps/lib/code.txt")), "code\n");
    let inode = |path: PathBuf| path.metadata().unwrap().ino();
    assert_ne!(
        inode(world.copy("deps/lib/code.txt")),
        inode(world.user("deps/lib/code.txt"))
    );
}

#[test]
fn it_is_done_once_in_the_life_of_a_worktree() {
    let world = World::new();
    world.bring(&["deps"]).unwrap();
    std::fs::remove_dir_all(world.copy("deps")).unwrap();
    world.bring(&["deps"]).unwrap();
    assert!(
        !world.copy("deps").exists(),
        "what a run took away stays away"
    );
    forget(world.worktree.root()).unwrap();
    world.bring(&["deps"]).unwrap();
    assert!(world.copy("deps/lib/code.txt").is_file());
}

#[test]
fn what_a_kill_left_aside_is_replaced_and_what_was_in_place_stays() {
    let world = World::new();
    write(&world.user("web/node_modules/x/x.js"), "");
    write(&world.fixture.path("cache/run-1/.rgpt-sharing/half"), "");
    world.bring(&["web/node_modules"]).unwrap();
    forget(world.worktree.root()).unwrap();
    write(&world.copy("web/node_modules/x/x.js"), "in use");
    world.bring(&["web/node_modules", "deps"]).unwrap();
    assert_eq!(read(&world.copy("web/node_modules/x/x.js")), "in use");
    assert!(world.copy("deps/lib/code.txt").is_file());
    assert!(!world.copy("deps/half").exists());
    assert!(!world.fixture.path("cache/run-1/.rgpt-sharing").exists());
}

#[test]
fn names_are_below_the_projects_folder() {
    let world = World::new();
    write(&world.user("web/node_modules/x/x.js"), "x\n");
    world.bring_from("web", &["./node_modules"]).unwrap();
    assert_eq!(read(&world.copy("web/node_modules/x/x.js")), "x\n");
}

#[test]
fn a_folder_that_is_not_there_is_left_out() {
    World::new()
        .bring(&["web/node_modules", "nowhere/deps"])
        .unwrap();
}

#[test]
fn links_lead_to_the_same_place_from_the_worktree() {
    let world = World::new();
    for (link, target) in [
        ("deps/inside", "lib/code.txt"),
        ("deps/lib/up", "../../src/a.py"),
        ("deps/full", world.user("deps/lib").to_str().unwrap()),
        ("deps/lib/source", world.user("src").to_str().unwrap()),
        ("deps/top", world.user.top.to_str().unwrap()),
        ("deps/python", "/usr/bin/env"),
        ("deps/dangling", "nowhere"),
    ] {
        symlink(target, world.user(link)).unwrap();
    }
    world.bring(&["deps"]).unwrap();
    let held = |link: &str| std::fs::read_link(world.copy(link)).unwrap();
    let held = |link: &str| held(link).to_str().unwrap().to_owned();
    assert_eq!(held("deps/inside"), "lib/code.txt");
    assert_eq!(held("deps/lib/up"), "../../src/a.py");
    assert_eq!(held("deps/full"), "lib");
    assert_eq!(held("deps/lib/source"), "../../src");
    assert_eq!(held("deps/top"), "..");
    assert_eq!(held("deps/python"), "/usr/bin/env");
    assert_eq!(held("deps/dangling"), "nowhere");
    let meant = world.copy("deps/lib/source/a.py").canonicalize().unwrap();
    assert!(
        meant.starts_with(world.worktree.root()),
        "{}",
        meant.display()
    );
}

#[test]
fn a_link_by_another_name_of_the_repository_does_not_lead_back_either() {
    let world = World::new();
    let alias = world.fixture.path("alias");
    symlink(&world.user.top, &alias).unwrap();
    symlink(alias.join("src"), world.user("deps/source")).unwrap();
    world.bring(&["deps"]).unwrap();
    assert_eq!(
        std::fs::read_link(world.copy("deps/source")).unwrap(),
        Path::new("../src")
    );
}

#[test]
fn a_link_that_climbs_out_of_the_repository_is_refused() {
    let world = World::new();
    symlink("../../../elsewhere", world.user("deps/lib/out")).unwrap();
    assert_eq!(
        world.refusal("deps"),
        "the link `deps/lib/out` leads to ../../../elsewhere, out of the repository"
    );
    assert!(!world.copy("deps").exists(), "nothing of it is there");
}

#[test]
fn a_full_path_out_of_the_repository_leads_to_a_file_or_is_refused() {
    let world = World::new();
    let outside = world.fixture.path("outside");
    write(&outside.join("tool"), "");
    symlink(&outside, world.fixture.path("alias")).unwrap();
    for name in ["outside", "alias", "nowhere", "repo/../outside"] {
        let target = world.fixture.path(name);
        let link = world.user("deps/lib/link");
        symlink(&target, &link).unwrap();
        assert_eq!(
            world
                .refusal("deps")
                .replace(target.to_str().unwrap(), "TARGET")
                .replace("REPO/../outside", "TARGET"),
            "the link `deps/lib/link` leads to TARGET, out of the repository, where only a file may be meant"
        );
        assert!(!world.copy("deps").exists(), "nothing of it is there");
        std::fs::remove_file(link).unwrap();
    }
    symlink(outside.join("tool"), world.user("deps/tool")).unwrap();
    world.bring(&["deps"]).unwrap();
    assert_eq!(
        std::fs::read_link(world.copy("deps/tool")).unwrap(),
        outside.join("tool")
    );
}

#[test]
fn a_pipe_is_left_out() {
    let world = World::new();
    let pipe = world.user("deps/pipe");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    // Not by way of what compares the user's tree, which would wait for the pipe's writer.
    let folders = ["deps".to_owned()];
    bring(&world.user, Path::new(""), &folders, &world.worktree).unwrap();
    assert!(!world.copy("deps/pipe").exists());
    assert!(world.copy("deps/lib/code.txt").exists());
}

#[test]
fn what_is_no_dependency_folder_is_refused() {
    let world = World::new();
    write(&world.user("target/debug/a"), "");
    write(&world.user("deps/Build/a"), "");
    write(&world.user("web/build/deps/a"), "");
    write(&world.user("notes/a"), "");
    write(&world.user(".venv/.rustc_info.json"), "");
    symlink("deps", world.user("linked")).unwrap();
    write(&world.user("web/node_modules"), "a file");
    let refusals: Vec<String> = [
        "target",
        "deps/Build",
        ".venv",
        "..",
        "../other",
        "/etc",
        ".",
        "",
        ".git",
        "deps/.GIT/x",
        ".rgpt/git",
        "src",
        "web",
        "notes",
        "web/build/deps",
        "linked",
        "linked/lib",
        "web/node_modules",
    ]
    .into_iter()
    .map(|folder| world.refusal(folder))
    .collect();
    insta::assert_snapshot!(refusals.join("\n"), @r"
    `target` is build output, which is not shared: a compiler would take one tree's for the other's
    `deps/Build` is build output, which is not shared: a compiler would take one tree's for the other's
    `.venv` is build output, which is not shared: a compiler would take one tree's for the other's
    `..` is no folder below the project's own that could be shared
    `../other` is no folder below the project's own that could be shared
    `/etc` is no folder below the project's own that could be shared
    `.` is no folder below the project's own that could be shared
    `` is no folder below the project's own that could be shared
    `.git` is no folder below the project's own that could be shared
    `deps/.GIT/x` is no folder below the project's own that could be shared
    `.rgpt/git` is no folder below the project's own that could be shared
    git tracks `src/a.py`, so `src` is no dependency folder
    git tracks `web/index.js`, so `web` is no dependency folder
    no .gitignore covers `notes`
    no .gitignore covers `web/build/deps`
    `linked` is a symbolic link, and only real folders are shared
    `linked` is a symbolic link, and only real folders are shared
    `web/node_modules` is not a folder
    ");
}

#[test]
fn only_ignore_files_that_everyone_has_count() {
    let world = World::new();
    write(&world.user("mine/a"), "");
    write(&world.user(".git/info/exclude"), "/mine/\n");
    assert_eq!(world.refusal("mine"), "no .gitignore covers `mine`");
    write(&world.user(".gitignore"), "/mine/\n");
    let error = world.bring(&["mine"]).unwrap_err();
    insta::assert_snapshot!(error.to_string(), @"no .gitignore covers `mine` in the tree that the run works on");
    assert!(error.hint().contains("/mine/"), "{}", error.hint());
    assert!(!world.copy("mine").exists());
}

#[test]
fn an_environment_that_imports_from_the_users_tree_is_refused() {
    let top = |world: &World, text: &str| text.replace("REPO", world.user.top.to_str().unwrap());
    for (file, text) in [
        ("_project.pth", "REPO/src\n"),
        ("easy-install.pth", "# a comment\n./other.egg\nREPO\n"),
        (
            "__editable__.project-1.0.pth",
            "import sys; sys.path.insert(0, 'REPO/src')\n",
        ),
        (
            "__editable___project_1_0_finder.py",
            "from __future__ import annotations\nMAPPING: dict[str, str] = {'project': 'REPO/src/project'}\n",
        ),
        ("project.egg-link", "REPO/src\n../"),
        (
            "project-1.0.dist-info/direct_url.json",
            r#"{"dir_info": {"editable": true}, "url": "file://REPO"}"#,
        ),
    ] {
        let world = World::new();
        let place = format!(".venv/lib/python3.11/site-packages/{file}");
        write(&world.user(&place), &top(&world, text));
        let refusal = world.refusal(".venv");
        assert!(
            refusal.starts_with(&format!("`{place}` has Python import from REPO")),
            "{refusal}"
        );
        assert!(!world.copy(".venv").exists());
    }
}

#[test]
fn an_environment_of_installed_packages_is_copied() {
    let world = World::new();
    let packages = "/usr/lib/python3/dist-packages";
    for (file, text) in [
        (
            "distutils-precedence.pth",
            "import os; var = 'SETUPTOOLS_USE_DISTUTILS'\n",
        ),
        ("system.pth", packages),
        ("here.pth", "../../../../src\n"),
        (
            "__editable___other_finder.py",
            "MAPPING = {'other': '/elsewhere/other'}\n",
        ),
        (
            "other.dist-info/direct_url.json",
            r#"{"dir_info": {}, "url": "file://REPO"}"#,
        ),
        ("broken.dist-info/direct_url.json", "{"),
    ] {
        let text = text.replace("REPO", world.user.top.to_str().unwrap());
        write(&world.user(&format!(".venv/lib/{file}")), &text);
    }
    std::fs::write(world.user(".venv/lib/odd.pth"), [0xff, 0xfe]).unwrap();
    symlink("/usr/bin/env", world.user(".venv/python")).unwrap();
    world.bring(&[".venv"]).unwrap();
    assert!(world.copy(".venv/lib/system.pth").is_file());
}
