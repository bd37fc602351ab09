//! A chat completions server for tests: it refuses whatever the published protocol does not know
//! ([`rules`]), answers what the test says, and misbehaves where it is told to.

mod rules;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

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

    /// An error as OpenAI words it.
    pub(crate) fn error(status: u16, kind: &str, message: &str) -> Self {
        let error = json!({"message": message, "type": kind, "param": null, "code": kind});
        Self::json(status, &json!({"error": error}))
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    pub(crate) fn ending(self, end: End) -> Self {
        Self { end, ..self }
    }

    /// Only so many of the pieces.
    pub(crate) fn shortened(mut self, pieces: usize) -> Self {
        self.pieces.truncate(pieces);
        self
    }

    /// The answer with these words and calls (name and arguments), in the form that was asked for.
    pub(crate) fn answer(seen: &Seen, text: &str, calls: &[(&str, String)]) -> Self {
        if seen.body["stream"] == true {
            let pieces = events(text, calls).into_iter();
            let lines = pieces.map(|event| format!("data: {event}\n\n").into_bytes());
            Self::raw(200, "text/event-stream", lines.collect())
        } else {
            Self::json(200, &document(text, calls))
        }
    }
}

fn usage() -> Value {
    json!({"prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150,
        "prompt_tokens_details": {"cached_tokens": 100},
        "completion_tokens_details": {"reasoning_tokens": 12}})
}

fn reason(calls: &[(&str, String)]) -> &'static str {
    if calls.is_empty() {
        "stop"
    } else {
        "tool_calls"
    }
}

/// A whole answer as a document.
pub(crate) fn document(text: &str, calls: &[(&str, String)]) -> Value {
    let made = calls.iter().enumerate().map(|(at, (name, arguments))| {
        json!({"id": format!("call_abc{at}"), "type": "function",
            "function": {"name": name, "arguments": arguments}})
    });
    let mut message = json!({"role": "assistant", "content": text, "refusal": null});
    if !calls.is_empty() {
        message["tool_calls"] = made.collect();
    }
    json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": reason(calls)}],
        "usage": usage()})
}

/// The same as the data of events, words and arguments in pieces.
pub(crate) fn events(text: &str, calls: &[(&str, String)]) -> Vec<String> {
    let chunk = |delta: Value, finish: Value| {
        json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}],
            "usage": null, "obfuscation": "x"})
    };
    let delta = |delta: Value| chunk(delta, Value::Null);
    let mut made = vec![delta(
        json!({"role": "assistant", "content": "", "refusal": null}),
    )];
    let words = text.split_inclusive(' ');
    made.extend(words.map(|word| delta(json!({"content": word}))));
    for (index, (name, arguments)) in calls.iter().enumerate() {
        let call = |call: Value| delta(json!({"tool_calls": [call]}));
        made.push(call(
            json!({"index": index, "id": format!("call_abc{index}"), "type": "function",
            "function": {"name": name, "arguments": ""}}),
        ));
        let letters: Vec<char> = arguments.chars().collect();
        made.extend(letters.chunks(5).map(|piece| {
            let piece: String = piece.iter().collect();
            call(json!({"index": index, "function": {"arguments": piece}}))
        }));
    }
    made.push(chunk(json!({}), json!(reason(calls))));
    let mut last = delta(json!({}));
    last["choices"] = json!([]);
    last["usage"] = usage();
    made.push(last);
    let farewell = std::iter::once("[DONE]".to_owned());
    made.iter().map(Value::to_string).chain(farewell).collect()
}

impl Fake {
    /// Starts a server that answers every legal request as `answer` says.
    pub(crate) fn start(answer: impl FnMut(&Seen) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Mutex::new(Log::default()));
        let answer = Arc::new(Mutex::new(answer));
        let shared = log.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, answer) = (shared.clone(), answer.clone());
                // Whoever hangs must not keep the next one waiting.
                thread::spawn(move || serve(stream, &log, &answer));
            }
        });
        Self {
            base: format!("http://{address}/v1"),
            log,
        }
    }

    /// Where it is, version included.
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
    log: &Mutex<Log>,
    answer: &Mutex<impl FnMut(&Seen) -> Reply + Send>,
) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let seen = receive(&mut reader)?;
    let verdict = rules::check(&seen.head, &seen.body);
    log.lock().unwrap().seen.push(seen.clone());
    let reply = match verdict {
        Ok(()) => answer.lock().unwrap()(&seen),
        Err(violation) => {
            log.lock().unwrap().violations.push(violation.clone());
            Reply::error(400, "invalid_request_error", &violation)
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
    }
    if reply.end == End::Whole {
        stream.write_all(b"0\r\n\r\n").ok()?;
    }
    Some(())
}
