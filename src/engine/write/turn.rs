//! Turns at the log. Whoever has lost several races asks the other realms to hold back their next commits.
//!
//! It only spares work: the log decides what counts, whoever has heard of what. A realm holds back for one turn at a
//! time, as long as it hears of that turn, and no longer than [`TURN_MS`]; then it commits before it does so again. Of two
//! tickets the older one goes first.

use futures_channel::oneshot;
use futures_util::FutureExt;
use futures_util::future::select;
use std::rc::{Rc, Weak};

use crate::backend::{Id, Signal};
use crate::engine::core::instance::Core;
use crate::engine::core::state::State;
use crate::engine::core::turns::Mine;
use crate::engine::log::flight;
use crate::engine::log::intake;
use crate::error::Result;

/// Races that a commit loses, one after the other, before its realm asks for a turn.
const LOSSES: u32 = 2;
/// How long a turn lasts at most, ms.
const TURN_MS: f64 = 1_500.0;
/// For so long one that was heard of counts, ms: it may be that of a tab which is frozen or gone.
const HEARD_MS: f64 = 250.0;
/// A turn that lasts is told of again after this, ms: by a timer and by what it does, since timers are slow in hidden pages.
const RENEWAL_MS: u32 = 80;
/// In a transaction's turn, its own realm's commits wait as well, but only as long as the transaction does something
/// at least this often, ms: it may be waiting for one of them.
const QUIET_MS: f64 = 100.0;
/// How long nothing may come into the log before a transaction begins in its turn, ms, and how long that is looked for.
const CALM_MS: f64 = 8.0;
const PATIENCE_MS: f64 = 100.0;

/// A turn of this realm; over when dropped.
pub struct Turn {
    core: Rc<Core>,
    ticket: Id,
}

impl Turn {
    /// Asks the others to hold back from now on. `alone_ms`: so long, this realm's own commits wait too.
    fn claim(core: &Rc<Core>, alone_ms: f64) -> Self {
        let now_ms = core.env().monotonic_ms();
        let ticket = new_ticket(core);
        core.state.borrow_mut().turns.mine = Some(Mine {
            ticket,
            until_ms: now_ms + TURN_MS,
            told_ms: now_ms,
            alone_until_ms: now_ms + alone_ms,
        });
        core.backend().signal(Signal::Wanted(ticket));
        core.env()
            .spawn(keep(Rc::downgrade(core), ticket).boxed_local());
        let core = core.clone();
        Self { core, ticket }
    }

    /// Waits until the turns are over that came before, takes one for a transaction, and takes in what others have under way.
    /// `None`: this realm has another one.
    ///
    /// # Errors
    /// What taking in fails with.
    pub async fn take(core: &Rc<Core>) -> Result<Option<Self>> {
        wait_while(core, |state| state.turns.taken_until()).await;
        if core.state.borrow().turns.mine.is_some() {
            return Ok(None);
        }
        let turn = Self::claim(core, TURN_MS);
        let began_ms = core.env().monotonic_ms();
        let (mut now_ms, mut calm_since_ms) = (began_ms, began_ms);
        while now_ms < (calm_since_ms + CALM_MS).min(began_ms + PATIENCE_MS) {
            let known = core.state.borrow().known;
            core.env().yield_now().await;
            intake::take_in(core).await?;
            now_ms = core.env().monotonic_ms();
            if known != core.state.borrow().known || flight::in_flight(core).is_some() {
                calm_since_ms = now_ms;
            }
        }
        turn.goes_on();
        Ok(Some(turn))
    }

    /// The transaction does something: its realm's own commits wait on, if they still do.
    pub fn goes_on(&self) {
        let now_ms = self.core.env().monotonic_ms();
        if let Some(mine) = self.core.state.borrow_mut().turns.mine(self.ticket)
            && now_ms < mine.alone_until_ms
        {
            mine.alone_until_ms = now_ms + QUIET_MS;
        }
        renew(&self.core, self.ticket);
    }

    /// The ticket by which other realms know it.
    pub fn ticket(&self) -> Id {
        self.ticket
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        end(&self.core, self.ticket);
    }
}

/// The transaction of this turn has come to its commit: its realm's own commits go on.
pub fn commits(core: &Rc<Core>, ticket: Id) {
    let turns = &mut core.state.borrow_mut().turns;
    if let Some(mine) = turns.mine(ticket) {
        mine.alone_until_ms = 0.0;
    }
    turns.wake();
}

/// After each step of the committer: `turn` is the one that it has.
pub fn after_step(core: &Rc<Core>, turn: &mut Option<Turn>) {
    let (losses, is_taken) = {
        let state = core.state.borrow();
        (state.turns.losses, state.turns.mine.is_some())
    };
    if losses == 0 {
        *turn = None;
    } else if losses >= LOSSES && !is_taken {
        *turn = Some(Turn::claim(core, 0.0));
    } else if let Some(turn) = turn {
        renew(core, turn.ticket);
    }
}

/// Holds the committer back as long as it is somebody else's turn; whether it did.
pub async fn hold(core: &Rc<Core>) -> bool {
    // Whoever reads waits for calls that must run again.
    let held_until = |state: &State| state.turns.held_until().filter(|_| !state.queue.unfit);
    let held = wait_while(core, held_until).await;
    let state = &mut *core.state.borrow_mut();
    state.turns.owed |= held && !state.queue.unfit;
    held
}

/// Waits as long as `until` names a time to come, but no longer than a turn; whether it did.
async fn wait_while(core: &Rc<Core>, until: fn(&State) -> Option<f64>) -> bool {
    let (mut waited, mut end_ms) = (false, None);
    loop {
        let Some(until_ms) = until(&core.state.borrow()) else {
            return waited;
        };
        let now_ms = core.env().monotonic_ms();
        let end_ms = end_ms.get_or_insert(now_ms + TURN_MS);
        let left_ms = until_ms.min(*end_ms) - now_ms;
        if left_ms <= 0.0 {
            return waited;
        }
        waited = true;
        let (sender, over) = oneshot::channel();
        {
            let waiting = &mut core.state.borrow_mut().turns.waiting;
            waiting.retain(|other| !other.is_canceled());
            waiting.push(sender);
        }
        let pause = core.env().sleep(left_ms.ceil() as u32);
        drop(select(over, pause).await);
    }
}

/// Another realm has told something.
pub fn hear(core: &Rc<Core>, signal: Signal) {
    let (now_ms, wall_ms) = (core.env().monotonic_ms(), core.env().now_ms());
    let turns = &mut core.state.borrow_mut().turns;
    let theirs = turns.theirs.filter(|(_, until_ms)| now_ms < *until_ms);
    match signal {
        Signal::Wanted(ticket) => {
            // What comes late says nothing any more.
            let is_now = (wall_ms - drawn_ms(ticket)).abs() < TURN_MS;
            if is_now
                && turns.ended != Some(ticket)
                && theirs.is_none_or(|(other, _)| ticket <= other)
            {
                turns.theirs = Some((ticket, now_ms + HEARD_MS));
            }
        }
        Signal::Over(ticket) => {
            turns.ended = Some(ticket);
            turns.theirs = theirs.filter(|(other, _)| ticket != *other);
            turns.wake();
        }
    }
}

/// Tells of a turn again and again until it is over.
async fn keep(core: Weak<Core>, ticket: Id) {
    loop {
        let pause = match core.upgrade() {
            Some(core) => core.env().sleep(RENEWAL_MS),
            None => return,
        };
        pause.await;
        if core.upgrade().is_none_or(|core| !renew(&core, ticket)) {
            return;
        }
    }
}

/// Tells of a turn again when that is due, and ends it when its time is; whether it lasts.
fn renew(core: &Rc<Core>, ticket: Id) -> bool {
    let now_ms = core.env().monotonic_ms();
    {
        let mut state = core.state.borrow_mut();
        let Some(mine) = state.turns.mine(ticket) else {
            return false;
        };
        if now_ms >= mine.until_ms {
            drop(state);
            end(core, ticket);
            return false;
        }
        if now_ms < mine.told_ms + f64::from(RENEWAL_MS) {
            return true;
        }
        mine.told_ms = now_ms;
    }
    core.backend().signal(Signal::Wanted(ticket));
    true
}

fn end(core: &Rc<Core>, ticket: Id) {
    {
        let turns = &mut core.state.borrow_mut().turns;
        if turns.mine(ticket).is_none() {
            return;
        }
        turns.mine = None;
        turns.wake();
    }
    core.backend().signal(Signal::Over(ticket));
}

/// A ticket: when it was drawn, and by whom.
fn new_ticket(core: &Core) -> Id {
    let drawn = u128::from(core.env().now_ms() as u64);
    Id((drawn << 64 | u128::from_be_bytes(core.writer.0) >> 64).to_be_bytes())
}

/// When a ticket was drawn, ms since the epoch.
fn drawn_ms(ticket: Id) -> f64 {
    (u128::from_be_bytes(ticket.0) >> 64) as u64 as f64
}
