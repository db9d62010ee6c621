//! What callers have to say of a document before it is stored.

use bytes::Bytes;

use super::meta;
use crate::codec::js_string::JsStr;
use crate::error::Result;

/// Looks at documents inside of the work that stores them, in each of its runs.
pub trait Checks {
    /// Gets a document that would be stored, as an object without `_id`, `_created` and `_updated`, and the
    /// document's id; gives the stored object to put in its place.
    ///
    /// # Errors
    /// What it refuses the document for: nothing is written.
    fn check(&mut self, object: &Bytes, id: JsStr<'_>) -> Result<Bytes>;
    /// To be called after the last one; without it what was checked does not count.
    ///
    /// # Errors
    /// What it refuses all of them for: nothing is written.
    fn end(&mut self) -> Result<()>;
}

/// Whoever checks, if anybody does.
pub type Checked = Option<Box<dyn Checks>>;

/// The document to store in the place of `candidate`, whose three properties it keeps.
///
/// # Errors
/// What `checks` fails with; `InvalidArgument` when it gives no plain object.
pub(super) fn checked(checks: &mut Checked, candidate: Bytes) -> Result<Bytes> {
    let Some(checks) = checks else {
        return Ok(candidate);
    };
    let id = meta::id_of(&candidate)?;
    let object = checks.check(&meta::bare(&candidate)?, id.as_js())?;
    // (Its times are later than 0.)
    meta::replaced(&candidate, &object, 0.0)
}

/// Ends the checks of one run.
///
/// # Errors
/// What `checks` fails with.
pub(super) fn end(checks: &mut Checked) -> Result<()> {
    checks.as_mut().map_or(Ok(()), |checks| checks.end())
}
