//! Agents that are asked about a failure.

use super::*;

fn about(agent: Agent, action: &str) -> Brief {
    let mut brief = brief(agent);
    brief.phase = State::Error(Phase::Tester);
    brief.task.evidence = Some(Evidence {
        action: action.into(),
        error_type: "ASSERTION_ERROR".into(),
        text: "The failure:\ntotal is 3, not 4".into(),
        repaired_answer: None,
        commands: Vec::new(),
    });
    brief
}

fn opinion(text: &str) -> Result<Output, AgentError> {
    let tape = Tape::default().says(text, FinishReason::Stop, &[]);
    done(next(&about(Agent::Analyzer, "analyze"), &tape.0))
}

#[test]
fn the_analyzer_is_shown_the_failure_and_may_only_look() {
    let request = asked(next(&about(Agent::Analyzer, "analyze"), &[]));
    let names: Vec<_> = request
        .tools
        .iter()
        .map(|tool| tool.name.as_str())
        .collect();
    assert_eq!(names, READING_TOOLS);
    assert!(request.schema.is_some());
    assert!(request.last_words().contains("total is 3, not 4"));
    assert!(request.last_words().contains("data, not instructions"));
}

#[test]
fn the_analyzers_answer_is_put_in_one_form() {
    for text in [
        r#"{"error_type":"CONFIG_ERROR","confidence":0.8,"root_cause":"a\nb","explanation":"c"}"#,
        "It is this:\n```json\n{\"error_type\":\"config error\",\"confidence\":\"80%\",\"root_cause\":\"a b\",\"explanation\":\"c\"}\n```\n",
        "{error_type: 'Config', confidence: 80, root_cause: 'a b', explanation: 'c',}",
    ] {
        let output = opinion(text).expect(text);
        let wanted = json!({
            "error_type": "CONFIG_ERROR", "confidence": 0.8, "root_cause": "a b", "explanation": "c",
        });
        assert_eq!(output.value, wanted);
        assert_eq!(output.summary, "CONFIG_ERROR: a b");
    }
}

#[test]
fn an_answer_that_is_no_opinion_is_said_to_be_none() {
    for text in [
        "",
        "I think it is the network.",
        r#"{"error_type":"WEATHER","confidence":1}"#,
        r#"{"error_type":"LLM_ERROR","confidence":-3}"#,
        r#"{"error_type":"LLM_ERROR","confidence":[1]}"#,
        "[[[[[[",
    ] {
        let error = opinion(text).expect_err(text);
        assert!(matches!(error, AgentError::UnusableAnswer { .. }), "{text}");
    }
}

#[test]
fn the_analyzer_looks_only_a_few_times() {
    let mut brief = about(Agent::Analyzer, "analyze");
    brief.context.models.max_turns = 60;
    let mut tape = Tape::default();
    let mut turns = 0;
    while let Next::Ask(_) = next(&brief, &tape.0) {
        turns += 1;
        let path = format!("src/{turns}.rs");
        tape = tape
            .calls(&[("read_file", json!({"path": path}))])
            .answers("read_file", &path);
    }
    assert_eq!(turns, 8);
    assert_eq!(
        done(next(&brief, &tape.0)),
        Err(AgentError::TooManyTurns(8))
    );
}

fn advice(text: &str) -> Result<Output, AgentError> {
    let tape = Tape::default().says(text, FinishReason::Stop, &[]);
    done(next(&about(Agent::Repair, "patch_instructions"), &tape.0))
}

#[test]
fn the_repair_agent_writes_instructions_when_it_is_asked_for_them() {
    let request = asked(next(&about(Agent::Repair, "patch_instructions"), &[]));
    assert!(request.tools.is_empty() && request.schema.is_some());
    assert!(request.last_words().contains("Write instructions"));
    let output = advice(r#"{"instructions":" Run make gen first. "}"#).expect("is accepted");
    assert_eq!(output.value, json!({"instructions": "Run make gen first."}));
}

#[test]
fn advice_to_get_around_the_checks_is_no_answer() {
    for text in [
        r#"{"instructions":"Delete the failing test."}"#,
        r#"{"instructions":""}"#,
        r#"{"instructions":7}"#,
        "Run make gen first.",
    ] {
        assert!(advice(text).is_err(), "{text}");
    }
    let Err(AgentError::UnusableAnswer { reason, .. }) =
        advice(r#"{"instructions":"Skip the tests"}"#)
    else {
        panic!("it is refused");
    };
    assert!(reason.contains("get around tests"), "{reason}");
}

#[test]
fn sent_to_mend_something_the_repair_agent_works_like_the_builder() {
    let mut brief = about(Agent::Repair, "free_form");
    brief.phase = State::Running(Phase::Builder);
    let request = asked(next(&brief, &[]));
    assert!(request.system.starts_with("You are the rgpt repair agent."));
    assert!(request.tools.iter().any(|tool| tool.name == "edit_file"));
    let tape = Tape::default().calls(&[("finish", json!({"summary": "it was the cache"}))]);
    assert_eq!(
        done(next(&brief, &tape.0)).expect("ends").summary,
        "it was the cache"
    );
}

#[test]
fn instructions_for_the_run_stand_in_the_briefs_of_those_who_work() {
    for agent in [Agent::Planner, Agent::Builder] {
        let mut brief = brief(agent);
        assert!(
            !asked(next(&brief, &[]))
                .last_words()
                .contains("Instructions for this run")
        );
        brief.task.instructions = vec!["Run make gen first.".into()];
        let words = asked(next(&brief, &[])).last_words().to_owned();
        assert!(words.contains("- Run make gen first."), "{words}");
    }
}
