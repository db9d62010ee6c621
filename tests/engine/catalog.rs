//! The catalog: what is made under it counts under it alone, in whatever tab, and whoever changes it stands by itself.

use bytes::Bytes;
use futures_util::future::{LocalBoxFuture, join, join_all, join3};
use patchstore::backend::RecordKey;
use patchstore::backend::simulated::{Fault, SimConnector, Timing};
use patchstore::codec::catalog;
use patchstore::codec::feature::Feature;
use patchstore::codec::frame;
use patchstore::codec::head::Head;
use patchstore::codec::root::Root;
use patchstore::engine::access::{Answer, Attempt, Cursor, KeyRange, Reads, Session, Writes};
use patchstore::engine::{Engine, Options, Policy};
use patchstore::env::Env;
use patchstore::simulation::SimEnv;
use patchstore::{Code, Error, Result};
use std::cell::Cell;
use std::rc::Rc;

use super::{World, put};

/// A record of the catalog.
const DEFINED: &[u8] = b"\x01c";
/// Made of one call, this is written ahead.
const LARGE: usize = 30;

fn range(from: &'static [u8], until: &'static [u8]) -> KeyRange {
    KeyRange {
        from: Bytes::from_static(from),
        until: Bytes::from_static(until),
    }
}

/// Leaves a name at its place in the order of commits.
fn sign(w: &mut dyn Writes, name: &'static str) {
    let order = w.new_order();
    w.put_at(Bytes::from_static(b"h/"), order, name.into());
}

/// Puts a record into the catalog, and so many beside it.
fn define(
    to: &impl Session,
    value: &'static str,
    beside: usize,
) -> LocalBoxFuture<'static, Result<()>> {
    to.write(Box::new(move |w| {
        w.put(Bytes::from_static(DEFINED), value.into());
        (0..beside).for_each(|n| w.put(format!("beside-{n}").into(), vec![7; 60_000].into()));
        sign(w, value);
        Ok(())
    }))
}

fn defined(r: &dyn Reads) -> Bytes {
    let found = r.catalog().get(DEFINED).cloned();
    found.unwrap_or(Bytes::from_static(b"none"))
}

/// Stores what the catalog has, and reads nothing; how often it has run.
fn note(
    to: &impl Session,
    key: &'static str,
    copies: usize,
) -> (Rc<Cell<u32>>, LocalBoxFuture<'static, Result<()>>) {
    let runs = Rc::new(Cell::new(0));
    let count = runs.clone();
    let done = to.write(Box::new(move |w| {
        count.set(count.get() + 1);
        let seen = defined(w);
        w.put(key.into(), seen.clone());
        let mut large = seen.to_vec();
        large.resize(60_000, 0);
        (0..copies).for_each(|n| w.put(format!("{key}-{n}").into(), large.clone().into()));
        sign(w, key);
        Ok(())
    }));
    (runs, done)
}

/// Removes the record from the catalog, if there is one: otherwise it changes nothing.
fn undefine(to: &impl Session, name: &'static str) -> LocalBoxFuture<'static, Result<()>> {
    to.write(Box::new(move |w| {
        if w.catalog().get(DEFINED).is_some() {
            w.delete(Bytes::from_static(DEFINED));
        }
        sign(w, name);
        Ok(())
    }))
}

async fn get(from: &impl Session, key: &'static str) -> Option<String> {
    let found = super::get(from, key).await.unwrap();
    found.map(|value| String::from_utf8_lossy(&value).into_owned())
}

/// All pairs of a range, where the catalog is what its keys say.
async fn scan(engine: &Engine, of: KeyRange) -> Vec<(Bytes, Bytes)> {
    let work = move |r: &mut dyn Reads| -> Attempt<Vec<(Bytes, Bytes)>> {
        let mut all = |range: KeyRange| {
            let (mut cursor, mut out) = (Cursor::new(range, false), Vec::new());
            while let Some(pair) = r.next(&mut cursor)? {
                out.push(pair);
            }
            Ok(out) as Attempt<_>
        };
        let (stored, found) = (all(catalog::range())?, all(of.clone())?);
        let catalog = r.catalog();
        let records = catalog.records().map(|(k, v)| (k.clone(), v.clone()));
        assert_eq!(records.collect::<Vec<_>>(), stored);
        Ok(found)
    };
    match engine.read(Box::new(work)) {
        Answer::Ready(found) => found.unwrap(),
        Answer::Later(found) => found.await.unwrap(),
    }
}

/// The names, in the order of the commits.
async fn order(engine: &Engine) -> Vec<String> {
    let signed = scan(engine, range(b"h/", b"h0")).await;
    let name = |(_, name): &(Bytes, Bytes)| String::from_utf8_lossy(name).into_owned();
    signed.iter().map(name).collect()
}

/// What the definition was when `name` was committed.
fn defined_at(order: &[String], name: &str) -> String {
    let mut defined = "none";
    for signed in order.iter().take_while(|signed| *signed != name) {
        match signed.as_str() {
            "one" | "two" => defined = signed,
            "gone" => defined = "none",
            _ => {}
        }
    }
    defined.into()
}

impl World {
    async fn catalog_tab(&self) -> (Engine, SimConnector) {
        let realm = self.env.new_realm();
        let connector = SimConnector::new(&realm, &self.database);
        let options = Options {
            poll_ms: 0,
            ..Options::default()
        };
        let engine = Engine::open(Rc::new(connector.clone()), Rc::new(realm), options);
        (engine.await.unwrap(), connector)
    }

    /// Where the feature is on: two tabs that look at the log only when told to.
    async fn defining(&self) -> [(Engine, SimConnector); 2] {
        let tabs = [self.catalog_tab().await, self.catalog_tab().await];
        tabs[0].0.switch_on(Feature::Catalog).await.unwrap();
        tabs[1].0.refresh().await.unwrap();
        tabs
    }

    fn record(&self, wanted: RecordKey) -> Bytes {
        let mut records = self.database.records().into_iter();
        records.find(|(key, _)| *key == wanted).unwrap().1
    }

    fn head(&self) -> Head {
        Head::decode(&self.record(RecordKey::Head)).unwrap()
    }

    fn root(&self) -> Root {
        Root::decode(self.head().incarnation, &self.record(RecordKey::Root)).unwrap()
    }

    /// The frames of the log: of each what catalog it is made under, and whether it changes that.
    fn headers(&self) -> Vec<(u64, u64, bool)> {
        let records = self.database.records().into_iter();
        let frames = records.filter_map(|(key, record)| match key {
            RecordKey::Frame(number) => Some((number, frame::open(&record).unwrap())),
            _ => None,
        });
        let live = frames.filter(|(_, frame)| !frame.header.is_fence());
        live.map(|(number, frame)| {
            let under = frame.header.catalog;
            (number, under, frame.batch().unwrap().changes_catalog)
        })
        .collect()
    }

    /// Frames that are void for the catalog that they were made under.
    fn void_frames(&self) -> usize {
        let mut change = self.head().catalog.unwrap_or(0);
        let mut void = 0;
        for (number, under, changes) in self.headers() {
            if under != change {
                void += 1;
            } else if changes {
                change = number;
            }
        }
        void
    }

    /// All tabs, and a new one, have the same, and what was noted was the definition in force at that place.
    async fn check(&self, tabs: &[&Engine], noted: &[&'static str]) -> Vec<String> {
        let (fresh, _) = self.catalog_tab().await;
        let mut orders = Vec::new();
        for engine in tabs.iter().copied().chain([&fresh]) {
            engine.refresh().await.unwrap();
            let order = order(engine).await;
            for name in noted {
                assert_eq!(
                    get(engine, name).await,
                    Some(defined_at(&order, name)),
                    "{name} of {order:?}"
                );
            }
            let last = defined_at(&order, "");
            let found = engine.read(Box::new(|r| Ok(defined(r))));
            let Answer::Ready(found) = found else {
                unreachable!("it reads nothing");
            };
            assert_eq!(found.unwrap(), last, "{order:?}");
            orders.push(order);
        }
        fresh.close().await;
        assert!(orders.iter().all(|order| *order == orders[0]), "{orders:?}");
        orders.swap_remove(0)
    }
}

/// Where two tabs write at the same moment, more or less.
async fn some_time(env: &SimEnv, most_us: u64) {
    env.sleep_us(env.random_below(most_us)).await;
}

#[test]
fn a_call_that_reads_nothing_counts_only_under_the_catalog_that_it_was_made_under() {
    for copies in [0, LARGE] {
        let (mut again, mut before) = (0, 0);
        for seed in 0..60 {
            World::run(seed, async |world| {
                let [(a, _), (b, _)] = world.defining().await;
                world.database.set_timing(Timing {
                    effect_us: 3_000,
                    settle_us: 2_000,
                    wake_loss_percent: if seed % 2 == 0 { 100 } else { 0 },
                    ..Timing::default()
                });
                let noting = async {
                    some_time(&world.env, 8_000).await;
                    let (runs, done) = note(&a, "note", copies);
                    let looking = async {
                        some_time(&world.env, 6_000).await;
                        a.refresh().await.unwrap();
                    };
                    join(done, looking).await.0.unwrap();
                    runs.get()
                };
                let defining = async {
                    let most_us = if copies == 0 { 8_000 } else { 60_000 };
                    some_time(&world.env, most_us).await;
                    define(&b, "one", 0).await.unwrap();
                };
                let (runs, ()) = join(noting, defining).await;
                again += u32::from(runs > 1);
                let order = world.check(&[&a, &b], &["note"]).await;
                before += u32::from(order == ["note", "one"]);
                a.compact().await.unwrap();
                world.check(&[&a, &b], &["note"]).await;
            });
        }
        assert!(again > 5 && before > 5, "{copies}: {again} {before}");
    }
}

#[test]
fn what_was_begun_under_another_catalog_begins_anew() {
    World::run(1, async |world| {
        let [(a, _), (b, _)] = world.defining().await;
        let [blind, other] = [a.begin().await.unwrap(), a.begin().await.unwrap()];
        let (_, noted) = note(&blind, "note", 0);
        noted.await.unwrap();
        put(&other, "other", 5).await.unwrap();
        define(&b, "one", 0).await.unwrap();
        a.refresh().await.unwrap();
        assert!(!blind.commit().await.unwrap() && !other.commit().await.unwrap());
        // The own one, too.
        let own = a.begin().await.unwrap();
        put(&own, "other", 5).await.unwrap();
        define(&a, "two", 0).await.unwrap();
        assert!(!own.commit().await.unwrap());
        assert_eq!(get(&a, "note").await, None);
        assert_eq!(get(&a, "other").await, None);
    });
}

#[test]
fn what_a_cut_has_hidden_makes_what_is_queued_run_again() {
    let mut again = 0;
    for seed in 0..30 {
        World::run(seed, async |world| {
            let [(a, _), (b, _)] = world.defining().await;
            world.database.set_timing(Timing {
                effect_us: 4_000,
                wake_loss_percent: 100,
                ..Timing::default()
            });
            let noting = async {
                some_time(&world.env, 12_000).await;
                let (runs, done) = note(&a, "note", 0);
                done.await.unwrap();
                runs.get()
            };
            let defining = async {
                define(&b, "one", 0).await.unwrap();
                b.compact().await.unwrap();
            };
            let (runs, ()) = join(noting, defining).await;
            again += u32::from(runs > 1);
            world.check(&[&a, &b], &["note"]).await;
        });
    }
    assert!(again > 3, "{again}");
}

#[test]
fn a_transaction_goes_by_what_it_has_made_of_the_catalog() {
    World::run(1, async |world| {
        let (a, _) = world.catalog_tab().await;
        let transaction = a.begin().await.unwrap();
        note(&transaction, "first", 0).1.await.unwrap();
        define(&transaction, "one", 0).await.unwrap();
        note(&transaction, "second", 0).1.await.unwrap();
        let failed = transaction.write(Box::new(|w| -> Attempt<()> {
            w.put(Bytes::from_static(DEFINED), "never".into());
            w.delete_range(range(b"\x01", b"\x02"));
            assert_eq!(defined(w), "none");
            Err(Error::new(Code::ConstraintViolation, "as wanted").into())
        }));
        assert!(failed.await.is_err());
        note(&transaction, "third", 0).1.await.unwrap();
        undefine(&transaction, "gone").await.unwrap();
        note(&transaction, "fourth", 0).1.await.unwrap();
        assert!(transaction.commit().await.unwrap());
        let expected = [
            ("first", "none"),
            ("second", "one"),
            ("third", "one"),
            ("fourth", "none"),
        ];
        for (key, value) in expected {
            assert_eq!(get(&a, key).await.as_deref(), Some(value), "{key}");
        }
        world.check(&[&a], &["second", "fourth"]).await;
        // Nothing is left of one that has changed it and taken that back.
        let changes = world.head().catalog;
        let transaction = a.begin().await.unwrap();
        let failed = transaction.write(Box::new(|w| -> Attempt<()> {
            w.put(Bytes::from_static(DEFINED), "never".into());
            Err(Error::new(Code::ConstraintViolation, "as wanted").into())
        }));
        assert!(failed.await.is_err());
        put(&transaction, "plain", 5).await.unwrap();
        assert!(transaction.commit().await.unwrap());
        assert!(!world.headers().last().unwrap().2);
        assert_eq!(world.head().catalog, changes);
    });
}

#[test]
fn a_call_that_changes_it_stands_alone_and_those_behind_it_wait() {
    for seed in 0..20 {
        World::run(seed, async |world| {
            // (Where the feature is off, all go through the line at first.)
            let a = match seed % 3 {
                0 => world.catalog_tab().await.0,
                _ => world.defining().await[0].0.clone(),
            };
            let first = note(&a, "first", 0).1;
            let one = define(&a, "one", if seed % 2 == 0 { 0 } else { LARGE });
            let second = note(&a, "second", 0).1;
            let seen = async { get(&a, "second").await };
            let gone = undefine(&a, "gone");
            let third = note(&a, "third", 0).1;
            let two = define(&a, "two", 0);
            let fourth = note(&a, "fourth", 0).1;
            let calls = join_all([first, one, second, gone, third, two, fourth]);
            let whole = async { scan(&a, range(b"h/", b"h0")).await.len() };
            let (calls, seen, whole) = join3(calls, seen, whole).await;
            calls.into_iter().for_each(Result::unwrap);
            assert_eq!(seen.as_deref(), Some("one"));
            assert!(whole >= 3, "{whole}");
            let order = world
                .check(&[&a], &["first", "second", "third", "fourth"])
                .await;
            let issued = ["first", "one", "second", "gone", "third", "two", "fourth"];
            assert_eq!(order, issued);
            assert_eq!(world.void_frames(), 0);
        });
    }
}

#[test]
fn a_call_that_changes_it_only_when_it_runs_again_goes_back_into_the_line() {
    let mut changed = 0;
    for seed in 0..60 {
        World::run(seed, async |world| {
            let [(a, _), (b, _)] = world.defining().await;
            world.database.set_timing(Timing {
                effect_us: 3_000,
                ..Timing::default()
            });
            let calls = async {
                some_time(&world.env, 6_000).await;
                let calls = [
                    note(&a, "first", 0).1,
                    undefine(&a, "gone"),
                    note(&a, "second", 0).1,
                    note(&a, "third", LARGE).1,
                    note(&a, "fourth", 0).1,
                ];
                let calls = join_all(calls).await;
                calls.into_iter().for_each(Result::unwrap);
            };
            let defining = async {
                some_time(&world.env, 6_000).await;
                define(&b, "one", 0).await.unwrap();
            };
            join(calls, defining).await;
            let noted = ["first", "second", "third", "fourth"];
            let mut order = world.check(&[&a, &b], &noted).await;
            let at = order.iter().position(|name| name == "one").unwrap();
            changed += u32::from(at < 2);
            order.remove(at);
            assert_eq!(order, ["first", "gone", "second", "third", "fourth"]);
        });
    }
    assert!(changed > 10, "{changed}");
}

#[test]
fn where_much_is_written_with_it_other_tabs_know_it_all_the_same() {
    World::run(1, async |world| {
        let [(a, _), (b, _)] = world.defining().await;
        define(&a, "one", LARGE).await.unwrap();
        assert!(world.headers().iter().any(|(_, _, changes)| *changes));
        let (_, noted) = note(&b, "note", LARGE);
        noted.await.unwrap();
        b.refresh().await.unwrap();
        let order = world.check(&[&a, &b], &["note"]).await;
        assert_eq!(order, ["one", "note"]);
        a.compact().await.unwrap();
        world.check(&[&a, &b], &["note"]).await;
    });
}

#[test]
fn what_was_written_ahead_in_vain_is_deleted() {
    let mut again = 0;
    for seed in 0..20 {
        World::run(seed, async |world| {
            let [(a, _), (b, _)] = world.defining().await;
            world.database.set_timing(Timing {
                effect_us: 2_000,
                ..Timing::default()
            });
            let noting = async {
                let (runs, done) = note(&a, "note", LARGE);
                done.await.unwrap();
                runs.get()
            };
            let defining = async {
                some_time(&world.env, 12_000).await;
                define(&b, "one", 0).await.unwrap();
            };
            let (runs, ()) = join(noting, defining).await;
            again += u32::from(runs > 1);
            world.env.sleep(100).await;
            a.refresh().await.unwrap();
            let records = world.database.records().into_iter();
            let runs = records.filter(|(key, _)| matches!(key, RecordKey::Run(_)));
            let cited =
                world
                    .database
                    .records()
                    .into_iter()
                    .filter_map(|(key, record)| match key {
                        RecordKey::Frame(_) => Some(frame::open(&record).unwrap()),
                        _ => None,
                    });
            let mut change = world.head().catalog.unwrap_or(0);
            let mut live = 0;
            for (frame, (number, under, changes)) in cited
                .filter(|frame| !frame.header.is_fence())
                .zip(world.headers())
            {
                if under == change {
                    live += frame.batch().unwrap().run.len();
                    change = if changes { number } else { change };
                }
            }
            assert!(live > 0);
            // (One record keeps room for deleting.)
            assert!((live..=live + 1).contains(&runs.count()), "{seed}");
        });
    }
    assert!(again > 3, "{again}");
}

#[test]
fn a_frame_of_another_catalog_is_not_sent_again() {
    let mut again = 0;
    for seed in 0..40 {
        World::run(seed, async |world| {
            let [(a, connector), (b, _)] = world.defining().await;
            world.database.set_timing(Timing {
                effect_us: 2_000,
                open_us: 100_000,
                ..Timing::default()
            });
            // (What the tabs have to do is done.)
            world.env.sleep(3_000).await;
            connector.fault_next(Fault::LostBefore);
            let noting = async {
                let (runs, done) = note(&a, "note", 0);
                done.await.unwrap();
                runs.get()
            };
            let defining = async {
                world.env.sleep(5).await;
                some_time(&world.env, 10_000).await;
                define(&b, "one", 0).await.unwrap();
            };
            let (runs, ()) = join(noting, defining).await;
            again += u32::from(runs > 1);
            world.check(&[&a, &b], &["note"]).await;
            assert_eq!(world.void_frames(), 0, "{seed}");
        });
    }
    assert!(again > 10, "{again}");
}

#[test]
fn what_the_head_and_the_root_say_of_it_is_of_the_position() {
    World::run(1, async |world| {
        let (a, _) = world.catalog_tab().await;
        define(&a, "one", 0).await.unwrap();
        assert_eq!(world.head().catalog, Some(0));
        let (number, ..) = *world.headers().last().unwrap();
        a.compact().await.unwrap();
        let stored = |value: &'static str| vec![(Bytes::from_static(DEFINED), Bytes::from(value))];
        let in_root = || catalog::decode(&world.root().catalog.unwrap()).unwrap();
        assert_eq!(world.head().catalog, Some(number));
        assert_eq!(in_root(), stored("one"));
        // Others than a flush say what was said before.
        define(&a, "two", 0).await.unwrap();
        a.switch_on(Feature::Expiry).await.unwrap();
        let (change, root) = (world.head().catalog.unwrap(), in_root());
        assert!(
            change > number && root == stored("two"),
            "{change} {root:?}"
        );
        define(&a, "one", 0).await.unwrap();
        assert_eq!((world.head().catalog, in_root()), (Some(change), root));
        world.check(&[&a], &[]).await;
        // Changes go on above what is being flushed.
        world.database.set_timing(Timing {
            effect_us: 3_000,
            ..Timing::default()
        });
        let defining = async {
            for value in ["two", "one", "two", "one"] {
                define(&a, value, 0).await.unwrap();
            }
        };
        join(a.compact(), defining).await.0.unwrap();
        world.check(&[&a], &[]).await;
        a.compact().await.unwrap();
        assert_eq!(in_root(), stored("one"));
        assert!(world.head().catalog.unwrap() <= world.head().position);
    });
}

#[test]
fn a_patch_without_one_has_nothing_of_it() {
    World::run(1, async |world| {
        let (a, _) = world.catalog_tab().await;
        put(&a, "a", 5).await.unwrap();
        a.write(Box::new(|w| {
            assert_eq!(w.catalog().change, 0);
            w.delete_range(KeyRange::everything());
            w.put("b".into(), vec![7; 70_000].into());
            Ok(())
        }))
        .await
        .unwrap();
        assert!(
            world
                .headers()
                .iter()
                .all(|(_, under, changes)| *under == 0 && !changes)
        );
        a.compact().await.unwrap();
        let (head, root) = (world.head(), world.root());
        assert!(!a.has(Feature::Catalog) && head.catalog.is_none() && root.catalog.is_none());
        assert!(head.more.is_empty() && root.more.is_empty());
        // With one, the head has a tag that older libraries must know.
        let with = Head {
            catalog: Some(0),
            ..head.clone()
        };
        assert_eq!(with.encode().len(), head.encode().len() + 3);
        define(&a, "one", 0).await.unwrap();
        assert!(a.has(Feature::Catalog) && world.head().catalog == Some(0));
    });
}

#[test]
fn where_room_is_short_what_removes_may_leave_something_in_the_catalog() {
    World::run(1, async |world| {
        let (a, _) = world.catalog_tab().await;
        define(&a, "one", 0).await.unwrap();
        for n in 0..20 {
            put(&a, &format!("k{n}"), 50_000).await.unwrap();
        }
        a.obey(Policy {
            threshold: 0.9,
            max_bytes: 100_000.0,
        });
        let defining = |removes: bool| {
            a.write(Box::new(move |w| {
                w.put(Bytes::from_static(DEFINED), vec![7; 100_000].into());
                if removes {
                    w.delete_range(range(b"k", b"l"));
                }
                Ok(())
            }))
        };
        let refused = defining(false).await.unwrap_err();
        assert_eq!(refused.code(), Code::StorageQuotaExceeded);
        defining(true).await.unwrap();
        assert_eq!(scan(&a, range(b"k", b"l")).await.len(), 0);
    });
}

#[test]
fn it_is_bounded_and_what_is_too_large_changes_nothing() {
    World::run(1, async |world| {
        let (a, _) = world.catalog_tab().await;
        define(&a, "one", 0).await.unwrap();
        let refused = a.write(Box::new(|w| {
            w.put(Bytes::from_static(b"\x01large"), vec![7; 1 << 20].into());
            Ok(())
        }));
        assert_eq!(refused.await.unwrap_err().code(), Code::LimitExceeded);
        // What is large elsewhere is a piece; here it stands in the frame.
        let value = vec![7; 200_000];
        let put = a.write(Box::new(move |w| {
            w.put(Bytes::from_static(b"\x01large"), value.clone().into());
            Ok(())
        }));
        put.await.unwrap();
        a.compact().await.unwrap();
        let (b, _) = world.catalog_tab().await;
        for engine in [&a, &b] {
            let stored = scan(engine, range(b"\x01", b"\x02")).await;
            let bytes: Vec<_> = stored.iter().map(|(_, value)| value.len()).collect();
            assert_eq!(bytes, [3, 200_000]);
        }
    });
}

#[test]
fn a_tab_that_was_frozen_while_it_changed_writes_under_what_is() {
    for seed in 0..10 {
        World::run(seed, async |world| {
            let [(a, _), (b, _)] = world.defining().await;
            let (realm, frozen) = world.open_tab(Options::default()).await;
            let (_, noted) = note(&frozen, "note", if seed % 2 == 0 { 0 } else { LARGE });
            some_time(&world.env, 300).await;
            realm.freeze();
            define(&a, "one", 0).await.unwrap();
            define(&b, "two", 0).await.unwrap();
            if seed % 3 == 0 {
                b.compact().await.unwrap();
            }
            world.env.sleep(2_000).await;
            realm.thaw();
            noted.await.unwrap();
            world.check(&[&a, &b, &frozen], &["note"]).await;
        });
    }
}
