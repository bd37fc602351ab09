//! What all protocols share: a request is sent, an answer read in one piece or many, failures are
//! told apart, and what went over the wire is kept.
//!
//! A [`Protocol`] says what is sent and what comes back means; a [`Caller`] is a model behind one.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::Value;

use super::endpoint::Endpoint;
use super::failure::{self, Complaint};
use super::http::{Head, Http, Reply, Trouble};
use super::{Called, Model, OnToken, Prepared, conversation, lines, pause, sse};
use crate::domain::Clock;
use crate::domain::message::{ModelAnswer, ModelRequest};
use crate::domain::tape::{Exchange, ModelFailure, ModelFailureKind};

/// The data of the last event of some streams.
const DONE: &[u8] = b"[DONE]";

/// How long to wait for what follows an answer that is finished, or the status of an error.
const FAREWELL: Duration = Duration::from_secs(2);

/// The most parameters that one server can refuse, one after the other.
const LESSONS: usize = 6;

/// A wire protocol: what is sent, and what comes back means.
pub(super) trait Protocol: Send + Sync + 'static {
    /// Which parameters a server takes: what is known before, and what it then complains of.
    type Dialect: Clone + Send + Sync;
    /// An answer so far.
    type Assembly: Assembly;

    /// The media type of a stream.
    const STREAM: &'static str;

    /// What is known of a server before anything was sent.
    fn dialect(endpoint: &Endpoint) -> Self::Dialect;

    /// Where requests go.
    fn address(endpoint: &Endpoint, dialect: &Self::Dialect) -> String;

    /// Adds the headers that say who asks, and in which version of the protocol.
    fn identify(endpoint: &Endpoint, headers: &mut HeaderMap);

    /// The body of a request.
    fn body(endpoint: &Endpoint, dialect: &Self::Dialect, request: &ModelRequest) -> Value;

    /// The dialect without what a server complains of; `None` if it is something else, or was not
    /// even sent.
    fn without(
        dialect: &Self::Dialect,
        status: u16,
        complaint: &Complaint,
        body: &Value,
    ) -> Option<Self::Dialect>;

    /// An answer of which nothing has come yet.
    fn assembly(endpoint: &Endpoint) -> Self::Assembly;

    /// The kind of failure that a complaint is. `status` is that of the response, or the one that
    /// an error after a good start names.
    fn kind_of(status: Option<u16>, complaint: &Complaint) -> ModelFailureKind;

    /// Why a request cannot be put to the model at all, where a server would cut it in silence.
    fn too_long(_: &Endpoint, _: &Self::Dialect, _: &ModelRequest) -> Option<String> {
        None
    }

    /// What shows that the server did not read the whole of `body`, although it answered.
    fn overflow(_: &Value, _: &ModelAnswer) -> Option<String> {
        None
    }

    /// What to do about a failure, where only the protocol knows.
    fn advice(_: &Endpoint, _: ModelFailureKind, _: &Complaint) -> Option<String> {
        None
    }
}

/// An answer so far.
pub(super) trait Assembly: Send {
    /// Takes a piece of a stream, and hands on the words in it. `kind` is the type of its event,
    /// empty where there is none. Unknown pieces are passed over.
    fn take(&mut self, kind: &str, piece: &Value, on_token: OnToken<'_>) -> Progress;

    /// Takes a whole answer in one document.
    ///
    /// # Errors
    /// Why it is no answer.
    fn document(&mut self, document: &Value, on_token: OnToken<'_>) -> Result<(), String>;

    /// What the provider complains of in a document that is an answer by its form.
    fn complaint(&self) -> Option<&Complaint> {
        None
    }

    /// Whether all is said: what follows is a farewell that may be missing.
    fn is_finished(&self) -> bool;

    /// Whether it stands still in the middle of something, although the stream was closed in due
    /// form: whoever passed it on has closed what was cut off before.
    fn is_torn(&self) -> bool {
        false
    }

    /// Whether the model only pauses: what it said is sent back as it is, and it goes on.
    fn is_paused(&self) -> bool {
        false
    }

    /// The answer, when nothing more comes. Where the last message of the request is the model's
    /// own, it is what follows on that.
    fn answer(self, request: &ModelRequest) -> ModelAnswer;
}

/// What a piece of a stream means for what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// More may come.
    More,
    /// It was the last.
    Over,
    /// The provider gives up.
    Failed(Complaint),
}

/// A model behind a protocol.
pub(super) struct Caller<P: Protocol> {
    endpoint: Endpoint,
    http: Arc<Http>,
    clock: Arc<dyn Clock>,
    /// What the server takes, as far as it has told.
    dialect: Mutex<P::Dialect>,
}

/// The answer to one request.
struct Said {
    answer: ModelAnswer,
    paused: bool,
}

/// Why there is no answer to one request.
enum Refusal {
    /// The server said so before any work.
    Complaint(Head, Complaint),
    /// Anything else.
    Failure(ModelFailure),
}

impl<P: Protocol> Caller<P> {
    /// The model at `endpoint`.
    pub(super) fn new(endpoint: Endpoint, http: Arc<Http>, clock: Arc<dyn Clock>) -> Self {
        Self {
            dialect: Mutex::new(P::dialect(&endpoint)),
            endpoint,
            http,
            clock,
        }
    }

    /// Asks, and asks on as long as the model pauses.
    async fn ask(&self, request: &ModelRequest, on_token: OnToken<'_>) -> Called {
        let mut exchanges = Vec::new();
        let mut before: Option<ModelAnswer> = None;
        let mut asked = Cow::Borrowed(request);
        let mut pauses = 0;
        let result = loop {
            match self.ask_once(&asked, &mut exchanges, on_token).await {
                Ok(said) => {
                    let answer = match before.take() {
                        None => said.answer,
                        Some(begun) => pause::joined(begun, said.answer),
                    };
                    let more = said.paused && pauses < pause::MOST;
                    match pause::continued(request, &answer).filter(|_| more) {
                        None => break Ok(answer),
                        Some(next) => asked = Cow::Owned(next),
                    }
                    pauses += 1;
                    before = Some(answer);
                }
                Err(failure) if before.is_some() => break Err(pause::half_way(failure)),
                Err(failure) => break Err(failure),
            }
        };
        Called { result, exchanges }
    }

    /// Asks; if the server does not know a parameter, without it.
    async fn ask_once(
        &self,
        request: &ModelRequest,
        exchanges: &mut Vec<Exchange>,
        on_token: OnToken<'_>,
    ) -> Result<Said, ModelFailure> {
        let mut lessons = 0;
        loop {
            let dialect = self.dialect().clone();
            let body = P::body(&self.endpoint, &dialect, request);
            let address = P::address(&self.endpoint, &dialect);
            let (answer, exchange) = self.exchange(&address, &body, request, on_token).await;
            exchanges.push(exchange);
            let (head, complaint) = match answer {
                Ok(said) => return Ok(said),
                Err(Refusal::Failure(failure)) => return Err(failure),
                Err(Refusal::Complaint(head, complaint)) => (head, complaint),
            };
            lessons += 1;
            match P::without(&dialect, head.status, &complaint, &body) {
                Some(learnt) if lessons <= LESSONS => *self.dialect() = learnt,
                _ => return Err(self.refused(&head, &complaint)),
            }
        }
    }

    fn dialect(&self) -> MutexGuard<'_, P::Dialect> {
        self.dialect.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One request, its answer, and what went over the wire.
    async fn exchange(
        &self,
        address: &str,
        body: &Value,
        request: &ModelRequest,
        on_token: OnToken<'_>,
    ) -> (Result<Said, Refusal>, Exchange) {
        let text = body.to_string().into_bytes();
        let limits = self.endpoint.limits;
        let sent = self.http.post(address, self.headers(), text, limits);
        let mut reply = match sent.await {
            Ok(reply) => reply,
            Err((trouble, exchange)) => {
                let failure = self.endpoint.trouble(&trouble, None);
                return (Err(Refusal::Failure(failure)), exchange);
            }
        };
        let answer = if reply.head().is_good() {
            let assembly = self.read(&mut reply, on_token).await;
            let said = assembly.and_then(|assembly| {
                let paused = assembly.is_paused();
                let answer = self.whole(reply.head(), body, assembly.answer(request))?;
                Ok(Said { paused, answer })
            });
            said.map_err(Refusal::Failure)
        } else {
            // The status says enough where the body is lost.
            reply.hurry(FAREWELL);
            let body = reply.body().await.unwrap_or_default();
            let complaint = Complaint::of_body(&body);
            Err(Refusal::Complaint(reply.head().clone(), complaint))
        };
        (answer, reply.exchange())
    }

    /// The answer, unless it shows that it is one to a part of the request.
    fn whole(
        &self,
        head: &Head,
        body: &Value,
        answer: ModelAnswer,
    ) -> Result<ModelAnswer, ModelFailure> {
        let kind = ModelFailureKind::ContextTooLong;
        P::overflow(body, &answer).map_or(Ok(answer), |words| {
            Err(self
                .endpoint
                .failure(kind, Some(head.status), &words, head.request_id()))
        })
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let accepted = if self.endpoint.stream {
            P::STREAM
        } else {
            "application/json"
        };
        headers.insert(ACCEPT, HeaderValue::from_static(accepted));
        P::identify(&self.endpoint, &mut headers);
        headers
    }

    /// Reads an answer, in one piece or many, whichever it was that the server sent.
    async fn read(
        &self,
        reply: &mut Reply,
        on_token: OnToken<'_>,
    ) -> Result<P::Assembly, ModelFailure> {
        let kind = reply.head().header("content-type").unwrap_or_default();
        let (stream, document) = (kind.contains(P::STREAM), kind.contains("json"));
        let mut first = Vec::new();
        let streams = stream || {
            while first.iter().all(u8::is_ascii_whitespace) {
                let chunk = reply.chunk().await;
                match chunk.map_err(|lost| self.lost(reply.head(), &lost))? {
                    Some(chunk) => first.extend(chunk),
                    None => break,
                }
            }
            let begin = first.iter().find(|byte| !byte.is_ascii_whitespace());
            !document && begin.is_some_and(|byte| !b"{[<\"".contains(byte))
        };
        if streams {
            self.read_stream(reply, &first, on_token).await
        } else {
            let rest = reply.body().await;
            first.extend(rest.map_err(|lost| self.lost(reply.head(), &lost))?);
            self.read_document(reply.head(), &first, on_token)
        }
    }

    fn read_document(
        &self,
        head: &Head,
        body: &[u8],
        on_token: OnToken<'_>,
    ) -> Result<P::Assembly, ModelFailure> {
        let text = String::from_utf8_lossy(body);
        let document: Value = serde_json::from_slice(body).map_err(|error| {
            if text.trim().is_empty() {
                return self.unreadable(head, "the answer is empty");
            }
            if error.is_eof() {
                return self.broken_off(head);
            }
            let what = if failure::looks_like_html(&text) {
                failure::of_page(&text)
            } else {
                format!("{error}: {text}")
            };
            self.unreadable(head, &format!("the answer is not JSON: {what}"))
        })?;
        if let Some(complaint) = Complaint::of_json(&document) {
            return Err(self.refused(head, &complaint));
        }
        let mut assembly = P::assembly(&self.endpoint);
        assembly
            .document(&document, on_token)
            .map_err(|reason| self.unreadable(head, &format!("{reason}: {text}")))?;
        if let Some(complaint) = assembly.complaint() {
            return Err(self.refused(head, complaint));
        }
        Ok(assembly)
    }

    async fn read_stream(
        &self,
        reply: &mut Reply,
        first: &[u8],
        on_token: OnToken<'_>,
    ) -> Result<P::Assembly, ModelFailure> {
        let mut assembly = P::assembly(&self.endpoint);
        let mut reader = Reader::of(P::STREAM);
        let mut bytes = first.to_vec();
        let lost = loop {
            for event in reader.push(&bytes) {
                if self.take(reply.head(), &event, &mut assembly, on_token)? {
                    return Ok(assembly);
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
            && self.take(reply.head(), &last, &mut assembly, on_token)?
        {
            return Ok(assembly);
        }
        match lost {
            // Everything was said; only the farewell is missing.
            _ if assembly.is_finished() => Ok(assembly),
            Some(trouble) => Err(self.lost(reply.head(), &trouble)),
            None => Err(self.broken_off(reply.head())),
        }
    }

    /// Takes an event; whether it is the last.
    fn take(
        &self,
        head: &Head,
        event: &sse::Event,
        assembly: &mut P::Assembly,
        on_token: OnToken<'_>,
    ) -> Result<bool, ModelFailure> {
        let data = event.data.trim_ascii();
        if data == DONE && assembly.is_torn() {
            return Err(self.broken_off(head));
        }
        if data == DONE || data.is_empty() {
            return Ok(data == DONE);
        }
        let text = String::from_utf8_lossy(data);
        let piece: Value = serde_json::from_slice(data).map_err(|error| {
            let words = format!("a piece of the answer is not JSON: {error}: {text}");
            self.unreadable(head, &words)
        })?;
        let complaint = Complaint::of_json(&piece).or_else(|| {
            (event.kind == "error").then(|| Complaint {
                message: text.into_owned(),
                ..Complaint::default()
            })
        });
        if let Some(complaint) = complaint {
            return Err(self.refused(head, &complaint));
        }
        match assembly.take(&event.kind, &piece, on_token) {
            Progress::More => Ok(false),
            Progress::Over => Ok(true),
            Progress::Failed(complaint) => Err(self.refused(head, &complaint)),
        }
    }

    /// What a server complains of, as a typed failure.
    fn refused(&self, head: &Head, complaint: &Complaint) -> ModelFailure {
        let status = match head.status {
            // A failure after a good start has the status that it names, if any.
            200..=299 => complaint.status(),
            status => Some(status),
        };
        let kind = P::kind_of(status, complaint);
        let redirect = matches!(status, Some(300..=399));
        let words = match head.header("location").filter(|_| redirect) {
            Some(elsewhere) => {
                format!("it sends us on to {elsewhere}, where we do not take the key")
            }
            None => complaint.message.clone(),
        };
        let mut failure = self
            .endpoint
            .failure(kind, status, &words, head.request_id());
        if let Some(advice) = P::advice(&self.endpoint, kind, complaint) {
            failure.message.push_str(&format!("; {advice}"));
        }
        failure.should_retry = head.should_retry();
        if failure.retryable() {
            let now = || self.clock.now();
            let code = status.unwrap_or_default();
            failure.retry_after_ms =
                failure::retry_after_ms(&head.headers, code, now).or(complaint.retry_after_ms);
        }
        failure
    }

    fn unreadable(&self, head: &Head, words: &str) -> ModelFailure {
        let status = Some(head.status);
        let kind = ModelFailureKind::Malformed;
        self.endpoint
            .failure(kind, status, words, head.request_id())
    }

    fn broken_off(&self, head: &Head) -> ModelFailure {
        let words = "the answer broke off before its end";
        let status = Some(head.status);
        let kind = ModelFailureKind::Truncated;
        self.endpoint
            .failure(kind, status, words, head.request_id())
    }

    fn lost(&self, head: &Head, trouble: &Trouble) -> ModelFailure {
        self.endpoint.trouble(trouble, Some(head.status))
    }
}

/// Puts the pieces of a stream together, whatever their form.
enum Reader {
    Events(sse::Reader),
    Lines(lines::Reader),
}

impl Reader {
    fn of(media_type: &str) -> Self {
        match media_type {
            lines::MEDIA_TYPE => Self::Lines(lines::Reader::default()),
            _ => Self::Events(sse::Reader::default()),
        }
    }

    fn push(&mut self, bytes: &[u8]) -> Vec<sse::Event> {
        match self {
            Self::Events(reader) => reader.push(bytes),
            Self::Lines(reader) => reader.push(bytes),
        }
    }

    fn finish(self) -> Option<sse::Event> {
        match self {
            Self::Events(reader) => reader.finish(),
            Self::Lines(reader) => reader.finish(),
        }
    }
}

impl<P: Protocol> Model for Caller<P> {
    fn name(&self) -> &str {
        &self.endpoint.name
    }

    fn prepare(&self, request: &ModelRequest, _: &[u32]) -> Result<Prepared, ModelFailure> {
        conversation::check(request).map_err(|reason| {
            self.endpoint
                .failure(ModelFailureKind::BadRequest, None, &reason, None)
        })?;
        match P::too_long(&self.endpoint, &self.dialect(), request) {
            None => Ok(Prepared { reply: None }),
            Some(reason) => {
                let kind = ModelFailureKind::ContextTooLong;
                Err(self.endpoint.failure(kind, None, &reason, None))
            }
        }
    }

    fn call<'a>(
        &'a self,
        request: &'a ModelRequest,
        _: &'a Prepared,
        on_token: OnToken<'a>,
    ) -> Pin<Box<dyn Future<Output = Called> + Send + 'a>> {
        Box::pin(self.ask(request, on_token))
    }
}
