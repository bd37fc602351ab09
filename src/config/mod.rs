//! Configuration: several layers, merged into one checked [`Config`] of plain data.
//!
//! [`load`] finds the files, lays them, the environment and the flags over the defaults, and
//! checks the whole; every problem names its file, line and column. Layers are JSON values until
//! they are merged, and one schema checks them all. Start reading there: every key is in it.
//!
//! [`known`] is what the shipped catalogue says of a model; what the files leave out comes from it.
//!
//! [`environment`] is the only function of rgpt that reads the environment.

mod catalogue;
mod environment;
mod error;
mod files;
mod json_schema;
mod key_path;
mod keys;
mod layer;
mod load;
mod merge;
mod nearest;
mod ordered;
mod rules;
mod schema;
mod settings;
mod shape;
mod show;
#[cfg(test)]
mod tests;
mod text_rules;
mod trust;
mod units;
mod untrusted;
mod variables;
mod yaml;

pub use catalogue::{KnownModel, Ollama, first_choice, known};
pub use environment::{Environment, environment};
pub use error::{ConfigError, Place, Problem};
pub use files::config_home;
pub use json_schema::json_schema;
pub use keys::{MissingKey, missing_keys};
pub use layer::{FileTrust, LayerKind};
pub use load::{LoadRequest, Loaded, LoadedFile, Origin, load};
pub use settings::{
    Budget, Cache, Cap, CheckConfig, Choose, Config, Effort, Execution, FindingLimits, LogFormat,
    Logging, ModelConfig, Network, OnStepFailure, PhaseConfig, Policy, PolicyMode, Price, Provider,
    ProviderKind, ProviderLimits, Pull, Release, ReleaseCommits, ReleaseMode, ReportFormat, Runner,
    Sandbox, SetupConfig, WorkspaceConfig,
};
pub use show::{ShownValue, canonical_json, from_canonical_json, show};
pub use text_rules::image as check_image;
pub use trust::TrustStore;
