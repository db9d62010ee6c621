//! Copying a patch: all that one engine shows at a moment becomes the directory of another.
//!
//! The cells are written ahead as segments, in order, and become live by one flip, which demands that
//! nothing was written to the target meanwhile. A target that was not there before begins as a draft:
//! until the flip there is no patch.

use bytes::Bytes;
use std::rc::Rc;

use super::lifecycle::holds_any;
use super::walk::Walk;
use crate::backend::RecordKey;
use crate::codec::cell::{PieceRef, Value};
use crate::codec::kinds::key::OF_LOG;
use crate::engine::core::instance::Core;
use crate::engine::core::loading::LoadError;
use crate::engine::keyspace::access::{Answer, KeyRange, Need};
use crate::engine::keyspace::ranges::Ranges;
use crate::engine::keyspace::view::View;
use crate::engine::log::reading::renewed_view;
use crate::engine::store::load::load;
use crate::engine::store::pieces::seal_piece;
use crate::engine::store::staging::SegmentSink;
use crate::engine::upkeep::cut::cut;
use crate::engine::upkeep::flip::Flip;
use crate::engine::upkeep::flush;
use crate::engine::upkeep::{merge, policy};
use crate::error::{Code, Error, Result};

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
        if try_copy(&source, &target, &ranges, &*stopped).await? {
            return Ok(());
        }
    }
    Err(Error::new(
        Code::Conflict,
        "the patch is being written faster than it can be copied",
    ))
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
        return Err(Error::new(
            Code::Exists,
            "the target patch already holds data",
        ));
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
    let error = match fill(source, target, &mut flip, &view, stopped).await {
        Ok(()) => {
            let copied = flip.run(target).await?;
            target.backend().notify();
            return Ok(copied);
        }
        Err(error) => error,
    };
    flip.staging.abandon().await;
    match error {
        LoadError::Missing => renewed_view(source, &view).await.map(|_| false),
        LoadError::Fail(error) => Err(error),
    }
}

/// Puts what `view` shows in place of what the flip has.
async fn fill(
    source: &Rc<Core>,
    target: &Rc<Core>,
    flip: &mut Flip,
    view: &View,
    stopped: &dyn Fn() -> bool,
) -> Result<(), LoadError> {
    // No record is there, but what is left of some may be.
    let mut all = Ranges::default();
    all.add(&KeyRange::everything());
    cut(target, flip, &all).await?;
    let mut walk = Walk::new(source, view, &KeyRange::everything());
    let mut sink = SegmentSink::new(target, false, 0);
    while let Some((key, mut cell)) = walk.next(source).await? {
        if stopped() {
            return Err(Error::closed().into());
        }
        // A copy is another device: the source's entries are no writes of it.
        // planted: log-copied
        if (OF_LOG.0..=OF_LOG.1).contains(&key.first().copied().unwrap_or_default()) {
            continue;
        }
        if let Some(piece) = cell.cited_piece() {
            let (copied, record) = seal_piece(target, &value_of(source, &piece).await?)?;
            flip.staging
                .put(RecordKey::Piece(copied.id), record)
                .await?;
            cell.value = Value::Piece(copied);
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

async fn value_of(source: &Rc<Core>, piece: &PieceRef) -> Result<Bytes, LoadError> {
    loop {
        if let Some(value) = source.context.cache.piece(piece.id) {
            return Ok(value);
        }
        load(source, Need::Piece(piece.id).into()).await?;
    }
}
