//! Using tools: proposal, gate, workspace, answer. A refusal is an answer, too.

use std::time::Duration;

use serde_json::Value;

use crate::agents::READING_TOOLS;
use crate::config::{PolicyMode, Sandbox};
use crate::domain::event::Event;
use crate::domain::id::{ExecutionId, TreeId};
use crate::domain::message::ToolCall;
use crate::domain::proposal::{ChangeSet, CommandLine};
use crate::domain::tape::{Call, Denial, TapeEntry, ToolAnswer};
use crate::policy::{Decision, Gate, Rules};
use crate::workspace::command::{Captured, CommandOutput};
use crate::workspace::edit::{self, ToolError};
use crate::workspace::files;
use crate::workspace::worktree::{ChangeKind, DiskChange};

use super::drive::Drive;
use super::execution::Work;
use super::halt::Halting;
use super::site::Place;

/// The time limit of a model's command, unless it asks for another.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);

/// The longest time limit that a model may ask for.
const LONGEST_LIMIT: Duration = Duration::from_secs(30 * 60);

/// The mode of a folder with a git directory of its own.
const NESTED_REPOSITORY: u32 = 0o040_000;

impl Drive<'_> {
    pub(super) async fn use_tool(
        &mut self,
        work: &Work,
        ordinal: u32,
        call: &ToolCall,
    ) -> Halting<ToolAnswer> {
        if READING_TOOLS.contains(&call.name.as_str()) {
            return self.read(call);
        }
        if self.is_consulting() {
            let text =
                "nothing is changed or run while a failure is looked into: read, then answer";
            return Ok(failed(text.to_owned()));
        }
        let gate = self.gate(work)?;
        if call.name == "run_command" && self.is_following() {
            return self.recall_command(work, ordinal, call);
        }
        if call.name == "run_command" {
            return self.command(work, ordinal, call, &gate).await;
        }
        let set = match edit::stage(self.site.worktrees()?.held(), call) {
            Ok(set) => set,
            Err(ToolError::Denied(denial)) => {
                let path = call.arguments.get("path").and_then(Value::as_str);
                let proposal = format!("{} of {}", call.name, path.unwrap_or("several files"));
                return self.deny(work.state.id, ordinal, proposal, denial);
            }
            Err(error) => return Ok(refused(&error)),
        };
        let about = edit::describe(&set);
        let touched = paths(&set);
        match gate.judge_edit(set) {
            Decision::Allow(approved) => {
                self.log.commit().await?;
                let worktrees = self.site.worktrees()?;
                if let Err(error) = worktrees.held().apply(&approved) {
                    return Ok(failed(error.to_string()));
                }
                let tree = worktrees.snapshot(&touched)?;
                Ok(ToolAnswer {
                    text: about,
                    tree: Some(tree),
                    ..ToolAnswer::default()
                })
            }
            Decision::Deny(denial) => {
                let proposal = format!("an edit of {}", touched.join(", "));
                self.deny(work.state.id, ordinal, proposal, denial)
            }
        }
    }

    fn read(&self, call: &ToolCall) -> Halting<ToolAnswer> {
        Ok(match files::answer(self.site.worktrees()?.held(), call) {
            Ok(text) => ToolAnswer {
                text,
                ..ToolAnswer::default()
            },
            Err(error) => refused(&error),
        })
    }

    fn gate(&self, work: &Work) -> anyhow::Result<Gate> {
        let policy = &self.engine.config.policy;
        let mode = match policy.mode {
            PolicyMode::Ask if self.log.run().created.options.yes => PolicyMode::Off,
            mode => mode,
        };
        Ok(Gate::new(&Rules {
            mode,
            scope: work.brief.task.scope.clone(),
            protected: policy.protected.clone(),
            // Whoever switches the sandbox off has said that commands may run without it.
            commands_confined: self.site.worktrees()?.confined || policy.sandbox == Sandbox::Off,
        })?)
    }

    fn deny(
        &mut self,
        execution: ExecutionId,
        ordinal: u32,
        proposal: String,
        denial: Denial,
    ) -> Halting<ToolAnswer> {
        self.log.event(Event::GateDenied {
            execution,
            ordinal,
            proposal,
            denial: denial.clone(),
        })?;
        Ok(ToolAnswer {
            text: format!("refused by the rule {}: {}", denial.rule, denial.message),
            is_error: true,
            tree: None,
            denied: Some(denial),
        })
    }

    async fn command(
        &mut self,
        work: &Work,
        ordinal: u32,
        call: &ToolCall,
        gate: &Gate,
    ) -> Halting<ToolAnswer> {
        let Some(line) = call.arguments.get("command").and_then(Value::as_str) else {
            return Ok(failed("run_command needs `command`, a string".to_owned()));
        };
        let proposal = CommandLine {
            line: line.to_owned(),
            timeout_s: call.arguments.get("timeout_s").and_then(Value::as_u64),
        };
        let approved = match gate.judge_command(proposal) {
            Decision::Allow(approved) => approved,
            Decision::Deny(denial) => {
                return self.deny(work.state.id, ordinal, format!("run {line}"), denial);
            }
        };
        self.log.commit().await?;
        let limit = approved
            .get()
            .timeout_s
            .map_or(COMMAND_LIMIT, Duration::from_secs)
            .min(LONGEST_LIMIT);
        let label = format!("exec-{}-tool-{}", work.state.id, self.tools_used() + 1);
        let output = self.run_untrusted(approved.get(), limit, &label)?;
        crate::failpoint::hit("command.ran");
        self.keep_whole_output(&label, &output)?;
        let (tree, refusals) = self.take_in_changes(work, ordinal, gate)?;
        let mut text = describe(&output, limit);
        for refusal in refusals {
            text.push_str("\n[taken back] ");
            text.push_str(&refusal);
        }
        Ok(ToolAnswer {
            text,
            is_error: output.exit_code != Some(0),
            tree: Some(tree),
            denied: None,
        })
    }

    /// Tool calls on the tape. Unlike ordinals they do not shift when a model call is lost.
    fn tools_used(&self) -> usize {
        let is_tool = |entry: &&TapeEntry| matches!(entry.call, Call::Tool(_));
        self.tape.iter().filter(is_tool).count()
    }

    /// A worktree that cannot be read after a command is made anew as it was before it.
    fn take_back_all(
        &mut self,
        work: &Work,
        error: &anyhow::Error,
    ) -> Halting<(TreeId, Vec<String>)> {
        let tree = self.tree_at(&work.state);
        self.site.restore(Place::Build, &tree)?;
        Ok((tree, vec![format!("everything it changed: {error:#}")]))
    }

    /// What a command changed is a new proposal: the gate judges it, file by file.
    fn take_in_changes(
        &mut self,
        work: &Work,
        ordinal: u32,
        gate: &Gate,
    ) -> Halting<(TreeId, Vec<String>)> {
        let mut kept = Vec::new();
        let mut undone = Vec::new();
        let mut refusals = Vec::new();
        let changes = match self.site.worktrees()?.changes() {
            Ok(changes) => changes,
            Err(error) => return self.take_back_all(work, &error),
        };
        for change in changes {
            if change.mode == NESTED_REPOSITORY {
                refusals.push(format!(
                    "{} has a git directory of its own, so nothing in it can be recorded; make its files without one",
                    change.path
                ));
                undone.push(change.path.clone());
                continue;
            }
            let set = match self.site.worktrees()?.change_set(&change) {
                Ok(set) => set,
                Err(why) => {
                    refusals.push(why.to_string());
                    undone.push(change.path.clone());
                    continue;
                }
            };
            match gate.judge_edit(set) {
                Decision::Allow(_) => kept.push(change.path.clone()),
                Decision::Deny(denial) if is_by_product(&change) && !denial.hard => {}
                Decision::Deny(denial) => {
                    refusals.push(format!("{}: {}", denial.rule, denial.message));
                    undone.push(change.path.clone());
                    let proposal = format!("a command changed {}", change.path);
                    self.deny(work.state.id, ordinal, proposal, denial)?;
                }
            }
        }
        let tree = self.site.worktrees()?.snapshot(&kept)?;
        if !undone.is_empty() {
            self.site.restore(Place::Build, &tree)?;
        }
        Ok((tree, refusals))
    }
}

/// A new file outside the scope that a command left is no proposal; it stays out of the commit.
fn is_by_product(change: &DiskChange) -> bool {
    change.kind == ChangeKind::Untracked
}

fn paths(set: &ChangeSet) -> Vec<String> {
    set.changes
        .iter()
        .map(|change| change.path.clone())
        .collect()
}

fn refused(error: &ToolError) -> ToolAnswer {
    failed(error.to_string())
}

fn failed(text: String) -> ToolAnswer {
    ToolAnswer {
        text,
        is_error: true,
        ..ToolAnswer::default()
    }
}

/// A command's outcome as the model reads it.
fn describe(output: &CommandOutput, limit: Duration) -> String {
    let end = match (&output.exit_code, &output.signal) {
        _ if output.timed_out => format!("killed at its time limit of {} s", limit.as_secs()),
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("ended by {signal}"),
        (None, None) => "ended without a status".to_owned(),
    };
    let mut text = end;
    for (name, stream) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if stream.text.trim().is_empty() {
            continue;
        }
        text.push_str(&format!("\n--- {name}\n{}", stream.text.trim_end()));
        if let Some(rest) = where_the_rest_is(stream) {
            text.push_str(&rest);
        }
    }
    text
}

fn where_the_rest_is(stream: &Captured) -> Option<String> {
    let whole = stream.whole.as_ref()?;
    Some(format!(
        "\n[{} bytes in all, in {}]",
        stream.total_bytes,
        whole.display()
    ))
}
