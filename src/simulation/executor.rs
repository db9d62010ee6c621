//! Tasks, timers and the clock.

use futures_util::future::LocalBoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

/// A group of tasks that freeze, thaw and die together: a tab.
pub(super) type RealmId = u64;
pub(super) type TaskId = u64;

/// The task that `block_on` itself polls.
pub(super) const MAIN: TaskId = 0;
/// The realm of what belongs to no tab.
pub(super) const ROOT: RealmId = 0;

/// The state behind every handle of one simulated world.
pub(super) struct Executor {
    pub rng: fastrand::Rng,
    pub now_us: u64,
    /// Of the task taken last.
    pub running: RealmId,
    /// How many of a hundred looks at the clock find that work has taken long.
    pub long_work_percent: u64,
    tasks: BTreeMap<TaskId, Task>,
    last_task: TaskId,
    last_realm: RealmId,
    frozen: BTreeSet<RealmId>,
    dead: BTreeSet<RealmId>,
    woken: Arc<Woken>,
    timers: BTreeMap<(u64, u64), Waker>,
    last_timer: u64,
    /// Tasks chosen since the last moment of rest.
    restless: u64,
}

struct Task {
    realm: RealmId,
    /// Absent while it is being polled.
    future: Option<LocalBoxFuture<'static, ()>>,
}

/// The tasks to be polled. Behind a lock only because wakers must be `Send`.
#[derive(Default)]
pub(super) struct Woken(Mutex<BTreeSet<TaskId>>);

impl Woken {
    fn with<T>(&self, body: impl FnOnce(&mut BTreeSet<TaskId>) -> T) -> T {
        body(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct TaskWaker {
    task: TaskId,
    woken: Arc<Woken>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.woken.with(|woken| woken.insert(self.task));
    }
}

const LONG_WORK_PERCENT: u64 = 10;

/// After so many tasks without a moment of rest, they keep each other awake for ever.
const MOST_RESTLESS: u64 = 100_000;

impl Executor {
    pub fn new(seed: u64) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed),
            now_us: 0,
            running: ROOT,
            long_work_percent: LONG_WORK_PERCENT,
            tasks: BTreeMap::new(),
            last_task: MAIN,
            last_realm: ROOT,
            frozen: BTreeSet::new(),
            dead: BTreeSet::new(),
            woken: Arc::default(),
            timers: BTreeMap::new(),
            last_timer: 0,
            restless: 0,
        }
    }

    pub fn new_realm(&mut self) -> RealmId {
        self.last_realm += 1;
        self.last_realm
    }

    pub fn set_frozen(&mut self, realm: RealmId, frozen: bool) {
        if frozen {
            self.frozen.insert(realm);
        } else {
            self.frozen.remove(&realm);
        }
    }

    /// Ends a realm; its tasks are handed out so that they are dropped outside of any borrow.
    pub fn kill(&mut self, realm: RealmId) -> Vec<LocalBoxFuture<'static, ()>> {
        self.dead.insert(realm);
        let ids: Vec<TaskId> = self
            .tasks
            .iter()
            .filter(|(_, task)| task.realm == realm)
            .map(|(id, _)| *id)
            .collect();
        ids.iter()
            .filter_map(|id| self.tasks.remove(id)?.future)
            .collect()
    }

    /// Adds a task, ready to run; hands it back if its realm is dead.
    pub fn spawn(
        &mut self,
        realm: RealmId,
        future: LocalBoxFuture<'static, ()>,
    ) -> Option<LocalBoxFuture<'static, ()>> {
        if self.dead.contains(&realm) {
            return Some(future);
        }
        self.last_task += 1;
        self.tasks.insert(
            self.last_task,
            Task {
                realm,
                future: Some(future),
            },
        );
        self.woken.with(|woken| woken.insert(self.last_task));
        None
    }

    pub fn waker(&self, task: TaskId) -> Waker {
        Waker::from(Arc::new(TaskWaker {
            task,
            woken: Arc::clone(&self.woken),
        }))
    }

    pub fn wake(&self, task: TaskId) {
        self.woken.with(|woken| woken.insert(task));
    }

    /// One of the tasks that are ready, by the seed; moves time on when none is. `None` when
    /// nothing can ever happen again, or nothing ever comes to rest.
    pub fn next(&mut self) -> Option<TaskId> {
        loop {
            // Computing takes time, and timers do not wait until it is over.
            while self
                .timers
                .first_key_value()
                .is_some_and(|((at_us, _), _)| *at_us <= self.now_us)
            {
                self.fire_next_timer()?;
            }
            let ready = self.ready();
            if ready.is_empty() {
                self.restless = 0;
                self.fire_next_timer()?;
                continue;
            }
            self.restless += 1;
            if self.restless > MOST_RESTLESS {
                return None;
            }
            let chosen = *ready.get(self.rng.usize(..ready.len()))?;
            self.woken.with(|woken| woken.remove(&chosen));
            return Some(chosen);
        }
    }

    fn ready(&mut self) -> Vec<TaskId> {
        let (tasks, frozen) = (&self.tasks, &self.frozen);
        self.woken.with(|woken| {
            woken.retain(|id| *id == MAIN || tasks.contains_key(id));
            let thawed = |id: &TaskId| tasks.get(id).is_none_or(|t| !frozen.contains(&t.realm));
            woken.iter().copied().filter(thawed).collect()
        })
    }

    fn fire_next_timer(&mut self) -> Option<()> {
        let ((at_us, _), waker) = self.timers.pop_first()?;
        self.now_us = self.now_us.max(at_us);
        waker.wake();
        Some(())
    }

    pub fn add_timer(&mut self, at_us: u64, waker: Waker) {
        self.last_timer += 1;
        self.timers.insert((at_us, self.last_timer), waker);
    }

    pub fn take(&mut self, task: TaskId) -> Option<LocalBoxFuture<'static, ()>> {
        let task = self.tasks.get_mut(&task)?;
        self.running = task.realm;
        task.future.take()
    }

    /// Puts an unfinished task back; hands it out if its realm died while it ran.
    pub fn put_back(
        &mut self,
        task: TaskId,
        future: LocalBoxFuture<'static, ()>,
    ) -> Option<LocalBoxFuture<'static, ()>> {
        match self.tasks.get_mut(&task) {
            Some(slot) => slot.future.replace(future),
            None => Some(future),
        }
    }

    pub fn finish(&mut self, task: TaskId) {
        self.tasks.remove(&task);
    }
}
