use serde_json::json;

use super::*;
use crate::cli::render::fixture;

fn worse() -> Value {
    json!({
        "a": 41, "b": 42, "same": false,
        "titles": {"a": "Priorities for to-do items", "b": "Priorities for to-do items"},
        "repositories": {"a": "/home/ada/todo", "b": "/home/ada/todo"},
        "lineage": {"run": 42, "source": 41, "phase": "builder", "mode": "live", "result": "diverged"},
        "states": {
            "a": {"state": "done", "status": "success", "verified": true, "tree": "a1"},
            "b": {"state": "tester_error", "status": "stopped", "verified": false,
                "stop_reason": "budget_usd", "tree": "b2"},
        },
        "first_divergence": {"seq": 9, "type": "step.completed", "execution": 2, "call": 3,
            "a": "tool_calls[0].arguments.new_text: \"items.sort_by_key(|item| item.priority)\"",
            "b": "tool_calls[0].arguments.new_text: \"items.sort_unstable_by_key(|item| item.priority)\""},
        "plan": {"summary_changed": true, "added": [{"id": "step-3", "name": "document the flag"}],
            "removed": [{"id": "step-2", "name": "parse the flag"}],
            "changed": [{"id": "step-1", "name": "a field for the priority", "fields": ["description", "files"]}]},
        "checks": [{"name": "lint", "a": "passed", "b": null}, {"name": "test", "a": "passed", "b": "failed"}],
        "tests": {"newly_failing": ["list::keeps_the_order_of_equally_urgent_items_whatever_else_is_changed"],
            "newly_passing": ["list::adds"], "flaky": ["server::answers"]},
        "findings": {
            "added": [{"severity": "major", "category": "test", "check": "test", "location": "tests/list.rs:41",
                "message": "assertion `left == right` failed: equally urgent items keep their order"}],
            "resolved": [{"severity": "minor", "category": "lint", "check": "lint", "location": null,
                "message": "unused import"}]},
        "heals": {
            "a": [{"phase": "planner", "error_type": "LLM_ERROR", "action": "regenerate", "verdict": "kept"}],
            "b": [{"phase": "planner", "error_type": "LLM_ERROR", "action": "regenerate", "verdict": "kept"},
                {"phase": "tester", "error_type": "ASSERTION_ERROR", "action": "fix_assertion", "verdict": null}]},
        "models": {"planner": {"a": ["sonnet"], "b": ["sonnet"]}, "builder": {"a": ["sonnet"], "b": ["local-coder"]}},
        "usage": {"a": {"model_calls": 7, "input_tokens": 12_000, "output_tokens": 300, "cost_usd": 0.0264},
            "b": {"model_calls": 9, "input_tokens": 30_000, "output_tokens": 900, "cost_usd": 0.05}},
        "duration_ms": {"a": 7300, "b": 91_000},
        "patch": "diff --git a/a.rs b/a.rs\n--- a/a.rs\n+++ b/a.rs\n@@ -1 +1,2 @@\n-old\n+new\n+--more\n",
        "regression": true,
        "reasons": ["1 test newly fails", "1 major finding is added", "state tester_error instead of done"],
    })
}

fn at(width: usize) -> Look {
    Look {
        width,
        ..fixture::look()
    }
}

fn shown(document: &Value) -> String {
    fixture::plain(&comparison(document, Patch::Beginning, &fixture::look()))
}

#[test]
fn a_run_that_is_worse() {
    insta::assert_snapshot!(shown(&worse()), @r#"
    run 41 and run 42  Priorities for to-do items
      run 42 was forked from run 41 at the builder (live), and parted from it

                run 41            run 42
      state     done, verified    tester_error (budget_usd)
      time      7.3 s             1 m 31 s
      models    sonnet            sonnet, local-coder
      tokens    12.3k in 7 calls  30.9k in 9 calls
      cost      $0.0264           $0.0500
      heals     1                 2

    ✗ Run 42 is worse: 1 test newly fails, 1 major finding is added, state
      tester_error instead of done

    First divergence
      event 9 (step.completed), by call 3 of execution 2
        run 41: tool_calls[0].arguments.new_text: "items.sort_by_key(|item|
                item.priority)"
        run 42: tool_calls[0].arguments.new_text: "items.sort_unstable_by_key(|item|
                item.priority)"

    Plan
      ~ summary
      - step-2: parse the flag
      + step-3: document the flag
      ~ step-1: a field for the priority (description, files)

    Checks
      · lint: passed, then not run
      ✗ test: passed, then failed

    Tests
      ✗ newly failing:
        list::keeps_the_order_of_equally_urgent_items_whatever_else_is_changed
      ✓ newly passing: list::adds
      ! flaky, passed and failed on one tree: server::answers

    Findings
      + major test tests/list.rs:41: assertion `left == right` failed: equally
        urgent items keep their order
      - minor lint: unused import

    Heals
      run 41: ✓ LLM_ERROR in planner: regenerate
      run 42: ✓ LLM_ERROR in planner: regenerate
              ↻ ASSERTION_ERROR in tester: fix_assertion

    Patch (1 file, +2 -1)
    diff --git a/a.rs b/a.rs
    --- a/a.rs
    +++ b/a.rs
    @@ -1 +1,2 @@
    -old
    +new
    +--more
    "#);
}

#[test]
fn a_narrow_terminal_is_enough() {
    let text = comparison(&worse(), Patch::Beginning, &at(50));
    let text = anstream::adapter::strip_str(&text).to_string();
    let wide = text.lines().find(|line| width(line) > 50);
    assert_eq!(wide, None);
    insta::assert_snapshot!(text.lines().take(20).collect::<Vec<_>>().join("\n"), @r#"
    run 41 and run 42  Priorities for to-do items
      run 42 was forked from run 41 at the builder
      (live), and parted from it

                run 41            run 42
      state     done, verified    tester_error (bud…
      time      7.3 s             1 m 31 s
      models    sonnet            sonnet, local-cod…
      tokens    12.3k in 7 calls  30.9k in 9 calls
      cost      $0.0264           $0.0500
      heals     1                 2

    ✗ Run 42 is worse: 1 test newly fails, 1 major
      finding is added, state tester_error instead of
      done

    First divergence
      event 9 (step.completed), by call 3 of execution
      2
        run 41: tool_calls[0].arguments.new_text:
    "#);
}

#[test]
fn a_long_patch_is_shown_in_part_unless_all_of_it_is_wanted() {
    let mut document = worse();
    let lines: String = (0..100).map(|line| format!("+line {line}\n")).collect();
    document["patch"] = json!(format!("diff --git a/a b/a\n@@ -0,0 +1,100 @@\n{lines}"));
    let part = shown(&document);
    assert!(part.contains("Patch (1 file, +100 -0)"), "{part}");
    assert!(
        part.ends_with("+line 57\n42 more lines: rgpt diff 41 42 --patch"),
        "{part}"
    );
    let whole = comparison(&document, Patch::Whole, &fixture::look());
    assert!(whole.contains("+line 99"), "{whole}");
}

#[test]
fn what_cannot_be_shown_is_said() {
    let mut document = worse();
    document["patch"] = Value::Null;
    document["patch_missing"] = json!("tree b2 is no longer on the record");
    document["repositories"]["b"] = json!("/home/ada/other");
    let text = shown(&document);
    assert!(text.ends_with("Patch\n  ! cannot be shown: tree b2 is no longer on the record"));
    assert!(text.contains("! they worked on different repositories: /home/ada/todo and"));
}

#[test]
fn an_empty_document_is_no_panic_and_a_hostile_one_no_danger() {
    shown(&json!({}));
    let hostile = worse()
        .to_string()
        .replace("priority", "\\u001b[2J\\u202e\\u009b1m")
        .replace("list", "\\u001b]0;x\\u0007");
    let document = serde_json::from_str(&hostile).unwrap();
    let text = comparison(&document, Patch::Whole, &fixture::look());
    assert!(!text.contains("\u{1b}[2J") && !text.contains("\u{1b}]0"));
    assert!(!text.contains(['\u{202e}', '\u{9b}', '\u{7}']));
}
