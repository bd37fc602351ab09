use proptest::prelude::*;
use serde_json::json;

use super::*;

fn demo() -> Value {
    serde_json::from_str(include_str!("../../cli/render/fixture/demo.json")).unwrap()
}

/// The document with every text of others replaced.
fn with_every_text(value: &mut Value, text: &str) {
    // By these things are told apart.
    const OWN: [&str; 5] = ["id", "name", "scope", "status", "type"];
    match value {
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| with_every_text(item, text)),
        Value::Object(fields) => {
            for (key, field) in fields {
                match field {
                    Value::String(old) if !OWN.contains(&key.as_str()) => *old = text.to_owned(),
                    Value::String(_) => {}
                    _ => with_every_text(field, text),
                }
            }
        }
        Value::String(old) => *old = text.to_owned(),
        _ => {}
    }
}

#[test]
fn a_summary_is_readable_on_its_own() {
    insta::assert_snapshot!(summary(&demo()), @r"
    # Priorities for to-do items

    ✓ **Reached**: branch rgpt/run-1, commit 4f1c9d02ab, verified

    - Run: 1
    - State: done
    - Branch: `rgpt/run-1`
    - Commit: `4f1c9d02abf6e1c37788d5a0911be4c26f5d3a90`
    - Base: `0b7ad13e55c09f41d2aa7713c5a1be0e6f0a9c3d`
    - Created: 2026-10-05T12:03:04Z
    - Finished: 2026-10-05T12:03:13.6Z
    - Time at work: 7.3 s
    - Used: 9 model calls, 12.3k tokens, $0.0264
    - Quality: 0.87 of 1

    ## What was asked

    > Give every item a priority (high, normal or low), list the most urgent items first, and let \`todo add --priority high\` set it

    ## Plan

    Items get a priority, the list shows the most urgent first, and \`add\` can set it.

    1. **Keep a priority with every item** (`step-1`): completed
       - Add a Priority and sort by it.
       - Scope: `src/list.rs`, `tests/list.rs`
    2. **Set the priority on the command line** (`step-2`): completed, 2 attempts
       - Let \`todo add --priority high TITLE\` set it.
       - Scope: `src/cli.rs`, `src/main.rs`, `tests/cli.rs`

    ## What was done

    Items have a priority.

    ## Checks (14 tests passed)

    | check | kind | command | result |
    |---|---|---|---|
    | ✓ build | build |  | passed, 690 ms |
    | ✓ test | test |  | passed, 1.0 s |
    | ✓ lint | lint |  | passed, 88 ms |

    8 check runs in all.

    ## Repairs

    1. ✓ **LLM_ERROR** in planner: `regenerate`, kept
       - Cause: EOF while parsing a string at line 1 column 187
       - Why this: the answer cannot be read; ask again with the exact error
       - Outcome: the plan can be read now
    2. ✓ **LOGIC_ERROR** in builder: `refine_plan`, kept
       - Cause: \`todo add --priority\` is parsed in src/main.rs, which step-2 may not edit
       - Why this: the step needs src/main.rs, which is outside its scope
       - Outcome: step step-2 is completed
    3. ✓ **ASSERTION_ERROR** in tester: `fix_assertion`, kept
       - Cause: assertion \`left == right\` failed: equally urgent items keep their order
       - Why this: a test fails; show the builder the assertion, its code and the diff
       - Outcome: check test passes

    ## Findings

    | severity | kind | where | what | state |
    |---|---|---|---|---|
    | major | test | `tests/list.rs:41` | assertion \`left == right\` failed: equally urgent items keep their order | resolved |
    | minor | lint | `src/cli.rs:88` | this function has too many arguments (8/7) | open |

    ## Phases and cost

    | phase | attempts | model | time | tokens | cost | result |
    |---|---:|---|---:|---:|---:|---|
    | planner | 3 | scripted | 59 ms | 3.0k | $0.0071 | completed |
    | builder | 3 | scripted | 3.6 s | 9.3k | $0.0193 | completed |
    | tester | 2 | – | 3.6 s | 0 | $0.00 | completed |
    | releaser | 1 | – | 42 ms | 0 | $0.00 | completed |
    ");
}

#[test]
fn an_empty_document_is_no_panic() {
    assert!(summary(&json!({})).starts_with("# "));
}

#[test]
fn it_does_not_speak_of_itself() {
    let mut document = demo();
    let before = summary(&document);
    document["artifacts"] = json!([{"name": "summary.md", "type": "summary", "size": 3}]);
    assert_eq!(summary(&document), before);
}

#[test]
fn markup_of_others_stays_text() {
    let mut document = demo();
    let hostile = "</p><script>alert(1)</script> ![x](javascript:alert(1)) \u{1b}[2J\u{202e} | ``` \n# no\n- no";
    with_every_text(&mut document, hostile);
    let text = summary(&document);
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
    for line in text.lines() {
        let plain = without_code(line);
        assert!(
            !plain.contains("<script") && !plain.contains("]("),
            "{line}"
        );
    }
    let headings = |text: &str| text.lines().filter(|line| line.starts_with('#')).count();
    assert_eq!(headings(&text), headings(&summary(&demo())), "{text}");
    assert!(
        !text
            .lines()
            .any(|line| line.starts_with("```") || line == "- no")
    );
}

/// A line without its code spans and without what is escaped: what is left may be markup.
fn without_code(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(['`', '\\']) {
        plain.push_str(&rest[..at]);
        if rest[at..].starts_with('\\') {
            rest = rest[at + 1..].strip_prefix(|_| true).unwrap_or_default();
            continue;
        }
        let run = rest[at..].chars().take_while(|c| *c == '`').count();
        let (fence, body) = rest[at..].split_at(run);
        rest = body.split_once(fence).map_or("", |(_, after)| after);
    }
    plain + rest
}

proptest! {
    #[test]
    fn no_text_adds_a_row_a_heading_or_a_tag(text in "[a`|#<>*\\[\\]()!~:\n\r -]{0,40}") {
        let mut document = demo();
        with_every_text(&mut document, &text);
        let shown = summary(&document);
        for line in shown.lines().filter(|line| line.starts_with('|')) {
            // As tables are read: a backslash goes with what follows it.
            let cells = line.replace("\\\\", "").replace("\\|", "").matches('|').count();
            prop_assert!(cells == 5 || cells == 6 || cells == 8, "{}", line);
        }
        for line in shown.lines() {
            prop_assert!(!without_code(line).contains('<'), "{}", line);
        }
    }
}
