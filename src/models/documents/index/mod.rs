//! Index entries.
//!
//! ```text
//! 30 varint number · components · 12 place → how the values come back
//! component    the sort key of the value at a path of the index (`codec/sort_key`); `multi`: 01 (the whole value) or 02 (an
//!              element), and the key
//! how          nothing: each value comes back as it is, and the properties stand in the document as in the index; else
//!              one byte for each path: its low 4 bits: 0 as it is, 1 a bigint, 2 −0, 3 an undefined that is there, 4 not
//!              from here; its high 4 bits: how many of the index's other properties stand before it in the document
//! ```
//!
//! An entry lies under the place of its document, as the document itself: whatever becomes of provisional places
//! becomes of both.
//!
//! Of a `multi` index the first path, in the index's order, whose value is an array with elements is expanded: there is one
//! entry for each different element. Every other array stands whole, so that no document is missing.

mod change;
mod entries;
mod layout;
mod restore;

pub use change::{Change, change, of_document};
pub use entries::{Entries, Making};
pub use layout::{ELEMENT, Layout, WHOLE, all_of, place_of, prefix};

#[cfg(test)]
mod tests;
