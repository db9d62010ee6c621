//! The record of a collection in the catalog.
//!
//! ```text
//! 01 · tags (`codec/tags`):
//!   2 indexes     varint n, each: varint number · 1 flags · varint fields · fields × bytes path
//!                 flags: 01 unique, 02 multi, 04 building, 08 of createIndex, 10 of the definition, 20 of a reference,
//!                 40 leaves when the build ends
//!   4 references  varint n, each: bytes path · bytes collection · 1 onDelete (0 restrict, 1 cascade, 2 set-null)
//!                 · 1 flags (04 building, 40 leaves) · varint number of its index
//!   6 sequences   varint n, each: bytes path · 1 flags (01 per, 04 building, 40 leaves) · (01: bytes path)
//!   8 build       varint number of the build that is under way
//! ```
//!
//! Another first byte, flags, onDelete and needed tags that are unknown are `UnsupportedFormat`: somebody else keeps something
//! that this library cannot keep.

use bytes::Bytes;

use super::{Definition, Index, OnDelete, Reference, Sequence, flag};
use crate::codec::io::{Input, later, put_bytes, put_varint};
use crate::codec::js_string::JsString;
use crate::codec::tags::{Tags, number};
use crate::error::{Error, Result};

const WHAT: &str = "definition of a collection";
const VERSION: u8 = 1;
const INDEXES: u64 = 2;
const REFERENCES: u64 = 4;
const SEQUENCES: u64 = 6;
const BUILD: u64 = 8;

impl Definition {
    /// The record's bytes.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut tags = self.more.clone();
        let mut list = |tag, count: usize, write: &mut dyn FnMut(&mut Vec<u8>)| {
            if count > 0 {
                let mut payload = Vec::new();
                put_varint(&mut payload, count as u64);
                write(&mut payload);
                tags.add(tag, &payload);
            }
        };
        list(INDEXES, self.indexes.len(), &mut |out| {
            for index in &self.indexes {
                put_varint(out, index.number);
                out.push(index.flags);
                put_varint(out, index.fields.len() as u64);
                for field in &index.fields {
                    put_bytes(out, field.as_bytes());
                }
            }
        });
        list(REFERENCES, self.references.len(), &mut |out| {
            for reference in &self.references {
                put_bytes(out, reference.field.as_bytes());
                put_bytes(out, reference.collection.as_bytes());
                out.extend([reference.on_delete as u8, reference.flags]);
                put_varint(out, reference.index);
            }
        });
        list(SEQUENCES, self.sequences.len(), &mut |out| {
            for sequence in &self.sequences {
                put_bytes(out, sequence.field.as_bytes());
                let per = sequence.per.as_ref();
                out.push(sequence.flags | per.map_or(0, |_| flag::PER));
                if let Some(per) = per {
                    put_bytes(out, per.as_bytes());
                }
            }
        });
        if let Some(build) = self.build {
            let mut payload = Vec::new();
            put_varint(&mut payload, build);
            tags.add(BUILD, &payload);
        }
        let mut out = vec![VERSION];
        tags.put(&mut out);
        out.into()
    }

    /// Decodes a record.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat`.
    pub fn decode(record: Bytes) -> Result<Self> {
        let mut more = tags(record)?;
        let mut found = Self::default();
        each(more.take(INDEXES), &mut |input| {
            found.indexes.push(index(input)?);
            Ok(())
        })?;
        each(more.take(REFERENCES), &mut |input| {
            found.references.push(reference(input)?);
            Ok(())
        })?;
        each(more.take(SEQUENCES), &mut |input| {
            found.sequences.push(sequence(input)?);
            Ok(())
        })?;
        let build = more.take(BUILD);
        found.build = build.map(|build| number(&build, WHAT)).transpose()?;
        more.needs(&[], WHAT)?;
        found.more = more;
        Ok(found)
    }

    /// The number of the build that is under way by a record, of which nothing else is decoded.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat`.
    pub fn build_in(record: Bytes) -> Result<Option<u64>> {
        let tags = tags(record)?;
        let build = tags.find(BUILD).map(|build| number(build, WHAT));
        build.transpose()
    }
}

fn tags(record: Bytes) -> Result<Tags> {
    let mut input = Input::new(record, WHAT);
    if input.u8()? != VERSION {
        return Err(later(WHAT));
    }
    let tags = Tags::read(&mut input)?;
    input.end()?;
    Ok(tags)
}

/// Reads what a list has.
fn each(payload: Option<Bytes>, read: &mut dyn FnMut(&mut Input) -> Result<()>) -> Result<()> {
    let Some(payload) = payload else {
        return Ok(());
    };
    let mut input = Input::new(payload, WHAT);
    for _ in 0..input.count()? {
        read(&mut input)?;
    }
    input.end()
}

fn index(input: &mut Input) -> Result<Index> {
    let (number, flags) = (input.varint()?, flags(input, flag::OF_INDEX)?);
    let count = input.count()?;
    let fields: Vec<JsString> = (0..count).map(|_| text(input)).collect::<Result<_>>()?;
    if fields.is_empty() {
        return Err(Error::corrupt("an index has no field"));
    }
    Ok(Index {
        number,
        flags,
        fields,
    })
}

fn reference(input: &mut Input) -> Result<Reference> {
    let (field, collection) = (text(input)?, text(input)?);
    let on_delete = match input.u8()? {
        0 => OnDelete::Restrict,
        1 => OnDelete::Cascade,
        2 => OnDelete::SetNull,
        _ => return Err(later(WHAT)),
    };
    Ok(Reference {
        field,
        collection,
        on_delete,
        flags: flags(input, flag::OF_REFERENCES)?,
        index: input.varint()?,
    })
}

fn sequence(input: &mut Input) -> Result<Sequence> {
    let field = text(input)?;
    let flags = flags(input, flag::OF_SEQUENCE)?;
    let per = flags & flag::PER != 0;
    Ok(Sequence {
        field,
        flags: flags & !flag::PER,
        per: per.then(|| text(input)).transpose()?,
    })
}

fn flags(input: &mut Input, known: u8) -> Result<u8> {
    match input.u8()? {
        flags if flags & !known == 0 => Ok(flags),
        _ => Err(later(WHAT)),
    }
}

fn text(input: &mut Input) -> Result<JsString> {
    JsString::from_wtf8(input.bytes()?.to_vec())
}
