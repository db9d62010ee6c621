//! The simulated [`Env`] and the loop that runs it.

use futures_util::future::LocalBoxFuture;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::executor::{Executor, MAIN, ROOT, RealmId};
use crate::env::Env;

/// Where the wall clock of every simulation starts: 2023-11-14T22:13:20Z.
const WALL_START_MS: f64 = 1_700_000_000_000.0;

/// How many of a hundred yields take long, and how long at most.
const LONG_YIELD_PERCENT: u64 = 50;
const LONG_YIELD_US: u64 = 30_000;

/// How long work takes at most where it has taken long: longer than a slice of the engine's.
const LONG_WORK_US: u64 = 10_000;

/// A world of virtual time and seeded chance. Clones are handles on the same world and realm.
///
/// A *realm* is a tab: [`SimEnv::new_realm`] makes one, whose tasks can be frozen, thawed and
/// killed together.
#[derive(Clone)]
pub struct SimEnv {
    executor: Rc<RefCell<Executor>>,
    realm: RealmId,
}

impl SimEnv {
    /// A new world; the same seed gives the same run.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            executor: Rc::new(RefCell::new(Executor::new(seed))),
            realm: ROOT,
        }
    }

    /// A handle on a new realm of the same world.
    #[must_use]
    pub fn new_realm(&self) -> Self {
        let realm = self.executor.borrow_mut().new_realm();
        Self {
            executor: Rc::clone(&self.executor),
            realm,
        }
    }

    /// A handle on the realm that no tab owns.
    #[must_use]
    pub fn root(&self) -> Self {
        Self {
            executor: Rc::clone(&self.executor),
            realm: ROOT,
        }
    }

    /// Runs `future`, and meanwhile everything spawned, until `future` is done. What was spawned
    /// goes on at the next call.
    ///
    /// # Panics
    /// When nothing can ever happen again and `future` is not done.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let mut main = pin!(future);
        self.executor.borrow().wake(MAIN);
        let main_waker = self.executor.borrow().waker(MAIN);
        loop {
            let next = self.executor.borrow_mut().next();
            self.tick();
            match next {
                Some(MAIN) => {
                    if let Poll::Ready(out) =
                        main.as_mut().poll(&mut Context::from_waker(&main_waker))
                    {
                        return out;
                    }
                }
                Some(task) => self.poll_task(task),
                None => stuck(),
            }
        }
    }

    /// Polls one task that is ready, by the seed, and moves time on before where none is; false when nothing can
    /// ever happen again, or nothing ever comes to rest.
    #[must_use]
    pub fn step(&self) -> bool {
        let next = self.executor.borrow_mut().next();
        self.tick();
        if let Some(task) = next {
            self.poll_task(task);
        }
        next.is_some()
    }

    /// A handle on the realm whose task was polled last.
    #[must_use]
    pub fn running(&self) -> Self {
        Self {
            executor: Rc::clone(&self.executor),
            realm: self.executor.borrow().running,
        }
    }

    /// How many of a hundred looks at the clock find that work has taken long, from now on; where none does, what is in
    /// memory is read at once.
    pub fn set_long_work(&self, percent: u64) {
        self.executor.borrow_mut().long_work_percent = percent;
    }

    /// Whether both are handles on one realm.
    #[must_use]
    pub fn is_same_realm(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.executor, &other.executor) && self.realm == other.realm
    }

    fn poll_task(&self, task: u64) {
        let (future, waker) = {
            let mut executor = self.executor.borrow_mut();
            (executor.take(task), executor.waker(task))
        };
        let Some(mut future) = future else { return };
        if future
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_ready()
        {
            drop(future);
            self.executor.borrow_mut().finish(task);
        } else {
            let orphan = self.executor.borrow_mut().put_back(task, future);
            drop(orphan);
        }
    }

    /// Stops polling the tasks of this realm, until [`SimEnv::thaw`].
    pub fn freeze(&self) {
        self.executor.borrow_mut().set_frozen(self.realm, true);
    }

    /// Ends [`SimEnv::freeze`].
    pub fn thaw(&self) {
        self.executor.borrow_mut().set_frozen(self.realm, false);
    }

    /// Drops every task of this realm where it stands; nothing runs in it any more.
    pub fn kill(&self) {
        let orphans = self.executor.borrow_mut().kill(self.realm);
        drop(orphans);
    }

    /// A number below `bound` (0 for a bound of 0), by the seed.
    #[must_use]
    pub fn random_below(&self, bound: u64) -> u64 {
        if bound == 0 {
            0
        } else {
            self.executor.borrow_mut().rng.u64(..bound)
        }
    }

    /// True with a probability of `percent` in a hundred, by the seed.
    #[must_use]
    pub fn chance(&self, percent: u64) -> bool {
        self.random_below(100) < percent
    }

    /// Resolves after `us` microseconds of virtual time; 0 still lets others go first.
    pub fn sleep_us(&self, us: u64) -> LocalBoxFuture<'static, ()> {
        let executor = Rc::clone(&self.executor);
        let mut wake_at_us = None;
        Box::pin(poll_fn(move |context| {
            let mut executor = executor.borrow_mut();
            let now_us = executor.now_us;
            let at_us = *wake_at_us.get_or_insert(now_us.saturating_add(us).max(now_us + 1));
            if now_us >= at_us {
                return Poll::Ready(());
            }
            executor.add_timer(at_us, context.waker().clone());
            Poll::Pending
        }))
    }

    /// Virtual time since the start of the world, in microseconds.
    #[must_use]
    pub fn now_us(&self) -> u64 {
        self.executor.borrow().now_us
    }

    /// Computing takes time too: without this, work that watches the clock would never yield.
    fn tick(&self) {
        self.executor.borrow_mut().now_us += 1;
    }
}

#[expect(clippy::panic, reason = "a test that hangs must fail, not wait")]
fn stuck() -> ! {
    panic!("simulation stuck: no task is ready and no timer is set, or none ever rests")
}

#[expect(
    clippy::cast_precision_loss,
    reason = "virtual times are far below 2^53 microseconds"
)]
fn to_ms(us: u64) -> f64 {
    us as f64 / 1_000.0
}

impl Env for SimEnv {
    fn now_ms(&self) -> f64 {
        self.tick();
        (WALL_START_MS + to_ms(self.now_us())).floor()
    }

    fn monotonic_ms(&self) -> f64 {
        self.tick();
        let percent = self.executor.borrow().long_work_percent;
        if percent > 0 && self.chance(percent) {
            let took_us = self.random_below(LONG_WORK_US);
            self.executor.borrow_mut().now_us += took_us;
        }
        to_ms(self.now_us())
    }

    fn steps_per_look(&self) -> u32 {
        // Worlds are too small for more.
        1
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        self.executor.borrow_mut().rng.fill(bytes);
    }

    fn sleep(&self, ms: u32) -> LocalBoxFuture<'static, ()> {
        self.sleep_us(u64::from(ms) * 1_000)
    }

    fn yield_now(&self) -> LocalBoxFuture<'static, ()> {
        if self.chance(LONG_YIELD_PERCENT) {
            // Whoever is let go first may take long.
            return self.sleep_us(self.random_below(LONG_YIELD_US));
        }
        let mut yielded = false;
        Box::pin(poll_fn(move |context| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }))
    }

    fn spawn(&self, future: LocalBoxFuture<'static, ()>) {
        let refused = self.executor.borrow_mut().spawn(self.realm, future);
        drop(refused);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(seed: u64) -> Vec<(u32, u64)> {
        let env = SimEnv::new(seed);
        let log = Rc::new(RefCell::new(Vec::new()));
        for name in 0..4 {
            let (task_env, log) = (env.clone(), Rc::clone(&log));
            env.spawn(Box::pin(async move {
                for _ in 0..3 {
                    task_env.yield_now().await;
                    task_env.sleep(10).await;
                    log.borrow_mut().push((name, task_env.random_below(1_000)));
                }
            }));
        }
        env.block_on(env.sleep(1_000));
        log.take()
    }

    #[test]
    fn a_seed_replays_and_another_differs() {
        assert_eq!(trace(7), trace(7));
        assert_eq!(trace(7).len(), 12);
        assert_ne!(trace(7), trace(8));
    }

    #[test]
    fn time_jumps_to_the_timer() {
        let env = SimEnv::new(1);
        let before = env.monotonic_ms();
        env.block_on(env.sleep(86_400_000));
        let passed = env.monotonic_ms() - before;
        assert!((86_400_000.0..86_400_001.0).contains(&passed), "{passed}");
    }

    #[test]
    fn a_frozen_realm_stands_still_and_a_killed_one_is_dropped() {
        let env = SimEnv::new(1);
        let tab = env.new_realm();
        let steps = Rc::new(RefCell::new(0));
        let (task_env, task_steps) = (tab.clone(), Rc::clone(&steps));
        tab.spawn(Box::pin(async move {
            loop {
                task_env.sleep(1).await;
                *task_steps.borrow_mut() += 1;
            }
        }));
        tab.freeze();
        env.block_on(env.sleep(100));
        assert_eq!(*steps.borrow(), 0);
        tab.thaw();
        env.block_on(env.sleep(100));
        let lived = *steps.borrow();
        assert!(lived > 50, "{lived}");
        tab.kill();
        assert_eq!(Rc::strong_count(&steps), 1);
        tab.spawn(Box::pin(async {}));
        env.block_on(env.sleep(100));
        assert_eq!(*steps.borrow(), lived);
    }

    #[test]
    #[should_panic(expected = "simulation stuck")]
    fn a_deadlock_is_a_failure() {
        SimEnv::new(1).block_on(std::future::pending::<()>());
    }
}
