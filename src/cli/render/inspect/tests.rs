use serde_json::json;

use super::*;
use crate::cli::render::fixture;

fn shown(document: &Value, verbose: bool) -> String {
    fixture::plain(&inspect(
        document,
        verbose,
        fixture::now(),
        &fixture::look(),
    ))
}

/// The sections from one heading up to another.
fn part(shown: &str, from: &str, to: &str) -> String {
    let start = shown.find(from).unwrap();
    let end = shown[start..].find(to).map_or(shown.len(), |at| start + at);
    shown[start..end].trim_end().to_owned()
}

#[test]
fn first_stands_what_was_wanted_and_what_came_of_it() {
    let shown = shown(&fixture::demo(), false);
    insta::assert_snapshot!(part(&shown, "run 1", "Heals"), @r"
    run 1  Priorities for to-do items
      state     done, verified
      branch    rgpt/run-1
      commit    4f1c9d02abf6e1c37788d5a0911be4c26f5d3a90 on 0b7ad13e55
      created   2026-10-05 12:03:04 (5 min ago)
      finished  2026-10-05 12:03:13 (4 min ago)
      used      9 model calls, 12.3k tokens, $0.0264
      repairs   3 of 12 heals, 0 of 3 retries in this phase
      quality   0.87 of 1

    Goal
      Give every item a priority (high, normal or low), list the most urgent items
      first, and let `todo add --priority high` set it

    Plan
      ✓ step-1  Keep a priority with every item
                src/list.rs, tests/list.rs
      ✓ step-2  Set the priority on the command line (2 attempts)
                src/cli.rs, src/main.rs, tests/cli.rs

    Phases
    phase     attempts  model      time  tokens     cost  result
    ─────────────────────────────────────────────────────────────────
    planner          3  scripted  59 ms    3.0k  $0.0071  ✓ completed
    builder          3  scripted  3.6 s    9.3k  $0.0193  ✓ completed
    tester           2  –         3.6 s       –        –  ✓ completed
    releaser         1  –         42 ms       –        –  ✓ completed
    total                         7.3 s   12.3k  $0.0264
    ");
    assert!(shown.ends_with("\n\n✓ Reached: branch rgpt/run-1, commit 4f1c9d02ab, verified"));
}

#[test]
fn every_heal_says_what_it_was_for_and_how_it_ended() {
    insta::assert_snapshot!(part(&shown(&fixture::demo(), false), "Heals", "Checks"), @r"
    Heals
      ✓ 1  12:03:04  LLM_ERROR in planner, kept
           root cause  EOF while parsing a string at line 1 column 187
           action      regenerate: the answer cannot be read; ask again with the
                       exact error
           outcome     the plan can be read now
           used        812 tokens, $0.0021
           signature   3f2a91c0d4e5
      ✓ 2  12:03:06  LOGIC_ERROR in builder, kept
           root cause  `todo add --priority` is parsed in src/main.rs, which step-2
                       may not edit
           action      refine_plan: the step needs src/main.rs, which is outside its
                       scope
           outcome     step step-2 is completed
           used        2.3k tokens, $0.0067
           signature   9bc4417e00d2
      ✓ 3  12:03:09  ASSERTION_ERROR in tester, kept
           root cause  assertion `left == right` failed: equally urgent items keep
                       their order
           action      fix_assertion: a test fails; show the builder the assertion,
                       its code and the diff
           outcome     check test passes
           used        1.9k tokens, $0.0049
           signature   51d0e9aa7c33
    ");
}

#[test]
fn checks_findings_and_executions_are_all_there() {
    insta::assert_snapshot!(part(&shown(&fixture::demo(), false), "Checks", "Events"), @r"
    Checks
      ✓ build  passed after a step, 810 ms
      ✓ build  passed after a step, 640 ms
      ✓ build  passed, 700 ms
      ✗ test   failed, exit code 101, 1.1 s
      ✓ test   passed on the base, 990 ms
      ✓ build  passed, 690 ms
      ✓ test   passed, 1.0 s
      ✓ lint   passed, 88 ms

    Findings (1 open, 1 resolved)
      ✓ major test       tests/list.rs:41: assertion `left == right` failed: equally
                         urgent items keep their order
      · minor lint       src/cli.rs:88: this function has too many arguments (8/7)

    Executions
    id  phase     step    attempt  model       time  result
    ──────────────────────────────────────────────────────────────────
     1  planner   –             1  scripted   20 ms  ✗ LLM_ERROR
     2  planner   –             2  scripted   18 ms  ✓ completed
     3  builder   step-1        1  scripted   1.4 s  ✓ completed
     4  builder   step-2        1  scripted   64 ms  ✗ LOGIC_ERROR
     5  planner   –             3  scripted   21 ms  ✓ completed
     6  builder   step-2        2  scripted   1.2 s  ✓ completed
     7  tester    –             1  –          1.8 s  ✗ ASSERTION_ERROR
     8  builder   –             1  scripted  940 ms  ✓ completed
     9  tester    –             2  –          1.7 s  ✓ completed
    10  releaser  –             1  –          42 ms  ✓ completed
    ");
}

#[test]
fn events_stand_in_their_order() {
    let mut document = fixture::demo();
    document["events"].as_array_mut().unwrap().truncate(4);
    insta::assert_snapshot!(part(&shown(&document, false), "Events", "✓ Reached"), @r"
    Events (4)
       1  12:03:04  run created: Priorities for to-do items
       2  12:03:04  planner started with scripted
       3  12:03:04  planner failed (LLM_ERROR): the answer is no JSON: EOF while
                    parsing a string at line 1 column 187
       4  12:03:04  heal 1 of LLM_ERROR: regenerate, back to planner: the answer
                    cannot be read; ask again with the exact error
    ");
}

#[test]
fn the_last_events_are_shown_and_all_of_them_if_asked() {
    let mut document = fixture::stopped();
    let one = document["events"][0].clone();
    document["events"]
        .as_array_mut()
        .unwrap()
        .extend(std::iter::repeat_n(one, 30));
    let count = |verbose| shown(&document, verbose).matches("run created").count();
    assert!(shown(&document, false).contains("Events (the last 40 of 51, all with -v)"));
    assert_eq!((count(false), count(true)), (30, 31));
}

#[test]
fn nothing_is_wider_than_the_terminal() {
    use crate::cli::render::{layout, list, summary};
    for width in [50, 57, 64, 80, 120] {
        let look = Look {
            width,
            ..fixture::look()
        };
        for document in [fixture::demo(), fixture::stopped(), fixture::failed()] {
            let runs = json!({"runs": [document["run"]]});
            let shown = [
                summary::summary(&document, &look),
                inspect(&document, true, fixture::now(), &look),
                list::list(&runs, fixture::now(), &look),
            ];
            let too_wide = |line: &&str| layout::width(line) > width;
            assert_eq!(shown.join("\n").lines().find(too_wide), None, "at {width}");
        }
    }
}

#[test]
fn where_only_ascii_can_be_shown_there_is_only_ascii() {
    use crate::cli::render::summary;
    let look = Look {
        ascii: true,
        ..fixture::look()
    };
    for document in [fixture::demo(), fixture::stopped(), fixture::failed()] {
        let whole = inspect(&document, true, fixture::now(), &look);
        let shown = format!("{whole}{}", summary::summary(&document, &look));
        assert_eq!(shown.lines().find(|line| !line.is_ascii()), None);
    }
}

#[test]
fn a_run_that_is_only_created() {
    let document = json!({"run": {"id": 2, "title": "t", "goal": "one\n\ntwo", "state": "pending",
        "status": "pending", "base_commit": "0b7ad13e55c09f41", "created_at": "2026-10-05T12:03:09Z",
        "usage": {"model_calls": 0, "input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0}}});
    insta::assert_snapshot!(shown(&document, false), @r"
    run 2  t
      state     pending
      commit    none yet, on 0b7ad13e55
      created   2026-10-05 12:03:09 (4 min ago)
      used      0 model calls, 0 tokens, $0.00

    Goal
      one

      two

    · Pending: not started yet

    Next
      rgpt resume --run 2  start it
    ");
}
