//! Live queries: whose results a commit may have changed, and who is told of what has become of them.
//!
//! A commit is looked at document by document, not by the ranges that a query reads: a live query is concerned where a
//! document of its result was touched (*held*), or one that matches now (*newcomers*). Most newcomers need not be
//! compared with each query: one of the values that a query wants to be equal tells them apart. Where
//! it is not known which documents a commit has touched, all live queries of the collection are concerned. Those that
//! are, are evaluated one by one on what is committed, in later tasks, and told if what they hand out is another.

use futures_util::FutureExt;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use super::{Collection, FindSpec, Include};
use crate::codec::kinds::key::{DOCUMENT, ID};
use crate::engine::{Engine, Notice, Subscription, WriteSet};
use crate::env::Env;
use crate::error::Result;
use crate::models::query::Query;

mod behind;
mod buckets;
mod gather;
mod matching;
mod room;
mod value_key;
mod watcher;
mod worker;

use room::{Room, Touched};
use watcher::{Behind, Watcher};
pub use watcher::{Change, Listener};

/// The live queries of one engine.
#[derive(Clone)]
pub struct Live(Rc<Shared>);

/// A live query; it ends when this is dropped.
pub struct LiveQuery {
    home: Rc<Shared>,
    watcher: Rc<Watcher>,
}

/// What all of them have in common.
struct Shared {
    engine: Engine,
    env: Rc<dyn Env>,
    /// Of the hashes, so that nobody can make them collide.
    seed: u64,
    last_number: Cell<u64>,
    /// Sorted by their prefixes.
    rooms: RefCell<Vec<Room>>,
    /// To be evaluated, each once, in this order.
    queue: RefCell<VecDeque<Rc<Watcher>>>,
    /// Ended ones, of which rooms still know what they held.
    ended: RefCell<Vec<Rc<Watcher>>>,
    /// How many notices there were.
    heard: Cell<u64>,
    is_working: Cell<bool>,
    subscription: RefCell<Option<Subscription>>,
    counts: Cell<Counts>,
}

/// What live queries have cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// How often one was evaluated.
    pub evaluations: u64,
    /// How often a document was compared with one.
    pub matches: u64,
}

impl Live {
    /// None yet; they will work in `env`.
    #[must_use]
    pub fn new(engine: &Engine, env: Rc<dyn Env>) -> Self {
        let mut seed = [0; 8];
        env.fill_random(&mut seed);
        Self(Rc::new(Shared {
            engine: engine.clone(),
            env,
            seed: u64::from_le_bytes(seed),
            last_number: Cell::new(0),
            rooms: RefCell::default(),
            queue: RefCell::default(),
            ended: RefCell::default(),
            heard: Cell::new(0),
            is_working: Cell::new(false),
            subscription: RefCell::default(),
            counts: Cell::default(),
        }))
    }

    /// Begins a live query. The listener is told all that is found at first, in a later task, then each change.
    ///
    /// # Errors
    /// `Closed`, `ConnectionLost`.
    pub fn watch(
        &self,
        collection: &Collection,
        query: Query,
        spec: FindSpec,
        listener: Box<dyn Listener>,
    ) -> Result<LiveQuery> {
        self.watch_with(collection, query, spec, Vec::new(), listener)
    }

    /// The same with what belongs to the documents attached to them: it is told, too, when that changes. What it goes on behind
    /// has the place that it has when it is looked for first, or takes when it is committed; that there is no such document
    /// ends it with `InvalidArgument`.
    ///
    /// # Errors
    /// `Closed`, `ConnectionLost`.
    pub fn watch_with(
        &self,
        collection: &Collection,
        query: Query,
        mut spec: FindSpec,
        include: Vec<Include>,
        listener: Box<dyn Listener>,
    ) -> Result<LiveQuery> {
        let shared = &self.0;
        shared.engine.check_open()?;
        shared.last_number.set(shared.last_number.get() + 1);
        let watcher = Rc::new(Watcher {
            number: shared.last_number.get(),
            collection: collection.clone(),
            query,
            behind: RefCell::new(Behind::new(spec.after.take())),
            spec,
            include,
            listener,
            last: RefCell::default(),
            is_marked: Cell::new(false),
            is_paused: Cell::new(false),
            has_ended: Cell::new(false),
        });
        shared.enter(&watcher)?;
        shared.mark(&watcher);
        shared.wake();
        Ok(LiveQuery {
            home: shared.clone(),
            watcher,
        })
    }

    /// What they have cost so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.0.counts.get()
    }
}

impl LiveQuery {
    /// Has nothing more told, until [`resume`](Self::resume): what is told then has all that has changed meanwhile.
    pub fn pause(&self) {
        self.watcher.is_paused.set(true);
    }

    /// Ends [`pause`](Self::pause).
    pub fn resume(&self) {
        if self.watcher.is_paused.replace(false) && self.watcher.is_marked.get() {
            self.home.queue.borrow_mut().push_back(self.watcher.clone());
            self.home.wake();
        }
    }
}

impl Drop for LiveQuery {
    fn drop(&mut self) {
        // It may be under way.
        self.home.leave(&self.watcher);
    }
}

impl Shared {
    fn enter(self: &Rc<Self>, watcher: &Rc<Watcher>) -> Result<()> {
        {
            let mut rooms = self.rooms.borrow_mut();
            if let Some(room) = room_of(&mut rooms, &watcher.collection) {
                room.add(watcher.clone(), self.seed)?;
            }
            for collection in watcher.included() {
                if let Some(room) = room_of(&mut rooms, collection) {
                    room.including.insert(watcher.number, watcher.clone());
                }
            }
        }
        let mut subscription = self.subscription.borrow_mut();
        if subscription.is_none() {
            let told: Weak<Self> = Rc::downgrade(self);
            let listener = move |notice: &Notice| {
                if let Some(shared) = told.upgrade() {
                    shared.hear(notice);
                }
            };
            *subscription = Some(self.engine.subscribe(Rc::new(listener)));
        }
        Ok(())
    }

    /// Ends a live query.
    fn leave(self: &Rc<Self>, watcher: &Rc<Watcher>) {
        if watcher.has_ended.replace(true) {
            return;
        }
        let mut rooms = self.rooms.borrow_mut();
        let all = [&watcher.collection].into_iter();
        for collection in all.chain(watcher.included()) {
            let prefix = collection.docs.get(1..).unwrap_or_default();
            if let Ok(at) = rooms.binary_search_by(|room| room.prefix().cmp(prefix))
                && let Some(room) = rooms.get_mut(at)
            {
                room.remove(watcher, self.seed);
                if room.is_empty() {
                    rooms.remove(at);
                }
            }
        }
        if rooms.is_empty() {
            self.subscription.take();
        }
        drop(rooms);
        self.ended.borrow_mut().push(watcher.clone());
        self.wake();
    }

    /// Notes whom a commit may concern. It is told while the commit is being made: nothing is looked at yet.
    fn hear(self: &Rc<Self>, notice: &Notice) {
        self.heard.set(self.heard.get() + 1);
        let mut rooms = self.rooms.borrow_mut();
        let is_concerned = match notice {
            Notice::Commit { writes, .. } => touch(&mut rooms, writes),
            Notice::Cut => {
                rooms
                    .iter_mut()
                    .for_each(|room| room.touched = Touched::Any);
                true
            }
            Notice::Expiry | Notice::Quota { .. } | Notice::Closed(_) => false,
        };
        drop(rooms);
        if is_concerned {
            self.wake();
        }
    }

    /// Has a live query evaluated.
    fn mark(&self, watcher: &Rc<Watcher>) {
        if !watcher.is_marked.replace(true) && !watcher.is_paused.get() {
            self.queue.borrow_mut().push_back(watcher.clone());
        }
    }

    fn wake(self: &Rc<Self>) {
        if !self.is_working.replace(true) {
            self.env.spawn(worker::work(self.clone()).boxed_local());
        }
    }

    fn count(&self, evaluations: u64, matches: u64) {
        let counts = self.counts.get();
        self.counts.set(Counts {
            evaluations: counts.evaluations + evaluations,
            matches: counts.matches + matches,
        });
    }
}

/// The room of a collection, which comes to be if it was not there.
fn room_of<'a>(rooms: &'a mut Vec<Room>, of: &Collection) -> Option<&'a mut Room> {
    let room = Room::new(of);
    let at = rooms.binary_search_by(|known| known.prefix().cmp(room.prefix()));
    let at = at.unwrap_or_else(|at| {
        rooms.insert(at, room);
        at
    });
    rooms.get_mut(at)
}

/// Notes what was written in which room; whether it was in any.
fn touch(rooms: &mut [Room], writes: &WriteSet) -> bool {
    let mut is_concerned = false;
    for key in writes.keys() {
        let Some((DOCUMENT | ID, rest)) = key.split_first().map(|(kind, rest)| (*kind, rest))
        else {
            continue;
        };
        // No room's prefix begins another's with which a key goes on.
        let above = rooms.partition_point(|room| room.prefix() <= rest);
        let room = above.checked_sub(1).and_then(|at| rooms.get_mut(at));
        if let Some(room) = room.filter(|room| rest.starts_with(room.prefix())) {
            room.touch(key);
            is_concerned = true;
        }
    }
    for (from, until) in writes.ranges() {
        for room in &mut *rooms {
            let all = room.collection.all();
            if *from < all.until && all.from < *until {
                room.touched = Touched::Any;
                is_concerned = true;
            }
        }
    }
    is_concerned
}
