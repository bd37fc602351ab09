//! The planner's output, and every reason for which it is refused.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::id::StepId;

/// What the planner makes: steps with dependencies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The plan in a sentence or two.
    #[serde(default)]
    pub summary: String,
    /// The steps. `phases` is accepted for the name.
    #[serde(alias = "phases")]
    pub steps: Vec<Step>,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its id, unique in the plan.
    pub id: StepId,
    /// A short name.
    pub name: String,
    /// What is to be done.
    pub description: String,
    /// The steps that must be done first.
    #[serde(default)]
    pub dependencies: Vec<StepId>,
    /// The step's scope: paths and globs that may be edited; empty means no limit.
    #[serde(default)]
    pub files: Vec<String>,
    /// Whether the run can reach its goal only with this step.
    #[serde(default = "yes")]
    pub critical: bool,
    /// How much work it seems to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_complexity: Option<Level>,
    /// How much it may break.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk_level: Option<Level>,
    /// How one can tell that it is done.
    #[serde(default)]
    pub verification_criteria: Vec<String>,
}

fn yes() -> bool {
    true
}

/// Low, medium or high.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
}

/// Why a plan is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// There is nothing to do.
    #[error("the plan has no steps")]
    NoSteps,
    /// A step has no id.
    #[error("step {number} has an empty id")]
    EmptyId {
        /// Its place, from 1.
        number: usize,
    },
    /// A step has no name or no description.
    #[error("step {step:?} has an empty {field}")]
    EmptyText {
        /// The step.
        step: String,
        /// What is empty.
        field: &'static str,
    },
    /// Every step is done already.
    #[error("every step of the plan is done already ({}): what is to be done now needs steps with new ids", .0.join(", "))]
    NothingNew(Vec<String>),
    /// Two steps share an id.
    #[error("two steps have the id {0:?}")]
    DuplicateId(String),
    /// A dependency names no step.
    #[error("step {step:?} depends on {dependency:?}, which is not a step of the plan")]
    UnknownDependency {
        /// The step.
        step: String,
        /// What it names.
        dependency: String,
    },
    /// A step depends on itself.
    #[error("step {0:?} depends on itself")]
    SelfDependency(String),
    /// Steps depend on each other.
    #[error("the steps depend on each other in a cycle: {}", .0.join(" -> "))]
    Cycle(Vec<String>),
    /// A path leads out of the repository.
    #[error("step {step:?} names the path {path:?}, which is outside the repository")]
    OutsidePath {
        /// The step.
        step: String,
        /// The path.
        path: String,
    },
    /// A scope is no glob.
    #[error("step {step:?} names {path:?}, which is not a valid glob: {reason}")]
    BadGlob {
        /// The step.
        step: String,
        /// The glob.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Plan {
    /// Checks everything that can be wrong with a plan.
    ///
    /// # Errors
    /// The first reason for which the plan is refused.
    pub fn validate(&self) -> Result<(), PlanError> {
        if self.steps.is_empty() {
            return Err(PlanError::NoSteps);
        }
        let mut ids = BTreeSet::new();
        for (index, step) in self.steps.iter().enumerate() {
            step.validate(index + 1)?;
            if !ids.insert(step.id.as_str()) {
                return Err(PlanError::DuplicateId(step.id.0.clone()));
            }
        }
        for step in &self.steps {
            for dependency in &step.dependencies {
                if *dependency == step.id {
                    return Err(PlanError::SelfDependency(step.id.0.clone()));
                }
                if !ids.contains(dependency.as_str()) {
                    return Err(PlanError::UnknownDependency {
                        step: step.id.0.clone(),
                        dependency: dependency.0.clone(),
                    });
                }
            }
        }
        self.cycle()
            .map_or(Ok(()), |ids| Err(PlanError::Cycle(ids)))
    }

    /// The plan with the steps that are done as they were: what it says otherwise of them does not
    /// count, and those that it leaves out come first.
    ///
    /// # Errors
    /// If it leaves nothing to be done.
    pub fn keeping(mut self, done: &[&Step]) -> Result<Self, PlanError> {
        let is_done = |step: &Step| done.iter().find(|done| done.id == step.id);
        if !done.is_empty() && self.steps.iter().all(|step| is_done(step).is_some()) {
            let ids = done.iter().map(|step| step.id.0.clone()).collect();
            return Err(PlanError::NothingNew(ids));
        }
        for step in &mut self.steps {
            if let Some(done) = is_done(step) {
                *step = (*done).clone();
            }
        }
        let left_out = done.iter().filter(|done| self.step(&done.id).is_none());
        let left_out: Vec<Step> = left_out.map(|step| (*step).clone()).collect();
        self.steps.splice(0..0, left_out);
        Ok(self)
    }

    /// The step with this id.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == *id)
    }

    /// The scopes of all steps together; empty (no limit) if any step has no limit.
    pub fn joint_scope(&self) -> Vec<String> {
        if self.steps.iter().any(|step| step.files.is_empty()) {
            return Vec::new();
        }
        let all: BTreeSet<_> = self.steps.iter().flat_map(|step| &step.files).collect();
        all.into_iter().cloned().collect()
    }

    /// A cycle among the steps, first id repeated at the end, if there is one.
    ///
    /// Removes steps whose dependencies are all removed (Kahn 1962) until none is left or each of
    /// those left depends on another; from any of these, following dependencies must repeat.
    fn cycle(&self) -> Option<Vec<String>> {
        let mut left: BTreeMap<&str, Vec<&str>> = self
            .steps
            .iter()
            .map(|step| {
                let needs = step.dependencies.iter().map(StepId::as_str).collect();
                (step.id.as_str(), needs)
            })
            .collect();
        loop {
            let free: Vec<&str> = left
                .iter()
                .filter(|(_, needs)| needs.iter().all(|need| !left.contains_key(need)))
                .map(|(id, _)| *id)
                .collect();
            if free.is_empty() {
                break;
            }
            for id in free {
                left.remove(id);
            }
        }
        let mut path: Vec<&str> = vec![left.keys().next().copied()?];
        loop {
            let last = path.last().copied()?;
            let next = left
                .get(last)?
                .iter()
                .find(|need| left.contains_key(*need))
                .copied()?;
            if let Some(start) = path.iter().position(|id| *id == next) {
                let mut cycle: Vec<String> = path[start..].iter().map(|id| (*id).into()).collect();
                cycle.push(next.into());
                return Some(cycle);
            }
            path.push(next);
        }
    }
}

impl Step {
    fn validate(&self, number: usize) -> Result<(), PlanError> {
        if self.id.as_str().trim().is_empty() {
            return Err(PlanError::EmptyId { number });
        }
        for (field, text) in [("name", &self.name), ("description", &self.description)] {
            if text.trim().is_empty() {
                return Err(PlanError::EmptyText {
                    step: self.id.0.clone(),
                    field,
                });
            }
        }
        for path in &self.files {
            if leads_outside(path) {
                return Err(PlanError::OutsidePath {
                    step: self.id.0.clone(),
                    path: path.clone(),
                });
            }
            globset::Glob::new(path).map_err(|error| PlanError::BadGlob {
                step: self.id.0.clone(),
                path: path.clone(),
                reason: error.kind().to_string(),
            })?;
        }
        Ok(())
    }
}

/// Whether a path or glob is absolute, climbs out, or names a drive or a home.
fn leads_outside(path: &str) -> bool {
    let drive = path.as_bytes().get(1) == Some(&b':') && path.as_bytes()[0].is_ascii_alphabetic();
    path.is_empty()
        || drive
        || path.starts_with(['/', '\\', '~'])
        || path.split(['/', '\\']).any(|part| part == "..")
        || path.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(steps: &[(&str, &[&str])]) -> Plan {
        Plan {
            summary: String::new(),
            steps: steps
                .iter()
                .map(|(id, needs)| Step {
                    id: (*id).into(),
                    name: "n".into(),
                    description: "d".into(),
                    dependencies: needs.iter().map(|need| (*need).into()).collect(),
                    files: Vec::new(),
                    critical: true,
                    estimated_complexity: None,
                    risk_level: None,
                    verification_criteria: Vec::new(),
                })
                .collect(),
        }
    }

    fn refusal(plan: &Plan) -> String {
        plan.validate().expect_err("refused").to_string()
    }

    #[test]
    fn a_plan_with_ordered_dependencies_is_accepted() {
        assert_eq!(
            plan(&[("a", &[]), ("b", &["a"]), ("c", &["a", "b"])]).validate(),
            Ok(())
        );
    }

    #[test]
    fn only_id_name_and_description_are_required_and_phases_is_accepted_for_steps() {
        let plan: Plan =
            serde_json::from_str(r#"{"phases":[{"id":"s","name":"n","description":"d"}]}"#)
                .expect("reads");
        assert_eq!(plan.validate(), Ok(()));
        assert!(plan.steps[0].critical);
    }

    #[test]
    fn every_refusal_names_its_reason() {
        assert_eq!(refusal(&plan(&[])), "the plan has no steps");
        assert_eq!(refusal(&plan(&[(" ", &[])])), "step 1 has an empty id");
        assert_eq!(
            refusal(&plan(&[("a", &[]), ("a", &[])])),
            "two steps have the id \"a\""
        );
        assert_eq!(
            refusal(&plan(&[("a", &["a"])])),
            "step \"a\" depends on itself"
        );
        assert_eq!(
            refusal(&plan(&[("a", &["b"])])),
            "step \"a\" depends on \"b\", which is not a step of the plan"
        );
        assert_eq!(
            refusal(&plan(&[
                ("x", &[]),
                ("a", &["c"]),
                ("b", &["a"]),
                ("c", &["b"])
            ])),
            "the steps depend on each other in a cycle: a -> c -> b -> a"
        );
        let mut nameless = plan(&[("a", &[])]);
        nameless.steps[0].name = " ".into();
        assert_eq!(refusal(&nameless), "step \"a\" has an empty name");
    }

    #[test]
    fn paths_outside_the_repository_are_refused_in_every_spelling() {
        for path in [
            "/etc/passwd",
            "../x",
            "a/../../x",
            "~/x",
            "C:\\x",
            "\\\\h\\x",
            "a\\..\\b",
            "",
        ] {
            let mut plan = plan(&[("a", &[])]);
            plan.steps[0].files = vec![path.into()];
            assert!(
                matches!(plan.validate(), Err(PlanError::OutsidePath { .. })),
                "{path:?}"
            );
        }
    }

    #[test]
    fn a_scope_that_is_no_glob_is_refused() {
        let mut plan = plan(&[("a", &[])]);
        plan.steps[0].files = vec!["src/[".into()];
        assert!(refusal(&plan).contains("not a valid glob"));
    }
}
