//! The file of a scripted model: its replies and when each of them answers.

use std::path::{Path, PathBuf};

use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

use crate::domain::message::ModelRequest;
use crate::domain::phase::SPEAKERS;
use crate::domain::tape::ModelFailure;

use super::super::failure;

/// The replies of a scripted model, in order.
#[derive(Clone, Debug)]
pub struct Script {
    replies: Vec<Reply>,
}

/// One reply and its conditions.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    agent: Option<String>,
    condition: Option<Condition>,
    /// How often it answers; 0 means without limit.
    times: usize,
    pub(super) delay_ms: u64,
    pub(super) content: Content,
}

#[derive(Clone, Debug)]
enum Condition {
    Contains(String),
    Matches(Regex),
}

/// What a reply says.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// Words and tool calls; at least one of them.
    Answer { text: String, tools: Vec<Tool> },
    /// The call fails.
    Failure(ModelFailure),
}

/// A tool call without its id.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tool {
    pub(super) name: String,
    #[serde(default = "no_arguments")]
    pub(super) arguments: Value,
}

fn no_arguments() -> Value {
    Value::Object(serde_json::Map::new())
}

/// Why a script cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// The file cannot be read.
    #[error("cannot read the script {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no script; the message has line and column.
    #[error("the script is not valid: {0}")]
    Syntax(#[from] serde_yaml::Error),
    /// A reply makes no sense.
    #[error("reply {number} of the script {problem}")]
    Reply {
        /// Its place, from 1.
        number: usize,
        /// What is wrong with it.
        problem: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptFile {
    replies: Vec<ReplyEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplyEntry {
    agent: Option<String>,
    contains: Option<String>,
    matches: Option<String>,
    #[serde(default = "once")]
    times: usize,
    #[serde(default)]
    delay_ms: u64,
    json: Option<Value>,
    tools: Option<Vec<Tool>>,
    text: Option<String>,
    error: Option<ErrorEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ErrorEntry {
    status: u16,
    /// In seconds.
    retry_after: Option<f64>,
    #[serde(default)]
    message: String,
}

fn once() -> usize {
    1
}

impl Script {
    /// Reads a script's file.
    ///
    /// # Errors
    /// If it cannot be read or is no script.
    pub fn load(path: &Path) -> Result<Self, ScriptError> {
        let text = std::fs::read_to_string(path).map_err(|source| ScriptError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text)
    }

    /// Reads a script.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let file: ScriptFile = serde_yaml::from_str(text)?;
        let replies = file.replies.into_iter().enumerate().map(|(index, entry)| {
            entry.read().map_err(|problem| ScriptError::Reply {
                number: index + 1,
                problem,
            })
        });
        Ok(Self {
            replies: replies.collect::<Result<_, _>>()?,
        })
    }

    /// The first reply that is not used up and whose conditions hold.
    pub(super) fn reply_to(&self, request: &ModelRequest, used: &[u32]) -> Option<u32> {
        (0_u32..)
            .zip(&self.replies)
            .find(|(index, reply)| {
                let uses = used.iter().filter(|used| *used == index).count();
                (reply.times == 0 || uses < reply.times) && reply.answers(request)
            })
            .map(|(index, _)| index)
    }

    pub(super) fn reply(&self, index: u32) -> Option<&Reply> {
        self.replies.get(usize::try_from(index).ok()?)
    }
}

impl Reply {
    fn answers(&self, request: &ModelRequest) -> bool {
        let words = request.last_words();
        let agent = self.agent.as_deref();
        agent.is_none_or(|agent| agent == request.agent.as_str())
            && match &self.condition {
                None => true,
                Some(Condition::Contains(text)) => words.contains(text.as_str()),
                Some(Condition::Matches(regex)) => regex.is_match(words),
            }
    }
}

impl ReplyEntry {
    fn read(self) -> Result<Reply, String> {
        if let Some(agent) = &self.agent
            && !SPEAKERS.contains(&agent.as_str())
        {
            return Err(format!(
                "names the agent {agent:?}; the agents are {}",
                SPEAKERS.join(", ")
            ));
        }
        let condition = match (self.contains, self.matches) {
            (None, None) => None,
            (Some(text), None) => Some(Condition::Contains(text)),
            (None, Some(regex)) => Some(Condition::Matches(
                Regex::new(&regex).map_err(|error| format!("has a bad `matches`: {error}"))?,
            )),
            (Some(_), Some(_)) => return Err("has both `contains` and `matches`".to_owned()),
        };
        let content = match (self.json, self.tools, self.text, self.error) {
            (Some(json), None, None, None) => Content::Answer {
                text: json.to_string(),
                tools: Vec::new(),
            },
            (None, Some(tools), text, None) if !tools.is_empty() => Content::Answer {
                text: text.unwrap_or_default(),
                tools,
            },
            (None, None, Some(text), None) => Content::Answer {
                text,
                tools: Vec::new(),
            },
            (None, None, None, Some(error)) => Content::Failure(error.read()?),
            _ => {
                return Err(
                    "needs exactly one of `json`, `tools` (with or without `text`), `text` and `error`"
                        .to_owned(),
                );
            }
        };
        Ok(Reply {
            agent: self.agent,
            condition,
            times: self.times,
            delay_ms: self.delay_ms,
            content,
        })
    }
}

impl ErrorEntry {
    fn read(self) -> Result<ModelFailure, String> {
        let kind = failure::kind_of_status(self.status)
            .ok_or_else(|| format!("has the status {}, which is no error", self.status))?;
        let retry_after_ms = match self.retry_after {
            None => None,
            Some(seconds) => {
                let wait = std::time::Duration::try_from_secs_f64(seconds)
                    .map_err(|_| format!("has a bad `retry_after`: {seconds}"))?;
                Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
            }
        };
        let message = format!("the script answered {}: {}", self.status, self.message);
        Ok(ModelFailure {
            status: Some(self.status),
            retry_after_ms,
            ..ModelFailure::new(kind, message.trim_end_matches(": "))
        })
    }
}
