//! Where work leaves its result, so that what runs it need not know of which type that is: the
//! machinery is compiled once, not once per type.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::cell::Cell;
use std::rc::Rc;

use crate::engine::keyspace::access::{ReadWork, WriteWork};
use crate::error::{Error, Result};

/// A place for the result of some work.
pub struct Slot<T>(Rc<Cell<Option<T>>>);

impl<T: 'static> Slot<T> {
    /// Reading work without a result, and where its result will be.
    #[must_use]
    pub fn around_read(mut work: ReadWork<T>) -> (ReadWork<()>, Self) {
        let slot = Rc::new(Cell::new(None));
        let fill = slot.clone();
        let work: ReadWork<()> = Box::new(move |reads| {
            fill.set(Some(work(reads)?));
            Ok(())
        });
        (work, Self(slot))
    }

    /// The same for writing work.
    #[must_use]
    pub fn around_write(mut work: WriteWork<T>) -> (WriteWork<()>, Self) {
        let slot = Rc::new(Cell::new(None));
        let fill = slot.clone();
        let work: WriteWork<()> = Box::new(move |writes| {
            fill.set(Some(work(writes)?));
            Ok(())
        });
        (work, Self(slot))
    }

    /// The result, once the work has ended.
    ///
    /// # Errors
    /// `Internal` when there is none.
    pub fn take(self) -> Result<T> {
        let value = self.0.take();
        value.ok_or_else(|| Error::internal("finished work left no result"))
    }

    /// The result after `done`.
    pub fn after(
        self,
        done: LocalBoxFuture<'static, Result<()>>,
    ) -> LocalBoxFuture<'static, Result<T>> {
        done.map(|done| done.and_then(|()| self.take()))
            .boxed_local()
    }
}
