//! What JavaScript could not create.

use js_sys::Reflect;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use crate::error::{Code, Error};

/// The error for a value that JavaScript could not create. `cause` is what was thrown: an exception of the platform,
/// which lacks the memory or the class, or a `PatchStoreError` of the facade.
#[must_use]
pub fn refused(cause: JsValue) -> Error {
    let text = |property: &str| {
        let value = Reflect::get(&cause, &property.into()).ok();
        value.and_then(|value| value.as_string())
    };
    let code = match text("code").or_else(|| text("name")).as_deref() {
        Some("Corrupt" | "SyntaxError") => Code::Corrupt,
        // JavaScript engines throw RangeError if there is no memory for a buffer or a string.
        Some("LimitExceeded" | "RangeError") => Code::LimitExceeded,
        _ => Code::Unavailable,
    };
    Error::new(code, text("message").unwrap_or_default()).with_cause(Rc::new(cause))
}
