//! Bytes and texts on their way into JavaScript. Copying them takes memory there: where it has none left, it
//! throws, and an uncaught exception unwinds the wasm and ends the engine.

use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = Uint8Array)]
    type Copied;
    #[wasm_bindgen(catch, constructor, js_class = "Uint8Array")]
    fn new(bytes: &[u8]) -> Result<Copied, JsValue>;

    #[wasm_bindgen(catch, js_name = String)]
    fn string(text: &str) -> Result<JsValue, JsValue>;
}

/// An array of exactly these bytes: a view of wasm memory would share, and store, all of that memory.
///
/// # Errors
/// What JavaScript throws when it has no room for it.
pub fn bytes(bytes: &[u8]) -> Result<Uint8Array, JsValue> {
    Copied::new(bytes).map(JsCast::unchecked_into)
}

/// A string of this text.
///
/// # Errors
/// What JavaScript throws when it has no room for it.
pub fn text(text: &str) -> Result<JsValue, JsValue> {
    string(text)
}
