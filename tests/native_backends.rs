//! The conformance suite on the backends that need no browser, and the faults of the simulated
//! one.
#![cfg(not(target_arch = "wasm32"))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod conformance;

use conformance::{World, append, frame, frames, get, id, open, open_noting, put, write};
use patchstore::backend::memory::MemoryConnector;
use patchstore::backend::simulated::{Fault, SimConnector, SimDatabase, Timing};
use patchstore::backend::{Connector, Durability, Event, Failure, RecordKey, Seen, Write};
use patchstore::env::Env;
use patchstore::simulation::SimEnv;
use patchstore::{Code, Error};
use std::cell::Cell;
use std::rc::Rc;

fn world(env: &SimEnv, connector: impl Connector + 'static) -> World {
    let env = env.clone();
    World {
        connector: Box::new(connector),
        pause: Box::new(move || env.sleep(10)),
    }
}

mod memory {
    use super::*;

    macro_rules! checks {
        ($($name:ident,)*) => {$(
            #[test]
            fn $name() {
                let env = SimEnv::new(1);
                env.block_on(conformance::$name(world(&env, MemoryConnector::new())));
            }
        )*};
    }
    every_check!(checks);

    #[test]
    fn severed_connections_hear_of_it_once_and_are_lost() {
        let env = SimEnv::new(1);
        let connector = MemoryConnector::new();
        let world = world(&env, connector.clone());
        env.block_on(async {
            let (backend, noted) = open_noting(&world).await;
            append(&backend, frame("a", None)).await.unwrap();
            connector.sever();
            connector.sever();
            assert_eq!(*noted.borrow(), [Event::Lost]);
            assert!(matches!(
                append(&backend, frame("b", None)).await,
                Err(Failure::Lost)
            ));
            assert_eq!(connector.snapshot().log.records, 1);
            let (backend, noted) = open_noting(&world).await;
            connector.delete_database();
            assert_eq!(*noted.borrow(), [Event::Deleted]);
            assert!(matches!(
                append(&backend, frame("b", None)).await,
                Err(Failure::Lost)
            ));
            let appended = append(&open(&world).await, frame("c", None)).await.unwrap();
            assert_eq!(appended.number, 1);
        });
    }
}

mod simulated {
    use super::*;

    macro_rules! checks {
        ($($name:ident,)*) => {$(
            #[test]
            fn $name() {
                for seed in 0..30 {
                    let env = SimEnv::new(seed);
                    let connector = SimConnector::new(&env, &SimDatabase::new(&env));
                    env.block_on(conformance::$name(world(&env, connector)));
                }
            }
        )*};
    }
    every_check!(checks);

    /// A database and the doors of two tabs.
    fn two_tabs(seed: u64) -> (SimEnv, SimDatabase, [SimEnv; 2], [SimConnector; 2]) {
        let env = SimEnv::new(seed);
        let database = SimDatabase::new(&env);
        let tabs = [env.new_realm(), env.new_realm()];
        let doors = [0, 1].map(|tab| SimConnector::new(&tabs[tab], &database));
        (env, database, tabs, doors)
    }

    #[test]
    fn an_abort_gives_the_number_back() {
        let (env, _, _, [door, _]) = two_tabs(1);
        let world = world(&env, door.clone());
        env.block_on(async {
            let backend = open(&world).await;
            door.fault_at(2, Fault::Abort("UnknownError".into()));
            append(&backend, frame("a", None)).await.unwrap();
            let aborted = append(&backend, frame("b", None)).await;
            assert!(matches!(aborted, Err(Failure::Aborted(why, None)) if why == "UnknownError"));
            assert_eq!(append(&backend, frame("c", None)).await.unwrap().number, 2);
            door.fault_next(Fault::Quota);
            let full = write(&backend, vec![put(RecordKey::Head, "h")]).await;
            assert!(matches!(full, Err(Failure::Quota(None))));
            assert_eq!(get(&backend, RecordKey::Head).await, None);
            assert_eq!(door.issued(), 5);
        });
    }

    #[test]
    fn a_lost_write_may_or_may_not_have_taken_effect() {
        for (fault, kept) in [(Fault::LostBefore, 0), (Fault::LostAfter, 1)] {
            let (env, database, _, [door, _]) = two_tabs(3);
            let world = world(&env, door.clone());
            env.block_on(async {
                let (backend, noted) = open_noting(&world).await;
                door.fault_next(fault);
                let lost = append(&backend, frame("a", None));
                let behind = append(&backend, frame("b", None));
                assert!(matches!(lost.await, Err(Failure::Lost)));
                assert!(matches!(behind.await, Err(Failure::Lost)));
                (world.pause)().await;
                assert_eq!(*noted.borrow(), [Event::Lost]);
                assert_eq!(database.snapshot().log.records, kept);
                assert!(matches!(
                    append(&backend, frame("c", None)).await,
                    Err(Failure::Lost)
                ));
                assert_eq!(frames(&open(&world).await).await.len(), kept);
            });
        }
    }

    #[test]
    fn a_frozen_answer_comes_when_it_is_released() {
        let (env, database, _, [door, other_door]) = two_tabs(5);
        let (world, other) = (world(&env, door.clone()), world(&env, other_door));
        env.block_on(async {
            let (backend, other) = (open(&world).await, open(&other).await);
            let answered = Rc::new(Cell::new(0));
            for fault in [Fault::FrozenAfter, Fault::FrozenBefore] {
                door.fault_next(fault);
                let (outcome, noted) = (append(&backend, frame("a", None)), Rc::clone(&answered));
                env.spawn(Box::pin(async move {
                    outcome.await.unwrap();
                    noted.set(noted.get() + 1);
                }));
                // Only one that has not taken effect yet keeps the others waiting.
                let outcome = append(&other, frame("b", None));
                let noted = Rc::clone(&answered);
                env.spawn(Box::pin(async move {
                    outcome.await.unwrap();
                    noted.set(noted.get() + 10);
                }));
                env.sleep(1_000).await;
                assert!([10, 11].contains(&answered.get()), "{}", answered.get());
                door.release();
                env.sleep(1_000).await;
                if answered.get() == 11 {
                    assert_eq!(database.snapshot().log.records, 2);
                }
            }
            assert_eq!(answered.get(), 22);
        });
    }

    #[test]
    fn a_frozen_tab_holds_its_flip_and_a_killed_one_lets_go() {
        let (env, database, [tab, _], [door, other_door]) = two_tabs(7);
        let (world, other) = (world(&env, door), world(&env, other_door));
        env.block_on(async {
            let (backend, other) = (open(&world).await, open(&other).await);
            let decide = |_: Seen| Some(vec![put(RecordKey::Head, "of the dead")]);
            let flip = backend.flip(Box::new(decide), Durability::Relaxed);
            tab.spawn(Box::pin(async move { drop(flip.await) }));
            tab.freeze();
            let waiting = append(&other, frame("a", None));
            env.sleep(10_000).await;
            assert_eq!(database.snapshot().log.records, 0);
            tab.kill();
            assert_eq!(waiting.await.unwrap().head, None);
            assert_eq!(get(&other, RecordKey::Head).await, None);
        });
    }

    /// A flip that a closed connection had left half-way, in a frozen tab, took effect in the database
    /// that had been made anew meanwhile.
    #[test]
    fn nothing_under_way_takes_effect_once_the_database_is_deleted() {
        for seed in 0..30 {
            let (env, database, [tab, _], [door, other_door]) = two_tabs(seed);
            let (world, other) = (world(&env, door), world(&env, other_door));
            env.block_on(async {
                let backend = open(&world).await;
                let decide = |_: Seen| Some(vec![put(RecordKey::Head, "of an earlier life")]);
                let flip = backend.flip(Box::new(decide), Durability::Relaxed);
                let behind = append(&backend, frame("of an earlier life", None));
                backend.close();
                tab.freeze();
                env.sleep(1_000).await;
                database.delete();
                // Nor does it hold up anybody.
                let other = open(&other).await;
                write(&other, vec![put(RecordKey::Head, "h")])
                    .await
                    .unwrap();
                tab.thaw();
                env.sleep(1_000).await;
                assert!(matches!(flip.await, Err(Failure::Lost)));
                assert!(matches!(behind.await, Err(Failure::Lost)));
                assert_eq!(get(&other, RecordKey::Head).await, Some("h".into()));
                assert_eq!(frames(&other).await, []);
            });
        }
    }

    #[test]
    fn the_quota_counts_what_is_there_and_what_comes() {
        let (env, database, _, [door, _]) = two_tabs(9);
        database.set_quota(Some(100));
        let world = world(&env, door.clone());
        env.block_on(async {
            let backend = open(&world).await;
            let big = "x".repeat(80);
            write(&backend, vec![put(RecordKey::Run(id(1)), &big)])
                .await
                .unwrap();
            assert_eq!(door.estimate().await, Some((80.0, 100.0)));
            let swap = vec![
                Write::Delete(RecordKey::Run(id(1))),
                put(RecordKey::Run(id(2)), &big),
            ];
            assert!(matches!(
                write(&backend, swap).await,
                Err(Failure::Quota(None))
            ));
            let full = append(&backend, frame(&big, None)).await;
            assert!(matches!(full, Err(Failure::Quota(None))));
            write(&backend, vec![Write::Delete(RecordKey::Run(id(1)))])
                .await
                .unwrap();
            assert_eq!(append(&backend, frame(&big, None)).await.unwrap().number, 1);
        });
    }

    #[test]
    fn wake_ups_can_get_lost_and_opens_be_refused() {
        let (env, database, _, [door, other_door]) = two_tabs(11);
        let (world, other) = (world(&env, door.clone()), world(&env, other_door));
        env.block_on(async {
            database.set_timing(Timing {
                wake_loss_percent: 100,
                ..Timing::default()
            });
            let (backend, (_other, noted)) = (open(&world).await, open_noting(&other).await);
            backend.notify();
            env.sleep(1_000).await;
            assert_eq!(*noted.borrow(), []);
            database.sever();
            env.sleep(1_000).await;
            assert_eq!(*noted.borrow(), [Event::Lost]);
            door.refuse_open(Error::new(Code::Blocked, "held"));
            let refused = door.open(Rc::new(|_| {})).await;
            assert_eq!(refused.err().map(|error| error.code()), Some(Code::Blocked));
            let backend = open(&world).await;
            write(&backend, vec![put(RecordKey::Head, "h")])
                .await
                .unwrap();
            database.delete();
            assert_eq!(get(&open(&world).await, RecordKey::Head).await, None);
        });
    }
}
