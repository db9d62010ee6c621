//! Indexes.

use js_sys::{Array, Function, Promise};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::{DbPort, thrown};
use crate::bindings::host;
use crate::bindings::outcome::{self, Returned};
use crate::bindings::session::AnySession;
use crate::bindings::strings::{self, all_received};
use crate::bindings::values;
use crate::engine::access::{Reads, Session};
use crate::error::{Error, Result};
use crate::models::documents::{self, DropIndex, Heard, IndexSpec, Indexed, Wanted, Wish, indexes};

impl DbPort {
    /// Fails in a transaction other than a migration's: others are not for definitions.
    fn outside(&self, what: &str) -> Result<(), JsValue> {
        match &self.session {
            AnySession::Transaction(transaction) if !transaction.migrates() => {
                Err(thrown(Error::invalid(format!(
                    "{what} does not go into a transaction, except that of migrate"
                ))))
            }
            _ => Ok(()),
        }
    }
}

impl DbPort {
    fn made(
        &self,
        collection: &str,
        wish: Wish,
        progress: Option<Function>,
    ) -> Result<Promise, JsValue> {
        let collection = self.collection(collection)?;
        let heard = progress.map(|progress| -> Box<Heard> {
            Box::new(move |looked_at| {
                // (The facade's callback only queues the listener; it does not throw.)
                let _ = progress.call1(&JsValue::UNDEFINED, &(looked_at as f64).into());
            })
        });
        let in_pages = matches!(self.session, AnySession::Engine(_));
        let env = Rc::new(host::env());
        let done = documents::define(&self.session, env, &collection, wish, in_pages, heard);
        Ok(outcome::promise(done, outcome::nothing))
    }
}

fn told(index: &Indexed) -> Result<JsValue> {
    let fields = Array::new();
    for field in &index.fields {
        fields.push(&strings::to_js(field.as_js())?);
    }
    let told = Array::new();
    told.push(&fields);
    told.push(&index.unique.into());
    told.push(&index.multi.into());
    Ok(told.into())
}

#[wasm_bindgen]
impl DbPort {
    /// Makes an index over fields. `progress` is called with the number of documents that a build of many has looked at.
    #[wasm_bindgen(js_name = createIndex)]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "wasm-bindgen hands vectors over"
    )]
    pub fn create_index(
        &self,
        collection: &str,
        fields: Vec<String>,
        unique: bool,
        multi: bool,
        progress: Option<Function>,
    ) -> Result<Promise, JsValue> {
        self.outside("createIndex")?;
        let spec = IndexSpec {
            fields: all_received(&fields).map_err(thrown)?,
            unique,
            multi,
        };
        self.made(collection, Wish::Index(spec), progress)
    }

    /// Makes of the collection's definition what a stored value says (see [`Wanted::decode`]); `progress` as for
    /// [`create_index`](Self::create_index).
    pub fn define(
        &self,
        collection: &str,
        encoded: &JsValue,
        progress: Option<Function>,
    ) -> Result<Promise, JsValue> {
        self.outside("define")?;
        let wanted = values::stored(encoded).and_then(|stored| Wanted::decode(&stored));
        self.made(collection, Wish::Whole(wanted.map_err(thrown)?), progress)
    }

    /// Takes an index away. Resolves to whether there was one.
    #[wasm_bindgen(js_name = dropIndex)]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "wasm-bindgen hands vectors over"
    )]
    pub fn drop_index(&self, collection: &str, fields: Vec<String>) -> Result<Promise, JsValue> {
        self.outside("dropIndex")?;
        let fields = all_received(&fields).map_err(thrown)?;
        let work = DropIndex::new(&self.collection(collection)?, fields);
        let done = self.session.write(Box::new(move |w| Ok(work.step(w)?)));
        Ok(outcome::promise(done, outcome::plain))
    }

    /// The indexes of a collection, each as its fields and whether it is `unique` and `multi`.
    pub fn indexes(&self, collection: &str) -> Returned {
        let collection = self.collection(collection)?;
        let work = move |r: &mut dyn Reads| Ok(indexes(r, &collection)?);
        outcome::read(self.session.read(Box::new(work)), |all| {
            let found = Array::new();
            for index in &all {
                found.push(&told(index)?);
            }
            Ok(found.into())
        })
    }
}
