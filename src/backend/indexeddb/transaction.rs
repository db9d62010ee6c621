//! Transactions under way: how each comes to exactly one end.

use crate::sorted::SortedMap;
use futures_channel::oneshot;
use std::cell::{Cell, RefCell};
use wasm_bindgen::prelude::*;
use web_sys::{Event, IdbRequest, IdbTransaction};

use crate::backend::{Failure, Settled};

/// How a transaction ended, as the browser tells.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Completed,
    Aborted,
}

/// The transactions of one connection that have not come to their end.
#[derive(Default)]
pub(super) struct Ledger {
    last_id: Cell<u64>,
    unsettled: RefCell<SortedMap<u64, Unsettled>>,
}

/// A handler of events, freed with this.
pub(super) type Handler = Closure<dyn FnMut(Event)>;

/// A transaction and its handlers. Dropped, it hears nothing more, and who waits for it gets
/// `Lost` unless it was settled.
struct Unsettled {
    transaction: IdbTransaction,
    last: Option<IdbRequest>,
    _on_end: Handler,
    in_between: Option<(IdbRequest, Handler)>,
}

impl Drop for Unsettled {
    fn drop(&mut self) {
        self.transaction.set_oncomplete(None);
        self.transaction.set_onabort(None);
        let heard = self.in_between.iter().map(|(request, _)| request);
        for request in heard.chain(&self.last) {
            request.set_onsuccess(None);
            request.set_onerror(None);
        }
    }
}

impl Ledger {
    /// Settles with what `outcome` makes of the end of `transaction`, which for a reading one is the
    /// success of its `last` request. `in_between` is a request and what runs at its success. `ended` is called last, with the entry's number, which
    /// is returned too.
    pub fn enter<T: 'static>(
        &self,
        transaction: IdbTransaction,
        last: Option<IdbRequest>,
        in_between: Option<(IdbRequest, Handler)>,
        outcome: impl FnOnce(End) -> Result<T, Failure> + 'static,
        ended: impl FnOnce(u64) + 'static,
    ) -> (u64, Settled<T>) {
        let id = self.last_id.get() + 1;
        self.last_id.set(id);
        let (settle, settled) = oneshot::channel();
        let mut tell = Some((settle, outcome, ended));
        let on_end: Handler = Closure::new(move |event: Event| {
            let kind = event.type_();
            if kind == "error" && is_of_abort(&event) {
                // The transaction's own event tells why.
                return;
            }
            let end = if kind == "abort" || kind == "error" {
                End::Aborted
            } else {
                End::Completed
            };
            if let Some((settle, outcome, ended)) = tell.take() {
                // Nobody may be waiting any more.
                let _ = settle.send(outcome(end));
                ended(id);
            }
        });
        match &last {
            Some(last) => {
                last.set_onsuccess(Some(on_end.as_ref().unchecked_ref()));
                // A large value that cannot be read fails in Chromium after the transaction has completed, which
                // does not abort any more.
                last.set_onerror(Some(on_end.as_ref().unchecked_ref()));
            }
            None => transaction.set_oncomplete(Some(on_end.as_ref().unchecked_ref())),
        }
        transaction.set_onabort(Some(on_end.as_ref().unchecked_ref()));
        if let Some((request, handler)) = &in_between {
            request.set_onsuccess(Some(handler.as_ref().unchecked_ref()));
        }
        let unsettled = Unsettled {
            transaction,
            last,
            _on_end: on_end,
            in_between,
        };
        self.unsettled.borrow_mut().insert(id, unsettled);
        (
            id,
            Box::pin(async move { settled.await.unwrap_or(Err(Failure::Lost)) }),
        )
    }

    /// Strikes off a transaction that has ended, or whose end is known.
    pub fn leave(&self, id: u64) {
        let ended = self.unsettled.borrow_mut().remove(&id);
        drop(ended);
    }

    /// Whether every transaction has ended.
    pub fn is_empty(&self) -> bool {
        self.unsettled.borrow().is_empty()
    }

    /// Ends every transaction as `Lost`.
    pub fn lose_all(&self) {
        let lost = self.unsettled.take();
        drop(lost);
    }
}

/// Whether a request has failed because its transaction was aborted.
fn is_of_abort(event: &Event) -> bool {
    let request = event.target().map(|of| of.unchecked_into::<IdbRequest>());
    let failed = request.and_then(|request| request.error().ok().flatten());
    failed.is_some_and(|failed| failed.name() == "AbortError")
}

/// Takes back what was issued. What has aborted already cannot be, and need not.
pub(super) fn abort(transaction: &IdbTransaction) {
    let _ = transaction.abort();
}

/// Takes the transaction back if not all of its requests could be issued.
///
/// # Errors
/// Why they could not.
pub(super) fn or_abort<T>(
    transaction: &IdbTransaction,
    issued: Result<T, Failure>,
) -> Result<T, Failure> {
    if issued.is_err() {
        abort(transaction);
    }
    issued
}
