//! What is live, or removed, below a path of the Merkle tree: what a replica fetches that lacks it.

use bytes::Bytes;

use super::remote::Remote;
use super::state::State;
use super::{Name, hash_of};
use crate::codec::js_string::JsStr;
use crate::codec::kinds::key as kinds;
use crate::codec::marks::NEVER;
use crate::codec::tuple;
use crate::engine::access::{Attempt, Cursor, KeyRange, Reads};
use crate::error::{Error, Result};
use crate::models::documents::Collection;
use crate::models::names::check_key;
use crate::models::pace::Pace;

/// Hex digits of the longest path: that of a leaf.
pub const MAX_DIGITS: usize = 3;

/// The states below a path of hex digits.
///
/// # Errors
/// `InvalidArgument` for what is no path.
pub fn range_of(path: &str) -> Result<KeyRange> {
    let digits = path.len();
    let number = u64::from_str_radix(path, 16).unwrap_or_default();
    let is_path = path
        .bytes()
        .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    if digits > MAX_DIGITS || !is_path {
        return Err(Error::invalid(format!(
            "\"{path}\" is no path of the Merkle tree: up to {MAX_DIGITS} lower-case hex digits"
        )));
    }
    let all = tuple::prefix_range(Bytes::from_static(&[kinds::STATE]));
    let width = 64 - 4 * digits as u32;
    let at = |number: u64| {
        let hash = number.checked_shl(width).unwrap_or_default();
        Bytes::from([&[kinds::STATE][..], &hash.to_be_bytes()].concat())
    };
    let is_last = number + 1 == 1 << (4 * digits);
    Ok(KeyRange {
        from: if digits == 0 { all.from } else { at(number) },
        until: if is_last { all.until } else { at(number + 1) },
    })
}

/// Reads the records below a path, by the hash of their keys. All that have one key come together, whatever
/// stores they are in: pages go on behind a key.
pub struct Records {
    range: KeyRange,
    limit: f64,
    cursor: Option<Cursor>,
    /// The record at hand.
    held: Option<(Bytes, Bytes)>,
    last: Bytes,
    count: f64,
    pace: Pace,
}

impl Records {
    /// About `limit` records of a path, behind those of the key `after`.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn new(path: &str, after: Option<JsStr<'_>>, limit: f64) -> Result<Self> {
        let mut range = range_of(path)?;
        if let Some(after) = after {
            check_key("after", after)?;
            let mut key = Vec::new();
            tuple::push_string(&mut key, after);
            let behind = [&[kinds::STATE][..], &hash_of(&key).to_be_bytes(), &key].concat();
            range.from = tuple::range_within(behind.into()).until.max(range.from);
        }
        Ok(Self {
            range,
            limit,
            cursor: None,
            held: None,
            last: Bytes::new(),
            count: 0.0,
            pace: Pace::default(),
        })
    }

    /// Hands them to `out`. Runs until it does not stop.
    ///
    /// # Errors
    /// A stop; nothing is lost by it, and nothing handed out twice. What `out` fails with.
    pub fn step(
        &mut self,
        r: &mut dyn Reads,
        out: &mut dyn FnMut(&Remote) -> Result<()>,
    ) -> Attempt<()> {
        if self.limit < 1.0 {
            return Ok(());
        }
        let cursor = (self.cursor).get_or_insert_with(|| Cursor::new(self.range.clone(), false));
        loop {
            if self.held.is_none() {
                self.held = r.next(cursor)?;
            }
            let Some((key, stored)) = &self.held else {
                return Ok(());
            };
            let name = Name::of_state_key(key)?;
            if self.count >= self.limit && name.key != &self.last[..] {
                return Ok(());
            }
            if let Some(found) = read(r, &name, &State::decode(stored)?)? {
                out(&found)?;
                self.count += 1.0;
            }
            self.last = Bytes::copy_from_slice(name.key);
            self.held = None;
            self.pace.step(r)?;
        }
    }
}

/// The value of a record, a document too.
///
/// # Errors
/// A stop.
pub fn value_of(r: &mut dyn Reads, name: &Name<'_>) -> Attempt<Option<Bytes>> {
    if !name.is_document() {
        return r.get(&name.record());
    }
    let (scope, collection, id) = name.texts()?;
    let collection = collection.unwrap_or_default();
    Collection::new(&scope, collection.as_js())?.get(r, id.as_js())
}

/// The record of a state; `None` once it has expired.
fn read(r: &mut dyn Reads, name: &Name<'_>, state: &State) -> Attempt<Option<Remote>> {
    let record = name.record();
    let value = if state.is_removed {
        None
    } else {
        match value_of(r, name)? {
            Some(value) => Some(value),
            // It has expired, and perhaps gone with others, whatever clocks say now.
            None if state.expires_ms != NEVER => return Ok(None),
            None => return Err(Error::corrupt("a record is missing that the op-log knows").into()),
        }
    };
    let stamp = state.stamp;
    Ok(Some(Remote {
        record,
        value,
        expires_ms: state.expires_ms,
        stamp: stamp.ok_or_else(|| Error::internal("a committed record has no stamp"))?,
        device: state.device.clone(),
        version: r.catalog().data_version()?.version,
    }))
}

#[cfg(test)]
mod tests;
