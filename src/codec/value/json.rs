//! JSON text.
use super::Value;
use crate::error::Result;
/// Parses.
///
/// # Errors
/// `Corrupt`.
pub fn parse(text: &[u8]) -> Result<Value> {
    let _ = text;
    todo!()
}
