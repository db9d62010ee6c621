//! The barrier around a call that changes the catalog, and the place of calls in the line.
//!
//! Such a call shares neither a frame nor a moment with others of its realm: those before it are settled when it goes into
//! the queue, and those behind it are made when it is settled. Otherwise they would go by a catalog that is about to
//! change, and what is pending would be read under another one than it was made for.

use std::rc::Rc;

use crate::engine::core::instance::Core;

/// Whether a call that is being served must wait in line again: the queue is being rebuilt, or calls before it have come
/// back into the line.
pub fn comes_later(core: &Core, id: u64) -> bool {
    let queue = &core.state.borrow().queue;
    queue.is_paused() || queue.has_in_line_before(id)
}

/// The barrier behind a call that changes the catalog, if this is one: those behind it in the line are made under what it
/// makes of the catalog, and not before. It may come back into the line: what it does when it runs again may be of another
/// kind, and then of this one again.
pub async fn settled_alone(core: &Rc<Core>, is_alone: bool) {
    if is_alone {
        // It is in the queue now, where it is waited for.
        core.state.borrow_mut().queue.served = None;
        core.settled_before().await;
    }
}
