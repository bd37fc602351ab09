//! Chat completions: OpenAI's older protocol, which nearly every other server speaks, too.
//!
//! Start at [`OpenAiChat`]. [`request`] says what is sent, in the server's [`dialect`]; [`answer`]
//! what comes back.

mod answer;
mod dialect;
mod kind;
mod request;
mod schema;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::Value;

use super::endpoint::Endpoint;
use super::failure::{self, Complaint};
use super::http::{Http, Reply, Trouble};
use super::{Model, OnToken, Prepared, conversation, sse};
use crate::domain::Clock;
use crate::domain::message::{ModelAnswer, ModelRequest};
use crate::domain::tape::{ModelFailure, ModelFailureKind};
use answer::Assembly;
use dialect::Dialect;
use kind::kind_of;

/// Where OpenAI itself is.
pub(super) const OPENAI: &str = "https://api.openai.com/v1";

/// The data of the last event of a stream.
const DONE: &[u8] = b"[DONE]";

/// How long to wait for what follows an answer that is finished, or the status of an error.
const FAREWELL: Duration = Duration::from_secs(2);

/// The most parameters that one server can refuse, one after the other.
const LESSONS: usize = 6;

/// A model behind the chat completions protocol.
pub(super) struct OpenAiChat {
    endpoint: Endpoint,
    http: Arc<Http>,
    clock: Arc<dyn Clock>,
    /// What the server takes, as far as it has told.
    dialect: Mutex<Dialect>,
}

/// Why there is no answer to one request.
enum Refusal {
    /// The server said so before any work.
    Complaint(Box<Reply>, Complaint),
    /// Anything else.
    Failure(ModelFailure),
}

impl OpenAiChat {
    /// The model at `endpoint`; `json`: whether it can be held to a schema.
    pub(super) fn new(
        endpoint: Endpoint,
        json: bool,
        http: Arc<Http>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            dialect: Mutex::new(Dialect::of(&endpoint, json)),
            endpoint,
            http,
            clock,
        }
    }

    /// Asks; if the server does not know a parameter, without it.
    async fn ask(
        &self,
        request: &ModelRequest,
        on_token: OnToken<'_>,
    ) -> Result<ModelAnswer, ModelFailure> {
        let mut lessons = 0;
        loop {
            let dialect = *self.dialect.lock().unwrap_or_else(PoisonError::into_inner);
            let body = dialect.body(&self.endpoint, request);
            let address = dialect.address(&self.endpoint.base);
            let (reply, complaint) = match self.exchange(&address, &body, request, on_token).await {
                Ok(answer) => return Ok(answer),
                Err(Refusal::Failure(failure)) => return Err(failure),
                Err(Refusal::Complaint(reply, complaint)) => (reply, complaint),
            };
            lessons += 1;
            match dialect.without(reply.status(), &complaint, &body) {
                Some(learnt) if lessons <= LESSONS => {
                    *self.dialect.lock().unwrap_or_else(PoisonError::into_inner) = learnt;
                }
                _ => return Err(self.refused(&reply, &complaint)),
            }
        }
    }

    async fn exchange(
        &self,
        address: &str,
        body: &Value,
        request: &ModelRequest,
        on_token: OnToken<'_>,
    ) -> Result<ModelAnswer, Refusal> {
        let endpoint = &self.endpoint;
        let lost = |trouble: &Trouble| Refusal::Failure(endpoint.trouble(trouble, None));
        let text = body.to_string().into_bytes();
        let sent = self
            .http
            .post(address, self.headers(), text, endpoint.limits);
        let mut reply = sent.await.map_err(|trouble| lost(&trouble))?;
        if !(200..300).contains(&reply.status()) {
            // The status says enough where the body is lost.
            reply.hurry(FAREWELL);
            let body = reply.body().await.unwrap_or_default();
            return Err(Refusal::Complaint(
                Box::new(reply),
                Complaint::of_body(&body),
            ));
        }
        self.read(&mut reply, request, on_token)
            .await
            .map_err(Refusal::Failure)
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let accepted = if self.endpoint.stream {
            "text/event-stream"
        } else {
            "application/json"
        };
        headers.insert(ACCEPT, HeaderValue::from_static(accepted));
        let key = self.endpoint.key.as_ref();
        if let Some(bearer) = key.and_then(super::endpoint::Secret::bearer) {
            headers.insert(AUTHORIZATION, bearer);
        }
        headers
    }

    /// Reads an answer, in one piece or many, whichever it was that the server sent.
    async fn read(
        &self,
        reply: &mut Reply,
        request: &ModelRequest,
        on_token: OnToken<'_>,
    ) -> Result<ModelAnswer, ModelFailure> {
        let kind = reply.header("content-type").unwrap_or_default().to_owned();
        let mut first = Vec::new();
        let streams = if kind.contains("event-stream") {
            true
        } else {
            while first.iter().all(u8::is_ascii_whitespace) {
                match reply
                    .chunk()
                    .await
                    .map_err(|lost| self.lost(reply, &lost))?
                {
                    Some(chunk) => first.extend(chunk),
                    None => break,
                }
            }
            let begin = first.iter().find(|byte| !byte.is_ascii_whitespace());
            !kind.contains("json") && begin.is_some_and(|byte| !b"{[<\"".contains(byte))
        };
        if streams {
            self.read_stream(reply, &first, request, on_token).await
        } else {
            first.extend(reply.body().await.map_err(|lost| self.lost(reply, &lost))?);
            self.read_document(reply, &first, request, on_token)
        }
    }

    fn read_document(
        &self,
        reply: &Reply,
        body: &[u8],
        request: &ModelRequest,
        on_token: OnToken<'_>,
    ) -> Result<ModelAnswer, ModelFailure> {
        let text = String::from_utf8_lossy(body);
        let document: Value = serde_json::from_slice(body).map_err(|error| {
            if text.trim().is_empty() {
                return self.unreadable(reply, "the answer is empty");
            }
            if error.is_eof() {
                return self.broken_off(reply);
            }
            let what = if failure::looks_like_html(&text) {
                failure::of_page(&text)
            } else {
                format!("{error}: {text}")
            };
            self.unreadable(reply, &format!("the answer is not JSON: {what}"))
        })?;
        if let Some(complaint) = Complaint::of_json(&document) {
            return Err(self.refused(reply, &complaint));
        }
        let choices = document.get("choices").and_then(Value::as_array);
        if choices.is_none_or(Vec::is_empty) {
            return Err(self.unreadable(reply, &format!("the answer has no choices: {text}")));
        }
        let mut assembly = Assembly::default();
        assembly.take(&document, on_token);
        Ok(assembly.answer(request))
    }

    async fn read_stream(
        &self,
        reply: &mut Reply,
        first: &[u8],
        request: &ModelRequest,
        on_token: OnToken<'_>,
    ) -> Result<ModelAnswer, ModelFailure> {
        let mut assembly = Assembly::default();
        let mut reader = sse::Reader::default();
        let mut bytes = first.to_vec();
        let lost = loop {
            for event in reader.push(&bytes) {
                if self.take(reply, &event, &mut assembly, on_token)? {
                    return Ok(assembly.answer(request));
                }
            }
            if assembly.is_finished() {
                reply.hurry(FAREWELL);
            }
            bytes = match reply.chunk().await {
                Ok(Some(bytes)) => bytes,
                Ok(None) => break None,
                Err(trouble) => break Some(trouble),
            };
        };
        // The end of a stream that was cut off is no event.
        if lost.is_none()
            && let Some(last) = reader.finish()
            && (last.data == DONE || serde_json::from_slice::<Value>(&last.data).is_ok())
            && self.take(reply, &last, &mut assembly, on_token)?
        {
            return Ok(assembly.answer(request));
        }
        match lost {
            // Everything was said; only the farewell is missing.
            _ if assembly.is_finished() => Ok(assembly.answer(request)),
            Some(trouble) => Err(self.lost(reply, &trouble)),
            None => Err(self.broken_off(reply)),
        }
    }

    /// Takes an event; whether it is the last.
    fn take(
        &self,
        reply: &Reply,
        event: &sse::Event,
        assembly: &mut Assembly,
        on_token: OnToken<'_>,
    ) -> Result<bool, ModelFailure> {
        let data = event.data.trim_ascii();
        if data == DONE && assembly.is_torn() {
            return Err(self.broken_off(reply));
        }
        if data == DONE || data.is_empty() {
            return Ok(data == DONE);
        }
        let text = String::from_utf8_lossy(data);
        let chunk: Value = serde_json::from_slice(data).map_err(|error| {
            self.unreadable(
                reply,
                &format!("a piece of the answer is not JSON: {error}: {text}"),
            )
        })?;
        let complaint = Complaint::of_json(&chunk).or_else(|| {
            (event.kind == "error").then(|| Complaint {
                message: text.into_owned(),
                ..Complaint::default()
            })
        });
        if let Some(complaint) = complaint {
            return Err(self.refused(reply, &complaint));
        }
        assembly.take(&chunk, on_token);
        Ok(false)
    }

    /// What a server complains of, as a typed failure.
    fn refused(&self, reply: &Reply, complaint: &Complaint) -> ModelFailure {
        let status = match reply.status() {
            // A failure after a good start has the status that it names, if any.
            200..=299 => complaint.status(),
            status => Some(status),
        };
        let kind = kind_of(status, complaint);
        let words = match reply
            .header("location")
            .filter(|_| matches!(status, Some(300..=399)))
        {
            Some(elsewhere) => {
                format!("it sends us on to {elsewhere}, where we do not take the key")
            }
            None => complaint.message.clone(),
        };
        let mut failure = self
            .endpoint
            .failure(kind, status, &words, request_id(reply));
        if kind.transient() {
            let code = status.unwrap_or_default();
            let now = || self.clock.now();
            failure.retry_after_ms = failure::retry_after_ms(reply.headers(), code, now);
        }
        failure
    }

    fn unreadable(&self, reply: &Reply, words: &str) -> ModelFailure {
        let status = Some(reply.status());
        self.endpoint.failure(
            ModelFailureKind::Malformed,
            status,
            words,
            request_id(reply),
        )
    }

    fn broken_off(&self, reply: &Reply) -> ModelFailure {
        let words = "the answer broke off before its end";
        let status = Some(reply.status());
        self.endpoint.failure(
            ModelFailureKind::Truncated,
            status,
            words,
            request_id(reply),
        )
    }

    fn lost(&self, reply: &Reply, trouble: &Trouble) -> ModelFailure {
        self.endpoint.trouble(trouble, Some(reply.status()))
    }
}

fn request_id(reply: &Reply) -> Option<&str> {
    reply
        .header("x-request-id")
        .or_else(|| reply.header("request-id"))
}

impl Model for OpenAiChat {
    fn name(&self) -> &str {
        &self.endpoint.name
    }

    fn prepare(&self, request: &ModelRequest, _: &[u32]) -> Result<Prepared, ModelFailure> {
        conversation::check(request).map_err(|reason| {
            self.endpoint
                .failure(ModelFailureKind::BadRequest, None, &reason, None)
        })?;
        Ok(Prepared { reply: None })
    }

    fn call<'a>(
        &'a self,
        request: &'a ModelRequest,
        _: &'a Prepared,
        on_token: OnToken<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<ModelAnswer, ModelFailure>> + Send + 'a>> {
        Box::pin(self.ask(request, on_token))
    }
}
