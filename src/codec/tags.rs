//! Lists of tagged fields: what records may come to hold that this library does not know yet.
//!
//! ```text
//! bytes     the whole list, in it of each field, by ascending tags, each once:
//!   varint  tag: even ones are needed, odd ones are skippable
//!   bytes   payload
//! ```
//!
//! An unknown needed one is `UnsupportedFormat`, an unknown skippable one is passed over and kept as it is. A payload
//! never grows: what is to be added gets a tag of its own. A skippable tag may not refer to records, keys or frames,
//! since those who do not know it would collect these.

use bytes::Bytes;

use super::io::{Input, later, put_bytes, put_varint, varint_in};
use crate::error::{Error, Result};

/// A list as it lies in its record, so that what is kept is kept to the byte.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags(Bytes);

impl Tags {
    /// A list that was encoded elsewhere.
    ///
    /// # Errors
    /// `Corrupt` for what is no list.
    pub fn of(list: Bytes) -> Result<Self> {
        check_shape(&list)?;
        Ok(Self(list))
    }

    /// Reads a list; judges nothing but its shape.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn read(input: &mut Input) -> Result<Self> {
        Self::of(input.bytes()?)
    }

    /// Demands that every needed tag is among `known`. `what` has the list.
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

    /// Bytes in memory, beside those of the struct.
    #[must_use]
    pub const fn memory_bytes(&self) -> usize {
        self.0.len()
    }
}

fn put_field(out: &mut Vec<u8>, tag: u64, payload: &[u8]) {
    put_varint(out, tag);
    put_bytes(out, payload);
}

/// Hands each field to `take`: its tag and its payload.
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

/// Demands that bytes are a list.
///
/// # Errors
/// `Corrupt`.
pub fn check_shape(list: &[u8]) -> Result<()> {
    each(list, &mut |_, _| {}).ok_or_else(|| Error::corrupt("a list of tagged fields is broken"))
}

/// Demands of a list that every needed tag in it is among `known`.
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

/// The payload of a tag.
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
