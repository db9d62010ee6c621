//! How entries cross.
//!
//! An entry crosses as nine items: what it is ("P" or "R", "k" or "d", "n" or "s": put or removal, pair or document, of
//! a node or a named store), the scope's name, the collection, the key, the stamp, when it expires (or ""), its number
//! (or ""), the version of the data's shape (or ""), and the stored value (undefined for a removal).
//!
//! What is broken crosses as what it is ("u" or "r", "n" or "s": unique or reference, of a node or a named store), the scope's name,
//! the collection, the document's id, how many ids there are, and these.

use bytes::Bytes;

use crate::bindings::collect::Collector;
use crate::bindings::scope;
use crate::bindings::strings::received;
use crate::codec::js_string::{JsStr, JsString};
use crate::codec::marks::NEVER;
use crate::codec::stamp::Stamp;
use crate::codec::value::json::parse_number;
use crate::error::{Error, Result};
use crate::models::documents::violations::Violation;
use crate::models::op_log::Name;
use crate::models::op_log::remote::{Remote, expires_of, record_of, stamp_of, text_of};
use crate::models::{Scope, documents};

/// Items of an entry on its way in.
pub(super) const ITEMS: usize = 7;

fn plain(out: &mut Collector, text: &str) -> Result<()> {
    out.string(JsString::from(text).as_js())
}

/// An entry or a record, on its way out.
pub(super) struct Said<'a> {
    pub record: &'a [u8],
    pub value: Option<&'a [u8]>,
    pub expires_ms: u64,
    pub stamp: Stamp,
    pub device: &'a [u8],
    pub id: Option<u64>,
    /// 0: none.
    pub version: u64,
}

/// Hands it out.
pub(super) fn collect(out: &mut Collector, said: &Said<'_>) -> Result<()> {
    let (scope, collection, key) = Name::of(said.record)?.texts()?;
    let op = if said.value.is_some() { "P" } else { "R" };
    let kind = if collection.is_some() { "d" } else { "k" };
    let (of, scope) = match &scope {
        Scope::Node(name) => ("n", name),
        Scope::Name(name) => ("s", name),
    };
    plain(out, &[op, kind, of].concat())?;
    out.string(scope.as_js())?;
    out.string(collection.unwrap_or_default().as_js())?;
    out.string(key.as_js())?;
    plain(out, &text_of(said.stamp, said.device))?;
    let number = |number: Option<u64>| number.map_or(String::new(), |number| number.to_string());
    plain(
        out,
        &number((said.expires_ms != NEVER).then_some(said.expires_ms)),
    )?;
    plain(out, &number(said.id))?;
    plain(out, &number((said.version > 0).then_some(said.version)))?;
    match said.value {
        Some(value) => out.value(value),
        None => out.absent(),
    }
}

/// Hands out what a document breaks.
pub(super) fn collect_violation(out: &mut Collector, violation: &Violation) -> Result<()> {
    let (scope, collection, id) = Name::of(&violation.record)?.texts()?;
    let kind = if violation.is_unique { "u" } else { "r" };
    let (of, scope) = match &scope {
        Scope::Node(name) => ("n", name),
        Scope::Name(name) => ("s", name),
    };
    plain(out, &[kind, of].concat())?;
    out.string(scope.as_js())?;
    out.string(collection.unwrap_or_default().as_js())?;
    out.string(id.as_js())?;
    plain(out, &violation.ids.len().to_string())?;
    violation
        .ids
        .iter()
        .try_for_each(|id| out.string(id.as_js()))
}

/// The entry of these items and its stored value.
pub(super) fn entry_of(items: &[String], stored: Bytes) -> Result<Remote> {
    let unknown = || Error::invalid("an entry reached wasm in an unknown form");
    let [what, scope, collection, key, hlc, expires, version] = items else {
        return Err(unknown());
    };
    let (is_put, is_document, is_node) = match what.as_bytes() {
        [op @ (b'P' | b'R'), kind @ (b'k' | b'd'), of @ (b'n' | b's')] => {
            (*op == b'P', *kind == b'd', *of == b'n')
        }
        _ => return Err(unknown()),
    };
    let scope = scope::scope(scope, is_node)?;
    let collection = is_document.then(|| received(collection)).transpose()?;
    let key = received(key)?;
    let record = record_of(&scope, collection.as_ref(), key.as_js())?;
    let (stamp, device) = stamp_of(hlc)?;
    if is_document && is_put {
        check_document(&stored, key.as_js())?;
    }
    let number = |text: &str| match text {
        "" => Ok(None),
        // Not by `str::parse`, whose tables would be a twentieth of the wasm.
        text => parse_number(text.as_bytes())
            .map(Some)
            .map_err(|_| unknown()),
    };
    let expires = number(expires)?.unwrap_or(-1.0);
    Ok(Remote {
        record,
        value: is_put.then_some(stored),
        expires_ms: expires_of(expires)?,
        stamp,
        device,
        version: number(version)?.unwrap_or_default() as u64,
    })
}

fn check_document(stored: &[u8], id: JsStr<'_>) -> Result<()> {
    documents::check_whole(stored, id)
}
