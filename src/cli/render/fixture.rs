//! Documents and looks for tests.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::Look;

/// 80 columns, times in UTC.
pub(crate) fn look() -> Look {
    Look {
        width: 80,
        ascii: false,
        zone: TimeZone::UTC,
        repeated: String::new(),
    }
}

/// Five minutes after the demo's run began.
pub(crate) fn now() -> Timestamp {
    "2026-10-05T12:08:04Z".parse().unwrap()
}

/// The `inspect --json` document of a run like the demo's, with three heals.
pub(crate) fn demo() -> Value {
    serde_json::from_str(include_str!("fixture/demo.json")).unwrap()
}

/// The same run, stopped in its builder for want of money.
pub(crate) fn stopped() -> Value {
    let mut document = demo();
    let run = &mut document["run"];
    run["state"] = "builder_running".into();
    run["status"] = "stopped".into();
    run["phase"] = "builder".into();
    run["stop_reason"] = "budget_usd".into();
    run["commit"] = Value::Null;
    run["finished_at"] = Value::Null;
    run["verified"] = false.into();
    document["limits"] = serde_json::json!({"usd": 0.03, "tokens": 2_000_000});
    document["phases"][1]["status"] = "running".into();
    document["phases"].as_array_mut().unwrap().truncate(2);
    document["tester_output"] = Value::Null;
    document["heals"][1]["verdict"] = Value::Null;
    document["heals"][1]["heal_output"]["message"] = Value::Null;
    document["heals"].as_array_mut().unwrap().truncate(2);
    document["checks"].as_array_mut().unwrap().truncate(1);
    document["findings"] = serde_json::json!([]);
    document["steps"][1]["status"] = "running".into();
    let events = document["events"].as_array_mut().unwrap();
    events.truncate(20);
    events.push(serde_json::json!({"seq": 21, "type": "run.stopped", "at": "2026-10-05T12:03:09Z",
        "text": "stopped (budget_usd): the next call may cost $0.0120, $0.0036 is left of $0.0300"}));
    document
}

/// The same run, given up because a test stayed broken.
pub(crate) fn failed() -> Value {
    let mut document = demo();
    let run = &mut document["run"];
    run["state"] = "failed".into();
    run["status"] = "failed".into();
    run["phase"] = "tester".into();
    run["commit"] = Value::Null;
    run["verified"] = false.into();
    document["phases"][2]["status"] = "failed".into();
    document["phases"].as_array_mut().unwrap().truncate(3);
    document["tester_output"] = Value::Null;
    document["heals"][2]["verdict"] = "restored".into();
    document["heals"][2]["heal_output"]["message"] = "check test still fails".into();
    document["checks"].as_array_mut().unwrap().truncate(5);
    document["findings"][0]["resolved"] = false.into();
    let events = document["events"].as_array_mut().unwrap();
    events.truncate(35);
    events.push(
        serde_json::json!({"seq": 36, "type": "run.failed", "at": "2026-10-05T12:03:13Z",
        "text": "failed (ASSERTION_ERROR): no remedy is left for 1 failing test"}),
    );
    document
}

/// The text without colours, in a frame that keeps the spaces at its edges.
pub(crate) fn plain(text: &str) -> String {
    let plain = anstream::adapter::strip_str(text).to_string();
    let too_wide = plain.lines().find(|line| super::layout::width(line) > 80);
    assert_eq!(too_wide, None, "wider than 80 columns");
    plain
}
