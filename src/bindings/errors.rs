//! Errors as JavaScript sees them.

use wasm_bindgen::prelude::*;

use super::hooks::hooks;
use super::strings;
use crate::codec::js_string::JsString;
use crate::error::Error;

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
    arguments.push(&ids_of(error));
    hooks
        .make_error
        .apply(&JsValue::UNDEFINED, &arguments)
        .unwrap_or_else(|thrown| thrown)
}

/// The ids that it names; undefined: none.
fn ids_of(error: &Error) -> JsValue {
    let ids = error.ids();
    if ids.is_empty() {
        return JsValue::UNDEFINED;
    }
    let text = |id: &Vec<u8>| {
        let id = JsString::from_wtf8(id.clone()).and_then(|id| strings::to_js(id.as_js()));
        id.unwrap_or(JsValue::UNDEFINED)
    };
    ids.iter().map(text).collect::<js_sys::Array>().into()
}

fn cause_of(error: &Error) -> JsValue {
    let cause = error
        .cause()
        .and_then(|cause| cause.downcast_ref::<JsValue>());
    cause.cloned().unwrap_or(JsValue::UNDEFINED)
}
