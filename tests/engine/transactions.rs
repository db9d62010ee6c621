//! Transactions of the engine, natively: what they see, what they take back, when they must begin anew.

use bytes::Bytes;
use futures_util::future::{LocalBoxFuture, join};
use patchstore::backend::simulated::{Fault, SimConnector};
use patchstore::engine::access::{Attempt, Cursor, KeyRange, Session};
use patchstore::engine::{Engine, Options, Transaction};
use patchstore::{Code, Error, Result};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::{World, get};

/// A tab that has nothing in memory of the record under "cold", which is in a segment.
async fn open_cold(world: &World) -> Engine {
    let engine = world.open(Options::default()).await;
    put_all(&engine, &["cold"]).await.unwrap();
    engine.compact().await.unwrap();
    engine.close().await;
    world.open(Options::default()).await
}

fn put_all(
    to: &impl Session,
    keys: &'static [&'static str],
) -> LocalBoxFuture<'static, Result<()>> {
    to.write(Box::new(move |w| {
        for key in keys {
            w.put((*key).into(), Bytes::from_static(b"value"));
        }
        Ok(())
    }))
}

/// Writes, looks at `read`, and fails.
async fn put_and_fail(to: &Transaction, keys: &'static [&'static str], read: &'static str) {
    let work = to.write(Box::new(move |w| -> Attempt<()> {
        for key in keys {
            w.put((*key).into(), Bytes::from_static(b"value"));
        }
        w.get(read.as_bytes())?;
        Err(Error::new(Code::ConstraintViolation, "as wanted").into())
    }));
    assert_eq!(work.await.unwrap_err().code(), Code::ConstraintViolation);
}

async fn has(from: &impl Session, key: &'static str) -> Result<bool> {
    Ok(get(from, key).await?.is_some())
}

async fn assert_holds(session: &impl Session, expected: &[(&'static str, bool)]) {
    for (key, is_there) in expected {
        assert_eq!(has(session, key).await.unwrap(), *is_there, "{key}");
    }
}

/// Inserts a record, whose key ends with its place in the order of insertion.
fn insert(to: &impl Session, name: &'static str) -> LocalBoxFuture<'static, Result<()>> {
    to.write(Box::new(move |w| {
        let order = w.new_order();
        w.put_at(Bytes::from_static(b"doc-"), order, name.into());
        w.put_order(name.into(), order);
        Ok(())
    }))
}

/// The places of records.
async fn places<const N: usize>(from: &Engine, names: [&'static str; N]) -> [Bytes; N] {
    let mut places = [const { Bytes::new() }; N];
    for (name, place) in names.into_iter().zip(&mut places) {
        let found = get(from, name).await;
        *place = found.unwrap().unwrap();
    }
    places
}

#[test]
fn work_that_fails_is_taken_back_and_the_rest_is_committed() {
    World::run(1, async |world| {
        let engine = world.open(Options::default()).await;
        let transaction = engine.begin().await.unwrap();
        put_all(&transaction, &["a", "b"]).await.unwrap();
        put_and_fail(&transaction, &["c", "d"], "a").await;
        put_all(&transaction, &["e"]).await.unwrap();
        let expected = [
            ("a", true),
            ("b", true),
            ("c", false),
            ("d", false),
            ("e", true),
        ];
        assert_holds(&transaction, &expected).await;
        assert!(transaction.commit().await.unwrap());
        assert_holds(&engine, &expected).await;
    });
}

#[test]
fn work_that_fails_after_a_load_is_taken_back_too() {
    World::run(1, async |world| {
        let engine = open_cold(&world).await;
        let transaction = engine.begin().await.unwrap();
        put_all(&transaction, &["a", "b"]).await.unwrap();
        put_and_fail(&transaction, &["c", "d"], "cold").await;
        let expected = [("a", true), ("b", true), ("c", false), ("cold", true)];
        assert_holds(&transaction, &expected).await;
        assert!(transaction.commit().await.unwrap());
        assert_holds(&engine, &expected).await;
    });
}

#[test]
fn work_whose_load_fails_is_taken_back_too() {
    World::run(1, async |world| {
        open_cold(&world).await.close().await;
        let realm = world.env.new_realm();
        let connector = SimConnector::new(&realm, &world.database);
        let opened = Engine::open(
            Rc::new(connector.clone()),
            Rc::new(realm),
            Options::default(),
        );
        let engine = opened.await.unwrap();
        let transaction = engine.begin().await.unwrap();
        connector.fault_next(Fault::Abort("UnknownError".into()));
        let work = transaction.write(Box::new(|w| {
            w.put("a".into(), Bytes::new());
            w.contains(b"cold")?;
            Ok(())
        }));
        assert_eq!(work.await.unwrap_err().code(), Code::Unavailable);
        put_all(&transaction, &["b"]).await.unwrap();
        assert!(transaction.commit().await.unwrap());
        assert_holds(&engine, &[("a", false), ("b", true), ("cold", true)]).await;
    });
}

#[test]
fn what_is_taken_back_weighs_nothing() {
    World::run(1, async |world| {
        let engine = world.open(Options::default()).await;
        let transaction = engine.begin().await.unwrap();
        let work = transaction.write(Box::new(|w| -> Attempt<()> {
            for n in 0..900 {
                w.put(format!("key-{n}").into(), vec![7; 1_500].into());
            }
            Err(Error::new(Code::ConstraintViolation, "as wanted").into())
        }));
        work.await.unwrap_err();
        put_all(&transaction, &["a"]).await.unwrap();
        assert!(transaction.commit().await.unwrap());
        let stored = world.database.snapshot();
        // A large batch is written ahead as a run.
        assert_eq!((stored.log.records, stored.runs.records), (1, 0));
    });
}

/// How often work that reads "cold" is attempted, and how often it is told that it begins.
async fn attempts(on: &impl Session) -> (u32, u32) {
    let counted = Rc::new(Cell::new((0, 0)));
    let counts = counted.clone();
    let work = on.write(Box::new(move |w| {
        let (attempts, beginnings) = counts.get();
        counts.set((attempts + 1, beginnings + u32::from(w.is_fresh())));
        w.get(b"cold").map(drop)
    }));
    work.await.unwrap();
    counted.get()
}

#[test]
fn work_is_told_whether_it_begins_or_goes_on() {
    World::run(1, async |world| {
        let engine = open_cold(&world).await;
        let transaction = engine.begin().await.unwrap();
        let (several, beginnings) = attempts(&transaction).await;
        assert!(several > 1 && beginnings == 1, "what is cold is loaded");
        assert_eq!(attempts(&transaction).await, (1, 1));
        let engine = open_cold(&world).await;
        let (several, beginnings) = attempts(&engine).await;
        // In the line it begins on a new draft.
        assert!(several > beginnings, "it goes on after a load");
        assert_eq!(attempts(&engine).await, (1, 1));
    });
}

#[test]
fn it_sees_every_call_that_was_issued_before_it() {
    World::run(1, async |world| {
        let engine = open_cold(&world).await;
        // It must load what it reads; the next one waits in line behind it.
        let first = engine.write(Box::new(|w| {
            w.get(b"cold")?;
            w.put("first".into(), Bytes::new());
            Ok(())
        }));
        let second = put_all(&engine, &["second"]);
        let transaction = engine.begin().await.unwrap();
        assert_holds(&transaction, &[("first", true), ("second", true)]).await;
        first.await.unwrap();
        second.await.unwrap();
    });
}

#[test]
fn it_does_not_wait_for_calls_that_come_after_it() {
    World::run(1, async |world| {
        let engine = world.open(Options::default()).await;
        let first = put_all(&engine, &["first"]);
        let begun = engine.begin();
        let writes = async {
            // At no moment is nothing under way, until it has begun.
            for _ in 0..1_000 {
                let (a, b) = (put_all(&engine, &["a"]), put_all(&engine, &["b"]));
                a.await.unwrap();
                drop(b);
            }
        };
        let order = RefCell::new(Vec::new());
        join(
            async {
                begun.await.unwrap();
                order.borrow_mut().push("begun");
            },
            async {
                writes.await;
                order.borrow_mut().push("written");
            },
        )
        .await;
        first.await.unwrap();
        assert_eq!(*order.borrow(), ["begun", "written"]);
    });
}

#[test]
fn what_it_inserts_comes_after_what_was_inserted_while_it_ran() {
    World::run(1, async |world| {
        let engine = world.open(Options::default()).await;
        let one = engine.begin().await.unwrap();
        let other = engine.begin().await.unwrap();
        insert(&one, "one").await.unwrap();
        insert(&other, "other").await.unwrap();
        let meanwhile = insert(&engine, "meanwhile");
        let (one, other) = join(one.commit(), other.commit()).await;
        assert!(one.unwrap() && other.unwrap());
        meanwhile.await.unwrap();
        insert(&engine, "later").await.unwrap();
        let names = ["meanwhile", "one", "other", "later"];
        let places = places(&engine, names).await;
        assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
    });
}

#[test]
fn without_its_snapshot_it_must_begin_anew() {
    World::run(1, async |world| {
        let engine = open_cold(&world).await;
        let transaction = engine.begin().await.unwrap();
        assert!(!transaction.is_doomed());
        let other = world.open(Options::default()).await;
        put_all(&other, &["cold"]).await.unwrap();
        other.compact().await.unwrap();
        // What its snapshot refers to has been deleted, and it had not read it yet.
        let error = has(&transaction, "cold").await.unwrap_err();
        assert_eq!(error.code(), Code::Conflict);
        assert!(transaction.is_doomed());
        put_all(&transaction, &["never"]).await.unwrap();
        assert!(!transaction.commit().await.unwrap());
        assert_holds(&engine, &[("never", false), ("cold", true)]).await;
    });
}

#[test]
fn what_was_read_and_changed_since_makes_it_begin_anew() {
    World::run(1, async |world| {
        let engine = world.open(Options::default()).await;
        let [stale, fresh] = [engine.begin().await.unwrap(), engine.begin().await.unwrap()];
        assert!(!has(&stale, "read").await.unwrap());
        put_all(&engine, &["read"]).await.unwrap();
        put_all(&stale, &["stale"]).await.unwrap();
        put_all(&fresh, &["fresh"]).await.unwrap();
        assert!(!stale.commit().await.unwrap());
        assert!(fresh.commit().await.unwrap());
        assert_holds(&engine, &[("stale", false), ("fresh", true)]).await;
    });
}

fn between(from: &'static str, until: &'static str) -> KeyRange {
    KeyRange {
        from: from.into(),
        until: until.into(),
    }
}

#[test]
fn a_range_that_was_read_is_watched_within_its_bounds() {
    World::run(1, async |world| {
        let engine = world.open(Options::default()).await;
        // A key, or a range, and whether writing it touches `k <= key < p`.
        let changes = [
            ("a", None, false),
            ("k", None, true),
            ("m", None, true),
            ("p", None, false),
            ("a", Some("k"), false),
            ("a", Some("l"), true),
            ("k", Some("p"), true),
            ("l", Some("m"), true),
            ("m", Some("m"), false),
            ("o", Some("z"), true),
            ("p", Some("z"), false),
        ];
        for (from, until, is_touched) in changes {
            let transaction = engine.begin().await.unwrap();
            let scan = transaction.write(Box::new(|w| {
                let mut cursor = Cursor::new(between("k", "p"), false);
                while w.next(&mut cursor)?.is_some() {}
                w.put("own".into(), Bytes::new());
                Ok(())
            }));
            scan.await.unwrap();
            let change = engine.write(Box::new(move |w| {
                match until {
                    Some(until) => w.delete_range(between(from, until)),
                    None => w.put(from.into(), Bytes::new()),
                }
                Ok(())
            }));
            change.await.unwrap();
            let committed = transaction.commit().await.unwrap();
            assert_eq!(committed, !is_touched, "{from} {until:?}");
        }
    });
}

#[test]
fn of_a_scan_that_was_ended_what_it_has_come_to_is_watched() {
    World::run(1, async |world| {
        let engine = world.open(Options::default()).await;
        put_all(&engine, &["k", "m", "o"]).await.unwrap();
        // From which end, how many are taken, a key, and whether writing it touches what was read.
        let changes = [
            (false, 1, "j", false),
            (false, 1, "k", true),
            (false, 1, "ka", false),
            (false, 1, "m", false),
            (false, 2, "l", true),
            (false, 2, "m", true),
            (false, 2, "n", false),
            (false, 3, "oa", false),
            (false, 4, "oa", true),
            (true, 1, "oa", true),
            (true, 1, "o", true),
            (true, 1, "n", false),
            (true, 2, "n", true),
            (true, 2, "k", false),
            (true, 4, "j", false),
            (true, 4, "ja", true),
        ];
        for (reverse, taken, key, is_touched) in changes {
            let transaction = engine.begin().await.unwrap();
            let scan = transaction.write(Box::new(move |w| {
                let mut cursor = Cursor::new(between("ja", "p"), reverse);
                let mut left = taken;
                w.scan(&mut cursor, true, &mut |_, _| {
                    left -= 1;
                    Ok(left > 0)
                })?;
                w.put("z".into(), Bytes::new());
                Ok(())
            }));
            scan.await.unwrap();
            let change = engine.write(Box::new(move |w| {
                // (What is written again is written, too; nothing is left of it.)
                match w.get(key.as_bytes())? {
                    Some(value) => w.put(key.into(), value),
                    None => w.delete(key.into()),
                }
                Ok(())
            }));
            change.await.unwrap();
            let committed = transaction.commit().await.unwrap();
            assert_eq!(committed, !is_touched, "{reverse} {taken} {key}");
        }
    });
}

#[test]
fn two_that_each_take_the_first_of_their_own_do_not_disturb_each_other() {
    World::run(1, async |world| {
        let engine = world.open(Options::default()).await;
        put_all(&engine, &["k1", "k2", "k3"]).await.unwrap();
        let [first, behind] = [engine.begin().await.unwrap(), engine.begin().await.unwrap()];
        let take = |of: &Transaction, from: &'static str| {
            of.write(Box::new(move |w| {
                let mut cursor = Cursor::new(between(from, "l"), false);
                let found = w.next_key(&mut cursor)?;
                found.into_iter().for_each(|key| w.delete(key));
                Ok(())
            }))
        };
        take(&first, "k").await.unwrap();
        take(&behind, "k2").await.unwrap();
        put_all(&engine, &["k4"]).await.unwrap();
        assert!(first.commit().await.unwrap());
        assert!(behind.commit().await.unwrap());
        assert_holds(&engine, &[("k1", false), ("k2", false), ("k3", true)]).await;
    });
}

#[test]
fn a_large_batch_of_another_tab_is_seen_as_a_change() {
    World::run(1, async |world| {
        let engine = world.open(Options::default()).await;
        let other = world.open(Options::default()).await;
        let [stale, fresh] = [engine.begin().await.unwrap(), engine.begin().await.unwrap()];
        assert!(!has(&stale, "key-0500").await.unwrap());
        assert!(!has(&fresh, "other").await.unwrap());
        // WriteSet ahead as a run, which its frame only refers to.
        let bulk = other.write(Box::new(|w| {
            for n in 0..900 {
                w.put(format!("key-{n:04}").into(), vec![7; 1_500].into());
            }
            Ok(())
        }));
        bulk.await.unwrap();
        engine.refresh().await.unwrap();
        put_all(&stale, &["stale"]).await.unwrap();
        put_all(&fresh, &["fresh"]).await.unwrap();
        assert!(!stale.commit().await.unwrap());
        assert!(fresh.commit().await.unwrap());
        assert_holds(
            &engine,
            &[("stale", false), ("fresh", true), ("key-0899", true)],
        )
        .await;
    });
}
