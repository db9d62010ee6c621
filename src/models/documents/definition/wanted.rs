//! What somebody wants to be defined of a collection.

use super::{Index, OnDelete, Reference, Sequence, flag};
use crate::codec::js_string::{JsStr, JsString};
use crate::codec::value::Value;
use crate::error::{Code, Error, Result};
use crate::limits;

/// The longest stored value that is taken apart.
const MAX_BYTES: usize = 1 << 20;
/// References, and sequences, of one collection.
pub const MAX_FIELDS_EACH: usize = 64;

/// What an index is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexSpec {
    /// The fields (dotted paths too), from the one that sorts first.
    pub fields: Vec<JsString>,
    /// Whether no two documents have the same values in them.
    pub unique: bool,
    /// Whether it has an entry for each element of an array.
    pub multi: bool,
}

impl IndexSpec {
    /// The flags of such an index.
    #[must_use]
    pub const fn flags(&self) -> u8 {
        (if self.unique { flag::UNIQUE } else { 0 }) | (if self.multi { flag::MULTI } else { 0 })
    }

    /// Whether an index is over the same fields and of the same kind.
    #[must_use]
    pub fn is(&self, index: &Index) -> bool {
        index.fields == self.fields && index.flags & (flag::UNIQUE | flag::MULTI) == self.flags()
    }
}

/// A whole definition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Its indexes.
    pub indexes: Vec<IndexSpec>,
    /// Its references, whose indexes are still to be found.
    pub references: Vec<Reference>,
    /// Its sequences.
    pub sequences: Vec<Sequence>,
}

impl Wanted {
    /// Takes it from a stored value: `{indexes?: [{fields: string[], unique?, multi?}],
    /// references?: {path: {collection, onDelete?}}, sequences?: {path: {per?}}}`.
    ///
    /// # Errors
    /// `InvalidArgument`, which says what is wrong; `LimitExceeded`; `Corrupt`.
    pub fn decode(stored: &[u8]) -> Result<Self> {
        limits::within("a definition", stored.len(), MAX_BYTES)?;
        let mut wanted = Self::default();
        for (name, part) in object(Value::decode(stored)?, "a definition")? {
            match (name.as_js().as_str(), part) {
                (_, Value::Undefined) => {}
                (Some("indexes"), Value::Array(indexes)) => {
                    wanted.indexes = indexes.into_iter().map(index).collect::<Result<_>>()?;
                }
                (Some("references"), references) => {
                    for (field, of) in object(references, "references")? {
                        wanted.references.push(reference(field, of)?);
                    }
                }
                (Some("sequences"), sequences) => {
                    for (field, of) in object(sequences, "sequences")? {
                        wanted.sequences.push(sequence(field, of)?);
                    }
                }
                _ => return Err(malformed("a definition", name.as_js())),
            }
        }
        wanted.check()?;
        Ok(wanted)
    }

    /// What no definition may have; the rest is checked with what it becomes.
    fn check(&self) -> Result<()> {
        each_once(
            "index",
            &mut self.indexes.iter().map(|index| &index.fields[..]),
        )?;
        let fields = |field| std::slice::from_ref(field);
        let references = self.references.iter().map(|of| fields(&of.field));
        each_once("reference", &mut references.into_iter())?;
        let sequences = self.sequences.iter().map(|of| fields(&of.field));
        each_once("sequence", &mut sequences.into_iter())?;
        let is_own = |field: &JsString| {
            let own = field.as_js().as_str();
            matches!(own, Some("_id" | "_created" | "_updated"))
        };
        let nulled = self.references.iter();
        let nulled = nulled.filter(|of| of.on_delete == OnDelete::SetNull);
        let numbered = self.sequences.iter().map(|of| &of.field);
        if let Some(field) = numbered
            .chain(nulled.map(|of| &of.field))
            .find(|f| is_own(f))
        {
            return Err(Error::invalid(format!(
                "\"{}\" can be neither a sequence nor set to null",
                field.as_js().to_display()
            )));
        }
        match self.references.len().max(self.sequences.len()) > MAX_FIELDS_EACH {
            true => Err(Error::new(
                Code::LimitExceeded,
                format!("a collection has {MAX_FIELDS_EACH} references and sequences each at most"),
            )),
            false => Ok(()),
        }
    }
}

fn each_once(what: &str, all: &mut dyn Iterator<Item = &[JsString]>) -> Result<()> {
    let mut before: Vec<&[JsString]> = Vec::new();
    for fields in all {
        if before.contains(&fields) {
            let names: Vec<_> = fields
                .iter()
                .map(|name| name.as_js().to_display())
                .collect();
            return Err(Error::invalid(format!(
                "a definition has the {what} \"{}\" twice",
                names.join(", ")
            )));
        }
        before.push(fields);
    }
    Ok(())
}

fn index(value: Value) -> Result<IndexSpec> {
    const WHAT: &str = "an index of a definition";
    let mut spec = IndexSpec {
        fields: Vec::new(),
        unique: false,
        multi: false,
    };
    for (name, part) in object(value, WHAT)? {
        match (name.as_js().as_str(), part) {
            (Some("unique" | "multi"), Value::Undefined) => {}
            (Some("fields"), Value::Array(fields)) => {
                let fields = fields.into_iter().map(|field| text(field, WHAT));
                spec.fields = fields.collect::<Result<_>>()?;
            }
            (Some("unique"), Value::Bool(unique)) => spec.unique = unique,
            (Some("multi"), Value::Bool(multi)) => spec.multi = multi,
            _ => return Err(malformed(WHAT, name.as_js())),
        }
    }
    Ok(spec)
}

fn reference(field: JsString, value: Value) -> Result<Reference> {
    const WHAT: &str = "a reference of a definition";
    let mut found = Reference {
        field,
        collection: JsString::default(),
        on_delete: OnDelete::Restrict,
        flags: 0,
        index: 0,
    };
    for (name, part) in object(value, WHAT)? {
        match (name.as_js().as_str(), part) {
            (Some("onDelete"), Value::Undefined) => {}
            (Some("collection"), part) => found.collection = text(part, WHAT)?,
            (Some("onDelete"), part) => {
                found.on_delete = match text(part, WHAT)?.as_js().as_str() {
                    Some("restrict") => OnDelete::Restrict,
                    Some("cascade") => OnDelete::Cascade,
                    Some("set-null") => OnDelete::SetNull,
                    _ => return Err(malformed(WHAT, name.as_js())),
                }
            }
            _ => return Err(malformed(WHAT, name.as_js())),
        }
    }
    Ok(found)
}

fn sequence(field: JsString, value: Value) -> Result<Sequence> {
    const WHAT: &str = "a sequence of a definition";
    let mut found = Sequence {
        field,
        flags: 0,
        per: None,
    };
    for (name, part) in object(value, WHAT)? {
        match (name.as_js().as_str(), part) {
            (Some("per"), Value::Undefined) => {}
            (Some("per"), part) => found.per = Some(text(part, WHAT)?),
            _ => return Err(malformed(WHAT, name.as_js())),
        }
    }
    Ok(found)
}

fn object(value: Value, what: &str) -> Result<Vec<(JsString, Value)>> {
    match value {
        Value::Object(fields) => Ok(fields),
        _ => Err(Error::invalid(format!("{what} is not a plain object"))),
    }
}

fn text(value: Value, what: &str) -> Result<JsString> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(Error::invalid(format!("{what} names what is no string"))),
    }
}

fn malformed(what: &str, name: JsStr<'_>) -> Error {
    Error::invalid(format!(
        "{what} has a malformed or unknown \"{}\"",
        name.to_display()
    ))
}
