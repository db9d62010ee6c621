//! The kinds of values, as the facade tells them apart.

use wasm_bindgen::prelude::*;

use crate::bindings::hooks::Hooks;

/// The numbers are those of `src/facade/shape.ts`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Cannot be stored.
    Refused,
    /// `undefined`.
    Undefined,
    /// `null`.
    Null,
    /// A boolean.
    Boolean,
    /// A number.
    Number,
    /// A bigint.
    BigInt,
    /// A string.
    String,
    /// An array.
    Array,
    /// A plain object.
    Object,
    /// A Map.
    Map,
    /// A Set.
    Set,
    /// A Date.
    Date,
    /// An ArrayBuffer.
    ArrayBuffer,
    /// A typed array or a DataView.
    View,
    /// A Blob that is no File.
    Blob,
    /// A File.
    File,
}

impl Shape {
    const ALL: [Self; 16] = [
        Self::Refused,
        Self::Undefined,
        Self::Null,
        Self::Boolean,
        Self::Number,
        Self::BigInt,
        Self::String,
        Self::Array,
        Self::Object,
        Self::Map,
        Self::Set,
        Self::Date,
        Self::ArrayBuffer,
        Self::View,
        Self::Blob,
        Self::File,
    ];

    /// The kind of a value.
    ///
    /// # Errors
    /// What a proxy's traps throw.
    pub fn of(value: &JsValue, hooks: &Hooks) -> Result<Self, JsValue> {
        let number = hooks.shape_of.call1(&JsValue::UNDEFINED, value)?.as_f64();
        let found = Self::ALL
            .into_iter()
            .find(|shape| number == Some(f64::from(*shape as u8)));
        Ok(found.unwrap_or(Self::Refused))
    }
}
