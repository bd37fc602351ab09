//! Where in the configuration something stands: `checks.test.timeout`.

use std::fmt;

/// One step down a tree of settings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Segment {
    /// The value of a key.
    Key(String),
    /// An item of a list, counted from 0.
    Item(usize),
}

/// The way from the root to a setting.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyPath(pub(super) Vec<Segment>);

impl KeyPath {
    /// The path whose keys are `keys`.
    pub(super) fn of<S: AsRef<str>>(keys: impl IntoIterator<Item = S>) -> Self {
        Self(
            keys.into_iter()
                .map(|key| Segment::Key(key.as_ref().to_owned()))
                .collect(),
        )
    }

    /// This path and one key more.
    pub(super) fn key(&self, key: &str) -> Self {
        self.with(Segment::Key(key.to_owned()))
    }

    /// This path and one item more.
    pub(super) fn item(&self, index: usize) -> Self {
        self.with(Segment::Item(index))
    }

    /// The way to what holds this; `None` at the root.
    pub(super) fn parent(&self) -> Option<Self> {
        let (_, holder) = self.0.split_last()?;
        Some(Self(holder.to_vec()))
    }

    /// Whether `self` is `above` or lies below it.
    pub(super) fn is_within(&self, above: &Self) -> bool {
        self.0.starts_with(&above.0)
    }

    fn with(&self, segment: Segment) -> Self {
        let mut segments = self.0.clone();
        segments.push(segment);
        Self(segments)
    }
}

/// Dotted; a key that itself holds a dot or a space is quoted.
impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Item(index) => write!(f, "[{index}]")?,
                Segment::Key(key) => {
                    if position > 0 {
                        f.write_str(".")?;
                    }
                    let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
                    if !key.is_empty() && key.chars().all(plain) {
                        f.write_str(key)?;
                    } else {
                        write!(f, "{key:?}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_dotted_keys_with_odd_keys_quoted() {
        let path = KeyPath::of(["models", "gpt-4.1", "price"]);
        assert_eq!(path.to_string(), "models.\"gpt-4.1\".price");
        let path = KeyPath::of(["workspace", "setup"]).item(2).key("command");
        assert_eq!(path.to_string(), "workspace.setup[2].command");
    }
}
