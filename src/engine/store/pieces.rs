//! Pieces: large values, each a record of its own.

use bytes::Bytes;
use std::rc::Rc;

use crate::blobs;
use crate::codec::cell::{PIECE_BYTES, PieceRef};
use crate::codec::seal::{self, Record};
use crate::codec::value::attached::bytes_beside;
use crate::engine::core::instance::Core;
use crate::error::Result;
use crate::limits;

/// Whether a value is stored as a piece: it is large, or Blobs lie beside it.
pub fn is_piece(value: &[u8]) -> bool {
    value.len() > PIECE_BYTES || blobs::any(value)
}

/// A new piece, and its record; its value stays warm. With Blobs it does not: those that the store gives back
/// last longer than a caller's, which may be of files that change.
///
/// # Errors
/// `Internal` when a Blob is missing, `LimitExceeded` where there is no memory for it.
pub fn seal_piece(core: &Rc<Core>, value: &Bytes) -> Result<(PieceRef, Bytes)> {
    limits::room_for(value.len())?;
    let id = core.new_id();
    let of = Record::piece(id);
    let mut out = seal::start(of, value.len());
    out.extend_from_slice(value);
    let mut record = seal::finish(of, out);
    let mut len = value.len() as u64;
    if blobs::any(value) {
        blobs::all(value)?;
        record = blobs::held(record);
        len = len.saturating_add(bytes_beside(value));
    } else {
        core.context.cache.put_piece(id, value.clone());
    }
    let shared = false;
    Ok((PieceRef { id, len, shared }, record))
}
