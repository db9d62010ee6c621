//! What is wanted of what a query finds.

use std::rc::Rc;

use super::after::After;
use crate::codec::js_string::JsString;
use crate::error::Result;

/// How to hand out what a query finds.
#[derive(Debug, Clone, Default)]
pub struct FindSpec {
    /// Fields (dotted paths too) and whether descending; the first decides first.
    pub sort: Vec<(JsString, bool)>,
    /// Leave out this many.
    pub skip: u64,
    /// At most this many.
    pub limit: Option<u64>,
    /// Only these fields (dotted paths too), and `_id`.
    pub fields: Option<Vec<JsString>>,
    /// Only what lies behind a document.
    pub after: Option<Rc<After>>,
    /// Only the first ones, as many as make a page.
    pub page: bool,
    /// The places of all documents that are handed out are wanted, too.
    pub places: bool,
}

/// Takes what is found.
pub type Out<'a> = dyn FnMut(&[u8]) -> Result<()> + 'a;
