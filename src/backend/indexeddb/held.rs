//! Web Locks that name what exports need: a life of a patch, and an epoch of it.

use js_sys::{Array, Promise};
use std::any::Any;
use std::pin::pin;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use futures_util::future::{Either, select};

use super::lock::SharedLock;
use crate::backend::Id;
use crate::env::browser::Timeout;

#[wasm_bindgen(module = "/src/backend/indexeddb/held.js")]
extern "C" {
    #[wasm_bindgen(js_name = heldLocks)]
    fn held_locks(prefix: &str) -> Promise;
}

/// How long a lock may be waited for, or an answer of which there are, ms: without it, it goes on as if there were no locks.
const PATIENCE_MS: u32 = 2_000;

/// What the locks of a life have in common. (It is random: no other database has such.)
fn prefix(life: Id) -> String {
    let mut name = String::from("patchstore-export:");
    for byte in life.0 {
        for digit in [byte >> 4, byte & 15] {
            name.extend(char::from_digit(u32::from(digit), 16));
        }
    }
    name.push(':');
    name
}

/// Takes the lock of an epoch; it is released when what is returned is dropped. `None` where there are no Web Locks.
pub(super) async fn hold(life: Id, epoch: u64) -> Option<Box<dyn Any>> {
    let name = format!("{}{epoch}", prefix(life));
    match select(
        pin!(SharedLock::acquire(&name)),
        Timeout::after_ms(PATIENCE_MS),
    )
    .await
    {
        Either::Left((lock, _)) => lock.map(|lock| Box::new(lock) as Box<dyn Any>),
        Either::Right(_) => None,
    }
}

/// The least epoch of a life whose lock somebody holds.
pub(super) async fn held(life: Id) -> Option<u64> {
    let prefix = prefix(life);
    let asking = JsFuture::from(held_locks(&prefix));
    let names = match select(asking, Timeout::after_ms(PATIENCE_MS)).await {
        // (A promise of ours, which does not reject.)
        Either::Left((names, _)) => names.ok()?,
        Either::Right(_) => return None,
    };
    let epoch = |name: JsValue| name.as_string()?.get(prefix.len()..)?.parse().ok();
    names
        .unchecked_into::<Array>()
        .iter()
        .filter_map(epoch)
        .min()
}
