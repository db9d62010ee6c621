//! Deleting patches.

use futures_util::FutureExt;
use js_sys::{Function, Promise};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::outcome;
use super::patch::asking;
use crate::backend::indexeddb::{self, IndexedDbConnector};
use crate::engine;
use crate::error::Code;

/// Deletes a patch, unless `stopped` returns true first. Resolves to whether there was one.
#[wasm_bindgen(js_name = deletePort, unchecked_return_type = "Promise<boolean>")]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the facade has its own number"
)]
pub fn delete_port(database: &str, open_timeout_ms: f64, stopped: Function) -> Promise {
    let connector = IndexedDbConnector::to_existing(database, open_timeout_ms as u32);
    let deleted = engine::delete(Rc::new(connector), asking(stopped));
    outcome::promise(Box::pin(deleted), outcome::plain)
}

/// Whether an encrypted patch holds anything, as far as can be told without its key. False where there is none.
#[wasm_bindgen(js_name = holdsRecords, unchecked_return_type = "Promise<boolean>")]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the facade has its own number"
)]
pub fn holds_records(database: &str, open_timeout_ms: f64) -> Promise {
    let connector = IndexedDbConnector::to_existing(database, open_timeout_ms as u32);
    let looking = engine::holds_records(Rc::new(connector)).map(|held| match held {
        Err(error) if error.code() == Code::NoPatch => Ok(false),
        held => held,
    });
    outcome::promise(looking.boxed_local(), outcome::plain)
}

/// Whether a database may be removed, since it holds no patch any more. Creates none.
#[wasm_bindgen(js_name = isRemains, unchecked_return_type = "Promise<boolean>")]
pub fn is_remains(database: String) -> Promise {
    let looking = indexeddb::is_remains(database, engine::is_dead);
    outcome::promise(Box::pin(looking), outcome::plain)
}
