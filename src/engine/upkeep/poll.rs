//! Looking for the commits of other tabs: now and then, and when woken. When there are none, tidying up.
//!
//! One timer goes through all engines of a page. It looks for those that somebody uses or listens to, and for those
//! where something has happened just now. The others become *stale*: their next read looks first. One
//! that has not been used for long closes its connection; whatever needs it next opens another.

use futures_channel::oneshot;
use futures_util::FutureExt;
use futures_util::future::select;
use std::rc::Rc;

use super::{evict, tidy};
use crate::codec::feature::Feature;
use crate::engine::core::instance::Core;
use crate::engine::core::instance::Realm;
use crate::engine::core::queue::Waiting;
use crate::engine::log::intake;

/// Engines looked for in one round of the timer, those in use first.
const LOOKS: usize = 32;
/// Looks that find nothing new before an engine that is not in use is left alone.
const QUIET_LOOKS: u32 = 2;
/// After so many such looks at a log that holds something, any tab tidies up: whose it was may be gone.
const LONG_IDLE: u32 = 16;
/// A read waits for a look no longer than this: where a frozen tab holds up everybody, it goes on with what is known.
const PATIENCE_MS: u32 = 1_000;

/// Includes an engine in the rounds, until it is closed. One that nobody else can commit to has nothing to look for before
/// something in it can expire: then a timer would only keep a process alive.
pub fn start(core: &Rc<Core>) {
    let every_ms = core.options.poll_ms;
    if every_ms == 0 || core.options.alone && core.lacks(Feature::Expiry.into()) {
        return;
    }
    core.realm.add(core);
    if core.realm.is_timed.replace(true) {
        return;
    }
    let env = core.context.env.clone();
    let realm = Rc::downgrade(&core.realm);
    core.env().spawn(
        async move {
            loop {
                env.sleep(every_ms).await;
                let Some(realm) = realm.upgrade() else { return };
                if !round(&realm, every_ms) {
                    realm.is_timed.set(false);
                    return;
                }
            }
        }
        .boxed_local(),
    );
}

/// Goes through the engines; false when there are none.
fn round(realm: &Realm, every_ms: u32) -> bool {
    let mut cores = realm.open();
    realm.rounds.set(realm.rounds.get() + 1);
    cores.sort_unstable_by_key(|core| {
        let (used, attended) = (core.pace.used.get(), core.subscribers.is_attended());
        (!used, !attended, core.pace.round.get())
    });
    let mut looks = 0;
    for core in &cores {
        let pace = &core.pace;
        evict::consider_expired(core);
        if core.options.alone {
            continue;
        }
        let used = pace.used.replace(false);
        let idle_ms = pace.idle_ms.get().saturating_add(every_ms);
        pace.idle_ms.set(if used { 0 } else { idle_ms });
        let news = pace.polled.get() != core.state.borrow().known;
        let enough = match core.state.borrow().tail_frames {
            0 => QUIET_LOOKS,
            _ => LONG_IDLE,
        };
        let quiet = is_asleep(core) || pace.quiet.get() >= enough && !news;
        let attended = core.subscribers.is_attended();
        if looks < LOOKS && (used || attended || !quiet) {
            looks += 1;
            pace.round.set(realm.rounds.get());
            core.env().spawn(look_and_tidy(core.clone()).boxed_local());
        } else {
            pace.stale.set(true);
        }
        if !attended && pace.idle_ms.get() >= core.options.idle_ms {
            fall_asleep(core);
        }
    }
    !cores.is_empty()
}

async fn look_and_tidy(core: Rc<Core>) {
    look(&core).await;
    let pace = &core.pace;
    let known = core.state.borrow().known;
    if pace.polled.replace(known) != known {
        pace.quiet.set(0);
        return;
    }
    pace.quiet.set(pace.quiet.get().saturating_add(1));
    // Nobody writes just now.
    tidy::tidy(&core, pace.quiet.get() == LONG_IDLE).await;
}

/// Looks at once, since another tab says that it has committed.
pub fn wake(core: &Rc<Core>) {
    let inner = core.clone();
    core.env()
        .spawn(async move { look(&inner).await }.boxed_local());
}

/// A failed look is tried again by the next one; a call that needs the data gets the error.
async fn look(core: &Rc<Core>) {
    if let Some(pass) = core.intake.try_enter() {
        drop(intake::take_in_holding(core, &pass).await);
    }
}

/// Notes that the engine is used, by a call that reads what is known: it waits in line for a look, if one is due.
pub fn before_read(core: &Core) {
    core.pace.used.set(true);
    if core.pace.stale.replace(false) {
        core.state.borrow_mut().queue.line.push_back(Waiting::Look);
    }
}

/// The same for what runs beside the line.
pub async fn before(core: &Rc<Core>) {
    core.pace.used.set(true);
    if core.pace.stale.replace(false) {
        freshen(core).await;
    }
}

/// Looks, for a limited time.
pub async fn freshen(core: &Rc<Core>) {
    let (done, told) = oneshot::channel();
    let inner = core.clone();
    let look = async move {
        drop(intake::take_in(&inner).await);
        // Whoever waited has lost patience, or is gone.
        let _late = done.send(());
    };
    core.env().spawn(look.boxed_local());
    select(told, core.env().sleep(PATIENCE_MS)).await;
}

fn is_asleep(core: &Core) -> bool {
    let state = core.state.borrow();
    state.asleep && state.lost
}

/// Closes the connection of an engine that has nothing to do: to be lost then is what every transaction can cope
/// with. Nobody waits for it who would delete the database.
fn fall_asleep(core: &Core) {
    let is_busy = core.maintenance_wanted.get()
        || !core.loads.borrow().is_empty()
        || core.intake.try_enter().is_none()
        || core.maintenance.try_enter().is_none()
        || core.reconnecting.try_enter().is_none();
    let mut state = core.state.borrow_mut();
    if is_busy || state.closing || state.lost || !state.queue.is_idle() {
        return;
    }
    state.asleep = true;
    state.lost = true;
    let backend = state.backend.clone();
    drop(state);
    core.pace.stale.set(true);
    backend.close();
}
