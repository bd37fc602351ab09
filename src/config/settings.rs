//! The settings themselves: plain data, complete, checked. What each means stands in `orchestrator.yaml`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::units;
use crate::domain::budget::Caps;
use crate::domain::finding::Category;
pub use crate::domain::message::Effort;

/// The effective configuration of a run. Maps whose order matters keep the order of the files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Providers by name.
    pub providers: BTreeMap<String, Provider>,
    /// Models by name.
    pub models: BTreeMap<String, ModelConfig>,
    /// Settings by phase and agent name (`planner`, `builder`, `tester`, `releaser`, …).
    pub phases: BTreeMap<String, PhaseConfig>,
    /// What a run may spend.
    pub budget: Budget,
    /// How a run goes on.
    pub execution: Execution,
    /// Checks by name, in the order in which they run.
    #[serde(with = "super::ordered")]
    pub checks: Vec<(String, CheckConfig)>,
    /// How many findings are tolerated.
    pub findings: FindingLimits,
    /// How failures are repaired.
    pub healing: Healing,
    /// What must hold again after everything has passed.
    pub stability: Stability,
    /// The gate's settings.
    pub policy: Policy,
    /// What becomes of a success.
    pub release: Release,
    /// How worktrees are made.
    pub workspace: WorkspaceConfig,
    /// What is logged, and how.
    pub logging: Logging,
    /// Whether a model that was asked the same before is asked again.
    #[serde(skip_serializing_if = "is_usual")]
    pub cache: Cache,
}

/// Whether the answer to an identical request is taken from the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cache {
    /// A model is asked each time.
    #[default]
    Never,
    /// Within the same run.
    Run,
    /// From any run of the record.
    Always,
}

/// How much at once, and in a minute, a provider is asked; `None` means no limit of that kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderLimits {
    /// Calls under way at once.
    pub in_flight: Option<u32>,
    /// Calls begun in a minute.
    pub requests_per_minute: Option<u32>,
    /// Tokens in a minute, prompt and reserved answer together.
    pub tokens_per_minute: Option<u64>,
}

/// What a phase, or all runs of a day, may spend; `None` means no limit of that kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cap {
    /// US dollars.
    pub usd: Option<f64>,
    /// Tokens, in and out.
    pub tokens: Option<u64>,
    /// Time.
    #[serde(with = "units::optional_duration")]
    pub wall: Option<Duration>,
    /// Model calls, each attempt for itself.
    pub attempts: Option<u64>,
}

impl Cap {
    /// The same as the engine and the record count it.
    pub fn caps(&self) -> Caps {
        let ms = |wall: Duration| u64::try_from(wall.as_millis()).unwrap_or(u64::MAX);
        Caps {
            usd: self.usd,
            tokens: self.tokens,
            attempts: self.attempts,
            wall_ms: self.wall.map(ms),
        }
    }
}

/// How a phase chooses among its models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Choose {
    /// The first that can be asked.
    #[default]
    Order,
    /// The cheapest whose learned success meets the phase's target.
    Score,
}

fn is_usual<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Someone who answers model calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Its protocol.
    pub kind: ProviderKind,
    /// The name of the environment variable that holds the key.
    pub api_key_env: Option<String>,
    /// Where it is, if not at its usual place; the version is part of it, as in
    /// `http://127.0.0.1:8000/v1`.
    pub base_url: Option<String>,
    /// `responses` or `chat`, for the `openai` kind.
    pub api: Option<String>,
    /// Whether an answer is asked for piece by piece as it is made (default true).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    /// The longest that one call may take (default 20 min).
    #[serde(
        default,
        with = "units::optional_duration",
        skip_serializing_if = "Option::is_none"
    )]
    pub timeout: Option<Duration>,
    /// How much at once, and in a minute, it is asked.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub limits: ProviderLimits,
    /// The script of a `scripted` provider, resolved against the folder of the file that names it.
    pub script: Option<std::path::PathBuf>,
}

/// The protocols of providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// OpenAI and every compatible server.
    OpenAi,
    /// Anthropic messages.
    Anthropic,
    /// Google Gemini.
    Gemini,
    /// Ollama's own protocol.
    Ollama,
    /// Replies from a file.
    Scripted,
}

/// A model that may be asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// The provider's name in the configuration.
    pub provider: String,
    /// The model's name at the provider.
    pub model: String,
    /// The most tokens of prompt and answer together.
    pub context_window: Option<u64>,
    /// The most tokens of one answer.
    pub max_output: Option<u32>,
    /// What it costs; without one, the token budget governs.
    pub price: Option<Price>,
    /// How well it reasons, 0 to 1.
    pub reasoning: Option<f64>,
    /// Whether it calls tools natively; if not, calls are fenced JSON in its text.
    #[serde(default = "yes")]
    pub tools: bool,
    /// Whether it can be held to a JSON schema.
    #[serde(default = "yes")]
    pub json: bool,
    /// Whether it takes a sampling temperature; `None`: told by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<bool>,
    /// Whether it takes a reasoning effort; `None`: told by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<bool>,
    /// Whether what it is told stays on machines of the person's own.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub private: bool,
}

impl Provider {
    /// A provider of this kind at its usual place, without a key.
    pub fn of(kind: ProviderKind) -> Self {
        Self {
            kind,
            api_key_env: None,
            base_url: None,
            api: None,
            stream: None,
            timeout: None,
            limits: ProviderLimits::default(),
            script: None,
        }
    }
}

impl ModelConfig {
    /// The model of this name at the provider `provider`, of which nothing else is known.
    pub fn of(provider: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            provider: provider.into(),
            model: model.into(),
            context_window: None,
            max_output: None,
            price: None,
            reasoning: None,
            tools: true,
            json: true,
            temperature: None,
            effort: None,
            private: false,
        }
    }
}

/// US dollars for a million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Prompt tokens.
    pub input: f64,
    /// Generated tokens.
    pub output: f64,
    /// Prompt tokens from the provider's cache; as `input` if none.
    pub cached_input: Option<f64>,
}

/// How a phase's agent is carried out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PhaseConfig {
    /// Models in order of preference.
    pub models: Vec<String>,
    /// How to choose among them.
    #[serde(skip_serializing_if = "is_usual")]
    pub choose: Choose,
    /// The share of successes that `choose: score` wants (default by phase).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<f64>,
    /// Whether only models on the person's own machines may be asked.
    #[serde(skip_serializing_if = "is_usual")]
    pub private: bool,
    /// What the phase may spend in one run.
    #[serde(skip_serializing_if = "is_usual")]
    pub budget: Cap,
    /// Sampling temperature.
    pub temperature: Option<f32>,
    /// Reasoning effort.
    pub effort: Option<Effort>,
    /// The most answers of a model in one execution (default 60).
    pub max_turns: Option<u32>,
}

/// What a run may spend; `None` means no limit of that kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// US dollars (default 5).
    pub usd: Option<f64>,
    /// Tokens in and out (default 2,000,000).
    pub tokens: Option<u64>,
    /// Wall time (default 2 h).
    #[serde(default, with = "units::optional_duration")]
    pub wall: Option<Duration>,
    /// Model calls, each attempt for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u64>,
    /// What all runs of the repository together may spend in a day (UTC).
    #[serde(default, skip_serializing_if = "is_usual")]
    pub day: Cap,
}

/// How a run goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Execution {
    /// Failures of a phase before the run is given up (default 3).
    pub max_retries: u32,
    /// Heals of a run before it is given up (default 12).
    pub max_heals: u32,
    /// Independent steps at a time (only 1 for now).
    pub parallel_steps: u32,
    /// What a step that stays broken means.
    pub on_step_failure: OnStepFailure,
}

/// What a step that stays broken means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnStepFailure {
    /// The run fails.
    #[default]
    Stop,
    /// Its dependants are skipped, the others go on.
    Continue,
}

/// A build, test, lint, security or custom command of the repository.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckConfig {
    /// Its kind.
    pub kind: Category,
    /// The command line, for `sh -c`.
    pub command: String,
    /// Where it runs, relative to the project's folder.
    #[serde(default = "project_folder")]
    pub cwd: String,
    /// Its time limit (default by kind: test 15 min, build 30 min, other 60 s).
    #[serde(with = "units::duration")]
    pub timeout: Duration,
    /// How its report is read.
    #[serde(default)]
    pub report: ReportFormat,
    /// Globs of the files that hold its report, relative to `cwd`; empty: the report is in its output.
    #[serde(default)]
    pub report_files: Vec<String>,
    /// How many shards it runs in, side by side.
    #[serde(default = "one")]
    pub shards: u32,
    /// Where its command runs.
    #[serde(default)]
    pub runner: Runner,
    /// The image that its container is made of.
    #[serde(default)]
    pub image: Option<String>,
    /// Whether an image that is not there is fetched.
    #[serde(default)]
    pub pull: Pull,
    /// Globs of files that it leaves and that are kept as artifacts, relative to `cwd`.
    #[serde(default)]
    pub artifacts: Vec<String>,
    /// Variables set for it.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Variables of rgpt's own environment that it may see.
    #[serde(default)]
    pub pass_env: Vec<String>,
    /// What network it may use.
    #[serde(default)]
    pub network: Network,
}

/// Where a check's command runs.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Runner {
    /// Here, with the person's toolchains and caches.
    #[default]
    Host,
    /// Here, confined as a model's commands are: a home of its own, and no writing but in the tree.
    Sandbox,
    /// In a container of docker's.
    Docker,
    /// In a container of podman's.
    Podman,
}

impl Runner {
    /// The name in configurations, and of the program that runs its containers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Sandbox => "sandbox",
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }

    /// Whether commands run in a container.
    pub fn is_container(self) -> bool {
        matches!(self, Self::Docker | Self::Podman)
    }
}

/// Whether the image of a container is fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pull {
    /// It must be there.
    Never,
    /// It is fetched if it is not there.
    #[default]
    Missing,
}

/// How a check's report is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportFormat {
    /// Recognised from the output.
    #[default]
    Auto,
    /// Only the exit code counts.
    None,
    /// The text that `cargo test` prints, or libtest's JSON.
    CargoTest,
    /// The text that pytest prints, or the document of pytest-json-report.
    Pytest,
    /// JUnit's XML, as most runners can write it.
    Junit,
    /// The events of `go test -json`, else the text that it prints without.
    GoTest,
    /// The Test Anything Protocol, versions 12 to 14.
    Tap,
    /// The text that `cargo nextest run` prints.
    Nextest,
    /// The text that Python's unittest prints.
    Unittest,
    /// The text or the JSON that jest prints.
    Jest,
    /// The text or the JSON that vitest prints.
    Vitest,
    /// The end of the text that mocha prints, or its JSON.
    Mocha,
    /// The text that Node's own runner prints for people.
    NodeTest,
    /// The document of Playwright's `json` reporter.
    Playwright,
    /// The text or the JSON that RSpec prints.
    Rspec,
    /// The text that minitest prints.
    Minitest,
    /// The text that PHPUnit prints.
    Phpunit,
    /// The text that ctest prints.
    Ctest,
    /// The text that GoogleTest prints, or its JSON.
    Gtest,
    /// The text that Maven's surefire prints.
    Surefire,
    /// The text that JUnit's console launcher prints.
    JunitConsole,
    /// The text that bats prints for people.
    Bats,
    /// The text that Perl's prove prints.
    Prove,
    /// The text that Ruby's test-unit prints.
    TestUnit,
    /// SARIF 2.1.0, as linters and security tools write it. This and those below tell of findings, not of tests.
    Sarif,
    /// The JSON lines of rustc and clippy (`--message-format=json`).
    Rustc,
    /// The document of ESLint's `json` formatter.
    Eslint,
    /// The document of `ruff check --output-format json`.
    Ruff,
    /// The JSON lines of `mypy --output json`.
    Mypy,
    /// The document of `golangci-lint`'s JSON.
    Golangci,
    /// The document of `shellcheck -f json` or `json1`.
    Shellcheck,
    /// The document of `rubocop --format json`.
    Rubocop,
    /// The document of `phpstan --error-format=json`.
    Phpstan,
    /// The document of pylint's `json` or `json2`.
    Pylint,
    /// The document of `cargo audit --json`.
    CargoAudit,
}

/// What network a command may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// None at all.
    None,
    /// Only this machine.
    Loopback,
    /// Whatever the machine has.
    #[default]
    Host,
}

/// How many findings are tolerated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FindingLimits {
    /// Major ones (default 0).
    pub max_major: u32,
    /// Medium ones (default 10).
    pub max_medium: u32,
}

/// How failures are repaired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Healing {
    /// Whether repairs are chosen by what has helped before; if not, in a fixed order (default true).
    pub learn: bool,
    /// Patches that are made where the tests are to choose among several (default 3; 0: never).
    pub candidates: u32,
    /// How long a flaky test is excused without new evidence (default 14 days).
    #[serde(with = "units::duration")]
    pub quarantine: Duration,
}

/// What must hold again after everything has passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stability {
    /// How often each test check must pass again on the same tree before a run closes (default 2).
    pub reruns: u32,
}

/// The gate's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// What happens to an edit outside a step's scope.
    pub mode: PolicyMode,
    /// Labels that a person gave the run.
    pub labels: Vec<String>,
    /// Globs that no agent may change, added to those that are always protected.
    pub protected: Vec<String>,
    /// How commands are confined.
    pub sandbox: Sandbox,
}

/// What happens to an edit outside a step's scope.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum PolicyMode {
    /// It is refused.
    #[default]
    Enforce,
    /// A person is asked.
    Ask,
    /// It is allowed.
    Off,
}

/// How commands are confined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sandbox {
    /// As far as the kernel can; a model's commands are refused where it cannot.
    #[default]
    Auto,
    /// Not at all.
    Off,
}

/// What becomes of a success.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Release {
    /// Where it goes (only `branch` for now).
    pub mode: ReleaseMode,
    /// One commit for the run, or one for each step.
    pub commits: ReleaseCommits,
    /// The commit message; `{title}`, `{goal}`, `{summary}`, `{run}` are filled in.
    pub commit_template: Option<String>,
}

/// Where a success goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseMode {
    /// A new branch.
    #[default]
    Branch,
    /// The user's branch.
    Merge,
    /// A pull request.
    PullRequest,
}

/// How many commits the published branch has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseCommits {
    /// One for the run.
    #[default]
    One,
    /// One for each step that changed something.
    PerStep,
}

/// How worktrees are made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkspaceConfig {
    /// Commands that run once when a worktree is made; `None`: detected from lock files.
    pub setup: Option<Vec<SetupConfig>>,
    /// Ignored dependency folders of the user's tree that are copied in, relative to the project's folder.
    pub share: Vec<String>,
    /// Whether a finished run hands its build output on to the next (default true).
    pub cache: bool,
}

/// One set-up command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetupConfig {
    /// The command line, for `sh -c`.
    pub command: String,
    /// What network it may use.
    #[serde(default)]
    pub network: Network,
    /// Its time limit (default 30 min).
    #[serde(default = "half_an_hour", with = "units::duration")]
    pub timeout: Duration,
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Logging {
    /// The level, as in `info`.
    pub level: String,
    /// The form of log files.
    pub format: LogFormat,
    /// The size in bytes at which a log file is put aside.
    #[serde(with = "units::size")]
    pub rotate: u64,
    /// How many put-aside log files are kept.
    pub keep: u32,
}

/// The form of log files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// Plain lines.
    Text,
}

fn yes() -> bool {
    true
}

fn one() -> u32 {
    1
}

fn project_folder() -> String {
    ".".to_owned()
}

fn half_an_hour() -> Duration {
    Duration::from_secs(30 * 60)
}

impl CheckConfig {
    /// A check of this kind and command, with every other setting at its default.
    pub fn new(kind: Category, command: impl Into<String>) -> Self {
        Self {
            kind,
            command: command.into(),
            cwd: project_folder(),
            timeout: Self::timeout_by_kind(kind),
            report: ReportFormat::Auto,
            report_files: Vec::new(),
            shards: one(),
            runner: Runner::default(),
            image: None,
            pull: Pull::default(),
            artifacts: Vec::new(),
            env: BTreeMap::new(),
            pass_env: Vec::new(),
            network: Network::default(),
        }
    }

    /// The kind of a check whose configuration names none: that of its own name, else custom.
    pub(crate) fn kind_by_name(name: &str) -> Category {
        match name {
            "build" => Category::Build,
            "test" => Category::Test,
            "lint" => Category::Lint,
            "security" => Category::Security,
            _ => Category::Custom,
        }
    }

    /// The time limit of a check whose configuration names none.
    pub(crate) fn timeout_by_kind(kind: Category) -> Duration {
        match kind {
            Category::Test => Duration::from_secs(15 * 60),
            Category::Build => Duration::from_secs(30 * 60),
            Category::Lint | Category::Security | Category::Custom => Duration::from_secs(60),
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            usd: Some(5.0),
            tokens: Some(2_000_000),
            wall: Some(Duration::from_secs(2 * 60 * 60)),
            attempts: None,
            day: Cap::default(),
        }
    }
}

impl Default for Execution {
    fn default() -> Self {
        Self {
            max_retries: 3,
            max_heals: 12,
            parallel_steps: 1,
            on_step_failure: OnStepFailure::Stop,
        }
    }
}

impl Default for FindingLimits {
    fn default() -> Self {
        Self {
            max_major: 0,
            max_medium: 10,
        }
    }
}

impl Default for Healing {
    fn default() -> Self {
        Self {
            learn: true,
            candidates: 3,
            quarantine: Duration::from_secs(14 * 24 * 60 * 60),
        }
    }
}

impl Default for Stability {
    fn default() -> Self {
        Self { reruns: 2 }
    }
}

impl Default for WorkspaceConfig {
    fn default() -> Self {
        Self {
            setup: None,
            share: Vec::new(),
            cache: true,
        }
    }
}

impl Default for Logging {
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
            format: LogFormat::Json,
            rotate: 10 * 1024 * 1024,
            keep: 5,
        }
    }
}
