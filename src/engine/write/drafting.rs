//! Making drafts of calls, and telling whether they still hold.

use std::rc::Rc;

use crate::engine::core::bury::Made;
use crate::engine::core::group::{LARGE_BYTES, Work};
use crate::engine::core::instance::Core;
use crate::engine::core::loading::LoadError;
use crate::engine::core::queue::Submission;
use crate::engine::core::recent::Since;
use crate::engine::core::state::State;
use crate::engine::keyspace::access::{Attempt, Stop};
use crate::engine::keyspace::draft::Draft;
use crate::engine::keyspace::read_set::ReadSet;
use crate::engine::keyspace::view::View;
use crate::engine::log::reading::renewed_view;
use crate::engine::store::load::load;
use crate::error::{Error, Result};

/// Operations are put into a large memtable this many at a time.
pub const SLICE_OPS: usize = 1_000;

/// Runs an attempt with newcomers held: work may call back into user code that calls in again.
pub fn guarded(core: &Rc<Core>, work: &Work, draft: &mut Draft) -> Attempt<()> {
    core.state.borrow_mut().queue.hold += 1;
    let attempt = match work.try_borrow_mut() {
        Ok(mut work) => work(draft).and_then(|()| Ok(draft.check_size()?)),
        Err(_) => Err(Stop::Fail(Error::internal(
            "a call's work ran inside itself",
        ))),
    };
    release(core);
    attempt
}

/// Ends a hold; closing has ended all of them already.
fn release(core: &Core) {
    let hold = &mut core.state.borrow_mut().queue.hold;
    *hold = hold.saturating_sub(1);
}

/// A draft, and upon what it was made.
pub struct Drafted {
    /// The batch, and what it read.
    pub draft: Draft,
    /// What was known when it was begun.
    pub since: Since,
    /// The view upon which it was begun.
    pub view: Rc<View>,
}

impl Drafted {
    /// Nothing yet, upon what is seen now.
    pub fn new(core: &Rc<Core>, id: u64) -> Self {
        let view = core.view();
        Self {
            draft: Draft::new(core.context.clone(), view.clone(), id),
            since: core.state.borrow().since_now(),
            view,
        }
    }

    /// Whether what it read has been touched since.
    pub fn is_overtaken(&self, core: &Rc<Core>) -> bool {
        overtaken(core, &self.since, &self.draft.reads, &self.view)
    }
}

/// Whether a draft is shown, and written ahead, in slices.
pub fn is_large(draft: &Draft) -> bool {
    draft.bytes > LARGE_BYTES || draft.ops.len() > SLICE_OPS
}

/// Whether a draft need not go through the line: it is made ready at once, and may stand beside others.
pub fn is_plain(core: &Core, draft: &Draft) -> bool {
    // planted: line-unbarred
    let is_alone = draft.changes_catalog;
    !is_large(draft) && !is_alone && !core.lacks(draft.needs())
}

/// The memtable of a large draft, built in slices.
pub async fn large_table(core: &Rc<Core>, draft: &Draft) -> Option<Made> {
    if !is_large(draft) {
        return None;
    }
    let mut made = Made::new(core);
    for slice in draft.ops.chunks(SLICE_OPS) {
        slice.iter().for_each(|op| made.table().apply(op));
        core.env().yield_now().await;
    }
    Some(made)
}

/// Runs a submission's work until it has a batch that nothing has overtaken.
pub async fn run_draft(core: &Rc<Core>, submission: &Submission) -> Result<Drafted> {
    'fresh: loop {
        core.check_open_or_closing()?;
        let mut drafted = Drafted::new(core, submission.id);
        loop {
            match guarded(core, &submission.work, &mut drafted.draft) {
                Ok(()) => break,
                Err(Stop::Fail(error)) => return Err(error),
                Err(Stop::Yield) => core.env().yield_now().await,
                Err(Stop::Need(need)) => match load(core, *need).await {
                    Ok(()) => {}
                    Err(LoadError::Fail(error)) => return Err(error),
                    Err(LoadError::Missing) => {
                        renewed_view(core, &drafted.view).await?;
                        continue 'fresh;
                    }
                },
            }
            drafted.draft.again();
        }
        if !drafted.is_overtaken(core) {
            return Ok(drafted);
        }
    }
}

/// Whether frames taken in after `since` touch what was read, or own calls under it failed.
fn overtaken(core: &Rc<Core>, since: &Since, reads: &ReadSet, view: &Rc<View>) -> bool {
    let state = core.state.borrow();
    if reads.is_empty() {
        return state.is_other_since(since);
    }
    // Own calls may have been committed (which changes their provisional places), rebuilt or
    // failed meanwhile: cheaper to run again than to tell these apart.
    let own_changed = view.own.len() != state.view.own.len()
        || view
            .own
            .iter()
            .zip(&state.view.own)
            .any(|(a, b)| !Rc::ptr_eq(a, b));
    own_changed || touched_since(&state, since, reads)
}

/// Whether frames after `since` touch what was read; true also when that is unknown, or something was switched on, or the
/// catalog is another one.
#[must_use]
pub fn touched_since(state: &State, since: &Since, reads: &ReadSet) -> bool {
    // (Where a damaged log has lost frames, less is known than is remembered.)
    state.is_other_since(since) || since.known != state.known && state.recent.touched(since, reads)
}
