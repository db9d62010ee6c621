//! Turns at the log, natively, in virtual time: who lets whom go first, and for how long at most.

use bytes::Bytes;
use futures_util::future::{join, join_all, select};
use patchstore::Result;
use patchstore::backend::simulated::{SimConnector, Timing};
use patchstore::backend::{Backend, Connector, Id, Signal};
use patchstore::engine::access::{Cursor, KeyRange, Session};
use patchstore::engine::{Engine, Options, Transaction};
use patchstore::env::Env;
use patchstore::simulation::SimEnv;
use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;

use super::{World, get, put};

/// No commit waits longer than this for a turn, ms, however long that is told of; some more for the commit itself.
const MOST_MS: u64 = 1_500 + 100;
/// Nor longer than this once nothing is heard of it any more.
const UNHEARD_MS: u64 = 250 + 100;

/// A tab whose realm and connector are at hand.
struct Tab {
    env: SimEnv,
    connector: SimConnector,
    engine: Engine,
}

impl World {
    async fn tab(&self) -> Tab {
        let env = self.env.new_realm();
        let connector = SimConnector::new(&env, &self.database);
        let opened = Engine::open(
            Rc::new(connector.clone()),
            Rc::new(env.clone()),
            Options::default(),
        );
        let engine = opened.await.unwrap();
        Tab {
            env,
            connector,
            engine,
        }
    }

    async fn tabs<const N: usize>(&self) -> [Tab; N] {
        let tabs = join_all((0..N).map(|_| self.tab())).await;
        tabs.try_into().unwrap_or_else(|_| unreachable!())
    }

    /// Sends signals and nothing else.
    async fn voice(&self) -> Rc<dyn Backend> {
        let connector = SimConnector::new(&self.env.new_realm(), &self.database);
        connector.open(Rc::new(|_| ())).await.unwrap()
    }

    async fn timed_ms(&self, work: impl Future<Output = Result<()>>) -> u64 {
        let began_us = self.env.now_us();
        work.await.unwrap();
        (self.env.now_us() - began_us) / 1_000
    }

    /// Writes into the box, every so many ms or back to back, as long as `work` takes; how many there were.
    async fn beside<T>(
        &self,
        tabs: &[&Engine],
        pause_ms: u32,
        work: impl Future<Output = T>,
    ) -> (T, Vec<u64>) {
        let counts: Vec<_> = tabs.iter().map(|_| Cell::new(0)).collect();
        let writers = join_all(tabs.iter().zip(&counts).enumerate().map(
            async |(at, (tab, count))| {
                loop {
                    let written = put(*tab, &format!("box-{at}-{}", count.get()), 20);
                    match pause_ms {
                        0 => written.await.unwrap(),
                        _ => self.env.sleep(pause_ms).await,
                    }
                    count.set(count.get() + 1);
                }
            },
        ));
        let done = match select(pin!(work), pin!(writers)).await {
            futures_util::future::Either::Left((done, _)) => done,
            futures_util::future::Either::Right(_) => unreachable!(),
        };
        (done, counts.iter().map(Cell::get).collect())
    }
}

/// A ticket of a realm, drawn so many ms ago.
fn ticket(env: &SimEnv, ago_ms: u64, realm: u64) -> Id {
    let drawn_ms = env.now_ms() as u64 - ago_ms;
    Id((u128::from(drawn_ms) << 64 | u128::from(realm)).to_be_bytes())
}

async fn increment(engine: &Engine) {
    let done = engine.write(Box::new(|w| {
        let old = w.get(b"counter")?.map_or(0, |old| old[0]);
        w.put("counter".into(), vec![old.wrapping_add(1)].into());
        Ok(())
    }));
    done.await.unwrap();
}

/// Reads all that is in the box and deletes it, with something else to wait for in between.
async fn empty_box(env: &SimEnv, transaction: &Transaction) -> Result<usize> {
    let all = KeyRange {
        from: "box-".into(),
        until: "box.".into(),
    };
    let keys: Vec<Bytes> = transaction
        .write(Box::new(move |w| {
            let (mut cursor, mut keys) = (Cursor::new(all.clone(), false), Vec::new());
            while let Some((key, _)) = w.next(&mut cursor)? {
                keys.push(key);
            }
            Ok(keys)
        }))
        .await?;
    env.sleep(40).await;
    for key in keys.clone() {
        let deleted = transaction.write(Box::new(move |w| {
            w.delete(key.clone());
            Ok(())
        }));
        deleted.await?;
    }
    Ok(keys.len())
}

/// As the facade does: the third run and later ones in a turn. How many runs it took; `None`: more than eleven.
async fn transact(env: &SimEnv, engine: &Engine) -> Option<usize> {
    for run in 0..11 {
        let begun = match run < 2 {
            true => engine.begin(),
            false => engine.begin_in_turn(),
        };
        let transaction = begun.await.unwrap();
        let emptied = empty_box(env, &transaction).await;
        if emptied.is_err() {
            assert!(transaction.is_doomed());
        } else if transaction.commit().await.unwrap() {
            return Some(run + 1);
        }
    }
    None
}

#[test]
fn a_dependent_call_beside_writers_at_full_speed_gets_its_turn() {
    for seed in 0..5 {
        World::run(seed, async |world| {
            let [one, a, b, c] = world.tabs().await;
            let most = Cell::new(0);
            let updates = async {
                for _ in 0..100 {
                    let before = one.connector.issued();
                    increment(&one.engine).await;
                    most.set(most.get().max(one.connector.issued() - before));
                }
            };
            let writers = [&a.engine, &b.engine, &c.engine];
            let ((), written) = world.beside(&writers, 0, updates).await;
            // Two transactions for each race that was lost, and some that look for other tabs' commits by the way.
            assert!(
                most.get() <= 25,
                "{} transactions for one update",
                most.get()
            );
            assert!(
                written.iter().all(|count| *count >= 40),
                "others starve: {written:?}"
            );
        });
    }
}

#[test]
fn a_transaction_beside_a_tab_that_writes_into_what_it_reads_gets_its_turn() {
    for (seed, pause_ms) in [(1, 20), (2, 3), (3, 20), (4, 3), (5, 0)] {
        World::run(seed, async |world| {
            let [one, other] = world.tabs().await;
            for _ in 0..5 {
                let done = transact(&world.env, &one.engine);
                let (runs, _) = world.beside(&[&other.engine], pause_ms, done).await;
                assert!(runs.is_some_and(|runs| runs <= 5), "{runs:?} runs");
            }
        });
    }
}

#[test]
fn a_transaction_beside_writes_of_its_own_tab_gets_its_turn() {
    for (seed, pause_ms) in [(1, 20), (2, 3), (3, 20), (4, 3), (5, 0)] {
        World::run(seed, async |world| {
            let [one] = world.tabs().await;
            for _ in 0..5 {
                let done = transact(&world.env, &one.engine);
                let (runs, _) = world.beside(&[&one.engine], pause_ms, done).await;
                assert!(runs.is_some_and(|runs| runs <= 5), "{runs:?} runs");
            }
        });
    }
}

#[test]
fn tabs_that_want_turns_at_once_get_them_one_after_the_other() {
    for seed in 0..10 {
        World::run(seed, async |world| {
            let [a, b, c, writer] = world.tabs().await;
            let all = join_all([&a, &b, &c].map(async |tab| {
                let mut most = 0;
                for _ in 0..3 {
                    most = most.max(transact(&world.env, &tab.engine).await.unwrap_or(99));
                }
                most
            }));
            let (runs, written) = world.beside(&[&writer.engine], 0, all).await;
            assert!(runs.iter().all(|runs| *runs <= 11), "{runs:?} runs");
            // At least one between two turns.
            assert!(written[0] >= 9, "the writer starves: {written:?}");
        });
    }
}

#[test]
fn a_tab_that_dies_or_freezes_in_its_turn_holds_nobody_up_for_long() {
    for (seed, freezes) in [(1, true), (2, false), (3, true), (4, false)] {
        World::run(seed, async |world| {
            let [one, other] = world.tabs().await;
            let _held = one.engine.begin_in_turn().await.unwrap();
            world.env.sleep(100).await;
            match freezes {
                true => one.env.freeze(),
                false => one.env.kill(),
            }
            let ms = world.timed_ms(put(&other.engine, "other", 5)).await;
            assert!((50..UNHEARD_MS).contains(&ms), "held up for {ms} ms");
            let ms = world.timed_ms(put(&other.engine, "other", 5)).await;
            assert!(ms < 50, "held up again, for {ms} ms");
        });
    }
}

#[test]
fn a_transaction_that_never_ends_holds_nobody_up_for_long() {
    World::run(1, async |world| {
        let [one, other] = world.tabs().await;
        let _endless = one.engine.begin_in_turn().await.unwrap();
        let ms = world.timed_ms(put(&other.engine, "other", 5)).await;
        assert!((1_000..MOST_MS).contains(&ms), "held up for {ms} ms");
        let ms = world.timed_ms(put(&other.engine, "other", 5)).await;
        assert!(ms < 50, "held up again, for {ms} ms");
    });
}

#[test]
fn what_a_transaction_waits_for_gets_on_in_its_turn() {
    World::run(1, async |world| {
        let [one] = world.tabs().await;
        let transaction = one.engine.begin_in_turn().await.unwrap();
        get(&transaction, "k").await.unwrap();
        let ms = world.timed_ms(put(&one.engine, "own", 5)).await;
        assert!((50..UNHEARD_MS).contains(&ms), "held up for {ms} ms");
        put(&transaction, "k", 5).await.unwrap();
        // Once is enough.
        let ms = world.timed_ms(put(&one.engine, "own", 5)).await;
        assert!(ms < 50, "held up again, for {ms} ms");
        assert!(transaction.commit().await.unwrap());
    });
}

#[test]
fn calls_of_the_same_tab_come_after_a_transaction_in_its_turn() {
    World::run(1, async |world| {
        let [one] = world.tabs().await;
        put(&one.engine, "box-old", 5).await.unwrap();
        let transaction = one.engine.begin_in_turn().await.unwrap();
        let calls = async {
            world.env.sleep(20).await;
            let blind = put(&one.engine, "box-new", 5);
            let seen = one.engine.write(Box::new(|w| {
                let is_there = w.get(b"box-old")?.is_some();
                w.put("seen".into(), vec![u8::from(is_there)].into());
                Ok(())
            }));
            join(blind, seen).await
        };
        let emptied = async {
            assert_eq!(empty_box(&world.env, &transaction).await.unwrap(), 1);
            transaction.commit().await.unwrap()
        };
        let ((blind, seen), committed) = join(calls, emptied).await;
        blind.and(seen).unwrap();
        assert!(committed);
        for from in [&one.engine, &world.tab().await.engine] {
            assert_eq!(get(from, "box-old").await.unwrap(), None);
            assert!(get(from, "box-new").await.unwrap().is_some());
            assert_eq!(get(from, "seen").await.unwrap().unwrap()[..], [0]);
        }
    });
}

#[test]
fn whoever_keeps_asking_for_turns_lets_others_commit_in_between() {
    World::run(1, async |world| {
        let ([one], voice) = (world.tabs().await, world.voice().await);
        let asking = async {
            loop {
                voice.signal(Signal::Wanted(ticket(&world.env, 0, 1)));
                world.env.sleep(10).await;
            }
        };
        let writing = async {
            for n in 0..5 {
                let ms = world.timed_ms(put(&one.engine, "k", 5)).await;
                assert!(ms < MOST_MS, "write {n} was held up for {ms} ms");
            }
        };
        select(pin!(writing), pin!(asking)).await;
    });
}

#[test]
fn a_signal_that_comes_late_or_from_nowhere_says_nothing() {
    World::run(1, async |world| {
        let ([one], voice) = (world.tabs().await, world.voice().await);
        let (late, early) = (ticket(&world.env, 2_000, 1), ticket(&world.env, 0, 2));
        let strange = Id([255; 16]);
        for signal in [
            Signal::Wanted(late),
            Signal::Wanted(strange),
            Signal::Over(early),
        ] {
            voice.signal(signal);
            world.env.sleep(20).await;
            let ms = world.timed_ms(put(&one.engine, "k", 5)).await;
            assert!(ms < 50, "{signal:?} holds up for {ms} ms");
        }
    });
}

#[test]
fn an_end_lets_go_those_who_wait_for_that_turn() {
    World::run(1, async |world| {
        let ([one], voice) = (world.tabs().await, world.voice().await);
        let (first, second) = (ticket(&world.env, 1, 1), ticket(&world.env, 0, 2));
        voice.signal(Signal::Wanted(first));
        world.env.sleep(20).await;
        let ends = async {
            // The end of another one, which it does not wait for.
            voice.signal(Signal::Over(second));
            world.env.sleep(100).await;
            voice.signal(Signal::Over(first));
        };
        let (ms, ()) = join(world.timed_ms(put(&one.engine, "k", 5)), ends).await;
        assert!((90..150).contains(&ms), "held up for {ms} ms");
    });
}

#[test]
fn reads_do_not_wait_for_a_turn_where_a_pending_call_must_run_again() {
    World::run(1, async |world| {
        let ([one], voice) = (world.tabs().await, world.voice().await);
        voice.signal(Signal::Wanted(ticket(&world.env, 0, 1)));
        world.env.sleep(20).await;
        let pending = increment(&one.engine);
        let reading = async {
            // It has not heard of the turn.
            let other = world.tab().await;
            put(&other.engine, "counter", 1).await.unwrap();
            one.engine.refresh().await.unwrap();
            let read = async { get(&one.engine, "counter").await.map(|_| ()) };
            let ms = world.timed_ms(read).await;
            assert!(ms < 50, "a read was held up for {ms} ms");
        };
        let (ms, ()) = join(
            world.timed_ms(async {
                pending.await;
                Ok(())
            }),
            reading,
        )
        .await;
        assert!((200..UNHEARD_MS).contains(&ms), "held up for {ms} ms");
    });
}

#[test]
fn nobody_who_contends_with_nobody_says_anything() {
    World::run(1, async |world| {
        let [one, other] = world.tabs().await;
        let silent = world.database.signals();
        for n in 0..50 {
            increment(&one.engine).await;
            put(&other.engine, &format!("{n}"), 5).await.unwrap();
            assert!(transact(&world.env, &one.engine).await == Some(1));
        }
        assert_eq!(world.database.signals(), silent);
    });
}

#[test]
fn without_signals_all_is_as_it_was() {
    World::run(1, async |world| {
        world.database.set_timing(Timing {
            wake_loss_percent: 100,
            ..Timing::default()
        });
        let [one, other] = world.tabs().await;
        let transaction = one.engine.begin_in_turn().await.unwrap();
        assert_eq!(get(&transaction, "k").await.unwrap(), None);
        let ms = world.timed_ms(put(&other.engine, "k", 5)).await;
        assert!(ms < 50, "held up for {ms} ms");
        put(&transaction, "mine", 5).await.unwrap();
        assert!(!transaction.commit().await.unwrap());
        assert_eq!(get(&other.engine, "mine").await.unwrap(), None);
    });
}
