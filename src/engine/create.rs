//! Making a run: everything that can be refused is refused here, before money is spent.

use anyhow::Context as _;

use crate::config::{self, Config, Environment, OnStepFailure};
use crate::domain::budget::Limits;
use crate::domain::event::{RunCreated, RunOptions};
use crate::domain::id::{CommitId, Digest, RunId, TreeId};
use crate::domain::phase::{Agent, Phase};
use crate::llm::Mesh;
use crate::store::Beginning;
use crate::workspace::repository::UserRepository;
use crate::workspace::share::{self, ShareError};

use super::briefing::model_names;
use super::{Engine, Ground, story};

/// The longest goal, in bytes.
const MAX_GOAL: usize = 64 * 1024;

/// What the branches of runs begin with.
const NAMESPACE: &str = "rgpt";

/// The longest title that is made from a goal, in characters.
const MAX_TITLE: usize = 72;

/// What a person asks for.
#[derive(Clone, Debug, Default)]
pub struct NewRun {
    /// The goal.
    pub goal: String,
    /// A short name; made from the goal if none is given.
    pub title: Option<String>,
    /// The phase after which to stop.
    pub until: Option<Phase>,
    /// Excuse no failure by the baseline.
    pub require_green: bool,
    /// The explicit waiver of checks.
    pub unverified: bool,
    /// Where a person would be asked about an edit outside a step's scope, the answer is yes.
    pub yes: bool,
}

/// Why a run is not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// There is no goal.
    #[error("the goal is empty")]
    EmptyGoal,
    /// The goal is too long to be shown to a model each time.
    #[error("the goal is {size} bytes long; at most {MAX_GOAL} are accepted")]
    LongGoal {
        /// Its size in bytes.
        size: usize,
    },
    /// Nothing could be verified.
    #[error("no checks are configured, and none were found in the repository")]
    NoChecks,
    /// The branches of runs cannot be made.
    #[error("the branch `{NAMESPACE}` keeps branches like `{NAMESPACE}/run-1` from being made")]
    BranchInTheWay,
    /// Nobody could be asked.
    #[error("no model is configured for the {0}")]
    NoModel(Agent),
    /// A model cannot be used.
    #[error("the model {name} for the {agent} cannot be used: {why}")]
    UnusableModel {
        /// Who would ask it.
        agent: Agent,
        /// Its configured name.
        name: String,
        /// Why not.
        why: String,
    },
    /// A variable that holds a key is not set.
    #[error(
        "the environment variable {variable}, which holds the key of the provider {provider}, is not set"
    )]
    MissingKey {
        /// The provider.
        provider: String,
        /// The variable.
        variable: String,
    },
    /// A folder cannot be shared.
    #[error("workspace.share: {0}")]
    Share(#[from] ShareError),
    /// Disk, database or git failed.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

impl CreateError {
    /// What to do or type next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::EmptyGoal => {
                "say what is to be done: rgpt run --goal \"add a --version flag\"".to_owned()
            }
            Self::LongGoal { .. } => {
                "put the details into a file of the repository and name it in the goal".to_owned()
            }
            Self::NoChecks => {
                "write them down: rgpt init; or waive them: rgpt run --unverified --goal …"
                    .to_owned()
            }
            Self::BranchInTheWay => format!("rename it: git branch -m {NAMESPACE} {NAMESPACE}-old"),
            Self::NoModel(agent) => format!(
                "export the key of a provider, as in ANTHROPIC_API_KEY=…; or name one under `phases: {{{agent}: {{models: […]}}}}` in orchestrator.local.yaml or ~/.config/rgpt/config.yaml; see it with: rgpt config show"
            ),
            Self::UnusableModel { why, .. } if why.contains("script") => {
                "correct the script; one to learn from: examples/todo/script.yaml".to_owned()
            }
            Self::UnusableModel { .. } => {
                "name another one under `phases:`; see what is configured: rgpt config show"
                    .to_owned()
            }
            Self::MissingKey { variable, .. } => format!("export {variable}=…"),
            Self::Share(error) => error.hint(),
            Self::Other(_) => return None,
        })
    }
}

impl NewRun {
    /// Checks everything that can be known beforehand to keep the run from its goal. Changes
    /// nothing, so that what is refused leaves no trace.
    ///
    /// # Errors
    /// The first reason for which the run is not made.
    pub fn check(
        &self,
        config: &Config,
        mesh: &Mesh,
        environment: &Environment,
        repository: Option<&UserRepository>,
    ) -> Result<(), CreateError> {
        let goal = self.goal.trim();
        if goal.is_empty() {
            return Err(CreateError::EmptyGoal);
        }
        if goal.len() > MAX_GOAL {
            return Err(CreateError::LongGoal { size: goal.len() });
        }
        if config.checks.is_empty() && !self.unverified {
            return Err(CreateError::NoChecks);
        }
        if let Some(repository) = repository {
            let taken = repository.branch_exists(NAMESPACE);
            if taken.map_err(anyhow::Error::from)? {
                return Err(CreateError::BranchInTheWay);
            }
            share::check(repository, &repository.directory, &config.workspace.share)?;
        }
        require_models(config, mesh, environment)
    }
}

/// Checks that every agent that needs a model has one that can be asked.
///
/// # Errors
/// The first agent for which that is not so.
pub fn require_models(
    config: &Config,
    mesh: &Mesh,
    environment: &Environment,
) -> Result<(), CreateError> {
    if let Some(missing) = config::missing_keys(config, environment).into_iter().next() {
        return Err(CreateError::MissingKey {
            provider: missing.provider,
            variable: missing.variable,
        });
    }
    for agent in Agent::ALL {
        let names = model_names(config, agent);
        if names.is_empty() && matches!(agent, Agent::Planner | Agent::Builder) {
            return Err(CreateError::NoModel(agent));
        }
        for name in names {
            mesh.check(&name)
                .map_err(|failure| CreateError::UnusableModel {
                    agent,
                    name: name.clone(),
                    why: failure.message,
                })?;
        }
    }
    Ok(())
}

impl Engine {
    /// Makes a run; it is pending until it is driven.
    ///
    /// # Errors
    /// As [`NewRun::check`], or if git or the record fail.
    pub fn create(&self, new: &NewRun) -> Result<RunId, CreateError> {
        new.check(
            &self.config,
            &self.mesh,
            &self.environment,
            self.ground.as_ref().map(|ground| &ground.repository),
        )?;
        Ok(self.make(new, new.goal.trim())?)
    }

    fn make(&self, new: &NewRun, goal: &str) -> anyhow::Result<RunId> {
        let origin = match &self.ground {
            Some(ground) => Origin::of(ground)?,
            None => Origin::nowhere(),
        };
        let config = config::canonical_json(&self.config)?;
        let created = RunCreated {
            title: new.title.clone().unwrap_or_else(|| title_of(goal)),
            goal: goal.to_owned(),
            repository: origin.repository,
            directory: origin.directory,
            base_commit: origin.commit,
            base_tree: origin.tree,
            parent: None,
            branch: String::new(),
            limits: self.limits(),
            options: RunOptions {
                until: new.until,
                require_green: new.require_green,
                unverified: new.unverified,
                yes: new.yes,
                candidates: self.config.healing.candidates,
                continue_on_step_failure: self.config.execution.on_step_failure
                    == OnStepFailure::Continue,
            },
            config: Digest::of(config.as_bytes()),
            notes: origin.notes,
        };
        let begin = |run| Beginning {
            created: RunCreated {
                branch: branch_of(run),
                ..created.clone()
            },
            rest: Vec::new(),
        };
        self.begin(&begin, config)
    }

    /// Makes a run under the next number whose branch is free, its configuration kept with it.
    pub(super) fn begin(
        &self,
        begin: &dyn Fn(RunId) -> Beginning,
        config: String,
    ) -> anyhow::Result<RunId> {
        let free = |run| !self.is_taken(run);
        let blobs = [config.into_bytes()];
        let (run, records) = self.store.create_run(&free, begin, &blobs)?;
        // What a fork shares with its source is no news.
        if let Some(last) = records.last() {
            story::event(last, story::Place::default());
            self.bus.event(last);
        }
        Ok(run)
    }

    /// The limits that the configuration sets.
    pub fn limits(&self) -> Limits {
        let budget = &self.config.budget;
        Limits {
            max_retries: self.config.execution.max_retries,
            max_heals: self.config.execution.max_heals,
            usd: budget.usd,
            tokens: budget.tokens,
            attempts: budget.attempts,
            wall_ms: budget
                .wall
                .map(|wall| u64::try_from(wall.as_millis()).unwrap_or(u64::MAX)),
        }
    }

    /// Whether the branch of this run exists already. If git cannot tell now, publishing will.
    fn is_taken(&self, run: RunId) -> bool {
        let Some(ground) = &self.ground else {
            return false;
        };
        let taken = ground.repository.branch_in_the_way(&branch_of(run));
        taken.is_ok_and(|taken| taken.is_some())
    }
}

/// Where a run starts from.
pub(super) struct Origin {
    pub(super) repository: String,
    directory: String,
    commit: CommitId,
    tree: TreeId,
    notes: Vec<String>,
}

impl Origin {
    /// A run without ground starts from nothing.
    fn nowhere() -> Self {
        Self {
            repository: String::new(),
            directory: String::new(),
            commit: "".into(),
            tree: "".into(),
            notes: Vec::new(),
        }
    }

    /// The base commit, brought into rgpt's own git dir.
    pub(super) fn of(ground: &Ground) -> anyhow::Result<Self> {
        let repository = &ground.repository;
        ground
            .own
            .fetch_base(repository, &repository.base_commit)
            .context("cannot bring the base commit into rgpt's own git dir")?;
        Ok(Self {
            repository: repository.top.display().to_string(),
            directory: repository.directory.display().to_string(),
            commit: repository.base_commit.clone(),
            tree: repository.base_tree.clone(),
            notes: notes(repository),
        })
    }
}

/// What the person should know of where the run starts from.
fn notes(repository: &UserRepository) -> Vec<String> {
    let mut notes = Vec::new();
    if repository.dirt.is_some() {
        let (changes, them) = match repository.dirt.changed + repository.dirt.untracked {
            1 => ("1 uncommitted change".to_owned(), "it"),
            number => (format!("{number} uncommitted changes"), "them"),
        };
        notes.push(format!(
            "the working tree has {changes}; the run starts from commit {} without {them}",
            repository.base_commit.short()
        ));
    }
    if repository.branch.is_none() {
        notes.push(format!(
            "HEAD is detached at {}",
            repository.base_commit.short()
        ));
    }
    notes
}

/// The branch that a run's success is published under.
pub(super) fn branch_of(run: RunId) -> String {
    format!("{NAMESPACE}/run-{run}")
}

/// The start of the goal, as a title.
fn title_of(goal: &str) -> String {
    let line = goal.lines().next().unwrap_or_default().trim();
    let line: String = line.chars().filter(|c| !c.is_control()).collect();
    if line.chars().count() <= MAX_TITLE {
        return line;
    }
    let mut title: String = line.chars().take(MAX_TITLE - 1).collect();
    if let Some(end) = title.rfind(' ') {
        title.truncate(end);
    }
    title + "…"
}
