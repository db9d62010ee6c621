//! What is stored of contents: what they are, and times.

use bytes::Bytes;
use fastrand::Rng;
use patchstore::models::contents::{Content, ms_bytes, ms_of};

use super::records;

pub fn a_content(rng: &mut Rng) -> Vec<u8> {
    let content = Content {
        size: records::number(rng),
        upload: records::id(rng),
        piece_bytes: records::number(rng).max(1),
    };
    content.encode().to_vec()
}

/// Its pieces are what it consists of, whatever their sizes.
pub fn content(input: &[u8]) -> Option<Vec<u8>> {
    let content = Content::decode(Bytes::copy_from_slice(input)).ok()?;
    let pieces = content.pieces();
    assert_eq!(pieces == 0, content.size == 0);
    assert_eq!(content.bytes_of(pieces), 0);
    if let Some(last) = pieces.checked_sub(1) {
        let before = u128::from(last) * u128::from(content.piece_bytes);
        let whole = before + u128::from(content.bytes_of(last));
        assert_eq!(whole, u128::from(content.size));
        assert!(last == 0 || content.bytes_of(0) == content.piece_bytes);
    }
    Some(content.encode().to_vec())
}

pub fn a_time(rng: &mut Rng) -> Vec<u8> {
    ms_bytes(records::number(rng)).to_vec()
}

pub fn time(input: &[u8]) -> Option<Vec<u8>> {
    let ms = ms_of(Bytes::copy_from_slice(input)).ok()?;
    Some(ms_bytes(ms).to_vec())
}
