//! Collections of documents.

use bytes::Bytes;

use super::query::Query;
use super::scope::Scope;
use crate::codec::js_string::{JsStr, JsString};
use crate::engine::access::{Attempt, Reads, Writes};
use crate::error::Result;

mod ids;

pub use ids::Ids;

/// A collection: where its keys lie. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Collection {}

impl Collection {
    /// The collection `name` of a scope.
    ///
    /// # Errors
    /// `InvalidArgument` when a name is empty or too long.
    pub fn new(scope: &Scope, name: JsStr<'_>) -> Result<Self> {
        let _ = (scope, name);
        todo!()
    }
    /// The stored document of an id.
    ///
    /// # Errors
    /// A stop; `InvalidArgument` for too long an id.
    pub fn get(&self, r: &mut dyn Reads, id: JsStr<'_>) -> Attempt<Option<Bytes>> {
        let _ = (r, id);
        todo!()
    }
    /// Shallow merge of the stored object `changes`; false when absent.
    ///
    /// # Errors
    /// A stop; `InvalidArgument` when `changes` is no plain object.
    pub fn update(
        &self,
        w: &mut dyn Writes,
        id: JsStr<'_>,
        changes: &[u8],
        now_ms: f64,
    ) -> Attempt<bool> {
        let _ = (w, id, changes, now_ms);
        todo!()
    }
    /// Replaces all but `_id` and `_created`; false when absent.
    ///
    /// # Errors
    /// A stop; `InvalidArgument` when `doc` is no plain object.
    pub fn replace(
        &self,
        w: &mut dyn Writes,
        id: JsStr<'_>,
        doc: &[u8],
        now_ms: f64,
    ) -> Attempt<bool> {
        let _ = (w, id, doc, now_ms);
        todo!()
    }
    /// Removes a document; false when absent.
    ///
    /// # Errors
    /// A stop.
    pub fn delete(&self, w: &mut dyn Writes, id: JsStr<'_>) -> Attempt<bool> {
        let _ = (w, id);
        todo!()
    }
    /// Removes the collection and its documents. Blind.
    pub fn drop_all(&self, w: &mut dyn Writes) {
        let _ = w;
        todo!()
    }
}

/// A document made ready to be inserted.
#[derive(Debug, Clone)]
pub struct NewDoc {}

impl NewDoc {
    /// Makes the document out of a stored object: takes its `_id` or makes one up, and sets
    /// `_created` and `_updated`.
    ///
    /// # Errors
    /// `InvalidArgument` when it is no plain object or its `_id` is no string, or too long.
    pub fn prepare(
        stored: &[u8],
        now_ms: f64,
        ids: &mut Ids,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Result<Self> {
        let _ = (stored, now_ms, ids, random);
        todo!()
    }
    /// Its id.
    #[must_use]
    pub fn id(&self) -> JsStr<'_> {
        todo!()
    }
    /// Bytes it will take.
    #[must_use]
    pub fn stored_bytes(&self) -> usize {
        todo!()
    }
}

/// Inserts documents: all or none. Blind unless an `_id` was given.
pub struct Insert {}

impl Insert {
    /// Inserts `docs` in this order.
    #[must_use]
    pub fn new(collection: &Collection, docs: Vec<NewDoc>) -> Self {
        let _ = (collection, docs);
        todo!()
    }
    /// Runs until it does not stop.
    ///
    /// # Errors
    /// A stop; `Exists`.
    pub fn step(&mut self, w: &mut dyn Writes) -> Attempt<()> {
        let _ = w;
        todo!()
    }
    /// The documents, in order.
    #[must_use]
    pub fn docs(&self) -> &[NewDoc] {
        todo!()
    }
}

/// How to hand out what a query finds.
#[derive(Debug, Clone, Default)]
pub struct FindSpec {
    /// Fields (dotted paths too) and whether descending; the first decides first.
    pub sort: Vec<(JsString, bool)>,
    /// Leave out this many.
    pub skip: u64,
    /// At most this many.
    pub limit: Option<u64>,
    /// Only these fields (dotted paths too), and `_id`.
    pub fields: Option<Vec<JsString>>,
}

/// A query under way.
pub struct Find {}

impl Find {
    /// Begins a query.
    #[must_use]
    pub fn new(collection: &Collection, query: Query, spec: FindSpec) -> Self {
        let _ = (collection, query, spec);
        todo!()
    }
    /// The next stored documents, some hundreds at most; `None` when nothing is left.
    ///
    /// # Errors
    /// A stop; nothing is lost by it.
    pub fn step(&mut self, r: &mut dyn Reads) -> Attempt<Option<Vec<Bytes>>> {
        let _ = r;
        todo!()
    }
}

/// Counts what matches.
pub struct Count {}

impl Count {
    /// Begins a count.
    #[must_use]
    pub fn new(collection: &Collection, query: Query) -> Self {
        let _ = (collection, query);
        todo!()
    }
    /// How many match. Runs until it does not stop.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&mut self, r: &mut dyn Reads) -> Attempt<u64> {
        let _ = r;
        todo!()
    }
}

/// Lists the collections of a scope.
pub struct Collections {}

impl Collections {
    /// Begins the list.
    ///
    /// # Errors
    /// `InvalidArgument` when the scope's name is empty or too long.
    pub fn new(scope: &Scope) -> Result<Self> {
        let _ = scope;
        todo!()
    }
    /// Their names, ascending. Runs until it does not stop.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&mut self, r: &mut dyn Reads) -> Attempt<Vec<JsString>> {
        let _ = r;
        todo!()
    }
}
