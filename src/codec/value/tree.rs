//! Stored values as trees, for operations that slices do not support.

use super::exact::{Attached, BlobRef, BytesKind, ExactWriter};
use crate::codec::js_string::JsString;
use crate::error::Result;
use crate::record::{ContentHash, Id};
use bytes::Bytes;

/// A bigint: sign and magnitude.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BigInt {
    /// Whether it is below zero; false for zero.
    pub negative: bool,
    /// The magnitude, little-endian, without trailing zero bytes.
    pub magnitude: Vec<u8>,
}

/// A value. `==` is structural; [`compare`](super::compare) has the equality of queries.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `undefined`, which also stands for an absent field.
    Undefined,
    /// `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A bigint.
    BigInt(BigInt),
    /// A string.
    String(JsString),
    /// The time value of a Date.
    Date(f64),
    /// A buffer or a view of one.
    Bytes(BytesKind, Vec<u8>),
    /// A Blob: type and content.
    Blob(JsString, Vec<u8>),
    /// A File.
    File {
        /// Its `name`.
        name: JsString,
        /// Its `type`.
        media_type: JsString,
        /// Its `lastModified`, ms.
        modified_ms: f64,
        /// Its bytes.
        content: Vec<u8>,
    },
    /// A Blob or File beside the value.
    Attached {
        /// Its random name, which identifies its content.
        id: Id,
        /// Its size, in bytes.
        size: u64,
        /// Its `type`.
        media_type: JsString,
        /// For a File: its `name` and its `lastModified`, ms.
        file: Option<(JsString, f64)>,
    },
    /// A reference to a content.
    BlobRef {
        /// The SHA-256 of the content.
        hash: ContentHash,
        /// The size of the content, in bytes.
        size: u64,
        /// A MIME type.
        media_type: JsString,
    },
    /// An array.
    Array(Vec<Value>),
    /// An object: its properties in order.
    Object(Vec<(JsString, Value)>),
    /// A Map: its entries in order.
    Map(Vec<(Value, Value)>),
    /// A Set: its elements in order.
    Set(Vec<Value>),
}

impl Value {
    /// Encodes the value in the exact form.
    ///
    /// # Errors
    /// `NotStorable` if it is nested too deeply.
    pub fn encode(&self) -> Result<Bytes> {
        let mut writer = ExactWriter::new();
        self.write(&mut writer)?;
        writer.finish()
    }

    /// Writes the value as one node.
    ///
    /// # Errors
    /// `NotStorable` if it is nested too deeply.
    pub fn write(&self, out: &mut ExactWriter) -> Result<()> {
        match self {
            Self::Undefined => out.undefined(),
            Self::Null => out.null(),
            Self::Bool(value) => out.bool(*value),
            Self::Number(value) => out.number(*value),
            Self::BigInt(value) => out.bigint(value.negative, &value.magnitude),
            Self::String(text) => out.string(text.as_js()),
            Self::Date(time) => out.date(*time),
            Self::Bytes(kind, content) => out.bytes(*kind, content),
            Self::Blob(media_type, content) => out.blob(media_type.as_js(), content),
            Self::File {
                name,
                media_type,
                modified_ms,
                content,
            } => {
                out.file(name.as_js(), media_type.as_js(), *modified_ms, content);
            }
            Self::Attached {
                id,
                size,
                media_type,
                file,
            } => out.attached(&Attached {
                id: *id,
                size: *size,
                media_type: media_type.as_js(),
                file: file.as_ref().map(|(name, ms)| (name.as_js(), *ms)),
            }),
            Self::BlobRef {
                hash,
                size,
                media_type,
            } => out.blob_ref(&BlobRef {
                hash: *hash,
                size: *size,
                media_type: media_type.as_js(),
            }),
            _ => return self.write_container(out),
        }
        Ok(())
    }

    fn write_container(&self, out: &mut ExactWriter) -> Result<()> {
        match self {
            Self::Array(items) => {
                out.begin_array(items.len())?;
                items.iter().try_for_each(|item| item.write(out))?;
            }
            Self::Set(items) => {
                out.begin_set(items.len())?;
                items.iter().try_for_each(|item| item.write(out))?;
            }
            Self::Object(properties) => {
                out.begin_object(properties.len())?;
                for (name, value) in properties {
                    out.key(name.as_js());
                    value.write(out)?;
                }
            }
            Self::Map(entries) => {
                out.begin_map(entries.len())?;
                for (key, value) in entries {
                    key.write(out)?;
                    value.write(out)?;
                }
            }
            _ => return Ok(()),
        }
        out.end();
        Ok(())
    }
}
