//! Regular expressions in queries.

use crate::codec::js_string::JsStr;
use crate::error::Result;

/// Regular expressions, which are the host's own.
pub trait Patterns {
    /// How many there are.
    fn len(&self) -> usize;
    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Whether the one of that number matches a text.
    ///
    /// # Errors
    /// `LimitExceeded` for a text that is too long for the host.
    fn matches(&self, number: usize, text: JsStr<'_>) -> Result<bool>;
}

/// No regular expressions.
impl Patterns for () {
    fn len(&self) -> usize {
        0
    }

    fn matches(&self, _number: usize, _text: JsStr<'_>) -> Result<bool> {
        Ok(false)
    }
}
