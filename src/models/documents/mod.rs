//! Collections of documents.
//!
//! A document is a stored object that begins with `_id`, `_created` and `_updated`, in this
//! order; the two times are whole milliseconds since the epoch. It lies under its place in the
//! order of insertion; the id index says which.

use bytes::Bytes;

use super::names::check_key;
use super::op_log::journal::{Change, note};
use super::scope::Scope;
use super::{keys, query};
use crate::codec::js_string::{JsStr, JsString};
use crate::codec::marks::NEVER;
use crate::codec::order::Order;
use crate::codec::tuple;
use crate::engine::access::{Attempt, KeyRange, Reads, Stop, Writes};
use crate::error::{Error, Result};

mod collections;
mod count;
mod draft;
mod drop;
mod find;
mod ids;
mod insert;
mod meta;
mod projection;
mod sort;

pub use collections::Collections;
pub use count::Count;
pub use drop::Drop;
pub use find::{Find, FindSpec, Out};
pub use ids::Ids;
pub use insert::{Insert, NewDoc};
pub use meta::check_whole;
pub use query::Query;

/// A collection: where its keys lie. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Collection {
    docs: Bytes,
    ids: Bytes,
    marker: Bytes,
}

impl Collection {
    /// The collection `name` of a scope.
    ///
    /// # Errors
    /// `InvalidArgument` when a name is empty or too long.
    pub fn new(scope: &Scope, name: JsStr<'_>) -> Result<Self> {
        Ok(Self {
            docs: keys::collection_prefix(keys::DOCUMENT, scope, name)?,
            ids: keys::collection_prefix(keys::ID, scope, name)?,
            marker: keys::collection_prefix(keys::COLLECTION, scope, name)?,
        })
    }

    /// The stored document of an id.
    ///
    /// # Errors
    /// A stop; `InvalidArgument` for too long an id.
    pub fn get(&self, r: &mut dyn Reads, id: JsStr<'_>) -> Attempt<Option<Bytes>> {
        check_key("the id", id)?;
        let Some(order) = self.order_of(r.get(&self.id_key(id))?)? else {
            return Ok(None);
        };
        Ok(Some(there(r.get(&self.doc_key(order))?)?))
    }

    /// Shallow merge of the stored object `changes`, in which `_id`, `_created` and `_updated`
    /// are ignored; sets `_updated`. False when there is no such document.
    ///
    /// # Errors
    /// A stop; `InvalidArgument` when `changes` is no plain object or the id too long.
    pub fn update(
        &self,
        w: &mut dyn Writes,
        id: JsStr<'_>,
        changes: &[u8],
        now_ms: f64,
    ) -> Attempt<bool> {
        self.rewrite(w, id, &mut |old| meta::merged(old, changes, now_ms))
    }

    /// Puts the stored object `doc` in the place of a document; `_id`, `_created` and the place
    /// stay, `_updated` is set. False when there is no such document.
    ///
    /// # Errors
    /// A stop; `InvalidArgument` when `doc` is no plain object or the id too long.
    pub fn replace(
        &self,
        w: &mut dyn Writes,
        id: JsStr<'_>,
        doc: &[u8],
        now_ms: f64,
    ) -> Attempt<bool> {
        self.rewrite(w, id, &mut |old| meta::replaced(old, doc, now_ms))
    }

    fn rewrite(
        &self,
        w: &mut dyn Writes,
        id: JsStr<'_>,
        change: &mut dyn FnMut(&[u8]) -> Result<Bytes>,
    ) -> Attempt<bool> {
        check_key("the id", id)?;
        let Some(order) = self.order_of(w.get(&self.id_key(id))?)? else {
            return Ok(false);
        };
        let old = there(w.get(&self.doc_key(order))?)?;
        let new = change(&old)?;
        w.put_at(self.docs.clone(), order, new.clone());
        note(w, &self.id_key(id), Change::Put(&new, NEVER))?;
        Ok(true)
    }

    /// Removes a document. False when there is none.
    ///
    /// # Errors
    /// A stop; `InvalidArgument` for too long an id.
    pub fn delete(&self, w: &mut dyn Writes, id: JsStr<'_>) -> Attempt<bool> {
        check_key("the id", id)?;
        let existed = self.remove(w, id)?;
        if existed {
            note(w, &self.id_key(id), Change::Remove)?;
        }
        Ok(existed)
    }

    /// The same, without a note in the op-log.
    ///
    /// # Errors
    /// A stop.
    pub fn remove(&self, w: &mut dyn Writes, id: JsStr<'_>) -> Attempt<bool> {
        let key = self.id_key(id);
        let Some(order) = self.order_of(w.get(&key)?)? else {
            return Ok(false);
        };
        w.delete_at(self.docs.clone(), order);
        w.delete(key);
        Ok(true)
    }

    /// Stores a document as it is, in the place of the one that has its id or behind all others, without a note in the
    /// op-log.
    ///
    /// # Errors
    /// A stop.
    pub fn put(&self, w: &mut dyn Writes, id: JsStr<'_>, doc: Bytes) -> Attempt<()> {
        let key = self.id_key(id);
        let order = match self.order_of(w.get(&key)?)? {
            Some(order) => order,
            None => {
                let order = w.new_order();
                w.put(self.marker.clone(), Bytes::new());
                w.put_order(key, order);
                order
            }
        };
        w.put_at(self.docs.clone(), order, doc);
        Ok(())
    }

    /// The records of all documents, in the order of insertion.
    #[must_use]
    pub fn all(&self) -> KeyRange {
        tuple::range_within(self.docs.clone())
    }

    /// The entries of all ids.
    #[must_use]
    pub fn all_ids(&self) -> KeyRange {
        tuple::range_within(self.ids.clone())
    }

    /// Whether a record's key, with or without the order at its end, is one of a document here.
    #[must_use]
    pub fn is_document(&self, record: &[u8]) -> bool {
        record.starts_with(&self.docs)
    }

    /// The id that the key of an entry stands for.
    #[must_use]
    pub fn id_of_entry(&self, record: &[u8]) -> Option<JsString> {
        match tuple::read_string(record.strip_prefix(&self.ids[..])?) {
            Ok((id, [])) => Some(id),
            _ => None,
        }
    }

    /// The id of a stored document.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn id_of(doc: &[u8]) -> Result<JsString> {
        meta::id_of(doc)
    }

    pub(super) fn id_key(&self, id: JsStr<'_>) -> Bytes {
        keys::with_string(&self.ids, id)
    }

    fn doc_key(&self, order: Order) -> Vec<u8> {
        [&self.docs[..], &order.to_bytes()].concat()
    }

    fn order_of(&self, entry: Option<Bytes>) -> Attempt<Option<Order>> {
        entry
            .map(|bytes| Order::from_bytes(&bytes).ok_or_else(broken_index))
            .transpose()
            .map_err(Stop::Fail)
    }
}

fn there(doc: Option<Bytes>) -> Result<Bytes> {
    doc.ok_or_else(broken_index)
}

fn broken_index() -> Error {
    Error::corrupt("the id index refers to a missing document")
}

#[cfg(test)]
mod bounds_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;
