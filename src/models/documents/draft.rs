//! How documents are put together, and the three properties that every one begins with.

use bytes::Bytes;

use crate::blobs;
use crate::codec::js_string::JsStr;
use crate::codec::js_string::json::write_quoted;
use crate::codec::value::fields::{ObjectBuilder, RawName};
use crate::codec::value::{EXACT, ExactWriter, Form, JSON, Value, attached};
use crate::error::Result;
use crate::limits::{self, MAX_VALUE_BYTES};

/// Room for the names and times of the three properties.
pub(super) const META_BYTES: usize = 96;
pub(super) const ID: &str = "_id";
pub(super) const CREATED: &str = "_created";
pub(super) const UPDATED: &str = "_updated";

/// Whether a property is one of the three.
pub(super) fn is_meta(name: RawName<'_>) -> bool {
    name.is_plain(ID) || name.is_plain(CREATED) || name.is_plain(UPDATED)
}

/// A document under construction, in the form of an object that goes into it.
pub(super) struct Draft {
    object: ObjectBuilder,
    exact: bool,
}

impl Draft {
    /// Begins a document with its three properties; `id` and `created` are of the form `like`.
    pub fn new(
        like: Form<'_>,
        id: Form<'_>,
        created: Form<'_>,
        now_ms: f64,
        room: usize,
    ) -> Result<Self> {
        let exact = matches!(like, Form::Exact(_));
        // Once as it grows, once as it is stored.
        limits::room_for(room + META_BYTES)?;
        let mut draft = Self {
            object: ObjectBuilder::like(like, room + META_BYTES),
            exact,
        };
        let updated = draft.time(now_ms)?;
        draft.object.push(draft.name(ID), id)?;
        draft.object.push(draft.name(CREATED), created)?;
        draft
            .object
            .push(draft.name(UPDATED), draft.form(&updated))?;
        Ok(draft)
    }

    /// Appends a property.
    pub fn push(&mut self, name: RawName<'_>, value: Form<'_>) -> Result<()> {
        self.object.push(name, value)
    }

    fn name(&self, plain: &'static str) -> RawName<'static> {
        match (self.exact, plain) {
            (true, _) => RawName::Exact(plain.as_bytes()),
            (false, ID) => RawName::Json(b"\"_id\""),
            (false, CREATED) => RawName::Json(b"\"_created\""),
            (false, _) => RawName::Json(b"\"_updated\""),
        }
    }

    fn form<'a>(&self, bytes: &'a [u8]) -> Form<'a> {
        if self.exact {
            Form::Exact(bytes)
        } else {
            Form::Json(bytes)
        }
    }

    fn time(&self, now_ms: f64) -> Result<Vec<u8>> {
        time(self.exact, now_ms)
    }

    /// The stored document.
    ///
    /// # Errors
    /// `LimitExceeded` when it has become too large.
    pub fn finish(self) -> Result<Bytes> {
        let node = self.object.finish();
        within(node.len())?;
        Ok(stored(self.exact, &node))
    }
}

pub(super) fn within(bytes: usize) -> Result<()> {
    limits::within("the document", bytes, MAX_VALUE_BYTES)
}

/// A stored value out of a node of its form.
pub(super) fn stored(exact: bool, node: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(node.len() + 2);
    if exact {
        out.extend([EXACT, attached::version_of(node)]);
    } else {
        out.push(JSON);
    }
    out.extend_from_slice(node);
    blobs::held(out.into())
}

/// A whole number of milliseconds as a node of either form.
pub(super) fn time(exact: bool, ms: f64) -> Result<Vec<u8>> {
    let whole = ms.floor();
    if exact {
        node_of(&Value::Number(whole))
    } else {
        Ok((whole as i64).to_string().into_bytes())
    }
}

/// A string as a node of either form.
pub(super) fn text(exact: bool, text: JsStr<'_>) -> Result<Vec<u8>> {
    if exact {
        return node_of(&Value::String(text.to_owned()));
    }
    let mut out = Vec::new();
    write_quoted(text, &mut out);
    Ok(out)
}

fn node_of(value: &Value) -> Result<Vec<u8>> {
    let mut writer = ExactWriter::headless();
    value.write(&mut writer)?;
    Ok(writer.finish()?.to_vec())
}

pub(super) fn as_form(bytes: &[u8], exact: bool) -> Form<'_> {
    if exact {
        Form::Exact(bytes)
    } else {
        Form::Json(bytes)
    }
}
