//! Opens and reads a source database.

use futures_util::future::try_join;
use idb::request::OpenDatabaseRequest;
use idb::{Database, DatabaseEvent as _, Event as _, Factory, Request as _};
use js_sys::{Array, Function, Promise, Reflect};
use rexie::{KeyRange, Rexie, Store, TransactionMode};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};

use crate::refusal::Refusal;

const STORE: &str = "kv";

/// Opens an existing database, without creating or changing one. Rejects with `[code, message, cause]`.
#[wasm_bindgen(js_name = openSource, unchecked_return_type = "Promise<PlainSource>")]
pub fn open_source(name: String) -> Promise {
    future_to_promise(async move { Ok(PlainSource::open(&name).await?.into()) })
}

/// A database in the plain layout. It does not block upgrades and deletions by other tabs; later reads fail.
#[wasm_bindgen]
pub struct PlainSource {
    name: String,
    database: RefCell<Option<Rexie>>,
}

impl PlainSource {
    /// Opens an existing database.
    ///
    /// # Errors
    /// `InvalidArgument` if there is none, `UnsupportedFormat` if its layout is different,
    /// `Blocked` if it is upgraded or deleted meanwhile, `Unavailable` if the browser refuses.
    pub async fn open(name: &str) -> Result<Self, Refusal> {
        Ok(Self {
            name: name.into(),
            database: RefCell::new(Some(open(name).await?)),
        })
    }
}

#[wasm_bindgen]
impl PlainSource {
    /// Resolves to two arrays: at most `limit` of the keys above `after` (undefined: from the first key),
    /// ascending, and their values. Fewer than `limit` means that there are no more. Rejects with
    /// `[code, message, cause]`.
    #[wasm_bindgen(unchecked_return_type = "Promise<[unknown[], unknown[]]>")]
    pub fn read(&self, after: &JsValue, limit: u32) -> Promise {
        let begun = self.begin(after);
        let name = self.name.clone();
        future_to_promise(async move {
            let (store, range) = begun?;
            // Both requests run in the same transaction, so keys and values match.
            let keys = store.get_all_keys(range.clone(), Some(limit));
            let values = store.get_all(range, Some(limit));
            let (keys, values) = try_join(keys, values)
                .await
                .map_err(|error| refused(&name, &error))?;
            let [keys, values] = [keys, values].map(|items| items.into_iter().collect::<Array>());
            Ok(Array::of2(&keys, &values).into())
        })
    }

    /// Closes the database.
    pub fn close(&self) {
        if let Some(database) = self.database.take() {
            database.close();
        }
    }

    fn begin(&self, after: &JsValue) -> Result<(Store, Option<KeyRange>), Refusal> {
        let range = if after.is_undefined() {
            None
        } else {
            let above = KeyRange::lower_bound(after, Some(true));
            Some(above.map_err(|error| Refusal::failed(&self.name, &error))?)
        };
        let database = self.database.borrow();
        let moved = || Refusal::moved(&self.name);
        let store = store_of(database.as_ref().ok_or_else(moved)?);
        // A connection that was closed to let other tabs proceed cannot begin a transaction.
        store.map(|store| (store, range)).map_err(|_| moved())
    }
}

fn store_of(database: &Rexie) -> rexie::Result<Store> {
    database
        .transaction(&[STORE], TransactionMode::ReadOnly)?
        .store(STORE)
}

fn refused(name: &str, error: &rexie::Error) -> Refusal {
    match error {
        rexie::Error::IdbError(error) => Refusal::failed(name, error),
        _ => Refusal::moved(name),
    }
}

async fn open(name: &str) -> Result<Rexie, Refusal> {
    let found = probe(name).await?;
    let is_plain = found.store_names().iter().any(|store| store == STORE);
    if !is_plain {
        found.close();
        return Err(Refusal::shape(name, "it has no object store \"kv\""));
    }
    // Without a version, this opens the existing database, which cannot go away while `found` holds it.
    let opened = Rexie::builder(name).build().await;
    found.close();
    let database = opened.map_err(|error| refused(name, &error))?;
    if !database.store_names().iter().any(|store| store == STORE) {
        return Err(give_back(name, database).await);
    }
    let key_path = store_of(&database).and_then(|store| store.key_path());
    match key_path {
        Ok(None) => Ok(database),
        Ok(Some(_)) => {
            database.close();
            let what = "its object store \"kv\" takes its keys from the values";
            Err(Refusal::shape(name, what))
        }
        Err(error) => {
            database.close();
            Err(refused(name, &error))
        }
    }
}

/// Handles a database that was deleted between the two openings. The second one has created an empty
/// database, which is deleted again.
async fn give_back(name: &str, database: Rexie) -> Refusal {
    let is_empty = database.store_names().is_empty();
    database.close();
    match Rexie::builder(name).delete() {
        deleting if is_empty => match deleting.await {
            Ok(()) => Refusal::moved(name),
            Err(error) => refused(name, &error),
        },
        _ => Refusal::moved(name),
    }
}

/// Whether the browser lists a database of that name; true if it cannot list databases.
async fn is_listed(name: &str) -> Result<bool, JsValue> {
    let factory = Reflect::get(&js_sys::global(), &"indexedDB".into())?;
    let Ok(list) = Reflect::get(&factory, &"databases".into())?.dyn_into::<Function>() else {
        return Ok(true);
    };
    let listing = Promise::resolve(&list.call0(&factory)?);
    let all: Array = JsFuture::from(listing).await?.dyn_into()?;
    let names = all.iter().map(|each| Reflect::get(&each, &"name".into()));
    Ok(names
        .flatten()
        .any(|each| each.as_string().as_deref() == Some(name)))
}

/// Opens the database if it exists. Aborts the upgrade that would create it, which leaves nothing behind.
async fn probe(name: &str) -> Result<Database, Refusal> {
    // WebKit keeps listing a database whose creating upgrade was aborted, so the abort below is only for races.
    if let Ok(false) = is_listed(name).await {
        return Err(Refusal::absent(name));
    }
    let failed = |error: idb::Error| Refusal::failed(name, &error);
    let mut request = Factory::new()
        .and_then(|factory| factory.open(name, None))
        .map_err(failed)?;
    let is_new = Rc::new(Cell::new(false));
    let told = is_new.clone();
    request.on_upgrade_needed(move |event| {
        told.set(true);
        let target = event.target().ok();
        let upgrade = target.and_then(|request: OpenDatabaseRequest| request.transaction());
        if let Some(upgrade) = upgrade {
            // The abort cannot fail: the transaction cannot have ended yet.
            drop(upgrade.abort());
        }
    });
    match request.await {
        Ok(mut database) => {
            // Close on `versionchange`, so that an upgrade or a deletion need not wait.
            database.on_version_change(|event| {
                if let Ok(database) = event.database() {
                    database.close();
                }
            });
            Ok(database)
        }
        Err(_) if is_new.get() => Err(Refusal::absent(name)),
        Err(error) => Err(failed(error)),
    }
}
