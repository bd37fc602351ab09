//! Which models an Ollama has: the only question that is asked of a server before a model is needed.

use std::time::Duration;

use reqwest::Url;
use serde::Deserialize;

use super::http::Http;

/// The most bytes of the list.
const MOST_BYTES: usize = 1024 * 1024;

#[derive(Deserialize)]
struct Tags {
    models: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
}

/// The names of the models that are installed at an Ollama, as it lists them; nothing where none
/// answers within `patience`, whatever the reason.
pub async fn installed(base_url: &str, patience: Duration) -> Vec<String> {
    let asked = tokio::time::timeout(patience, ask(base_url)).await;
    asked.ok().flatten().unwrap_or_default()
}

async fn ask(base_url: &str) -> Option<Vec<String>> {
    let address = format!("{}/api/tags", base_url.trim_end_matches('/'));
    let address = Url::parse(&address).ok()?;
    let client = Http::default().client_for(&address).ok()?;
    let mut response = client.get(address).send().await.ok()?;
    if !response.status().is_success() {
        return None;
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        body.extend(chunk);
        if body.len() > MOST_BYTES {
            return None;
        }
    }
    let tags: Tags = serde_json::from_slice(&body).ok()?;
    Some(tags.models.into_iter().map(|tag| tag.name).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fake::{Fake, Reply, Rules};
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn server(reply: Reply) -> Fake {
        let rules = Rules {
            root: "",
            check: |head, _| match head.starts_with("GET /api/tags HTTP/1.1\r\n") {
                true => Ok(()),
                false => Err(head.to_owned()),
            },
            refusal: |_| Reply::json(404, &json!({"error": "no"})),
        };
        Fake::start(rules, move |_| reply.clone())
    }

    #[tokio::test]
    async fn the_models_of_a_server_are_those_that_it_lists() {
        let list =
            json!({"models": [{"name": "qwen3-coder:30b", "size": 1}, {"name": "llama3.1:8b"}]});
        let fake = server(Reply::json(200, &list));
        let names = installed(&format!("{}/", fake.base()), PATIENCE).await;
        assert_eq!(names, ["qwen3-coder:30b", "llama3.1:8b"]);
        assert_eq!(fake.seen().len(), 1);
    }

    #[tokio::test]
    async fn whatever_else_answers_has_none() {
        for reply in [
            Reply::json(500, &json!({"models": [{"name": "a"}]})),
            Reply::json(200, &json!([])),
            Reply::raw(200, "text/html", vec![b"<html>".to_vec()]),
            Reply::raw(200, "application/json", vec![vec![b' '; MOST_BYTES + 1]]),
        ] {
            let fake = server(reply);
            assert_eq!(installed(fake.base(), PATIENCE).await, [""; 0]);
        }
        for nobody in ["http://127.0.0.1:0", "", "nonsense"] {
            assert_eq!(installed(nobody, PATIENCE).await, [""; 0], "{nobody}");
        }
    }
}
