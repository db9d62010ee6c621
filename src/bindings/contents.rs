//! Contents, for JavaScript.

use futures_util::FutureExt;
use js_sys::{Array, Promise, Uint8Array};
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::outcome::{self, Returned};
use super::refused::refused;
use super::session::AnySession;
use super::{errors, host};
use crate::blobs;
use crate::crossing;
use crate::engine::access::{Session, afresh};
use crate::engine::{Engine, Notice, Subscription};
use crate::env::Env;
use crate::error::{Error, Result};
use crate::models::contents::{
    self, Held, Holders, List, Listed, Piece, Pieces, Sum, any_of_size, collect_all,
};
use crate::record::ContentHash;

/// Contents listed at once.
const PAGE: usize = 256;
/// Bytes that are hashed at once. (They are on the stack.)
const BIT_BYTES: usize = 32 << 10;

pub(super) fn thrown(error: Error) -> JsValue {
    errors::to_js(&error)
}

pub(super) fn hash_of(hex: &str) -> Result<ContentHash, JsValue> {
    let mut hash = [0; 32];
    let digit = |at: usize| {
        let byte = hex.as_bytes().get(at).copied().unwrap_or_default();
        char::from(byte).to_digit(16).map(|digit| digit as u8)
    };
    for (at, byte) in hash.iter_mut().enumerate() {
        let (Some(high), Some(low)) = (digit(2 * at), digit(2 * at + 1)) else {
            return Err(thrown(Error::invalid("a hash has 64 hex digits")));
        };
        *byte = high << 4 | low;
    }
    Ok(hash)
}

pub(super) fn hex_of(hash: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
    let digits = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(digit).collect()
}

/// A piece as it is handed out.
fn in_js(piece: Piece<'_>) -> Result<JsValue> {
    Ok(match piece {
        Piece::Bytes(bytes) => crossing::bytes(bytes).map_err(refused)?.into(),
        Piece::Beside(beside) => {
            let blob = blobs::get(beside.name)?;
            let blob = blob.downcast_ref().cloned().unwrap_or_default();
            Array::of3(&blob, &beside.seed().into(), &beside.sum.into()).into()
        }
    })
}

/// Hands out bytes of JavaScript some at a time, so that they take little memory here, however many there are.
pub(super) fn for_each_bit(bytes: &Uint8Array, each: &mut dyn FnMut(&[u8])) {
    let mut held = [0; BIT_BYTES];
    let (mut at, end) = (0, bytes.length());
    while at < end {
        let until = end.min(at + BIT_BYTES as u32);
        if let Some(bit) = held.get_mut(..(until - at) as usize) {
            bytes.subarray(at, until).copy_to(bit);
            each(bit);
        }
        at = until;
    }
}

/// Reads of contents, in a patch or in a transaction.
#[wasm_bindgen]
pub struct ContentsPort {
    session: AnySession,
}

impl ContentsPort {
    /// As `session` sees them.
    #[must_use]
    pub const fn new(session: AnySession) -> Self {
        Self { session }
    }
}

#[wasm_bindgen]
impl ContentsPort {
    /// The size of a content and that of its pieces, except the last, in bytes; undefined if it is not here.
    pub fn shape(&self, hash: &str) -> Returned {
        let hash = hash_of(hash)?;
        let found = self
            .session
            .read(Box::new(move |r| contents::content(r, &hash)));
        outcome::read(found, |content| match content {
            Some(content) => {
                let piece_bytes = outcome::count(content.piece_bytes)?;
                Ok(Array::of2(&outcome::count(content.size)?, &piece_bytes).into())
            }
            None => Ok(JsValue::UNDEFINED),
        })
    }

    /// Whether a record holds a content; undefined if it is not here.
    pub fn held(&self, hash: &str) -> Returned {
        let hash = hash_of(hash)?;
        let begin = move || Ok(Holders::of(hash));
        let held = self.session.read(afresh(begin, move |holders, r| {
            let is_here = contents::content(r, &hash)?.is_some();
            Ok(if is_here {
                Some(holders.step(r)? == Held::Yes)
            } else {
                None
            })
        }));
        outcome::read(held, outcome::plain)
    }

    /// Some pieces of a content, from `from` (inclusive) to `until` (exclusive), as a list; undefined if it is not here. Each is its
    /// bytes, or a Blob that has them, the seed of its checksum and that: they are to be checked.
    #[wasm_bindgen(
        unchecked_return_type = "Promise<(Uint8Array | [Blob, bigint, bigint])[] | undefined>"
    )]
    pub fn pieces(&self, hash: &str, from: u32, until: u32) -> Returned {
        let hash = hash_of(hash)?;
        let begin = || Ok((None, Array::new()));
        let read = self.session.read(afresh(
            begin,
            move |(pieces, out): &mut (Option<Pieces>, Array), r| {
                if pieces.is_none() {
                    let Some(content) = contents::content(r, &hash)? else {
                        return Ok(JsValue::UNDEFINED);
                    };
                    *pieces = Some(Pieces::new(content, from.into(), until.into()));
                }
                if let Some(pieces) = pieces {
                    pieces.step(r, &mut |piece| {
                        out.push(&in_js(piece)?);
                        Ok(())
                    })?;
                }
                Ok(out.clone().into())
            },
        ));
        outcome::read(read, Ok)
    }

    /// Whether these are the bytes of which that is the checksum. They are copied bit by bit.
    #[must_use]
    pub fn matches(&self, bytes: &Uint8Array, seed: u64, sum: u64) -> bool {
        let mut found = Sum::seeded(seed);
        for_each_bit(bytes, &mut |bit| found.update(bit));
        found.finish() == sum
    }

    /// The first contents above a hash, as a flat list: hash, size, whether a record holds it.
    pub fn list(&self, after: Option<String>) -> Returned {
        let after = after.as_deref().map(hash_of).transpose()?;
        let begin = move || Ok((List::after(after), Array::new(), 0));
        let work = afresh(begin, |(list, out, count): &mut (List, Array, usize), r| {
            while *count < PAGE
                && let Some(Listed {
                    hash,
                    content,
                    is_held,
                }) = list.step(r)?
            {
                out.push(&hex_of(&hash).into());
                out.push(&outcome::count(content.size)?);
                out.push(&is_held.into());
                *count += 1;
            }
            Ok(out.clone().into())
        });
        outcome::read(self.session.read(work), Ok)
    }

    /// Whether any content has this size, in bytes.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the facade gives whole sizes"
    )]
    pub fn sized(&self, bytes: f64) -> Returned {
        let size = bytes as u64;
        let found = self.session.read(Box::new(move |r| any_of_size(r, size)));
        outcome::read(found, outcome::plain)
    }
}

/// Deletes what nothing holds; resolves to how much of it there was.
pub fn collect(engine: &Engine) -> Promise {
    let engine = engine.clone();
    let env: Rc<dyn Env> = Rc::new(host::env());
    let collected = async move { collect_all(&engine, &env).await };
    outcome::promise(collected.boxed_local(), outcome::count)
}

/// Runs in the background until it is dropped.
pub struct Caretaker {
    handle: futures_util::future::AbortHandle,
    _listening: Subscription,
}

impl Caretaker {
    /// Collects now and then.
    #[must_use]
    pub fn of(engine: &Engine) -> Self {
        let watched = engine.clone();
        let is_open = move || watched.closed().is_none();
        // (What was there before may be dead, too.)
        let changed = Rc::new(Cell::new(true));
        let noted = changed.clone();
        let listening = engine.subscribe(Rc::new(move |_: &Notice| noted.set(true)));
        // (It need not hear of them soon: a patch that nobody uses is to ask nothing.)
        listening.attend(false);
        let has_changed = move || changed.replace(false);
        let env = Rc::new(host::env());
        let care = contents::look_after(engine.clone(), env, has_changed, is_open);
        let (care, handle) = futures_util::future::abortable(care);
        host::spawn(care.map(drop));
        Self {
            handle,
            _listening: listening,
        }
    }
}

impl Drop for Caretaker {
    fn drop(&mut self) {
        self.handle.abort();
    }
}
