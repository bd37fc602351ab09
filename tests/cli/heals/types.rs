//! One planted bug for each class of failure.

use serde_json::json;

use super::project::{Project, edit, one_step};
use crate::sandbox::{finish, plan, step, tools, write_file};

const DONE: &str = "\n    def done(self, text):\n        self.items.remove(text)\n";
const WRONG: &str = "\n    def done(self, text):\n        self.items.pop(0)\n";

const DONE_TEST: &str = "import unittest\n\nimport todo\n\n\nclass DoneTest(unittest.TestCase):\n    \
     def test_done(self):\n        things = todo.Todo()\n        things.add(\"milk\")\n        \
     things.add(\"bread\")\n        things.done(\"bread\")\n        \
     self.assertEqual(things.open(), [\"milk\"])\n";

fn todo() -> Project {
    Project::new("todo").with(&[("test_done.py", DONE_TEST)])
}

/// Appends to the class at the end of the file.
fn append(code: &str) -> serde_json::Value {
    let last = "        return list(self.items)\n";
    edit("todo.py", last, &format!("{last}{code}"))
}

#[test]
fn assertion_error_in_python() {
    let project = todo().says(&[
        one_step(&["todo.py"]),
        tools(&[append(WRONG)]),
        finish("done"),
        tools(&[edit(
            "todo.py",
            "self.items.pop(0)",
            "self.items.remove(text)",
        )]),
        finish("removes the right one"),
    ]);
    project.heals("ASSERTION_ERROR", "fix_assertion");
    project.replays();
}

#[test]
fn runtime_error_in_node() {
    let test = "'use strict';\nconst { test } = require('node:test');\nconst { cheapest } = require('./cart.js');\n\n\
                test('the cheapest', () => {\n  if (cheapest([]) !== null) throw new Error('not null');\n});\n";
    let wrong = "function cheapest(items) {\n  return items.map((item) => item.price).sort()[0].price;\n}\n\n\
                 module.exports = { total, cheapest };";
    let project = Project::new("cart")
        .with(&[("cheapest.test.js", test)])
        .says(&[
            one_step(&["cart.js"]),
            tools(&[edit("cart.js", "module.exports = { total };", wrong)]),
            finish("done"),
            tools(&[edit(
                "cart.js",
                "return items.map((item) => item.price).sort()[0].price;",
                "return items.length ? Math.min(...items.map((item) => item.price)) : null;",
            )]),
            finish("an empty cart has none"),
        ]);
    let outcome = project.run(&[]);
    assert_eq!(outcome.0, 0, "{}", super::project::told(&outcome.1));
    assert_eq!(outcome.1["heals"][0]["verdict"], "kept");
    let class = outcome.1["heals"][0]["error_type"]
        .as_str()
        .unwrap()
        .to_owned();
    let action = outcome.1["heals"][0]["heal_action"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(["RUNTIME_ERROR", "ASSERTION_ERROR"].contains(&class.as_str()));
    project.was_healed(&outcome.1, &class, &action);
}

#[test]
fn logic_error_in_rust() {
    let project = Project::new("sum").says(&[
        one_step(&["src/lib.rs"]),
        tools(&[write_file(
            "src/lib.rs",
            "/// The sum of all numbers.\npub fn sum(numbers: &[i64]) -> i64 {\n    numbers.iter().summ()\n}\n",
        )]),
        finish("done"),
        tools(&[edit("src/lib.rs", ".summ()", ".copied().sum()")]),
        finish("it compiles"),
    ]);
    project.heals("LOGIC_ERROR", "fix_build");
}

#[test]
fn llm_error() {
    let project = todo().says(&[
        json!({"agent": "planner", "text": "I think that one should first"}),
        one_step(&["todo.py"]),
        tools(&[append(DONE)]),
        finish("done"),
    ]);
    project.heals("LLM_ERROR", "regenerate");
}

#[test]
fn infra_error() {
    let down = json!({"agent": "planner", "times": 1,
        "error": {"status": 503, "retry_after": 0.01, "message": "overloaded"}});
    let project = todo().says(&[
        down,
        one_step(&["todo.py"]),
        tools(&[append(DONE)]),
        finish("done"),
    ]);
    let (code, summary) = project.run(&["--max-retries", "8"]);
    assert_eq!(code, 0, "{}", super::project::told(&summary));
    project.was_healed(&summary, "INFRA_ERROR", "backoff");
}

#[test]
fn config_error() {
    let project = todo()
        .with(&[
            ("mode.sh", "set -u\ntest \"$APP_MODE\" = test\n"),
            (
                "orchestrator.yaml",
                "checks:\n  test: {kind: test, command: python3 -m unittest -v, report: unittest}\n  \
                 mode: {kind: custom, command: sh mode.sh, report: none}\nstability: {reruns: 0}\n",
            ),
            (".env.example", "APP_MODE=test\nAPI_TOKEN=abc\n"),
        ])
        .says(&[
            one_step(&["todo.py"]),
            tools(&[append(DONE)]),
            finish("done"),
        ]);
    let summary = project.heals("CONFIG_ERROR", "set_default");
    let output = &summary["heals"][0]["heal_output"];
    assert_eq!(output["variables"], json!({"APP_MODE": "test"}));
    project.replays();
}

#[test]
fn safety_error_that_the_change_can_do_without() {
    let outside = |name: &str| tools(&[write_file(name, "x = 1\n")]);
    let project = todo().says(&[
        one_step(&["todo.py"]),
        outside("a.py"),
        outside("b.py"),
        outside("c.py"),
        outside("d.py"),
        outside("e.py"),
        tools(&[append(DONE)]),
        finish("within the scope"),
    ]);
    project.heals("SAFETY_ERROR", "policy_correction");
}

#[test]
fn a_hard_refusal_is_not_argued_with_and_the_hint_leads_somewhere() {
    let workflow = |name: &str| {
        tools(&[write_file(
            &format!(".github/workflows/{name}.yml"),
            "on: push\n",
        )])
    };
    let project = todo().says(&[
        plan(&[step("step-1", &[])]),
        workflow("a"),
        workflow("b"),
        workflow("c"),
    ]);
    let outcome = project
        .sandbox
        .rgpt(&["run", "--goal", "do what is wanted"]);
    assert_eq!(outcome.code, 2, "{outcome:#?}");
    assert!(!outcome.stdout.contains("rgpt heal"), "{}", outcome.stdout);
    assert!(
        outcome
            .stdout
            .contains("rgpt resume --run 1 --phase builder"),
        "{}",
        outcome.stdout
    );
    let summary = project.sandbox.inspect();
    assert_eq!(summary["heals"].as_array().unwrap().len(), 0);
    let outcome = project
        .sandbox
        .rgpt(&["heal", "1", "--action", "policy_correction"]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert!(
        outcome
            .stderr
            .contains("rgpt resume --run 1 --phase builder"),
        "{}",
        outcome.stderr
    );
}
