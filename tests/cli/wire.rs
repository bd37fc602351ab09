//! What runs over a wire have in common, whatever the protocol: a server that answers what a script
//! says, and what is expected of a run.

use rgpt::domain::message::{Message, ModelAnswer, ModelRequest};
use rgpt::domain::phase::Agent;
use rgpt::llm::{Model as _, Script, Scripted};
use serde_json::{Value, json};

use crate::sandbox::{Sandbox, finish, plan, step, tools, write_file};
use fake::{Fake, Reply, Rules, Seen};

#[path = "../../src/llm/fake/mod.rs"]
pub(crate) mod fake;

/// How a protocol is spoken.
#[derive(Clone, Copy)]
pub(crate) struct Wire {
    /// What its server says of requests.
    pub(crate) rules: Rules,
    /// What the body of a request asks.
    pub(crate) request: fn(&Value) -> ModelRequest,
    /// What answers a request so.
    pub(crate) answer: fn(&Seen, &ModelAnswer) -> Reply,
}

/// The calls of an answer: names, and arguments as they are written.
pub(crate) fn calls(answer: &ModelAnswer) -> Vec<(&str, String)> {
    let calls = answer.tool_calls.iter();
    calls
        .map(|call| (call.name.as_str(), call.arguments.to_string()))
        .collect()
}

/// Replies with a plan that is cut off, two calls at once, a failing check and its repair.
pub(crate) fn replies() -> Vec<Value> {
    let read = |path: &str| json!({"name": "read_file", "arguments": {"path": path}});
    vec![
        json!({"agent": "planner", "text": "{\"summary\": \"a plan\", \"steps\": [{\"id\": \"st"}),
        plan(&[step("step-1", &["greeting.txt"])]),
        json!({"agent": "builder", "text": "I look, größe 😀.", "tools": [read("greeting.txt"), read("check.sh")]}),
        tools(&[write_file("greeting.txt", "bad 世界\n")]),
        finish("greets"),
        tools(&[write_file("greeting.txt", "good 世界\n")]),
        finish("greets better"),
    ]
}

/// A plan, an edit and its end.
pub(crate) fn greeting() -> Vec<Value> {
    vec![
        plan(&[step("step-1", &["greeting.txt"])]),
        tools(&[write_file("greeting.txt", "hello world\n")]),
        finish("greets"),
    ]
}

/// A server that answers what the scripted model would, unless `first` says otherwise: it is given
/// the number of the request, from 0.
pub(crate) fn server(
    wire: Wire,
    replies: &[Value],
    first: impl Fn(usize, &Seen) -> Option<Reply> + Send + 'static,
) -> Fake {
    let script = Script::parse(&json!({ "replies": replies }).to_string()).unwrap();
    let model = Scripted::new("script", script);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let (mut used, mut numbers) = (Vec::new(), 0..);
    Fake::start(wire.rules, move |seen| {
        if let Some(reply) = numbers.next().and_then(|number| first(number, seen)) {
            return reply;
        }
        let request = (wire.request)(&seen.body);
        let prepared = model.prepare(&request, &used).unwrap();
        used.extend(prepared.reply);
        let answer = runtime
            .block_on(model.call(&request, &prepared, &|_| {}))
            .result
            .unwrap();
        (wire.answer)(seen, &answer)
    })
}

/// A request with this system prompt and conversation.
pub(crate) fn asked(system: &str, messages: Vec<Message>) -> ModelRequest {
    let agent = Agent::ALL
        .into_iter()
        .find(|agent| system.starts_with(&agent.introduction()));
    ModelRequest {
        agent: agent.unwrap(),
        system: system.to_owned(),
        messages,
        tools: Vec::new(),
        schema: None,
        temperature: None,
        effort: None,
        max_output: 1_000,
    }
}

/// A machine whose only model is at this server, under this name and behind a provider of this kind.
pub(crate) fn sandbox(server: &Fake, kind: &str, model: &str, key: &str, stream: bool) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("LAB_KEY", key);
    // A proxy that is not there, on a way that does not lead to it.
    sandbox.set("HTTP_PROXY", "http://127.0.0.1:9");
    sandbox.person_config(&format!(
        "providers:\n  lab: {{kind: {kind}, base_url: \"{}/\", api_key_env: LAB_KEY, stream: {stream}}}\n\
         models:\n  m: {{provider: lab, model: {model}, price: {{input: 1.0, output: 1.0}}}}\n\
         phases:\n  planner: {{models: [m], temperature: 0.2}}\n  builder: {{models: [m]}}\n",
        server.base(),
    ));
    sandbox
}

/// What a run came to, but for what differs between any two.
pub(crate) fn course(summary: &Value) -> Value {
    let all = summary["events"].as_array().unwrap();
    let kinds: Vec<&Value> = all.iter().map(|event| &event["type"]).collect();
    let heals = summary["heals"].as_array().unwrap();
    let actions: Vec<&Value> = heals.iter().map(|heal| &heal["heal_action"]).collect();
    json!({
        "tree": summary["run"]["tree"], "state": summary["run"]["state"], "events": kinds,
        "heals": actions, "plan": summary["plan"], "calls": summary["run"]["usage"]["model_calls"],
    })
}

/// Asserts that no file of the state folder holds the key.
pub(crate) fn assert_nowhere(sandbox: &Sandbox, key: &str) {
    for (path, content) in crate::world::contents(&sandbox.folder().join(".rgpt"), &["git"]) {
        let mut windows = content.windows(key.len());
        let holds = windows.any(|window| window == key.as_bytes());
        assert!(!holds, "the key is in {path}");
    }
}

/// Asserts that the one run of a sandbox, whose summary this is, replays offline to the same tree:
/// nobody is asked, and no key is needed.
pub(crate) fn assert_replays(sandbox: &mut Sandbox, server: &Fake, summary: &Value) {
    let asked = server.seen().len();
    sandbox.set("LAB_KEY", "");
    let outcome = sandbox.rgpt(&["replay", "--run", "1", "--offline", "--json"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let replayed = outcome.summary();
    assert_eq!(replayed["replay"]["result"], "equal", "{replayed:#}");
    assert_eq!(replayed["run"]["tree"], summary["run"]["tree"]);
    assert_eq!(server.seen().len(), asked, "nobody is asked");
}
