//! Questions to an index cost what they hand out, not what lies around it.

use super::{World, memory, read};
use patchstore::codec::js_string::JsString;
use patchstore::codec::value::from_json;
use patchstore::engine::Engine;
use patchstore::engine::access::{Session, afresh};
use patchstore::models::Scope;
use patchstore::models::documents::{
    After, Collection, Count, Define, Find, FindSpec, Ids, IndexSpec, Insert, Mark, NewDoc, Query,
};
use patchstore::models::many::Many;
use std::rc::Rc;

/// Documents of each value of `group`.
const HITS: usize = 10;
const PAGE: u64 = 20;

fn collection() -> Collection {
    Collection::new(&Scope::Name("s".into()), "c".into()).unwrap()
}

/// So many documents in groups of [`HITS`], far apart, and two indexes.
async fn fill(engine: &Engine, count: usize) {
    let mut ids = Ids::default();
    let mut random = |bytes: &mut [u8]| bytes.fill(7);
    for part in 0..count / 1000 {
        let docs = (part * 1000..(part + 1) * 1000).map(|n| {
            let (group, rank) = (n % (count / HITS), (n * 7919) % count);
            let text = "x".repeat(200);
            let doc = format!(
                "{{\"_id\":\"{n}\",\"group\":{group},\"rank\":{rank},\"text\":\"{text}\"}}"
            );
            NewDoc::prepare(&from_json(doc.as_bytes()), 1.0, &mut ids, &mut random).unwrap()
        });
        let mut insert = Insert::new(&collection(), docs.collect());
        let work = engine.write(Box::new(move |w| insert.step(w)));
        work.await.unwrap();
    }
    for field in ["group", "rank"] {
        let spec = IndexSpec {
            fields: vec![field.into()],
            unique: false,
            multi: false,
        };
        let mut create = Define::index(&collection(), spec);
        let work = engine.write(Box::new(move |w| create.step(w)));
        work.await.unwrap();
    }
    engine.compact().await.unwrap();
}

fn by_rank() -> FindSpec {
    FindSpec {
        sort: vec![("rank".into(), false)],
        limit: Some(PAGE),
        ..FindSpec::default()
    }
}

/// How many documents are found, and the mark of the last one.
async fn find(engine: &Engine, query: &str, spec: FindSpec) -> (usize, Option<Mark>) {
    let query = Query::compile(&from_json(query.as_bytes()), Rc::new(())).unwrap();
    let begin = move || Ok((Find::new(&collection(), query.clone(), spec.clone()), 0));
    let work = afresh(begin, |(find, found), r| {
        find.step(r, &mut |_| {
            *found += 1;
            Ok(())
        })?;
        Ok((*found, find.mark()))
    });
    read(engine, work).await
}

/// What a question takes the third time that it is asked, in bytes.
async fn cost(engine: &Engine, query: &str, spec: FindSpec, expected: usize) -> usize {
    let mut taken = 0;
    for _ in 0..3 {
        let before = memory::taken();
        let (found, _) = find(engine, query, spec.clone()).await;
        taken = memory::taken() - before;
        assert_eq!(found, expected, "{query}");
    }
    taken
}

#[test]
fn costs_what_it_hands_out() {
    let costs = |count: usize| {
        World::run(async move |world| {
            fill(&world.open().await, count).await;
            let engine = world.open().await;
            let mut costs = vec![
                cost(&engine, "{\"group\":3}", FindSpec::default(), HITS).await,
                cost(
                    &engine,
                    "{\"rank\":{\"$gte\":500}}",
                    by_rank(),
                    PAGE as usize,
                )
                .await,
                cost(&engine, "{}", by_rank(), PAGE as usize).await,
            ];
            let before = memory::taken();
            let query = Query::compile(&from_json(b"{\"group\":{\"$lt\":5}}"), Rc::new(()));
            let query = query.unwrap();
            let begin = move || Ok(Count::new(&collection(), query.clone()));
            let count = read(&engine, afresh(begin, Count::step)).await;
            assert_eq!(count, 5 * HITS as u64);
            costs.push(memory::taken() - before);
            costs
        })
    };
    let (few, many) = (costs(2_000), costs(20_000));
    for (few, many) in few.iter().zip(&many) {
        // (Trees are higher by a level.)
        assert!(
            *many <= 2 * few,
            "{few} bytes among 2 000 documents, {many} among 20 000"
        );
    }
}

#[test]
fn the_thousandth_page_costs_what_the_first_does() {
    World::run(async |world| {
        fill(&world.open().await, 20_000).await;
        let engine = world.open().await;
        let mut mark: Option<Mark> = None;
        let mut costs = Vec::new();
        for _ in 0..1000 {
            let after = mark.map(|mark| {
                Rc::new(After {
                    id: JsString::default(),
                    mark: Some(mark),
                    values: Vec::new(),
                })
            });
            let before = memory::taken();
            let (found, next) = find(&engine, "{}", FindSpec { after, ..by_rank() }).await;
            costs.push(memory::taken() - before);
            assert_eq!(found, PAGE as usize);
            mark = next;
        }
        let mean = |costs: &[usize]| costs.iter().sum::<usize>() / costs.len();
        let (first, last) = (mean(&costs[..100]), mean(&costs[900..]));
        assert!(
            4 * last <= 5 * first,
            "{first} bytes for each of the first pages, {last} of the last ones"
        );
    });
}
