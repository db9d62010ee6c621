//! What a change of a document changes in an index.

use bytes::Bytes;
use std::cmp::Ordering;

use super::entries::Entries;
use super::layout::Layout;
use crate::codec::value::Form;
use crate::error::Result;

/// One entry, by its key without the place at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is stored, with this value.
    Put(Bytes, Bytes),
    /// It was there, and gets this value.
    Revalue(Bytes, Bytes),
    /// It goes.
    Delete(Bytes),
}

/// Tells `take` what changes in the index where a document becomes another; `None`: where it comes to be, or goes.
///
/// # Errors
/// As [`Entries::of`].
pub fn of_document(
    layout: &Layout,
    old: Option<Form<'_>>,
    new: Option<Form<'_>>,
    take: &mut dyn FnMut(Change),
) -> Result<()> {
    let entries = |doc: Option<Form<'_>>| doc.map(|doc| Entries::of(layout, doc)).transpose();
    let (old, new) = (entries(old)?, entries(new)?);
    change(old.as_ref(), new.as_ref(), take);
    Ok(())
}

/// Tells `take` what differs between the entries that a document had and those that it has; `None`: it is not there.
pub fn change(old: Option<&Entries>, new: Option<&Entries>, take: &mut dyn FnMut(Change)) {
    let value = new.map_or(Bytes::new(), |new| Bytes::copy_from_slice(&new.value));
    let is_revalued = old.is_none_or(|old| old.value != value);
    let mut before = old.into_iter().flat_map(Entries::keys).peekable();
    let mut after = new.into_iter().flat_map(Entries::keys).peekable();
    loop {
        let order = match (before.peek(), after.peek()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => old.cmp(new),
        };
        let gone = order.is_le().then(|| before.next()).flatten();
        let there = order.is_ge().then(|| after.next()).flatten();
        match (gone, there) {
            (Some(key), None) => take(Change::Delete(key)),
            (None, Some(key)) => take(Change::Put(key, value.clone())),
            (Some(_), Some(key)) if is_revalued => take(Change::Revalue(key, value.clone())),
            _ => {}
        }
    }
}
