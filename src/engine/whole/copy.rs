//! Copying a patch: all that one engine shows at a moment becomes the directory of another.
//!
//! The cells are written ahead as segments, in order, and become live by one flip, which demands that
//! nothing was written to the target meanwhile. A target that was not there before begins as a draft:
//! until the flip there is no patch.

use bytes::Bytes;
use std::rc::Rc;

use super::lifecycle::holds_any;
use super::walk::Walk;
use crate::backend::{Id, RecordKey};
use crate::blobs;
use crate::codec::cell::{PieceRef, Value};
use crate::codec::kinds::key::OF_LOG;
use crate::codec::value::attached::bytes_beside;
use crate::engine::core::instance::Core;
use crate::engine::core::loading::LoadError;
use crate::engine::keyspace::access::{Answer, KeyRange, Need};
use crate::engine::keyspace::ranges::Ranges;
use crate::engine::keyspace::view::View;
use crate::engine::log::reading::renewed_view;
use crate::engine::store::load::load;
use crate::engine::store::pieces::{is_piece, seal_piece};
use crate::engine::store::staging::SegmentSink;
use crate::engine::upkeep::cut::cut;
use crate::engine::upkeep::flip::Flip;
use crate::engine::upkeep::flush;
use crate::engine::upkeep::{merge, policy};
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::sorted::SortedMap;

/// How often a copy is begun before it is given up.
const TRIES: u32 = 10;

/// Copies everything to a target that holds nothing in `ranges`.
///
/// # Errors
/// `Exists` when the target holds anything in `ranges`, `Closed` when `stopped` says so, `Conflict` when others
/// got in between each time, `StorageQuotaExceeded`, …
pub async fn copy(
    source: Rc<Core>,
    target: Rc<Core>,
    ranges: Vec<KeyRange>,
    stopped: Rc<dyn Fn() -> bool>,
) -> Result<()> {
    for _ in 0..TRIES {
        let is_draft = !target.state.borrow().head.is_live();
        match try_copy(&source, &target, &ranges, &*stopped).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            // Another copy was made of the draft meanwhile, under a key that nobody has here.
            Err(error)
                if [Code::Corrupt, Code::Encrypted].contains(&error.code())
                    && is_draft
                    && target.vault.is_some() =>
            {
                return Err(occupied());
            }
            Err(error) => return Err(error),
        }
    }
    Err(Error::new(
        Code::Conflict,
        "the patch is being written faster than it can be copied",
    ))
}

fn occupied() -> Error {
    Error::new(Code::Exists, "the target patch already holds data")
}

/// False: it must be begun anew, since records of the source were merged away under it, or something was
/// written to the target meanwhile, which the target has taken in then.
async fn try_copy(
    source: &Rc<Core>,
    target: &Rc<Core>,
    ranges: &[KeyRange],
    stopped: &dyn Fn() -> bool,
) -> Result<bool> {
    if stopped() {
        return Err(Error::closed());
    }
    let pass = target.maintenance.enter().await;
    flush::flush(target, &pass).await?;
    // What is not committed has no place and no stamp yet.
    let view = source.view().committed();
    let mut flip = Flip::new(target);
    // What is looked at is what the flip is built upon: whatever comes later makes it fail.
    let held = match holds_any(target, ranges) {
        Answer::Ready(held) => held,
        Answer::Later(held) => held.await,
    };
    if held? {
        return Err(occupied());
    }
    // Void is what others have sealed upon the empty patch; and that the log was cut past what they
    // know is how they learn that anything may have changed.
    flip.new_generation = true;
    flip.position += 1;
    {
        let state = source.state.borrow();
        flip.order_after(state.head.base.saturating_add(state.known));
        flip.log_after(target, state.head.op_log.as_ref(), state.next_stamp.get());
        flip.take_features(target, &state.head);
    }
    fill_and_flip(source, target, flip, &view, false, stopped).await
}

/// Puts what `view` shows in place of what the flip has, and makes it live. `whole`: with the entries of the log, and what
/// has expired. False: others got in between.
///
/// # Errors
/// As [`copy`].
pub async fn fill_and_flip(
    source: &Rc<Core>,
    target: &Rc<Core>,
    mut flip: Flip,
    view: &View,
    whole: bool,
    stopped: &dyn Fn() -> bool,
) -> Result<bool> {
    flip.take_catalog(&view.catalog, &source.state.borrow().head);
    let mut filling = Filling {
        source,
        target,
        whole,
        moved: SortedMap::new(),
    };
    let error = match filling.fill(&mut flip, view, stopped).await {
        Ok(()) if whole && stopped() => Error::closed().into(),
        Ok(()) => {
            let copied = flip.run(target).await?;
            target.backend().notify();
            return Ok(copied);
        }
        Err(error) => error,
    };
    flip.staging.abandon().await;
    match error {
        LoadError::Missing => renewed_view(source, view).await.map(|_| false),
        LoadError::Fail(error) => Err(error),
    }
}

struct Filling<'a> {
    source: &'a Rc<Core>,
    target: &'a Rc<Core>,
    whole: bool,
    /// What pieces that several cells cite have become.
    moved: SortedMap<Id, Value>,
}

impl Filling<'_> {
    async fn fill(
        &mut self,
        flip: &mut Flip,
        view: &View,
        stopped: &dyn Fn() -> bool,
    ) -> Result<(), LoadError> {
        let (source, target) = (self.source, self.target);
        // No record is there, but what is left of some may be.
        let mut all = Ranges::default();
        all.add(&KeyRange::everything());
        cut(target, flip, &all).await?;
        let mut walk = Walk::new(source, view, &KeyRange::everything());
        walk.keep_expired = self.whole;
        let mut sink = SegmentSink::new(target, false, 0);
        while let Some((key, mut cell)) = walk.next(source).await? {
            if stopped() {
                return Err(Error::closed().into());
            }
            // A copy is another device: the source's entries are no writes of it.
            let kind = key.first().copied().unwrap_or_default();
            // planted: log-copied
            if (OF_LOG.0..=OF_LOG.1).contains(&kind) && !self.whole {
                continue;
            }
            if let Some(piece) = cell.cited_piece() {
                cell.value = self.moved(flip, piece).await?;
            }
            sink.push(&mut flip.staging, &key, &cell).await?;
        }
        sink.close(&mut flip.staging).await?;
        // The uppermost level that has room for all of it.
        let stored: u64 = sink.entries.iter().map(|entry| entry.stored).sum();
        let at = policy::level_for(stored, &target.options.limits);
        while flip.root.levels.len() <= at {
            flip.root.levels.push(Vec::new());
        }
        merge::replace(target, flip, at, &[], sink.entries).await
    }

    /// What a piece of the source is in the target.
    async fn moved(&mut self, flip: &mut Flip, piece: PieceRef) -> Result<Value, LoadError> {
        let is_shared = self.whole && piece.shared;
        if is_shared && let Some(moved) = self.moved.get(&piece.id) {
            return Ok(moved.clone());
        }
        let mut value = value_of(self.source, &piece).await?;
        if self.target.backend().seals() && blobs::any(&value) {
            value = self.with_blobs_inside(value).await?;
        }
        if !is_piece(&value) {
            return Ok(Value::Inline(value));
        }
        let (mut copied, record) = seal_piece(self.target, &value)?;
        copied.shared = is_shared;
        flip.staging
            .put(RecordKey::Piece(copied.id), record)
            .await?;
        let moved = Value::Piece(copied);
        if is_shared {
            self.moved.insert(piece.id, moved.clone());
        }
        Ok(moved)
    }

    /// A value whose Blobs would lie in the clear.
    async fn with_blobs_inside(&self, value: Bytes) -> Result<Bytes> {
        let bytes = bytes_beside(&value).saturating_add(value.len() as u64);
        if bytes > limits::MAX_VALUE_BYTES as u64 {
            return Err(Error::new(
                Code::NotStorable,
                format!(
                    "a value with its Blobs has {bytes} bytes; encrypted, it may have {}",
                    limits::MAX_VALUE_BYTES
                ),
            ));
        }
        limits::room_for(bytes as usize)?;
        match &self.target.vault {
            Some(vault) => vault.bulk.inline(value).await,
            None => Err(Error::internal("what is encrypted has no keys")),
        }
    }
}

async fn value_of(source: &Rc<Core>, piece: &PieceRef) -> Result<Bytes, LoadError> {
    loop {
        if let Some(value) = source.context.cache.piece(piece.id) {
            return Ok(value);
        }
        load(source, Need::Piece(piece.id).into()).await?;
    }
}
