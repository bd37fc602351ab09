//! When what happened: a run's events as bars on a line of time.

use jiff::Timestamp;

use super::words::Tone;
use crate::domain::check::CheckScope;
use crate::domain::event::Event;
use crate::domain::id::HealId;
use crate::domain::{Phase, Record, StepId, text};

/// The whole of it. Time is counted in milliseconds at work: where a run stood still, its line of
/// time is cut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Timeline {
    pub(super) total_ms: u64,
    pub(super) rows: Vec<Row>,
    /// Where the run stood still, and for how long.
    pub(super) pauses: Vec<(u64, u64)>,
}

/// Bars of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) bars: Vec<Bar>,
}

/// Something that took its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) from_ms: u64,
    pub(super) to_ms: u64,
    pub(super) tone: Tone,
    /// A few characters to stand in it, or nothing.
    pub(super) label: String,
    /// What it was and how it ended.
    pub(super) title: String,
}

/// The rows below those of the phases.
const STEPS: &str = "steps";
const CHECKS: &str = "checks";
const REPAIRS: &str = "repairs";

/// What is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Open {
    Phase(Phase),
    Step(StepId),
    Heal(HealId),
}

struct Drawing {
    timeline: Timeline,
    clock: u64,
    last: Option<Timestamp>,
    open: Vec<(Open, &'static str, usize)>,
}

/// The timeline of a run's events.
pub(super) fn timeline(records: &[Record]) -> Timeline {
    let mut drawing = Drawing {
        timeline: Timeline::default(),
        clock: 0,
        last: None,
        open: Vec::new(),
    };
    for record in records {
        drawing.pass(record);
        drawing.draw(&record.event);
    }
    drawing.end()
}

impl Drawing {
    /// Moves on to the time of a record. Before the first phase and before a resume nobody worked.
    fn pass(&mut self, record: &Record) {
        let since = self.last.map_or(0, |last| {
            u64::try_from(record.at.duration_since(last).as_millis()).unwrap_or(0)
        });
        self.last = Some(record.at);
        let idle = self.timeline.rows.is_empty() || matches!(record.event, Event::RunResumed(_));
        if !idle {
            self.clock += since;
        } else if matches!(record.event, Event::RunResumed(_)) {
            self.timeline.pauses.push((self.clock, since));
        }
    }

    fn draw(&mut self, event: &Event) {
        match event {
            Event::PhaseStarted(started) => {
                let name = started.phase.as_str();
                let title = format!("{name} at work");
                self.begin(Open::Phase(started.phase), name, String::new(), title);
            }
            Event::PhaseCompleted(completed) => {
                let title = format!("{} completed", completed.phase);
                self.close(&Open::Phase(completed.phase), Tone::Good, title);
            }
            Event::PhaseError(error) => {
                let failure = &error.failure;
                let title = format!(
                    "{} failed: {}, {}",
                    error.phase, failure.error_type, failure.message
                );
                self.close(&Open::Phase(error.phase), Tone::Bad, title);
            }
            Event::StepStarted(started) => {
                let step = &started.step;
                let title = format!("{step} at work");
                self.begin(Open::Step(step.clone()), STEPS, step.to_string(), title);
            }
            Event::StepCompleted(done) => {
                let title = format!("{} completed: {}", done.step, done.summary);
                self.close(&Open::Step(done.step.clone()), Tone::Good, title);
            }
            Event::StepError(error) => {
                let title = format!(
                    "{} failed: {}, {}",
                    error.step, error.error_type, error.message
                );
                self.close(&Open::Step(error.step.clone()), Tone::Bad, title);
            }
            Event::CheckCompleted(completed) => self.check(&completed.result),
            Event::HealStarted(heal) => {
                let title = format!(
                    "repair {}: {}, {}",
                    heal.heal, heal.error_type, heal.remedy.action
                );
                self.begin(Open::Heal(heal.heal), REPAIRS, heal.heal.to_string(), title);
            }
            Event::HealSuccess(settled) => self.settle(settled.heal, Tone::Good, "kept"),
            Event::HealFailed(settled) => self.settle(settled.heal, Tone::Bad, "taken back"),
            Event::RunStopped(_) | Event::RunFailed(_) | Event::RunCancelled { .. } => {
                self.break_off("broken off");
            }
            Event::RunResumed(_) => self.break_off("interrupted"),
            _ => {}
        }
    }

    fn check(&mut self, result: &crate::domain::check::CheckResult) {
        let tone = super::words::tone(result.status.as_str());
        let place = match result.scope {
            CheckScope::Base => " on the base",
            CheckScope::Step => " after a step",
            CheckScope::Final => "",
        };
        let title = format!("{}{place}: {}", result.name, result.status.as_str());
        let bar = Bar {
            from_ms: self.clock.saturating_sub(result.duration_ms),
            to_ms: self.clock,
            tone,
            label: result.name.clone(),
            title,
        };
        self.row(CHECKS).bars.push(bar);
    }

    fn settle(&mut self, heal: HealId, tone: Tone, how: &str) {
        let open = Open::Heal(heal);
        let begun = self.open.iter().find(|(known, _, _)| *known == open);
        let title = begun.map(|(_, row, bar)| (*row, *bar)).map(|(row, bar)| {
            let title = &self.row(row).bars[bar].title;
            format!("{title}: {how}")
        });
        self.close(&open, tone, title.unwrap_or_default());
    }

    fn begin(&mut self, what: Open, row: &'static str, label: String, title: String) {
        let (clock, bars) = (self.clock, &mut self.row(row).bars);
        bars.push(Bar {
            from_ms: clock,
            to_ms: clock,
            tone: Tone::Busy,
            label,
            title,
        });
        let bar = bars.len() - 1;
        self.open.push((what, row, bar));
    }

    fn close(&mut self, what: &Open, tone: Tone, title: String) {
        let Some(at) = self.open.iter().rposition(|(known, _, _)| known == what) else {
            return;
        };
        let (_, row, bar) = self.open.remove(at);
        let clock = self.clock;
        let bar = &mut self.row(row).bars[bar];
        (bar.to_ms, bar.tone, bar.title) = (clock, tone, title);
    }

    /// Whatever is under way ends here; a repair goes on after a resume.
    fn break_off(&mut self, how: &str) {
        for (what, row, bar) in std::mem::take(&mut self.open) {
            if matches!(what, Open::Heal(_)) {
                self.open.push((what, row, bar));
                continue;
            }
            let clock = self.clock;
            let bar = &mut self.row(row).bars[bar];
            bar.to_ms = clock;
            bar.tone = Tone::Warn;
            bar.title.push_str(&format!(", {how}"));
        }
    }

    fn row(&mut self, name: &'static str) -> &mut Row {
        let rows = &mut self.timeline.rows;
        let at = rows.iter().position(|row| row.name == name);
        let at = at.unwrap_or_else(|| {
            rows.push(Row {
                name,
                bars: Vec::new(),
            });
            rows.len() - 1
        });
        &mut rows[at]
    }

    /// What is still open reaches to the end.
    fn end(mut self) -> Timeline {
        let clock = self.clock;
        for (_, row, bar) in std::mem::take(&mut self.open) {
            self.row(row).bars[bar].to_ms = clock;
        }
        let order = [
            "planner", "builder", STEPS, "tester", CHECKS, "releaser", REPAIRS,
        ];
        let place = |row: &Row| order.iter().position(|name| *name == row.name);
        self.timeline.rows.sort_by_key(place);
        self.timeline.total_ms = clock;
        for bar in self.timeline.rows.iter_mut().flat_map(|row| &mut row.bars) {
            bar.title = text::one_line(&bar.title);
            bar.label = text::one_line(&bar.label);
        }
        self.timeline
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Events so many milliseconds after the first.
    fn records(events: &[(i64, &str, Value)]) -> Vec<Record> {
        let begin: Timestamp = "2026-10-05T12:00:00Z".parse().unwrap();
        (1..)
            .zip(events)
            .map(|(seq, (ms, kind, payload))| Record {
                run: crate::domain::RunId(1),
                seq,
                at: begin + jiff::SignedDuration::from_millis(*ms),
                event: Event::read(kind, payload.clone()).unwrap(),
            })
            .collect()
    }

    fn told(timeline: &Timeline) -> String {
        let mut lines = vec![format!(
            "{} ms, pauses {:?}",
            timeline.total_ms, timeline.pauses
        )];
        for row in &timeline.rows {
            for bar in &row.bars {
                let (from, to) = (bar.from_ms, bar.to_ms);
                lines.push(format!(
                    "{} {from}-{to} {:?} {}",
                    row.name, bar.tone, bar.title
                ));
            }
        }
        lines.join("\n")
    }

    fn failure() -> Value {
        json!({"error_type": "LLM_ERROR", "retryable": true, "origin": "model", "signature": "s",
            "message": "cut\noff", "cause": "unusable_answer"})
    }

    #[test]
    fn time_at_work_is_drawn_and_time_between_is_not() {
        let started = |phase: &str| json!({"phase": phase, "execution": null});
        let heal = json!({"heal": 1, "signature": "s", "error_type": "LLM_ERROR", "snapshot": "t",
            "remedy": {"action": "regenerate", "goto": "planner", "evidence": "", "input": "i",
                "reason": "because"}});
        let drawn = timeline(&records(&[
            (5_000, "planner.started", started("planner")),
            (
                5_100,
                "planner.error",
                json!({"phase": "planner", "execution": null,
                "failure": failure(), "tree": "t"}),
            ),
            (5_100, "heal.started", heal),
            (5_200, "planner.started", started("planner")),
            (
                5_300,
                "run.stopped",
                json!({"reason": "interrupted", "message": "m"}),
            ),
            (65_300, "run.resumed", json!({})),
            (65_400, "planner.started", started("planner")),
            (
                65_600,
                "planner.completed",
                json!({"phase": "planner", "execution": null,
                "output": {}, "tree": "t"}),
            ),
            (
                65_600,
                "heal.success",
                json!({"heal": 1, "tree": "t", "message": "m"}),
            ),
            (65_700, "builder.started", started("builder")),
            (66_000, "run.cancelled", json!({"reason": null})),
        ]));
        insta::assert_snapshot!(told(&drawn), @r"
        1000 ms, pauses [(300, 60000)]
        planner 0-100 Bad planner failed: LLM_ERROR, cut off
        planner 200-300 Warn planner at work, broken off
        planner 400-600 Good planner completed
        builder 700-1000 Warn builder at work, broken off
        repairs 100-600 Good repair 1: LLM_ERROR, regenerate: kept
        ");
    }

    #[test]
    fn what_is_under_way_reaches_to_the_end() {
        let drawn = timeline(&records(&[
            (
                0,
                "planner.started",
                json!({"phase": "planner", "execution": null}),
            ),
            (
                900,
                "gate.denied",
                json!({"execution": 1, "ordinal": 1, "proposal": "p",
                "denial": {"rule": "r", "message": "m", "hard": false}}),
            ),
        ]));
        insta::assert_snapshot!(told(&drawn), @r"
        900 ms, pauses []
        planner 0-900 Busy planner at work
        ");
        assert_eq!(timeline(&[]), Timeline::default());
    }
}
