//! Every key there is, and what its value looks like: the one list that files, environment
//! variables and flags are all checked against.

use super::shape::{Field, Shape, Shape::*, optional, required};
use super::text_rules;

const NETWORKS: Shape = Choice(&["none", "loopback", "host"]);
const COUNT: Shape = Integer(0, u32::MAX as u64);
const POSITIVE: Shape = Integer(1, u32::MAX as u64);
const MONEY: Shape = Number(0.0, 1e9);
const ANY_TEXT: Shape = Text(text_rules::any);
const SOME_TEXT: Shape = Text(text_rules::not_blank);
const VARIABLE: Shape = Text(text_rules::variable_name);
const NAMES: Shape = List(&Text(text_rules::name));

/// The whole configuration.
pub(super) const ROOT: Shape = Record(&[
    optional("providers", Named(text_rules::name, &Record(PROVIDER))),
    optional("models", Named(text_rules::name, &Record(MODEL))),
    optional("phases", Record(PHASES)),
    optional(
        "budget",
        Record(&[
            optional("usd", MONEY),
            optional("tokens", Integer(1, u64::MAX)),
            optional("wall", Duration),
        ]),
    ),
    optional(
        "execution",
        Record(&[
            optional("max_retries", COUNT),
            optional("max_heals", COUNT),
            optional("parallel_steps", POSITIVE),
            optional("on_step_failure", Choice(&["stop", "continue"])),
        ]),
    ),
    optional("checks", Named(text_rules::name, &Record(CHECK))),
    optional(
        "findings",
        Record(&[optional("max_major", COUNT), optional("max_medium", COUNT)]),
    ),
    optional("policy", Record(POLICY)),
    optional("release", Record(RELEASE)),
    optional("workspace", Record(WORKSPACE)),
    optional("logging", Record(LOGGING)),
]);

const PROVIDER: &[Field] = &[
    required(
        "kind",
        Choice(&["openai", "anthropic", "gemini", "ollama", "scripted"]),
    ),
    optional("api_key_env", VARIABLE),
    optional("base_url", Text(text_rules::url)),
    optional("api", Choice(&["responses", "chat"])),
    optional("script", SOME_TEXT),
];

const MODEL: &[Field] = &[
    required("provider", SOME_TEXT),
    required("model", SOME_TEXT),
    optional("context_window", Integer(1, u64::MAX)),
    optional("max_output", POSITIVE),
    optional(
        "price",
        Record(&[
            required("input", MONEY),
            required("output", MONEY),
            optional("cached_input", MONEY),
        ]),
    ),
    optional("reasoning", Number(0.0, 1.0)),
    optional("tools", Switch),
    optional("json", Switch),
];

const PHASES: &[Field] = &[
    optional("planner", Record(PHASE)),
    optional("builder", Record(PHASE)),
    optional("tester", Record(PHASE)),
    optional("releaser", Record(PHASE)),
    optional("analyzer", Record(PHASE)),
    optional("repair", Record(PHASE)),
    optional("evaluator", Record(PHASE)),
    optional("gate", Record(PHASE)),
];

const PHASE: &[Field] = &[
    optional("models", NAMES),
    optional("temperature", Number(0.0, 2.0)),
    optional("effort", Choice(&["low", "medium", "high"])),
    optional("max_turns", Integer(1, 1000)),
];

const CHECK: &[Field] = &[
    optional(
        "kind",
        Choice(&["build", "test", "lint", "security", "custom"]),
    ),
    required("command", SOME_TEXT),
    optional("cwd", Text(text_rules::inside_the_project)),
    optional("timeout", Duration),
    optional("report", Choice(&["auto", "none", "cargo_test", "pytest"])),
    optional("shards", POSITIVE),
    optional("env", Named(text_rules::variable_name, &ANY_TEXT)),
    optional("pass_env", List(&VARIABLE)),
    optional("network", NETWORKS),
];

const POLICY: &[Field] = &[
    optional("mode", Choice(&["enforce", "ask", "off"])),
    optional("labels", List(&SOME_TEXT)),
    optional("protected", List(&Text(text_rules::glob))),
    optional("sandbox", Choice(&["auto", "off"])),
];

const RELEASE: &[Field] = &[
    optional("mode", Choice(&["branch", "merge", "pull_request"])),
    optional("commits", Choice(&["one", "per_step"])),
    optional("commit_template", SOME_TEXT),
];

const WORKSPACE: &[Field] = &[
    optional(
        "setup",
        List(&Record(&[
            required("command", SOME_TEXT),
            optional("network", NETWORKS),
            optional("timeout", Duration),
        ])),
    ),
    optional("share", List(&SOME_TEXT)),
    optional("cache", Switch),
];

const LOGGING: &[Field] = &[
    optional(
        "level",
        Choice(&["error", "warn", "info", "debug", "trace"]),
    ),
    optional("format", Choice(&["json", "text"])),
    optional("rotate", Size),
    optional("keep", COUNT),
];
