//! Document stores.

use js_sys::{Array, Function, Promise, Uint8Array};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::batch::Lines;
use super::changes::ChangesPort;
use super::collect::Collector;
use super::errors;
use super::host;
use super::outcome::{self, Returned};
use super::refused::refused;
use super::session::AnySession;
use super::strings::{self, received};
use super::values::{self, decode};
use crate::codec::js_string::JsStr;
use crate::engine::access::{Session, WriteWork, Writes, afresh};
use crate::env::Env;
use crate::error::{Error, Result};
use crate::models::Scope;
use crate::models::documents::live::Live;
use crate::models::documents::{
    self, Cascade, Collection, Collections, Count, Ids, Insert, NewDoc,
};
use crate::models::freshness::Freshness;
use crate::models::many::{self, Many};
use crate::models::query::{Patterns, Query};

mod indexes;
mod writes;

thread_local! {
    static IDS: RefCell<Ids> = RefCell::default();
}

/// A store of a patch or of a transaction. String arguments are encoded for [`received`], documents and queries
/// for [`values::stored`]; a query's regular expressions are functions that take a text.
#[wasm_bindgen]
pub struct DbPort {
    pub(super) session: AnySession,
    pub(super) scope: Scope,
    /// The live queries of the patch; none in a transaction.
    pub(super) live: Option<Live>,
    /// The most recently used collection, with its encoded name.
    last: RefCell<Option<(String, Collection)>>,
}

impl DbPort {
    /// The store of a scope, in which collections are looked up by name.
    #[must_use]
    pub fn new(session: AnySession, scope: Scope, live: Option<Live>) -> Self {
        Self {
            session,
            scope,
            live,
            last: RefCell::default(),
        }
    }

    pub(super) fn collection(&self, name: &str) -> Result<Collection, JsValue> {
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

pub(super) fn thrown(error: Error) -> JsValue {
    errors::to_js(&error)
}

/// `keep_times`: with the times that it gives.
fn prepared(stored: &[u8], now_ms: f64, keep_times: bool) -> Result<NewDoc> {
    let mut random = |bytes: &mut [u8]| host::env().fill_random(bytes);
    let prepare = if keep_times {
        NewDoc::restore
    } else {
        NewDoc::prepare
    };
    IDS.with_borrow_mut(|ids| prepare(stored, now_ms, ids, &mut random))
}

pub(super) fn query_of(encoded: &JsValue, patterns: Option<Array>) -> Result<Query, JsValue> {
    values::stored(encoded)
        .and_then(|stored| Query::compile(&stored, patterns_of(patterns)))
        .map_err(thrown)
}

pub(super) fn patterns_of(patterns: Option<Array>) -> Rc<dyn Patterns> {
    match patterns {
        Some(patterns) => Rc::new(HostPatterns(patterns)),
        None => Rc::new(()),
    }
}

/// Functions that tell whether a regular expression matches a text.
struct HostPatterns(Array);

impl Patterns for HostPatterns {
    fn len(&self) -> usize {
        self.0.length() as usize
    }

    fn matches(&self, number: usize, text: JsStr<'_>) -> Result<bool> {
        let pattern = self.0.get(number as u32).unchecked_into::<Function>();
        let matched = pattern.call1(&JsValue::UNDEFINED, &strings::to_js(text)?);
        matched.map(|matched| matched.is_truthy()).map_err(refused)
    }
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
        let doc = prepared(&stored, now_ms, false).map_err(thrown)?;
        let id = strings::to_js(doc.id()).map_err(thrown)?;
        let mut insert = Insert::new(&collection, vec![doc]);
        let work: WriteWork<()> = Box::new(move |w| insert.step(w));
        self.session.write_and_tell(work, outcome::tell(done));
        Ok(id)
    }

    /// An empty batch for documents created at `now_ms`. `keep_times`: which keep the `_created` and `_updated` that they give.
    pub fn batch(
        &self,
        collection: &str,
        now_ms: f64,
        keep_times: bool,
    ) -> Result<DbBatchPort, JsValue> {
        Ok(DbBatchPort {
            session: self.session.clone(),
            collection: self.collection(collection)?,
            now_ms,
            keep_times,
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
        let mut cascade = Cascade::new(host::env().now_ms());
        let work = move |w: &mut dyn Writes| collection.delete(w, id.as_js(), &mut cascade);
        let done = self.session.write(Box::new(work));
        Ok(outcome::promise(done, outcome::plain))
    }

    /// How many documents match.
    pub fn count(&self, collection: &str, query: &JsValue, patterns: Option<Array>) -> Returned {
        let (collection, query) = (self.collection(collection)?, query_of(query, patterns)?);
        let begin = move || Ok(Count::new(&collection, query.clone()));
        outcome::read(
            self.session.read(afresh(begin, Count::step)),
            outcome::count,
        )
    }

    /// Deletes a collection with all its documents.
    ///
    /// `may_forget`: whether it may have a definition.
    pub fn drop(&self, collection: &str, may_forget: bool) -> Result<Promise, JsValue> {
        let collection = self.collection(collection)?;
        let mut drop = documents::Drop::new(&collection, host::env().now_ms());
        if !may_forget {
            drop = drop.of_the_undefined();
        }
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
        let session = self.session.clone();
        Ok(Self::new(session, Scope::Name(name), self.live.clone()))
    }
}

/// A batch of documents to insert.
#[wasm_bindgen]
pub struct DbBatchPort {
    session: AnySession,
    collection: Collection,
    now_ms: f64,
    keep_times: bool,
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
            let doc = stored.and_then(|stored| prepared(&stored, self.now_ms, self.keep_times));
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
