//! Deleting patches.

use js_sys::{Function, Promise};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::outcome;
use super::patch::asking;
use crate::backend::indexeddb::IndexedDbConnector;
use crate::engine;

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

/// Whether the bytes of a head, or undefined if there is no head, mean that there is no patch.
#[wasm_bindgen(js_name = isDead)]
#[must_use]
pub fn is_dead(head: Option<Vec<u8>>) -> bool {
    engine::is_dead(head.map(Into::into).as_ref())
}
