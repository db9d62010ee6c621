//! Filling a flip's directory with cells from elsewhere, in order: what a copy, a conversion and an import have in common.

use bytes::Bytes;
use std::rc::Rc;

use crate::backend::RecordKey;
use crate::blobs;
use crate::codec::cell::{Cell, Value};
use crate::codec::value::attached::bytes_beside;
use crate::engine::core::instance::Core;
use crate::engine::core::loading::LoadError;
use crate::engine::keyspace::access::KeyRange;
use crate::engine::keyspace::ranges::Ranges;
use crate::engine::store::pieces::{is_piece, seal_piece};
use crate::engine::store::staging::SegmentSink;
use crate::engine::upkeep::cut::cut;
use crate::engine::upkeep::flip::Flip;
use crate::engine::upkeep::{merge, policy};
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::sealed::vault::Bulk;

/// A flip that is being filled.
pub struct Filling {
    target: Rc<Core>,
    /// What makes it live.
    pub flip: Flip,
    sink: SegmentSink,
}

impl Filling {
    /// Begins to fill a flip of an engine.
    #[must_use]
    pub fn new(target: &Rc<Core>, flip: Flip) -> Self {
        Self {
            target: target.clone(),
            flip,
            sink: SegmentSink::new(target, None, 0),
        }
    }

    /// Takes out what the flip has so far: no record is there, but what is left of some may be.
    ///
    /// # Errors
    /// What reading or writing fails with.
    pub async fn clear(&mut self) -> Result<()> {
        let mut all = Ranges::default();
        all.add(&KeyRange::everything());
        cut(&self.target, &mut self.flip, &all).await
    }

    /// Adds a cell; keys must ascend.
    ///
    /// # Errors
    /// What writing fails with.
    pub async fn push(&mut self, key: &Bytes, cell: &Cell) -> Result<()> {
        self.sink.push(&mut self.flip.staging, key, cell).await
    }

    /// What the value of a cell is to be: a piece of its own if it is large. `shared`: other cells will cite it, too.
    ///
    /// # Errors
    /// What writing fails with.
    pub async fn value(&mut self, value: Bytes, shared: bool) -> Result<Value> {
        if !is_piece(&value) {
            return Ok(Value::Inline(value));
        }
        let (mut piece, record) = seal_piece(&self.target, &value)?;
        piece.shared = shared;
        let key = RecordKey::Piece(piece.id);
        self.flip.staging.put(key, record).await?;
        Ok(Value::Piece(piece))
    }

    /// Puts what was added into the uppermost level that has room for all of it.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn end(&mut self) -> Result<(), LoadError> {
        self.sink.close(&mut self.flip.staging).await?;
        let entries = std::mem::take(&mut self.sink.entries);
        let stored: u64 = entries.iter().map(|entry| entry.stored).sum();
        let at = policy::level_for(stored, &self.target.options.limits);
        while self.flip.root.levels.len() <= at {
            self.flip.root.levels.push(Vec::new());
        }
        merge::replace(&self.target, &mut self.flip, at, &[], entries).await
    }
}

/// A value with the Blobs beside it inside, where they must not, or cannot, lie beside it.
///
/// # Errors
/// `NotStorable` if it is too large with them.
pub async fn with_blobs_inside(bulk: &dyn Bulk, value: Bytes) -> Result<Bytes> {
    if !blobs::any(&value) {
        return Ok(value);
    }
    let bytes = bytes_beside(&value).saturating_add(value.len() as u64);
    if bytes > limits::MAX_VALUE_BYTES as u64 {
        return Err(Error::new(
            Code::NotStorable,
            format!(
                "a value with its Blobs has {bytes} bytes; encrypted or in an archive, it may have {}",
                limits::MAX_VALUE_BYTES
            ),
        ));
    }
    limits::room_for(bytes as usize)?;
    bulk.inline(value).await
}
