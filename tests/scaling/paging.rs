//! Going on behind a document.

use super::{World, memory, read};
use patchstore::codec::js_string::JsString;
use patchstore::codec::value::from_json;
use patchstore::engine::Engine;
use patchstore::engine::access::{Session, afresh};
use patchstore::models::Scope;
use patchstore::models::documents::{
    After, Collection, Find, FindSpec, Ids, Insert, Mark, NewDoc, Query,
};
use patchstore::models::many::Many;
use std::rc::Rc;

const PAGES: usize = 1000;
const EACH: usize = 10;

fn collection() -> Collection {
    Collection::new(&Scope::Name("s".into()), "c".into()).unwrap()
}

async fn fill(engine: &Engine) {
    let mut ids = Ids::default();
    let mut count = 0u32;
    let mut random = |bytes: &mut [u8]| {
        count += 1;
        let number = count.to_le_bytes();
        let each = bytes.iter_mut().zip(number.iter().cycle());
        each.for_each(|(to, from)| *to = *from);
    };
    for part in 0..10 {
        let of_part = PAGES * EACH / 10;
        let docs = (0..of_part).map(|n| {
            let n = part * of_part + n;
            let doc = format!(
                "{{\"_id\":\"{n}\",\"n\":{n},\"text\":\"{}\"}}",
                "x".repeat(200)
            );
            NewDoc::prepare(&from_json(doc.as_bytes()), 1.0, &mut ids, &mut random).unwrap()
        });
        let mut insert = Insert::new(&collection(), docs.collect());
        let work = engine.write(Box::new(move |w| insert.step(w)));
        work.await.unwrap();
    }
    engine.compact().await.unwrap();
}

/// The page behind a mark: how many documents it has, and its own mark.
async fn page(engine: &Engine, mark: Option<Mark>) -> (usize, Option<Mark>) {
    let spec = FindSpec {
        limit: Some(EACH as u64),
        after: mark.map(|mark| {
            Rc::new(After {
                id: JsString::default(),
                mark: Some(mark),
                values: Vec::new(),
            })
        }),
        ..FindSpec::default()
    };
    let begin = move || Ok((Find::new(&collection(), Query::all(), spec.clone()), 0));
    let work = afresh(begin, |(find, found), r| {
        find.step(r, &mut |_| {
            *found += 1;
            Ok(())
        })?;
        Ok((*found, find.mark()))
    });
    read(engine, work).await
}

#[test]
fn takes_no_longer_the_more_lies_before_it() {
    World::run(async |world| {
        fill(&world.open().await).await;
        let engine = world.open().await;
        // From memory, and what is not there yet.
        for is_warm in [false, true] {
            let mut costs = Vec::new();
            let mut mark = None;
            for _ in 0..PAGES {
                let before = memory::taken();
                let (found, next) = page(&engine, mark).await;
                costs.push(memory::taken() - before);
                assert_eq!(found, EACH);
                mark = next;
            }
            assert_eq!(page(&engine, mark).await.0, 0);
            let mean = |costs: &[usize]| costs.iter().sum::<usize>() / costs.len();
            let (first, last) = (mean(&costs[..100]), mean(&costs[PAGES - 100..]));
            assert!(
                4 * last <= 5 * first,
                "{first} bytes for each of the first pages, {last} of the last ones; {is_warm}"
            );
            let (one, thousandth) = (costs[0], costs[PAGES - 1]);
            assert!(thousandth <= 2 * one, "{one} {thousandth} {is_warm}");
        }
    });
}
