//! Logs: what `-v` shows on stderr, and one JSON object a line in the state's `logs/`.
//!
//! A run goes on whether or not its log can be written. [`begin`] starts it, [`Tail`] reads it.

mod file;
mod layer;
mod tail;

use std::io;
use std::path::Path;
use std::sync::Arc;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{Config, Environment, Logging};
use crate::domain::Clock;

pub(super) use tail::Tail;

use file::Rotating;
use layer::Lines;

/// The log file in the folder of logs; put-aside ones have a number behind it, the latest 1.
const NAME: &str = "rgpt.log";

/// Values shorter than this are no keys, and would blacken ordinary words.
const SHORTEST_KEY: usize = 8;

/// Shows warnings on stderr, or more with `-v`, or nothing with `-q`.
pub(super) fn on_stderr(verbose: u8, quiet: bool) -> LevelFilter {
    match (quiet, verbose) {
        (true, _) => LevelFilter::OFF,
        (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    }
}

/// Begins to log: to stderr, and to a file in `folder` as configured. Failing is only a warning.
pub(super) fn begin(
    folder: &Path,
    config: &Config,
    environment: &Environment,
    clock: Arc<dyn Clock>,
    stderr: LevelFilter,
) {
    let logging: &Logging = &config.logging;
    let level = logging.level.parse().unwrap_or(LevelFilter::INFO);
    // What a run does is shown by its progress; here it would only be said twice.
    let story = match stderr {
        LevelFilter::WARN => LevelFilter::OFF,
        other => other,
    };
    let terminal = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_target(false)
        .without_time()
        .with_filter(
            of_rgpt(stderr)
                .with_target("rgpt::story", story)
                .with_target("rgpt::span", LevelFilter::OFF),
        );
    let lines = Lines::new(
        Rotating::new(folder.join(NAME), logging),
        logging.format,
        clock,
        keys(config, environment),
    );
    // Fails only where a program that embeds rgpt logs already.
    drop(
        tracing_subscriber::registry()
            .with(terminal)
            .with(lines.with_filter(of_rgpt(level)))
            .try_init(),
    );
}

/// What rgpt itself has to say, at this level; libraries only warn.
fn of_rgpt(level: LevelFilter) -> Targets {
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("rgpt", level)
}

/// The values of variables that hold keys, as configured or by their names.
fn keys(config: &Config, environment: &Environment) -> Vec<String> {
    let named: Vec<&str> = config
        .providers
        .values()
        .filter_map(|provider| provider.api_key_env.as_deref())
        .collect();
    let mut keys: Vec<String> = environment
        .iter()
        .filter(|(name, value)| {
            value.len() >= SHORTEST_KEY && (named.contains(name) || sounds_secret(name))
        })
        .map(|(_, value)| value.to_owned())
        .collect();
    // A key that begins with another one is taken out whole.
    keys.sort_by_key(|key| std::cmp::Reverse(key.len()));
    keys
}

fn sounds_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD"]
        .iter()
        .any(|word| name.ends_with(word))
}
