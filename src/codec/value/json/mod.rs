//! JSON text as `JSON.stringify` writes it: without whitespace, with a single spelling of each value.

mod number;
mod scan;
mod transcribe;

pub use number::parse_number;
pub use scan::{Elements, Members, member, skip_value};
pub(in crate::codec) use scan::{expect, malformed, skip_number, skip_string, skip_word};
pub use transcribe::transcribe;

#[cfg(test)]
mod tests;
