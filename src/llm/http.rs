//! Sending a request and reading what comes back, with a limit on everything.
//!
//! What it means is left to the protocols. A client is made when it is first needed, and shared.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use tokio::time::{Instant, timeout_at};

use crate::domain::tape::{Exchange, Timeout};

/// The longest that making a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// The most bytes of one response.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// The headers of a response that are kept.
const KEPT_HEADERS: [&str; 9] = [
    "content-type",
    "date",
    "openai-processing-ms",
    "openai-version",
    "request-id",
    "retry-after",
    "retry-after-ms",
    "x-request-id",
    "x-should-retry",
];

/// Beginnings of the names of more of them.
const KEPT_FAMILIES: [&str; 2] = ["x-ratelimit-", "anthropic-ratelimit-"];

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// From the request to the first byte of the answer.
    pub(super) first_byte: Duration,
    /// From one byte to the next.
    pub(super) idle: Duration,
    /// For all of it.
    pub(super) total: Duration,
}

impl Limits {
    /// The limits where the configuration says how long a call may take, or does not. A model that
    /// is loaded first, or that answers in one piece, is silent for long.
    pub(super) fn new(total: Option<Duration>, stream: bool) -> Self {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        let longest = total.unwrap_or(minutes(20));
        let first_byte = match total {
            None if stream => minutes(10),
            _ => longest,
        };
        Self {
            first_byte,
            idle: minutes(5).min(longest),
            total: longest,
        }
    }
}

/// Why there is no (whole) response.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// No connection.
    #[error("cannot connect: {0}")]
    Connection(String),
    /// A limit of time was reached.
    #[error("{1}")]
    TimedOut(Timeout, String),
    /// The connection was lost while the server was to answer.
    #[error("the answer broke off: {0}")]
    BrokenOff(String),
    /// More than is read.
    #[error("the answer is larger than {} MiB", MOST_BYTES / (1024 * 1024))]
    TooLarge,
    /// This machine or the address does not permit a request at all.
    #[error("cannot send a request: {0}")]
    NoClient(String),
}

/// The clients of a process, by what they need to be made.
#[derive(Debug, Default)]
pub(super) struct Http {
    clients: Mutex<BTreeMap<Needs, Client>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Needs {
    /// Whether proxies of the environment apply: never on the way to this machine.
    proxies: bool,
    /// Whether certificates are checked; a machine without any can still talk to its own servers.
    certificates: bool,
}

impl Needs {
    fn of(address: &Url) -> Self {
        Self {
            proxies: !is_here(address),
            certificates: address.scheme() == "https",
        }
    }
}

/// Whether an address is on this machine.
fn is_here(address: &Url) -> bool {
    let host = address.host_str().unwrap_or_default();
    let number = host.trim_start_matches('[').trim_end_matches(']');
    match number.parse::<IpAddr>() {
        Ok(number) => number.is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

/// The same of an address as it is configured.
pub(super) fn is_loopback(base: &str) -> bool {
    Url::parse(base).is_ok_and(|address| is_here(&address))
}

impl Http {
    /// Sends `body`, and returns the response as soon as its head is there.
    ///
    /// # Errors
    /// If there is no connection, or no head in time; with what can be told of the exchange.
    pub(super) async fn post(
        &self,
        address: &str,
        headers: HeaderMap,
        body: Vec<u8>,
        limits: Limits,
    ) -> Result<Reply, (Trouble, Exchange)> {
        let begun = Instant::now();
        let sent = self.send(address, headers, body, limits, begun).await;
        sent.map_err(|trouble| {
            let exchange = Exchange {
                total_ms: millis_since(begun),
                ..Exchange::default()
            };
            (trouble, exchange)
        })
    }

    async fn send(
        &self,
        address: &str,
        headers: HeaderMap,
        body: Vec<u8>,
        limits: Limits,
        begun: Instant,
    ) -> Result<Reply, Trouble> {
        let address = Url::parse(address).map_err(|error| Trouble::NoClient(error.to_string()))?;
        let client = self.client(Needs::of(&address))?;
        let request = client.post(address).headers(headers).body(body).send();
        let waits = Waits {
            first_byte: begun + limits.first_byte,
            total: begun + limits.total,
            limits,
        };
        let response = waits
            .first(request)
            .await?
            .map_err(|error| of_send(&error))?;
        let head = Head {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
        };
        Ok(Reply {
            response,
            head,
            received: Vec::new(),
            begun,
            first_byte_ms: None,
            waits,
        })
    }

    /// The client for an address, as for reading what is there.
    ///
    /// # Errors
    /// If this machine permits none.
    pub(super) fn client_for(&self, address: &Url) -> Result<Client, Trouble> {
        self.client(Needs::of(address))
    }

    fn client(&self, needs: Needs) -> Result<Client, Trouble> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&needs) {
            return Ok(client.clone());
        }
        // Someone else may have installed one; that one is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .connect_timeout(CONNECT)
            .redirect(Policy::none())
            .user_agent(concat!("rgpt/", env!("CARGO_PKG_VERSION")));
        if !needs.proxies {
            builder = builder.no_proxy();
        }
        if !needs.certificates {
            builder = builder.tls_certs_only([]);
        }
        let client = builder
            .build()
            .map_err(|error| Trouble::NoClient(chain(&error)))?;
        clients.insert(needs, client.clone());
        Ok(client)
    }
}

/// When to give up waiting.
#[derive(Clone, Copy, Debug)]
struct Waits {
    first_byte: Instant,
    total: Instant,
    limits: Limits,
}

impl Waits {
    async fn first<T>(self, work: impl Future<Output = T>) -> Result<T, Trouble> {
        let end = self.first_byte.min(self.total);
        timeout_at(end, work).await.map_err(|_| {
            let limit = seconds(self.limits.first_byte);
            Trouble::TimedOut(Timeout::FirstByte, format!("no answer within {limit}"))
        })
    }

    async fn next<T>(self, work: impl Future<Output = T>) -> Result<T, Trouble> {
        let idle = Instant::now() + self.limits.idle;
        let (end, which, message) = if self.total < idle {
            let total = seconds(self.limits.total);
            let message = format!("the answer was not complete within {total}");
            (self.total, Timeout::Total, message)
        } else {
            let limit = seconds(self.limits.idle);
            let message = format!("nothing more came for {limit}");
            (idle, Timeout::Idle, message)
        };
        let waited = timeout_at(end, work).await;
        waited.map_err(|_| Trouble::TimedOut(which, message))
    }
}

fn seconds(limit: Duration) -> String {
    format!("{} s", limit.as_secs_f64())
}

fn millis_since(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// The beginning of a response.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// The HTTP status.
    pub(super) status: u16,
    /// All headers.
    pub(super) headers: HeaderMap,
}

impl Head {
    /// Whether the request was accepted.
    pub(super) fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header's value, if it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The provider's name for the request.
    pub(super) fn request_id(&self) -> Option<&str> {
        self.header("x-request-id")
            .or_else(|| self.header("request-id"))
    }

    /// Whether the provider says that the identical request might succeed later.
    pub(super) fn should_retry(&self) -> Option<bool> {
        self.header("x-should-retry")?.trim().parse().ok()
    }

    /// The headers that say something about the call.
    fn kept(&self) -> BTreeMap<String, String> {
        let says = |name: &str| {
            KEPT_HEADERS.contains(&name)
                || KEPT_FAMILIES.iter().any(|family| name.starts_with(family))
        };
        let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
        let kept = self.headers.iter().filter(|(name, _)| says(name.as_str()));
        kept.filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?)))
            .collect()
    }
}

/// A response whose head is there.
#[derive(Debug)]
pub(super) struct Reply {
    response: Response,
    head: Head,
    received: Vec<u8>,
    begun: Instant,
    first_byte_ms: Option<u64>,
    waits: Waits,
}

impl Reply {
    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    /// What went over the wire until now.
    pub(super) fn exchange(self) -> Exchange {
        Exchange {
            status: Some(self.head.status),
            headers: self.head.kept(),
            first_byte_ms: self.first_byte_ms,
            total_ms: millis_since(self.begun),
            received: self.received,
        }
    }

    /// The next bytes of the body; `None` after the last.
    ///
    /// # Errors
    /// If they do not come in time or at all, or there are too many.
    pub(super) async fn chunk(&mut self) -> Result<Option<Vec<u8>>, Trouble> {
        let next = self.response.chunk();
        let chunk = if self.received.is_empty() {
            self.waits.first(next).await?
        } else {
            self.waits.next(next).await?
        };
        let Some(chunk) = chunk.map_err(|error| Trouble::BrokenOff(chain(&error)))? else {
            return Ok(None);
        };
        if self.first_byte_ms.is_none() {
            self.first_byte_ms = Some(millis_since(self.begun));
        }
        if self.received.len() + chunk.len() > MOST_BYTES {
            return Err(Trouble::TooLarge);
        }
        self.received.extend_from_slice(&chunk);
        Ok(Some(chunk.to_vec()))
    }

    /// From here on, nothing essential is missing: what does not come soon is not waited for.
    pub(super) fn hurry(&mut self, patience: Duration) {
        let end = Instant::now() + patience;
        self.waits.first_byte = self.waits.first_byte.min(end);
        self.waits.total = self.waits.total.min(end);
        self.waits.limits.idle = self.waits.limits.idle.min(patience);
    }

    /// The whole of the body.
    ///
    /// # Errors
    /// As [`Reply::chunk`].
    pub(super) async fn body(&mut self) -> Result<Vec<u8>, Trouble> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            body.extend(chunk);
        }
        Ok(body)
    }
}

fn of_send(error: &reqwest::Error) -> Trouble {
    if error.is_connect() && error.is_timeout() {
        let limit = seconds(CONNECT);
        Trouble::TimedOut(Timeout::Connect, format!("no connection within {limit}"))
    } else if error.is_connect() {
        Trouble::Connection(chain(error))
    } else if error.is_builder() {
        Trouble::NoClient(chain(error))
    } else {
        Trouble::BrokenOff(chain(error))
    }
}

/// The innermost reason: what stands above it says no more than that a request failed.
fn chain(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_not_asked_on_the_way_to_this_machine() {
        let proxied = |address: &str| Needs::of(&Url::parse(address).expect("an address")).proxies;
        for here in [
            "http://127.0.0.1:8000/v1",
            "http://[::1]/",
            "https://localhost/v1",
        ] {
            assert!(!proxied(here), "{here}");
        }
        for elsewhere in [
            "https://api.openai.com/v1",
            "http://127.example/",
            "http://10.0.0.1/",
        ] {
            assert!(proxied(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn a_model_that_is_silent_at_first_is_waited_for() {
        let hour = Duration::from_secs(3_600);
        let limits = Limits::new(Some(hour), false);
        assert_eq!((limits.first_byte, limits.total), (hour, hour));
        let short = Limits::new(Some(Duration::from_secs(1)), true);
        assert_eq!(short.idle, short.total);
        let usual = Limits::new(None, true);
        assert!(usual.idle < usual.first_byte && usual.first_byte < usual.total);
    }
}
