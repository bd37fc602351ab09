//! Following a recorded course: models and a model's commands answer from the record, edits are
//! applied again, checks run again, and whatever comes out otherwise is where the two part.

mod recall;
pub(super) mod recording;
mod repeatable;
mod verdict;

use crate::compare;
use crate::domain::event::StopReason;
use crate::domain::message::ToolCall;
use crate::domain::replay::ReplayMode;
use crate::domain::tape::{Answer, Call, TapeEntry, ToolAnswer};
use crate::domain::{Action, TreeId};

use super::drive::Drive;
use super::execution::Work;
use super::halt::{Halt, Halting};
use super::recorder::next_ordinal;
use recording::Recording;

pub use repeatable::Unrepeatable;

impl Drive<'_> {
    /// Whether everything but edits and checks comes from the record.
    pub(super) fn is_following(&self) -> bool {
        self.log.recording.is_some()
    }

    /// Whether the checks come from the record, too.
    pub(super) fn recalls_checks(&self) -> bool {
        let mode = self.log.recording.as_ref().map(|recording| recording.mode);
        mode == Some(ReplayMode::Recorded)
    }

    /// Does what people and drivers did to the source where it stood now. `leaving` says that the
    /// source went no further in what is under way.
    pub(super) fn follow_acts(&mut self, leaving: bool) -> Halting<()> {
        if !self.is_following() {
            return Ok(());
        }
        let run = self.log.run();
        if let Some(Action::Execute(id)) = run.next()
            && !leaving
        {
            let done = self.engine.store.tape(run.id, id)?.len();
            if let Some(recording) = &mut self.log.recording
                && recording.entry(id, done)?.is_some()
            {
                return Ok(());
            }
        }
        while let Some(act) = self.log.recording.as_ref().and_then(Recording::next_act) {
            let act = act.clone();
            self.log.event(act)?;
        }
        let over = self.log.recording.as_ref().is_some_and(Recording::is_over);
        if over && self.log.run().next().is_some() {
            if let Some(recording) = &mut self.log.recording {
                recording
                    .note("the source has not ended; it was followed as far as it goes".to_owned());
            }
            let message = "the record of the run that is replayed ends here";
            return Err(Halt::stop(StopReason::Interrupted, message));
        }
        Ok(())
    }

    /// Where the two have parted, as a reason to go no further.
    pub(super) fn check_parted(&self) -> Halting<()> {
        let parted = self.log.recording.as_ref().and_then(Recording::parted);
        match parted {
            None => Ok(()),
            Some(parted) => Err(Halt::stop(
                StopReason::Diverged,
                format!(
                    "it parts from its source at event {} ({})",
                    parted.seq, parted.kind
                ),
            )),
        }
    }

    /// The recorded call that stands where the tape goes on, or why there is none.
    fn recorded(&mut self, work: &Work, asks: &str) -> Halting<TapeEntry> {
        let (execution, index) = (work.state.id, self.tape.len());
        let Some(recording) = &mut self.log.recording else {
            return Err(anyhow::anyhow!("nothing is followed").into());
        };
        if let Some(entry) = recording.entry(execution, index)? {
            return Ok(entry.clone());
        }
        if recording.is_over() || recording.next_act().is_some() {
            return Err(Halt::RecordEnds);
        }
        self.part(work, "does nothing more", asks);
        self.check_parted()?;
        Err(Halt::RecordEnds)
    }

    /// Records that the tape goes on otherwise.
    fn part(&mut self, work: &Work, a: &str, b: &str) {
        let place = (work.state.id, next_ordinal(&self.tape));
        if let Some(recording) = &mut self.log.recording {
            recording.part_at(place, a, b);
        }
    }

    /// Makes sure that the record goes on with the same call.
    pub(super) fn expect_call(&mut self, work: &Work, call: &Call) -> Halting<()> {
        if !self.is_following() {
            return Ok(());
        }
        let entry = match self.recorded(work, &tell(call)) {
            Ok(entry) => entry,
            Err(halt) => {
                if matches!(call, Call::Checks) {
                    self.recall_checks(work.state.id)?;
                }
                return Err(halt);
            }
        };
        if let Some((a, b)) = differing(&entry.call, call) {
            self.part(work, &a, &b);
            self.check_parted()?;
        }
        Ok(())
    }

    /// Compares what a tool did now with what it did then.
    pub(super) fn compare_tool(
        &mut self,
        work: &Work,
        call: &ToolCall,
        now: &ToolAnswer,
    ) -> Halting<()> {
        if !self.is_following() {
            return Ok(());
        }
        let recorded = self.recorded(work, &call.name)?;
        let Some(Answer::Tool(then)) = recorded.answer else {
            return Ok(());
        };
        let what = tell(&recorded.call);
        if let (Some(a), Some(b)) = (&then.tree, &now.tree)
            && a != b
        {
            let (a, b) = self.first_change(a, b)?;
            self.part(work, &format!("{what}: {a}"), &format!("{what}: {b}"));
        } else if let Some((a, b)) = otherwise(&then, now) {
            self.part(work, &format!("{what}: {a}"), &format!("{what}: {b}"));
        }
        Ok(())
    }

    /// The first line in which two trees differ, on either side.
    fn first_change(&self, a: &TreeId, b: &TreeId) -> Halting<(String, String)> {
        let diff = self.site.diff(a, b)?;
        let first = |mark: char, header: &str| {
            diff.lines()
                .find(|line| line.starts_with(mark) && !line.starts_with(header))
                .map_or_else(
                    || "nothing there".to_owned(),
                    |line| line[1..].trim().to_owned(),
                )
        };
        Ok((first('-', "---"), first('+', "+++")))
    }
}

/// Two answers of a tool in words, if they say different things.
fn otherwise(then: &ToolAnswer, now: &ToolAnswer) -> Option<(String, String)> {
    let said = |answer: &ToolAnswer| {
        serde_json::json!({
            "is_error": answer.is_error,
            "changes": answer.tree.is_some(),
            "text": answer.text,
        })
    };
    compare::difference_in_texts(&said(then), &said(now))
}

/// Two calls in words, if they ask for different things.
fn differing(a: &Call, b: &Call) -> Option<(String, String)> {
    match (a, b) {
        (Call::Tool(left), Call::Tool(right)) if left.name == right.name => {
            if left.arguments == right.arguments {
                return None;
            }
            let parted = compare::first_difference(&left.arguments, &right.arguments);
            let (x, y) = parted.unwrap_or_default();
            Some((format!("{}, {x}", tell(a)), format!("{}, {y}", tell(b))))
        }
        (Call::Checks, Call::Checks) | (Call::Commit { .. }, Call::Commit { .. }) => None,
        _ => Some((tell(a), tell(b))),
    }
}

fn tell(call: &Call) -> String {
    match call {
        Call::Model(_) => "asks a model".to_owned(),
        Call::Tool(call) => {
            let about = ["path", "command", "query", "summary"]
                .iter()
                .find_map(|key| call.arguments.get(*key)?.as_str());
            format!("{} {}", call.name, about.unwrap_or_default())
                .trim()
                .to_owned()
        }
        Call::Checks => "runs the checks".to_owned(),
        Call::Commit { .. } => "makes the commit".to_owned(),
    }
}
