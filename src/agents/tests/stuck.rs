//! Models that go round in circles.

use proptest::prelude::*;

use super::*;

/// A builder that may take many turns.
fn patient() -> Brief {
    let mut brief = brief(Agent::Builder);
    brief.context.models.max_turns = 100;
    brief
}

impl Tape {
    /// A turn of one call with its answer.
    fn turn(self, name: &str, argument: &str, answer: &str, is_error: bool) -> Self {
        let arguments = json!({"query": argument});
        let call = ToolCall {
            id: "c0".into(),
            name: name.into(),
            arguments: arguments.clone(),
        };
        let answer = ToolAnswer {
            text: answer.into(),
            is_error,
            ..ToolAnswer::default()
        };
        self.calls(&[(name, arguments)])
            .push(Call::Tool(call), Answer::Tool(answer))
    }
}

/// What rgpt says on its own account after the first message.
fn told(request: &ModelRequest) -> Vec<&str> {
    request.messages[1..]
        .iter()
        .filter_map(|message| match message {
            Message::User { text } => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

/// The turn after which it is told, and that after which it is stopped.
fn course(turn: impl Fn(usize, Tape) -> Tape) -> (Option<usize>, Option<usize>) {
    let (mut tape, mut first) = (Tape::default(), None);
    for at in 1..=40 {
        tape = turn(at, tape);
        match next(&patient(), &tape.0) {
            Next::Ask(request) => {
                let told = told(&request);
                assert!(told.len() <= 1, "{told:?}");
                if !told.is_empty() {
                    first.get_or_insert(at);
                }
            }
            Next::Done(Err(AgentError::Stuck(_))) => return (first, Some(at)),
            other => panic!("{other:?}"),
        }
    }
    (first, None)
}

#[test]
fn the_same_call_with_the_same_answer_is_told_at_the_fourth_and_ends_at_the_fifth() {
    let same = |_, tape: Tape| tape.turn("search_code", "x", "none", false);
    assert_eq!(course(same), (Some(4), Some(5)));
}

#[test]
fn how_long_a_command_took_makes_no_difference() {
    let timed = |at: usize, tape: Tape| {
        let answer = format!("1 test failed; finished in 0.{at:02}s");
        tape.turn("run_command", "cargo test", &answer, false)
    };
    assert_eq!(course(timed), (Some(4), Some(5)));
    let counted = |at: usize, tape: Tape| {
        let answer = format!("{at} tests failed");
        tape.turn("run_command", "cargo test", &answer, false)
    };
    assert_eq!(course(counted), (None, None));
}

#[test]
fn the_same_error_is_told_at_the_third_also_for_other_calls() {
    let same =
        |at: usize, tape: Tape| tape.turn("edit_file", &at.to_string(), "no such text", true);
    assert_eq!(course(same), (Some(3), Some(4)));
    let others = |at: usize, tape: Tape| {
        tape.turn(
            "edit_file",
            "x",
            &format!("no such text in line {at}"),
            true,
        )
    };
    assert_eq!(course(others), (None, None));
}

#[test]
fn two_that_take_turns_are_told_at_the_sixth() {
    let turns = |at: usize, tape: Tape| match at % 2 {
        0 => tape.turn("edit_file", "a to b", "edited", false),
        _ => tape.turn("edit_file", "b to a", "edited", false),
    };
    assert_eq!(course(turns), (Some(6), Some(7)));
}

#[test]
fn a_model_that_listens_goes_on_and_is_told_only_once() {
    let listens = |at: usize, tape: Tape| match at {
        1..=4 => tape.turn("search_code", "x", "none", false),
        _ => tape.turn("search_code", &at.to_string(), "none", false),
    };
    assert_eq!(course(listens), (Some(4), None));
    let relapses = |at: usize, tape: Tape| match at {
        1..=4 | 20.. => tape.turn("search_code", "x", "none", false),
        _ => tape.turn("search_code", &at.to_string(), "none", false),
    };
    assert_eq!(course(relapses), (Some(4), Some(23)));
}

#[test]
fn what_is_told_stands_after_the_turn_where_it_was_said_and_names_the_call() {
    let mut tape = Tape::default();
    for _ in 0..4 {
        tape = tape.turn("search_code", "needle", "none", false);
    }
    let request = asked(next(&patient(), &tape.0));
    assert!(
        request
            .last_words()
            .contains(r#"search_code {"query":"needle"} was called 4 times"#)
    );
    let length = request.messages.len();
    let tape = tape.turn("read_file", "a", "text", false);
    let later = asked(next(&patient(), &tape.0));
    assert_eq!(later.messages[..length], request.messages[..]);
    assert_eq!(told(&later).len(), 1);
}

#[test]
fn a_planner_and_a_model_without_native_tools_are_told_too() {
    let mut brief = patient();
    brief.agent = Agent::Planner;
    brief.context.models.native_tools = false;
    let call = "```json\n{\"tool\":\"list_files\",\"arguments\":{}}\n```";
    let mut tape = Tape::default();
    for _ in 0..4 {
        tape = tape
            .says(call, FinishReason::Stop, &[])
            .answers("list_files", "a.rs");
    }
    assert!(
        asked(next(&brief, &tape.0))
            .last_words()
            .contains("round in circles")
    );
    let tape = tape
        .says(call, FinishReason::Stop, &[])
        .answers("list_files", "a.rs");
    let ended = done(next(&brief, &tape.0));
    assert!(matches!(ended, Err(AgentError::Stuck(_))), "{ended:?}");
}

proptest! {
    #[test]
    fn varied_work_is_never_told_anything(steps in prop::collection::vec((0..5_usize, any::<bool>()), 1..40)) {
        let mut tape = Tape::default();
        for (at, (tool, is_error)) in steps.iter().enumerate() {
            let name = ["read_file", "search_code", "edit_file", "run_command", "list_files"][*tool];
            // Each call is another one, and each answer says something else.
            tape = tape.turn(name, &at.to_string(), &format!("answer {at}"), *is_error);
        }
        let request = asked(next(&patient(), &tape.0));
        prop_assert!(told(&request).is_empty());
    }

    #[test]
    fn no_tape_is_told_more_than_once_nor_asked_again_after_the_end(
        steps in prop::collection::vec((0..3_usize, 0..2_usize, any::<bool>()), 1..60),
    ) {
        let mut tape = Tape::default();
        let mut ended = false;
        for (call, answer, is_error) in steps {
            tape = tape.turn("run_command", &call.to_string(), &answer.to_string(), is_error);
            match next(&patient(), &tape.0) {
                Next::Ask(request) => {
                    prop_assert!(!ended);
                    prop_assert!(told(&request).len() <= 1);
                }
                Next::Done(Err(AgentError::Stuck(_))) => ended = true,
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }
}
