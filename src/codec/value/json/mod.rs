//! JSON text as `JSON.stringify` writes it: without white space, each value in one spelling.

mod parse;
mod scan;
mod transcribe;

pub use parse::{parse, parse_number};
pub use scan::{Elements, Members, member, skip_value};
pub use transcribe::transcribe;

#[cfg(test)]
mod tests;
