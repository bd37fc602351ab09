//! Everything that can go wrong with a model call, once each: what stands on the tape, what is done
//! about it, and how the run ends.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rgpt::domain::choice::RuledOut;
use rgpt::domain::tape::{Answer, Call, ModelCall, ModelFailureKind as Kind};
use rgpt::domain::{Clock, RunId};
use rgpt::store::{StateDir, Store};
use serde_json::{Value, json};

use crate::openai::server_with;
use crate::sandbox::{Sandbox, events};
use crate::wire::fake::{End, Fake, Reply, Seen, chat};
use crate::wire::greeting;

/// A fault, and what follows from it.
struct Fault {
    name: &'static str,
    reply: fn(&Seen) -> Reply,
    /// How the attempts at the call failed, up to its answer.
    failures: &'static [Kind],
    /// The repairs that it takes.
    heals: &'static [&'static str],
    /// The exit code.
    code: i32,
    /// Whether the answer is asked for piece by piece.
    stream: bool,
}

const FAULT: Fault = Fault {
    name: "",
    reply: |seen| chat::answer(seen, "", &[]),
    failures: &[],
    heals: &[],
    code: 0,
    stream: true,
};

/// The same fault in another form of answer.
const WHOLE: Fault = Fault {
    stream: false,
    ..FAULT
};

fn refusal(seen: &Seen) -> Reply {
    changed(seen, "Sorry, no.", "\"content\":\"", "\"refusal\":\"")
}

/// An answer of which a piece is put in other words.
fn changed(seen: &Seen, text: &str, from: &str, to: &str) -> Reply {
    let events = chat::events(text, &[]).into_iter();
    let changed = events.map(|event| event.replace(from, to));
    let lines = changed.map(|event| format!("data: {event}\n\n").into_bytes());
    assert_eq!(seen.body["stream"], true);
    Reply::raw(200, "text/event-stream", lines.collect())
}

fn status(status: u16) -> Reply {
    chat::error(status, "server_error", "it is not well")
}

const STATUSES: &[Fault] = &[
    Fault {
        name: "400",
        reply: |_| chat::error(400, "invalid_request_error", "no"),
        failures: &[Kind::BadRequest],
        code: 2,
        ..FAULT
    },
    Fault {
        name: "401",
        reply: |_| chat::error(401, "invalid_api_key", "no"),
        failures: &[Kind::Authentication],
        code: 3,
        ..FAULT
    },
    Fault {
        name: "403",
        reply: |_| chat::error(403, "forbidden", "no"),
        failures: &[Kind::Permission],
        code: 3,
        ..FAULT
    },
    Fault {
        name: "404",
        reply: |_| chat::error(404, "model_not_found", "no"),
        failures: &[Kind::UnknownModel],
        code: 3,
        ..FAULT
    },
    Fault {
        name: "408",
        reply: |_| status(408),
        failures: &[Kind::TimedOut],
        heals: &["backoff"],
        ..FAULT
    },
    Fault {
        name: "413",
        reply: |_| status(413),
        failures: &[Kind::ContextTooLong],
        ..FAULT
    },
    Fault {
        name: "422",
        reply: |_| chat::error(422, "invalid_request_error", "no"),
        failures: &[Kind::BadRequest],
        code: 2,
        ..FAULT
    },
    Fault {
        name: "500",
        reply: |_| status(500),
        failures: &[Kind::Overloaded],
        heals: &["backoff"],
        ..FAULT
    },
    Fault {
        name: "502, a page",
        reply: |_| Reply::raw(502, "text/html", vec![b"<title>502</title>".to_vec()]),
        failures: &[Kind::Overloaded],
        heals: &["backoff"],
        ..FAULT
    },
    Fault {
        name: "503 with a wait",
        reply: |_| status(503).header("retry-after-ms", "30"),
        failures: &[Kind::Overloaded],
        heals: &["backoff"],
        ..FAULT
    },
    Fault {
        name: "529",
        reply: |_| status(529),
        failures: &[Kind::Overloaded],
        heals: &["backoff"],
        ..FAULT
    },
];

const LIMITS: &[Fault] = &[
    Fault {
        name: "429, seconds",
        reply: |_| status(429).header("retry-after", "0.2"),
        failures: &[Kind::RateLimited],
        ..FAULT
    },
    Fault {
        name: "429, a date",
        reply: |_| {
            status(429)
                .header("date", "Sun, 06 Nov 1994 08:49:37 GMT")
                .header("retry-after", "Sun, 06 Nov 1994 08:49:38 GMT")
        },
        failures: &[Kind::RateLimited],
        ..FAULT
    },
    Fault {
        name: "429, milliseconds",
        reply: |_| status(429).header("retry-after-ms", "20"),
        failures: &[Kind::RateLimited],
        ..FAULT
    },
    Fault {
        name: "429, nothing said",
        reply: |_| status(429),
        failures: &[Kind::RateLimited],
        ..FAULT
    },
    Fault {
        name: "429, for an hour",
        reply: |_| status(429).header("retry-after", "3600"),
        failures: &[Kind::RateLimited],
        code: 3,
        ..FAULT
    },
    Fault {
        name: "429, no credit",
        reply: |_| chat::error(429, "insufficient_quota", "no"),
        failures: &[Kind::QuotaExhausted],
        code: 3,
        ..FAULT
    },
    Fault {
        name: "context error",
        reply: |_| chat::error(400, "context_length_exceeded", "too long"),
        failures: &[Kind::ContextTooLong],
        ..FAULT
    },
];

const WIRES: &[Fault] = &[
    Fault {
        name: "hangs before the first byte",
        reply: |seen| {
            chat::answer(seen, "", &[])
                .shortened(0)
                .ending(End::Hanging)
        },
        failures: &[Kind::TimedOut],
        heals: &["backoff"],
        ..FAULT
    },
    Fault {
        name: "hangs in the middle",
        reply: |seen| {
            chat::answer(seen, "so", &[])
                .shortened(2)
                .ending(End::Hanging)
        },
        failures: &[Kind::TimedOut],
        heals: &["backoff"],
        ..FAULT
    },
    Fault {
        name: "drips slowly",
        reply: |seen| {
            let slow = chat::answer(seen, "so it goes on and on and on and on", &[]);
            slow.dripping(Duration::from_millis(400))
        },
        failures: &[Kind::TimedOut],
        heals: &["backoff"],
        ..FAULT
    },
    Fault {
        name: "is cut in the middle",
        reply: |seen| chat::answer(seen, "so", &[]).shortened(2).ending(End::Cut),
        failures: &[Kind::Truncated],
        ..FAULT
    },
    Fault {
        name: "is half a document",
        reply: |_| {
            let text = chat::document("a plan", &[]).to_string();
            Reply::raw(
                200,
                "application/json",
                vec![text.as_bytes()[..90].to_vec()],
            )
        },
        failures: &[Kind::Truncated],
        ..WHOLE
    },
    Fault {
        name: "is no UTF-8",
        reply: |_| {
            let text = chat::document("a §", &[]).to_string().into_bytes();
            let broken = text.into_iter().filter(|byte| *byte != 0xc2);
            Reply::raw(200, "application/json", vec![broken.collect()])
        },
        failures: &[Kind::Malformed],
        ..WHOLE
    },
    Fault {
        name: "is no UTF-8, in pieces",
        reply: |_| {
            let piece = b"data: {\"choices\": [{\"delta\": {\"content\": \"\xff\"}}]}\n\n";
            Reply::raw(200, "text/event-stream", vec![piece.to_vec()])
        },
        failures: &[Kind::Malformed],
        ..FAULT
    },
    Fault {
        name: "is a page",
        reply: |_| Reply::raw(200, "text/html", vec![b"<p>hello".to_vec()]),
        failures: &[Kind::Malformed],
        ..FAULT
    },
    Fault {
        name: "has no body",
        reply: |_| Reply::raw(200, "application/json", Vec::new()),
        failures: &[Kind::Malformed],
        ..WHOLE
    },
];

const ANSWERS: &[Fault] = &[
    Fault {
        name: "eight megabytes",
        reply: |seen| chat::answer(seen, &"word ".repeat(8 * 1024 * 1024 / 5), &[]),
        heals: &["regenerate"],
        ..WHOLE
    },
    Fault {
        name: "nothing",
        heals: &["regenerate"],
        ..FAULT
    },
    Fault {
        name: "finish by length",
        reply: |seen| {
            let stop = ("\"finish_reason\":\"stop\"", "\"finish_reason\":\"length\"");
            changed(seen, "{\"steps\": [", stop.0, stop.1)
        },
        heals: &["regenerate"],
        ..FAULT
    },
    Fault {
        name: "a refusal",
        reply: refusal,
        code: 2,
        ..FAULT
    },
    Fault {
        name: "malformed arguments",
        reply: |seen| chat::answer(seen, "", &[("read_file", "{\"path\": greet".to_owned())]),
        ..FAULT
    },
    Fault {
        name: "an unknown tool",
        reply: |seen| chat::answer(seen, "", &[("launch", "{}".to_owned())]),
        ..FAULT
    },
];

/// A machine with these models, each behind a server of its own; `m0` is the first.
fn sandbox(servers: &[&str], stream: bool, timeout: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let mut config = "providers:\n".to_owned();
    for (at, base) in servers.iter().enumerate() {
        config += &format!(
            "  p{at}: {{kind: openai, base_url: \"{base}\", stream: {stream}, timeout: {timeout}}}\n"
        );
    }
    config += "models:\n";
    for at in 0..servers.len() {
        config += &format!("  m{at}: {{provider: p{at}, model: m}}\n");
    }
    let names: Vec<String> = (0..servers.len()).map(|at| format!("m{at}")).collect();
    let names = names.join(", ");
    config +=
        &format!("phases:\n  planner: {{models: [{names}]}}\n  builder: {{models: [{names}]}}\n");
    sandbox.person_config(&config);
    sandbox
}

struct Now;

impl Clock for Now {
    #[expect(clippy::disallowed_methods, reason = "the store of a test")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The model calls on the tapes of a run, in order, with how they failed.
fn calls(sandbox: &Sandbox) -> Vec<(ModelCall, Option<Kind>)> {
    let state = StateDir::prepare(&sandbox.folder().join(".rgpt")).unwrap();
    let store = Store::open(&state, Arc::new(Now)).unwrap();
    let run = store.load(RunId(1)).unwrap().unwrap();
    let tapes = run.executions.iter();
    let entries = tapes.flat_map(|execution| store.tape(RunId(1), execution.id).unwrap());
    let model = entries.filter_map(|entry| match (entry.call, entry.answer) {
        (Call::Model(call), Some(Answer::ModelFailed(failure))) => Some((call, Some(failure.kind))),
        (Call::Model(call), _) => Some((call, None)),
        _ => None,
    });
    model.collect()
}

/// Has a run meet a fault at its first call, and compares what follows.
fn meet(fault: &Fault) {
    let reply = fault.reply;
    let server = server_with(&greeting(), move |number, seen| {
        (number == 0).then(|| reply(seen))
    });
    let timeout = if fault.name == "eight megabytes" {
        "60s"
    } else {
        "1s"
    };
    let sandbox = sandbox(&[server.base()], fault.stream, timeout);
    let (code, summary) = sandbox.run(&[]);
    let name = fault.name;
    assert_eq!(code, fault.code, "{name}: {summary:#}");
    let heals: Vec<&str> = summary["heals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|heal| heal["heal_action"].as_str().unwrap())
        .collect();
    assert_eq!(heals, fault.heals, "{name}");
    let calls = calls(&sandbox);
    assert_eq!(
        calls.len(),
        server.seen().len(),
        "{name}: an attempt, an entry"
    );
    let failures: Vec<Kind> = calls.iter().filter_map(|(_, failure)| *failure).collect();
    assert_eq!(failures, fault.failures, "{name}");
    if code == 0 {
        assert_eq!(summary["run"]["verified"], true, "{name}");
        let replayed = sandbox.rgpt(&["replay", "--run", "1", "--offline", "--json"]);
        assert_eq!(replayed.code, 0, "{name}: {replayed:#?}");
        return;
    }
    let recoverable = sandbox.rgpt(&["list", "--recoverable", "--json"]);
    assert_eq!(recoverable.document()["runs"][0]["id"], 1, "{name}");
    let resumed = sandbox.rgpt(&["resume", "--run", "1", "--json"]);
    assert_eq!(resumed.code, 0, "{name}: {resumed:#?}");
}

#[test]
fn every_status_has_its_consequence() {
    STATUSES.iter().for_each(meet);
}

#[test]
fn limits_are_waited_for_and_prompts_made_shorter() {
    LIMITS.iter().for_each(meet);
}

#[test]
fn whatever_happens_on_the_wire_is_survived() {
    WIRES.iter().for_each(meet);
}

#[test]
fn whatever_is_answered_is_dealt_with() {
    ANSWERS.iter().for_each(meet);
}

/// An address at which nobody listens.
const NOWHERE: &str = "http://127.0.0.1:9/v1";

#[test]
fn where_nobody_listens_the_next_provider_is_asked_and_the_run_stays_there() {
    let server = server_with(&greeting(), |_, _| None);
    let sandbox = sandbox(&[NOWHERE, server.base()], true, "5s");
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");
    assert_eq!(
        summary["run"]["heal_count"], 0,
        "nobody had to repair anything"
    );
    let calls = calls(&sandbox);
    let asked: Vec<_> = calls
        .iter()
        .map(|(call, failure)| (call.model.as_str(), *failure))
        .collect();
    let gone = Some(Kind::Network);
    assert_eq!(
        asked,
        [
            ("m0", gone),
            ("m1", None),
            ("m0", gone),
            ("m1", None),
            ("m1", None)
        ],
        "a conversation stays with whom it began"
    );
    assert_eq!(calls[1].0.passed_over.len(), 1);
    assert_eq!(calls[1].0.passed_over[0].reason, RuledOut::Failed);
    assert_eq!(calls[4].0.passed_over, []);
}

#[test]
fn where_nobody_listens_at_all_the_run_stands_still_until_somebody_does() {
    let sandbox = sandbox(&[NOWHERE], true, "5s");
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 3, "{summary:#}");
    assert_eq!(summary["run"]["stop_reason"], "rate_limited");
    assert!(
        calls(&sandbox)
            .iter()
            .all(|(_, failure)| *failure == Some(Kind::Network))
    );
    let models = sandbox.rgpt(&["models", "--json"]).document();
    let breaker = &models["models"][0]["breaker"];
    assert_eq!(
        (&breaker["state"], &breaker["kind"]),
        (&json!("open"), &json!("network"))
    );
    let table = sandbox.rgpt(&["models"]).stdout;
    assert!(
        table.contains("m0: resting until ") && table.contains("(network)"),
        "{table}"
    );
}

#[test]
fn a_provider_that_is_back_is_found_out_by_one_call() {
    let server = server_with(&greeting(), |number, _| (number < 4).then(|| status(503)));
    let sandbox = sandbox(&[server.base()], true, "5s");
    // Without room for repairs a run parks at once, and leaves the provider alone.
    sandbox.run(&["--max-retries", "0"]);
    sandbox.run(&["--max-retries", "0"]);
    let resting = |sandbox: &Sandbox| {
        let models = sandbox.rgpt(&["models", "--json"]).document();
        models["models"][0]["breaker"].clone()
    };
    assert_eq!(resting(&sandbox)["state"], "closed");
    assert_eq!(resting(&sandbox)["failures"], 2);
    sandbox.run(&["--max-retries", "0"]);
    assert_eq!(resting(&sandbox)["state"], "open");
    // This one waits for the rest to end, asks in vain, and waits again.
    let (code, summary) = sandbox.run(&["--max-retries", "1"]);
    assert_eq!(code, 0, "{summary:#}");
    assert_eq!(
        resting(&sandbox),
        json!({"state": "closed", "failures": 0, "until": null, "kind": null})
    );
    assert_eq!(server.seen().len(), 4 + 3);
}

#[test]
fn a_refusal_is_not_taken_to_another_model() {
    let first = server_with(&greeting(), |_, seen| Some(refusal(seen)));
    let second = server_with(&greeting(), |_, _| None);
    let sandbox = sandbox(&[first.base(), second.base()], true, "5s");
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 2, "{summary:#}");
    assert_eq!(summary["heals"], json!([]));
    assert_eq!(summary["executions"][0]["error_type"], "SAFETY_ERROR");
    assert_eq!((first.seen().len(), second.seen().len()), (1, 0));
    let why = events(&summary, "run.failed").join("");
    assert!(why.contains("the model refused: Sorry, no."), "{why}");
}

#[test]
fn what_is_too_long_at_last_goes_to_a_longer_window() {
    let too_long = |_, _: &Seen| Some(chat::error(400, "context_length_exceeded", "too long"));
    let (short, long) = (
        server_with(&[], too_long),
        server_with(&greeting(), |_, _| None),
    );
    let sandbox = sandbox(&[short.base(), long.base()], true, "5s");
    let config = sandbox.outside("home/.config/rgpt/config.yaml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace(
        "provider: p0, model: m",
        "provider: p0, model: m, context_window: 30000",
    );
    let text = text.replace(
        "provider: p1, model: m",
        "provider: p1, model: m, context_window: 90000",
    );
    sandbox.person_config(&text);
    let (code, summary) = sandbox.run(&["--until", "planner"]);
    assert_eq!(code, 0, "{summary:#}");
    assert_eq!(summary["run"]["heal_count"], 0);
    let bodies: Vec<usize> = short.seen().iter().map(|seen| size(&seen.body)).collect();
    assert!(
        bodies.windows(2).all(|pair| pair[1] < pair[0]),
        "each is smaller: {bodies:?}"
    );
    assert_eq!(long.seen().len(), 1);
    assert_eq!(size(&long.seen()[0].body), *bodies.last().unwrap());
}

fn size(body: &Value) -> usize {
    body["messages"].to_string().len()
}

#[test]
fn what_fits_nowhere_is_not_even_sent() {
    let server = server_with(&greeting(), |_, _| None);
    let sandbox = sandbox(&[server.base()], true, "5s");
    let config = sandbox.outside("home/.config/rgpt/config.yaml");
    let text = std::fs::read_to_string(&config).unwrap();
    sandbox.person_config(&text.replace("model: m}", "model: m, context_window: 300}"));
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 2, "{summary:#}");
    assert!(server.seen().is_empty());
    let why = events(&summary, "run.failed").join("");
    for words in [
        "its context window has 300 tokens",
        "a longer context window",
    ] {
        assert!(why.contains(words), "{why}");
    }
    let replayed = sandbox.rgpt(&["replay", "--run", "1", "--offline", "--json"]);
    assert_eq!(replayed.code, 0, "it fails in the same way: {replayed:#?}");
}

#[test]
fn where_nobody_may_be_asked_it_is_said_what_to_set() {
    let server: Fake = server_with(&greeting(), |_, _| None);
    let sandbox = sandbox(&[server.base()], true, "5s");
    let config = sandbox.outside("home/.config/rgpt/config.yaml");
    let text = std::fs::read_to_string(&config).unwrap();
    let elsewhere = text.replace("127.0.0.1", "203.0.113.1");
    let private = elsewhere.replace("planner: {models", "planner: {private: true, models");
    sandbox.person_config(&private);
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 3, "{summary:#}");
    let why = events(&summary, "run.stopped").join("");
    assert!(why.contains("set `private: true`"), "{why}");
    assert!(matches!(
        calls(&sandbox)[0].0.passed_over[0].reason,
        RuledOut::NotPrivate
    ));
}
