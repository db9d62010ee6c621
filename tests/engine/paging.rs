//! Going on behind documents whose place is not known yet.

use futures_util::future::join_all;
use patchstore::codec::value::from_json;
use patchstore::engine::access::{Answer, Session, afresh};
use patchstore::engine::{Engine, Options};
use patchstore::models::Scope;
use patchstore::models::documents::{
    After, Cascade, Collection, Find, FindSpec, Ids, Insert, Mark, NewDoc, Query,
};
use patchstore::models::many::Many;
use std::rc::Rc;

use super::World;

fn collection() -> Collection {
    Collection::new(&Scope::Name("s".into()), "c".into()).unwrap()
}

async fn insert(to: &impl Session, id: &str) {
    let stored = from_json(format!("{{\"_id\":\"{id}\"}}").as_bytes());
    let mut no_random = |_: &mut [u8]| {};
    let doc = NewDoc::prepare(&stored, 0.0, &mut Ids::default(), &mut no_random).unwrap();
    let mut insert = Insert::new(&collection(), vec![doc]);
    let done = to.write(Box::new(move |w| insert.step(w)));
    done.await.unwrap();
}

async fn delete(to: &impl Session, id: &'static str) {
    let done = to.write(Box::new(move |w| {
        collection().delete(w, id.into(), &mut Cascade::new(0.0))
    }));
    assert!(done.await.unwrap());
}

/// The ids of what lies behind a mark, the first so many, and where that ends.
async fn page(from: &impl Session, after: Option<(Mark, &str)>, limit: u64) -> (String, Mark) {
    let after = after.map(|(mark, id)| {
        Rc::new(After {
            id: id.into(),
            mark: Some(mark),
            values: Vec::new(),
        })
    });
    let begin = move || {
        let spec = FindSpec {
            limit: Some(limit),
            after: after.clone(),
            ..FindSpec::default()
        };
        Ok((Find::new(&collection(), Query::all(), spec), String::new()))
    };
    let work = afresh(begin, |(find, ids), r| {
        find.step(r, &mut |doc| {
            ids.push_str(&Collection::id_of(doc)?.as_js().to_display());
            Ok(())
        })?;
        Ok((ids.clone(), find.mark()))
    });
    let (ids, mark) = match from.read(work) {
        Answer::Ready(found) => found.unwrap(),
        Answer::Later(found) => found.await.unwrap(),
    };
    let nowhere = patchstore::codec::order::Order { frame: 0, slot: 0 };
    let none = Mark {
        place: nowhere,
        floor: nowhere,
        values: Vec::new(),
    };
    (ids, mark.unwrap_or(none))
}

async fn open(world: &World) -> Engine {
    let realm = world.env.new_realm();
    let connector = patchstore::backend::simulated::SimConnector::new(&realm, &world.database);
    let options = Options {
        poll_ms: 0,
        ..Options::default()
    };
    let engine = Engine::open(Rc::new(connector), Rc::new(realm), options);
    engine.await.unwrap()
}

#[test]
fn a_place_that_waits_is_followed_to_where_it_lands() {
    for seed in 0..30 {
        World::run(seed, async |world| {
            let (engine, other) = (open(&world).await, open(&world).await);
            insert(&engine, "a").await;
            other.refresh().await.unwrap();
            // Between what is there and what waits, as will be known later.
            insert(&other, "x").await;
            let waiting = join_all(["b", "c", "d"].map(|id| insert(&engine, id)));
            let read = async {
                let (ids, mark) = page(&engine, None, 2).await;
                assert!(mark.place.is_provisional(), "{ids}");
                assert_eq!(ids, "ab");
                assert_eq!(page(&engine, Some((mark.clone(), "b")), 9).await.0, "cd");
                delete(&engine, "b").await;
                mark
            };
            // (Calls are issued when they are polled: the inserts first.)
            let (_, mark) = futures_util::future::join(waiting, read).await;
            engine.refresh().await.unwrap();
            assert_eq!(page(&engine, None, 9).await.0, "axcd");
            assert_eq!(page(&engine, Some((mark, "b")), 9).await.0, "cd");
        });
    }
}

#[test]
fn a_place_in_a_transaction_is_followed_under_its_new_number() {
    World::run(1, async |world| {
        let engine = open(&world).await;
        insert(&engine, "a").await;
        let transaction = engine.begin().await.unwrap();
        for id in ["b", "c", "d"] {
            insert(&transaction, id).await;
        }
        let begun = page(&transaction, None, 1).await;
        assert_eq!(begun.0, "a");
        let (ids, mark) = page(&transaction, Some((begun.1, "a")), 2).await;
        assert_eq!(ids, "bc");
        let behind = page(&transaction, Some((mark.clone(), "c")), 9).await.0;
        assert_eq!(behind, "d");
        // Another call has a number in between.
        let done = engine.write(Box::new(|w| {
            w.put(vec![0x10, 1].into(), vec![1].into());
            Ok(())
        }));
        done.await.unwrap();
        assert!(transaction.commit().await.unwrap());
        delete(&engine, "c").await;
        assert_eq!(page(&engine, Some((mark, "c")), 9).await.0, "d");
    });
}
