//! What browsers throw and report, in our terms.

use js_sys::Reflect;
use std::any::Any;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use web_sys::{IdbRequest, IdbTransaction};

use crate::backend::Failure;
use crate::error::{Code, Error};

/// The name of an exception, empty if it has none.
pub(super) fn name(exception: &JsValue) -> String {
    text(exception, "name")
}

fn text(exception: &JsValue, property: &str) -> String {
    let value = Reflect::get(exception, &property.into()).ok();
    value
        .and_then(|value| value.as_string())
        .unwrap_or_default()
}

/// "Name: message", for people.
pub(super) fn describe(exception: &JsValue) -> String {
    match (name(exception), text(exception, "message")) {
        (name, message) if message.is_empty() => name,
        (name, message) => format!("{name}: {message}"),
    }
}

/// The exception itself, to travel along as a cause.
pub(super) fn cause(exception: &JsValue) -> Rc<dyn Any> {
    Rc::new(exception.clone())
}

/// Whether an exception means that there is no room. Engines agree on `QuotaExceededError` for
/// the origin's quota, but report a full disk under names and messages of their own.
pub(super) fn is_quota(exception: &JsValue) -> bool {
    let name = name(exception);
    if name.contains("Quota") || name.contains("QUOTA") || name.contains("NO_DEVICE_SPACE") {
        return true;
    }
    let message = text(exception, "message").to_ascii_lowercase();
    [
        "disk is full",
        "disk full",
        "no space left",
        "out of disk",
        "quota",
    ]
    .iter()
    .any(|hint| message.contains(hint))
}

/// A transaction that a thrown exception prevented.
pub(super) fn thrown(exception: &JsValue) -> Failure {
    if is_quota(exception) {
        Failure::Quota(Some(cause(exception)))
    } else if name(exception) == "RangeError" {
        // What engines throw where a buffer is asked for that they have no memory for.
        Failure::Memory(describe(exception))
    } else {
        Failure::Aborted(describe(exception), Some(cause(exception)))
    }
}

/// Why a transaction aborted. The engines disagree on where the reason is: the request that
/// failed has it in all of them, the transaction only in some, and those of its requests
/// that were merely swept along say `AbortError`.
pub(super) fn abort_reason(
    transaction: &IdbTransaction,
    requests: &[IdbRequest],
) -> Option<JsValue> {
    let of_requests = requests
        .iter()
        .filter_map(|request| request.error().ok().flatten());
    let all = of_requests.chain(transaction.error());
    all.map(JsValue::from)
        .find(|exception| name(exception) != "AbortError")
}

/// Why a database could not be opened.
pub(super) fn not_opened(database_name: &str, exception: &JsValue) -> Error {
    let reason = describe(exception);
    let (code, message) = if name(exception) == "VersionError" {
        let message = format!("the database \"{database_name}\" is of a later version: {reason}");
        (Code::UnsupportedFormat, message)
    } else if is_quota(exception) {
        let message = format!("no room to create the database \"{database_name}\": {reason}");
        (Code::StorageQuotaExceeded, message)
    } else {
        (
            Code::Unavailable,
            format!("IndexedDB refused to open \"{database_name}\": {reason}"),
        )
    };
    Error::new(code, message).with_cause(cause(exception))
}
