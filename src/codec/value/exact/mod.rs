//! The exact binary form, written and read element by element, without a tree.

mod kind;
mod reader;
mod skip;
mod writer;

pub use kind::BytesKind;
pub use reader::{Attached, BlobRef, Event, ExactReader};
pub use skip::{skip_node, take_length, take_text};
pub use writer::ExactWriter;

pub(crate) use crate::codec::kinds::node as tag;

#[cfg(test)]
mod tests;
