//! The environment of the process, read once and then passed along as data.

use std::collections::BTreeMap;

/// The environment variables as they were when rgpt started. Variables that are not UTF-8 are
/// left out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The value of `name`; `None` if it is not set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All variables as a map.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// All variables, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self(
            variables
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

/// Names only: the values may be keys.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Reads the environment of this process.
pub fn environment() -> Environment {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one home of the environment: everything else takes it as data"
    )]
    let variables = std::env::vars_os();
    variables
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_shows_names_but_no_values() {
        let environment = Environment::from_iter([("OPENAI_API_KEY", "hunter2")]);
        assert_eq!(format!("{environment:?}"), "{\"OPENAI_API_KEY\"}");
    }
}
