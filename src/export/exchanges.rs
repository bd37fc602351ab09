//! What went over the wire: without its bytes in documents, with them in archives.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{Redaction, Wire};
use crate::domain::ExecutionId;
use crate::domain::tape::{Call, TapeEntry};
use crate::store::ExchangeHead;

/// The exchanges without what is secret, each with the request that it was sent for.
pub(super) fn gathered(
    heads: Vec<ExchangeHead>,
    tapes: &[(ExecutionId, Vec<TapeEntry>)],
    redaction: &Redaction,
) -> Vec<Wire> {
    let request = |head: &ExchangeHead| {
        let (_, tape) = tapes.iter().find(|(id, _)| *id == head.place.execution)?;
        let entry = tape
            .iter()
            .find(|entry| entry.ordinal == head.place.ordinal)?;
        match &entry.call {
            Call::Model(call) => Some(call.request.clone()),
            _ => None,
        }
    };
    let wire = |mut head: ExchangeHead| {
        for value in head.headers.values_mut() {
            *value = redaction.text(value).into_owned();
        }
        Wire {
            request: request(&head),
            head,
        }
    };
    heads.into_iter().map(wire).collect()
}

impl Wire {
    /// As programs read it.
    pub(super) fn object(&self) -> Value {
        let head = &self.head;
        json!({
            "execution": head.place.execution,
            "ordinal": head.place.ordinal,
            "number": head.number,
            "request": self.request,
            "status": head.status,
            "headers": head.headers,
            "first_byte_ms": head.first_byte_ms,
            "total_ms": head.total_ms,
            "size": head.size,
        })
    }

    /// The name of its file.
    pub(super) fn name(&self) -> String {
        let place = &self.head.place;
        let (execution, ordinal) = (place.execution, place.ordinal);
        format!("exchanges/{execution}-{ordinal}-{}.http", self.head.number)
    }

    /// Writes the answer as it came, but for the headers that are not kept.
    ///
    /// # Errors
    /// What writing met.
    pub(super) fn write(&self, received: &[u8], to: &mut dyn Write) -> io::Result<()> {
        match self.head.status {
            Some(status) => write!(to, "HTTP/1.1 {status} \r\n")?,
            None => write!(to, "no answer\r\n")?,
        }
        for (name, value) in &self.head.headers {
            write!(to, "{name}: {value}\r\n")?;
        }
        to.write_all(b"\r\n")?;
        to.write_all(received)
    }
}
