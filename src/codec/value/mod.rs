//! Stored values: the encodings of JavaScript values.
//!
//! ```text
//! 0x01 text                  JSON text in UTF-8, byte for byte as JSON.stringify wrote it; only
//!                            for values that JSON represents exactly
//! 0x02 0x01 node             the exact binary form, version 1
//! 0x02 0x02 node             the same, with Blobs beside it
//! 0x02 0x03 node             the same, with references to contents (0x04: with both)
//! ```
//!
//! A node of the exact form is a tag and the fields that follow it. `n` is a LEB128 varint, `bytes` an `n`
//! followed by that many bytes, `text` a `bytes` in WTF-8, and `f64` eight bytes, little-endian.
//!
//! ```text
//! 0x00  null          0x01  undefined        0x02  false        0x03  true
//! 0x04  f64           a number
//! 0x05  n             an integer, zigzag: (i << 1) ^ (i >> 63); |i| <= 2^53, never -0
//! 0x06  sign bytes    a bigint: sign 0x00 or 0x01 (negative); magnitude little-endian, its last
//!                     byte not zero; zero is 0x00 and no bytes
//! 0x07  text          a string
//! 0x08  f64           a Date: ms since the epoch, or NaN
//! 0x09  kind bytes    a buffer or a view of one: kinds in [`BytesKind`]; little-endian elements
//! 0x0A  text bytes    a Blob: type, content
//! 0x0B  text text f64 bytes    a File: name, type, lastModified, content
//! 0x0C  n node*       an array of n elements
//! 0x0D  n (text node)*         an object of n properties, in order
//! 0x0E  n (node node)*         a Map of n entries, in order
//! 0x0F  n node*       a Set of n elements, in order
//! 0x10  id n text     a Blob beside the value: its name (16 bytes), its size, its type
//! 0x11  text f64 id n text     a File beside the value: name, lastModified, then as for a Blob
//! 0x12  hash n text   a reference to a content: its SHA-256 (32 bytes), its size, a type
//! ```
//!
//! Containers nest to at most [`MAX_DEPTH`] levels.

use bytes::Bytes;

use crate::error::{Error, Result};

pub mod attached;
pub mod cited;
pub mod compare;
pub mod exact;
pub mod fields;
pub mod json;
pub mod json_tree;
pub mod tree;
mod tree_of;

pub use crate::codec::kinds::value::{
    EXACT, EXACT_ATTACHED, EXACT_BOTH, EXACT_CITING, EXACT_VERSION, JSON,
};
pub use exact::{Attached, BlobRef, BytesKind, Event, ExactReader, ExactWriter};
pub use tree::{BigInt, Value};

/// The most levels of nested containers.
pub const MAX_DEPTH: usize = 1000;

/// The two forms of a stored value, without their tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form<'a> {
    /// JSON text.
    Json(&'a [u8]),
    /// A node of the exact form.
    Exact(&'a [u8]),
}

impl<'a> Form<'a> {
    /// Determines the form of a stored value.
    ///
    /// # Errors
    /// `Corrupt` if it is too short, `UnsupportedFormat` for a form of a newer version.
    pub fn of(stored: &'a [u8]) -> Result<Self> {
        match stored {
            [JSON, text @ ..] => Ok(Self::Json(text)),
            [EXACT, EXACT_VERSION..=EXACT_BOTH, node @ ..] => Ok(Self::Exact(node)),
            [] | [EXACT] => Err(Error::corrupt("a stored value is truncated")),
            [tag, ..] => Err(Error::unsupported(format!(
                "a stored value has an unknown form ({tag:#04x})"
            ))),
        }
    }

    /// The bytes of the text or the node.
    #[must_use]
    pub fn as_bytes(self) -> &'a [u8] {
        let (Self::Json(bytes) | Self::Exact(bytes)) = self;
        bytes
    }
}

/// The stored value for a JSON text.
#[must_use]
pub fn from_json(text: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(text.len() + 1);
    out.push(JSON);
    out.extend_from_slice(text);
    out.into()
}

#[cfg(test)]
pub(crate) mod testing;
