//! Waiting for one's turn, and for a gate to open.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};

/// Lets the holders of tickets through one after the other, in the order of the tickets.
#[derive(Clone, Default)]
pub struct Turnstile(Rc<RefCell<Line>>);

#[derive(Default)]
struct Line {
    handed_out: u64,
    tickets: BTreeMap<u64, Option<Waker>>,
}

/// A place in the line; dropping it, served or not, gives the place up.
pub struct Ticket {
    line: Rc<RefCell<Line>>,
    number: u64,
}

impl Turnstile {
    /// Takes the next place in the line.
    #[must_use]
    pub fn ticket(&self) -> Ticket {
        let mut line = self.0.borrow_mut();
        line.handed_out += 1;
        let number = line.handed_out;
        line.tickets.insert(number, None);
        Ticket {
            line: Rc::clone(&self.0),
            number,
        }
    }
}

impl Turnstile {
    /// Whether the line is empty.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.0.borrow().tickets.is_empty()
    }
}

impl Ticket {
    /// Resolves when every earlier ticket has been dropped.
    pub fn turn(&self) -> impl Future<Output = ()> {
        poll_fn(|context| {
            let mut line = self.line.borrow_mut();
            if line.tickets.keys().next() == Some(&self.number) {
                return Poll::Ready(());
            }
            line.tickets
                .insert(self.number, Some(context.waker().clone()));
            Poll::Pending
        })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut line = self.line.borrow_mut();
        line.tickets.remove(&self.number);
        if let Some(waker) = line.tickets.values_mut().next().and_then(Option::take) {
            waker.wake();
        }
    }
}

/// Holds tasks up while it is shut.
#[derive(Clone, Default)]
pub struct Gate(Rc<RefCell<Doorway>>);

#[derive(Default)]
struct Doorway {
    shut: bool,
    opened: u64,
    waiting: Vec<Waker>,
}

impl Gate {
    /// Shuts it.
    pub fn shut(&self) {
        self.0.borrow_mut().shut = true;
    }

    /// Whether it is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.0.borrow().shut
    }

    /// Opens it and lets everyone through.
    pub fn open(&self) {
        let waiting = {
            let mut doorway = self.0.borrow_mut();
            doorway.shut = false;
            doorway.opened += 1;
            std::mem::take(&mut doorway.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Resolves when it is open, or has been since this was first polled.
    pub fn pass(&self) -> impl Future<Output = ()> {
        let mut opened_before = None;
        poll_fn(move |context| {
            let mut doorway = self.0.borrow_mut();
            let opened = doorway.opened;
            if !doorway.shut || *opened_before.get_or_insert(opened) < opened {
                return Poll::Ready(());
            }
            doorway.waiting.push(context.waker().clone());
            Poll::Pending
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Env;
    use crate::simulation::SimEnv;

    #[test]
    fn tickets_are_served_in_order_and_dropped_ones_are_passed_over() {
        for seed in 0..20 {
            let env = SimEnv::new(seed);
            let (line, served) = (Turnstile::default(), Rc::new(RefCell::new(Vec::new())));
            for number in 0..5 {
                let ticket = line.ticket();
                let (task_env, task_served) = (env.clone(), Rc::clone(&served));
                env.spawn(Box::pin(async move {
                    if number == 2 {
                        return; // leaves the line without being served
                    }
                    ticket.turn().await;
                    task_env.sleep_us(task_env.random_below(50)).await;
                    task_served.borrow_mut().push(number);
                }));
            }
            env.block_on(env.sleep(10));
            assert_eq!(*served.borrow(), [0, 1, 3, 4]);
        }
    }

    #[test]
    fn a_shut_gate_holds_until_it_opens() {
        let env = SimEnv::new(1);
        let (gate, passed) = (Gate::default(), Rc::new(RefCell::new(false)));
        gate.shut();
        let (task_gate, task_passed) = (gate.clone(), Rc::clone(&passed));
        env.spawn(Box::pin(async move {
            task_gate.pass().await;
            task_passed.replace(true);
        }));
        env.block_on(env.sleep(10));
        assert!(!*passed.borrow());
        gate.open();
        env.block_on(env.sleep(10));
        assert!(*passed.borrow());
    }
}
