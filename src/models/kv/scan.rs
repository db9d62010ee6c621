//! Going through a range of keys.

use bytes::Bytes;

use super::{KeyRangeSpec, Kv};
use crate::codec::js_string::JsString;
use crate::engine::access::{Attempt, Cursor, Reads};
use crate::error::Result;
use crate::models::pace::{BATCH_BYTES, BATCH_ITEMS, Pace};

/// A key and its stored value.
pub type Entry = (JsString, Bytes);

/// A scan of a range: hands out its keys or entries in batches. Use one of the methods until
/// it says that nothing is left; each goes on where its last call stopped.
pub struct Scan {
    kv: Kv,
    cursor: Cursor,
    left: u64,
    entries: Vec<Entry>,
    keys: Vec<JsString>,
    bytes: usize,
    counted: u64,
    pace: Pace,
}

impl Scan {
    /// A scan of the keys of `kv` that `spec` means.
    ///
    /// # Errors
    /// `InvalidArgument` when a bound is longer than a key may be.
    pub fn new(kv: &Kv, spec: &KeyRangeSpec) -> Result<Self> {
        spec.check()?;
        Ok(Self {
            kv: kv.clone(),
            cursor: Cursor::new(spec.of(kv), spec.reverse),
            left: spec.limit.unwrap_or(u64::MAX),
            entries: Vec::new(),
            keys: Vec::new(),
            bytes: 0,
            counted: 0,
            pace: Pace::default(),
        })
    }

    /// The next entries, some hundreds at most; `None` when nothing is left.
    ///
    /// # Errors
    /// A stop; nothing is lost by it.
    pub fn next_entries(&mut self, r: &mut dyn Reads) -> Attempt<Option<Vec<Entry>>> {
        while self.left > 0 && self.entries.len() < BATCH_ITEMS && self.bytes < BATCH_BYTES {
            let Some((key, value)) = r.next(&mut self.cursor)? else {
                self.left = 0;
                break;
            };
            self.left -= 1;
            self.bytes += key.len() + value.len();
            self.entries.push((self.kv.key_text(&key)?, value));
            self.pace.step(r)?;
        }
        self.bytes = 0;
        Ok(Some(std::mem::take(&mut self.entries)).filter(|batch| !batch.is_empty()))
    }

    /// The next keys, some hundreds at most; `None` when nothing is left.
    ///
    /// # Errors
    /// A stop; nothing is lost by it.
    pub fn next_keys(&mut self, r: &mut dyn Reads) -> Attempt<Option<Vec<JsString>>> {
        while self.left > 0 && self.keys.len() < BATCH_ITEMS {
            let Some(key) = r.next_key(&mut self.cursor)? else {
                self.left = 0;
                break;
            };
            self.left -= 1;
            self.keys.push(self.kv.key_text(&key)?);
            self.pace.step(r)?;
        }
        Ok(Some(std::mem::take(&mut self.keys)).filter(|batch| !batch.is_empty()))
    }

    /// How many keys there are.
    ///
    /// # Errors
    /// A stop; the count goes on.
    pub fn count(&mut self, r: &mut dyn Reads) -> Attempt<u64> {
        while self.left > 0 && r.next_key(&mut self.cursor)?.is_some() {
            self.left -= 1;
            self.counted += 1;
            self.pace.step(r)?;
        }
        self.left = 0;
        Ok(self.counted)
    }
}
