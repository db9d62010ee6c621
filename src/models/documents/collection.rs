//! A collection: where its records lie, and how they are read.

use bytes::Bytes;
use std::rc::Rc;

use super::kept::Kept;
use super::meta;
use crate::codec::js_string::{JsStr, JsString};
use crate::codec::order::Order;
use crate::codec::tuple;
use crate::engine::access::{Attempt, KeyRange, Reads, Stop, Writes};
use crate::error::{Error, Result};
use crate::models::keys;
use crate::models::names::check_key;
use crate::models::scope::Scope;

/// A collection: where its keys lie. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Collection {
    pub(super) docs: Bytes,
    pub(super) ids: Bytes,
    pub(super) marker: Bytes,
    /// Where the catalog has what is defined of it.
    pub(super) defined: Bytes,
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
            defined: keys::collection_prefix(keys::DEFINITION, scope, name)?,
        })
    }

    /// That of which something is defined under this key.
    pub(super) fn of_definition(key: &Bytes) -> Self {
        let rest = key.get(1..).unwrap_or_default();
        let of = |kind: u8| [&[kind], rest].concat().into();
        Self {
            docs: of(keys::DOCUMENT),
            ids: of(keys::ID),
            marker: of(keys::COLLECTION),
            defined: key.clone(),
        }
    }

    /// Its name.
    pub(super) fn name(&self) -> Result<JsString> {
        let scope = keys::scope_bytes(&self.defined).unwrap_or_default();
        let name = self.defined.get(scope.len() + 1..).unwrap_or_default();
        Ok(tuple::read_string(name)?.0)
    }

    /// The stored document of an id.
    ///
    /// # Errors
    /// A stop; `InvalidArgument` for too long an id.
    pub fn get(&self, r: &mut dyn Reads, id: JsStr<'_>) -> Attempt<Option<Bytes>> {
        check_key("the id", id)?;
        Ok(self.place_of(r, &self.id_key(id))?.map(|(_, doc)| doc))
    }

    /// Where the document of an id lies, and the document.
    pub(super) fn place_of(
        &self,
        r: &mut dyn Reads,
        id_key: &[u8],
    ) -> Attempt<Option<(Order, Bytes)>> {
        let Some(order) = self.order_of(r.get(id_key)?)? else {
            return Ok(None);
        };
        Ok(Some((order, self.at(r, order)?)))
    }

    /// The document at a place that an id's entry names.
    pub(super) fn at(&self, r: &mut dyn Reads, order: Order) -> Attempt<Bytes> {
        Ok(there(r.get(&self.doc_key(order))?)?)
    }

    /// Notes that there is such a collection: with its first document it comes to be.
    pub(super) fn mark(&self, w: &mut dyn Writes) {
        w.put(self.marker.clone(), Bytes::new());
    }

    /// What is defined of it; `None`: nothing.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat`.
    pub fn kept(&self, r: &dyn Reads) -> Result<Option<Rc<Kept>>> {
        Kept::of(&r.catalog(), &self.defined)
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

    /// What is defined of it.
    #[must_use]
    pub fn all_defined(&self) -> KeyRange {
        tuple::range_within(self.defined.clone())
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

    pub(super) fn doc_key(&self, order: Order) -> Vec<u8> {
        [&self.docs[..], &order.to_bytes()].concat()
    }

    pub(super) fn order_of(&self, entry: Option<Bytes>) -> Attempt<Option<Order>> {
        entry
            .map(|bytes| Order::from_bytes(&bytes).ok_or_else(broken_index))
            .transpose()
            .map_err(Stop::Fail)
    }
}

pub(super) fn there(doc: Option<Bytes>) -> Result<Bytes> {
    doc.ok_or_else(broken_index)
}

pub(super) fn broken_index() -> Error {
    Error::corrupt("the id index refers to a missing document")
}
