//! Why a database is not read.

use js_sys::Array;
use wasm_bindgen::JsValue;

/// A code of the facade's errors, what to say, and the platform's own error.
#[derive(Debug)]
pub struct Refusal(&'static str, String, JsValue);

impl Refusal {
    /// The call named no such database.
    pub fn absent(name: &str) -> Self {
        let message = format!("there is no database \"{name}\"");
        Self("InvalidArgument", message, JsValue::UNDEFINED)
    }

    /// The database is there, and of another shape.
    pub fn shape(name: &str, what: &str) -> Self {
        let message = format!("the database \"{name}\" is not in the plain layout: {what}");
        Self("UnsupportedFormat", message, JsValue::UNDEFINED)
    }

    /// Somebody else upgrades or deletes it.
    pub fn moved(name: &str) -> Self {
        let message = format!("the database \"{name}\" was upgraded or deleted during the import");
        Self("Blocked", message, JsValue::UNDEFINED)
    }

    /// The browser refuses.
    pub fn failed(name: &str, error: &idb::Error) -> Self {
        let message = format!("the database \"{name}\" cannot be read: {error}");
        Self("Unavailable", message, cause(error))
    }
}

fn cause(error: &idb::Error) -> JsValue {
    match error {
        idb::Error::DomException(exception) => exception.clone().into(),
        idb::Error::IndexedDbOpenFailed(thrown) | idb::Error::TransactionOpenFailed(thrown) => {
            thrown.clone()
        }
        _ => JsValue::UNDEFINED,
    }
}

impl From<Refusal> for JsValue {
    /// The three as an array: the facade makes its error of them.
    fn from(Refusal(code, message, cause): Refusal) -> Self {
        Array::of3(&code.into(), &message.into(), &cause).into()
    }
}
