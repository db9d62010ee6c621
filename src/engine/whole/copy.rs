//! Copying a patch: all that one engine shows at a moment becomes the directory of another.
//!
//! The cells are written ahead as segments, in order, and become live by one flip, which demands that
//! nothing was written to the target meanwhile. A target that was not there before begins as a draft:
//! until the flip there is no patch.

use std::rc::Rc;

use super::filling::{Filling, with_blobs_inside};
use super::lifecycle::holds_any;
use super::walk::{Walk, is_of_log, value_of};
use crate::backend::Id;
use crate::codec::cell::{PieceRef, Value};
use crate::engine::core::gate::Pass;
use crate::engine::core::instance::Core;
use crate::engine::core::loading::LoadError;
use crate::engine::keyspace::access::{Answer, KeyRange};
use crate::engine::keyspace::view::View;
use crate::engine::log::reading::renewed_view;
use crate::engine::upkeep::flip::Flip;
use crate::engine::upkeep::flush;
use crate::error::{Code, Error, Result};
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

/// The error of a target that holds data.
pub fn occupied() -> Error {
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
    let mut flip = onto_nothing(target, &pass, ranges).await?;
    // What is not committed has no place and no stamp yet.
    let view = source.view().committed();
    {
        let state = source.state.borrow();
        flip.order_after(state.head.base.saturating_add(state.known));
        flip.log_after(target, state.head.op_log.as_ref(), state.next_stamp.get());
        flip.take_features(target, &state.head);
    }
    fill_and_flip(source, target, flip, &view, false, stopped).await
}

/// A flip that fills a target which holds nothing in `ranges`.
///
/// # Errors
/// `Exists` when it does; what reading or writing fails with.
pub async fn onto_nothing(target: &Rc<Core>, pass: &Pass, ranges: &[KeyRange]) -> Result<Flip> {
    flush::flush(target, pass).await?;
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
    Ok(flip)
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
    let mut copying = Copying {
        source,
        target,
        whole,
        filling: Filling::new(target, flip),
        moved: SortedMap::new(),
    };
    let error = match copying.fill(view, stopped).await {
        Ok(()) if whole && stopped() => Error::closed().into(),
        Ok(()) => {
            let copied = copying.filling.flip.run(target).await?;
            target.backend().notify();
            return Ok(copied);
        }
        Err(error) => error,
    };
    copying.filling.flip.staging.abandon().await;
    match error {
        LoadError::Missing => renewed_view(source, view).await.map(|_| false),
        LoadError::Fail(error) => Err(error),
    }
}

struct Copying<'a> {
    source: &'a Rc<Core>,
    target: &'a Rc<Core>,
    whole: bool,
    filling: Filling,
    /// What pieces that several cells cite have become.
    moved: SortedMap<Id, Value>,
}

impl Copying<'_> {
    async fn fill(&mut self, view: &View, stopped: &dyn Fn() -> bool) -> Result<(), LoadError> {
        let source = self.source;
        self.filling.clear().await?;
        let mut walk = Walk::new(source, view, &KeyRange::everything());
        walk.keep_expired = self.whole;
        while let Some((key, mut cell)) = walk.next(source).await? {
            if stopped() {
                return Err(Error::closed().into());
            }
            // A copy is another device: the source's entries are no writes of it.
            if is_of_log(&key) && !self.whole {
                continue;
            }
            if let Some(piece) = cell.cited_piece() {
                cell.value = self.moved(piece).await?;
            }
            self.filling.push(&key, &cell).await?;
        }
        self.filling.end().await
    }

    /// What a piece of the source is in the target.
    async fn moved(&mut self, piece: PieceRef) -> Result<Value, LoadError> {
        let is_shared = self.whole && piece.shared;
        if is_shared && let Some(moved) = self.moved.get(&piece.id) {
            return Ok(moved.clone());
        }
        let mut value = value_of(self.source, &piece).await?;
        if let Some(vault) = &self.target.vault {
            // Beside it, they would lie in the clear.
            value = with_blobs_inside(&*vault.bulk, value).await?;
        }
        let moved = self.filling.value(value, is_shared).await?;
        if is_shared {
            self.moved.insert(piece.id, moved.clone());
        }
        Ok(moved)
    }
}
