//! Live queries.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use js_sys::{Array, Function};
use wasm_bindgen::prelude::*;

use super::collect::Collector;
use super::db::{DbPort, thrown};
use super::reads::Asked;
use super::values::decode;
use super::{errors, host};
use crate::env::Env;
use crate::error::{Error, Result};
use crate::models::documents::live::{Change, Listener, LiveQuery};

/// Milliseconds of decoding between two yields, and documents between two looks at the clock.
const SLICE_MS: f64 = 5.0;
const DOCS_PER_LOOK: usize = 16;

/// A live query, which lasts until it is freed.
#[wasm_bindgen]
pub struct LivePort(LiveQuery);

#[wasm_bindgen]
impl LivePort {
    /// Has nothing more told, but for what is under way.
    pub fn pause(&self) {
        self.0.pause();
    }

    /// Goes on: what is told next has all that has changed meanwhile.
    pub fn resume(&self) {
        self.0.resume();
    }
}

#[wasm_bindgen]
impl DbPort {
    /// Watches what a query finds; arguments as for [`find`](Self::find). Calls `listener(docs, added, changed, removed)`: documents, the indexes
    /// of new ones and of changed ones, and those that are gone; or, at the end, `listener(error)`.
    pub fn watch(
        &self,
        collection: &str,
        asked: &JsValue,
        wide: bool,
        patterns: Option<Array>,
        parts: &JsValue,
        listener: Function,
    ) -> Result<LivePort, JsValue> {
        let collection = self.collection(collection)?;
        let Asked {
            query,
            spec,
            include,
        } = self.asked(asked, wide, patterns, parts)?;
        let no_live = || Error::invalid("watch is not available in a transaction");
        let live = self.live.as_ref().ok_or_else(no_live).map_err(thrown)?;
        live.watch_with(&collection, query, spec, include, Box::new(Ear(listener)))
            .map(LivePort)
            .map_err(thrown)
    }
}

/// A function that is told.
struct Ear(Function);

impl Listener for Ear {
    fn tell(&self, change: Change) -> LocalBoxFuture<'static, Result<()>> {
        tell(self.0.clone(), change).boxed_local()
    }

    fn end(&self, error: &Error) {
        // The facade's callback only queues the listener; it does not throw.
        let _ = self.0.call1(&JsValue::UNDEFINED, &errors::to_js(error));
    }
}

async fn tell(listener: Function, change: Change) -> Result<()> {
    let env = host::env();
    let mut docs = Collector::default();
    let mut removed = Collector::default();
    let mut until_ms = env.monotonic_ms() + SLICE_MS;
    let all = change.docs().map(|doc| (true, doc));
    let all = all.chain(change.removed.iter().map(|doc| (false, doc)));
    for (at, (is_there, doc)) in all.enumerate() {
        if is_there {
            docs.value(doc)?;
        } else {
            removed.value(doc)?;
        }
        if at % DOCS_PER_LOOK == DOCS_PER_LOOK - 1 && env.monotonic_ms() > until_ms {
            env.yield_now().await;
            until_ms = env.monotonic_ms() + SLICE_MS;
        }
    }
    let told = Array::of4(
        &docs.finish()?,
        &indexes(&change.added)?,
        &indexes(&change.changed)?,
        &removed.finish()?,
    );
    // (As above.)
    let _ = listener.apply(&JsValue::UNDEFINED, &told);
    Ok(())
}

/// An array of these numbers: as text, like all that is handed out.
fn indexes(numbers: &[u32]) -> Result<JsValue> {
    let mut text = Vec::with_capacity(numbers.len() * 4 + 2);
    text.push(b'[');
    for (at, number) in numbers.iter().enumerate() {
        if at > 0 {
            text.push(b',');
        }
        text.extend_from_slice(number.to_string().as_bytes());
    }
    text.push(b']');
    decode::parse(&text)
}
