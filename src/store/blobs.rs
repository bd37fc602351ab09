//! `blobs`: texts kept once, under their hash.

use rusqlite::{Connection, OptionalExtension, named_params};

use super::Store;
use super::codec::{pack, unpack};
use super::error::StoreError;
use crate::domain::Digest;

impl Store {
    /// The text with this hash.
    ///
    /// # Errors
    /// If it cannot be read, or is not what was kept.
    pub fn blob(&self, hash: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|tx| get(tx, hash))
    }
}

pub(super) fn insert(tx: &Connection, content: &[u8]) -> Result<(), StoreError> {
    let hash = Digest::of(content);
    if exists(tx, &hash)? {
        return Ok(());
    }
    let (codec, packed) = pack(content);
    tx.prepare_cached(
        "INSERT INTO blobs (hash, size, codec, content) VALUES (:hash, :size, :codec, :content)",
    )?
    .execute(named_params! {
        ":hash": hash.as_str(),
        ":size": i64::try_from(content.len()).unwrap_or(i64::MAX),
        ":codec": codec,
        ":content": packed,
    })?;
    Ok(())
}

pub(super) fn exists(tx: &Connection, hash: &Digest) -> Result<bool, StoreError> {
    let found = tx
        .prepare_cached("SELECT 1 FROM blobs WHERE hash = :hash")?
        .exists(named_params! {":hash": hash.as_str()})?;
    Ok(found)
}

pub(super) fn get(tx: &Connection, hash: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
    let row: Option<(u8, Vec<u8>)> = tx
        .prepare_cached("SELECT codec, content FROM blobs WHERE hash = :hash")?
        .query_row(named_params! {":hash": hash.as_str()}, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let Some((codec, packed)) = row else {
        return Ok(None);
    };
    let content = unpack(codec, &packed).map_err(|error| damaged(hash, &error.to_string()))?;
    if Digest::of(&content) != *hash {
        return Err(damaged(hash, "its content has another hash"));
    }
    Ok(Some(content))
}

fn damaged(hash: &Digest, why: &str) -> StoreError {
    StoreError::Corrupt {
        reason: format!("text {}: {why}", hash.short()),
        backup: None,
    }
}
