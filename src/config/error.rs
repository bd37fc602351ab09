//! What is wrong with a configuration, where, and what to do about it.

use std::fmt;
use std::path::PathBuf;

use super::key_path::KeyPath;

/// How many problems of one layer or stage are told. Finding the place of each costs a walk through
/// its file, and no one reads more.
pub(super) const MOST_PROBLEMS: usize = 20;

/// The configuration cannot be used. Its text is one line for each [`Problem`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.lines())]
pub struct ConfigError {
    /// What is wrong, in the order of the layers; never empty.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands, as far as that is known.
    pub place: Option<Place>,
    /// The dotted path of the setting; empty if the problem is the file itself.
    pub path: String,
    /// What is wrong: a lowercase fragment.
    pub what: String,
    /// What to type or change to get on.
    pub hints: Vec<String>,
}

/// Where a setting stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file, at a line and column counted from 1 where known.
    File {
        /// The file.
        path: PathBuf,
        /// Line and column.
        position: Option<(usize, usize)>,
    },
    /// In an environment variable of this name.
    Variable(String),
    /// On the command line.
    CommandLine,
}

impl ConfigError {
    /// The hints of all problems, each once.
    pub fn hints(&self) -> Vec<&str> {
        let mut hints: Vec<&str> = Vec::new();
        for hint in self.problems.iter().flat_map(|problem| &problem.hints) {
            if !hints.contains(&hint.as_str()) {
                hints.push(hint);
            }
        }
        hints
    }

    /// `Ok` if there is no problem.
    pub(super) fn none_of(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Self { problems })
        }
    }

    fn lines(&self) -> String {
        let lines: Vec<String> = self.problems.iter().map(Problem::to_string).collect();
        lines.join("\n")
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
        }
    }
}

impl Problem {
    pub(super) fn new(place: Option<Place>, path: &KeyPath, what: impl Into<String>) -> Self {
        Self {
            place,
            path: path.to_string(),
            what: what.into(),
            hints: Vec::new(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.what)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, position } => {
                write!(f, "{}", path.display())?;
                match position {
                    Some((line, column)) => write!(f, ":{line}:{column}"),
                    None => Ok(()),
                }
            }
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::CommandLine => f.write_str("command line"),
        }
    }
}
