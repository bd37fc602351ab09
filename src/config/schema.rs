//! Every key there is, what its value looks like and what it means: the one list that files,
//! environment variables, flags and editors are all given.

use super::shape::{Field, Shape, Shape::*, optional, required};
use super::text_rules;

const NETWORKS: Shape = Choice(&["none", "loopback", "host"]);
const COUNT: Shape = Integer(0, u32::MAX as u64);
const POSITIVE: Shape = Integer(1, u32::MAX as u64);
const MONEY: Shape = Number(0.0, 1e9);
const ANY_TEXT: Shape = Text(text_rules::ANY);
const SOME_TEXT: Shape = Text(text_rules::NOT_BLANK);
const VARIABLE: Shape = Text(text_rules::VARIABLE_NAME);
const NAMES: Shape = List(&Text(text_rules::NAME));

/// The whole configuration.
pub(super) const ROOT: Shape = Record(&[
    optional(
        "providers",
        Named(text_rules::NAME, &Record(PROVIDER)),
        "Who answers model calls, by names of your own choice. Not in a file that git tracks.",
    ),
    optional(
        "models",
        Named(text_rules::NAME, &Record(MODEL)),
        "Models, by names of your own choice. Not in a file that git tracks.",
    ),
    optional(
        "phases",
        Record(PHASES),
        "Who does what. The tester and the releaser need no model.",
    ),
    optional(
        "budget",
        Record(BUDGET),
        "What a run may spend; it is reserved before each call. A file that git tracks may only lower it.",
    ),
    optional(
        "execution",
        Record(EXECUTION),
        "How a run goes on. A file that git tracks may only lower these.",
    ),
    optional(
        "checks",
        Named(text_rules::NAME, &Record(CHECK)),
        "The commands that decide whether a run has reached its goal, in this order, under any names. \
         Without any, they are detected from the repository.",
    ),
    optional(
        "findings",
        Record(FINDINGS),
        "How many findings of the checks are tolerated.",
    ),
    optional("healing", Record(HEALING), "How failures are repaired."),
    optional(
        "stability",
        Record(STABILITY),
        "What must hold again after everything has passed.",
    ),
    optional(
        "policy",
        Record(POLICY),
        "What agents may do. A file that git tracks may only be stricter.",
    ),
    optional("release", Record(RELEASE), "What becomes of a success."),
    optional(
        "workspace",
        Record(WORKSPACE),
        "How the separate worktree of a run is made.",
    ),
    optional(
        "logging",
        Record(LOGGING),
        "What is logged under .rgpt/logs. Not in a file that git tracks.",
    ),
    optional(
        "cache",
        Choice(&["never", "run", "always"]),
        "Whether the answer to exactly the same request is taken from the record: never, from the same run (run), \
         or from any run (always). Not in a file that git tracks.",
    ),
]);

const PROVIDER: &[Field] = &[
    required(
        "kind",
        Choice(&["openai", "anthropic", "gemini", "ollama", "scripted"]),
        "Its protocol: openai is also every server that speaks it; scripted answers from a file.",
    ),
    optional(
        "api_key_env",
        VARIABLE,
        "The name of the environment variable that holds the key. The key itself never stands in a file.",
    ),
    optional(
        "base_url",
        Text(text_rules::URL),
        "Where it is, if not at its usual place.",
    ),
    optional(
        "api",
        Choice(&["responses", "chat"]),
        "Which of OpenAI's protocols: responses (OpenAI itself) or chat (most others).",
    ),
    optional(
        "script",
        SOME_TEXT,
        "The file that a scripted provider answers from, relative to the file that names it.",
    ),
    optional(
        "stream",
        Switch,
        "Whether answers are read as they are written.",
    ),
    optional("timeout", Duration, "How long an answer may take in all."),
    optional(
        "limits",
        Record(PROVIDER_LIMITS),
        "How much at once, and in a minute, it is asked by one rgpt process.",
    ),
];

const PROVIDER_LIMITS: &[Field] = &[
    optional("in_flight", POSITIVE, "Calls under way at once."),
    optional("requests_per_minute", POSITIVE, "Calls begun in a minute."),
    optional(
        "tokens_per_minute",
        Integer(1, u64::MAX),
        "Tokens in a minute, prompt and reserved answer together.",
    ),
];

const MODEL: &[Field] = &[
    required("provider", SOME_TEXT, "The name of its provider above."),
    required("model", SOME_TEXT, "Its name at the provider."),
    optional(
        "context_window",
        Integer(1, u64::MAX),
        "The most tokens of prompt and answer together.",
    ),
    optional("max_output", POSITIVE, "The most tokens of one answer."),
    optional(
        "price",
        Record(PRICE),
        "US dollars for a million tokens. Without it only budget.tokens holds.",
    ),
    optional(
        "reasoning",
        Number(0.0, 1.0),
        "How well it reasons, 0 to 1.",
    ),
    optional(
        "tools",
        Switch,
        "Whether it calls tools natively; if not, calls are JSON in its text.",
    ),
    optional("json", Switch, "Whether it can be held to a JSON schema."),
    optional(
        "temperature",
        Switch,
        "Whether it takes a sampling temperature; told by its name if left out.",
    ),
    optional(
        "effort",
        Switch,
        "Whether it takes a reasoning effort; told by its name if left out.",
    ),
    optional(
        "private",
        Switch,
        "Whether what it is told stays on machines of your own.",
    ),
];

const PRICE: &[Field] = &[
    required("input", MONEY, "Prompt tokens."),
    required("output", MONEY, "Generated tokens."),
    optional(
        "cached_input",
        MONEY,
        "Prompt tokens from the provider's cache; as input if left out.",
    ),
];

const PHASES: &[Field] = &[
    optional("planner", Record(PHASE), "Turns the goal into steps."),
    optional("builder", Record(PHASE), "Carries the steps out."),
    optional(
        "tester",
        Record(PHASE),
        "Runs the checks; a model reads logs.",
    ),
    optional(
        "releaser",
        Record(PHASE),
        "Makes the commit; a model writes release notes.",
    ),
    optional("analyzer", Record(PHASE), "Comes with a later version."),
    optional("repair", Record(PHASE), "Comes with a later version."),
    optional("evaluator", Record(PHASE), "Comes with a later version."),
    optional("gate", Record(PHASE), "Comes with a later version."),
];

const PHASE: &[Field] = &[
    optional("models", NAMES, "Models by name, in order of preference."),
    optional(
        "choose",
        Choice(&["order", "score"]),
        "The first model that can be asked (order), or the cheapest whose learned success meets the target (score).",
    ),
    optional(
        "target",
        Number(0.0, 1.0),
        "The share of successes that score wants; planner .85, builder .75, tester .9, releaser .95 if left out.",
    ),
    optional(
        "private",
        Switch,
        "Whether only models on machines of your own may be asked. A file that git tracks may only switch it on.",
    ),
    optional(
        "budget",
        Record(CAP),
        "What the phase may spend in one run. A file that git tracks may only lower it.",
    ),
    optional(
        "temperature",
        Number(0.0, 2.0),
        "Sampling temperature, 0 to 2.",
    ),
    optional(
        "effort",
        Choice(&["low", "medium", "high"]),
        "Reasoning effort, for models that know it.",
    ),
    optional(
        "max_turns",
        Integer(1, 1000),
        "The most answers of a model in one attempt; 60 if left out.",
    ),
];

const USD: Field = optional("usd", MONEY, "US dollars; null is no limit.");
const TOKENS: Field = optional(
    "tokens",
    Integer(1, u64::MAX),
    "Tokens in and out; null is no limit.",
);
const WALL: Field = optional("wall", Duration, "Time, as in 2h; null is no limit.");
const ATTEMPTS: Field = optional(
    "attempts",
    Integer(1, u64::MAX),
    "Model calls, each attempt for itself; null is no limit.",
);

const BUDGET: &[Field] = &[
    USD,
    TOKENS,
    WALL,
    ATTEMPTS,
    optional(
        "day",
        Record(CAP),
        "What all runs of the repository together may spend in a day (UTC).",
    ),
];

const CAP: &[Field] = &[USD, TOKENS, WALL, ATTEMPTS];

const EXECUTION: &[Field] = &[
    optional(
        "max_retries",
        COUNT,
        "Failures of one phase before the run is given up.",
    ),
    optional(
        "max_heals",
        COUNT,
        "Repairs in one run before it is given up.",
    ),
    optional(
        "parallel_steps",
        POSITIVE,
        "Independent steps at a time; only 1 for now.",
    ),
    optional(
        "on_step_failure",
        Choice(&["stop", "continue"]),
        "What a step that stays broken means: stop, or continue without the steps that depend on it.",
    ),
];

const CHECK: &[Field] = &[
    optional(
        "kind",
        Choice(&["build", "test", "lint", "security", "custom"]),
        "Its kind; by default its own name if that is one of these, else custom.",
    ),
    required("command", SOME_TEXT, "The command line, for sh -c."),
    optional(
        "cwd",
        Text(text_rules::INSIDE_THE_PROJECT),
        "Where it runs, below the project's folder.",
    ),
    optional(
        "timeout",
        Duration,
        "Its time limit; by default 15m for a test, 30m for a build, 60s for others.",
    ),
    optional(
        "report",
        Choice(&[
            "auto",
            "none",
            "cargo_test",
            "pytest",
            "junit",
            "go_test",
            "tap",
            "nextest",
            "unittest",
            "jest",
            "vitest",
            "mocha",
            "node_test",
            "playwright",
            "rspec",
            "minitest",
            "phpunit",
            "ctest",
            "gtest",
            "surefire",
            "junit_console",
            "bats",
            "prove",
            "test_unit",
            "sarif",
            "rustc",
            "eslint",
            "ruff",
            "mypy",
            "golangci",
            "shellcheck",
            "rubocop",
            "phpstan",
            "pylint",
            "cargo_audit",
        ]),
        "How its report is read: auto recognises it, none counts only the exit code.",
    ),
    optional(
        "report_files",
        List(&Text(text_rules::GLOB_INSIDE_THE_PROJECT)),
        "Globs of the report files that it writes, below its folder; without them the output is read.",
    ),
    optional(
        "shards",
        Integer(1, 64),
        "How many shards it runs in, side by side; {shard} and {shards} in the command, or the runner's own way.",
    ),
    optional(
        "runner",
        Choice(&["host", "sandbox", "docker", "podman"]),
        "Where it runs: here (host), confined as a model's commands are (sandbox), or in a container.",
    ),
    optional(
        "image",
        Text(text_rules::IMAGE),
        "The image that its container is made of.",
    ),
    optional(
        "pull",
        Choice(&["never", "missing"]),
        "Whether an image that is not there is fetched.",
    ),
    optional(
        "artifacts",
        List(&Text(text_rules::GLOB_INSIDE_THE_PROJECT)),
        "Globs of files that it leaves and that are kept, below its folder; what its report names is kept anyway.",
    ),
    optional(
        "env",
        Named(text_rules::VARIABLE_NAME, &ANY_TEXT),
        "Variables set for it.",
    ),
    optional(
        "pass_env",
        List(&VARIABLE),
        "Names of your own variables that it may see. Not in a file that git tracks.",
    ),
    optional(
        "network",
        NETWORKS,
        "What network it may use. In a file that git tracks only none.",
    ),
];

const FINDINGS: &[Field] = &[
    optional("max_major", COUNT, "The most major findings."),
    optional("max_medium", COUNT, "The most medium findings."),
];

const HEALING: &[Field] = &[
    optional(
        "learn",
        Switch,
        "Whether repairs are chosen by what has helped before; if not, in a fixed order.",
    ),
    optional(
        "candidates",
        COUNT,
        "How many patches are made where the tests are to choose among several; 0: never.",
    ),
    optional(
        "quarantine",
        Duration,
        "How long a flaky test is excused without new evidence.",
    ),
];

const STABILITY: &[Field] = &[optional(
    "reruns",
    COUNT,
    "How often each test check must pass again on the same tree before a run closes.",
)];

const POLICY: &[Field] = &[
    optional(
        "mode",
        Choice(&["enforce", "ask", "off"]),
        "An edit outside a step's scope is refused (enforce), asked of a person (ask), or allowed (off).",
    ),
    optional(
        "labels",
        List(&SOME_TEXT),
        "What you say about the run. Not in a file that git tracks.",
    ),
    optional(
        "protected",
        List(&Text(text_rules::GLOB)),
        "Globs that no agent changes, besides those that are always protected.",
    ),
    optional(
        "sandbox",
        Choice(&["auto", "off"]),
        "Commands are confined as far as the kernel can (auto), or not (off). Not in a file that git tracks.",
    ),
];

const RELEASE: &[Field] = &[
    optional(
        "mode",
        Choice(&["branch", "merge", "pull_request"]),
        "Where it goes; only branch for now: rgpt/run-<id>.",
    ),
    optional(
        "commits",
        Choice(&["one", "per_step"]),
        "One commit for the run, or one for each step.",
    ),
    optional(
        "commit_template",
        SOME_TEXT,
        "The commit message; {title}, {goal}, {summary} and {run} are filled in.",
    ),
];

const WORKSPACE: &[Field] = &[
    optional(
        "setup",
        List(&Record(SETUP)),
        "Commands that run once when a worktree is made; detected from lock files if left out.",
    ),
    optional(
        "share",
        List(&Text(text_rules::INSIDE_THE_PROJECT)),
        "Ignored dependency folders of your own tree, such as node_modules, that are copied in. \
         Build output is never shared.",
    ),
    optional(
        "cache",
        Switch,
        "Whether a finished run hands its build output on to the next.",
    ),
];

const SETUP: &[Field] = &[
    required("command", SOME_TEXT, "The command line, for sh -c."),
    optional("network", NETWORKS, "What network it may use."),
    optional("timeout", Duration, "Its time limit."),
];

const LOGGING: &[Field] = &[
    optional(
        "level",
        Choice(&["error", "warn", "info", "debug", "trace"]),
        "The least that is logged.",
    ),
    optional(
        "format",
        Choice(&["json", "text"]),
        "The form of log files.",
    ),
    optional(
        "rotate",
        Size,
        "The size at which a log file is put aside, as in 10MB.",
    ),
    optional("keep", COUNT, "How many put-aside log files are kept."),
];
