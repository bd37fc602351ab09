//! Programs that a repository's configuration names, planted to leave a mark when they run.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::sandbox::{Sandbox, write};

/// Every hook that a git could think of when a branch is moved.
const HOOKS: [&str; 12] = [
    "applypatch-msg",
    "commit-msg",
    "fsmonitor-watchman",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "post-rewrite",
    "pre-commit",
    "pre-merge-commit",
    "prepare-commit-msg",
    "reference-transaction",
];

/// Settings whose value is a program.
const PROGRAMS: [&str; 9] = [
    "core.fsmonitor",
    "core.sshCommand",
    "core.pager",
    "core.editor",
    "diff.external",
    "diff.trap.textconv",
    "merge.trap.driver",
    "filter.trap.clean",
    "filter.trap.smudge",
];

pub(super) struct Traps {
    mark: PathBuf,
}

/// Plants them: as hooks, as programs in the repository's configuration, and by attributes for
/// files that a run does not touch.
pub(super) fn plant(sandbox: &Sandbox) -> Traps {
    let traps = Traps {
        mark: sandbox.outside("a-trap-ran"),
    };
    let program = sandbox.outside("trap");
    write(
        &program,
        &format!(
            "#!/bin/sh\necho \"$0 $*\" >> '{}'\ncat\n",
            traps.mark.display()
        ),
    );
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    for hook in HOOKS {
        let hook = sandbox.folder().join(".git/hooks").join(hook);
        std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
        std::fs::copy(&program, hook).unwrap();
    }
    for setting in PROGRAMS {
        sandbox.git(&["config", setting, program.to_str().unwrap()]);
    }
    let attributes = "other.txt filter=trap diff=trap merge=trap\nside.txt filter=trap\n";
    write(&sandbox.folder().join(".git/info/attributes"), attributes);
    traps
}

impl Traps {
    /// Forgets what has run until now: the tests' own git may have.
    pub(super) fn set(&self) {
        let _ = std::fs::remove_file(&self.mark);
    }

    pub(super) fn assert_nothing_ran(&self) {
        let ran = std::fs::read_to_string(&self.mark).unwrap_or_default();
        assert_eq!(ran, "", "these programs ran");
    }
}
