//! The properties of stored objects as slices, for both forms.

use super::exact::{skip_node, tag, take_text};
use super::json::{Elements, Members, member};
use super::{Form, json};
use std::borrow::Cow;

use crate::codec::io::put_bytes;
use crate::codec::js_string::json::{read_quoted, write_quoted};
use crate::codec::js_string::{JsStr, JsString};
use crate::error::{Error, Result};

/// The name of a property, encoded for both forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldName {
    text: JsString,
    quoted: Vec<u8>,
}

impl FieldName {
    /// Encodes a name.
    #[must_use]
    pub fn new(text: JsStr<'_>) -> Self {
        let mut quoted = Vec::new();
        write_quoted(text, &mut quoted);
        Self {
            text: text.to_owned(),
            quoted,
        }
    }

    /// The name as a string.
    #[must_use]
    pub fn text(&self) -> JsStr<'_> {
        self.text.as_js()
    }

    /// The JSON text of the name, with its quotes.
    #[must_use]
    pub fn quoted(&self) -> &[u8] {
        &self.quoted
    }

    /// The bytes of the name in an object of that form, comparable with [`RawName::as_bytes`].
    #[must_use]
    pub fn as_bytes_in(&self, form: Form<'_>) -> &[u8] {
        match form {
            Form::Json(_) => unquoted(&self.quoted),
            Form::Exact(_) => self.text.as_bytes(),
        }
    }
}

/// The name of a property as stored in an object.
#[derive(Debug, Clone, Copy)]
pub enum RawName<'a> {
    /// A JSON string with its quotes.
    Json(&'a [u8]),
    /// WTF-8.
    Exact(&'a [u8]),
}

impl<'a> RawName<'a> {
    /// The bytes of the name; for JSON, with escapes and without quotes. Names of one form are equal if these are.
    #[must_use]
    pub fn as_bytes(self) -> &'a [u8] {
        match self {
            Self::Json(quoted) => unquoted(quoted),
            Self::Exact(text) => text,
        }
    }

    /// Whether the name equals `name`.
    #[must_use]
    pub fn is(self, name: &FieldName) -> bool {
        match self {
            Self::Json(quoted) => quoted == &name.quoted[..],
            Self::Exact(text) => text == name.text.as_bytes(),
        }
    }

    /// Whether the name equals `name`, which must not need escapes.
    #[must_use]
    pub fn is_plain(self, name: &str) -> bool {
        match self {
            Self::Json([b'"', inner @ .., b'"']) => inner == name.as_bytes(),
            Self::Json(_) => false,
            Self::Exact(text) => text == name.as_bytes(),
        }
    }

    /// Decodes the name.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn read(self) -> Result<JsString> {
        match self {
            Self::Json(quoted) => read_quoted(quoted),
            Self::Exact(text) => JsString::from_wtf8(text.to_vec()),
        }
    }
}

fn unquoted(quoted: &[u8]) -> &[u8] {
    match quoted {
        [b'"', inner @ .., b'"'] => inner,
        _ => quoted,
    }
}

/// Iterates over the properties of a stored object.
#[derive(Clone)]
pub enum Fields<'a> {
    /// The properties of JSON text.
    Json(Members<'a>),
    /// The properties of the exact form: the remaining bytes, and the number of remaining properties.
    Exact(&'a [u8], usize),
}

impl<'a> Fields<'a> {
    /// The properties of a value; `None` if it is not a plain object.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn of(form: Form<'a>) -> Result<Option<Self>> {
        Ok(match form {
            Form::Json(text) => Members::of(text).map(Self::Json),
            Form::Exact([tag::OBJECT, rest @ ..]) => {
                let mut rest = rest;
                let count = super::exact::take_length(&mut rest, 2)?;
                Some(Self::Exact(rest, count))
            }
            Form::Exact(_) => None,
        })
    }

    /// The next property; `None` after the last.
    ///
    /// # Errors
    /// `Corrupt`.
    #[expect(clippy::should_implement_trait, reason = "fallible")]
    pub fn next(&mut self) -> Result<Option<(RawName<'a>, Form<'a>)>> {
        match self {
            Self::Json(members) => Ok(members
                .next()?
                .map(|(name, value)| (RawName::Json(name), Form::Json(value)))),
            Self::Exact(_, 0) => Ok(None),
            Self::Exact(rest, left) => {
                *left -= 1;
                let name = take_text(rest)?;
                Ok(Some((RawName::Exact(name), Form::Exact(skip_node(rest)?))))
            }
        }
    }
}

/// The value of a property; `None` if there is none or the value is not an object.
///
/// # Errors
/// `Corrupt`.
pub fn field<'a>(form: Form<'a>, name: &FieldName) -> Result<Option<Form<'a>>> {
    if let Form::Json(text) = form {
        return Ok(member(text, &name.quoted)?.map(Form::Json));
    }
    let Some(mut fields) = Fields::of(form)? else {
        return Ok(None);
    };
    while let Some((found, value)) = fields.next()? {
        if found.is(name) {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// Iterates over the elements of a stored array.
pub enum Items<'a> {
    /// The elements of JSON text.
    Json(Elements<'a>),
    /// The elements of the exact form: the remaining bytes, and the number of remaining elements.
    Exact(&'a [u8], usize),
}

impl<'a> Items<'a> {
    /// The elements of a value; `None` if it is not an array.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn of(form: Form<'a>) -> Result<Option<Self>> {
        Ok(match form {
            Form::Json(text) => Elements::of(text).map(Self::Json),
            Form::Exact([tag::ARRAY, rest @ ..]) => {
                let mut rest = rest;
                let count = super::exact::take_length(&mut rest, 1)?;
                Some(Self::Exact(rest, count))
            }
            Form::Exact(_) => None,
        })
    }

    /// The next element; `None` after the last.
    ///
    /// # Errors
    /// `Corrupt`.
    #[expect(clippy::should_implement_trait, reason = "fallible")]
    pub fn next(&mut self) -> Result<Option<Form<'a>>> {
        match self {
            Self::Json(elements) => Ok(elements.next()?.map(Form::Json)),
            Self::Exact(_, 0) => Ok(None),
            Self::Exact(rest, left) => {
                *left -= 1;
                Ok(Some(Form::Exact(skip_node(rest)?)))
            }
        }
    }
}

impl<'a> Form<'a> {
    /// Whether the value is `undefined`.
    #[must_use]
    pub fn is_undefined(self) -> bool {
        matches!(self, Self::Exact([tag::UNDEFINED]))
    }

    /// The value as a string; `None` if it is not a string.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn string(self) -> Result<Option<JsString>> {
        match self {
            Self::Json(text @ [b'"', ..]) => read_quoted(text).map(Some),
            Self::Exact([tag::STRING, rest @ ..]) => {
                let mut rest = rest;
                JsString::from_wtf8(take_text(&mut rest)?.to_vec()).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The value as a string's WTF-8, without a copy where it is stored as such; `None` if it is not a string.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn text(self) -> Result<Option<Cow<'a, [u8]>>> {
        match self {
            Self::Json(text @ [b'"', ..]) if text.contains(&b'\\') => {
                Ok(Some(Cow::Owned(read_quoted(text)?.into_bytes())))
            }
            Self::Json([b'"', inner @ .., b'"']) => {
                JsStr::from_wtf8(inner)?;
                Ok(Some(Cow::Borrowed(inner)))
            }
            Self::Exact([tag::STRING, rest @ ..]) => {
                let mut rest = rest;
                let text = take_text(&mut rest)?;
                JsStr::from_wtf8(text)?;
                Ok(Some(Cow::Borrowed(text)))
            }
            _ => Ok(None),
        }
    }

    /// The value as a number; `None` if it is not a number.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn number(self) -> Result<Option<f64>> {
        match self {
            Self::Json(text @ [b'-' | b'0'..=b'9', ..]) => json::parse_number(text).map(Some),
            Self::Exact([tag::NUMBER | tag::INTEGER, ..]) => match super::Value::of_form(self)? {
                super::Value::Number(number) => Ok(Some(number)),
                _ => Err(Error::corrupt("a stored number is malformed")),
            },
            _ => Ok(None),
        }
    }
}

/// Builds an object of either form from slices of properties.
pub enum ObjectBuilder {
    /// JSON text without its closing brace.
    Json(Vec<u8>),
    /// The properties in the exact form, and their number.
    Exact(Vec<u8>, u64),
}

impl ObjectBuilder {
    /// Begins an object in the form of `like`, with capacity for that many bytes.
    #[must_use]
    pub fn like(like: Form<'_>, capacity: usize) -> Self {
        let out = Vec::with_capacity(capacity);
        match like {
            Form::Json(_) => Self::Json(out),
            Form::Exact(_) => Self::Exact(out, 0),
        }
    }

    /// Appends a property. Its name and value must be in the object's form.
    ///
    /// # Errors
    /// `Internal` if they are not.
    pub fn push(&mut self, name: RawName<'_>, value: Form<'_>) -> Result<()> {
        match (self, name, value) {
            (Self::Json(out), RawName::Json(name), Form::Json(value)) => {
                out.push(if out.is_empty() { b'{' } else { b',' });
                out.extend_from_slice(name);
                out.push(b':');
                out.extend_from_slice(value);
            }
            (Self::Exact(out, count), RawName::Exact(name), Form::Exact(value)) => {
                *count += 1;
                put_bytes(out, name);
                out.extend_from_slice(value);
            }
            _ => return Err(Error::internal("an object mixes two forms of values")),
        }
        Ok(())
    }

    /// The object's text or node, without the tag of a stored value.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        match self {
            Self::Json(mut out) => {
                if out.is_empty() {
                    out.push(b'{');
                }
                out.push(b'}');
                out
            }
            Self::Exact(properties, count) => {
                let mut out = Vec::with_capacity(properties.len() + 4);
                out.push(tag::OBJECT);
                crate::codec::io::put_varint(&mut out, count);
                out.extend_from_slice(&properties);
                out
            }
        }
    }
}
