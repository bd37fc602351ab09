//! Sending a request and reading what comes back, with a limit on everything.
//!
//! What it means is left to the protocols. A client is made when it is first needed, and shared.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use tokio::time::{Instant, timeout_at};

/// The longest that making a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// The most bytes of one response.
const MOST_BYTES: usize = 32 * 1024 * 1024;

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
    #[error("{0}")]
    TimedOut(String),
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
        let host = address.host_str().unwrap_or_default();
        let number = host.trim_start_matches('[').trim_end_matches(']');
        let loopback = match number.parse::<IpAddr>() {
            Ok(number) => number.is_loopback(),
            Err(_) => host == "localhost" || host.ends_with(".localhost"),
        };
        Self {
            proxies: !loopback,
            certificates: address.scheme() == "https",
        }
    }
}

impl Http {
    /// Sends `body`, and returns the response as soon as its head is there.
    ///
    /// # Errors
    /// If there is no connection, or no head in time.
    pub(super) async fn post(
        &self,
        address: &str,
        headers: HeaderMap,
        body: Vec<u8>,
        limits: Limits,
    ) -> Result<Reply, Trouble> {
        let address = Url::parse(address).map_err(|error| Trouble::NoClient(error.to_string()))?;
        let client = self.client(Needs::of(&address))?;
        let begun = Instant::now();
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
        Ok(Reply {
            response,
            received: 0,
            waits,
        })
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
            Trouble::TimedOut(format!(
                "no answer within {}",
                seconds(self.limits.first_byte)
            ))
        })
    }

    async fn next<T>(self, work: impl Future<Output = T>) -> Result<T, Trouble> {
        let idle = Instant::now() + self.limits.idle;
        let (end, message) = if self.total < idle {
            let total = seconds(self.limits.total);
            (
                self.total,
                format!("the answer was not complete within {total}"),
            )
        } else {
            let idle_limit = seconds(self.limits.idle);
            (idle, format!("nothing more came for {idle_limit}"))
        };
        let waited = timeout_at(end, work).await;
        waited.map_err(|_| Trouble::TimedOut(message))
    }
}

fn seconds(limit: Duration) -> String {
    format!("{} s", limit.as_secs_f64())
}

/// A response whose head is there.
#[derive(Debug)]
pub(super) struct Reply {
    response: Response,
    received: usize,
    waits: Waits,
}

impl Reply {
    pub(super) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// A header's value, if it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// The next bytes of the body; `None` after the last.
    ///
    /// # Errors
    /// If they do not come in time or at all, or there are too many.
    pub(super) async fn chunk(&mut self) -> Result<Option<Vec<u8>>, Trouble> {
        let next = self.response.chunk();
        let chunk = if self.received == 0 {
            self.waits.first(next).await?
        } else {
            self.waits.next(next).await?
        };
        let Some(chunk) = chunk.map_err(|error| Trouble::BrokenOff(chain(&error)))? else {
            return Ok(None);
        };
        self.received += chunk.len();
        if self.received > MOST_BYTES {
            return Err(Trouble::TooLarge);
        }
        Ok(Some(chunk.to_vec()))
    }

    /// From here on, nothing essential is missing: what does not come soon is not waited for.
    pub(super) fn hurry(&mut self, patience: Duration) {
        self.waits.first_byte = self.waits.first_byte.min(Instant::now() + patience);
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
    if error.is_connect() {
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
