//! The gate: proposal + rules -> allow or deny. Pure.
//!
//! The only place that can make an [`Approved`]; whatever acts takes one. Start at [`Gate`].
//! A denial tells the proposer what it may do instead.

pub mod path;
mod protected;
mod scope;
pub mod shell;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

use crate::config::PolicyMode;
use crate::domain::proposal::{ChangeSet, CommandLine, FileChange};
use crate::domain::tape::Denial;

use protected::Protected;
pub use scope::Scope;

/// The most bytes that an edit may give one file.
pub const MAX_FILE: usize = 5 * 1024 * 1024;

/// The most bytes that one set of changes may write.
const MAX_SET: usize = 20 * 1024 * 1024;

/// The most bytes of a command line.
const MAX_COMMAND: usize = 32 * 1024;

/// A proposal that the gate let through. Only this module can make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved<T>(T);

impl<T> Approved<T> {
    /// What was approved.
    pub fn get(&self) -> &T {
        &self.0
    }
}

/// What the gate says to a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision<T> {
    /// It may be done.
    Allow(Approved<T>),
    /// It may not; the proposer is told why.
    Deny(Denial),
}

/// What the gate judges by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// What happens to an edit outside the scope.
    pub mode: PolicyMode,
    /// The step's scope: files, folders and globs; empty means no limit.
    pub scope: Vec<String>,
    /// Globs that the configuration protects, added to those that always are.
    pub protected: Vec<String>,
    /// Whether commands run confined here.
    pub commands_confined: bool,
}

/// Why the rules cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// A protected glob cannot be read.
    #[error("the glob `{glob}` of policy.protected cannot be read: {why}")]
    BadGlob {
        /// The glob.
        glob: String,
        /// What is wrong with it.
        why: String,
    },
}

/// The rules, compiled.
pub struct Gate {
    mode: PolicyMode,
    scope: Scope,
    protected: Protected,
    commands_confined: bool,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("mode", &self.mode)
            .field("scope", &self.scope.words())
            .finish_non_exhaustive()
    }
}

impl Gate {
    /// Compiles `rules`.
    ///
    /// # Errors
    ///
    /// A protected glob cannot be read. An unreadable scope entry holds literally instead.
    pub fn new(rules: &Rules) -> Result<Self, GateError> {
        Ok(Self {
            mode: rules.mode,
            scope: Scope::new(&rules.scope),
            protected: Protected::new(&rules.protected)?,
            commands_confined: rules.commands_confined,
        })
    }

    /// Judges a set of file changes as a whole: one refused file refuses the set.
    /// Hard rules speak before soft ones, so that the weightiest reason is the one told.
    pub fn judge_edit(&self, set: ChangeSet) -> Decision<ChangeSet> {
        let changes = &set.changes;
        let denial = changes
            .iter()
            .find_map(path_rule)
            .or_else(|| {
                changes
                    .iter()
                    .find_map(|change| self.protected_rule(change))
            })
            .or_else(|| changes.iter().find_map(|change| self.scope_rule(change)))
            .or_else(|| duplicate_rule(&set))
            .or_else(|| size_rule(&set));
        match denial {
            Some(denial) => Decision::Deny(denial),
            None => Decision::Allow(Approved(set)),
        }
    }

    /// Why no step may change a path, whatever the change is.
    pub fn judge_path(&self, path: &str) -> Option<Denial> {
        let change = FileChange {
            path: path.to_owned(),
            before: None,
            after: None,
            executable: false,
        };
        path_rule(&change).or_else(|| self.protected_rule(&change))
    }

    /// Judges a command of a model.
    pub fn judge_command(&self, command: CommandLine) -> Decision<CommandLine> {
        let line = &command.line;
        let form = if line.trim().is_empty() {
            Some("the command is empty; give one line for `sh -c`")
        } else if line.len() > MAX_COMMAND {
            Some("the command is longer than 32 KiB; write a script with write_file and run that")
        } else if line.contains('\0') {
            Some("the command contains a NUL byte; leave it out")
        } else {
            None
        };
        if let Some(message) = form {
            return deny("command-form", message.to_owned(), false);
        }
        if !self.commands_confined {
            let message = "commands cannot be confined on this machine, so no model may run any; \
                           go on with the file tools, the checks run on their own afterwards";
            return deny("unconfined-command", message.to_owned(), true);
        }
        Decision::Allow(Approved(command))
    }

    fn protected_rule(&self, change: &FileChange) -> Option<Denial> {
        let path = &change.path;
        let reason = self.protected.reason(path)?;
        Some(Denial {
            rule: "protected-path".to_owned(),
            message: format!(
                "{path} is protected: {reason}. No step may change it; do without it, or call finish with \
                 `blocked` saying that a person must change {path}"
            ),
            hard: true,
        })
    }

    fn scope_rule(&self, change: &FileChange) -> Option<Denial> {
        if self.mode == PolicyMode::Off || self.scope.covers(&change.path) {
            return None;
        }
        let path = &change.path;
        let asking = match self.mode {
            PolicyMode::Ask => " (asking a person is not available yet)",
            PolicyMode::Enforce | PolicyMode::Off => "",
        };
        Some(Denial {
            rule: "scope".to_owned(),
            message: format!(
                "{path} is outside this step's scope ({}){asking}. Do without it, or call finish with \
                 `blocked` naming the file that is needed",
                self.scope.words()
            ),
            hard: false,
        })
    }
}

fn deny<T>(rule: &str, message: String, hard: bool) -> Decision<T> {
    Decision::Deny(Denial {
        rule: rule.to_owned(),
        message,
        hard,
    })
}

fn path_rule(change: &FileChange) -> Option<Denial> {
    match path::canonical(&change.path) {
        Err(denial) => Some(denial),
        Ok(canonical) if canonical != change.path => Some(Denial {
            rule: "path-escape".to_owned(),
            message: format!("{:?} must be written as {canonical:?}", change.path),
            hard: true,
        }),
        Ok(_) => None,
    }
}

/// No path twice, and none that another one needs as a folder.
fn duplicate_rule(set: &ChangeSet) -> Option<Denial> {
    let mut paths = BTreeSet::new();
    let twice = set
        .changes
        .iter()
        .find(|change| !paths.insert(change.path.as_str()));
    let message = match twice {
        Some(change) => format!(
            "{} is changed twice; give one change for each file",
            change.path
        ),
        None => {
            let inner = set.changes.iter().find(|change| {
                change
                    .path
                    .match_indices('/')
                    .any(|(at, _)| paths.contains(&change.path[..at]))
            })?;
            format!(
                "{} needs a folder where the same change has a file; make them two changes",
                inner.path
            )
        }
    };
    Some(Denial {
        rule: "duplicate-path".to_owned(),
        message,
        hard: false,
    })
}

fn size_rule(set: &ChangeSet) -> Option<Denial> {
    let size = |change: &FileChange| change.after.as_ref().map_or(0, Vec::len);
    let message = match set.changes.iter().find(|change| size(change) > MAX_FILE) {
        Some(change) => format!("{} would be larger than 5 MiB; write less", change.path),
        None if set.changes.iter().map(size).sum::<usize>() > MAX_SET => {
            "the change writes more than 20 MiB; make several smaller ones".to_owned()
        }
        None => return None,
    };
    Some(Denial {
        rule: "size".to_owned(),
        message,
        hard: false,
    })
}
