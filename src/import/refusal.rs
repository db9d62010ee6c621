//! The reasons for not reading a database.

use js_sys::Array;
use wasm_bindgen::JsValue;

/// An error for the facade: its code, its message, and the platform's error.
#[derive(Debug)]
pub struct Refusal(&'static str, String, JsValue);

impl Refusal {
    /// There is no database of that name.
    pub fn absent(name: &str) -> Self {
        let message = format!("there is no database \"{name}\"");
        Self("InvalidArgument", message, JsValue::UNDEFINED)
    }

    /// The database exists, but its layout is different.
    pub fn shape(name: &str, what: &str) -> Self {
        let message = format!("the database \"{name}\" is not in the plain layout: {what}");
        Self("UnsupportedFormat", message, JsValue::UNDEFINED)
    }

    /// The database was upgraded or deleted by another connection.
    pub fn moved(name: &str) -> Self {
        let message = format!("the database \"{name}\" was upgraded or deleted during the import");
        Self("Blocked", message, JsValue::UNDEFINED)
    }

    /// The browser refuses to open or read the database.
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
    /// The array `[code, message, cause]`, from which the facade makes its error.
    fn from(Refusal(code, message, cause): Refusal) -> Self {
        Array::of3(&code.into(), &message.into(), &cause).into()
    }
}
