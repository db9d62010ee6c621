//! What a build has to fail for: who writes while it is under way says so, instead of failing.
//!
//! ```text
//! 32 varint build → 1 kind (1 unique, 2 reference) · bytes id · bytes id
//! ```
//!
//! One mark is enough: the first one and a later one say the same of the build.

use bytes::Bytes;

use super::definition::of_build;
use crate::codec::io::{Input, later, put_bytes};
use crate::codec::js_string::{JsStr, JsString};
use crate::codec::kinds::key::BUILD_MARK;
use crate::engine::access::Writes;
use crate::error::{Code, Error, Result};

const WHAT: &str = "mark of a build";

/// What does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Mark {
    /// Two documents have the same values in a unique index.
    Unique = 1,
    /// A document refers to one that is not there.
    Reference = 2,
}

/// Marks a build, with the ids of two documents. Blind.
pub fn put(w: &mut dyn Writes, build: u64, mark: Mark, a: JsStr<'_>, b: JsStr<'_>) {
    let mut value = vec![mark as u8];
    put_bytes(&mut value, a.as_bytes());
    put_bytes(&mut value, b.as_bytes());
    w.put(of_build(BUILD_MARK, build), value.into());
}

/// What a build fails with that is marked so.
///
/// # Errors
/// `Corrupt`, `UnsupportedFormat`.
pub fn violation(mark: Bytes) -> Result<Error> {
    let mut input = Input::new(mark, WHAT);
    let kind = input.u8()?;
    let mut id = || JsString::from_wtf8(input.bytes()?.to_vec());
    let (a, b) = (id()?, id()?);
    input.end()?;
    let what = match kind {
        1 => "have the same values in what is to be unique",
        2 => "are a document that refers to another one, and that one, which is not there",
        _ => return Err(later(WHAT)),
    };
    let (first, second) = (a.as_js().to_display(), b.as_js().to_display());
    let message = format!("\"{first}\" and \"{second}\", written meanwhile, {what}");
    let error = Error::new(Code::ConstraintViolation, message);
    Ok(error.with_ids(vec![a.into_bytes(), b.into_bytes()]))
}
