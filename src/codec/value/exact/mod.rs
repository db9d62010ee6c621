//! The exact binary form: written piece by piece, read event by event, without a tree.

mod kind;
mod reader;
mod skip;
mod writer;

pub use kind::BytesKind;
pub use reader::{Attached, Event, ExactReader};
pub use skip::{skip_node, take_length, take_text};
pub use writer::ExactWriter;

pub(crate) mod tag {
    pub const NULL: u8 = 0x00;
    pub const UNDEFINED: u8 = 0x01;
    pub const FALSE: u8 = 0x02;
    pub const TRUE: u8 = 0x03;
    pub const NUMBER: u8 = 0x04;
    pub const INTEGER: u8 = 0x05;
    pub const BIGINT: u8 = 0x06;
    pub const STRING: u8 = 0x07;
    pub const DATE: u8 = 0x08;
    pub const BYTES: u8 = 0x09;
    pub const BLOB: u8 = 0x0A;
    pub const FILE: u8 = 0x0B;
    pub const ARRAY: u8 = 0x0C;
    pub const OBJECT: u8 = 0x0D;
    pub const MAP: u8 = 0x0E;
    pub const SET: u8 = 0x0F;
    pub const ATTACHED_BLOB: u8 = 0x10;
    pub const ATTACHED_FILE: u8 = 0x11;
}

#[cfg(test)]
mod tests;
