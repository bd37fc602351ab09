//! What went over the wire, taken away.

use serde_json::{Value, json};

use super::{text, zip_of};
use crate::openai::{sandbox_with, server_with};
use crate::wire::fake::chat;
use crate::wire::greeting;

#[test]
fn every_exchange_is_listed_and_in_the_archive_byte_by_byte() {
    let server = server_with(&greeting(), |number, _| {
        let slow_down = chat::error(429, "rate_limit_exceeded", "slow down");
        (number == 0).then(|| slow_down.header("retry-after-ms", "5"))
    });
    let sandbox = sandbox_with(&server, true);
    let (code, summary) = sandbox.run(&[]);
    assert_eq!(code, 0, "{summary:#}");

    let document: Value = serde_json::from_str(&text(&sandbox, "json")).unwrap();
    let exchanges = document["exchanges"].as_array().unwrap();
    assert_eq!(exchanges.len(), 4);
    let (refused, planned) = (&exchanges[0], &exchanges[1]);
    assert_eq!(
        json!([
            refused["execution"],
            refused["ordinal"],
            refused["number"],
            refused["status"]
        ]),
        json!([1, 1, 1, 429])
    );
    assert_eq!(refused["headers"]["retry-after-ms"], "5");
    assert_eq!(
        (&planned["ordinal"], &planned["status"]),
        (&json!(2), &json!(200))
    );
    let asked = &document["tapes"][0]["entries"][1]["call"];
    assert_eq!(planned["request"], asked["request"]);
    for time in ["first_byte_ms", "total_ms"] {
        assert!(planned[time].is_u64(), "{planned}");
    }

    let files = zip_of(&sandbox);
    let file = &files["exchanges/1-1-1.http"];
    let file = String::from_utf8(file.clone()).unwrap();
    let (head, body) = file.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 429 \r\n"), "{head}");
    assert!(head.contains("retry-after-ms: 5"), "{head}");
    assert_eq!(body.len(), refused["size"].as_u64().unwrap() as usize);
    assert!(serde_json::from_str::<Value>(body).is_ok(), "{body}");
    let stream = String::from_utf8_lossy(&files["exchanges/1-2-1.http"]).into_owned();
    assert!(
        stream.contains("content-type: text/event-stream"),
        "{stream}"
    );
    assert!(stream.ends_with("data: [DONE]\n\n"), "{stream}");
    let named = files.keys().filter(|name| name.starts_with("exchanges/"));
    assert_eq!(named.count(), 4);

    let checked = sandbox.rgpt(&["db", "check", "--json"]);
    assert_eq!(checked.code, 0, "{checked:#?}");
}
