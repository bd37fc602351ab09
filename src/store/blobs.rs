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

/// A text as it is kept.
#[derive(Debug)]
pub(super) struct Text {
    hash: Digest,
    size: usize,
    codec: u8,
    content: Vec<u8>,
}

impl Text {
    /// Packs a text.
    pub(super) fn of(content: &[u8]) -> Self {
        let (codec, packed) = pack(content);
        Self {
            hash: Digest::of(content),
            size: content.len(),
            codec,
            content: packed,
        }
    }
}

pub(super) fn insert(tx: &Connection, text: &Text) -> Result<(), StoreError> {
    if exists(tx, &text.hash)? {
        return Ok(());
    }
    tx.prepare_cached(
        "INSERT INTO blobs (hash, size, codec, content) VALUES (:hash, :size, :codec, :content)",
    )?
    .execute(named_params! {
        ":hash": key(&text.hash),
        ":size": i64::try_from(text.size).unwrap_or(i64::MAX),
        ":codec": text.codec,
        ":content": text.content,
    })?;
    Ok(())
}

pub(super) fn exists(tx: &Connection, hash: &Digest) -> Result<bool, StoreError> {
    let found = tx
        .prepare_cached("SELECT 1 FROM blobs WHERE hash = :hash")?
        .exists(named_params! {":hash": key(hash)})?;
    Ok(found)
}

pub(super) fn get(tx: &Connection, hash: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
    let row: Option<(u8, Vec<u8>)> = tx
        .prepare_cached("SELECT codec, content FROM blobs WHERE hash = :hash")?
        .query_row(named_params! {":hash": key(hash)}, |row| {
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

/// The bytes of a hash. What is no hash has none, and so is never found.
pub(super) fn key(hash: &Digest) -> Vec<u8> {
    blake3::Hash::from_hex(hash.as_str())
        .map_or_else(|_| Vec::new(), |hash| hash.as_bytes().to_vec())
}

fn damaged(hash: &Digest, why: &str) -> StoreError {
    StoreError::Corrupt {
        reason: format!("text {}: {why}", hash.short()),
        backup: None,
    }
}
