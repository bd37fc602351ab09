//! How texts are kept: as they are when short, deflated when that saves space.
//!
//! Most texts are JSON of a few known forms. What is kept of them is deflated as if it followed a
//! dictionary, so that even a short one is mostly references to it.

use std::cell::RefCell;
use std::io::{self, Read};

use flate2::read::DeflateDecoder;
use flate2::{Compress, Compression, FlushCompress, Status};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, Value, ValueRef};

/// Content as it is.
pub(super) const PLAIN: u8 = 0;
/// Raw deflate (RFC 1951), as older versions wrote it.
const DEFLATE: u8 = 1;
/// The second part of a raw deflate stream whose first part, not kept, is the [`DICTIONARY`].
const AFTER_DICTIONARY: u8 = 2;

/// Never edited: what is kept refers to it. A better one gets a codec of its own.
const DICTIONARY: &[u8] = include_bytes!("dictionary-2.txt");

/// Up to this many bytes compression saves too little to be worth hiding the text from people.
const SHORT: usize = 64;

thread_local! {
    /// Its tables are large; making them for each text would cost more than the work itself.
    static COMPRESS: RefCell<Compress> = RefCell::new(Compress::new(Compression::default(), false));
}

/// The shortest form of `content`, and its codec.
pub(super) fn pack(content: &[u8]) -> (u8, Vec<u8>) {
    if content.len() <= SHORT {
        return (PLAIN, content.to_vec());
    }
    let packed = COMPRESS.with_borrow_mut(|compress| {
        compress.reset();
        let mut dictionary = Vec::with_capacity(DICTIONARY.len() + 64);
        compress.compress_vec(DICTIONARY, &mut dictionary, FlushCompress::Sync)?;
        // What does not become shorter is not wanted.
        let mut packed = Vec::with_capacity(content.len() - 1);
        let end = compress.compress_vec(content, &mut packed, FlushCompress::Finish)?;
        Ok::<_, flate2::CompressError>((end == Status::StreamEnd).then_some(packed))
    });
    match packed {
        Ok(Some(packed)) => (AFTER_DICTIONARY, packed),
        _ => (PLAIN, content.to_vec()),
    }
}

/// The content that was packed.
///
/// # Errors
/// If the codec is unknown or the bytes are damaged.
pub(super) fn unpack(codec: u8, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    match codec {
        PLAIN => content.extend_from_slice(bytes),
        DEFLATE => {
            DeflateDecoder::new(bytes).read_to_end(&mut content)?;
        }
        AFTER_DICTIONARY => {
            let stream = stored_header().chain(DICTIONARY).chain(bytes);
            let mut decoder = DeflateDecoder::new(stream);
            io::copy(
                &mut decoder.by_ref().take(DICTIONARY.len() as u64),
                &mut io::sink(),
            )?;
            decoder.read_to_end(&mut content)?;
        }
        other => {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("unknown codec {other}"),
            ));
        }
    }
    Ok(content)
}

/// The start of a deflate block that holds the dictionary as it is: to a reader it is the same as
/// the deflated one that the writer saw before.
fn stored_header() -> &'static [u8] {
    #[expect(clippy::cast_possible_truncation, reason = "a test holds it to that")]
    const LENGTH: [u8; 2] = (DICTIONARY.len() as u16).to_le_bytes();
    &[0, LENGTH[0], LENGTH[1], !LENGTH[0], !LENGTH[1]]
}

/// A JSON text for one column: TEXT, or a BLOB of a codec byte and the packed text.
pub(super) fn column(text: String) -> Value {
    match pack(text.as_bytes()) {
        (PLAIN, _) => Value::Text(text),
        (codec, mut packed) => {
            packed.insert(0, codec);
            Value::Blob(packed)
        }
    }
}

/// A JSON text as [`column`] has put it into one.
pub(super) struct Json(pub(super) String);

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
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_unpacks_to_the_same(
            content in proptest::collection::vec(any::<u8>(), 0..2000),
            times in 1_usize..40,
        ) {
            let content = content.repeat(times);
            let (codec, packed) = pack(&content);
            prop_assert!(packed.len() <= content.len());
            prop_assert_eq!(unpack(codec, &packed).expect("unpacks"), content);
        }
    }

    #[test]
    fn what_older_versions_packed_is_read() {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(b"a text").expect("writes");
        let packed = encoder.finish().expect("deflates");
        assert_eq!(unpack(DEFLATE, &packed).expect("unpacks"), b"a text");
    }

    #[test]
    fn the_dictionary_is_the_one_that_texts_were_packed_with() {
        let address = blake3::hash(DICTIONARY).to_hex();
        assert_eq!(&address[..16], "5659c833ee343332");
        assert!(DICTIONARY.len() <= usize::from(u16::MAX));
    }

    #[test]
    fn damage_is_reported() {
        assert!(unpack(DEFLATE, &[0xff; 10]).is_err());
        assert!(unpack(AFTER_DICTIONARY, &[0xff; 10]).is_err());
        assert!(unpack(9, b"x").is_err());
    }
}
