//! What no durable engine can be below: one row in a synced commit, one call, again and again.

use std::path::Path;

use rgpt::domain::Digest;
use rgpt::domain::message::{Message, ModelRequest};
use rgpt::domain::phase::Agent;
use rgpt::domain::tape::ModelFailure;
use rgpt::llm::Mesh;
use rusqlite::Connection;

/// Makes `steps` such steps.
pub(crate) async fn steps(folder: &Path, mesh: &Mesh, steps: u32) -> anyhow::Result<()> {
    let db = Connection::open(folder.join("floor.db"))?;
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE IF NOT EXISTS steps (id INTEGER PRIMARY KEY, text TEXT)",
    )?;
    let request = ModelRequest {
        agent: Agent::Builder,
        system: "You are the rgpt builder agent.".to_owned(),
        messages: vec![Message::User {
            text: "Measure what a call costs".to_owned(),
        }],
        tools: Vec::new(),
        schema: None,
        temperature: None,
        effort: None,
        max_output: 100,
    };
    let failed = |failure: ModelFailure| anyhow::anyhow!(failure.message);
    let call = mesh
        .intent("bench", &request, Digest::of(b""), &[])
        .map_err(failed)?;
    for _ in 0..steps {
        let answer = mesh.call(&call, &request, &|_| {}).await;
        let answer = answer.result.map_err(failed)?;
        db.prepare_cached("INSERT INTO steps (text) VALUES (?1)")?
            .execute([answer.text])?;
    }
    Ok(())
}
