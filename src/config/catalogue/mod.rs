//! The models that rgpt knows of, shipped as data: prices, windows, capabilities, each with its date
//! and source; and who does what where no models are configured.
//!
//! [`known`] finds a model's entry. [`layer`] makes of the entries a layer of configuration below
//! every other but the defaults, so that whatever a person wrote wins, key by key.

mod layer;
mod local;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::civil::Date;
use serde::Deserialize;

use super::settings::{Price, ProviderKind};

pub(super) use layer::layer;
pub use local::Ollama;

static SHIPPED: LazyLock<Catalogue> = LazyLock::new(|| {
    // A test reads it, so it can be read.
    serde_yaml::from_str(include_str!("../catalogue.yaml")).unwrap_or_default()
});

/// Days after which what an entry says may no longer be so.
const FRESH_DAYS: i32 = 180;

/// Days before its end from which on a model's end is worth a word.
const ENDING_DAYS: i32 = 60;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    /// What one answer may be where nothing else is said, in tokens.
    answer: u32,
    models: Vec<KnownModel>,
    /// Models by agent, in order of preference.
    routes: BTreeMap<String, Vec<String>>,
}

/// What is known of a model.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownModel {
    /// The protocol of its provider.
    pub kind: ProviderKind,
    /// Its name at the provider; dated snapshots of it have a date behind that.
    pub name: String,
    /// Other names for it.
    #[serde(default)]
    also: Vec<String>,
    /// The most tokens of prompt and answer together.
    pub context_window: u64,
    /// How many of them are used where the configuration does not say.
    usual_window: Option<u64>,
    /// The most tokens of one answer.
    pub max_output: u32,
    /// What it costs, where that is known.
    pub price: Option<Price>,
    /// How well it reasons, 0 to 1: an order of rgpt's own.
    pub reasoning: f64,
    tools: bool,
    json: bool,
    temperature: bool,
    effort: bool,
    /// Models of one family are told things in the same way.
    pub family: String,
    /// The last day on which it can be asked.
    pub ends: Option<Date>,
    /// The day for which the source says all this.
    pub as_of: Date,
    /// The vendor's page.
    pub source: String,
}

/// What is known of the model of this name at a provider of this kind.
pub fn known(kind: ProviderKind, name: &str) -> Option<&'static KnownModel> {
    let of_kind = || SHIPPED.models.iter().filter(|model| model.kind == kind);
    of_kind()
        .find(|model| model.name == name || model.also.iter().any(|other| other == name))
        .or_else(|| of_kind().find(|model| model.is_stood_for_by(name)))
}

/// The model that a builder is given first at providers of this kind.
pub fn first_choice(kind: ProviderKind) -> Option<&'static KnownModel> {
    let mut route = SHIPPED.routes.get("builder").into_iter().flatten();
    route.find_map(|name| known(kind, name))
}

impl KnownModel {
    /// Whether a name is that of a dated snapshot, or at Ollama of a tag that runs at home.
    fn is_stood_for_by(&self, name: &str) -> bool {
        let Some(rest) = name.strip_prefix(&self.name) else {
            return false;
        };
        if self.kind == ProviderKind::Ollama {
            return rest.starts_with(':') && !rest.ends_with("cloud");
        }
        // `claude-opus-5` has a snapshot `-20260724`; `-5` makes it another model.
        let digits = rest.chars().filter(char::is_ascii_digit).count();
        let dated = |c: char| c.is_ascii_digit() || c == '-';
        rest.starts_with('-') && rest.chars().all(dated) && digits >= 3
    }

    /// Whether what is said here may no longer be so.
    pub fn is_stale(&self, today: Date) -> bool {
        days(self.as_of, today) > FRESH_DAYS
    }

    /// The last day on which it can be asked, if that is near or over.
    pub fn is_ending(&self, today: Date) -> Option<Date> {
        self.ends.filter(|end| days(today, *end) <= ENDING_DAYS)
    }
}

/// From one day to another; negative if that lies before it.
fn days(from: Date, to: Date) -> i32 {
    from.until(to).map_or(0, |span| span.get_days())
}
