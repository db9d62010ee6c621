//! What tells JavaScript whether its copies of values are current.

use js_sys::Array;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::session::AnySession;
use super::strings;
use crate::engine::Engine;
use crate::models::freshness::Freshness;

/// The changes of one store or collection, from when this is made.
#[wasm_bindgen]
pub struct ChangesPort {
    engine: Engine,
    freshness: Rc<Freshness>,
}

impl ChangesPort {
    /// Of what `freshness` is about; `None` in a transaction, whose reads see its own writes.
    #[must_use]
    pub fn new(session: &AnySession, freshness: Freshness) -> Option<Self> {
        let AnySession::Engine(engine) = session else {
            return None;
        };
        let freshness = Rc::new(freshness);
        let interest: Rc<dyn crate::engine::Interest> = freshness.clone();
        engine.interested(&interest);
        Some(Self {
            engine: engine.clone(),
            freshness,
        })
    }
}

#[wasm_bindgen]
impl ChangesPort {
    /// Another number after each change; NaN when a read would have to wait, or fail, and where anything may expire.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "no count comes near 2^53")]
    pub fn stamp(&self) -> f64 {
        // planted: at-once
        if self.engine.is_ready() && !self.engine.is_dated() {
            self.freshness.stamp() as f64
        } else {
            f64::NAN
        }
    }

    /// The keys whose values have changed since the last call; undefined when it may be any.
    #[must_use]
    pub fn take(&self) -> Option<Array> {
        let keys = self.freshness.take()?;
        let out = Array::new();
        for key in keys {
            // One whose name there is no room for may be any.
            out.push(&strings::to_js(key.as_js()).ok()?);
        }
        Some(out)
    }
}
