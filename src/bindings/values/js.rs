//! The pieces of JavaScript that the walkers call, where what they call may throw.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// Own enumerable string keys; a proxy's traps may throw.
    #[wasm_bindgen(catch, js_namespace = Object, js_name = keys)]
    pub fn own_keys(object: &JsValue) -> Result<Array, JsValue>;

    /// The members of a Set, or the pairs of a Map.
    #[wasm_bindgen(catch, js_namespace = Array, js_name = from)]
    pub fn members(iterable: &JsValue) -> Result<Array, JsValue>;

    /// Defines an own property, whatever its name means to assignment.
    #[wasm_bindgen(catch, js_namespace = Object, js_name = defineProperty)]
    pub fn define_property(
        object: &JsValue,
        name: &JsValue,
        descriptor: &JsValue,
    ) -> Result<JsValue, JsValue>;

    /// The part of a buffer that a view shows.
    #[wasm_bindgen(js_name = Uint8Array)]
    pub type Window;
    #[wasm_bindgen(catch, constructor, js_class = "Uint8Array")]
    pub fn over_part(
        buffer: &JsValue,
        byte_offset: f64,
        byte_length: f64,
    ) -> Result<Window, JsValue>;
    #[wasm_bindgen(catch, constructor, js_class = "Uint8Array")]
    pub fn over_all(buffer: &JsValue) -> Result<Window, JsValue>;

    /// A Blob on its way out.
    pub type Blob;
    #[wasm_bindgen(catch, constructor)]
    pub fn new(parts: &Array, options: &JsValue) -> Result<Blob, JsValue>;

    #[wasm_bindgen(catch, method, js_name = slice)]
    fn part_of(this: &Blob, start: f64, end: f64, media_type: &JsValue)
    -> Result<JsValue, JsValue>;

    /// A File on its way out.
    pub type File;
    #[wasm_bindgen(catch, constructor)]
    pub fn new(parts: &Array, name: &JsValue, options: &JsValue) -> Result<File, JsValue>;

    /// A bigint of a text such as "0x1f".
    #[wasm_bindgen(catch, js_name = BigInt)]
    pub fn big_int(text: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_namespace = ["Date", "prototype", "getTime"], js_name = call)]
    fn time_of(date: &JsValue) -> f64;
}

/// A part of a Blob, of another type.
///
/// # Errors
/// What the platform throws.
pub fn slice(blob: &Blob, start: f64, end: f64, media_type: &JsValue) -> Result<JsValue, JsValue> {
    blob.part_of(start, end, media_type)
}

/// The time value of a Date.
#[must_use]
pub fn date_ms(date: &JsValue) -> f64 {
    time_of(date)
}

/// The bytes that a view shows.
///
/// # Errors
/// What the platform throws: its buffer is detached, or has shrunk.
pub fn view_bytes(view: &JsValue) -> Result<Vec<u8>, JsValue> {
    let number = |name: &str| -> Result<f64, JsValue> {
        Ok(js_sys::Reflect::get(view, &name.into())?
            .as_f64()
            .unwrap_or(f64::NAN))
    };
    let buffer = js_sys::Reflect::get(view, &"buffer".into())?;
    let window = Window::over_part(&buffer, number("byteOffset")?, number("byteLength")?)?;
    Ok(window.unchecked_into::<Uint8Array>().to_vec())
}

/// The bytes of a buffer.
///
/// # Errors
/// What the platform throws: it is detached.
pub fn buffer_bytes(buffer: &JsValue) -> Result<Vec<u8>, JsValue> {
    Ok(Window::over_all(buffer)?
        .unchecked_into::<Uint8Array>()
        .to_vec())
}
