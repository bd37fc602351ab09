//! A server for tests: it refuses whatever the published protocol does not know (each protocol has
//! a file of rules here), answers what the test says, and misbehaves where it is told to.

pub(crate) mod anthropic;
pub(crate) mod chat;
pub(crate) mod gemini;
pub(crate) mod ollama;
mod openai;
pub(crate) mod responses;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Map, Value};

/// What a protocol says of requests.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    /// What follows host and port in the base of its addresses.
    pub(crate) root: &'static str,
    /// Checks the lines before the body, and the body.
    pub(crate) check: fn(&str, &Value) -> Verdict,
    /// What a violation is answered with.
    pub(crate) refusal: fn(&str) -> Reply,
}

/// A violation in words.
pub(crate) type Verdict = Result<(), String>;

/// A server on this machine. It lives as long as the process.
pub(crate) struct Fake {
    base: String,
    log: Arc<Mutex<Log>>,
}

#[derive(Default)]
struct Log {
    seen: Vec<Seen>,
    violations: Vec<String>,
    left: usize,
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The lines before the body.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: Value,
}

/// What is sent back.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    status: u16,
    headers: String,
    pieces: Vec<Vec<u8>>,
    /// Between two pieces.
    pause: Duration,
    end: End,
}

/// How a response ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    /// As it should.
    Whole,
    /// The connection is closed without notice.
    Cut,
    /// Nothing more comes until the client goes away.
    Hanging,
}

impl Reply {
    /// These bytes, each piece apart.
    pub(crate) fn raw(status: u16, kind: &str, pieces: Vec<Vec<u8>>) -> Self {
        Self {
            status,
            headers: format!("content-type: {kind}\r\nx-request-id: req_7\r\n"),
            pieces,
            pause: Duration::ZERO,
            end: End::Whole,
        }
    }

    /// A document.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::raw(
            status,
            "application/json",
            vec![body.to_string().into_bytes()],
        )
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    pub(crate) fn ending(self, end: End) -> Self {
        Self { end, ..self }
    }

    /// With a pause between two pieces.
    pub(crate) fn dripping(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// Only so many of the pieces.
    pub(crate) fn shortened(mut self, pieces: usize) -> Self {
        self.pieces.truncate(pieces);
        self
    }
}

impl Fake {
    /// Starts a server of a protocol that answers every legal request as `answer` says.
    pub(crate) fn start(rules: Rules, answer: impl FnMut(&Seen) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Mutex::new(Log::default()));
        let answer = Arc::new(Mutex::new(answer));
        let shared = log.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, answer) = (shared.clone(), answer.clone());
                // Whoever hangs must not keep the next one waiting.
                thread::spawn(move || serve(stream, rules, &log, &answer));
            }
        });
        Self {
            base: format!("http://{address}{}", rules.root),
            log,
        }
    }

    /// Where it is, as `base_url` says it.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The requests so far; none of them broke a rule.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        let log = self.log.lock().unwrap();
        assert_eq!(log.violations, [""; 0]);
        log.seen.clone()
    }

    /// How many clients went away while they were kept waiting.
    pub(crate) fn left(&self) -> usize {
        self.log.lock().unwrap().left
    }
}

fn serve(
    stream: TcpStream,
    rules: Rules,
    log: &Mutex<Log>,
    answer: &Mutex<impl FnMut(&Seen) -> Reply + Send>,
) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let seen = receive(&mut reader)?;
    let verdict = (rules.check)(&seen.head, &seen.body);
    log.lock().unwrap().seen.push(seen.clone());
    let reply = match verdict {
        Ok(()) => answer.lock().unwrap()(&seen),
        Err(violation) => {
            log.lock().unwrap().violations.push(violation.clone());
            (rules.refusal)(&violation)
        }
    };
    send(stream, &reply);
    if reply.end == End::Hanging {
        // Ends when the other side closes the connection.
        let _ = reader.read(&mut [0]);
        log.lock().unwrap().left += 1;
    }
    Some(())
}

fn receive(reader: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Seen {
        head,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    })
}

/// Sends a response; that the other side may be gone is its own affair.
fn send(mut stream: TcpStream, reply: &Reply) -> Option<()> {
    let Reply {
        status, headers, ..
    } = reply;
    let head = format!(
        "HTTP/1.1 {status} Status\r\n{headers}transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).ok()?;
    for piece in &reply.pieces {
        let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
        stream.write_all(&chunk).ok()?;
        stream.flush().ok()?;
        thread::sleep(reply.pause);
    }
    if reply.end == End::Whole {
        stream.write_all(b"0\r\n\r\n").ok()?;
    }
    Some(())
}

/// A violation unless it holds.
pub(crate) fn must(holds: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// The object, if it has no other fields than these.
pub(crate) fn fields<'v>(
    value: &'v Value,
    known: &[&str],
) -> Result<&'v Map<String, Value>, String> {
    let object = value.as_object().ok_or(format!("{value} is no object"))?;
    for name in object.keys() {
        must(known.contains(&name.as_str()), || {
            format!("Unrecognized request argument supplied: {name}")
        })?;
    }
    Ok(object)
}

/// The list, if it is not empty.
pub(crate) fn list<'v>(value: Option<&'v Value>, name: &str) -> Result<&'v [Value], String> {
    let list = value.and_then(Value::as_array).map(Vec::as_slice);
    list.filter(|list| !list.is_empty())
        .ok_or(format!("{name} is no list, or empty"))
}
