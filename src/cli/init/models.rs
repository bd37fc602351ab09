//! The person's models: which they could use here, and the file in which they say so.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::config::{Config, Environment};
use crate::engine;
use crate::llm::Mesh;
use crate::workspace::repository::UserRepository;

use super::super::{Global, open};

/// Long for a connection within the machine.
const PATIENCE: Duration = Duration::from_millis(100);

const OLLAMA_PORT: u16 = 11434;

/// A provider as it would be configured.
struct Known {
    provider: &'static str,
    /// The settings of the provider.
    settings: &'static [(&'static str, &'static str)],
    /// The variable that holds the key.
    key: Option<&'static str>,
    /// The name that the model is given here, and its name there.
    model: (&'static str, &'static str),
    /// Where the names of models are found.
    about: &'static str,
}

const KNOWN: [Known; 4] = [
    Known {
        provider: "anthropic",
        settings: &[("kind", "anthropic")],
        key: Some("ANTHROPIC_API_KEY"),
        model: ("claude", "claude-sonnet-4-6"),
        about: "its name at the provider; take the one you want",
    },
    Known {
        provider: "openai",
        settings: &[("kind", "openai"), ("api", "chat")],
        key: Some("OPENAI_API_KEY"),
        model: ("gpt", "gpt-4.1"),
        about: "its name at the provider; take the one you want",
    },
    Known {
        provider: "gemini",
        settings: &[("kind", "gemini")],
        key: Some("GEMINI_API_KEY"),
        model: ("gemini", "gemini-2.5-pro"),
        about: "its name at the provider; take the one you want",
    },
    Known {
        provider: "ollama",
        settings: &[("kind", "ollama")],
        key: None,
        model: ("local", "qwen3-coder"),
        about: "one that `ollama list` shows",
    },
];

/// What the person has.
pub(super) struct Models {
    /// Whether planner and builder have a model already.
    pub(super) ready: bool,
    /// For each of [`KNOWN`].
    found: Vec<Found>,
}

/// How things stand with a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// There is a key, and this version can ask.
    Usable,
    /// There is a key or a server, but more is needed.
    Nearly(&'static str),
    /// Nothing points to it.
    Absent,
}

impl Models {
    /// Looks at the configuration, the environment, and for an Ollama on this machine.
    pub(super) fn of(
        folder: &Path,
        global: &Global,
        environment: &Environment,
        repository: Option<&UserRepository>,
    ) -> Self {
        let loaded = open::configuration(global, environment, folder, repository, Vec::new());
        let ready = loaded.is_ok_and(|loaded| {
            let mesh = Mesh::new(&loaded.config, environment.variables(), &open::clock());
            engine::require_models(&loaded.config, &mesh, environment).is_ok()
        });
        let found = KNOWN.iter().map(|known| known.found(environment)).collect();
        Self { ready, found }
    }

    /// The names of the models that the file puts to use.
    pub(super) fn chosen(&self) -> Vec<&'static str> {
        let usable = KNOWN.iter().zip(&self.found);
        let usable = usable.filter(|(_, found)| !self.ready && **found == Found::Usable);
        usable.map(|(known, _)| known.model.0).collect()
    }

    /// What is missing, and what to do about it.
    pub(super) fn missing(&self) -> Option<(String, String)> {
        if self.ready || !self.chosen().is_empty() {
            return None;
        }
        let keyed = self.found.iter().any(|found| *found != Found::Absent);
        let what = "no model: planner and builder have nobody to ask".to_owned();
        let hint = match keyed {
            true => "choose one in orchestrator.local.yaml: take the # away there".to_owned(),
            false => {
                "export the key of a provider, as in ANTHROPIC_API_KEY=…, and take the # away \
                      from it in orchestrator.local.yaml"
                    .to_owned()
            }
        };
        Some((what, hint))
    }
}

impl Known {
    fn found(&self, environment: &Environment) -> Found {
        let set = |name| {
            environment
                .get(name)
                .is_some_and(|key| !key.trim().is_empty())
        };
        match self.key {
            None if answers(environment.get("OLLAMA_HOST")) => {
                Found::Nearly("a server answers on this machine: name one of its models")
            }
            Some(key) if set(key) && self.can_be_asked(environment) => Found::Usable,
            Some(key) if set(key) => {
                Found::Nearly("its key is set, but this version cannot speak to it yet")
            }
            _ => Found::Absent,
        }
    }

    /// Whether this version speaks its protocol.
    fn can_be_asked(&self, environment: &Environment) -> bool {
        let mut provider = json!({"api_key_env": self.key});
        for (key, value) in self.settings {
            provider[*key] = (*value).into();
        }
        let (name, model) = self.model;
        let config = serde_json::from_value::<Config>(json!({
            "providers": {self.provider: provider},
            "models": {name: {"provider": self.provider, "model": model}},
        }));
        config.is_ok_and(|config| {
            Mesh::new(&config, environment.variables(), &open::clock())
                .check(name)
                .is_ok()
        })
    }
}

/// Whether something listens where Ollama does, on this machine: others are not asked.
fn answers(host: Option<&str>) -> bool {
    let address = match host {
        None => Some(SocketAddr::from((Ipv4Addr::LOCALHOST, OLLAMA_PORT))),
        Some(host) => local_address(host),
    };
    address.is_some_and(|address| TcpStream::connect_timeout(&address, PATIENCE).is_ok())
}

/// The address that `OLLAMA_HOST` names, if it is one of this machine's own.
fn local_address(host: &str) -> Option<SocketAddr> {
    let host = host
        .trim()
        .trim_start_matches("http://")
        .trim_end_matches('/');
    let host = host.replacen("localhost", "127.0.0.1", 1);
    let address = host
        .parse::<SocketAddr>()
        .or_else(|_| {
            host.parse::<IpAddr>()
                .map(|ip| SocketAddr::new(ip, OLLAMA_PORT))
        })
        .ok()?;
    address.ip().is_loopback().then_some(address)
}

/// The person's own file: what is there in force, everything else behind a `#`.
pub(super) fn text(models: &Models) -> String {
    let mut text = String::from(
        "# Yours alone: who answers for rgpt in this repository. Keep this file out of git.\n\
         # A key never stands here, only the name of the environment variable that holds it.\n\
         # In ~/.config/rgpt/config.yaml the same settings hold for all your repositories.\n\
         #\n\
         # What stands behind a `#` is not in force: take the `#` away to use it, here and under\n\
         # models and phases. `rgpt doctor` says whether everything is there.\n",
    );
    let chosen = models.chosen();
    let heading = if chosen.is_empty() { "#" } else { "" };
    let _ = writeln!(text, "\n{heading}providers:");
    for (known, found) in KNOWN.iter().zip(&models.found) {
        let mark = mark(*found);
        let _ = match (found, known.key) {
            (Found::Nearly(why), _) => writeln!(text, "  # {why}"),
            (Found::Absent, Some(key)) => writeln!(text, "  # {key} is not set"),
            _ => Ok(()),
        };
        let _ = writeln!(text, "{mark}  {}:", known.provider);
        for (key, value) in known.settings {
            let _ = writeln!(text, "{mark}    {key}: {value}");
        }
        if let Some(key) = known.key {
            let _ = writeln!(text, "{mark}    api_key_env: {key}");
        }
    }
    let _ = writeln!(
        text,
        "\n# Without a price, calls count as free and only budget.tokens holds."
    );
    let _ = writeln!(text, "{heading}models:");
    for (known, found) in KNOWN.iter().zip(&models.found) {
        let (name, model) = known.model;
        let mark = mark(*found);
        let _ = writeln!(
            text,
            "{mark}  {name}:\n{mark}    provider: {}",
            known.provider
        );
        let line = format!("{mark}    model: {model}");
        let _ = writeln!(text, "{line:<38} # {}", known.about);
    }
    let first = chosen.first().unwrap_or(&KNOWN[0].model.0);
    let _ = writeln!(
        text,
        "\n# In order of preference. The tester and the releaser need no model."
    );
    let _ = writeln!(text, "{heading}phases:");
    for phase in ["planner", "builder"] {
        let _ = writeln!(text, "{heading}  {phase}:\n{heading}    models: [{first}]");
    }
    text
}

fn mark(found: Found) -> &'static str {
    if found == Found::Usable { "" } else { "#" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{LoadRequest, Loaded, load};

    fn models(found: [Found; 4]) -> Models {
        Models {
            ready: false,
            found: found.to_vec(),
        }
    }

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
    fn only_what_can_be_asked_is_in_force() {
        use Found::{Absent, Nearly, Usable};
        let config = loaded(&text(&models([Absent, Usable, Nearly("why"), Absent]))).config;
        let names: Vec<&String> = config.models.keys().collect();
        assert_eq!(names, ["gpt"]);
        assert_eq!(config.phases["builder"].models, ["gpt"]);
        assert_eq!(
            config.providers["openai"].api_key_env.as_deref(),
            Some("OPENAI_API_KEY")
        );
        let nothing = loaded(&text(&models([Absent; 4]))).config;
        assert_eq!(nothing, Config::default());
    }

    #[test]
    fn everything_in_it_can_be_put_in_force() {
        let all = models([Found::Usable; 4]);
        assert_eq!(all.chosen(), ["claude", "gpt", "gemini", "local"]);
        assert_eq!(loaded(&text(&all)).config.models.len(), 4);
        let none = text(&models([Found::Absent; 4]));
        let uncommented = none.lines().map(|line| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') || setting.starts_with("  ") => setting,
            _ => line,
        });
        let config = loaded(&uncommented.collect::<Vec<_>>().join("\n")).config;
        assert_eq!(config.models.len(), 4);
        assert_eq!(config.phases["planner"].models, ["claude"]);
    }

    #[test]
    fn only_this_machine_is_asked_whether_ollama_is_there() {
        for (host, local) in [
            ("127.0.0.1:8080", Some("127.0.0.1:8080")),
            ("http://localhost:1234/", Some("127.0.0.1:1234")),
            ("127.0.0.1", Some("127.0.0.1:11434")),
            ("[::1]:7", Some("[::1]:7")),
            ("0.0.0.0", None),
            ("10.0.0.7:11434", None),
            ("ollama.example", None),
            ("https://ollama.example", None),
            ("", None),
        ] {
            assert_eq!(
                local_address(host),
                local.map(|a| a.parse().unwrap()),
                "{host}"
            );
        }
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        assert!(answers(Some(&address)));
        drop(listener);
        assert!(!answers(Some(&address)));
    }
}
