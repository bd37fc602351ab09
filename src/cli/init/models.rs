//! The person's models: which they could use here, and the file in which they say so.

use std::fmt::Write as _;
use std::path::Path;

use crate::config::{self, Environment, Loaded, ProviderKind};
use crate::engine;
use crate::llm::Mesh;
use crate::workspace::repository::UserRepository;

use super::super::{Global, open};

/// A provider as it would be configured.
struct Known {
    provider: &'static str,
    kind: ProviderKind,
    /// The settings of the provider.
    settings: &'static [(&'static str, &'static str)],
    /// The variable that holds the key.
    key: Option<&'static str>,
    /// The name that the model is given here.
    model: &'static str,
    /// Where the names of models are found.
    about: &'static str,
}

const AT_THE_PROVIDER: &str = "its name at the provider; take the one you want";

const KNOWN: [Known; 4] = [
    Known {
        provider: "anthropic",
        kind: ProviderKind::Anthropic,
        settings: &[("kind", "anthropic")],
        key: Some("ANTHROPIC_API_KEY"),
        model: "claude",
        about: AT_THE_PROVIDER,
    },
    Known {
        provider: "openai",
        kind: ProviderKind::OpenAi,
        settings: &[("kind", "openai"), ("api", "responses")],
        key: Some("OPENAI_API_KEY"),
        model: "gpt",
        about: AT_THE_PROVIDER,
    },
    Known {
        provider: "gemini",
        kind: ProviderKind::Gemini,
        settings: &[("kind", "gemini")],
        key: Some("GEMINI_API_KEY"),
        model: "gemini",
        about: AT_THE_PROVIDER,
    },
    Known {
        provider: "ollama",
        kind: ProviderKind::Ollama,
        settings: &[("kind", "ollama")],
        key: None,
        model: "local",
        about: "one that `ollama list` shows",
    },
];

/// What the person has.
#[derive(Default)]
pub(super) struct Models {
    /// Why planner or builder have nobody to ask, and what to do about it; none if they have.
    trouble: Option<(String, Option<String>)>,
    /// What models were chosen for, where none are configured.
    chosen_for: Vec<String>,
    /// The models that were chosen, by agent.
    chosen: Vec<(String, Vec<String>)>,
    /// The variables of [`KNOWN`] that hold something.
    keys: Vec<&'static str>,
}

impl Models {
    /// Looks at the configuration, the environment, and for an Ollama on this machine.
    pub(super) fn of(
        folder: &Path,
        global: &Global,
        environment: &Environment,
        repository: Option<&UserRepository>,
    ) -> Self {
        let is_set = |name: &&str| {
            environment
                .get(name)
                .is_some_and(|key| !key.trim().is_empty())
        };
        let keys = KNOWN.iter().filter_map(|known| known.key);
        let mut models = Self {
            keys: keys.filter(is_set).collect(),
            ..Self::default()
        };
        let loaded = open::configuration(global, environment, folder, repository, Vec::new());
        match loaded {
            Err(failure) => models.trouble = Some((failure.message, None)),
            Ok(mut loaded) => match open::with_local_models(&mut loaded, environment) {
                Err(failure) => models.trouble = Some((failure.message, None)),
                Ok(()) => models.look_at(loaded, environment),
            },
        }
        models
    }

    fn look_at(&mut self, loaded: Loaded, environment: &Environment) {
        let mesh = Mesh::new(&loaded.config, environment.variables(), &open::clock());
        let checked = engine::require_models(&loaded.config, &mesh, environment);
        self.trouble = checked.err().map(|error| (error.to_string(), error.hint()));
        if !loaded.chosen_for.is_empty() {
            self.chosen_for = loaded.chosen_for;
            let phases = loaded.config.phases.into_iter();
            self.chosen = phases.map(|(agent, phase)| (agent, phase.models)).collect();
        }
    }

    /// Whether the person has said who answers, and it is so.
    pub(super) fn are_configured(&self) -> bool {
        self.trouble.is_none() && self.chosen_for.is_empty()
    }

    /// The names of the models that are used, though none are configured.
    pub(super) fn chosen(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for name in self.chosen.iter().flat_map(|(_, names)| names) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names
    }

    /// What is missing, and what to do about it.
    pub(super) fn missing(&self) -> Option<(String, String)> {
        let (why, hint) = self.trouble.as_ref()?;
        if !self.chosen_for.is_empty() {
            let usual = || "choose another one in orchestrator.local.yaml".to_owned();
            return Some((why.clone(), hint.clone().unwrap_or_else(usual)));
        }
        let what = "no model: planner and builder have nobody to ask".to_owned();
        let hint = "export the key of a provider, as in ANTHROPIC_API_KEY=…, or name a model in \
                    orchestrator.local.yaml";
        Some((what, hint.to_owned()))
    }
}

/// The person's own file: nothing in it is in force, all of it can be.
pub(super) fn text(models: &Models) -> String {
    let mut text = String::from(
        "# Yours alone: who answers for rgpt in this repository. Keep this file out of git.\n\
         # A key never stands here, only the name of the environment variable that holds it.\n\
         # In ~/.config/rgpt/config.yaml the same settings hold for all your repositories.\n\
         #\n\
         # What stands behind a `#` is not in force. Where no models are named at all, rgpt chooses\n\
         # for the keys that are set; `rgpt models` shows them.\n",
    );
    if !models.chosen_for.is_empty() {
        let _ = writeln!(text, "# Chosen now, for {}:", models.chosen_for.join(", "));
        for (agent, names) in &models.chosen {
            let _ = writeln!(text, "#   {agent}: {}", names.join(", "));
        }
    }
    text.push_str(
        "# To choose yourself, take the `#` away, here and under models and phases. `rgpt doctor`\n\
         # says whether everything is there, `rgpt models test` whether it does what it should.\n\
         \n#providers:\n",
    );
    for known in &KNOWN {
        if let Some(key) = known.key {
            let is = if models.keys.contains(&key) {
                "is"
            } else {
                "is not"
            };
            let _ = writeln!(text, "  # {key} {is} set");
        }
        let _ = writeln!(text, "#  {}:", known.provider);
        for (key, value) in known.settings {
            let _ = writeln!(text, "#    {key}: {value}");
        }
        if let Some(key) = known.key {
            let _ = writeln!(text, "#    api_key_env: {key}");
        }
    }
    text.push_str(
        "\n# Prices, windows and skills of well-known models are known; what you set here wins.\n\
         # Without a price, calls count as free and only budget.tokens holds.\n#models:\n",
    );
    for known in &KNOWN {
        let first = config::first_choice(known.kind).map_or("", |first| first.name.as_str());
        let _ = writeln!(
            text,
            "#  {}:\n#    provider: {}",
            known.model, known.provider
        );
        let line = format!("#    model: {first}");
        let _ = writeln!(text, "{line:<38} # {}", known.about);
    }
    text.push_str(
        "\n# In order of preference. The tester and the releaser need no model.\n#phases:\n",
    );
    let first = KNOWN[0].model;
    for phase in ["planner", "builder"] {
        let _ = writeln!(text, "#  {phase}:\n#    models: [{first}]");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, LoadRequest, load};

    /// What a file with this text comes to.
    fn loaded(text: &str) -> Loaded {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("orchestrator.local.yaml"), text).unwrap();
        let loaded = load(&LoadRequest {
            start: folder.path().to_owned(),
            top: None,
            explicit: None,
            environment: &Environment::default(),
            flags: Vec::new(),
            tracked: &|_| false,
            trusted: &|_| false,
        });
        loaded.unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    #[test]
    fn nothing_in_it_is_in_force_and_what_is_chosen_is_said() {
        let chosen = Models {
            chosen_for: vec!["OPENAI_API_KEY".to_owned()],
            chosen: vec![("builder".to_owned(), vec!["gpt-6.2-sol".to_owned()])],
            keys: vec!["OPENAI_API_KEY"],
            ..Models::default()
        };
        let text = text(&chosen);
        assert_eq!(loaded(&text).config, Config::default());
        for words in [
            "# Chosen now, for OPENAI_API_KEY:\n#   builder: gpt-6.2-sol\n",
            "# OPENAI_API_KEY is set",
            "# GEMINI_API_KEY is not set",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }

    #[test]
    fn everything_in_it_can_be_put_in_force() {
        let none = text(&Models::default());
        let uncommented = none.lines().map(|line| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') || setting.starts_with("  ") => setting,
            _ => line,
        });
        let loaded = loaded(&uncommented.collect::<Vec<_>>().join("\n"));
        let config = &loaded.config;
        assert_eq!(config.models.len(), 4);
        assert_eq!(config.phases["planner"].models, ["claude"]);
        assert!(config.models.values().all(|model| model.price.is_some()));
        assert_eq!(loaded.warnings, [""; 0]);
    }
}
