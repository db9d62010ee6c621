//! A gate: one at a time, in the order of arrival (an asynchronous mutex for one thread).

use futures_channel::oneshot;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// Lets one holder in at a time.
#[derive(Clone, Default)]
pub struct Gate(Rc<RefCell<Inner>>);

#[derive(Default)]
struct Inner {
    held: bool,
    waiting: VecDeque<oneshot::Sender<Pass>>,
}

/// Holds the gate until it is dropped.
pub struct Pass(Option<Gate>);

impl Gate {
    /// Waits for the gate.
    pub async fn enter(&self) -> Pass {
        let waiter = {
            let mut inner = self.0.borrow_mut();
            if inner.held {
                let (sender, receiver) = oneshot::channel();
                inner.waiting.push_back(sender);
                Some(receiver)
            } else {
                inner.held = true;
                None
            }
        };
        match waiter {
            None => Pass(Some(self.clone())),
            // The sender is never dropped unsent while the gate lives, and we hold the gate.
            Some(receiver) => receiver.await.unwrap_or_else(|_| Pass(Some(self.clone()))),
        }
    }

    /// Enters if it is free.
    #[must_use]
    pub fn try_enter(&self) -> Option<Pass> {
        let mut inner = self.0.borrow_mut();
        if inner.held {
            return None;
        }
        inner.held = true;
        Some(Pass(Some(self.clone())))
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let Some(gate) = self.0.take() else { return };
        loop {
            let next = gate.0.borrow_mut().waiting.pop_front();
            let Some(next) = next else {
                gate.0.borrow_mut().held = false;
                return;
            };
            match next.send(Pass(Some(gate.clone()))) {
                Ok(()) => return,
                // The waiter has gone away; the pass that comes back must not open the gate.
                Err(mut pass) => pass.0 = None,
            }
        }
    }
}
