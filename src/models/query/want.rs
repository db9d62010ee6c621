//! What one field of a query has to equal.

use crate::codec::js_string::JsString;
use crate::codec::js_string::json::write_quoted;
use crate::codec::value::compare::equal;
use crate::codec::value::exact::tag;
use crate::codec::value::{ExactWriter, Form, Value};
use crate::error::Result;
use crate::limits::MAX_TREE_BYTES;

/// The value that a field has to equal, ready to be compared with slices of documents.
#[derive(Debug, Clone)]
pub enum Want {
    /// `undefined`: the field is absent or undefined.
    Undefined,
    /// `null`, a boolean or a string: one spelling in either form.
    Literal {
        /// Its JSON text.
        json: Vec<u8>,
        /// Its node.
        exact: Vec<u8>,
    },
    /// A number, and its JSON text where that is known.
    Number(f64, Option<Vec<u8>>),
    /// Anything else, and its text if the query came as JSON.
    Tree(Box<Value>, Option<Vec<u8>>),
}

impl Want {
    /// Prepares a value of a query.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn new(wanted: Form<'_>) -> Result<Self> {
        let text = match wanted {
            Form::Json(text) => Some(text.to_vec()),
            Form::Exact(_) => None,
        };
        Ok(match Value::of_form(wanted)? {
            Value::Undefined => Self::Undefined,
            Value::Number(number) => Self::Number(number, text.or_else(|| integer_text(number))),
            value @ (Value::Null | Value::Bool(_) | Value::String(_)) => Self::Literal {
                json: text.unwrap_or_else(|| literal_text(&value)),
                exact: literal_node(&value)?,
            },
            value => Self::Tree(Box::new(value), text),
        })
    }

    /// Whether what was found (`None`: nothing) equals it.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn is(&self, found: Option<Form<'_>>) -> Result<bool> {
        let Some(found) = found else {
            return Ok(matches!(self, Self::Undefined));
        };
        match (self, found) {
            (Self::Undefined, _) => Ok(found.is_undefined()),
            (Self::Literal { json, .. }, Form::Json(text)) => Ok(text == &json[..]),
            (Self::Literal { exact, .. }, Form::Exact(node)) => Ok(node == &exact[..]),
            (Self::Number(_, Some(json)), Form::Json(text)) => Ok(text == &json[..]),
            (Self::Number(number, _), Form::Exact([tag::BIGINT, ..])) => {
                Ok(equal(&Value::Number(*number), &Value::of_form(found)?))
            }
            (Self::Number(number, _), _) => Ok(found
                .number()?
                .is_some_and(|found| found == *number || (found.is_nan() && number.is_nan()))),
            (Self::Tree(_, Some(json)), Form::Json(text)) if text == &json[..] => Ok(true),
            // Texts of equal values differ in the order of properties alone.
            (Self::Tree(_, Some(json)), Form::Json(text)) if text.len() != json.len() => Ok(false),
            (Self::Tree(tree, _), _) => {
                Ok(may_equal(tree, found) && equal(tree, &Value::of_form(found)?))
            }
        }
    }

    /// The one text that equals it in JSON documents, where there is only one.
    #[must_use]
    pub fn text(&self) -> Option<&[u8]> {
        match self {
            Self::Literal { json, .. } | Self::Number(_, Some(json)) => Some(json),
            _ => None,
        }
    }

    /// The value that is wanted, as a node of the exact form.
    ///
    /// # Errors
    /// `NotStorable` if it is nested too deeply.
    pub fn node(&self) -> Result<Vec<u8>> {
        match self {
            Self::Undefined => literal_node(&Value::Undefined),
            Self::Literal { exact, .. } => Ok(exact.clone()),
            Self::Number(number, _) => literal_node(&Value::Number(*number)),
            Self::Tree(tree, _) => literal_node(tree),
        }
    }

    /// The string that is wanted, if it is one.
    #[must_use]
    pub fn string(&self) -> Option<JsString> {
        match self {
            Self::Literal { json, .. } => Form::Json(json).string().ok().flatten(),
            _ => None,
        }
    }
}

/// Whether something can be equal, as far as can be told without its tree: by its kind, and its size. (A query is
/// smaller than [`MAX_TREE_BYTES`] by more than two spellings of one value can differ.)
fn may_equal(wanted: &Value, found: Form<'_>) -> bool {
    if matches!(wanted, Value::Attached { .. }) {
        // By its name alone, whether it is a File or not.
        let tags = [tag::ATTACHED_BLOB, tag::ATTACHED_FILE];
        return matches!(found, Form::Exact([tag, ..]) if tags.contains(tag));
    }
    let kinds: &[u8] = match wanted {
        Value::BigInt(_) => return is_number(found),
        Value::Date(_) => &[tag::DATE],
        Value::Bytes(..) | Value::Blob(..) | Value::File { .. } => {
            &[tag::BYTES, tag::BLOB, tag::FILE]
        }
        Value::Array(_) => &[tag::ARRAY],
        Value::Object(_) => &[tag::OBJECT],
        Value::Map(_) => &[tag::MAP],
        Value::BlobRef { .. } => &[tag::BLOB_REF],
        _ => &[tag::SET],
    };
    let is_of_kind = match found {
        Form::Json([b'[', ..]) => kinds == [tag::ARRAY],
        Form::Json([b'{', ..]) => kinds == [tag::OBJECT],
        Form::Json(_) => false,
        Form::Exact([tag, ..]) => kinds.contains(tag),
        Form::Exact([]) => false,
    };
    is_of_kind && found.as_bytes().len() <= MAX_TREE_BYTES
}

/// Whether it is a number or a bigint, no longer than one that is worth comparing.
fn is_number(found: Form<'_>) -> bool {
    let is_of_kind = match found {
        Form::Json([first, ..]) => matches!(first, b'-' | b'0'..=b'9'),
        Form::Exact([tag, ..]) => [tag::NUMBER, tag::INTEGER, tag::BIGINT].contains(tag),
        _ => false,
    };
    is_of_kind && found.as_bytes().len() <= MAX_TREE_BYTES
}

/// The text of a whole number; of others only JavaScript knows the spelling.
fn integer_text(number: f64) -> Option<Vec<u8>> {
    let exact = number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0;
    exact.then(|| (number as i64).to_string().into_bytes())
}

fn literal_text(value: &Value) -> Vec<u8> {
    match value {
        Value::Bool(true) => b"true".to_vec(),
        Value::Bool(false) => b"false".to_vec(),
        Value::String(text) => {
            let mut out = Vec::new();
            write_quoted(text.as_js(), &mut out);
            out
        }
        _ => b"null".to_vec(),
    }
}

fn literal_node(value: &Value) -> Result<Vec<u8>> {
    let mut writer = ExactWriter::headless();
    value.write(&mut writer)?;
    Ok(writer.finish()?.to_vec())
}
