//! The kinds of buffers and views.

use crate::error::{Error, Result};

/// An `ArrayBuffer` or a kind of view. Stored values contain the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum BytesKind {
    /// `ArrayBuffer`.
    ArrayBuffer = 0,
    /// `DataView`.
    DataView = 1,
    /// `Int8Array`.
    Int8 = 2,
    /// `Uint8Array`.
    Uint8 = 3,
    /// `Uint8ClampedArray`.
    Uint8Clamped = 4,
    /// `Int16Array`.
    Int16 = 5,
    /// `Uint16Array`.
    Uint16 = 6,
    /// `Int32Array`.
    Int32 = 7,
    /// `Uint32Array`.
    Uint32 = 8,
    /// `Float16Array`.
    Float16 = 9,
    /// `Float32Array`.
    Float32 = 10,
    /// `Float64Array`.
    Float64 = 11,
    /// `BigInt64Array`.
    BigInt64 = 12,
    /// `BigUint64Array`.
    BigUint64 = 13,
}

impl BytesKind {
    /// Every kind, ordered by number.
    pub const ALL: [Self; 14] = [
        Self::ArrayBuffer,
        Self::DataView,
        Self::Int8,
        Self::Uint8,
        Self::Uint8Clamped,
        Self::Int16,
        Self::Uint16,
        Self::Int32,
        Self::Uint32,
        Self::Float16,
        Self::Float32,
        Self::Float64,
        Self::BigInt64,
        Self::BigUint64,
    ];

    /// The kind with a stored number.
    ///
    /// # Errors
    /// `Corrupt` if there is none.
    pub fn from_number(number: u8) -> Result<Self> {
        Self::ALL
            .get(usize::from(number))
            .copied()
            .ok_or_else(|| Error::corrupt("a stored value contains an unknown kind of buffer"))
    }

    /// The kind's number in stored values.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The name of the kind's constructor in JavaScript.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ArrayBuffer => "ArrayBuffer",
            Self::DataView => "DataView",
            Self::Int8 => "Int8Array",
            Self::Uint8 => "Uint8Array",
            Self::Uint8Clamped => "Uint8ClampedArray",
            Self::Int16 => "Int16Array",
            Self::Uint16 => "Uint16Array",
            Self::Int32 => "Int32Array",
            Self::Uint32 => "Uint32Array",
            Self::Float16 => "Float16Array",
            Self::Float32 => "Float32Array",
            Self::Float64 => "Float64Array",
            Self::BigInt64 => "BigInt64Array",
            Self::BigUint64 => "BigUint64Array",
        }
    }

    /// The size of one element, in bytes. Lengths are multiples of it.
    #[must_use]
    pub fn element_bytes(self) -> usize {
        match self {
            Self::ArrayBuffer | Self::DataView | Self::Int8 | Self::Uint8 | Self::Uint8Clamped => 1,
            Self::Int16 | Self::Uint16 | Self::Float16 => 2,
            Self::Int32 | Self::Uint32 | Self::Float32 => 4,
            Self::Float64 | Self::BigInt64 | Self::BigUint64 => 8,
        }
    }
}
