//! The entries of one document in one index.

use bytes::Bytes;

use super::layout::{ELEMENT, Layout, WHOLE};
use crate::codec::sort_key::{self, SortKey};
use crate::codec::value::Form;
use crate::codec::value::exact::tag;
use crate::codec::value::fields::Items;
use crate::error::Result;
use crate::limits::{self, MAX_CALL_BYTES};

/// How a value comes back from its sort key.
pub(super) mod how {
    /// As it is.
    pub const PLAIN: u8 = 0;
    /// A bigint.
    pub const BIGINT: u8 = 1;
    /// −0.
    pub const MINUS_ZERO: u8 = 2;
    /// An undefined that is there.
    pub const UNDEFINED: u8 = 3;
    /// Not at all.
    pub const NOT: u8 = 4;
}

/// The entries of a document: all have the same value, and keys that differ in one component.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Entries {
    /// What every key begins with: of the index, and the components before the one that is expanded.
    pub(super) before: Vec<u8>,
    /// The components that differ, ascending; one, of no bytes, where nothing is expanded.
    pub(super) differing: Vec<Vec<u8>>,
    /// The components behind.
    pub(super) behind: Vec<u8>,
    /// How the values come back.
    pub(super) value: Vec<u8>,
}

/// What there is at one path.
struct Part {
    key: SortKey,
    how: u8,
    /// Where the property stands in the document, if it is one.
    at: Option<usize>,
    /// The components of an array's elements, if it is the one that is expanded.
    elements: Vec<Vec<u8>>,
}

/// The entries of one document in the making, path by path: that of a large document may take a while.
#[derive(Default)]
pub struct Making(Vec<Part>);

impl Making {
    /// Looks at the next path; whether there was one.
    ///
    /// # Errors
    /// `Corrupt`; `LimitExceeded` where the elements of an array do not fit into one call.
    pub fn step(&mut self, layout: &Layout, doc: Form<'_>) -> Result<bool> {
        let Some(path) = layout.paths.get(self.0.len()) else {
            return Ok(false);
        };
        let value = path.find(doc)?;
        let key = SortKey::of(value)?;
        let is_expanded = self.0.iter().any(|part| !part.elements.is_empty());
        // Slices of one document compare as their beginnings do.
        let at = value.filter(|_| !path.is_dotted());
        self.0.push(Part {
            how: how_of(value, &key)?,
            key,
            at: at.map(|value| value.as_bytes().as_ptr().addr() - doc.as_bytes().as_ptr().addr()),
            elements: match value {
                Some(value) if layout.is_multi && !is_expanded => elements(value)?,
                _ => Vec::new(),
            },
        });
        Ok(true)
    }

    /// The entries, once there is no path left.
    ///
    /// # Errors
    /// `LimitExceeded` where they do not fit into one call.
    pub fn finish(self, layout: &Layout) -> Result<Entries> {
        let mut entries = Entries {
            before: layout.prefix.to_vec(),
            ..Entries::default()
        };
        if !layout.is_multi {
            entries.value = value_of(&self.0);
        }
        for part in self.0 {
            if !part.elements.is_empty() {
                entries.differing = part.elements;
                continue;
            }
            let rest = if entries.differing.is_empty() {
                &mut entries.before
            } else {
                &mut entries.behind
            };
            rest.extend(layout.is_multi.then_some(WHOLE));
            rest.extend_from_slice(&part.key.bytes);
        }
        if entries.differing.is_empty() {
            entries.differing.push(Vec::new());
        }
        let each = entries.before.len() + entries.behind.len() + limits::ITEM_BYTES;
        let bytes = each.saturating_mul(entries.differing.len());
        limits::within("the index entries of an array", bytes, MAX_CALL_BYTES)?;
        Ok(entries)
    }
}

impl Entries {
    /// Those of a stored document.
    ///
    /// # Errors
    /// `Corrupt`; `LimitExceeded` where an array has so many elements that they do not fit into one call.
    pub fn of(layout: &Layout, doc: Form<'_>) -> Result<Self> {
        let mut making = Making::default();
        while making.step(layout, doc)? {}
        making.finish(layout)
    }

    /// The keys without the place at their end, ascending.
    pub fn keys(&self) -> impl Iterator<Item = Bytes> + '_ {
        let key = |middle: &Vec<u8>| [&self.before[..], middle, &self.behind].concat().into();
        self.differing.iter().map(key)
    }

    /// The value of each.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.value
    }
}

/// The components of an array's different elements, ascending; none where it is no array or has none.
fn elements(value: Form<'_>) -> Result<Vec<Vec<u8>>> {
    /// So often, and whenever as many as there were have come, equal ones are dropped.
    const FEW: usize = 1024;
    let mut found = Vec::new();
    let Some(mut items) = Items::of(value)? else {
        return Ok(found);
    };
    let mut different = 0;
    while let Some(item) = items.next()? {
        let key = SortKey::of(Some(item))?;
        found.push([&[ELEMENT][..], &key.bytes].concat());
        if found.len() >= 2 * different + FEW {
            found.sort_unstable();
            found.dedup();
            different = found.len();
            let bytes = found
                .iter()
                .map(|key| key.len() + limits::RESULT_ITEM_BYTES);
            let bytes = bytes.sum();
            limits::within("the index entries of an array", bytes, MAX_CALL_BYTES)?;
            limits::room_for(bytes)?;
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// How the values of the paths come back; nothing where each does as it is and in this order.
fn value_of(parts: &[Part]) -> Vec<u8> {
    let mut out = Vec::with_capacity(parts.len());
    let mut properties = 0;
    let mut is_plain = true;
    for part in parts {
        let mut before = 0;
        if let Some(here) = part.at {
            let others = parts.iter().filter_map(|other| other.at);
            before = others.filter(|other| *other < here).count() as u8;
            is_plain &= before == properties;
            properties += 1;
        }
        is_plain &= part.how == how::PLAIN;
        out.push(part.how | before << 4);
    }
    if is_plain { Vec::new() } else { out }
}

fn how_of(value: Option<Form<'_>>, key: &SortKey) -> Result<u8> {
    let Some(value) = value else {
        return Ok(how::PLAIN);
    };
    let is_minus_zero = |value: Form<'_>| {
        let number = value.number()?;
        Ok(number.is_some_and(|number| number == 0.0 && number.is_sign_negative()))
    };
    Ok(match value {
        _ if key.is_cut => how::NOT,
        Form::Json([b'[' | b'{', ..]) => how::NOT,
        Form::Exact([tag::UNDEFINED]) => how::UNDEFINED,
        Form::Exact([tag::BIGINT, ..]) => match sort_key::decode(&key.bytes)? {
            Some(_) => how::BIGINT,
            None => how::NOT,
        },
        Form::Exact([tag, ..]) if *tag > tag::DATE => how::NOT,
        value if is_minus_zero(value)? => how::MINUS_ZERO,
        _ => how::PLAIN,
    })
}
