//! What is left out of a request that does not fit, and what never is.

use proptest::prelude::*;

use super::*;
use crate::domain::brief::ContextText;
use crate::domain::message::Native;

/// A long conversation: a file list, texts, evidence, and turns that each read a file.
fn long(window: Option<u64>, turns: usize, overflows: usize) -> (Brief, Tape) {
    let mut brief = brief(Agent::Builder);
    brief.context.models.window = window;
    brief.context.models.max_turns = 100;
    brief.context.files = (0..500).map(|at| format!("src/file_{at}.rs")).collect();
    let text = |path: &str| ContextText {
        path: path.into(),
        text: format!("the text of {path}\n").repeat(300),
    };
    brief.context.texts = vec![text("first.rs"), text("second.rs")];
    brief.task.evidence = Some(Evidence {
        action: "fix_build".into(),
        error_type: "LOGIC_ERROR".into(),
        text: "error: it does not compile\n".repeat(300),
        repaired_answer: None,
        commands: Vec::new(),
    });
    let mut tape = Tape::default();
    for turn in 0..turns {
        let call = [("read_file", json!({"path": format!("f{turn}")}))];
        let speech = format!("turn {turn}. ").repeat(400);
        tape = tape
            .says(&speech, FinishReason::ToolCalls, &call)
            .answers("read_file", &format!("line of file {turn}\n").repeat(200));
    }
    for _ in 0..overflows {
        let too_long = ModelFailure::new(ModelFailureKind::ContextTooLong, "too long");
        tape = tape.model(Answer::ModelFailed(too_long));
    }
    (brief, tape)
}

fn packed(window: Option<u64>, turns: usize, overflows: usize) -> ModelRequest {
    let (brief, tape) = long(window, turns, overflows);
    asked(next(&brief, &tape.0))
}

fn holds(request: &ModelRequest, words: &str) -> bool {
    serde_json::to_string(request)
        .expect("writes")
        .contains(words)
}

#[test]
fn what_is_worth_least_is_left_out_first_and_only_as_far_as_it_must() {
    let shown = |overflows: usize| {
        let request = packed(None, 6, overflows);
        [
            "line of file 0",
            "src/file_7.rs",
            "the text of second.rs",
            "line of file 4",
            "[… ",
        ]
        .map(|words| holds(&request, words))
    };
    assert_eq!(shown(0), [true, true, true, true, false]);
    assert_eq!(shown(1), [false, true, true, true, false]);
    assert_eq!(shown(2), [false, false, true, true, false]);
    assert_eq!(shown(3), [false, false, false, true, false]);
    assert_eq!(shown(4), [false, false, false, false, true]);
    for overflows in 0..9 {
        let request = packed(None, 6, overflows);
        for words in [
            "Greet in German too",
            "line of file 5",
            "the text of first.rs",
            "turn 5.",
        ] {
            assert!(holds(&request, words), "{words} after {overflows}");
        }
    }
    assert!(holds(
        &packed(None, 6, 1),
        "[read_file {\\\"path\\\":\\\"f0\\\"} answered with"
    ));
    assert_eq!(
        packed(None, 6, 5),
        packed(None, 6, 6),
        "nothing is left to leave out"
    );
}

#[test]
fn a_window_that_is_known_is_kept_to_without_a_call_in_vain() {
    let whole = packed(None, 6, 0).estimated_tokens();
    assert_eq!(packed(Some(whole + 101), 6, 0), packed(None, 6, 0));
    let tight = packed(Some(whole / 2), 6, 0);
    assert!(
        tight.estimated_tokens() < whole / 2,
        "{}",
        tight.estimated_tokens()
    );
    // The smallest there is, where nothing is small enough.
    assert_eq!(packed(Some(10), 6, 0), packed(None, 6, 9));
}

#[test]
fn what_a_provider_worded_itself_is_never_shortened() {
    let (brief, mut tape) = long(None, 6, 9);
    let native = Native {
        by: "p/m".into(),
        parts: vec![json!({"thinking": "long".repeat(2_000)})],
    };
    for entry in &mut tape.0 {
        if let Some(Answer::Model(answer)) = &mut entry.answer {
            answer.native = Some(native.clone());
        }
    }
    let request = asked(next(&brief, &tape.0));
    let speeches = request.messages.iter().filter_map(|message| match message {
        Message::Assistant {
            text,
            native: Some(said),
            ..
        } => Some((text.len(), said)),
        _ => None,
    });
    let speeches: Vec<_> = speeches.collect();
    assert_eq!(speeches.len(), 6);
    assert!(
        speeches
            .iter()
            .all(|(length, said)| *length > 3_000 && **said == native)
    );
}

proptest! {
    /// Whatever is left out: each call is answered directly after it, in order.
    #[test]
    fn calls_keep_their_answers_and_requests_only_shrink(
        turns in 0_usize..9, overflows in 0_usize..8, window in prop::option::of(1_u64..40_000),
    ) {
        let request = packed(window, turns, overflows);
        let more = packed(window, turns, overflows + 1);
        prop_assert!(more.estimated_tokens() <= request.estimated_tokens());
        prop_assert_eq!(more == request, more.estimated_tokens() == request.estimated_tokens());
        prop_assert_eq!(request.messages.len(), 1 + 2 * turns);
        for pair in request.messages[1..].chunks(2) {
            let [Message::Assistant { tool_calls, .. }, Message::Tool { call_id, .. }] = pair else {
                panic!("a call and its answer: {pair:?}");
            };
            prop_assert_eq!(&tool_calls[0].id, call_id);
        }
    }
}
