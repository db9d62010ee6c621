//! Errors as JavaScript sees them.

use js_sys::Reflect;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::hooks::hooks;
use crate::error::{Code, Error};

/// The error as a `PatchStoreError`, which the facade creates; a plain `Error` before the facade has registered.
#[must_use]
pub fn to_js(error: &Error) -> JsValue {
    let Some(hooks) = hooks() else {
        return js_sys::Error::new(&error.to_string()).into();
    };
    let (usage, quota) = match error.usage_and_quota() {
        Some((usage, quota)) => (usage.into(), quota.into()),
        None => (JsValue::UNDEFINED, JsValue::UNDEFINED),
    };
    let arguments = js_sys::Array::of5(
        &error.code().name().into(),
        &error.message().into(),
        &error.code().remedy().into(),
        &error.path().map_or(JsValue::UNDEFINED, JsValue::from_str),
        &usage,
    );
    arguments.push(&quota);
    arguments.push(&cause_of(error));
    hooks
        .make_error
        .apply(&JsValue::UNDEFINED, &arguments)
        .unwrap_or_else(|thrown| thrown)
}

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

fn cause_of(error: &Error) -> JsValue {
    let cause = error
        .cause()
        .and_then(|cause| cause.downcast_ref::<JsValue>());
    cause.cloned().unwrap_or(JsValue::UNDEFINED)
}
