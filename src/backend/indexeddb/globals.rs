//! What the realm offers, window or worker alike; looked up when it is needed.

use js_sys::Reflect;
use wasm_bindgen::JsValue;

/// A property of the global object; `undefined` when absent.
///
/// # Errors
/// What the getter throws.
pub(super) fn global(name: &str) -> Result<JsValue, JsValue> {
    Reflect::get(&js_sys::global(), &name.into())
}

/// A property of a property of the global object; `None` when any of them is missing or throws.
pub(super) fn path(names: &[&str]) -> Option<JsValue> {
    let mut value: JsValue = js_sys::global().into();
    for name in names {
        value = Reflect::get(&value, &(*name).into()).ok()?;
        if value.is_undefined() || value.is_null() {
            return None;
        }
    }
    Some(value)
}
