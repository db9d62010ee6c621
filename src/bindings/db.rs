//! Document stores.

use js_sys::{Function, Promise, Uint8Array};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::batch::Lines;
use super::changes::ChangesPort;
use super::collect::Collector;
use super::errors;
use super::host;
use super::outcome::{self, Returned};
use super::range::bound;
use super::session::AnySession;
use super::strings::{self, all_received, received};
use super::values::{self, decode};
use crate::engine::access::{Session, WriteWork, afresh};
use crate::env::Env;
use crate::error::{Error, Result};
use crate::models::Scope;
use crate::models::documents::{
    self, Collection, Collections, Count, Find, FindSpec, Ids, Insert, NewDoc,
};
use crate::models::freshness::Freshness;
use crate::models::many::{self, Many};
use crate::models::query::Query;

thread_local! {
    static IDS: RefCell<Ids> = RefCell::default();
}

/// A store of a patch or of a transaction. String arguments are encoded for [`received`], documents and queries
/// for [`values::stored`].
#[wasm_bindgen]
pub struct DbPort {
    session: AnySession,
    scope: Scope,
    /// The most recently used collection, with its encoded name.
    last: RefCell<Option<(String, Collection)>>,
}

impl DbPort {
    /// The store of a scope, in which collections are looked up by name.
    #[must_use]
    pub fn new(session: AnySession, scope: Scope) -> Self {
        Self {
            session,
            scope,
            last: RefCell::default(),
        }
    }

    fn collection(&self, name: &str) -> Result<Collection, JsValue> {
        if let Some((last, collection)) = &*self.last.borrow()
            && last == name
        {
            return Ok(collection.clone());
        }
        let collection = received(name)
            .and_then(|name| Collection::new(&self.scope, name.as_js()))
            .map_err(thrown)?;
        self.last.replace(Some((name.into(), collection.clone())));
        Ok(collection)
    }
}

/// Returns a function that starts the query afresh each time it is called.
fn finding(
    collection: Collection,
    query: Query,
    spec: FindSpec,
) -> impl Fn() -> Result<Find> + 'static {
    move || Ok(Find::new(&collection, query.clone(), spec.clone()))
}

fn thrown(error: Error) -> JsValue {
    errors::to_js(&error)
}

fn prepared(stored: &[u8], now_ms: f64) -> Result<NewDoc> {
    let mut random = |bytes: &mut [u8]| host::env().fill_random(bytes);
    IDS.with_borrow_mut(|ids| NewDoc::prepare(stored, now_ms, ids, &mut random))
}

fn query_of(encoded: &JsValue) -> Result<Query, JsValue> {
    values::stored(encoded)
        .and_then(|stored| Query::compile(&stored))
        .map_err(thrown)
}

#[wasm_bindgen]
impl DbPort {
    /// Inserts a document created at `now_ms` and returns its id. Reports the end to `done`, as [`outcome::tell`]
    /// describes.
    pub fn insert(
        &self,
        collection: &str,
        encoded: &JsValue,
        now_ms: f64,
        done: Function,
    ) -> Result<JsValue, JsValue> {
        let collection = self.collection(collection)?;
        let stored = values::stored(encoded).map_err(thrown)?;
        let doc = prepared(&stored, now_ms).map_err(thrown)?;
        let id = strings::to_js(doc.id()).map_err(thrown)?;
        let mut insert = Insert::new(&collection, vec![doc]);
        let work: WriteWork<()> = Box::new(move |w| insert.step(w));
        self.session.write_and_tell(work, outcome::tell(done));
        Ok(id)
    }

    /// An empty batch for documents.
    pub fn batch(&self, collection: &str) -> Result<DbBatchPort, JsValue> {
        Ok(DbBatchPort {
            session: self.session.clone(),
            collection: self.collection(collection)?,
            now_ms: host::env().now_ms(),
            docs: RefCell::default(),
            ids: RefCell::default(),
        })
    }

    /// The document with an id, or null.
    pub fn get(&self, collection: &str, id: &str) -> Returned {
        let collection = self.collection(collection)?;
        let id = received(id).map_err(thrown)?;
        let found = self
            .session
            .read(Box::new(move |r| collection.get(r, id.as_js())));
        outcome::read(found, |stored| {
            stored.map_or(Ok(JsValue::NULL), |it| decode::decode(&it))
        })
    }

    /// Starts recording changes of a collection; undefined in a transaction.
    pub fn changes(&self, collection: &str) -> Result<Option<ChangesPort>, JsValue> {
        let collection = self.collection(collection)?;
        Ok(ChangesPort::new(
            &self.session,
            Freshness::of_documents(collection),
        ))
    }

    /// The first document that matches, or null.
    #[wasm_bindgen(js_name = findOne)]
    pub fn find_one(&self, collection: &str, query: &JsValue) -> Returned {
        let collection = self.collection(collection)?;
        let spec = FindSpec {
            limit: Some(1),
            ..FindSpec::default()
        };
        let begin = finding(collection, query_of(query)?, spec);
        let found = self.session.read(afresh(begin, |find, r| {
            let mut first = JsValue::NULL;
            find.step(r, &mut |stored| {
                first = decode::decode(stored)?;
                Ok(())
            })?;
            Ok(first)
        }));
        outcome::read(found, Ok)
    }

    /// The documents that match. `descending` is non-zero for each field of `sort` that descends.
    #[expect(
        clippy::too_many_arguments,
        reason = "an object would cost a crossing a field"
    )]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "wasm-bindgen hands vectors over"
    )]
    pub fn find(
        &self,
        collection: &str,
        query: &JsValue,
        sort: Vec<String>,
        descending: Vec<u8>,
        skip: f64,
        limit: f64,
        fields: Option<Vec<String>>,
    ) -> Returned {
        let collection = self.collection(collection)?;
        let sort = all_received(&sort).map_err(thrown)?;
        let spec = FindSpec {
            sort: sort
                .into_iter()
                .zip(descending.iter().map(|down| *down != 0))
                .collect(),
            skip: bound(skip).unwrap_or(u64::MAX),
            limit: bound(limit),
            fields: fields
                .map(|fields| all_received(&fields))
                .transpose()
                .map_err(thrown)?,
        };
        let find = finding(collection, query_of(query)?, spec);
        let begin = move || Ok((find()?, Collector::default()));
        let found = self.session.read(afresh(begin, |(find, out), r| {
            find.step(r, &mut |stored| out.value(stored))?;
            Ok(out.finish()?)
        }));
        outcome::read(found, Ok)
    }

    /// Merges changes into a document. Resolves to whether it exists.
    pub fn update(
        &self,
        collection: &str,
        id: &str,
        encoded: &JsValue,
    ) -> Result<Promise, JsValue> {
        let collection = self.collection(collection)?;
        let id = received(id).map_err(thrown)?;
        let changes = values::stored(encoded).map_err(thrown)?;
        let now_ms = host::env().now_ms();
        let done = self.session.write(Box::new(move |w| {
            collection.update(w, id.as_js(), &changes, now_ms)
        }));
        Ok(outcome::promise(done, outcome::plain))
    }

    /// Replaces a document. Resolves to whether it exists.
    pub fn replace(
        &self,
        collection: &str,
        id: &str,
        encoded: &JsValue,
    ) -> Result<Promise, JsValue> {
        let collection = self.collection(collection)?;
        let id = received(id).map_err(thrown)?;
        let doc = values::stored(encoded).map_err(thrown)?;
        let now_ms = host::env().now_ms();
        let done = self.session.write(Box::new(move |w| {
            collection.replace(w, id.as_js(), &doc, now_ms)
        }));
        Ok(outcome::promise(done, outcome::plain))
    }

    /// Deletes a document. Resolves to whether it existed.
    pub fn delete(&self, collection: &str, id: &str) -> Result<Promise, JsValue> {
        let collection = self.collection(collection)?;
        let id = received(id).map_err(thrown)?;
        let done = self
            .session
            .write(Box::new(move |w| collection.delete(w, id.as_js())));
        Ok(outcome::promise(done, outcome::plain))
    }

    /// How many documents match.
    pub fn count(&self, collection: &str, query: &JsValue) -> Returned {
        let (collection, query) = (self.collection(collection)?, query_of(query)?);
        let begin = move || Ok(Count::new(&collection, query.clone()));
        outcome::read(
            self.session.read(afresh(begin, Count::step)),
            outcome::count,
        )
    }

    /// Deletes a collection with all its documents.
    pub fn drop(&self, collection: &str) -> Result<Promise, JsValue> {
        let collection = self.collection(collection)?;
        let mut drop = documents::Drop::new(&collection);
        let done = self.session.write(Box::new(move |w| drop.step(w)));
        Ok(outcome::promise(done, outcome::nothing))
    }

    /// The names of the store's collections.
    pub fn collections(&self) -> Returned {
        let scope = self.scope.clone();
        Collections::new(&scope).map_err(thrown)?;
        let begin = move || Collections::new(&scope);
        let found = self.session.read(afresh(begin, Collections::step));
        outcome::read(found, |names| {
            let mut out = Collector::default();
            names.iter().try_for_each(|name| out.string(name.as_js()))?;
            out.finish()
        })
    }

    /// The store of a name.
    pub fn store(&self, name: &str) -> Result<DbPort, JsValue> {
        let name = received(name).map_err(thrown)?;
        Ok(Self::new(self.session.clone(), Scope::Name(name)))
    }
}

/// A batch of documents to insert.
#[wasm_bindgen]
pub struct DbBatchPort {
    session: AnySession,
    collection: Collection,
    now_ms: f64,
    docs: RefCell<Vec<NewDoc>>,
    ids: RefCell<Collector>,
}

#[wasm_bindgen]
impl DbBatchPort {
    /// Adds `count` documents; [`Lines`] describes how they are passed. `_keys` is empty.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "wasm-bindgen hands vectors over"
    )]
    pub fn push(
        &self,
        _keys: Vec<String>,
        lines: &str,
        exact_at: Vec<u32>,
        exact: Vec<Uint8Array>,
        count: usize,
    ) -> Result<(), JsValue> {
        let stored = Lines {
            lines,
            exact_at: &exact_at,
            exact: &exact,
        }
        .stored(count)
        .map_err(thrown)?;
        let mut docs = self.docs.borrow_mut();
        let mut ids = self.ids.borrow_mut();
        for stored in stored {
            let doc = stored.and_then(|stored| prepared(&stored, self.now_ms));
            let doc = doc.map_err(thrown)?;
            ids.string(doc.id()).map_err(thrown)?;
            docs.push(doc);
        }
        Ok(())
    }

    /// Inserts the pushed documents. Resolves to their ids.
    pub fn commit(&self) -> Promise {
        let insert = Insert::new(&self.collection, self.docs.take());
        let mut ids = self.ids.take();
        let done = many::write(&self.session, Rc::new(host::env()), insert);
        outcome::promise(done, move |()| ids.finish())
    }
}
