//! Putting contents.

use bytes::Bytes;
use js_sys::{Promise, Uint8Array};
use sha2::{Digest, Sha256};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::contents::{for_each_bit, hash_of, hex_of, thrown};
use super::{host, outcome};
use crate::blobs;
use crate::engine::Engine;
use crate::engine::access::Session;
use crate::env::Env;
use crate::error::Result;
use crate::limits;
use crate::models::contents::{self, BESIDE_BYTES, Beside, Finish, PIECE_BYTES, Sum, Touch, Whole};
use crate::record::Id;

/// Puts one content, or puts one again.
#[wasm_bindgen]
pub struct UploadPort {
    engine: Engine,
    id: Id,
    hasher: Option<Sha256>,
    pieces: u32,
    size: u64,
    piece_bytes: usize,
}

fn now_ms() -> u64 {
    host::env().now_ms() as u64
}

fn new_id() -> Id {
    let mut id = Id([0; 16]);
    host::env().fill_random(&mut id.0);
    id
}

impl UploadPort {
    /// The beginning of one.
    #[must_use]
    pub fn new(engine: &Engine, hashes: bool, beside: bool) -> Self {
        Self {
            engine: engine.clone(),
            id: new_id(),
            hasher: hashes.then(Sha256::new),
            pieces: 0,
            size: 0,
            piece_bytes: if beside { BESIDE_BYTES } else { PIECE_BYTES },
        }
    }

    /// A piece as it is stored, of which `blob` has the bytes, if there is one.
    fn stored(&mut self, bytes: &Uint8Array, blob: JsValue) -> Result<Bytes> {
        let length = bytes.length() as usize;
        limits::within("a piece of a content", length, self.piece_bytes)?;
        self.pieces += 1;
        self.size += length as u64;
        if blob.is_undefined() {
            limits::room_for(length + 1)?;
            // (So that it does not begin as stored values do.)
            let mut piece = vec![0; length + 1];
            if let Some(content) = piece.get_mut(1..) {
                bytes.copy_to(content);
                if let Some(hasher) = &mut self.hasher {
                    hasher.update(&*content);
                }
            }
            return Ok(piece.into());
        }
        let name = new_id();
        let mut sum = Sum::of(name);
        for_each_bit(bytes, &mut |bit| {
            sum.update(bit);
            if let Some(hasher) = &mut self.hasher {
                hasher.update(bit);
            }
        });
        let (size, sum) = (length as u64, sum.finish());
        let value = Beside { name, size, sum }.encode()?;
        blobs::offered(value, vec![Rc::new(blob)])
    }

    fn finished(&self, hash: &str) -> Result<Finish, JsValue> {
        Ok(Finish {
            upload: self.id,
            hash: hash_of(hash)?,
            size: self.size,
            piece_bytes: self.piece_bytes as u64,
            now_ms: now_ms(),
        })
    }
}

#[wasm_bindgen]
impl UploadPort {
    /// The size of all pieces but the last, in bytes.
    #[wasm_bindgen(js_name = pieceBytes)]
    #[must_use]
    pub fn piece_bytes(&self) -> u32 {
        self.piece_bytes as u32
    }

    /// Stores the next piece, of `pieceBytes`, the last one of what is left; `blob`, if there is one, has its bytes, too, and is stored
    /// in their place.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn piece(
        &mut self,
        bytes: &Uint8Array,
        #[wasm_bindgen(unchecked_param_type = "Blob | undefined")] blob: JsValue,
    ) -> Result<Promise, JsValue> {
        let (upload, n) = (self.id, self.pieces);
        let piece = self.stored(bytes, blob).map_err(thrown)?;
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
        let finish = self.finished(hash)?;
        let finished = self.engine.write(Box::new(move |w| finish.step(w)));
        Ok(outcome::promise(finished, outcome::nothing))
    }

    /// The only piece, and [`UploadPort::finish`], in one commit.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn whole(
        &mut self,
        hash: &str,
        bytes: &Uint8Array,
        #[wasm_bindgen(unchecked_param_type = "Blob | undefined")] blob: JsValue,
    ) -> Result<Promise, JsValue> {
        let piece = self.stored(bytes, blob).map_err(thrown)?;
        let finish = self.finished(hash)?;
        let whole = Whole { finish, piece };
        let stored = self.engine.write(Box::new(move |w| whole.step(w)));
        Ok(outcome::promise(stored, outcome::nothing))
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
