//! Definitions in the catalog.

use bytes::Bytes;

use super::{Definition, Sequence};
use crate::codec::io::{put_varint, varint_in};
use crate::codec::kinds::key::{BUILD, BUILD_MARK, NEXT_NUMBER, SEQUENCE};
use crate::codec::tuple;
use crate::engine::access::{KeyRange, Writes};
use crate::error::{Error, Result};
use crate::models::documents::index::all_of;
use crate::models::keys::with_string;

/// A number for an index or a build, which no other of the patch has ever had.
///
/// # Errors
/// `Corrupt`.
pub fn next_number(w: &mut dyn Writes) -> Result<u64> {
    let key = Bytes::from_static(&[NEXT_NUMBER]);
    let number = match w.catalog().get(&key) {
        None => 1,
        Some(stored) => {
            let found = varint_in(stored).filter(|(_, bytes)| *bytes == stored.len());
            let number = found
                .map(|(number, _)| number)
                .filter(|number| *number < u64::MAX);
            number.ok_or_else(|| Error::corrupt("the next number of an index is malformed"))?
        }
    };
    let mut next = Vec::new();
    put_varint(&mut next, number + 1);
    w.put(key, next.into());
    Ok(number)
}

/// Stores a definition under its key, or none where it says nothing.
pub fn record_of(w: &mut dyn Writes, key: &Bytes, definition: &Definition) {
    match definition.is_empty() {
        true => w.delete(key.clone()),
        false => w.put(key.clone(), definition.encode()),
    }
}

/// Removes a definition, and what is kept by it beside the documents.
pub fn forget(w: &mut dyn Writes, key: &Bytes, definition: &Definition) {
    w.delete(key.clone());
    forget_build(w, definition);
    for range in beside(key, definition) {
        w.delete_range(range);
    }
}

/// Removes what a build has come to, and what is said of it; the definition without it is still to be stored.
pub fn give_up(w: &mut dyn Writes, key: &[u8], definition: &Definition) {
    let settled = definition.settled();
    for index in definition.indexes.iter().filter(|index| !index.is_ready()) {
        w.delete_range(all_of(index.number));
    }
    for sequence in &definition.sequences {
        let is_kept = settled
            .sequences
            .iter()
            .any(|of| of.field == sequence.field);
        if !is_kept {
            w.delete_range(counters_of(key, sequence));
        }
    }
    forget_build(w, definition);
}

/// Removes what is said of the build that is under way.
pub fn forget_build(w: &mut dyn Writes, definition: &Definition) {
    if let Some(build) = definition.build {
        w.delete(of_build(BUILD, build));
        w.delete(of_build(BUILD_MARK, build));
    }
}

/// What is said of a build.
#[must_use]
pub fn of_build(kind: u8, build: u64) -> Bytes {
    let mut key = vec![kind];
    put_varint(&mut key, build);
    key.into()
}

/// Where all lies that is kept by a definition beside the documents.
pub fn beside(key: &[u8], definition: &Definition) -> Vec<KeyRange> {
    let mut ranges: Vec<KeyRange> = definition
        .indexes
        .iter()
        .map(|index| all_of(index.number))
        .collect();
    if !definition.sequences.is_empty() {
        ranges.push(counters(key));
    }
    ranges
}

/// Where the counters of a sequence lie, by the key of its collection's definition; also what their keys begin with.
#[must_use]
pub fn counters_of(key: &[u8], sequence: &Sequence) -> KeyRange {
    let all = counters(key).from;
    tuple::range_within(with_string(&all, sequence.field.as_js()))
}

/// Where the counters of a collection lie, by the key of its definition.
fn counters(key: &[u8]) -> KeyRange {
    let rest = key.get(1..).unwrap_or_default();
    tuple::range_within([&[SEQUENCE][..], rest].concat().into())
}
