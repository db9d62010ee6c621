//! What names may be.

use crate::codec::js_string::JsStr;
use crate::error::{Error, Result};

/// UTF-16 code units that a name, a key or an id may have.
pub const MAX_NAME_UNITS: usize = 1000;

/// Checks a key or the id of a document; `what` names it in the message.
///
/// # Errors
/// `InvalidArgument` above [`MAX_NAME_UNITS`].
pub fn check_key(what: &str, key: JsStr<'_>) -> Result<()> {
    // A UTF-16 unit takes at least one byte: most keys need no counting.
    if key.as_bytes().len() > MAX_NAME_UNITS && key.len_utf16() > MAX_NAME_UNITS {
        return Err(Error::invalid(format!(
            "{what} is longer than {MAX_NAME_UNITS} UTF-16 code units ({})",
            key.len_utf16()
        )));
    }
    Ok(())
}

/// Checks the name of a store, a node or a collection; `what` names it in the message.
///
/// # Errors
/// `InvalidArgument` when it is empty or above [`MAX_NAME_UNITS`].
pub fn check_name(what: &str, name: JsStr<'_>) -> Result<()> {
    if name.is_empty() {
        return Err(Error::invalid(format!("{what} is empty")));
    }
    check_key(what, name)
}
