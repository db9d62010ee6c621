//! The catalog: all records under keys of the kinds 01 to 0F, in one piece, as the root has them.
//!
//! ```text
//! varint  decoded bytes, at most 16 MiB
//! the rest, an LZ4 block; decoded:
//!   varint  number of records, then each, keys ascending:
//!     bytes   key
//!     bytes   value
//! ```
//!
//! In frames these records are operations like others, but never in a cited run: whoever applies a frame knows the catalog
//! that follows without reading anything. A value of the catalog is never a piece.

use bytes::Bytes;

use super::batch::{Batch, Op, OpValue};
use super::io::{Input, put_bytes, put_varint, varint_in};
use super::kinds::key::CATALOG;
use super::range::KeyRange;
use crate::error::{Error, Result};

/// The most bytes of a decoded catalog.
const MAX_DECODED: usize = 16 << 20;
/// A byte of an LZ4 block stands for at most so many decoded bytes.
const MOST_OF_A_BYTE: usize = 255;

/// Whether a key is one of the catalog's.
#[must_use]
pub fn has(key: &[u8]) -> bool {
    let kind = key.first();
    kind.is_some_and(|kind| (CATALOG.0..=CATALOG.1).contains(kind))
}

/// The range of the catalog's keys.
#[must_use]
pub const fn range() -> KeyRange {
    KeyRange {
        from: Bytes::from_static(&[CATALOG.0]),
        until: Bytes::from_static(&[CATALOG.1 + 1]),
    }
}

/// Whether an operation stores or removes a record of the catalog. (A range may remove some, too: that
/// depends on what there is.)
#[must_use]
pub fn is_changed_by(op: &Op) -> bool {
    match op {
        Op::Put(key, ..) | Op::Delete(key) => has(&key.prefix),
        Op::DeleteRange(_) => false,
    }
}

/// Checks what a stored batch does to the catalog.
///
/// # Errors
/// `Corrupt` where it changes it and does not say so, or in a way of which a replayer does not know.
pub(super) fn check(batch: &Batch) -> Result<()> {
    let is_piece = |op: &Op| matches!(op, Op::Put(_, OpValue::Piece(_), _));
    let mut changes = batch.ops.iter().filter(|op| is_changed_by(op));
    let is_unsaid = changes.any(|op| !batch.changes_catalog || is_piece(op));
    let range = range();
    let mut run = batch.run.iter();
    if is_unsaid || run.any(|entry| entry.first < range.until && range.from <= entry.last) {
        return Err(Error::corrupt("a frame changes the catalog unsaid"));
    }
    Ok(())
}

/// Encodes so many records, whose keys ascend.
#[must_use]
pub fn encode<'a>(
    count: usize,
    records: &mut dyn Iterator<Item = (&'a Bytes, &'a Bytes)>,
) -> Bytes {
    let mut plain = Vec::new();
    put_varint(&mut plain, count as u64);
    for (key, value) in records {
        put_bytes(&mut plain, key);
        put_bytes(&mut plain, value);
    }
    let mut out = Vec::new();
    put_varint(&mut out, plain.len() as u64);
    out.extend_from_slice(&lz4_flex::block::compress(&plain));
    out.into()
}

/// Decodes records.
///
/// # Errors
/// `Corrupt`.
pub fn decode(encoded: &[u8]) -> Result<Vec<(Bytes, Bytes)>> {
    let broken = || Error::corrupt("the catalog is broken");
    let (bytes, at) = varint_in(encoded).ok_or_else(broken)?;
    let packed = encoded.get(at..).unwrap_or_default();
    let most = MAX_DECODED.min(packed.len().saturating_mul(MOST_OF_A_BYTE));
    let bytes = usize::try_from(bytes).ok().filter(|bytes| *bytes <= most);
    let bytes = bytes.ok_or_else(broken)?;
    let plain = lz4_flex::block::decompress(packed, bytes).map_err(|_| broken())?;
    if plain.len() != bytes {
        return Err(broken());
    }
    let mut input = Input::new(plain.into(), "catalog");
    let mut records: Vec<(Bytes, Bytes)> = Vec::new();
    for _ in 0..input.count()? {
        let (key, value) = (input.bytes()?, input.bytes()?);
        let is_next = records.last().is_none_or(|(last, _)| *last < key);
        if !is_next || !has(&key) {
            return Err(broken());
        }
        records.push((key, value));
    }
    input.end()?;
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn encoded(records: &BTreeMap<Bytes, Bytes>) -> Bytes {
        encode(records.len(), &mut records.iter())
    }

    proptest! {
        #[test]
        fn records_come_back(records in prop::collection::btree_map((1u8..=15, prop::collection::vec(any::<u8>(), 0..9)), prop::collection::vec(any::<u8>(), 0..300), 0..40)) {
            let records: BTreeMap<Bytes, Bytes> = records
                .into_iter()
                .map(|((kind, key), value)| ([&[kind], &key[..]].concat().into(), value.into()))
                .collect();
            let encoded = encoded(&records);
            let decoded: BTreeMap<Bytes, Bytes> = decode(&encoded).unwrap().into_iter().collect();
            prop_assert_eq!(&decoded, &records);
            for at in 0..encoded.len() {
                prop_assert!(decode(&encoded[..at]).is_err());
            }
        }

        #[test]
        fn noise_never_panics(noise: Vec<u8>) {
            drop(decode(&noise));
        }
    }

    #[test]
    fn what_is_no_catalog_is_refused() {
        let of = |keys: &[&'static [u8]]| {
            let mut plain = vec![keys.len() as u8];
            for key in keys {
                put_bytes(&mut plain, key);
                put_bytes(&mut plain, b"");
            }
            let packed = lz4_flex::block::compress(&plain);
            decode(&[&[plain.len() as u8][..], &packed].concat())
        };
        assert!(of(&[b"\x01", b"\x0fz"]).is_ok());
        for keys in [
            &[&b"\x01b"[..], b"\x01a"][..],
            &[b"\x01", b"\x01"],
            &[b"\x00"],
            &[b"\x10"],
            &[b""],
        ] {
            assert!(of(keys).is_err(), "{keys:?}");
        }
        // Of a size that nothing so short has.
        let huge = [&[0x80, 0x80, 0x80, 0x08][..], &[0; 20]].concat();
        assert!(decode(&huge).is_err());
    }
}
