//! What a realm shows of its own calls that are pending, while what lies below them changes.

use futures_util::future::{join, join3};
use patchstore::backend::simulated::{Fault, SimConnector, Timing};
use patchstore::codec::value::from_json;
use patchstore::engine::access::{Answer, Attempt, Reads, Session, Writes, afresh};
use patchstore::engine::{Engine, Options};
use patchstore::models::Scope;
use patchstore::models::documents::{
    Cascade, Changes, Collection, Find, FindSpec, Ids, Insert, NewDoc, Query,
};
use patchstore::models::many::Many;
use patchstore::{Code, Result};
use std::cell::Cell;
use std::rc::Rc;

use super::{World, put};

fn collection() -> Collection {
    Collection::new(&Scope::Name("s".into()), "c".into()).unwrap()
}

fn insert(w: &mut dyn Writes) -> Attempt<()> {
    let stored = from_json(br#"{"_id":"d","v":1}"#);
    let mut no_random = |_: &mut [u8]| {};
    let doc = NewDoc::prepare(&stored, 0.0, &mut Ids::default(), &mut no_random).unwrap();
    Insert::new(&collection(), vec![doc]).step(w)
}

fn update(w: &mut dyn Writes) -> Attempt<bool> {
    let changes = Changes::new(from_json(br#"{"v":2}"#), 0.0);
    collection().update(w, "d".into(), &changes, &mut None)
}

fn remove(w: &mut dyn Writes) -> Attempt<bool> {
    collection().delete(w, "d".into(), &mut Cascade::new(0.0))
}

/// How many documents a query finds.
async fn count(engine: &Engine) -> Result<usize> {
    let begin = || Ok(Find::new(&collection(), Query::all(), FindSpec::default()));
    let found = engine.read(afresh(begin, |find: &mut Find, r: &mut dyn Reads| {
        let mut count = 0;
        find.step(r, &mut |_| {
            count += 1;
            Ok(())
        })?;
        Ok(count)
    }));
    match found {
        Answer::Ready(found) => found,
        Answer::Later(found) => found.await,
    }
}

/// A tab that looks at the log only when told to, and its connector.
async fn open(world: &World) -> (Engine, SimConnector) {
    let realm = world.env.new_realm();
    let connector = SimConnector::new(&realm, &world.database);
    let options = Options {
        poll_ms: 0,
        ..Options::default()
    };
    let engine = Engine::open(Rc::new(connector.clone()), Rc::new(realm), options);
    (engine.await.unwrap(), connector)
}

impl World {
    async fn soon(&self, within_us: u64) {
        self.env.sleep_us(self.env.random_below(within_us)).await;
    }

    /// Looks again and again, having taken in what others wrote now and then.
    async fn watch(&self, engine: &Engine, wanted: usize) {
        for _ in 0..80 {
            self.soon(300).await;
            if self.env.chance(30) {
                engine.refresh().await.unwrap();
            }
            assert_eq!(count(engine).await.unwrap(), wanted);
        }
    }
}

#[test]
fn a_document_whose_place_cannot_be_learnt_any_more_is_seen_once() {
    for seed in 0..100 {
        World::run(seed, async |world| {
            let (engine, connector) = open(&world).await;
            let (other, _) = open(&world).await;
            world.database.set_timing(Timing {
                open_us: 10_000,
                wake_loss_percent: 100,
                ..Timing::default()
            });
            connector.fault_next(Fault::LostAfter);
            let inserted = engine.write(Box::new(insert));
            world.env.sleep_us(10).await;
            let updated = engine.write(Box::new(update));
            let cut = async {
                world.soon(4_000).await;
                other.refresh().await.unwrap();
                other.compact().await.unwrap();
            };
            let calls = join3(inserted, updated, cut);
            let (_, (inserted, updated, ())) = join(world.watch(&engine, 1), calls).await;
            inserted.unwrap();
            assert!(updated.unwrap());
        });
    }
}

#[test]
fn a_document_that_another_tab_removes_and_inserts_anew_is_seen_once() {
    for seed in 0..100 {
        World::run(seed, async |world| {
            let (engine, _) = open(&world).await;
            let (other, _) = open(&world).await;
            engine.write(Box::new(insert)).await.unwrap();
            other.refresh().await.unwrap();
            world.database.set_timing(Timing {
                effect_us: 2_000,
                wake_loss_percent: 100,
                ..Timing::default()
            });
            let anew = async {
                let again = |w: &mut dyn Writes| {
                    remove(w)?;
                    insert(w)
                };
                other.write(Box::new(again)).await.unwrap();
            };
            let held_up = put(&engine, "first", 5);
            world.soon(1_000).await;
            let updated = engine.write(Box::new(update));
            let calls = join3(held_up, updated, anew);
            let (_, (first, updated, ())) = join(world.watch(&engine, 1), calls).await;
            first.unwrap();
            assert!(updated.unwrap());
        });
    }
}

#[test]
fn what_was_built_on_a_call_that_fails_is_not_seen_without_it() {
    for seed in 0..30 {
        World::run(seed, async |world| {
            let (engine, connector) = open(&world).await;
            let failed = Cell::new(false);
            connector.fault_next(Fault::Abort("no reason".into()));
            let inserted = engine.write(Box::new(insert));
            world.env.sleep_us(10).await;
            let updated = engine.write(Box::new(update));
            let failing = async {
                assert_eq!(inserted.await.unwrap_err().code(), Code::Unavailable);
                failed.set(true);
            };
            let looking = async {
                for _ in 0..2_000 {
                    assert_eq!(count(&engine).await.unwrap(), usize::from(!failed.get()));
                    world.env.sleep_us(50).await;
                }
            };
            // What has failed is taken back between two looks at the log.
            let refreshing = async {
                for _ in 0..200 {
                    engine.refresh().await.unwrap();
                }
            };
            let looks = join(looking, refreshing);
            let (_, updated, _) = join3(failing, updated, looks).await;
            assert!(!updated.unwrap());
        });
    }
}
