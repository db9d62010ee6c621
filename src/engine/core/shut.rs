//! The end of an engine, whatever ends it.

use std::rc::Rc;

use super::instance::Core;
use super::notice::Notice;
use super::options::Reason;
use super::turns::Turns;

/// Closes at once: what is queued fails, but for the frame in flight, whose end the committer still
/// hears: it may have taken effect.
pub fn shut(core: &Rc<Core>, reason: Reason) {
    let (backend, queue) = {
        let mut state = core.state.borrow_mut();
        if state.closed.is_some() {
            return;
        }
        state.closed = Some(reason);
        state.turns = Turns::default();
        let committing = state.queue.committing;
        let mut queue = std::mem::take(&mut state.queue);
        let in_flight = queue.groups.front().is_some_and(|g| g.flight.is_some());
        if committing && in_flight {
            state.queue.groups.extend(queue.groups.pop_front());
        }
        // The committer, if it runs, finds nothing more to do after that and ends by itself.
        state.queue.committing = committing;
        queue.hold = 0;
        (state.backend.clone(), queue)
    };
    let error = core.check_open_or_closing().err();
    for group in queue.groups {
        if let Some(error) = &error {
            group.fail(error);
        }
    }
    // Those in line learn it by their dropped senders.
    drop(queue.line);
    backend.close();
    core.context.cache.clear();
    core.tell_idle();
    leave(core);
    core.tell(&Notice::Closed(reason));
}

/// The connector may forget its keys once nothing needs them: what is in flight is heard to its end.
fn leave(core: &Rc<Core>) {
    if core.state.borrow().queue.groups.is_empty() {
        core.connector.left();
        return;
    }
    let last = core.clone();
    core.env().spawn(Box::pin(async move {
        last.settled().await;
        last.connector.left();
    }));
}
