//! What differs between two plans.

use serde::Serialize;
use serde_json::Value;

use crate::domain::Plan;
use crate::domain::id::StepId;
use crate::domain::plan::Step;

use super::words::{own, reworded};

/// What differs from one plan to another. Steps are the same if their ids are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PlanChanges {
    /// Whether the sentence that sums it up differs.
    pub summary_changed: bool,
    /// Steps that only the second plan has.
    pub added: Vec<StepWords>,
    /// Steps that only the first plan has.
    pub removed: Vec<StepWords>,
    /// Steps that both have, in other words.
    pub changed: Vec<ChangedStep>,
}

/// A step, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepWords {
    /// Its id.
    pub id: StepId,
    /// Its name.
    pub name: String,
}

/// A step that two plans put differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangedStep {
    /// Its id.
    pub id: StepId,
    /// Its name in the second plan.
    pub name: String,
    /// The fields that differ, by their names in the plan.
    pub fields: Vec<String>,
}

impl PlanChanges {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn between(a: Option<&Plan>, b: Option<&Plan>) -> Self {
        let steps = |plan: Option<&'_ Plan>| plan.map_or_else(Vec::new, |plan| plan.steps.clone());
        let summary = |plan: Option<&Plan>| plan.map(|plan| own(&plan.summary));
        let (left, right) = (steps(a), steps(b));
        let only = |these: &[Step], those: &[Step]| -> Vec<StepWords> {
            let missing = |step: &&Step| those.iter().all(|other| other.id != step.id);
            these.iter().filter(missing).map(StepWords::of).collect()
        };
        let changed = right.iter().filter_map(|after| {
            let before = left.iter().find(|before| before.id == after.id)?;
            let fields = changed_fields(before, after);
            (!fields.is_empty()).then(|| ChangedStep {
                id: after.id.clone(),
                name: after.name.clone(),
                fields,
            })
        });
        Self {
            summary_changed: summary(a) != summary(b),
            changed: changed.collect(),
            added: only(&right, &left),
            removed: only(&left, &right),
        }
    }
}

impl StepWords {
    fn of(step: &Step) -> Self {
        Self {
            id: step.id.clone(),
            name: step.name.clone(),
        }
    }
}

fn changed_fields(a: &Step, b: &Step) -> Vec<String> {
    let said = |step: &Step| reworded(&serde_json::to_value(step).unwrap_or_default(), own);
    let (Value::Object(a), Value::Object(b)) = (said(a), said(b)) else {
        return Vec::new();
    };
    let new = b.keys().filter(|key| !a.contains_key(*key));
    let all = a.keys().chain(new);
    all.filter(|key| a.get(*key) != b.get(*key))
        .cloned()
        .collect()
}
