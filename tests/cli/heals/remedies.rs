//! One planted bug for each repair.

use serde_json::{Value, json};

use super::project::{Project, edit, one_step, repair, told};
use crate::sandbox::{finish, plan, run_command, step, tools, write_file};

const DONE_TEST: &str = "import unittest\n\nimport todo\n\n\nclass DoneTest(unittest.TestCase):\n    \
     def test_done(self):\n        things = todo.Todo()\n        things.add(\"milk\")\n        \
     things.add(\"bread\")\n        things.done(\"bread\")\n        \
     self.assertEqual(things.open(), [\"milk\"])\n";

fn todo() -> Project {
    Project::new("todo").with(&[("test_done.py", DONE_TEST)])
}

/// The method `done` with this body, and edits of it.
fn add_done(body: &str) -> Value {
    let last = "        return list(self.items)\n";
    let code = format!("{last}\n    def done(self, text):\n        {body}\n");
    tools(&[edit("todo.py", last, &code)])
}

fn change(from: &str, to: &str) -> Value {
    tools(&[edit("todo.py", from, to)])
}

const FIRST: &str = "self.items.pop(0)";
const LAST: &str = "self.items.pop(-1).upper() and self.items.clear()";
const RIGHT: &str = "self.items.remove(text)";

#[test]
fn repair_json() {
    let whole = json!({"summary": "a plan", "steps": [step("step-1", &["todo.py"])]});
    let text = whole.to_string();
    let text = text.replacen('}', ",}", 1);
    todo()
        .says(&[
            json!({"agent": "planner", "text": text}),
            add_done(RIGHT),
            finish("done"),
        ])
        .heals("LLM_ERROR", "repair_json");
}

#[test]
fn regenerate_constrained() {
    let nonsense = || json!({"agent": "planner", "text": "{\"steps\": nonsense"});
    let other = json!({"agent": "planner", "text": "still not a plan"});
    todo()
        .says(&[
            nonsense(),
            other,
            one_step(&["todo.py"]),
            add_done(RIGHT),
            finish("done"),
        ])
        .heals("LLM_ERROR", "regenerate_constrained");
}

#[test]
fn another_model() {
    let project = todo().says(&[
        json!({"agent": "planner", "times": 3, "text": "no plan at all"}),
        one_step(&["todo.py"]),
        add_done(RIGHT),
        finish("done"),
    ]);
    let config = project.sandbox.model_config();
    let config = config
        .replace(
            "models:\n",
            "models:\n  second: {provider: dry, model: dry-2, price: {input: 1.0, output: 1.0}}\n",
        )
        .replace(
            "planner: {models: [scripted]}",
            "planner: {models: [scripted, second]}",
        );
    project.sandbox.person_config(&config);
    project.heals("LLM_ERROR", "another_model");
}

#[test]
fn fix_lint() {
    let project = todo()
        .with(&[
            (
                "lint.sh",
                "if grep -n 'TODO' todo.py; then echo 'todo.py:17:9: T001 leftover marker'; exit 1; fi\n",
            ),
            (
                "orchestrator.yaml",
                "checks:\n  test: {kind: test, command: python3 -m unittest -v, report: unittest}\n  \
                 lint: {kind: lint, command: sh lint.sh, report: none}\nstability: {reruns: 0}\n",
            ),
        ])
        .says(&[
            one_step(&["todo.py"]),
            add_done("self.items.remove(text)  # TODO"),
            finish("done"),
            change("  # TODO", ""),
            finish("no leftovers"),
        ]);
    project.heals("ASSERTION_ERROR", "fix_lint");
}

#[test]
fn apply_fixes() {
    let project = Project::new("sum")
        .with(&[(
            "orchestrator.yaml",
            "checks:\n  style: {kind: lint, command: cargo fmt --check}\nstability: {reruns: 0}\n",
        )])
        .says(&[
            one_step(&["src/lib.rs"]),
            tools(&[write_file(
                "src/lib.rs",
                "/// The sum of all numbers.\npub fn sum(numbers:&[i64])->i64{numbers.iter().copied().sum()}\n",
            )]),
            finish("done"),
        ]);
    project.heals("ASSERTION_ERROR", "apply_fixes");
    project.replays();
}

#[test]
fn fix_command() {
    let project = todo()
        .with(&[(
            "orchestrator.yaml",
            "checks:\n  test: {kind: test, command: python3 run_tests.py, report: none}\nstability: {reruns: 0}\n",
        )])
        .says(&[
            one_step(&["todo.py", "run_tests.py"]),
            add_done(RIGHT),
            finish("done"),
            tools(&[write_file("run_tests.py", "import unittest\n\nunittest.main(module=None, argv=[\"x\", \"discover\"])\n")]),
            finish("the script is there"),
        ]);
    project.heals("LOGIC_ERROR", "fix_command");
}

#[test]
fn refine_plan_keeps_the_step_that_is_done() {
    let blocked =
        json!({"name": "finish", "arguments": {"blocked": "test_more.py must be written too"}});
    let first = step("step-1", &["todo.py"]);
    let second = json!({"id": "step-2", "name": "test it", "description": "a test",
        "files": ["README"], "dependencies": ["step-1"]});
    let more = json!({"id": "step-3", "name": "test it", "description": "a test in its file",
        "files": ["test_more.py"]});
    let altered = step("step-1", &["elsewhere.py"]);
    let project = todo().says(&[
        plan(&[first, second]),
        add_done(RIGHT),
        finish("done"),
        tools(&[blocked]),
        // It leaves nothing out, but alters what is done.
        plan(&[altered, more]),
        tools(&[write_file("test_more.py", DONE_TEST)]),
        finish("tested"),
    ]);
    let summary = project.heals("LOGIC_ERROR", "refine_plan");
    let steps = &summary["plan"]["steps"];
    assert_eq!(steps[0]["files"], json!(["todo.py"]), "{steps:#}");
    assert_eq!(summary["steps"][0]["attempts"], 1);
    assert_eq!(summary["steps"].as_array().unwrap().len(), 2);
}

#[test]
fn replan_after_a_fix_in_vain() {
    let again = json!({"id": "step-2", "name": "another way", "description": "remove by value",
        "files": ["todo.py"]});
    let project = todo().configured("healing: {learn: false, candidates: 0}\n");
    let project = without_repair(project).says(&[
        one_step(&["todo.py"]),
        add_done(FIRST),
        finish("done"),
        change(FIRST, LAST),
        finish("worse"),
        plan(&[again]),
        change(FIRST, RIGHT),
        finish("by value"),
    ]);
    let summary = project.heals("ASSERTION_ERROR", "replan");
    assert_eq!(summary["plan"]["steps"].as_array().unwrap().len(), 2);
}

/// Nobody is there to write instructions.
fn without_repair(project: Project) -> Project {
    let path = project.sandbox.outside("home/.config/rgpt/config.yaml");
    let before = std::fs::read_to_string(&path).unwrap();
    project
        .sandbox
        .person_config(&before.replace("  repair: {models: [scripted]}\n", ""));
    project
}

#[test]
fn patch_instructions() {
    let project = todo().configured("healing: {learn: false}\n").says(&[
        one_step(&["todo.py"]),
        add_done(FIRST),
        finish("done"),
        change(FIRST, LAST),
        finish("worse"),
        repair(
            json!({"json": {"instructions": "Remove the entry by its text, never by its place."}}),
        ),
        json!({"agent": "builder", "contains": "never by its place",
            "tools": [edit("todo.py", FIRST, RIGHT)]}),
        finish("by its text"),
    ]);
    let summary = project.heals("ASSERTION_ERROR", "patch_instructions");
    let events = summary["events"].as_array().unwrap();
    let asked = events
        .iter()
        .find(|event| event["type"] == "analysis.completed");
    assert!(asked.is_some(), "{}", told(&summary));
    project.replays();
}

#[test]
fn regenerate_test() {
    // The run writes the test itself, and the test is what is wrong.
    let wrong = DONE_TEST
        .replace("[\"milk\"]", "[\"bread\"]")
        .replace("DoneTest", "OwnTest");
    let right = wrong.replace("[\"bread\"]", "[\"milk\"]");
    let project = Project::new("todo").configured("healing: {learn: false, candidates: 0}\n");
    let project = without_repair(project).says(&[
        one_step(&["todo.py", "test_own.py"]),
        tools(&[
            edit(
                "todo.py",
                "        return list(self.items)\n",
                &format!("        return list(self.items)\n\n    def done(self, text):\n        {RIGHT}\n"),
            ),
            write_file("test_own.py", &wrong),
        ]),
        finish("done"),
        change(RIGHT, FIRST),
        finish("to please the test"),
        // The first is refused: only the test may be written anew.
        tools(&[write_file("todo.py", "x = 1\n"), write_file("test_own.py", &right)]),
        finish("the test says what is wanted"),
    ]);
    // The wrong fix must not pass either.
    let project = project.with(&[(
        "test_both.py",
        "import unittest\n\nimport todo\n\n\nclass Both(unittest.TestCase):\n    def test_last(self):\n        \
         things = todo.Todo()\n        things.add(\"a\")\n        things.add(\"b\")\n        \
         if hasattr(things, \"done\"):\n            things.done(\"b\")\n            \
         self.assertEqual(things.open(), [\"a\"])\n",
    )]);
    let summary = project.heals("ASSERTION_ERROR", "regenerate_test");
    let denied = summary["events"].as_array().unwrap().iter();
    assert_eq!(
        denied
            .filter(|event| event["type"] == "gate.denied")
            .count(),
        1
    );
}

#[test]
fn try_candidates() {
    let project = todo().configured("healing: {learn: false, candidates: 3}\n");
    let project = without_repair(project).says(&[
        one_step(&["todo.py"]),
        add_done(FIRST),
        finish("done"),
        change(FIRST, LAST),
        finish("worse"),
        json!({"agent": "builder", "contains": "patch 1 of 3", "tools": [edit("todo.py", FIRST, "pass")]}),
        finish("does nothing"),
        json!({"agent": "builder", "contains": "patch 2 of 3", "tools": [edit("todo.py", FIRST, RIGHT)]}),
        finish("by its text"),
        json!({"agent": "builder", "contains": "Take another way",
            "tools": [edit("todo.py", FIRST, "self.items = []")]}),
        finish("forgets everything"),
    ]);
    let summary = project.heals("ASSERTION_ERROR", "try_candidates");
    let events = summary["events"].as_array().unwrap();
    let count = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
    assert_eq!(count("candidate.completed"), 3, "{}", told(&summary));
    assert_eq!(count("candidate.chosen"), 1);
    let commit = summary["run"]["commit"].as_str().unwrap();
    let code = project.sandbox.git(&["show", &format!("{commit}:todo.py")]);
    assert!(code.contains(RIGHT), "{code}");
    project.replays();
}

#[test]
fn free_form() {
    let project = todo()
        .configured("healing: {learn: false, candidates: 0}\n")
        .says(&[
            one_step(&["todo.py"]),
            add_done(FIRST),
            finish("done"),
            change(FIRST, LAST),
            finish("worse"),
            repair(json!({"text": "no instructions"})),
            json!({"agent": "planner", "times": 0, "text": "no plan"}),
            repair(json!({"tools": [run_command("python3 -m unittest || true"),
            edit("todo.py", FIRST, RIGHT)]})),
            repair(json!({"tools": [{"name": "finish", "arguments": {"summary": "found it"}}]})),
        ]);
    project.heals("ASSERTION_ERROR", "free_form");
}

#[test]
fn create_from_template() {
    let test = "import unittest\n\n\nclass EnvTest(unittest.TestCase):\n    def test_env(self):\n        \
                self.assertIn(\"MODE=test\", open(\".env\").read())\n";
    let project = todo()
        .with(&[
            ("test_env.py", test),
            (".env.example", "MODE=test\nAPI_TOKEN=\n"),
        ])
        .says(&[one_step(&["todo.py"]), add_done(RIGHT), finish("done")]);
    project.heals("CONFIG_ERROR", "create_from_template");
}

#[test]
fn install_dependencies() {
    // The set-up installs what its lock file names; the first time a package is forgotten.
    let setup = "mkdir -p vendor\nif [ -e vendor/seen ]; then echo 'x = 1' > vendor/helper_lib.py; fi\ntouch vendor/seen\n";
    let project = Project::new("todo").with(&[
        ("setup.sh", setup),
        (
            "load.py",
            "import sys\n\nsys.path.insert(0, \"vendor\")\nimport helper_lib\n",
        ),
        (".gitignore", "__pycache__/\nvendor/\n"),
        (
            "orchestrator.yaml",
            "checks:\n  load: {kind: build, command: python3 load.py, report: none}\n\
             workspace: {setup: [{command: sh setup.sh}]}\nstability: {reruns: 0}\n",
        ),
    ]);
    let project = project.says(&[
        one_step(&["todo.py"]),
        add_done(RIGHT),
        finish("done"),
        finish("done again"),
    ]);
    let (_, summary) = project.run(&[]);
    let heals = summary["heals"].as_array().unwrap();
    assert_eq!(
        heals[0]["heal_action"],
        "install_dependencies",
        "{}",
        told(&summary)
    );
    assert_eq!(heals[0]["verdict"], "kept", "{}", told(&summary));
}

#[test]
fn rerun_checks() {
    let project = todo();
    let mark = project.sandbox.outside("mark");
    let script = format!(
        "if [ ! -e {mark} ]; then touch {mark}; echo 'curl: (6) Could not resolve host: example.invalid'; exit 6; fi\n\
         exec python3 -m unittest\n",
        mark = mark.display()
    );
    let project = project
        .with(&[
            ("net.sh", &script),
            (
                "orchestrator.yaml",
                "checks:\n  test: {kind: test, command: sh net.sh, report: none}\nstability: {reruns: 0}\n",
            ),
        ])
        .configured("policy: {sandbox: off}\n")
        .says(&[one_step(&["todo.py"]), add_done(RIGHT), finish("done")]);
    project.heals("INFRA_ERROR", "rerun_checks");
}

#[test]
fn split_step() {
    let too_long = json!({"agent": "builder", "times": 0, "contains": "carry out step-1",
        "error": {"status": 413, "message": "the context is too long"}});
    let second = json!({"id": "step-2", "name": "the method", "description": "add done",
        "files": ["todo.py"]});
    let project = todo().configured("healing: {learn: false}\n");
    let project = without_repair(project).says(&[
        one_step(&["todo.py"]),
        too_long,
        plan(&[second]),
        add_done(RIGHT),
        finish("done"),
    ]);
    project.heals("LOGIC_ERROR", "split_step");
}
