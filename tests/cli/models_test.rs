//! `models test`: what each model really does, against what is configured.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::sandbox::{Outcome, RGPT, Sandbox, keys};
use crate::wire::fake::{End, Fake, Reply, Seen, chat};

/// A model that does what it is asked; `reads` is how many bytes of a prompt it keeps.
fn able(seen: &Seen, reads: usize) -> Reply {
    let messages = seen.body["messages"].as_array().unwrap();
    let last = messages.last().unwrap();
    let text = last["content"].as_str().unwrap();
    if last["role"] == "tool" {
        return chat::answer(seen, text, &[]);
    }
    if seen.body.get("tools").is_some() {
        let arguments = json!({"key": "K7"}).to_string();
        return chat::answer(seen, "", &[("look_up", arguments)]);
    }
    if text.contains("JSON") {
        return chat::answer(seen, r#"{"word": "mill", "length": 4}"#, &[]);
    }
    let kept = &text[text.len().saturating_sub(reads)..];
    let words = kept.lines().next().unwrap_or_default();
    chat::answer(seen, &format!("ready {words}"), &[])
}

/// A machine with the model `m` at this server, set up further by `settings`.
fn sandbox(server: &Fake, settings: &str, rest: &str) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("LAB_KEY", "k-0123456789");
    sandbox.person_config(&format!(
        "providers:\n  lab: {{kind: openai, base_url: \"{}\", api_key_env: LAB_KEY}}\n\
         models:\n  m: {{provider: lab, model: m-1, price: {{input: 1.0, output: 1.0}}{settings}}}\n{rest}",
        server.base(),
    ));
    sandbox
}

fn status<'d>(document: &'d Value, part: &str) -> &'d str {
    document["models"][0][part]["status"].as_str().unwrap()
}

#[test]
fn a_model_that_does_what_is_configured_holds() {
    for stream in ["true", "false"] {
        let server = Fake::start(chat::RULES, |seen| able(seen, usize::MAX));
        let mut sandbox = sandbox(&server, "", "");
        sandbox.set("RGPT_PROVIDERS__LAB__STREAM", stream);
        let outcome = sandbox.rgpt(&["models", "test", "--json"]);
        assert_eq!(outcome.code, 0, "{outcome:#?}");
        let document = outcome.document();
        assert_eq!(keys(&document), ["models", "cost_usd", "at_most_usd"]);
        let model = &document["models"][0];
        assert_eq!(
            (&model["name"], &model["holds"]),
            (&json!("m"), &json!(true))
        );
        for part in ["text", "tools", "json"] {
            assert_eq!(status(&document, part), "holds", "{document:#}");
        }
        assert_eq!(
            status(&document, "window"),
            "not_asked",
            "it is not at home"
        );
        // Four calls of 150 tokens.
        assert_eq!(model["cost_usd"], 600e-6);
        assert!(document["cost_usd"].as_f64() < document["at_most_usd"].as_f64());
        assert!(model["first_byte_ms"].as_u64() <= model["total_ms"].as_u64());
        assert_eq!(server.seen().len(), 4);
        assert!(
            server
                .seen()
                .iter()
                .all(|seen| (seen.body["stream"] == true) == (stream == "true"))
        );
        assert!(
            !sandbox.folder().join(".rgpt").exists(),
            "nothing is recorded"
        );
    }
}

#[test]
fn what_does_not_hold_is_said_with_what_to_set() {
    let server = Fake::start(chat::RULES, |seen| chat::answer(seen, "hello", &[]));
    let sandbox = sandbox(&server, "", "");
    let outcome = sandbox.rgpt(&["models", "test"]);
    assert_eq!(outcome.code, 2, "{outcome:#?}");
    for words in [
        "✗ m, tools: it answered in words instead of calling the tool",
        "✗ m, json: what it answered is not JSON, or not only",
        "hint: set models.m.tools: false",
        "hint: set models.m.json: false",
        "of 1 model 1 is not as configured",
    ] {
        assert!(
            outcome.stdout.contains(words),
            "{words}: {}",
            outcome.stdout
        );
    }
    assert!(
        outcome
            .stdout
            .lines()
            .all(|line| line.chars().count() <= 80),
        "{}",
        outcome.stdout
    );
    assert!(
        outcome.stderr.contains("asking 1 model: $0.0"),
        "{}",
        outcome.stderr
    );
    // Set so, it holds.
    let sandbox = self::sandbox(&server, ", tools: false, json: false", "");
    let document = sandbox.rgpt(&["models", "test", "m", "--json"]).document();
    assert_eq!(status(&document, "tools"), "not_asked");
    assert_eq!(document["models"][0]["holds"], true);
}

#[test]
fn a_model_at_home_is_asked_how_much_it_really_reads() {
    // What is too long is cut at its beginning, without a word.
    let server = Fake::start(chat::RULES, |seen| able(seen, 40_000));
    let sandbox = sandbox(&server, ", private: true, context_window: 20000", "");
    let outcome = sandbox.rgpt(&["models", "test", "--json"]);
    assert_eq!(outcome.code, 2, "{outcome:#?}");
    let document = outcome.document();
    let model = &document["models"][0];
    assert_eq!(status(&document, "window"), "fails");
    assert_eq!(model["window"]["held"], 8_192);
    assert_eq!(model["window"]["configured"], 20_000);
    assert_eq!(
        model["advice"],
        json!(["set models.m.context_window: 8192"])
    );
    // 4096, 8192, 16384: after the first miss no more is asked.
    assert_eq!(server.seen().len(), 4 + 3);

    let sandbox = self::sandbox(&server, ", private: true, context_window: 8192", "");
    let outcome = sandbox.rgpt(&["models", "test"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert!(outcome.stdout.contains("8192"), "{}", outcome.stdout);
}

#[test]
fn what_might_cost_more_than_the_budget_is_not_asked() {
    let server = Fake::start(chat::RULES, |seen| able(seen, usize::MAX));
    let sandbox = sandbox(&server, "", "budget: {usd: 0.0001}\n");
    let outcome = sandbox.rgpt(&["models", "test", "--json"]);
    assert_eq!(outcome.code, 2, "{outcome:#?}");
    let document = outcome.document();
    assert_eq!(status(&document, "text"), "untold");
    assert_eq!(document["cost_usd"], 0.0);
    assert!(server.seen().is_empty());
}

#[test]
fn a_wrong_key_says_nothing_about_tools() {
    let server = Fake::start(chat::RULES, |_| chat::error(401, "invalid_api_key", "no"));
    let sandbox = sandbox(&server, "", "");
    let outcome = sandbox.rgpt(&["models", "test", "--json"]);
    assert_eq!(outcome.code, 2, "{outcome:#?}");
    let document = outcome.document();
    assert_eq!(status(&document, "text"), "fails");
    assert_eq!(status(&document, "tools"), "untold");
    assert_eq!(document["models"][0]["advice"], json!([]));
    assert_eq!(server.seen().len(), 1);
    assert!(!outcome.stdout.contains("k-0123456789"));
}

#[test]
fn a_limit_that_passes_is_waited_for_once() {
    let mut asked = 0;
    let server = Fake::start(chat::RULES, move |seen| {
        asked += 1;
        let slow_down = chat::error(429, "rate_limit_exceeded", "slow down");
        match asked {
            1 => slow_down.header("retry-after-ms", "5"),
            _ => able(seen, usize::MAX),
        }
    });
    let outcome = sandbox(&server, "", "").rgpt(&["models", "test"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_eq!(server.seen().len(), 5);
}

#[test]
fn without_a_model_there_is_nothing_to_test() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.rgpt(&["models", "test", "nobody", "--json"]);
    assert_eq!(outcome.code, 64, "{outcome:#?}");
    assert_eq!(outcome.error()["hints"][0], "name one of these: scripted");
    sandbox.person_config("");
    let outcome = sandbox.rgpt(&["models", "test", "--json"]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert_eq!(outcome.error()["message"], "no models are configured");
    sandbox.person_config(
        "providers: {lab: {kind: openai, api_key_env: LAB_KEY}}\nmodels: {m: {provider: lab, model: x}}\n",
    );
    let outcome = sandbox.rgpt(&["models", "test"]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert!(outcome.stderr.contains("set LAB_KEY"), "{outcome:#?}");
}

#[test]
fn it_ends_when_a_person_interrupts() {
    let server = Fake::start(chat::RULES, |seen| {
        chat::answer(seen, "", &[])
            .shortened(1)
            .ending(End::Hanging)
    });
    let sandbox = sandbox(&server, "", "");
    let mut command = sandbox.start(RGPT);
    let child = command
        .args(["models", "test", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = child.spawn().unwrap();
    while server.seen().is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let outcome = Outcome::of(child.wait_with_output().unwrap());
    assert_eq!(outcome.code, 3, "{outcome:#?}");
    assert!(
        outcome.error()["message"]
            .as_str()
            .unwrap()
            .contains("interrupted")
    );
}
