//! The report at the end of a run.

use serde_json::Value;

use super::document::Doc;
use super::look::{Look, style};
use super::{checks, heals, outcome, phases, replay};
use crate::export::words;

/// The report of a run, from its `inspect --json` document: what it did, what was healed, what
/// still stands, how it ended, and what to type next.
pub(crate) fn summary(document: &Value, look: &Look) -> String {
    let document = Doc(document);
    let run = document.at("run");
    let title = style::paint(style::HEAD, format!("run {}", run.word("id")));
    let mut parts = vec![super::layout::hang(
        &format!("{title}  "),
        &run.word("title"),
        2,
        look,
    )];
    if document.list("phases").next().is_some() {
        parts.push(phases::table(document, look));
    }
    let checked = match words::tests(document) {
        Some(tests) => format!("Checks ({tests})"),
        None => "Checks".to_owned(),
    };
    let sections = [
        ("Healed", heals::brief(document, look)),
        (checked.as_str(), checks::verdicts(document, look)),
        ("Open findings", checks::open_findings(document, look)),
        ("Replay", replay::comparison(document, look)),
    ];
    parts.extend(
        sections
            .into_iter()
            .filter_map(|(name, body)| section(name, body)),
    );
    parts.push(outcome::sentence(document, look));
    parts.extend(section("Next", outcome::next(document, look)));
    parts.join("\n\n")
}

/// A body below its heading, if there is one.
pub(crate) fn section(name: &str, body: Option<String>) -> Option<String> {
    Some(format!("{}\n{}", style::paint(style::HEAD, name), body?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::render::fixture;

    fn shown(document: &Value) -> String {
        fixture::plain(&summary(document, &fixture::look()))
    }

    #[test]
    fn a_run_that_reached_its_goal() {
        insta::assert_snapshot!(shown(&fixture::demo()), @r"
        run 1  Priorities for to-do items

        phase     attempts  model      time  tokens     cost  result
        ─────────────────────────────────────────────────────────────────
        planner          3  scripted  59 ms    3.0k  $0.0071  ✓ completed
        builder          3  scripted  3.6 s    9.3k  $0.0193  ✓ completed
        tester           2  –         3.6 s       –        –  ✓ completed
        releaser         1  –         42 ms       –        –  ✓ completed
        total                         7.3 s   12.3k  $0.0264

        Healed
          ✓ 1  LLM_ERROR in planner: regenerate
               EOF while parsing a string at line 1 column 187
               kept: the plan can be read now
          ✓ 2  LOGIC_ERROR in builder: refine_plan
               `todo add --priority` is parsed in src/main.rs, which step-2 may not edit
               kept: step step-2 is completed
          ✓ 3  ASSERTION_ERROR in tester: fix_assertion
               assertion `left == right` failed: equally urgent items keep their order
               kept: check test passes

        Checks (14 tests passed)
          ✓ build  passed, 690 ms
          ✓ test   passed, 1.0 s
          ✓ lint   passed, 88 ms

        Open findings
          · minor lint       src/cli.rs:88: this function has too many arguments (8/7)

        ✓ Reached: branch rgpt/run-1, commit 4f1c9d02ab, verified

        Next
          git log -p -1 rgpt/run-1  read the change
          rgpt apply --run 1        take it into your branch
          rgpt inspect 1            the whole record
        ");
    }

    #[test]
    fn a_run_that_ran_out_of_money() {
        insta::assert_snapshot!(shown(&fixture::stopped()), @r"
        run 1  Priorities for to-do items

        phase    attempts  model      time  tokens     cost  result
        ──────────────────────────────────────────────────────────────────────
        planner         3  scripted  59 ms    3.0k  $0.0071  ✓ completed
        builder         3  scripted  3.6 s    9.3k  $0.0193  ! stopped
        total                        3.6 s   12.3k  $0.0264  of 2.00M, $0.0300

        Healed
          ✓ 1  LLM_ERROR in planner: regenerate
               EOF while parsing a string at line 1 column 187
               kept: the plan can be read now
          ↻ 2  LOGIC_ERROR in builder: refine_plan
               `todo add --priority` is parsed in src/main.rs, which step-2 may not edit
               under way

        Checks
          ✓ build  passed after a step, 810 ms

        ! Stopped: the next call may cost $0.0120, $0.0036 is left of $0.0300
          (budget_usd)

        Next
          rgpt resume --run 1 --budget-usd 1  go on with more money
          rgpt inspect 1                      the whole record
        ");
    }

    #[test]
    fn a_run_that_failed() {
        insta::assert_snapshot!(shown(&fixture::failed()), @r"
        run 1  Priorities for to-do items

        phase    attempts  model      time  tokens     cost  result
        ────────────────────────────────────────────────────────────────
        planner         3  scripted  59 ms    3.0k  $0.0071  ✓ completed
        builder         3  scripted  3.6 s    9.3k  $0.0193  ✓ completed
        tester          2  –         3.6 s       –        –  ✗ failed
        total                        7.3 s   12.3k  $0.0264

        Healed
          ✓ 1  LLM_ERROR in planner: regenerate
               EOF while parsing a string at line 1 column 187
               kept: the plan can be read now
          ✓ 2  LOGIC_ERROR in builder: refine_plan
               `todo add --priority` is parsed in src/main.rs, which step-2 may not edit
               kept: step step-2 is completed
          ✗ 3  ASSERTION_ERROR in tester: fix_assertion
               assertion `left == right` failed: equally urgent items keep their order
               taken back: check test still fails

        Checks
          ✓ build  passed, 700 ms
          ✗ test   failed, exit code 101, 1.1 s

        Open findings
          ✗ major test       tests/list.rs:41: assertion `left == right` failed: equally
                             urgent items keep their order
          · minor lint       src/cli.rs:88: this function has too many arguments (8/7)

        ✗ Failed: no remedy is left for 1 failing test

        Next
          rgpt inspect 1                the whole record
          rgpt resume --run 1           try again with a new budget
          rgpt heal --run 1             make one repair by hand
          rgpt replay --run 1 --failed  do the failed phase again as a new run
        ");
    }

    #[test]
    fn a_run_that_waits_for_a_person_says_what_to_do_first() {
        let document = json!({
            "run": {"id": 4, "title": "Add a flag", "state": "awaiting_human", "status": "stopped",
                "stop_reason": "awaiting_human"},
            "stop": {"reason": "awaiting_human", "message": "no key",
                "action_required": "set OPENAI_API_KEY in the environment"},
            "events": [{"seq": 3, "type": "run.stopped", "at": "2026-10-05T12:03:09Z",
                "text": "stopped (awaiting_human): the key of provider openai is missing"}],
        });
        insta::assert_snapshot!(shown(&document), @r"
        run 4  Add a flag

        ! Waiting for you: the key of provider openai is missing. To do: set
          OPENAI_API_KEY in the environment

        Next
          rgpt resume --run 4  go on, once that is done
          rgpt inspect 4       the whole record
        ");
    }

    #[test]
    fn an_empty_document_is_no_panic_and_a_hostile_one_no_danger() {
        shown(&json!({}));
        let hostile = fixture::demo()
            .to_string()
            .replace("priority", "\\u001b[2J\\u202e\\u009b1m");
        let text = summary(&serde_json::from_str(&hostile).unwrap(), &fixture::look());
        assert!(!text.contains("\u{1b}[2J") && !text.contains(['\u{202e}', '\u{9b}']));
    }
}
