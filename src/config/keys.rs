//! Which API keys a run will need and does not have.

use std::collections::BTreeSet;

use super::environment::Environment;
use super::rules::used_models;
use super::settings::Config;

/// A provider whose key is not in the environment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingKey {
    /// The provider's name in the configuration.
    pub provider: String,
    /// The variable that should hold its key.
    pub variable: String,
}

/// The keys that are missing for the models that phases name, ordered by provider. A variable that
/// is set to nothing counts as missing.
pub fn missing_keys(config: &Config, environment: &Environment) -> Vec<MissingKey> {
    let missing: BTreeSet<MissingKey> = used_models(config)
        .into_iter()
        .filter_map(|(_, model)| {
            let variable = config.providers.get(&model.provider)?.api_key_env.clone()?;
            let is_set = environment
                .get(&variable)
                .is_some_and(|key| !key.trim().is_empty());
            (!is_set).then(|| MissingKey {
                provider: model.provider.clone(),
                variable,
            })
        })
        .collect();
    missing.into_iter().collect()
}
