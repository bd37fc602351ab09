//! Keys never appear: servers that send the key back in every place and every form.

use std::path::Path;

use serde_json::{Value, json};

use crate::sandbox::{Outcome, RGPT, Sandbox};
use crate::wire::fake::{Fake, Reply, Seen, chat};
use crate::world::{contents, open_store};

/// Keys in the formats of the providers.
const KEYS: [&str; 6] = [
    "sk-proj-Zq3_canaryT3BlbkFJx9Vw2kLmNoPqRsTuVwXyZ0123456789abcdEFGHijkl-MNOP",
    "sk-ant-api03-canaryQ7wErTyUiOpAsDfGhJkLzXcVbNm0192837465-_aBcDeFgHiJkLmNoPqRsTuVwXyZ-AA",
    "AIzaSyCanary0123456789abcdefGHIJKLMNOPQ",
    "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",
    "gsk_canary0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
];

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letters = bytes.chunks(3).flat_map(|chunk| {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let letter = move |at: u32| char::from(LETTERS[(bits >> (18 - 6 * at) & 63) as usize]);
        (0..=u32::try_from(chunk.len()).unwrap())
            .map(letter)
            .collect::<Vec<_>>()
    });
    letters.collect()
}

/// The key in every form in which it may be sent.
fn forms(key: &str) -> Vec<String> {
    let each = |form: &dyn Fn(u8) -> String| key.bytes().map(form).collect::<String>();
    vec![
        key.to_owned(),
        base64(key.as_bytes()),
        base64(format!("Bearer {key}").as_bytes()),
        base64(format!("user:{key}").as_bytes())
            .replace('+', "-")
            .replace('/', "_"),
        each(&|byte| format!("%{byte:02X}")),
        each(&|byte| format!("{byte:02x}")),
    ]
}

/// What no file and no output may hold.
fn traces(key: &str) -> Vec<String> {
    let inner = |text: String| text[4..text.len() - 4].to_owned();
    let mut traces = forms(key);
    traces[1..4]
        .iter_mut()
        .for_each(|form| *form = inner(form.clone()));
    // The beginning of what was to be said before the key is no trace of it.
    traces[2] = base64(format!("Bearer {key}").as_bytes())[12..40].to_owned();
    traces[3] = base64(format!("user:{key}").as_bytes())[8..36].to_owned();
    traces
}

/// Answers that drive a run to its end, the key in all of them.
fn echo(key: &str, number: usize, seen: &Seen) -> Reply {
    let all = forms(key).join(" ");
    let reply = match number {
        0 => chat::error(500, key, &format!("cannot serve {all}")).header("retry-after-ms", "1"),
        1 => {
            let step = json!({"id": "step-1", "name": format!("greet {key}"), "description": all,
                "files": ["greeting.txt"]});
            let plan = json!({"summary": format!("a plan with {all}"), "steps": [step]});
            in_pieces(seen, &plan.to_string(), &[])
        }
        2 => {
            let write = json!({"path": "greeting.txt", "content": format!("hello {all}\n")});
            in_pieces(
                seen,
                &all,
                &[(key, json!({key: key})), ("write_file", write)],
            )
        }
        _ => in_pieces(seen, "", &[("finish", json!({"summary": all}))]),
    };
    reply
        .header("x-ratelimit-remaining-requests", key)
        .header(&format!("x-ratelimit-{}", key.to_lowercase()), key)
        .header("openai-version", &base64(key.as_bytes()))
}

/// The answer, the words in pieces of seven bytes, the key in model, usage and ids.
fn in_pieces(seen: &Seen, text: &str, calls: &[(&str, Value)]) -> Reply {
    let key = seen.head.lines().find_map(|line| {
        let (name, value) = line.split_once(": Bearer ")?;
        name.eq_ignore_ascii_case("authorization").then_some(value)
    });
    let key = key.unwrap();
    let calls: Vec<(&str, String)> = calls
        .iter()
        .map(|(name, arguments)| (*name, arguments.to_string()))
        .collect();
    let keyed = |document: &mut Value| {
        document["model"] = json!(format!("m-{key}"));
        document["id"] = json!(key);
        if document["usage"].is_object() {
            document["usage"]["note"] = json!(key);
        }
        for choice in document["choices"].as_array_mut().unwrap() {
            for part in ["delta", "message"] {
                let made = choice
                    .get_mut(part)
                    .and_then(|part| part.get_mut("tool_calls"));
                let made = made.and_then(Value::as_array_mut);
                let made = made.into_iter().flatten();
                for (at, call) in made.filter(|call| call["id"].is_string()).enumerate() {
                    let index = call["index"].as_u64().unwrap_or(at as u64);
                    call["id"] = json!(format!("{key}{index}"));
                }
            }
        }
    };
    if seen.body["stream"] != true {
        let mut document = chat::document(text, &calls);
        keyed(&mut document);
        return Reply::json(200, &document);
    }
    let mut lines = Vec::new();
    let words: Vec<char> = text.chars().collect();
    for words in words.chunks(7) {
        let mut document: Value = serde_json::from_str(&chat::events("x", &[])[1]).unwrap();
        document["choices"][0]["delta"]["content"] = words.iter().collect::<String>().into();
        keyed(&mut document);
        lines.push(document.to_string());
    }
    for event in chat::events("", &calls) {
        match serde_json::from_str::<Value>(&event) {
            Ok(mut document) => {
                keyed(&mut document);
                lines.push(document.to_string());
            }
            Err(_) => lines.push(event),
        }
    }
    let lines = lines
        .iter()
        .map(|line| format!("data: {line}\n\n").into_bytes());
    Reply::raw(200, "text/event-stream", lines.collect())
}

fn sandbox(server: &Fake, key: &str, stream: bool) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("LAB_KEY", key);
    sandbox.person_config(&format!(
        "providers:\n  lab: {{kind: openai, base_url: \"{}\", api_key_env: LAB_KEY, stream: {stream}}}\n\
         models:\n  m: {{provider: lab, model: m-1, price: {{input: 1.0, output: 1.0}}}}\n\
         phases:\n  planner: {{models: [m]}}\n  builder: {{models: [m]}}\n",
        server.base(),
    ));
    sandbox
}

fn assert_clean(what: &str, content: &[u8], traces: &[String]) {
    // No form of the keys loses anything by this, and hex may be written in both ways.
    let text = String::from_utf8_lossy(content).into_owned();
    for trace in traces {
        assert!(
            !text.contains(trace.as_str()),
            "{trace} is in {what}: {text}"
        );
    }
}

fn assert_clean_folder(folder: &Path, traces: &[String]) {
    for (path, content) in contents(folder, &[]) {
        assert_clean(&path, &content, traces);
    }
}

/// Everything that can be asked about the run, by somebody who does not have the key: nobody can
/// take out of these what the record holds.
fn assert_clean_answers(sandbox: &Sandbox, traces: &[String]) {
    let zip = sandbox.outside("out.zip");
    let zip = zip.to_str().unwrap();
    for arguments in [
        &["inspect", "1"][..],
        &["inspect", "1", "--json"],
        &["logs", "1"],
        &["logs", "1", "--json"],
        &["models"],
        &["models", "--json"],
        &["list", "--json"],
        &["export", "1", "--format", "md"],
        &["export", "1", "--format", "json"],
        &["export", "1", "--format", "html", "-o", "-"],
        &["export", "1", "--format", "zip", "-o", zip],
    ] {
        let mut command = sandbox.start(RGPT);
        let outcome = Outcome::of(
            command
                .args(arguments)
                .env_remove("LAB_KEY")
                .output()
                .unwrap(),
        );
        assert_eq!(outcome.code, 0, "{outcome:#?}");
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert_clean(&arguments.join(" "), said.as_bytes(), traces);
    }
    let mut archive = zip::ZipArchive::new(std::fs::File::open(zip).unwrap()).unwrap();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let name = entry.name().unwrap().into_owned();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
        assert_clean(&name, &content, traces);
    }
}

#[test]
fn no_key_that_a_server_sends_back_is_ever_seen() {
    for (index, key) in KEYS.into_iter().enumerate() {
        let mut numbers = 0..;
        let server = Fake::start(chat::RULES, move |seen| {
            echo(key, numbers.next().unwrap(), seen)
        });
        let sandbox = sandbox(&server, key, index % 2 == 0);
        let outcome = sandbox.rgpt(&["run", "--goal", "greet the world", "--json", "-vv"]);
        assert_eq!(outcome.code, 0, "{outcome:#?}");
        let traces = traces(key);
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(said.contains("[key]"), "{said}");
        assert_clean("the output", said.as_bytes(), &traces);
        let text = sandbox.git(&["show", "rgpt/run-1:greeting.txt"]);
        assert_clean("the change", text.as_bytes(), &traces);
        assert_clean_folder(&sandbox.folder().join(".rgpt"), &traces);
        assert_clean_answers(&sandbox, &traces);
        let store = open_store(&sandbox.folder().join(".rgpt"));
        let exchanges = store.exchanges(rgpt::domain::RunId(1)).unwrap();
        assert_eq!(exchanges.len(), 4);
        for (place, exchange) in exchanges {
            let seen = format!("{place:?} {:?}", exchange.headers);
            assert_clean("the headers", seen.as_bytes(), &traces);
            assert!(!seen.contains(&key.to_lowercase()), "{seen}");
            assert_clean("the bytes", &exchange.received, &traces);
        }
    }
}

#[test]
fn what_a_person_watches_has_no_key_in_it_either() {
    let key = KEYS[0];
    let mut numbers = 0..;
    let server = Fake::start(chat::RULES, move |seen| {
        echo(key, numbers.next().unwrap(), seen)
    });
    let sandbox = sandbox(&server, key, true);
    let outcome = sandbox.rgpt(&["run", "--goal", "greet the world"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    assert_clean("the output", said.as_bytes(), &traces(key));
}
