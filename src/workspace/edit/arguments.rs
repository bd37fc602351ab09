//! The arguments of a model's tool call: untrusted, checked one by one, with errors that say what is wanted.

use serde_json::Value;

use super::ToolError;
use crate::domain::message::ToolCall;
use crate::policy::path;

/// The arguments of one call.
pub(in crate::workspace) struct Arguments<'a> {
    call: &'a ToolCall,
}

impl<'a> Arguments<'a> {
    /// The arguments of `call`.
    pub(in crate::workspace) fn of(call: &'a ToolCall) -> Result<Self, ToolError> {
        if call.arguments.is_object() {
            return Ok(Self { call });
        }
        Err(ToolError::Mistake(format!(
            "the arguments of {} must be a JSON object",
            call.name
        )))
    }

    /// A text that must be there.
    pub(in crate::workspace) fn text(&self, name: &str) -> Result<&'a str, ToolError> {
        self.optional_text(name)?
            .ok_or_else(|| ToolError::Mistake(format!("{} needs `{name}`", self.call.name)))
    }

    /// A text that may be missing.
    pub(in crate::workspace) fn optional_text(
        &self,
        name: &str,
    ) -> Result<Option<&'a str>, ToolError> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(name, "text", other)),
        }
    }

    /// A whole number that may be missing. Digits in a text count as one.
    pub(in crate::workspace) fn optional_number(
        &self,
        name: &str,
    ) -> Result<Option<u64>, ToolError> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let number = match value {
            Value::String(digits) => digits.trim().parse().ok(),
            other => other.as_u64(),
        };
        match number {
            Some(number) => Ok(Some(number)),
            None => Err(self.wrong(name, "a whole number", value)),
        }
    }

    /// A yes or no; no if it is missing.
    pub(in crate::workspace) fn flag(&self, name: &str) -> Result<bool, ToolError> {
        match self.value(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(self.wrong(name, "true or false", other)),
        }
    }

    /// The argument `path` in canonical form.
    pub(in crate::workspace) fn path(&self) -> Result<String, ToolError> {
        Ok(path::canonical(self.text("path")?)?)
    }

    /// The folder in the argument `path` in canonical form; none for the root.
    pub(in crate::workspace) fn folder(&self) -> Result<Option<String>, ToolError> {
        let given = self.optional_text("path")?.unwrap_or(".");
        match given.trim_end_matches('/') {
            "." | "./." => Ok(None),
            "" if given.is_empty() => Ok(None),
            folder => Ok(Some(path::canonical(folder)?)),
        }
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.call
            .arguments
            .get(name)
            .filter(|value| !value.is_null())
    }

    fn wrong(&self, name: &str, wanted: &str, got: &Value) -> ToolError {
        let got: String = got.to_string().chars().take(80).collect();
        ToolError::Mistake(format!(
            "`{name}` of {} must be {wanted}, not {got}",
            self.call.name
        ))
    }
}
