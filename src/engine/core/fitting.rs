//! Views on which what is pending fits what is committed.

use futures_channel::oneshot;
use futures_util::future::{LocalBoxFuture, ready};
use futures_util::{FutureExt, TryFutureExt};
use std::rc::Rc;

use super::instance::Core;
use super::queue::Waiting;
use crate::engine::keyspace::view::View;
use crate::error::{Error, Result};

/// Something to be put in line, and the view of when its turn comes.
pub fn view_to_come(core: &Rc<Core>) -> (Waiting, oneshot::Receiver<Rc<View>>) {
    let (sender, turn) = oneshot::channel();
    let core = core.clone();
    let start = move || drop(sender.send(core.view()));
    (Waiting::Turn(Box::new(start)), turn)
}

/// The view of the first moment from now on at which what is pending fits what is committed, for who has begun.
///
/// # Errors
/// `Closed`.
pub fn fitting_view(core: &Rc<Core>) -> LocalBoxFuture<'static, Result<Rc<View>>> {
    if !core.state.borrow().queue.is_paused() {
        return ready(Ok(core.view())).boxed_local();
    }
    let (start, turn) = view_to_come(core);
    core.state.borrow_mut().queue.line.push_front(start);
    turn.map_err(|_| Error::closed()).boxed_local()
}
