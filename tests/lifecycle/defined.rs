//! Patches with a catalog: copied, converted.

use futures_util::future::join;
use patchstore::codec::catalog;
use patchstore::codec::feature::Feature;
use patchstore::codec::head::Head;
use patchstore::engine::access::{Reads, Writes};
use patchstore::models::keys;

use super::converting::{Patch, by, everything};
use super::*;

const DEFINED: &[u8] = b"\x01c";
const VERSION: &[u8] = b"\x03";

async fn set(engine: &Engine, key: &'static [u8], value: &'static str) -> Result<()> {
    let put = engine.write(Box::new(move |w: &mut dyn Writes| {
        w.put(Bytes::from_static(key), value.into());
        Ok(())
    }));
    put.await
}

/// What an engine has in its catalog, which is what lies under its keys.
async fn catalog_of(engine: &Engine) -> Vec<(Bytes, Bytes)> {
    let read = engine.read(Box::new(|r: &mut dyn Reads| {
        let catalog = r.catalog();
        let records = catalog.records().map(|(k, v)| (k.clone(), v.clone()));
        Ok(records.collect::<Vec<_>>())
    }));
    let found = match read {
        Answer::Ready(found) => found.unwrap(),
        Answer::Later(found) => found.await.unwrap(),
    };
    let mut stored = everything(engine).await;
    stored.retain(|(key, _)| catalog::has(key));
    assert_eq!(found, stored);
    found
}

fn pairs(of: &[(&'static [u8], &'static str)]) -> Vec<(Bytes, Bytes)> {
    let pair = |(key, value): &(&'static [u8], &'static str)| {
        (
            Bytes::from_static(key),
            Bytes::from_static(value.as_bytes()),
        )
    };
    of.iter().map(pair).collect()
}

fn head(world: &World) -> Head {
    let records = world.database.records();
    let head = records.iter().find(|(key, _)| *key == RecordKey::Head);
    Head::decode(&head.unwrap().1).unwrap()
}

#[test]
fn a_copy_has_the_catalog_of_its_source() {
    for (is_there, flushes) in [(true, false), (true, true), (false, false)] {
        let world = World::new(1);
        let copy = world.beside();
        world.env.clone().block_on(async {
            let source = world.open().await;
            put(&source, "k", b"v").await.unwrap();
            let mut expected = Vec::new();
            if is_there {
                set(&source, DEFINED, "one").await.unwrap();
                set(&source, VERSION, "1").await.unwrap();
                expected = pairs(&[(DEFINED, "one"), (VERSION, "1")]);
            }
            if flushes {
                source.compact().await.unwrap();
            }
            // A version says nothing of what is there; a copy takes its place.
            let target = copy.open().await;
            set(&target, VERSION, "7").await.unwrap();
            let other = copy.open().await;
            let copied = source.copy_to(&target, keys::data_ranges(), Rc::new(|| false));
            copied.await.unwrap();
            assert_eq!(catalog_of(&target).await, expected);
            assert_eq!(head(&copy).catalog, Some(head(&copy).position));
            other.refresh().await.unwrap();
            assert_eq!(catalog_of(&other).await, expected);
            let fresh = copy.open().await;
            for engine in [&fresh, &target, &other] {
                set(engine, DEFINED, "two").await.unwrap();
                put(engine, "k", b"v").await.unwrap();
            }
            target.refresh().await.unwrap();
            let (was, is) = (catalog_of(&source).await, catalog_of(&target).await);
            assert_eq!(was, expected);
            let defined = is.iter().find(|(key, _)| key == DEFINED);
            assert_eq!(defined.unwrap().1, "two");
            // Definitions are data.
            let onto = world.beside();
            let target = onto.open().await;
            set(&target, DEFINED, "one").await.unwrap();
            let refused = source.copy_to(&target, keys::data_ranges(), Rc::new(|| false));
            assert_eq!(refused.await.unwrap_err().code(), Code::Exists);
            assert_eq!(catalog_of(&target).await, pairs(&[(DEFINED, "one")]));
        });
    }
}

#[test]
fn what_is_queued_while_a_copy_comes_is_made_under_its_catalog() {
    let mut again = 0;
    for seed in 0..40 {
        let world = World::new(seed);
        let copy = world.beside();
        world.env.clone().block_on(async {
            let source = world.open().await;
            set(&source, DEFINED, "one").await.unwrap();
            let (target, other) = (copy.open().await, copy.open().await);
            copy.database.set_timing(Timing {
                effect_us: 2_000,
                ..Timing::default()
            });
            let runs = Rc::new(Cell::new(0));
            let count = runs.clone();
            let noting = async {
                world.env.sleep_us(world.env.random_below(60_000)).await;
                // Beside what the copy must not take the place of.
                let note = other.write(Box::new(move |w: &mut dyn Writes| {
                    count.set(count.get() + 1);
                    let seen = w.catalog().get(DEFINED).cloned();
                    w.put("note".into(), seen.unwrap_or_default());
                    Ok(())
                }));
                note.await.unwrap();
            };
            let copying = source.copy_to(&target, vec![range("k")], Rc::new(|| false));
            let (copied, ()) = join(copying, noting).await;
            copied.unwrap();
            again += u32::from(runs.get() > 1);
            other.refresh().await.unwrap();
            let found = everything(&other).await;
            let note = found.iter().find(|(key, _)| key == "note");
            // (What was there before is gone.)
            assert!(
                note.is_none_or(|(_, seen)| seen == "one"),
                "{seed}: {note:?}"
            );
            catalog_of(&other).await;
        });
    }
    assert!(again > 0, "{again}");
}

#[test]
fn a_conversion_keeps_the_catalog() {
    let mut patch = Patch::new(1, None);
    patch.world.env.clone().block_on(async {
        let engine = patch.open().await;
        set(&engine, DEFINED, "one").await.unwrap();
        engine.compact().await.unwrap();
        set(&engine, VERSION, "1").await.unwrap();
        engine.close().await;
        let expected = pairs(&[(DEFINED, "one"), (VERSION, "1")]);
        for to in [by(1), by(2), None] {
            patch.convert(to).await;
            let engine = patch.open().await;
            assert!(engine.has(Feature::Catalog));
            assert_eq!(catalog_of(&engine).await, expected);
            put(&engine, "k", b"v").await.unwrap();
            set(&engine, DEFINED, "two").await.unwrap();
            set(&engine, DEFINED, "one").await.unwrap();
            engine.close().await;
        }
    });
}
