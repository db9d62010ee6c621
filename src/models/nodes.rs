//! What nodes own: their unnamed stores, taken together.

use bytes::Bytes;

use super::contents::{Missing, cite};
use super::documents::definition::Definition;
use super::documents::index;
use super::documents::{Collection, definition};
use super::keys;
use super::kv;
use super::many::{Many, shorten};
use super::op_log::journal::{Change, Removal, note};
use super::pace::Pace;
use super::scope::Scope;
use crate::blobs;
use crate::codec::js_string::JsString;
use crate::codec::kinds::key::INDEX_ENTRY;
use crate::codec::marks::NEVER;
use crate::codec::order::{ORDER_BYTES, Order};
use crate::engine::access::{Attempt, Cursor, KeyRange, Reads, Writes};
use crate::error::{Code, Error, Result};
use crate::limits::{self, ITEM_BYTES, MAX_CALL_BYTES};

/// Where nodes show: a collection that has lost its documents is data too, and what is defined of one.
const SHOWN: [u8; 4] = [keys::KV, keys::DOCUMENT, keys::COLLECTION, keys::DEFINITION];
/// What of it the user stored.
const MEASURED: [u8; 2] = [keys::KV, keys::DOCUMENT];

/// Lists the nodes that own data. Goes from node to node, not from record to record.
#[derive(Default)]
pub struct Nodes {
    /// The encoded scope of the node at hand, and its bytes so far.
    node: Option<(Bytes, u64)>,
    /// What of it is being measured.
    cursor: Option<Cursor>,
    measured: usize,
    /// Scopes up to this one are done.
    done: Option<Bytes>,
    pace: Pace,
}

impl Nodes {
    /// The next node, ascending: its id, and the bytes of the keys and values of its key-value
    /// pairs and documents, before compression. `None` when there is none left.
    ///
    /// # Errors
    /// A stop; nothing is lost by it.
    pub fn step(&mut self, r: &mut dyn Reads) -> Attempt<Option<(JsString, u64)>> {
        if self.node.is_none() {
            self.node = self.next_scope(r)?.map(|scope| (scope, 0));
            self.measured = 0;
        }
        let Some((scope, bytes)) = &mut self.node else {
            return Ok(None);
        };
        while let Some(&kind) = MEASURED.get(self.measured) {
            let all = || keys::range_of(kind, scope);
            let cursor = self.cursor.get_or_insert_with(|| Cursor::new(all(), false));
            while let Some(measure) = r.measure(cursor)? {
                *bytes += measure.bytes;
                self.pace.step(r)?;
            }
            self.cursor = None;
            self.measured += 1;
        }
        self.pace.step(r)?;
        let (Scope::Node(id) | Scope::Name(id)) = keys::read_scope(scope)?;
        let bytes = *bytes;
        self.done = self.node.take().map(|(scope, _)| scope);
        Ok(Some((id, bytes)))
    }

    /// The least encoded scope of a node above those that are done.
    fn next_scope(&self, r: &mut dyn Reads) -> Attempt<Option<Bytes>> {
        let mut least: Option<Bytes> = None;
        for kind in SHOWN {
            let mut range = keys::node_range(kind);
            if let Some(done) = &self.done {
                range.from = keys::range_of(kind, done).until;
            }
            if let Some(key) = r.next_key(&mut Cursor::new(range, false))? {
                let scope = keys::scope_bytes(&key).ok_or_else(broken)?;
                if least.as_ref().is_none_or(|least| scope < &least[..]) {
                    least = Some(Bytes::copy_from_slice(scope));
                }
            }
        }
        Ok(least)
    }
}

fn broken() -> Error {
    Error::corrupt("a stored key is truncated")
}

/// Removes all that a scope (as it is encoded in keys) owns.
pub struct Delete {
    scope: Bytes,
    removal: Removal,
    begun: bool,
}

impl Delete {
    /// Of this scope.
    #[must_use]
    pub fn new(scope: Bytes) -> Self {
        let records = [keys::KV, keys::ID].map(|kind| keys::range_of(kind, &scope));
        Self {
            scope,
            removal: Removal::of(records.into()),
            begun: false,
        }
    }

    /// Runs until it does not stop; true when it owned something.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&mut self, w: &mut dyn Writes) -> Attempt<bool> {
        self.begun &= !w.is_fresh();
        if !self.begun {
            if !owns(w, &self.scope)? {
                return Ok(false);
            }
            self.removal.read(w)?;
            for kind in keys::OWNED {
                w.delete_range(keys::range_of(kind, &self.scope));
            }
            for (key, definition) in definitions(w, &self.scope)? {
                definition::forget(w, &key, &definition);
            }
            self.begun = true;
        }
        self.removal.note(w)?;
        Ok(true)
    }
}

fn owns(w: &mut dyn Writes, scope: &[u8]) -> Attempt<bool> {
    for kind in SHOWN {
        let mut cursor = Cursor::new(keys::range_of(kind, scope), false);
        if w.next_key(&mut cursor)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The definitions of a scope's collections, with their keys.
fn definitions(r: &dyn Reads, scope: &[u8]) -> Result<Vec<(Bytes, Definition)>> {
    let range = keys::range_of(keys::DEFINITION, scope);
    let catalog = r.catalog();
    let records = catalog.records();
    let of_scope = records.filter(|(key, _)| range.from <= **key && **key < range.until);
    of_scope
        .map(|(key, record)| Ok((key.clone(), Definition::decode(record.clone())?)))
        .collect()
}

/// Copies all that a scope owns to another, which owns nothing yet.
pub struct Copy {
    from: Bytes,
    to: Bytes,
    /// What is defined, by the keys in the copy.
    definitions: Vec<(Bytes, Definition)>,
    /// The numbers of its indexes, and those in the copy.
    numbers: Vec<(u64, u64)>,
    /// Where all lies that is copied.
    ranges: Vec<KeyRange>,
    /// Which of them is being read.
    at: usize,
    cursor: Option<Cursor>,
    /// What was read.
    read: Vec<(Bytes, Bytes, u64)>,
    read_bytes: usize,
    /// Of so many it is known when they expire.
    timed: usize,
    /// Whether all is read, and defined in the copy.
    is_read: bool,
    written: usize,
    pace: Pace,
}

impl Copy {
    /// Copies from `from` to `to`, as they are encoded in keys.
    #[must_use]
    pub fn new(from: Bytes, to: Bytes) -> Self {
        Self {
            from,
            to,
            definitions: Vec::new(),
            numbers: Vec::new(),
            ranges: Vec::new(),
            at: 0,
            cursor: None,
            read: Vec::new(),
            read_bytes: 0,
            timed: 0,
            is_read: false,
            written: 0,
            pace: Pace::default(),
        }
    }

    fn read_all(&mut self, w: &mut dyn Writes) -> Attempt<()> {
        while let Some(range) = self.ranges.get(self.at) {
            let begin = || Cursor::new(range.clone(), false);
            let cursor = self.cursor.get_or_insert_with(begin);
            w.scan(cursor, true, &mut |key, value| {
                let bytes = key.len() + value.len();
                self.read_bytes += bytes + ITEM_BYTES;
                limits::within("the node's data", self.read_bytes, MAX_CALL_BYTES)?;
                limits::room_for(bytes)?;
                let copied = Bytes::copy_from_slice;
                let value = blobs::held(copied(value));
                self.read.push((copied(key), value, NEVER));
                Ok(true)
            })?;
            self.cursor = None;
            self.at += 1;
        }
        while let Some((key, _, until_ms)) = self.read.get_mut(self.timed) {
            if key.first() == Some(&keys::KV) {
                *until_ms = w.until(key)?.unwrap_or(NEVER);
            }
            self.timed += 1;
            self.pace.step(w)?;
        }
        Ok(())
    }

    /// Finds out where all lies.
    fn look(&mut self, w: &mut dyn Writes) -> Result<()> {
        let owned = keys::OWNED.map(|kind| keys::range_of(kind, &self.from));
        self.ranges = owned.into();
        for (key, definition) in definitions(w, &self.from)? {
            // (What is being built is made of the copy's own documents, where somebody asks for it.)
            let definition = definition.settled();
            self.ranges.extend(definition::beside(&key, &definition));
            self.definitions.push((self.copied(&key)?, definition));
        }
        Ok(())
    }

    /// Puts the definitions, whose indexes get numbers of their own.
    fn define(&mut self, w: &mut dyn Writes) -> Result<()> {
        for (key, definition) in &mut self.definitions {
            for index in &mut definition.indexes {
                let number = definition::next_number(w)?;
                self.numbers.push((index.number, number));
                index.number = number;
            }
            for reference in &mut definition.references {
                let known = self.numbers.iter().find(|(old, _)| *old == reference.index);
                reference.index = known.ok_or_else(broken)?.1;
            }
            w.put(key.clone(), definition.encode());
        }
        Ok(())
    }

    /// A key of the scope, in the copy.
    fn copied(&self, key: &[u8]) -> Result<Bytes> {
        let (kind, rest) = key.split_first().ok_or_else(broken)?;
        let rest = rest.get(self.from.len()..).ok_or_else(broken)?;
        Ok([&[*kind][..], &self.to, rest].concat().into())
    }

    /// An entry of an index stands under the place of its document, which is the same in the copy.
    fn put_entry(&self, w: &mut dyn Writes, key: &[u8], value: &Bytes) -> Result<()> {
        let place = index::place_of(key)?;
        let found = self.numbers.iter().find_map(|(old, new)| {
            let rest = key.strip_prefix(&index::prefix(*old)[..])?;
            let rest = rest.get(..rest.len().checked_sub(ORDER_BYTES)?)?;
            Some([&index::prefix(*new)[..], rest].concat())
        });
        w.put_at(found.ok_or_else(broken)?.into(), place, value.clone());
        Ok(())
    }

    /// Documents keep their places in the order of insertion, which are unique in the patch; one
    /// that is not committed yet gets its real place in the copy too.
    fn put(&self, w: &mut dyn Writes, (key, value, until_ms): &(Bytes, Bytes, u64)) -> Attempt<()> {
        let kind = key.first().copied().unwrap_or_default();
        if kind == INDEX_ENTRY {
            return Ok(self.put_entry(w, key, value)?);
        }
        let is_placed = kind == keys::DOCUMENT;
        let end = key
            .len()
            .saturating_sub(if is_placed { ORDER_BYTES } else { 0 });
        let copy = self.copied(key.get(..end).ok_or_else(broken)?)?;
        let value = value.clone();
        if kind == keys::KV {
            return kv::put(w, &copy, &value, *until_ms, None, Missing::Allowed);
        }
        if !is_placed && kind != keys::ID {
            w.put(copy, value);
            return Ok(());
        }
        let place = if is_placed {
            key.get(end..)
        } else {
            Some(&value[..])
        };
        let place = place.and_then(Order::from_bytes).ok_or_else(broken)?;
        if is_placed {
            let id = Collection::id_of(&value)?;
            let mut record = Vec::with_capacity(copy.len() + id.as_bytes().len() + 1);
            record.push(keys::ID);
            record.extend_from_slice(copy.get(1..).unwrap_or_default());
            let record = keys::with_string(&record, id.as_js());
            cite(w, &record, &value, Missing::Allowed)?;
            w.put_at(copy, place, value.clone());
            note(w, &record, Change::Put(&value, NEVER))?;
        } else {
            w.put_order(copy, place);
        }
        Ok(())
    }
}

impl Many for Copy {
    type Done = ();

    /// Runs until it does not stop. What is copied stays in memory until it is committed.
    ///
    /// # Errors
    /// A stop; `Exists` when the target owns something, `LimitExceeded` when the source owns more than
    /// [`MAX_CALL_BYTES`].
    fn step(&mut self, w: &mut dyn Writes) -> Attempt<()> {
        if w.is_fresh() {
            *self = Self::new(self.from.clone(), self.to.clone());
        }
        // Everything is read before anything is written: a cursor would lose its place.
        if !self.is_read {
            if owns(w, &self.to)? {
                let message = "the target node already owns data";
                return Err(Error::new(Code::Exists, message).into());
            }
            if self.ranges.is_empty() {
                self.look(w)?;
            }
            self.read_all(w)?;
            if self.numbers.is_empty() {
                self.define(w)?;
            }
            self.is_read = true;
        }
        while let Some(record) = self.read.get(self.written) {
            self.put(w, record)?;
            self.written += 1;
            self.pace.step(w)?;
        }
        Ok(())
    }

    fn release(&mut self, count: usize) -> bool {
        shorten(&mut self.read, count)
    }
}

#[cfg(test)]
mod tests;
