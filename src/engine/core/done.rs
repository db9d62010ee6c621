//! Telling whoever waits for a call how it ended.

use futures_channel::oneshot;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use crate::error::{Error, Result};

/// How a call ended.
pub enum Verdict {
    /// Its frame has taken effect.
    Committed,
    /// A transaction that must begin anew.
    Conflict,
    /// It has no effect, and this is why.
    Failed(Error),
}

/// Tells a caller how its call ended, once. Dropped before that, it says `Closed`.
#[derive(Default)]
pub struct Done(Option<Tell>);

enum Tell {
    Waiter(oneshot::Sender<Verdict>),
    /// Without the promises and tasks that a waiter costs.
    Callback(Box<dyn FnOnce(Result<()>)>),
}

impl Done {
    /// Tells whoever awaits the receiver.
    pub fn waiter() -> (Self, oneshot::Receiver<Verdict>) {
        let (sender, receiver) = oneshot::channel();
        (Self(Some(Tell::Waiter(sender))), receiver)
    }

    /// Calls `tell`, perhaps while the engine is at work: it must not call back into it.
    #[must_use]
    pub fn callback(tell: Box<dyn FnOnce(Result<()>)>) -> Self {
        Self(Some(Tell::Callback(tell)))
    }

    /// Tells, if it was not told before.
    pub fn tell(&mut self, outcome: Verdict) {
        match self.0.take() {
            None => {}
            // Nobody listening any more is fine: the effect counts, not the ear.
            Some(Tell::Waiter(sender)) => drop(sender.send(outcome)),
            Some(Tell::Callback(tell)) => tell(plain(outcome)),
        }
    }
}

impl Drop for Done {
    fn drop(&mut self) {
        if let Some(Tell::Callback(tell)) = self.0.take() {
            tell(Err(Error::closed()));
        }
    }
}

/// What `receiver` is told.
pub fn told(receiver: oneshot::Receiver<Verdict>) -> LocalBoxFuture<'static, Result<()>> {
    async move {
        match receiver.await {
            Ok(outcome) => plain(outcome),
            Err(oneshot::Canceled) => Err(Error::closed()),
        }
    }
    .boxed_local()
}

/// An outcome as a plain result; a conflict cannot come here.
fn plain(outcome: Verdict) -> Result<()> {
    match outcome {
        Verdict::Committed => Ok(()),
        Verdict::Failed(error) => Err(error),
        Verdict::Conflict => Err(Error::internal("a call ended in a conflict")),
    }
}
