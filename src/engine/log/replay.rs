//! Applying the frames of the log, one after the other; and which of them have an effect.

use bytes::Bytes;
use std::rc::Rc;

use super::flight;
use super::life::check_version;
use crate::codec::frame::{self, FrameHeader};
use crate::engine::core::group::Seen;
use crate::engine::core::instance::Core;
use crate::engine::core::notice::Notice;
use crate::engine::core::state::State;
use crate::error::{Error, Result};

/// Takes in one frame, if it is the next.
///
/// # Errors
/// `Corrupt`, `UnsupportedFormat`; `Closed`, where it begins or is a migration that leaves this tab behind.
pub fn take_frame(core: &Rc<Core>, number: u64, record: &Bytes) -> Result<()> {
    let (known, base) = {
        let state = core.state.borrow();
        (state.known, state.head.base)
    };
    if number <= known {
        return Ok(());
    }
    if number != known + 1 {
        return Err(Error::corrupt(format!(
            "frame {} of the log is missing",
            known + 1
        )));
    }
    // planted: needs-first
    let frame = frame::open(record)?;
    let header = frame.header;
    let fate = fate_of(&core.state.borrow(), &header, number);
    if fate != Fate::Applies {
        let mut state = core.state.borrow_mut();
        state.skip_to(number, record.len());
        note_void(core, &state, &header, number);
        return Ok(());
    }
    let mut batch = frame.batch()?;
    if batch.changes_catalog && core.declared.get().is_some() {
        let next = core.view().catalog.after(&batch.ops, number);
        check_version(core, &next)?;
    }
    let fill = (core.state.borrow_mut()).place(number, header.wall_ms, batch.stamps);
    batch.resolve(fill);
    let own = header.writer == core.writer;
    let writes = {
        let mut state = core.state.borrow_mut();
        // An own one that is not in flight was given up: what is queued was made without it.
        let is_news = !own || !flight::is_flying(&state, header.sequence);
        let writes = state.apply(
            &core.context.cache,
            number,
            (header.writer, header.sequence),
            &batch,
            record.len(),
        );
        state.recent.push(number, &writes);
        if is_news {
            // planted: touch-overlooked
            state.mark_stale(&writes);
        }
        if batch.changes_catalog {
            state.mark_made_under_another();
        }
        writes
    };
    if own {
        flight::landed(core, header.sequence, Some(base + number));
    }
    core.tell(&Notice::Commit {
        remote: !own,
        writes,
    });
    Ok(())
}

/// If it is this realm's frame in flight: leaves word that it has no effect.
fn note_void(core: &Core, state: &State, header: &FrameHeader, number: u64) {
    if header.writer == core.writer {
        flight::see(state, header.sequence, Seen::Void(number));
    }
}

#[derive(PartialEq, Eq)]
enum Fate {
    Applies,
    Void,
    Repeated,
}

fn fate_of(state: &State, header: &FrameHeader, number: u64) -> Fate {
    let is_of_now =
        header.incarnation == state.head.incarnation && header.generation == state.head.generation;
    // planted: catalog-unasked
    let is_of_catalog = header.catalog == state.view.catalog.change;
    // planted: other-number, void-applies, applies-twice
    if !is_of_now || !is_of_catalog || (header.required != 0 && header.required != number) {
        Fate::Void
    } else if state
        .seen
        .get(&header.writer)
        .is_some_and(|seen| header.sequence <= *seen)
    {
        Fate::Repeated
    } else {
        Fate::Applies
    }
}

/// Applies a frame that this realm has seen before.
///
/// # Errors
/// As [`take_frame`].
pub fn replay_quietly(core: &Rc<Core>, number: u64, record: &Bytes) -> Result<()> {
    let mut state = core.state.borrow_mut();
    if number != state.known + 1 {
        return Err(Error::corrupt(format!(
            "frame {} of the log is missing",
            state.known + 1
        )));
    }
    let frame = frame::open(record)?;
    let header = frame.header;
    if fate_of(&state, &header, number) != Fate::Applies {
        state.skip_to(number, record.len());
        note_void(core, &state, &header, number);
        return Ok(());
    }
    let mut batch = frame.batch()?;
    let fill = state.place(number, header.wall_ms, batch.stamps);
    batch.resolve(fill);
    state.apply(
        &core.context.cache,
        number,
        (header.writer, header.sequence),
        &batch,
        record.len(),
    );
    Ok(())
}
