//! Why a verb could not do its work: kind, message, hints and exit code.

use crate::config::ConfigError;
use crate::engine::TakingError;
use crate::engine::{CreateError, ForkError, Unrepeatable};
use crate::store::{DriveError, PrunedRun, StoreError};
use crate::upkeep::{RetentionError, UpkeepError};
use crate::workspace::own::OwnGitError;
use crate::workspace::publish::PublishError;
use crate::workspace::repository::RepositoryError;
use crate::workspace::share::ShareError;
use crate::workspace::worktree::PlaceError;

use super::exit;

/// What a person or a program is told.
#[derive(Debug)]
pub(super) struct Failure {
    /// The class, by the names of the error types, or `USAGE`.
    pub(super) kind: &'static str,
    /// What failed and why, as a lowercase fragment.
    pub(super) message: String,
    /// What to do or type next.
    pub(super) hints: Vec<String>,
    /// The exit code.
    pub(super) exit: u8,
}

impl Failure {
    fn new(kind: &'static str, message: impl Into<String>, hint: Option<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hints: hint.into_iter().collect(),
            exit: exit::COULD_NOT,
        }
    }

    /// Something that a person must set right.
    pub(super) fn config(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new("CONFIG_ERROR", message, Some(hint.into()))
    }

    /// Something about the machine.
    pub(super) fn infra(message: impl Into<String>, hint: Option<String>) -> Self {
        Self::new("INFRA_ERROR", message, hint)
    }

    /// A person asked to stop before there was a result.
    pub(super) fn interrupted(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            exit: exit::STOPPED,
            ..Self::new("INFRA_ERROR", message, Some(hint.into()))
        }
    }

    /// A command line that makes no sense.
    pub(super) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            exit: exit::USAGE,
            ..Self::new("USAGE", message, Some(hint.into()))
        }
    }

    /// The same, where a judging verb was asked to find it.
    pub(super) fn found(self) -> Self {
        Self {
            exit: exit::NOT_REACHED,
            ..self
        }
    }

    /// The same with a hint, if it has none.
    pub(super) fn or_hint(mut self, hint: impl FnOnce() -> String) -> Self {
        if self.hints.is_empty() {
            self.hints.push(hint());
        }
        self
    }

    /// A run that was there once.
    pub(super) fn pruned(run: &PrunedRun) -> Self {
        let hint = match &run.archive {
            Some(archive) => format!("it is archived: rgpt db restore {archive} --state-dir DIR"),
            None => "see which there are: rgpt list".to_owned(),
        };
        Self::config(
            format!("run {} was pruned at {}", run.run, run.pruned_at),
            hint,
        )
    }

    /// A run that there is not.
    pub(super) fn no_run(name: &str) -> Self {
        if name == "latest" {
            return Self::config("there are no runs yet", "make one: rgpt run --goal \"…\"");
        }
        Self::config(
            format!("there is no run {name}"),
            "see which there are: rgpt list",
        )
    }
}

impl From<RepositoryError> for Failure {
    fn from(error: RepositoryError) -> Self {
        Self::new("CONFIG_ERROR", error.to_string(), Some(error.hint()))
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let mut hints: Vec<String> = error.hints().into_iter().map(str::to_owned).collect();
        if hints.is_empty() {
            hints.push("correct it, then look again: rgpt config check".to_owned());
        }
        Self {
            hints,
            ..Self::new("CONFIG_ERROR", error.to_string(), None)
        }
    }
}

impl From<CreateError> for Failure {
    fn from(error: CreateError) -> Self {
        let hint = error.hint();
        match error {
            CreateError::EmptyGoal | CreateError::LongGoal { .. } => Self {
                exit: exit::USAGE,
                ..Self::new("USAGE", error.to_string(), hint)
            },
            CreateError::Other(error) => Self::from(error),
            CreateError::Share(error) => Self::from(error),
            other => Self::new("CONFIG_ERROR", other.to_string(), hint),
        }
    }
}

impl From<ForkError> for Failure {
    fn from(error: ForkError) -> Self {
        let message = error.to_string();
        match error {
            ForkError::NeverBegun { run, .. } | ForkError::NeverFailed(run) => Self::config(
                message,
                format!("do all of it again: rgpt replay --run {run}"),
            ),
            ForkError::Create(error) => error.into(),
            ForkError::Other(error) => error.into(),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self {
            hints: error.hints(),
            ..Self::new("INFRA_ERROR", error.to_string(), None)
        }
    }
}

impl From<UpkeepError> for Failure {
    fn from(error: UpkeepError) -> Self {
        let kind = match &error {
            UpkeepError::Store(_) | UpkeepError::Git(_) | UpkeepError::Io { .. } => "INFRA_ERROR",
            UpkeepError::Busy { .. } | UpkeepError::NoSpace { .. } => "INFRA_ERROR",
            _ => "CONFIG_ERROR",
        };
        Self {
            hints: error.hints(),
            ..Self::new(kind, error.to_string(), None)
        }
    }
}

impl From<RetentionError> for Failure {
    fn from(error: RetentionError) -> Self {
        Self::new("CONFIG_ERROR", error.to_string(), Some(error.hint()))
    }
}

impl From<DriveError> for Failure {
    fn from(error: DriveError) -> Self {
        match error {
            DriveError::Store(error) => error.into(),
            DriveError::Busy { run, .. } => {
                let hint =
                    format!("watch it: rgpt inspect {run}; stop it: rgpt cancel --run {run}");
                Self::new("INFRA_ERROR", error.to_string(), Some(hint))
            }
        }
    }
}

impl From<ShareError> for Failure {
    fn from(error: ShareError) -> Self {
        let kind = match error.is_configuration() {
            true => "CONFIG_ERROR",
            false => "INFRA_ERROR",
        };
        let message = format!("workspace.share: {error}");
        Self::new(kind, message, Some(error.hint()))
    }
}

impl From<OwnGitError> for Failure {
    fn from(error: OwnGitError) -> Self {
        let hint = error.hint().to_owned();
        Self::new("INFRA_ERROR", error.to_string(), Some(hint))
    }
}

impl From<TakingError> for Failure {
    fn from(error: TakingError) -> Self {
        let (hint, refusal) = (error.hint(), error.is_refusal());
        let failure = match error {
            TakingError::Other(error) => return Self::from(error),
            TakingError::Checks { .. } => Self::new("ASSERTION_ERROR", error.to_string(), hint),
            TakingError::Workspace(ref cause) if !refusal => {
                Self::new("INFRA_ERROR", cause.to_string(), hint)
            }
            _ => Self::new("CONFIG_ERROR", error.to_string(), hint),
        };
        if refusal { failure.found() } else { failure }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        let error = match error.downcast::<DriveError>() {
            Ok(busy) => return busy.into(),
            Err(other) => other,
        };
        let error = match error.downcast::<ShareError>() {
            Ok(share) => return share.into(),
            Err(other) => other,
        };
        match error.downcast::<StoreError>() {
            Ok(store) => store.into(),
            Err(other) => Self::new("INFRA_ERROR", format!("{other:#}"), hint_of(&other)),
        }
    }
}

/// The hint of whichever error of the workspace it is.
fn hint_of(error: &anyhow::Error) -> Option<String> {
    error
        .downcast_ref::<PublishError>()
        .map(PublishError::hint)
        .or_else(|| error.downcast_ref::<PlaceError>().map(PlaceError::hint))
        .or_else(|| error.downcast_ref::<Unrepeatable>().map(Unrepeatable::hint))
        .or_else(|| {
            let own = error.downcast_ref::<OwnGitError>();
            own.map(|error| error.hint().to_owned())
        })
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new("INFRA_ERROR", error.to_string(), None)
    }
}
