//! How texts are kept: as they are when short, deflated when that saves space.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};

/// Content as it is.
pub(super) const PLAIN: u8 = 0;
/// Raw deflate (RFC 1951).
pub(super) const DEFLATE: u8 = 1;

/// Up to this many bytes compression saves too little to be worth hiding the text from people.
const SHORT: usize = 256;

/// The shortest form of `content`, and its codec.
pub(super) fn pack(content: &[u8]) -> (u8, Vec<u8>) {
    if content.len() <= SHORT {
        return (PLAIN, content.to_vec());
    }
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    let packed = encoder.write_all(content).and_then(|()| encoder.finish());
    match packed {
        Ok(packed) if packed.len() < content.len() => (DEFLATE, packed),
        _ => (PLAIN, content.to_vec()),
    }
}

/// The content that was packed.
///
/// # Errors
/// If the codec is unknown or the bytes are damaged.
pub(super) fn unpack(codec: u8, bytes: &[u8]) -> io::Result<Vec<u8>> {
    match codec {
        PLAIN => Ok(bytes.to_vec()),
        DEFLATE => {
            let mut content = Vec::new();
            DeflateDecoder::new(bytes).read_to_end(&mut content)?;
            Ok(content)
        }
        other => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("unknown codec {other}"),
        )),
    }
}

/// A JSON text in one column: TEXT, or a BLOB of a codec byte and the packed text.
pub(super) struct Json(pub(super) String);

impl ToSql for Json {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let (codec, mut packed) = pack(self.0.as_bytes());
        if codec == PLAIN {
            return Ok(ToSqlOutput::from(self.0.as_str()));
        }
        packed.insert(0, codec);
        Ok(ToSqlOutput::from(packed))
    }
}

impl FromSql for Json {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = match value {
            ValueRef::Text(text) => text.to_vec(),
            ValueRef::Blob([codec, packed @ ..]) => {
                unpack(*codec, packed).map_err(FromSqlError::other)?
            }
            _ => return Err(FromSqlError::InvalidType),
        };
        String::from_utf8(text)
            .map(Self)
            .map_err(FromSqlError::other)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_unpacks_to_the_same(
            content in proptest::collection::vec(any::<u8>(), 0..2000),
            times in 1_usize..4,
        ) {
            let content = content.repeat(times);
            let (codec, packed) = pack(&content);
            prop_assert!(packed.len() <= content.len());
            prop_assert_eq!(unpack(codec, &packed).expect("unpacks"), content);
        }
    }

    #[test]
    fn damage_is_reported() {
        assert!(unpack(DEFLATE, &[0xff; 10]).is_err());
        assert!(unpack(9, b"x").is_err());
    }
}
