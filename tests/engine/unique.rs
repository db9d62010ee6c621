//! Unique values that two tabs want at the same moment: one of them gets it.

use futures_util::future::join;
use patchstore::backend::simulated::Timing;
use patchstore::codec::value::from_json;
use patchstore::engine::access::Session;
use patchstore::engine::{Engine, Options};
use patchstore::models::Scope;
use patchstore::models::documents::{Changes, Collection, Define, Ids, IndexSpec, Insert, NewDoc};
use patchstore::models::many::Many;
use patchstore::{Code, Result};
use std::cell::Cell;

use super::World;

fn collection() -> Collection {
    Collection::new(&Scope::Name("s".into()), "c".into()).unwrap()
}

fn doc(json: &str) -> NewDoc {
    NewDoc::prepare(
        &from_json(json.as_bytes()),
        0.0,
        &mut Ids::default(),
        &mut |_| {},
    )
    .unwrap()
}

async fn insert(to: &Engine, docs: Vec<NewDoc>) -> Result<()> {
    let mut insert = Insert::new(&collection(), docs);
    to.write(Box::new(move |w| insert.step(w))).await
}

#[test]
fn of_two_tabs_that_want_one_value_one_gets_it() {
    let (first, second) = (Cell::new(0), Cell::new(0));
    World::run_each(0..40, async |world| {
        let a = world.open(Options::default()).await;
        let spec = IndexSpec {
            fields: vec!["u".into()],
            unique: true,
            multi: false,
        };
        let mut define = Define::index(&collection(), spec);
        let defined = a.write(Box::new(move |w| define.step(w))).await;
        defined.unwrap();
        insert(&a, vec![doc(r#"{"_id":"1"}"#)]).await.unwrap();
        let b = world.open(Options::default()).await;
        world.database.set_timing(Timing {
            effect_us: 3_000,
            settle_us: 2_000,
            ..Timing::default()
        });
        let updating = async {
            world.env.sleep_us(world.env.random_below(3_000)).await;
            let changes = Changes::new(from_json(br#"{"u":7}"#), 1.0);
            let updated = a.write(Box::new(move |w| {
                collection().update(w, "1".into(), &changes, &mut None)
            }));
            updated.await.map(|is_there| assert!(is_there))
        };
        let inserting = async {
            world.env.sleep_us(world.env.random_below(3_000)).await;
            insert(&b, vec![doc(r#"{"_id":"2","u":7}"#)]).await
        };
        let refused = match join(updating, inserting).await {
            (Ok(()), Err(refused)) => {
                first.set(first.get() + 1);
                refused
            }
            (Err(refused), Ok(())) => {
                second.set(second.get() + 1);
                refused
            }
            both => panic!("{both:?}"),
        };
        assert_eq!(refused.code(), Code::ConstraintViolation);
        assert_eq!(refused.ids().len(), 2);
    });
    assert!(first.get() > 4 && second.get() > 4, "{first:?} {second:?}");
}
