//! The questions that tell what a model can do.
//!
//! Each goes through the same [`Mesh`] as a run's calls: what it may cost at most is reserved
//! before it is asked, and it is asked streaming or not, as configured.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::config::Config;
use crate::domain::Digest;
use crate::domain::budget::{Caps, Scope, Spending, Usage};
use crate::domain::message::{FinishReason, Message, ModelAnswer, ModelRequest, ToolCall};
use crate::domain::tape::{ModelFailure, ModelFailureKind};
use crate::llm::{Mesh, price};

use super::super::ui::Ui;
use super::questions::{ANSWER, SECRET, json_question, needle, tool_question, windows, words};

/// The longest that a provider's wish to wait is obeyed.
const PATIENCE_MS: u64 = 10_000;

/// How a capability was found.
enum Found {
    /// As it is configured.
    Holds,
    /// Not as it is configured.
    Fails(String),
    /// The configuration says that there is none.
    NotAsked,
    /// It could not be told.
    Untold(String),
}

/// Asks models one after the other.
pub(super) struct Prober<'a> {
    pub(super) config: &'a Config,
    pub(super) mesh: &'a Mesh,
    pub(super) ui: &'a Ui,
    pub(super) caps: Caps,
    /// What all questions used so far.
    pub(super) spent: Usage,
    /// The replies of scripts that were used, by provider.
    pub(super) used: BTreeMap<String, Vec<u32>>,
}

/// Why there is no answer.
enum Silence {
    /// The call failed.
    Failed(ModelFailure),
    /// It might cost more than is left.
    TooDear,
}

/// The most that the questions to a model may use.
pub(super) fn at_most(config: &Config, mesh: &Mesh, name: &str) -> Spending {
    let Some(model) = config.models.get(name).filter(|_| mesh.check(name).is_ok()) else {
        return Spending::default();
    };
    let mut requests = vec![words()];
    if model.tools {
        let asked = tool_question();
        // The second question holds the first, and the answer to it.
        requests.extend([asked.clone(), asked]);
    }
    requests.extend(model.json.then(json_question));
    let windows = windows(config, model);
    requests.extend(windows.iter().map(|size| needle(*size)));
    let mut most = Spending::default();
    for request in &requests {
        let once = price::reserve(request, model);
        // One more time, if the provider asks to wait.
        most += once;
        most += once;
    }
    most
}

impl Prober<'_> {
    /// Asks all of them, and tells what came of it.
    pub(super) async fn all(&mut self, names: &[&str]) -> Vec<Value> {
        let mut documents = Vec::new();
        for name in names {
            documents.push(self.model(name).await);
        }
        documents
    }

    async fn model(&mut self, name: &str) -> Value {
        let Some(model) = self.config.models.get(name) else {
            return Value::Null;
        };
        let mut document = json!({"name": name, "provider": model.provider, "model": model.model});
        if let Err(failure) = self.mesh.check(name) {
            document["usable"] = false.into();
            document["why"] = failure.message.into();
            document["holds"] = false.into();
            return document;
        }
        let begun = Instant::now();
        let spent = self.spent;
        let (text, first_byte_ms) = self.words(name).await;
        let answers = matches!(text, Found::Holds);
        let tools = self.if_it(answers && model.tools, model.tools);
        let tools = match tools {
            None => self.tools(name).await,
            Some(found) => found,
        };
        let json = match self.if_it(answers && model.json, model.json) {
            None => self.json(name).await,
            Some(found) => found,
        };
        let windows = windows(self.config, model);
        let (window, held) = match self.if_it(answers && !windows.is_empty(), !windows.is_empty()) {
            None => self.window(name, &windows).await,
            Some(found) => (found, None),
        };
        let parts = [
            ("text", &text),
            ("tools", &tools),
            ("json", &json),
            ("window", &window),
        ];
        document["usable"] = true.into();
        for (key, found) in parts {
            document[key] = found.document();
        }
        document["window"]["held"] = held.into();
        document["window"]["configured"] = model.context_window.into();
        document["holds"] = parts.iter().all(|(_, found)| found.is_fine()).into();
        document["advice"] = advice(name, &tools, &json, &window, held).into();
        document["first_byte_ms"] = first_byte_ms.into();
        document["total_ms"] = millis(begun.elapsed()).into();
        document["input_tokens"] = (self.spent.input_tokens - spent.input_tokens).into();
        document["output_tokens"] = (self.spent.output_tokens - spent.output_tokens).into();
        document["cost_usd"] = (self.spent.cost_usd - spent.cost_usd).into();
        document
    }

    /// What is found of a capability without asking, if it need not or cannot be asked for.
    fn if_it(&self, is_asked: bool, is_configured: bool) -> Option<Found> {
        match (is_asked, is_configured) {
            (true, _) => None,
            (_, false) => Some(Found::NotAsked),
            (_, true) => Some(Found::Untold("it does not even answer".to_owned())),
        }
    }

    fn tell(&self, name: &str, what: &str) {
        if !self.ui.is_json() {
            self.ui.note(&format!("{name}: {what}"));
        }
    }

    async fn words(&mut self, name: &str) -> (Found, Option<u64>) {
        self.tell(name, "words");
        match self.ask(name, &words()).await {
            Err(Silence::Failed(failure)) => (Found::Fails(failure.message), None),
            Err(silence) => (silence.into(), None),
            Ok((answer, first)) if answer.text.trim().is_empty() => {
                (Found::Fails(without_words(&answer)), first)
            }
            Ok((_, first)) => (Found::Holds, first),
        }
    }

    async fn tools(&mut self, name: &str) -> Found {
        self.tell(name, "a tool call");
        let mut request = tool_question();
        let (answer, _) = match self.ask(name, &request).await {
            Ok(answered) => answered,
            Err(silence) => return silence.into(),
        };
        let well_formed =
            |call: &ToolCall| call.name == "look_up" && call.arguments["key"].is_string();
        if answer.tool_calls.is_empty() {
            return Found::Fails("it answered in words instead of calling the tool".to_owned());
        }
        if !answer.tool_calls.iter().all(well_formed) {
            return Found::Fails(
                "it called a tool that there is not, or without its key".to_owned(),
            );
        }
        let calls = answer.tool_calls.clone();
        request.messages.push(Message::Assistant {
            text: answer.text,
            tool_calls: answer.tool_calls,
            native: answer.native,
        });
        let results = calls.into_iter().map(|call| Message::Tool {
            call_id: call.id,
            name: call.name,
            text: format!("the entry reads: {SECRET}"),
            is_error: false,
        });
        request.messages.extend(results);
        match self.ask(name, &request).await {
            Err(silence) => silence.into(),
            Ok((answer, _)) if tells(&answer) => Found::Holds,
            Ok(_) => Found::Fails("it did not read the tool's answer".to_owned()),
        }
    }

    async fn json(&mut self, name: &str) -> Found {
        self.tell(name, "JSON");
        let answer = match self.ask(name, &json_question()).await {
            Ok((answer, _)) => answer,
            Err(silence) => return silence.into(),
        };
        match serde_json::from_str::<Value>(answer.text.trim()) {
            Ok(value) if value["word"].is_string() && value["length"].is_u64() => Found::Holds,
            Ok(_) => Found::Fails("its JSON is not of the schema".to_owned()),
            Err(_) => Found::Fails("what it answered is not JSON, or not only".to_owned()),
        }
    }

    /// Whether it reads as much as it is said to, and the tokens that it did read.
    async fn window(&mut self, name: &str, sizes: &[u64]) -> (Found, Option<u64>) {
        let mut held = None;
        for size in sizes {
            self.tell(name, &format!("a window of {size} tokens"));
            match self.ask(name, &needle(*size)).await {
                Ok((answer, _)) if tells(&answer) => held = Some(*size),
                Ok(_) => {
                    let what = format!("of {size} tokens it has lost the beginning");
                    return (Found::Fails(what), held);
                }
                Err(silence) => return (silence.into(), held),
            }
        }
        (Found::Holds, held)
    }

    /// Asks once, and once more where the failure is one that passes.
    async fn ask(
        &mut self,
        name: &str,
        request: &ModelRequest,
    ) -> Result<(ModelAnswer, Option<u64>), Silence> {
        let mut is_first = true;
        loop {
            let provider = self.config.models[name].provider.clone();
            let used = self.used.entry(provider).or_default();
            let address = Digest::of(&serde_json::to_vec(request).unwrap_or_default());
            let intent = self.mesh.intent(name, request, address, used);
            let intent = intent.map_err(Silence::Failed)?;
            used.extend(intent.reply);
            let reserved = intent.reserved();
            let spent = Spending {
                usd: self.spent.cost_usd,
                tokens: self.spent.tokens(),
                ..Spending::default()
            };
            let fits = self.caps.admit(Scope::Run, spent, reserved);
            fits.map_err(|_| Silence::TooDear)?;
            let called = self.mesh.call(&intent, request, &|_| {}).await;
            let first = called.exchanges.first().and_then(|one| one.first_byte_ms);
            match called.result {
                Ok(answer) => {
                    self.spent += answer.usage;
                    return Ok((answer, first));
                }
                Err(failure) => {
                    if failure.kind.may_have_cost() {
                        self.spent += Usage {
                            model_calls: 1,
                            output_tokens: reserved.tokens,
                            cost_usd: reserved.usd,
                            ..Usage::default()
                        };
                    }
                    let wait = failure.retry_after_ms.unwrap_or(500);
                    if !is_first || !failure.retryable() || wait > PATIENCE_MS {
                        return Err(Silence::Failed(failure));
                    }
                    tokio::time::sleep(Duration::from_millis(wait)).await;
                    is_first = false;
                }
            }
        }
    }
}

impl From<Silence> for Found {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::Failed(failure) if is_about_the_question(failure.kind) => {
                Self::Fails(failure.message)
            }
            Silence::Failed(failure) => Self::Untold(failure.message),
            Silence::TooDear => Self::Untold(
                "not asked: it might cost more than is left of budget.usd or budget.tokens"
                    .to_owned(),
            ),
        }
    }
}

impl Found {
    fn is_fine(&self) -> bool {
        matches!(self, Self::Holds | Self::NotAsked)
    }

    fn document(&self) -> Value {
        let (status, detail) = match self {
            Self::Holds => ("holds", None),
            Self::Fails(why) => ("fails", Some(why)),
            Self::NotAsked => ("not_asked", None),
            Self::Untold(why) => ("untold", Some(why)),
        };
        json!({"status": status, "detail": detail})
    }
}

/// What to set so that the configuration says what is so.
fn advice(
    name: &str,
    tools: &Found,
    json: &Found,
    window: &Found,
    held: Option<u64>,
) -> Vec<String> {
    let fails = |found: &Found| matches!(found, Found::Fails(_));
    let mut advice = Vec::new();
    if fails(tools) {
        advice.push(format!("set models.{name}.tools: false"));
    }
    if fails(json) {
        advice.push(format!("set models.{name}.json: false"));
    }
    if let (true, Some(held)) = (fails(window), held) {
        advice.push(format!("set models.{name}.context_window: {held}"));
    }
    advice
}

/// Whether a failure says something about the question, not about the way there.
fn is_about_the_question(kind: ModelFailureKind) -> bool {
    use ModelFailureKind as K;
    matches!(kind, K::BadRequest | K::ContextTooLong | K::Malformed)
}

fn tells(answer: &ModelAnswer) -> bool {
    let text = answer.text.to_lowercase();
    SECRET.split(' ').all(|word| text.contains(word))
}

fn without_words(answer: &ModelAnswer) -> String {
    match answer.finish {
        FinishReason::Length => format!("it used all {ANSWER} tokens before it said a word"),
        FinishReason::Refusal => "it refused".to_owned(),
        _ => "its answer is empty".to_owned(),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
