//! Watches of single keys.

use bytes::Bytes;
use js_sys::Function;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::{host, values};
use crate::engine::Engine;
use crate::models::watch::Watch;

/// A watch of one key, which lasts until it is freed.
#[wasm_bindgen]
pub struct WatchPort(#[expect(dead_code, reason = "held")] Watch);

impl WatchPort {
    /// Watches the record `key`. Calls `listener` with encoded values.
    #[must_use]
    pub fn new(engine: &Engine, key: Bytes, listener: Function) -> Self {
        let tell = move |value: Option<&[u8]>| {
            let encoded = value.map_or(Ok(JsValue::UNDEFINED), values::encoded);
            if let Ok(encoded) = encoded {
                // The facade's callback only queues the listener; it does not throw.
                let _ = listener.call1(&JsValue::UNDEFINED, &encoded);
            }
        };
        Self(Watch::new(
            engine,
            Rc::new(host::env()),
            key,
            Box::new(tell),
        ))
    }
}
