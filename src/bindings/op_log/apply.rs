//! Applying entries of other devices.

use js_sys::{Array, Promise, Uint8Array};
use std::cell::RefCell;
use wasm_bindgen::prelude::*;

use super::entries::{ITEMS, collect_violation, entry_of};
use super::{OpLogPort, promised, thrown};
use crate::bindings::batch::Lines;
use crate::bindings::collect::Collector;
use crate::bindings::outcome;
use crate::models::op_log::apply::Why;
use crate::models::op_log::remote::Remote;
use crate::models::op_log::service::Service;

#[wasm_bindgen]
impl OpLogPort {
    /// Entries to be applied, to be filled and committed.
    pub fn batch(&self) -> ApplyPort {
        ApplyPort {
            service: self.service.clone(),
            entries: RefCell::default(),
        }
    }
}

/// Entries that are to be applied.
#[wasm_bindgen]
pub struct ApplyPort {
    service: Service,
    entries: RefCell<Vec<Remote>>,
}

#[wasm_bindgen]
impl ApplyPort {
    /// Adds entries: of each the first five items (see `entries.rs`), when it expires (or ""), and its version
    /// (or ""); and rows of values (see [`Lines`]), any for a removal.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "wasm-bindgen hands vectors over"
    )]
    pub fn push(
        &self,
        items: Vec<String>,
        lines: &str,
        exact_at: Vec<u32>,
        exact: Vec<Uint8Array>,
    ) -> Result<(), JsValue> {
        let count = items.len() / ITEMS;
        let lines = Lines {
            lines,
            exact_at: &exact_at,
            exact: &exact,
        };
        let stored = lines.stored(count).map_err(thrown)?;
        for (items, stored) in items.chunks(ITEMS).zip(stored) {
            let entry = stored.and_then(|stored| entry_of(items, stored));
            self.entries.borrow_mut().push(entry.map_err(thrown)?);
        }
        Ok(())
    }

    /// Applies them: how many changed the state; of each that was refused its place in the list, and why; and what they
    /// break, as `entries` says.
    #[wasm_bindgen(js_name = "commitLater")]
    pub fn commit(&self) -> Promise {
        let (service, entries) = (self.service.clone(), self.entries.take());
        promised(async move {
            let applied = service.apply(entries).await?;
            let out = Array::new();
            for (at, why) in applied.refused {
                out.push(&outcome::count(at as u64)?);
                out.push(&JsValue::from_str(match why {
                    Why::Clock => "clock",
                    Why::Floor => "floor",
                    Why::Version => "version",
                }));
            }
            let mut broken = Collector::default();
            for violation in &applied.violations {
                collect_violation(&mut broken, violation)?;
            }
            let applied = outcome::count(applied.applied)?;
            let all = Array::of2(&applied, &out);
            all.push(&broken.finish()?);
            Ok(all.into())
        })
    }
}
