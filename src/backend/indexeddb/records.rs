//! How keys and records look in IndexedDB.

use bytes::Bytes;
use js_sys::{Array, ArrayBuffer, Uint8Array};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::schema;
use crate::backend::{Id, RecordKey};
use crate::blobs::{self, Blob};
use crate::crossing;
use crate::limits;

/// The bytes of a value; `None` for none. What is not bytes reads as no bytes at all, which
/// no format accepts. They may be an array of another realm, where IndexedDB is an imitation.
///
/// # Errors
/// What engines throw where there is no memory for a buffer: somebody with more has stored it.
pub(super) fn bytes_of(value: &JsValue) -> Result<Option<Bytes>, JsValue> {
    if value.is_undefined() {
        return Ok(None);
    }
    if Array::is_array(value) {
        return with_blobs(value.unchecked_ref()).map(Some);
    }
    if !ArrayBuffer::is_view(value.unchecked_ref()) {
        return Ok(Some(Bytes::new()));
    }
    let array: &Uint8Array = value.unchecked_ref();
    limits::room_for(array.length() as usize)
        .map_err(|error| js_sys::RangeError::new(error.message()))?;
    Ok(Some(array.to_vec().into()))
}

/// A record that is an array: its bytes, and the Blobs that they name.
///
/// # Errors
/// As [`bytes_of`].
fn with_blobs(parts: &Array) -> Result<Bytes, JsValue> {
    let bytes = parts.get(0);
    let bytes = if Array::is_array(&bytes) {
        Bytes::new()
    } else {
        bytes_of(&bytes)?.unwrap_or_default()
    };
    let beside = parts.iter().skip(1).map(|blob| Rc::new(blob) as Blob);
    // No bytes at all are accepted by no format.
    Ok(blobs::offered(bytes, beside.collect()).unwrap_or_default())
}

/// A number of the log.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "keys end at 2^53"
)]
pub(super) fn number_of(value: &JsValue) -> Option<u64> {
    value.as_f64().map(|number| number as u64)
}

/// The record of a piece that has Blobs is an array of its bytes and these; any other is its bytes.
///
/// # Errors
/// What JavaScript throws when it has no room for it; a text, when a Blob is missing.
pub(super) fn js_record(bytes: &Bytes) -> Result<JsValue, JsValue> {
    let record = crossing::bytes(bytes)?.into();
    if !blobs::any(bytes) {
        return Ok(record);
    }
    let beside = blobs::all(bytes).map_err(|error| error.message().to_owned())?;
    let parts = Array::of1(&record);
    for blob in beside {
        parts.push(blob.downcast_ref().unwrap_or(&JsValue::UNDEFINED));
    }
    Ok(parts.into())
}

#[expect(clippy::cast_precision_loss, reason = "numbers end at 2^53")]
pub(super) fn js_number(number: u64) -> JsValue {
    JsValue::from_f64(number as f64)
}

pub(super) fn js_key(key: RecordKey) -> JsValue {
    match key {
        RecordKey::Head => schema::HEAD_KEY.into(),
        RecordKey::Root => schema::ROOT_KEY.into(),
        RecordKey::Frame(number) => js_number(number),
        RecordKey::Run(id) | RecordKey::Piece(id) => id.to_string().into(),
    }
}

pub(super) fn id_of(key: &JsValue) -> Option<Id> {
    let digits = key.as_string()?;
    let is_id = digits.len() == 32 && digits.is_ascii();
    let number = u128::from_str_radix(&digits, 16).ok().filter(|_| is_id)?;
    Some(Id(number.to_be_bytes()))
}
