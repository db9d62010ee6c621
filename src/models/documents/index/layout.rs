//! How the keys of an index's entries are made and read.

use bytes::Bytes;

use crate::codec::io::put_varint;
use crate::codec::kinds::key::INDEX_ENTRY;
use crate::codec::kinds::sort;
use crate::codec::order::{ORDER_BYTES, Order};
use crate::codec::sort_key::{Component, split};
use crate::codec::tuple;
use crate::engine::access::KeyRange;
use crate::error::{Error, Result};
use crate::models::documents::definition::{self, flag};
use crate::models::query::Path;

/// The marker of a component of a `multi` index: the whole value.
pub const WHOLE: u8 = 0x01;
/// The same: one element of an array.
pub const ELEMENT: u8 = 0x02;

/// How the entries of an index look.
#[derive(Debug, Clone)]
pub struct Layout {
    pub(super) prefix: Bytes,
    pub(super) paths: Vec<Path>,
    pub(super) is_multi: bool,
}

impl Layout {
    /// That of an index.
    #[must_use]
    pub fn new(index: &definition::Index) -> Self {
        Self {
            prefix: prefix(index.number),
            paths: index.fields.iter().map(Path::from).collect(),
            is_multi: index.is(flag::MULTI),
        }
    }

    /// What the keys of its entries begin with.
    #[must_use]
    pub const fn prefix(&self) -> &Bytes {
        &self.prefix
    }

    /// Its paths.
    #[must_use]
    pub fn paths(&self) -> &[Path] {
        &self.paths
    }

    /// Whether arrays are expanded.
    #[must_use]
    pub const fn is_multi(&self) -> bool {
        self.is_multi
    }

    /// The components in an entry's key, without the place at its end.
    ///
    /// # Errors
    /// `Corrupt` where the key is not one of this index.
    pub fn components<'a>(&self, key: &'a [u8]) -> Result<&'a [u8]> {
        let inner = key.strip_prefix(&self.prefix[..]);
        let inner = inner.and_then(|inner| inner.get(..inner.len().checked_sub(ORDER_BYTES)?));
        inner.ok_or_else(broken)
    }

    /// The first of some components, without its marker, and those behind it.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn first<'a>(&self, components: &'a [u8]) -> Result<(Component<'a>, &'a [u8])> {
        match components {
            [WHOLE | ELEMENT, key @ ..] if self.is_multi => split(key),
            _ if self.is_multi => Err(broken()),
            key => split(key),
        }
    }

    /// Where, if the index is unique, no other document may have entries beside that with this key (without the place at its end): none
    /// where a value is null or absent. Of a `multi` index an element and a whole value are the same.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn rivals(&self, key: &[u8]) -> Result<Vec<KeyRange>> {
        let mut rest = key.strip_prefix(&self.prefix[..]).ok_or_else(broken)?;
        let mut all = Vec::with_capacity(self.paths.len());
        for _ in &self.paths {
            let component;
            (component, rest) = self.first(rest)?;
            if matches!(component.bytes, [sort::UNDEFINED | sort::NULL]) {
                return Ok(Vec::new());
            }
            all.push(component.bytes);
        }
        if !self.is_multi {
            return Ok(vec![tuple::prefix_range(Bytes::copy_from_slice(key))]);
        }
        // With one element, or none.
        let with = |element: usize| {
            let mut key = self.prefix.to_vec();
            for (at, component) in all.iter().enumerate() {
                key.push(if at == element { ELEMENT } else { WHOLE });
                key.extend_from_slice(component);
            }
            tuple::prefix_range(key.into())
        };
        Ok((0..=all.len()).map(with).collect())
    }
}

/// What the keys of an index's entries begin with.
#[must_use]
pub fn prefix(number: u64) -> Bytes {
    let mut prefix = vec![INDEX_ENTRY];
    put_varint(&mut prefix, number);
    prefix.into()
}

/// Every entry of an index.
#[must_use]
pub fn all_of(number: u64) -> KeyRange {
    tuple::prefix_range(prefix(number))
}

/// The place of the document that an entry stands for.
///
/// # Errors
/// `Corrupt`.
pub fn place_of(key: &[u8]) -> Result<Order> {
    let place = key.last_chunk::<ORDER_BYTES>();
    let place = place.and_then(|place| Order::from_bytes(place));
    place.ok_or_else(broken)
}

pub(super) fn broken() -> Error {
    Error::corrupt("an entry of an index is malformed")
}
