//! Agents are functions: a brief and a tape in, what comes next out.

mod asked;
mod packs;
mod stuck;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::domain::RunId;
use crate::domain::brief::{Context, Evidence, ModelSettings, Task};
use crate::domain::budget::Usage;
use crate::domain::id::{Digest, ExecutionId};
use crate::domain::message::{Message, ModelAnswer, ToolCall};
use crate::domain::phase::Phase;
use crate::domain::state::State;
use crate::domain::tape::{Answer, ModelCall, ModelFailure, ModelFailureKind, ToolAnswer};

fn brief(agent: Agent) -> Brief {
    Brief {
        run_id: RunId(1),
        phase: State::Running(Phase::Builder),
        task: Task {
            execution: ExecutionId(1),
            attempt: 1,
            title: "Greet".into(),
            goal: "Greet in German too".into(),
            plan: Some(
                serde_json::from_value(json!({"summary": "One step.", "steps": [
                    {"id": "s", "name": "Add the greeting", "description": "d"}]}))
                .expect("reads"),
            ),
            finished_steps: Vec::new(),
            step: None,
            scope: vec!["src/**".into()],
            instructions: Vec::new(),
            evidence: None,
        },
        agent,
        timestamp: Timestamp::UNIX_EPOCH,
        context: Context {
            models: ModelSettings {
                names: vec!["m".into()],
                native_tools: true,
                max_turns: 3,
                max_output: 100,
                ..ModelSettings::default()
            },
            ..Context::default()
        },
    }
}

/// A tape under construction.
#[derive(Default)]
struct Tape(Vec<TapeEntry>);

impl Tape {
    fn push(mut self, call: Call, answer: Answer) -> Self {
        let ordinal = u32::try_from(self.0.len()).expect("short") + 1;
        self.0.push(TapeEntry {
            ordinal,
            call,
            answer: Some(answer),
        });
        self
    }

    fn model(self, answer: Answer) -> Self {
        let call = ModelCall {
            model: "m".into(),
            provider: "p".into(),
            request: Digest::of(b""),
            reply: None,
            reserved_tokens: 0,
            reserved_usd: 0.0,
            passed_over: Vec::new(),
            repeats: None,
        };
        self.push(Call::Model(call), answer)
    }

    fn says(self, text: &str, finish: FinishReason, calls: &[(&str, Value)]) -> Self {
        let tool_calls = calls
            .iter()
            .enumerate()
            .map(|(index, (name, arguments))| ToolCall {
                id: format!("c{index}"),
                name: (*name).into(),
                arguments: arguments.clone(),
            })
            .collect();
        self.model(Answer::Model(ModelAnswer {
            text: text.into(),
            tool_calls,
            finish,
            usage: Usage::default(),
            native: None,
        }))
    }

    fn calls(self, calls: &[(&str, Value)]) -> Self {
        self.says("", FinishReason::ToolCalls, calls)
    }

    fn answers(self, name: &str, text: &str) -> Self {
        let call = ToolCall {
            id: "c0".into(),
            name: name.into(),
            arguments: json!({}),
        };
        let answer = ToolAnswer {
            text: text.into(),
            ..ToolAnswer::default()
        };
        self.push(Call::Tool(call), Answer::Tool(answer))
    }
}

fn asked(next: Next) -> ModelRequest {
    match next {
        Next::Ask(request) => request,
        other => panic!("it does not ask: {other:?}"),
    }
}

fn done(next: Next) -> Result<Output, AgentError> {
    match next {
        Next::Done(outcome) => outcome,
        other => panic!("it is not done: {other:?}"),
    }
}

#[test]
fn every_agent_introduces_itself_in_the_first_line() {
    for agent in Agent::ALL {
        assert_eq!(
            prompt::system(agent).lines().next(),
            Some(agent.introduction().as_str())
        );
    }
}

#[test]
fn a_family_that_needs_it_is_told_more_and_its_prompt_has_another_version() {
    let mut brief = brief(Agent::Builder);
    let usual = asked(next(&brief, &[])).system;
    brief.context.models.family = Some("claude".into());
    assert_eq!(asked(next(&brief, &[])).system, usual);
    brief.context.models.family = Some("local".into());
    let told = asked(next(&brief, &[])).system;
    assert!(
        told.starts_with(&usual) && told.contains("one tool call at a time"),
        "{told}"
    );
    let version = |family| prompt_version(Agent::Builder, family);
    assert_eq!(version(None), version(Some("claude")));
    assert_ne!(version(None), version(Some("local")));
}

#[test]
fn the_same_brief_and_tape_give_the_same_next() {
    let tape = Tape::default()
        .calls(&[("read_file", json!({"path": "a"}))])
        .answers("read_file", "1  x");
    let brief = brief(Agent::Builder);
    assert_eq!(next(&brief, &tape.0), next(&brief, &tape.0));
}

#[test]
fn the_builder_makes_its_calls_one_after_the_other_and_then_asks_with_all_answers() {
    let brief = brief(Agent::Builder);
    let tape = Tape::default().calls(&[
        ("read_file", json!({"path": "a"})),
        ("read_file", json!({"path": "b"})),
    ]);
    let Next::Act(Call::Tool(first)) = next(&brief, &tape.0) else {
        panic!("it acts");
    };
    assert_eq!(first.arguments, json!({"path": "a"}));
    let tape = tape.answers("read_file", "A").answers("read_file", "B");
    let request = asked(next(&brief, &tape.0));
    assert!(
        matches!(&request.messages[1], Message::Assistant { tool_calls, .. } if tool_calls.len() == 2)
    );
    assert!(matches!(&request.messages[2], Message::Tool { text, .. } if text == "A"));
    assert!(matches!(&request.messages[3], Message::Tool { text, .. } if text == "B"));
}

#[test]
fn attempts_that_failed_on_their_way_are_not_part_of_the_conversation() {
    let lost = Answer::ModelFailed(ModelFailure {
        status: Some(503),
        ..ModelFailure::new(ModelFailureKind::Overloaded, "busy")
    });
    let brief = brief(Agent::Builder);
    let tape = Tape::default().model(lost).model(Answer::Lost);
    assert_eq!(asked(next(&brief, &tape.0)).messages.len(), 1);
}

#[test]
fn a_model_without_native_tools_is_told_of_them_and_answered_in_plain_words() {
    let mut brief = brief(Agent::Builder);
    brief.context.models.native_tools = false;
    let call = "```json\n{\"tool\": \"read_file\", \"arguments\": {\"path\": \"a\"}}\n```";
    let tape = Tape::default()
        .says(call, FinishReason::Stop, &[])
        .answers("read_file", "1  x");
    let request = asked(next(&brief, &tape.0));
    assert!(request.tools.is_empty());
    assert!(request.system.contains("`edit_file`"));
    assert!(
        matches!(&request.messages[1], Message::Assistant { tool_calls, .. } if tool_calls.is_empty())
    );
    assert_eq!(request.last_words(), "read_file answered:\n1  x");
}

#[test]
fn the_builder_ends_by_finish_by_words_or_blocked() {
    let brief = brief(Agent::Builder);
    let finish = |arguments| {
        done(next(
            &brief,
            &Tape::default().calls(&[("finish", arguments)]).0,
        ))
    };
    assert_eq!(
        finish(json!({"summary": "Done."}))
            .expect("ends well")
            .summary,
        "Done."
    );
    assert_eq!(
        finish(json!({"summary": "s", "blocked": "needs b.rs"})),
        Err(AgentError::Blocked("needs b.rs".into()))
    );
    assert_eq!(
        finish(json!({"blocked": "  "}))
            .expect("not blocked")
            .summary,
        "done"
    );
    let words = Tape::default().says("All is done.", FinishReason::Stop, &[]);
    assert_eq!(
        done(next(&brief, &words.0)).expect("ends well").summary,
        "All is done."
    );
}

#[test]
fn answers_that_are_no_end_are_unusable() {
    let brief = brief(Agent::Builder);
    for (text, finish, reason) in [
        ("", FinishReason::Stop, "the answer is empty"),
        (
            "I was",
            FinishReason::Length,
            "the answer was cut off at the limit of tokens",
        ),
        ("No.", FinishReason::Refusal, "the model refused"),
    ] {
        let tape = Tape::default().says(text, finish, &[]);
        let error = done(next(&brief, &tape.0)).expect_err("unusable");
        assert!(
            matches!(&error, AgentError::UnusableAnswer { reason: why, .. } if why == reason),
            "{error:?}"
        );
    }
}

#[test]
fn too_many_turns_end_an_execution() {
    let brief = brief(Agent::Builder);
    let mut tape = Tape::default();
    for _ in 0..3 {
        tape = tape
            .calls(&[("list_files", json!({}))])
            .answers("list_files", "a");
    }
    assert_eq!(
        done(next(&brief, &tape.0)),
        Err(AgentError::TooManyTurns(3))
    );
}

#[test]
fn the_planner_reads_a_plan_and_refuses_a_bad_one() {
    let brief = brief(Agent::Planner);
    let plan = |text: &str| {
        done(next(
            &brief,
            &Tape::default().says(text, FinishReason::Stop, &[]).0,
        ))
    };
    let good = plan(r#"{"phases":[{"id":"a","name":"n","description":"d"}]}"#).expect("a plan");
    assert_eq!(good.value["steps"][0]["critical"], json!(true));
    let cycle = plan(r#"{"steps":[{"id":"a","name":"n","description":"d","dependencies":["a"]}]}"#);
    assert_eq!(
        cycle,
        Err(AgentError::InvalidPlan(PlanError::SelfDependency(
            "a".into()
        )))
    );
    let cut = plan(r#"{"steps":[{"id":"a"#).expect_err("cut off");
    assert!(matches!(&cut, AgentError::UnusableAnswer { reason, .. } if reason.starts_with("EOF")));
}

#[test]
fn a_repaired_answer_is_taken_without_asking_again() {
    let mut brief = brief(Agent::Planner);
    brief.task.evidence = Some(Evidence {
        action: "repair_json".into(),
        error_type: "LLM_ERROR".into(),
        text: String::new(),
        repaired_answer: Some(r#"{"steps":[{"id":"a","name":"n","description":"d"}]}"#.into()),
        commands: Vec::new(),
    });
    assert!(done(next(&brief, &[])).is_ok());
}

#[test]
fn the_tester_runs_the_checks_and_asks_a_model_only_if_one_is_named() {
    let mut tester = brief(Agent::Tester);
    assert_eq!(next(&tester, &[]), Next::Act(Call::Checks));
    let failure = crate::heal::classify::no_change();
    let checks = Answer::Checks {
        results: Vec::new(),
        output: json!({"summary": {"passed": 1, "failed": 1, "skipped": 0}}),
        failure: Some(Box::new(failure.clone())),
    };
    let tape = Tape::default().push(Call::Checks, checks);
    assert_eq!(asked(next(&tester, &tape.0)).agent, Agent::Tester);
    tester.context.models.names.clear();
    assert_eq!(
        done(next(&tester, &tape.0)),
        Err(AgentError::Checks(Box::new(failure)))
    );
}

#[test]
fn the_releaser_writes_the_message_from_the_plan_or_the_template() {
    let mut releaser = brief(Agent::Releaser);
    releaser.context.models.names.clear();
    let message = |brief: &Brief| match next(brief, &[]) {
        Next::Act(Call::Commit { message }) => message,
        other => panic!("it commits: {other:?}"),
    };
    insta::assert_snapshot!(message(&releaser), @r"
    Greet

    One step.
    - Add the greeting

    Goal: Greet in German too
    Rgpt-Run: 1
    ");
    releaser.context.commit_template = Some("feat: {title}\u{7} (#{run})".into());
    assert_eq!(message(&releaser), "feat: Greet (#1)\n");
}

#[test]
fn a_refusal_ends_an_execution_whatever_else_is_in_it() {
    let call = [("delete_file", json!({"path": "a"}))];
    for agent in [Agent::Planner, Agent::Builder] {
        let tape = Tape::default().says("No.", FinishReason::Refusal, &call);
        let error = done(next(&brief(agent), &tape.0)).expect_err("refused");
        assert!(matches!(
            error,
            AgentError::UnusableAnswer {
                finish: FinishReason::Refusal,
                ..
            }
        ));
    }
    let tape = Tape::default().says("I will not.", FinishReason::Refusal, &[]);
    let Next::Act(Call::Commit { message }) = next(&brief(Agent::Releaser), &tape.0) else {
        panic!("it commits");
    };
    assert!(!message.contains("I will not"), "{message}");
}
