//! Reads the exact form, event by event.

use super::super::MAX_DEPTH;
use super::skip::{short, take_array, take_byte, take_bytes, take_length, take_varint};
use super::{BytesKind, tag};
use crate::codec::js_string::JsStr;
use crate::error::{Error, Result};
use crate::record::{ContentHash, Id};

/// A Blob or File whose bytes are stored beside the value, not in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attached<'a> {
    /// Its random name, which identifies its content.
    pub id: Id,
    /// Its size, in bytes.
    pub size: u64,
    /// Its `type`.
    pub media_type: JsStr<'a>,
    /// For a File: its `name` and its `lastModified`, ms.
    pub file: Option<(JsStr<'a>, f64)>,
}

/// A reference to a content of the patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobRef<'a> {
    /// The SHA-256 of the content.
    pub hash: ContentHash,
    /// The size of the content, in bytes.
    pub size: u64,
    /// A MIME type.
    pub media_type: JsStr<'a>,
}

/// An element of a value. A container yields its length, then its elements, then [`Event::End`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event<'a> {
    /// `null`.
    Null,
    /// `undefined`.
    Undefined,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A bigint: its sign and magnitude.
    BigInt {
        /// Whether it is below zero.
        negative: bool,
        /// Little-endian, without trailing zero bytes; empty for zero.
        magnitude: &'a [u8],
    },
    /// A string.
    String(JsStr<'a>),
    /// The time value of a Date.
    Date(f64),
    /// A buffer or a view. Its length is a multiple of the kind's element size.
    Bytes(BytesKind, &'a [u8]),
    /// A Blob.
    Blob {
        /// Its `type`.
        media_type: JsStr<'a>,
        /// Its bytes.
        content: &'a [u8],
    },
    /// A File.
    File {
        /// Its `name`.
        name: JsStr<'a>,
        /// Its `type`.
        media_type: JsStr<'a>,
        /// Its `lastModified`, ms.
        modified_ms: f64,
        /// Its bytes.
        content: &'a [u8],
    },
    /// A Blob or File beside the value.
    Attached(Attached<'a>),
    /// A reference to a content.
    BlobRef(BlobRef<'a>),
    /// An array of that many elements.
    Array(usize),
    /// An object of that many properties, each an [`Event::Key`] and a value.
    Object(usize),
    /// A Map of that many entries, each two values.
    Map(usize),
    /// A Set of that many elements.
    Set(usize),
    /// The name of a property; its value comes next.
    Key(JsStr<'a>),
    /// The end of the innermost container.
    End,
}

struct Open {
    left: usize,
    named: bool,
    key_read: bool,
}

/// Reads one node. Checks everything: malformed bytes yield `Corrupt`.
pub struct ExactReader<'a> {
    rest: &'a [u8],
    open: Vec<Open>,
    begun: bool,
}

impl<'a> ExactReader<'a> {
    /// Reads `node`, the node of a [`Form::Exact`](super::super::Form::Exact).
    #[must_use]
    pub fn new(node: &'a [u8]) -> Self {
        Self {
            rest: node,
            open: Vec::new(),
            begun: false,
        }
    }

    /// How many bytes have not been read yet.
    pub(in crate::codec::value) fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next event; `None` after the whole value.
    ///
    /// # Errors
    /// `Corrupt` if the bytes are malformed, or if any follow the value.
    #[expect(
        clippy::should_implement_trait,
        reason = "fallible, and ends in a check"
    )]
    pub fn next(&mut self) -> Result<Option<Event<'a>>> {
        match self.open.last_mut() {
            None if !self.begun => self.begun = true,
            None if self.rest.is_empty() => return Ok(None),
            None => return Err(Error::corrupt("a stored value has trailing bytes")),
            Some(Open { left: 0, .. }) => {
                self.open.pop();
                return Ok(Some(Event::End));
            }
            Some(
                open @ Open {
                    named: true,
                    key_read: false,
                    ..
                },
            ) => {
                open.key_read = true;
                return Ok(Some(Event::Key(JsStr::from_wtf8(take_bytes(
                    &mut self.rest,
                )?)?)));
            }
            Some(open) => {
                open.key_read = false;
                open.left -= 1;
            }
        }
        self.node().map(Some)
    }

    fn node(&mut self) -> Result<Event<'a>> {
        Ok(match take_byte(&mut self.rest)? {
            tag::NULL => Event::Null,
            tag::UNDEFINED => Event::Undefined,
            tag::FALSE => Event::Bool(false),
            tag::TRUE => Event::Bool(true),
            tag::NUMBER => Event::Number(self.f64()?),
            tag::INTEGER => Event::Number(self.integer()?),
            tag::BIGINT => self.bigint()?,
            tag::STRING => Event::String(self.text()?),
            tag::DATE => Event::Date(self.f64()?),
            tag::BYTES => self.bytes()?,
            tag::BLOB => Event::Blob {
                media_type: self.text()?,
                content: take_bytes(&mut self.rest)?,
            },
            tag::FILE => Event::File {
                name: self.text()?,
                media_type: self.text()?,
                modified_ms: self.f64()?,
                content: take_bytes(&mut self.rest)?,
            },
            tag::ATTACHED_BLOB => Event::Attached(self.attached()?),
            tag::ATTACHED_FILE => Event::Attached(Attached {
                file: Some((self.text()?, self.f64()?)),
                ..self.attached()?
            }),
            tag::BLOB_REF => Event::BlobRef(BlobRef {
                hash: take_array(&mut self.rest)?,
                size: take_varint(&mut self.rest)?,
                media_type: self.text()?,
            }),
            tag::ARRAY => Event::Array(self.begin(1, 1, false)?),
            tag::SET => Event::Set(self.begin(1, 1, false)?),
            tag::MAP => Event::Map(self.begin(2, 2, false)?),
            tag::OBJECT => Event::Object(self.begin(2, 1, true)?),
            _ => return Err(Error::corrupt("a stored value contains an unknown tag")),
        })
    }

    fn begin(&mut self, least_bytes: usize, nodes_each: usize, named: bool) -> Result<usize> {
        if self.open.len() == MAX_DEPTH {
            return Err(Error::corrupt("a stored value is nested too deeply"));
        }
        let count = take_length(&mut self.rest, least_bytes)?;
        self.open.push(Open {
            left: count * nodes_each,
            named,
            key_read: false,
        });
        Ok(count)
    }

    fn f64(&mut self) -> Result<f64> {
        Ok(f64::from_le_bytes(take_array(&mut self.rest)?))
    }

    fn text(&mut self) -> Result<JsStr<'a>> {
        JsStr::from_wtf8(take_bytes(&mut self.rest)?)
    }

    fn attached(&mut self) -> Result<Attached<'a>> {
        Ok(Attached {
            id: Id(take_array(&mut self.rest)?),
            size: take_varint(&mut self.rest)?,
            media_type: self.text()?,
            file: None,
        })
    }

    fn integer(&mut self) -> Result<f64> {
        let zigzag = take_varint(&mut self.rest)?;
        let value = (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed();
        if value.unsigned_abs() > 1 << 53 {
            return Err(Error::corrupt("a stored integer is out of range"));
        }
        Ok(value as f64)
    }

    fn bigint(&mut self) -> Result<Event<'a>> {
        let negative = take_byte(&mut self.rest)?;
        let magnitude = take_bytes(&mut self.rest)?;
        let canonical = match magnitude.last() {
            None => negative == 0,
            Some(&last) => negative <= 1 && last != 0,
        };
        if !canonical {
            return Err(Error::corrupt("a stored bigint is malformed"));
        }
        Ok(Event::BigInt {
            negative: negative == 1,
            magnitude,
        })
    }

    fn bytes(&mut self) -> Result<Event<'a>> {
        let kind = BytesKind::from_number(take_byte(&mut self.rest)?)?;
        let content = take_bytes(&mut self.rest)?;
        if content.len() % kind.element_bytes() != 0 {
            return Err(short());
        }
        Ok(Event::Bytes(kind, content))
    }
}
