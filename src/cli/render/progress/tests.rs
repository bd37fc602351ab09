use std::sync::Arc;

use jiff::Timestamp;

use super::fixture::{at, records};
use super::*;
use crate::bus::Bus;
use crate::cli::render::fixture as render;
use crate::cli::ui::tests::kept;
use crate::domain::event::{Event, RunResumed, RunStopped, StopReason};
use crate::domain::notice::Notice;
use crate::domain::{Phase, RunId};

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        at(12_000)
    }
}

fn doing(text: &str) -> Notice {
    Notice::Progress {
        run: RunId(1),
        phase: Phase::Builder,
        text: text.to_owned(),
    }
}

fn usage() -> Usage {
    Usage {
        model_calls: 3,
        input_tokens: 2_400,
        output_tokens: 610,
        cost_usd: 0.0071,
        ..Usage::default()
    }
}

fn view(ui: Ui, past: Vec<Record>) -> View {
    View {
        ui,
        past,
        clock: Arc::new(Noon),
        usage: Arc::new(usage),
    }
}

#[test]
fn a_terminal_shows_a_board_of_the_phases() {
    let mut board = Board::default();
    let nothing = board
        .lines(at(0), &Usage::default(), 0, &render::look())
        .join("\n");
    insta::assert_snapshot!(render::plain(&nothing), @r"
    · planner
    · builder
    · tester
    · releaser
      0 tokens · $0.00 · 0 heals · 0 s
    ");
    for record in records() {
        board.hear(&record);
    }
    board.notice(&doing(
        "test: cargo test --workspace --all-features\x1b[2K --locked",
    ));
    let lines = board
        .lines(at(12_000), &usage(), 2, &render::look())
        .join("\n");
    insta::assert_snapshot!(render::plain(&lines), @r"
    ✓ planner       800 ms  2 attempts
    ⠹ builder        9.2 s  step 2/2 Set the prio… · test: cargo test --workspace -…
    · tester
    · releaser
      3.0k tokens · $0.0071 of $5.00 · 1 heal · 12 s
    ");
}

#[test]
fn a_resumed_run_goes_on_where_it_stood_and_time_at_rest_is_not_counted() {
    let mut board = Board::default();
    let stopped = Event::RunStopped(RunStopped {
        reason: StopReason::Interrupted,
        message: String::new(),
        action_required: None,
        needs: None,
    });
    let mut past = records();
    for (ms, event) in [
        (5_000, stopped),
        (900_000, Event::RunResumed(RunResumed::default())),
    ] {
        past.push(Record {
            run: RunId(1),
            seq: past.len() as u64 + 1,
            at: at(ms),
            event,
        });
    }
    for record in past {
        board.hear(&record);
    }
    let lines = board.lines(at(901_000), &usage(), 0, &render::look());
    let line = render::plain(&lines[1]);
    assert_eq!(
        line,
        "⠋ builder        3.2 s  step 2/2 Set the priority on the command lin… · scripted"
    );
    assert!(lines[4].contains(" · 1 s"), "{}", lines[4]);
}

#[test]
fn above_the_board_stands_what_is_worth_a_line() {
    let mut board = Board::default();
    let mut told = Vec::new();
    for record in records() {
        board.hear(&record);
        told.extend(lines::told(&record, &board, &render::look()));
    }
    insta::assert_snapshot!(render::plain(&told.join("\n")), @r"
    run 1  Priorities for to-do items
    ! note       2 files are changed but not committed; the run starts from HEAD
    ✗ planner    LLM_ERROR: the answer is no JSON: EOF while parsing a string at
                 line 1 column 187
    ↻ heal 1     LLM_ERROR in planner: regenerate, ask again with the exact error
    ✓ plan       2 steps
      step-1     Keep a priority with every item
      step-2     Set the priority on the command line<U+202E>
    ✓ heal 1     kept: the plan can be read now
    ! refused    edit of src/main.rs: src/main.rs is outside the step's scope
                 (scope)
    ✗ test       failed, 1 of 2 tests, 1.1 s
    ");
}

#[test]
fn a_pipe_gets_one_line_an_event() {
    let (ui, out, _) = kept(false);
    let bus = Bus::new();
    let live = Live::start(bus.subscribe(), view(ui, Vec::new())).unwrap();
    for record in records() {
        bus.event(&record);
        bus.notice(doing("cargo build"));
    }
    live.finish();
    insta::assert_snapshot!(out.text(), @r"
    12:03:04  run       created: Priorities for to-do items; 2 files are changed but not committed; the run starts from HEAD
    12:03:04  planner   started (attempt 1, model scripted)
    12:03:04  planner   failed (LLM_ERROR): the answer is no JSON: EOF while parsing a string at line 1 column 187
    12:03:05  heal      1 of LLM_ERROR: regenerate, back to planner: ask again with the exact error
    12:03:05  planner   started (attempt 2, model scripted)
    12:03:06  planner   completed: 2 steps
    12:03:06  heal      1 kept: the plan can be read now
    12:03:06  builder   started (attempt 1)
    12:03:07  step      step-2 started
    12:03:07  gate      refused edit of src/main.rs (scope): src/main.rs is outside the step's scope
    12:03:08  check     test failed: 1 test fails
    ");
}

#[test]
fn json_is_one_document_an_event_and_leaves_out_what_was_before() {
    let (ui, out, _) = kept(true);
    let bus = Bus::new();
    let mut past = records();
    let new = past.split_off(9);
    let live = Live::start(bus.subscribe(), view(ui, past)).unwrap();
    for record in &new {
        bus.event(record);
    }
    live.finish();
    insta::assert_snapshot!(out.text(), @r#"
    {"seq":10,"type":"gate.denied","at":"2026-10-05T12:03:07.6Z","text":"refused edit of src/main.rs (scope): src/main.rs is outside the step's scope"}
    {"seq":11,"type":"check.completed","at":"2026-10-05T12:03:08Z","text":"check test failed: 1 test fails"}
    "#);
}

#[test]
fn a_run_goes_on_when_its_bus_is_gone_or_its_follower_is_not_finished() {
    let (ui, out, _) = kept(false);
    let bus = Bus::new();
    let live = Live::start(bus.subscribe(), view(ui, Vec::new())).unwrap();
    bus.event(&records()[0]);
    drop(bus);
    live.thread.join().unwrap();
    assert_eq!(
        out.text(),
        "12:03:04  run       created: Priorities for to-do items; 2 files are changed but not committed; the run starts from HEAD\n"
    );
}
