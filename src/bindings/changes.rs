//! Tells JavaScript whether its copies of values are current.

use js_sys::Array;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::session::AnySession;
use super::strings;
use crate::engine::Engine;
use crate::models::freshness::Freshness;

/// Records the changes of one store or collection from its creation on.
#[wasm_bindgen]
pub struct ChangesPort {
    engine: Engine,
    freshness: Rc<Freshness>,
}

impl ChangesPort {
    /// Records the changes that `freshness` covers. `None` in a transaction, whose reads see its own writes.
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
    /// A number that differs after each change; NaN if a read would wait or fail, or if entries may expire.
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

    /// Whether an inserted document may be stored otherwise than it was given.
    #[must_use]
    pub fn rewrites(&self) -> bool {
        self.freshness.is_rewritten(&self.engine.catalog())
    }

    /// The keys whose values have changed since the last call; undefined if any key may have changed.
    #[must_use]
    pub fn take(&self) -> Option<Array> {
        let keys = self.freshness.take()?;
        let out = Array::new();
        for key in keys {
            // If there is no memory for a key's name, treat any key as changed.
            out.push(&strings::to_js(key.as_js()).ok()?);
        }
        Some(out)
    }
}
