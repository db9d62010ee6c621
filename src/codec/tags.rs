//! Lists of tagged fields, which let records carry fields that this library does not know yet.
//!
//! ```text
//! bytes     the whole list, which contains the fields in ascending order of their tags, each once:
//!   varint  tag: even tags are needed, odd tags are skippable
//!   bytes   payload
//! ```
//!
//! An unknown needed tag is `UnsupportedFormat`; an unknown skippable one is skipped and kept as it is. A payload
//! never grows: an addition gets its own tag. A skippable tag must not refer to records, keys or frames,
//! because libraries that do not know the tag would collect them.

use bytes::Bytes;

use super::io::{Input, later, put_bytes, put_varint, varint_in};
use crate::error::{Error, Result};

/// An encoded list, kept byte for byte.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags(Bytes);

impl Tags {
    /// Checks the shape of an encoded list.
    ///
    /// # Errors
    /// `Corrupt` if it is malformed.
    pub fn of(list: Bytes) -> Result<Self> {
        check_shape(&list)?;
        Ok(Self(list))
    }

    /// A list of one field.
    #[must_use]
    pub fn of_field(tag: u64, payload: &[u8]) -> Self {
        let mut list = Vec::with_capacity(payload.len() + 4);
        put_varint(&mut list, tag);
        put_bytes(&mut list, payload);
        Self(list.into())
    }

    /// The payload of a tag.
    #[must_use]
    pub fn find(&self, tag: u64) -> Option<&[u8]> {
        find(&self.0, tag)
    }

    /// Reads a list; judges nothing but its shape.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn read(input: &mut Input) -> Result<Self> {
        Self::of(input.bytes()?)
    }

    /// Checks that every needed tag is in `known`. `what` names the record in the message.
    ///
    /// # Errors
    /// `UnsupportedFormat`.
    pub fn needs(&self, known: &[u64], what: &'static str) -> Result<()> {
        needs(&self.0, known, what)
    }

    /// Appends the list to a record.
    pub fn put(&self, out: &mut Vec<u8>) {
        put_bytes(out, &self.0);
    }

    /// Takes a field out; its payload.
    pub fn take(&mut self, wanted: u64) -> Option<Bytes> {
        let payload = Bytes::copy_from_slice(find(&self.0, wanted)?);
        let mut rest = Vec::new();
        each(&self.0, &mut |tag, payload| {
            if tag != wanted {
                put_field(&mut rest, tag, payload);
            }
        });
        self.0 = rest.into();
        Some(payload)
    }

    /// Puts a field into its place; there is none of this tag.
    pub fn add(&mut self, tag: u64, payload: &[u8]) {
        let (mut below, mut above) = (Vec::new(), Vec::new());
        each(&self.0, &mut |other, payload| {
            let side = if other < tag { &mut below } else { &mut above };
            put_field(side, other, payload);
        });
        put_field(&mut below, tag, payload);
        below.append(&mut above);
        self.0 = below.into();
    }

    /// Whether it has no field.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The memory that the list takes besides the struct, in bytes.
    #[must_use]
    pub const fn memory_bytes(&self) -> usize {
        self.0.len()
    }
}

fn put_field(out: &mut Vec<u8>, tag: u64, payload: &[u8]) {
    put_varint(out, tag);
    put_bytes(out, payload);
}

/// Calls `take` with the tag and the payload of each field. `None` if the list is malformed.
fn each<'a>(mut list: &'a [u8], take: &mut dyn FnMut(u64, &'a [u8])) -> Option<()> {
    let mut above = None;
    while !list.is_empty() {
        let (tag, at) = varint_in(list)?;
        list = list.get(at..)?;
        let (length, at) = varint_in(list)?;
        let (payload, rest) = (list.get(at..)?).split_at_checked(usize::try_from(length).ok()?)?;
        if above >= Some(tag) {
            return None;
        }
        above = Some(tag);
        list = rest;
        take(tag, payload);
    }
    Some(())
}

/// Checks that bytes are a well-formed list.
///
/// # Errors
/// `Corrupt`.
pub fn check_shape(list: &[u8]) -> Result<()> {
    each(list, &mut |_, _| {}).ok_or_else(|| Error::corrupt("a list of tagged fields is malformed"))
}

/// Checks that every needed tag in a list is in `known`. `what` names the record in the message.
///
/// # Errors
/// `UnsupportedFormat`.
pub fn needs(list: &[u8], known: &[u64], what: &'static str) -> Result<()> {
    let mut is_known = true;
    each(list, &mut |tag, _| {
        is_known &= tag % 2 == 1 || known.contains(&tag)
    });
    if is_known { Ok(()) } else { Err(later(what)) }
}

/// The payload of a tag, if the list has it.
#[must_use]
pub fn find(list: &[u8], wanted: u64) -> Option<&[u8]> {
    let mut found = None;
    each(list, &mut |tag, payload| {
        if tag == wanted {
            found = Some(payload);
        }
    });
    found
}

/// The number that is a payload.
///
/// # Errors
/// `Corrupt`; `UnsupportedFormat` where more follows.
pub fn number(payload: &[u8], what: &'static str) -> Result<u64> {
    match varint_in(payload) {
        Some((number, taken)) if taken == payload.len() => Ok(number),
        Some(_) => Err(later(what)),
        None => Err(Error::corrupt("a number of a tagged field is broken")),
    }
}

#[cfg(test)]
mod tests;
