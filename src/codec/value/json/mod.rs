//! JSON text as `JSON.stringify` writes it: without white space, each value in one spelling.

mod parse;
mod scan;

pub use parse::{parse, parse_number};
pub use scan::{Elements, Members, member, skip_value};

#[cfg(test)]
mod tests;
