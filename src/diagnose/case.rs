//! A case as it is written: one JSON object. Whatever is missing or `null` counts as not known.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// A failure to be named, with all that is known of it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Case {
    /// Its name, given back with the answer.
    pub id: Value,
    /// What kind of thing failed.
    #[serde(deserialize_with = "known")]
    pub kind: Kind,
    /// The command line, for commands.
    #[serde(deserialize_with = "or_default")]
    pub command: String,
    /// How it ended; none if a signal or the time limit ended it.
    pub exit_code: Option<i32>,
    /// The signal that ended it, as `SIGKILL`.
    pub signal: Option<String>,
    /// Whether the caller killed it at its time limit.
    #[serde(deserialize_with = "or_default")]
    pub timed_out: bool,
    /// What it said.
    #[serde(deserialize_with = "or_default")]
    pub stdout: String,
    /// What it said on the other stream.
    #[serde(deserialize_with = "or_default")]
    pub stderr: String,
    /// Its reports, by their format.
    #[serde(deserialize_with = "or_default")]
    pub reports: BTreeMap<String, ReportFile>,
    /// What was asked of a model.
    #[serde(deserialize_with = "or_default")]
    pub request: Request,
    /// What the model answered.
    #[serde(deserialize_with = "or_default")]
    pub response: Response,
    /// What came over the wire.
    #[serde(deserialize_with = "or_default")]
    pub http: HttpAnswer,
    /// A plan as it was proposed.
    pub plan: Value,
    /// An act as it was proposed.
    #[serde(deserialize_with = "or_default")]
    pub action: Action,
    /// What plans and acts are held against; none if nothing is said.
    pub policy: Option<Policy>,
    /// What is known of the project.
    #[serde(deserialize_with = "or_default")]
    pub context: Context,
    /// Earlier attempts at the same, oldest first.
    #[serde(deserialize_with = "or_default")]
    pub history: Vec<Attempt>,
}

/// What kind of thing failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A command that was run.
    #[default]
    Command,
    /// A command whose test report counts most.
    TestReport,
    /// What a model said.
    LlmResponse,
    /// A call to a model that came to nothing.
    ProviderHttpError,
    /// A plan.
    Plan,
    /// An act that was proposed.
    Action,
}

/// A report, written to a file or to standard output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ReportFile {
    /// Where it lay.
    #[serde(deserialize_with = "or_default")]
    pub path: String,
    /// The whole of it; none if it stands in standard output.
    pub content: Option<String>,
}

/// What was asked of a model.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Request {
    /// The form its answer must have; empty or unknown: any text.
    #[serde(deserialize_with = "or_default")]
    pub expects: String,
    /// The JSON schema of its answer.
    pub schema: Option<Value>,
    /// The tools it was offered: names, or specifications.
    #[serde(deserialize_with = "or_default")]
    pub tools: Vec<Value>,
}

/// What a model answered.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Response {
    /// Its words.
    #[serde(deserialize_with = "or_default")]
    pub text: String,
    /// Why it ended, in its provider's words.
    #[serde(deserialize_with = "or_default")]
    pub finish_reason: String,
    /// The tools it called.
    #[serde(deserialize_with = "or_default")]
    pub tool_calls: Vec<Call>,
}

/// A tool that was called.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Call {
    /// The tool.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// What it was given: an object, or the text of one.
    pub arguments: Value,
}

/// What came over the wire.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct HttpAnswer {
    /// The status; none if there was no answer.
    pub status: Option<u16>,
    /// The headers.
    #[serde(deserialize_with = "or_default")]
    pub headers: Map<String, Value>,
    /// The body.
    #[serde(deserialize_with = "or_default")]
    pub body: String,
    /// Why there was no answer, or not the whole of it.
    pub transport_error: Option<String>,
    /// Whether a stream was asked for.
    #[serde(deserialize_with = "or_default")]
    pub stream: bool,
}

/// An act that was proposed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Action {
    /// The tool.
    #[serde(deserialize_with = "or_default")]
    pub tool: String,
    /// What it is to be given.
    pub args: Value,
}

/// What plans and acts are held against.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// The folder that nothing may leave.
    #[serde(deserialize_with = "or_default")]
    pub workspace: String,
    /// `deny`, or who may be spoken to.
    #[serde(deserialize_with = "or_default")]
    pub network: String,
    /// The programs that may be run; empty: any.
    #[serde(deserialize_with = "or_default")]
    pub allow_commands: Vec<String>,
    /// What no command may hold; `*` stands for anything.
    #[serde(deserialize_with = "or_default")]
    pub deny_patterns: Vec<String>,
    /// Files and folders that may not be touched.
    #[serde(deserialize_with = "or_default")]
    pub protected_paths: Vec<String>,
}

/// What is known of the project.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Context {
    /// Its files before.
    #[serde(deserialize_with = "or_default")]
    pub project_files: Vec<String>,
    /// The files that the step edited.
    #[serde(deserialize_with = "or_default")]
    pub changed_files: Vec<String>,
    /// The dependencies it declares.
    #[serde(deserialize_with = "or_default")]
    pub declared_deps: Vec<String>,
    /// Files whose content is a model's raw output.
    #[serde(deserialize_with = "or_default")]
    pub generated_by_model: Vec<String>,
    /// What some of its files hold.
    #[serde(deserialize_with = "or_default")]
    pub file_contents: BTreeMap<String, String>,
}

/// An earlier attempt.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Attempt {
    /// How the command ended then.
    pub exit_code: Option<i32>,
    /// Whether the tree was another one.
    #[serde(deserialize_with = "or_default")]
    pub tree_changed: bool,
    /// What the model called then.
    #[serde(deserialize_with = "or_default")]
    pub tool_calls: Vec<Call>,
    /// What the model said then.
    #[serde(deserialize_with = "or_default")]
    pub text: String,
}

impl Case {
    /// Reads a case.
    ///
    /// # Errors
    /// What is wrong with it, with the id as far as it has one.
    pub fn read(line: &[u8]) -> Result<Self, Unreadable> {
        let text = String::from_utf8_lossy(line);
        let value: Value = serde_json::from_str(&text).map_err(|error| Unreadable {
            id: Value::Null,
            why: format!("the line is not JSON: {error}"),
        })?;
        let id = value.get("id").cloned().unwrap_or_default();
        if !value.is_object() {
            let why = "the line is JSON, but not an object".to_owned();
            return Err(Unreadable { id, why });
        }
        serde_json::from_value(value).map_err(|error| Unreadable {
            id,
            why: format!("the case cannot be read: {error}"),
        })
    }
}

/// Why a line is no case.
#[derive(Clone, Debug, PartialEq)]
pub struct Unreadable {
    /// The case's name, if it has one.
    pub id: Value,
    /// What is wrong.
    pub why: String,
}

fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// A kind must be known if it is named, for each is judged by other rules.
fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
    or_default(deserializer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_said_is_not_known() {
        let case = Case::read(br#"{"id": 7, "exit_code": null, "stdout": null, "new": [1]}"#);
        let case = case.expect("a case");
        assert_eq!((case.id, case.kind), (json!(7), Kind::Command));
        assert_eq!((case.exit_code, case.stdout.as_str()), (None, ""));
    }

    #[test]
    fn a_line_that_is_no_case_says_why_and_whose_it_is() {
        let why = |line: &[u8]| Case::read(line).expect_err("unreadable");
        assert!(why(b"{").why.starts_with("the line is not JSON"));
        assert!(why(b"[1]").why.contains("not an object"));
        let odd = why(br#"{"id": "x", "kind": "dream"}"#);
        assert_eq!(odd.id, json!("x"));
        assert!(odd.why.contains("dream"), "{}", odd.why);
    }
}
