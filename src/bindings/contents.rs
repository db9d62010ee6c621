//! Contents, for JavaScript.

use bytes::Bytes;
use futures_util::FutureExt;
use js_sys::{Array, Promise, Uint8Array};
use sha2::{Digest, Sha256};
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::outcome::{self, Returned};
use super::refused::refused;
use super::session::AnySession;
use super::{errors, host};
use crate::crossing;
use crate::engine::access::{Session, afresh};
use crate::engine::{Engine, Notice, Subscription};
use crate::env::Env;
use crate::error::{Error, Result};
use crate::limits;
use crate::models::contents::{
    self, Finish, Held, Holders, List, Listed, PIECE_BYTES, Pieces, Touch, any_of_size, collect_all,
};
use crate::record::{ContentHash, Id};

/// Contents listed at once.
const PAGE: usize = 256;

fn thrown(error: Error) -> JsValue {
    errors::to_js(&error)
}

fn hash_of(hex: &str) -> Result<ContentHash, JsValue> {
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

fn hex_of(hash: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
    let digits = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(digit).collect()
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
    /// The size of a content, in bytes; undefined if it is not here.
    pub fn size(&self, hash: &str) -> Returned {
        let hash = hash_of(hash)?;
        let found = self
            .session
            .read(Box::new(move |r| contents::content(r, &hash)));
        outcome::read(found, |content| match content {
            Some(content) => outcome::count(content.size),
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

    /// Some pieces of a content, from `from` (inclusive) to `until` (exclusive), as a list of bytes; undefined if it is not here. Each
    /// piece has `pieceBytes`, the last one what is left.
    #[wasm_bindgen(unchecked_return_type = "Promise<Uint8Array[] | undefined>")]
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
                    pieces.step(r, &mut |bytes| {
                        let bytes = crossing::bytes(bytes).map_err(refused)?;
                        out.push(&bytes.into());
                        Ok(())
                    })?;
                }
                Ok(out.clone().into())
            },
        ));
        outcome::read(read, Ok)
    }

    /// The size of all pieces but the last, in bytes.
    #[wasm_bindgen(js_name = pieceBytes)]
    #[must_use]
    pub fn piece_bytes(&self) -> u32 {
        PIECE_BYTES as u32
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

/// Puts one content, or puts one again.
#[wasm_bindgen]
pub struct UploadPort {
    engine: Engine,
    id: Id,
    hasher: Option<Sha256>,
    pieces: u32,
    size: u64,
}

fn now_ms() -> u64 {
    host::env().now_ms() as u64
}

impl UploadPort {
    /// The beginning of one.
    #[must_use]
    pub fn new(engine: &Engine, hashes: bool) -> Self {
        let mut id = Id([0; 16]);
        host::env().fill_random(&mut id.0);
        Self {
            engine: engine.clone(),
            id,
            hasher: hashes.then(Sha256::new),
            pieces: 0,
            size: 0,
        }
    }
}

#[wasm_bindgen]
impl UploadPort {
    /// Stores the next piece, of `pieceBytes`, the last one of what is left.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn piece(&mut self, bytes: &Uint8Array) -> Result<Promise, JsValue> {
        let length = bytes.length() as usize;
        limits::within("a piece of a content", length, PIECE_BYTES).map_err(thrown)?;
        limits::room_for(length + 1).map_err(thrown)?;
        // (So that it does not begin as stored values do.)
        let mut piece = vec![0; length + 1];
        if let Some(content) = piece.get_mut(1..) {
            bytes.copy_to(content);
            if let Some(hasher) = &mut self.hasher {
                hasher.update(&*content);
            }
        }
        let (upload, n, piece) = (self.id, self.pieces, Bytes::from(piece));
        self.pieces += 1;
        self.size += length as u64;
        let now_ms = now_ms();
        let written = self.engine.write(Box::new(move |w| {
            contents::put_piece(w, upload, n, &piece, now_ms)
        }));
        Ok(outcome::promise(written, outcome::nothing))
    }

    /// The SHA-256 of the pieces so far, where they are hashed here, as hex digits.
    pub fn hash(&mut self) -> Option<String> {
        let hasher = self.hasher.take()?;
        Some(hex_of(&hasher.finalize()))
    }

    /// Makes the pieces the content of this hash, or lets them go if that is here already.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn finish(&self, hash: &str) -> Result<Promise, JsValue> {
        let finish = Finish {
            upload: self.id,
            hash: hash_of(hash)?,
            size: self.size,
            now_ms: now_ms(),
        };
        let finished = self.engine.write(Box::new(move |w| finish.step(w)));
        Ok(outcome::promise(finished, outcome::nothing))
    }

    /// Lets the pieces go.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn abandon(&self) -> Promise {
        let upload = self.id;
        let gone = self
            .engine
            .write(Box::new(move |w| contents::abandon(w, upload)));
        outcome::promise(gone, outcome::nothing)
    }

    /// Puts a content that may be here already: resolves to its size in bytes; to undefined if it is not here.
    #[wasm_bindgen(unchecked_return_type = "Promise<number | undefined>")]
    pub fn touch(&self, hash: &str) -> Result<Promise, JsValue> {
        let touch = Touch {
            upload: self.id,
            hash: hash_of(hash)?,
            now_ms: now_ms(),
        };
        let touched = self.engine.write(Box::new(move |w| touch.step(w)));
        Ok(outcome::promise(touched, |size| match size {
            Some(size) => outcome::count(size),
            None => Ok(JsValue::UNDEFINED),
        }))
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
