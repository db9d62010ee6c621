//! The one transaction that decides in between.

use futures_channel::oneshot;
use futures_util::future::{Either, select};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::{IdbCursor, IdbCursorDirection, IdbRequest, IdbTransaction};

use super::link::{Link, Mode};
use super::schema::{self, Scope};
use super::transaction::{End, Handler, abort, or_abort};
use super::{error, records, requests};
use crate::backend::{Decide, Failure, Seen, Settled};

/// A flip under way.
struct Flip {
    link: Rc<Link>,
    /// Its number among the transactions under way.
    id: Cell<u64>,
    transaction: IdbTransaction,
    head: IdbRequest,
    last: IdbRequest,
    /// Whether it writes.
    decided: Cell<Option<bool>>,
    written: RefCell<Vec<IdbRequest>>,
    /// Where it says that it has given up.
    fail: Cell<Option<oneshot::Sender<Failure>>>,
}

/// Starts a flip.
///
/// # Errors
/// `Lost`, `Aborted`, `Quota`, when it could not even be started.
pub(super) fn start(link: &Rc<Link>, decide: Decide, mode: Mode) -> Result<Settled<bool>, Failure> {
    let transaction = link.begin(Scope::ALL, mode)?;
    let (head, last) = or_abort(&transaction, issue_first_half(&transaction))?;
    let (fail, failed) = oneshot::channel();
    let flip = Rc::new(Flip {
        link: Rc::clone(link),
        id: Cell::new(0),
        transaction: transaction.clone(),
        head,
        last: last.clone(),
        decided: Cell::new(None),
        written: RefCell::default(),
        fail: Cell::new(Some(fail)),
    });
    let second_half = Rc::clone(&flip);
    // The last of the two requests, which are carried out in order.
    let on_success = Handler::once(move |_: web_sys::Event| second_half.go_on(decide));
    let ended = Rc::clone(&flip);
    let in_between = Some((last, on_success));
    let (id, settled) =
        link.settle_in_two(transaction, in_between, move |end| ended.outcome(end, mode));
    flip.id.set(id);
    Ok(Box::pin(async move {
        match select(failed, settled).await {
            Either::Left((Ok(failure), _)) => Err(failure),
            Either::Left((Err(oneshot::Canceled), settled)) => settled.await,
            Either::Right((outcome, _)) => outcome,
        }
    }))
}

/// Asks for the head and for the last key of the log.
fn issue_first_half(transaction: &IdbTransaction) -> Result<(IdbRequest, IdbRequest), Failure> {
    let issue = || {
        let head = transaction
            .object_store(schema::HEAD)?
            .get(&schema::HEAD_KEY.into())?;
        let log = transaction.object_store(schema::LOG)?;
        let backwards = IdbCursorDirection::Prev;
        let last = log.open_key_cursor_with_range_and_direction(&JsValue::NULL, backwards)?;
        Ok((head, last))
    };
    issue().map_err(|exception: JsValue| error::thrown(&exception))
}

impl Flip {
    /// Runs inside the success event of the last request, while the transaction is active.
    fn go_on(&self, decide: Decide) {
        let decided = self.seen().and_then(|seen| match decide(seen) {
            None => Ok(false),
            Some(writes) => {
                requests::scope_of_writes(&writes)?;
                self.written
                    .replace(requests::issue_writes(&self.transaction, &writes)?);
                Ok(true)
            }
        });
        match decided {
            Ok(writes) => {
                self.decided.set(Some(writes));
                self.link
                    .commit(&self.transaction, self.written.borrow().len() < 2);
            }
            Err(failure) => self.give_up(failure),
        }
    }

    /// Takes everything back. Nothing is written then, and the event that says so is not waited
    /// for: WebKit never fires it (measured) if the connection is closed meanwhile.
    fn give_up(&self, failure: Failure) {
        abort(&self.transaction);
        if let Some(fail) = self.fail.take() {
            // Nobody may be waiting any more.
            let _ = fail.send(failure);
        }
        self.link.forget(self.id.get());
    }

    fn seen(&self) -> Result<Seen, Failure> {
        let see = || {
            let cursor = self.last.result()?;
            let last_frame = if cursor.is_null() || cursor.is_undefined() {
                None
            } else {
                records::number_of(&cursor.unchecked_ref::<IdbCursor>().key()?)
            };
            Ok(Seen {
                head: requests::record_of(&self.head)?,
                last_frame,
            })
        };
        see().map_err(|exception: JsValue| error::thrown(&exception))
    }

    fn outcome(&self, end: End, mode: Mode) -> Result<bool, Failure> {
        match (end, self.decided.get()) {
            (End::Completed, Some(wrote)) => Ok(wrote),
            (End::Completed, None) => Err(Failure::Aborted(
                "completed without its second half".into(),
                None,
            )),
            (End::Aborted, _) => {
                let mut issued = vec![self.head.clone(), self.last.clone()];
                issued.extend(self.written.take());
                Err(self.link.abort_of(&self.transaction, &issued, false, mode))
            }
        }
    }
}
