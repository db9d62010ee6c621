//! Work on many records: given back in slices when it is done, since letting go of some hundred thousand of them
//! takes long.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::cell::RefCell;
use std::rc::Rc;

use crate::engine::access::{Attempt, Session, Writes};
use crate::env::Env;
use crate::error::Result;

/// Records that are let go of at once.
const SLICE: usize = 5_000;

/// Writing work that holds many records.
pub trait Many {
    /// What it comes to.
    type Done;
    /// Runs until it does not stop.
    ///
    /// # Errors
    /// A stop; what it fails with.
    fn step(&mut self, w: &mut dyn Writes) -> Attempt<Self::Done>;
    /// Lets go of about so many records; whether there are more.
    fn release(&mut self, count: usize) -> bool;
}

/// Has a session do the work; what it holds is let go of afterwards.
pub fn write<M: Many<Done: 'static> + 'static>(
    session: &impl Session,
    env: Rc<dyn Env>,
    many: M,
) -> LocalBoxFuture<'static, Result<M::Done>> {
    write_any(session, env, Rc::new(RefCell::new(many)))
}

/// Compiled once for each kind of result.
fn write_any<T: 'static>(
    session: &impl Session,
    env: Rc<dyn Env>,
    many: Rc<RefCell<dyn Many<Done = T>>>,
) -> LocalBoxFuture<'static, Result<T>> {
    let work = many.clone();
    let done = session.write(Box::new(move |w| work.borrow_mut().step(w)));
    let bury = {
        let env = env.clone();
        async move {
            while many.borrow_mut().release(SLICE) {
                env.yield_now().await;
            }
        }
    };
    done.map(move |done| {
        env.spawn(bury.boxed_local());
        done
    })
    .boxed_local()
}

/// Shortens a list; whether anything is left.
pub fn shorten<T>(list: &mut Vec<T>, count: usize) -> bool {
    list.truncate(list.len().saturating_sub(count));
    !list.is_empty()
}
