//! Dotted paths into documents.

use crate::codec::js_string::{JsStr, JsString};
use crate::codec::value::Form;
use crate::codec::value::fields::{FieldName, Fields, Items, field};
use crate::error::Result;

/// A field of a query, a sort or a projection. A property of that very name is meant first;
/// else, at every dot, one level down: into the property of an object, or, for an index
/// written as JavaScript does, to the position of an array.
#[derive(Debug, Clone)]
pub struct Path {
    pub(super) whole: FieldName,
    pub(super) steps: Vec<Step>,
}

/// One level of a dotted path.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// The property of an object.
    pub(super) name: FieldName,
    /// The position in an array.
    index: Option<usize>,
}

impl Path {
    /// Takes a field apart.
    #[must_use]
    pub fn new(field: JsStr<'_>) -> Self {
        let bytes = field.as_bytes();
        let steps = if bytes.contains(&b'.') {
            // A dot is a byte of its own in WTF-8, and no surrogates meet across it.
            bytes
                .split(|&byte| byte == b'.')
                .map(|part| Step::new(JsStr::trusted(part)))
                .collect()
        } else {
            Vec::new()
        };
        Self {
            whole: FieldName::new(field),
            steps,
        }
    }

    /// The whole field as one name.
    #[must_use]
    pub fn whole(&self) -> &FieldName {
        &self.whole
    }

    /// Whether it may reach into something, so that what it finds need not be a property of the document.
    #[must_use]
    pub const fn is_dotted(&self) -> bool {
        !self.steps.is_empty()
    }

    /// What is in the text of every JSON document that has the text `value` at the path.
    #[must_use]
    pub fn text_of(&self, value: &[u8]) -> Vec<u8> {
        if self.steps.is_empty() {
            [self.whole.quoted(), b":", value].concat()
        } else {
            value.to_vec()
        }
    }

    /// The value at the path; `None` when there is none.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn find<'a>(&self, doc: Form<'a>) -> Result<Option<Form<'a>>> {
        let Some((first, deeper)) = self.steps.split_first() else {
            return field(doc, &self.whole);
        };
        let Some(mut fields) = Fields::of(doc)? else {
            return Ok(None);
        };
        let mut start = None;
        while let Some((name, value)) = fields.next()? {
            if name.is(&self.whole) {
                return Ok(Some(value));
            }
            if name.is(&first.name) {
                start = Some(value);
            }
        }
        let mut at = start;
        for step in deeper {
            let Some(form) = at else { return Ok(None) };
            at = step.of(form)?;
        }
        Ok(at)
    }
}

impl Step {
    fn new(name: JsStr<'_>) -> Self {
        Self {
            index: index(name.as_bytes()),
            name: FieldName::new(name),
        }
    }

    pub(super) fn of<'a>(&self, form: Form<'a>) -> Result<Option<Form<'a>>> {
        let Some(index) = self.index else {
            return field(form, &self.name);
        };
        let Some(mut items) = Items::of(form)? else {
            return field(form, &self.name);
        };
        for _ in 0..index {
            if items.next()?.is_none() {
                return Ok(None);
            }
        }
        items.next()
    }
}

/// An array index in its one spelling.
#[must_use]
pub fn index(name: &[u8]) -> Option<usize> {
    let canonical = name == b"0" || matches!(name.first(), Some(b'1'..=b'9'));
    let text = std::str::from_utf8(name).ok()?;
    text.parse::<u32>()
        .ok()
        .filter(|_| canonical)
        .and_then(|n| usize::try_from(n).ok())
}

impl From<&JsString> for Path {
    fn from(field: &JsString) -> Self {
        Self::new(field.as_js())
    }
}
