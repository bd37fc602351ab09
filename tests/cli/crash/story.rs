//! What a run's record tells, without what may differ between two tellings of the same run: times,
//! the ids of commits (which hold times), and calls that were lost to a kill.

use std::collections::BTreeMap;

use rgpt::domain::event::Event;
use rgpt::domain::tape::{Answer, Call, TapeEntry};
use rgpt::domain::{Digest, ExecutionId, RunId};
use rgpt::store::Store;
use serde_json::{Value, json};

/// The texts behind these are compared instead of their addresses.
const ADDRESSES: [&str; 5] = ["brief", "report", "config", "request", "full_output"];

/// These say when, or how long.
const TIMES: [&str; 3] = ["timestamp", "duration_ms", "duration"];

/// These grow by what a lost call had reserved.
const COSTS: [&str; 2] = ["tokens", "cost_usd"];

/// A run as it is told.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Story {
    pub(super) events: Vec<Value>,
    /// By execution, the calls and their answers.
    pub(super) tapes: BTreeMap<u32, Vec<Value>>,
    /// Model calls of which nobody knows what came of them.
    pub(super) lost: usize,
    /// The commit that was handed over, and its tree.
    pub(super) commit: Option<String>,
    pub(super) tree: Option<String>,
}

impl Story {
    /// Reads it off the record; empty if there is no such run.
    pub(super) fn of(store: &Store, run: RunId) -> Self {
        let Some(state) = store.load(run).unwrap() else {
            return Self::default();
        };
        let mut teller = Teller {
            store,
            commits: Vec::new(),
        };
        let mut story = Self::default();
        let mut lost_before = BTreeMap::new();
        for execution in &state.executions {
            let tape = store.tape(run, execution.id).unwrap();
            lost_before.insert(execution.id, lost(&tape));
            story.lost += lost(&tape).len();
        }
        if let Some(done) = &state.done {
            story.commit = Some(done.commit.to_string());
            story.tree = Some(done.tree.to_string());
        }
        for record in store.events(run).unwrap() {
            match record.event {
                Event::RunResumed(_) => continue,
                Event::StepCompleted(ref step) => {
                    teller.commits.extend(step.commit.clone().map(|id| id.0));
                }
                Event::PhaseCompleted(ref phase) => {
                    let commit = phase.output.get("commit").and_then(Value::as_str);
                    teller.commits.extend(commit.map(str::to_owned));
                }
                _ => {}
            }
            let event = without_shift(record.event, &lost_before);
            let told = json!({"type": event.kind(), "payload": event.payload().unwrap()});
            story.events.push(teller.tell(told));
        }
        for execution in &state.executions {
            let tape = store.tape(run, execution.id).unwrap();
            let calls = tape
                .iter()
                .filter(|entry| entry.answer != Some(Answer::Lost))
                .map(|entry| teller.tell(json!({"call": entry.call, "answer": entry.answer})));
            story.tapes.insert(execution.id.0, calls.collect());
        }
        story
    }

    /// The first difference from what the run should be, in a few words.
    pub(super) fn differs_from(&self, expected: &Self) -> Option<String> {
        let event = first_difference("event", &self.events, &expected.events);
        event.or_else(|| {
            let executions = self.tapes.len().max(expected.tapes.len());
            let none = Vec::new();
            (1..=u32::try_from(executions).unwrap()).find_map(|id| {
                let ours = self.tapes.get(&id).unwrap_or(&none);
                let theirs = expected.tapes.get(&id).unwrap_or(&none);
                first_difference(&format!("call of execution {id}"), ours, theirs)
            })
        })
    }
}

fn lost(tape: &[TapeEntry]) -> Vec<u32> {
    tape.iter()
        .filter(|entry| entry.answer == Some(Answer::Lost))
        .map(|entry| entry.ordinal)
        .collect()
}

/// A lost call has a place on the tape, so those after it have greater numbers.
fn without_shift(event: Event, lost: &BTreeMap<ExecutionId, Vec<u32>>) -> Event {
    match event {
        Event::GateDenied {
            execution,
            ordinal,
            proposal,
            denial,
        } => {
            let before = lost[&execution].iter().filter(|at| **at < ordinal).count();
            Event::GateDenied {
                execution,
                ordinal: ordinal - u32::try_from(before).unwrap(),
                proposal,
                denial,
            }
        }
        other => other,
    }
}

fn first_difference(what: &str, ours: &[Value], theirs: &[Value]) -> Option<String> {
    let at = (0..ours.len().max(theirs.len())).find(|at| ours.get(*at) != theirs.get(*at))?;
    let none = Value::Null;
    let (ours, theirs) = (
        ours.get(at).unwrap_or(&none),
        theirs.get(at).unwrap_or(&none),
    );
    let (place, ours, theirs) = narrowed(String::new(), ours, theirs);
    let show = |value: &Value| value.to_string().chars().take(600).collect::<String>();
    Some(format!(
        "{what} {}{place} is\n    {}\n  and should be\n    {}",
        at + 1,
        show(ours),
        show(theirs)
    ))
}

/// The first difference inside two values, and where it is.
fn narrowed<'a>(
    place: String,
    ours: &'a Value,
    theirs: &'a Value,
) -> (String, &'a Value, &'a Value) {
    let inner = match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            let mut fields = a
                .iter()
                .map(|(name, field)| (format!(".{name}"), field, &b[name]));
            fields.find(|(_, a, b)| a != b)
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let mut items = a.iter().zip(b).enumerate();
            items
                .find(|(_, (a, b))| a != b)
                .map(|(at, (a, b))| (format!("[{at}]"), a, b))
        }
        _ => None,
    };
    match inner {
        Some((step, a, b)) => narrowed(place + &step, a, b),
        None => (place, ours, theirs),
    }
}

struct Teller<'a> {
    store: &'a Store,
    commits: Vec<String>,
}

impl Teller<'_> {
    fn tell(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.without_commits(text)),
            Value::Array(items) => items.into_iter().map(|item| self.tell(item)).collect(),
            Value::Object(fields) => fields
                .into_iter()
                .filter(|(name, _)| !TIMES.contains(&name.as_str()))
                .filter(|(name, _)| !COSTS.contains(&name.as_str()))
                .map(|(name, field)| {
                    let told = match field.as_str() {
                        Some(address) if ADDRESSES.contains(&name.as_str()) => self.text(address),
                        _ => self.tell(field),
                    };
                    (name, told)
                })
                .collect(),
            other => other,
        }
    }

    /// The text at an address, read as JSON if it is that.
    fn text(&self, address: &str) -> Value {
        let blob = self.store.blob(&Digest(address.to_owned())).unwrap();
        let text = blob.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        match text {
            None => json!({"no text": true}),
            Some(text) => match serde_json::from_str(&text) {
                Ok(read) => self.tell(read),
                Err(_) => Value::String(self.without_commits(text)),
            },
        }
    }

    fn without_commits(&self, mut text: String) -> String {
        for (number, commit) in self.commits.iter().enumerate() {
            text = text.replace(commit, &format!("<commit {number}>"));
            text = text.replace(&commit[..10], &format!("<commit {number}>"));
        }
        text
    }
}

/// The model calls that the record knows of: intents, answered or not.
pub(super) fn recorded_model_calls(store: &Store, run: RunId) -> usize {
    let Some(state) = store.load(run).unwrap() else {
        return 0;
    };
    let tapes = state.executions.iter().map(|execution| {
        let tape = store.tape(run, execution.id).unwrap();
        tape.iter()
            .filter(|entry| matches!(entry.call, Call::Model(_)))
            .count()
    });
    tapes.sum()
}
