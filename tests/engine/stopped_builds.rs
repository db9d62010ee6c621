//! Builds that are stopped at each of their transactions, before it takes effect or when it has: who opens the patch then finds
//! what was defined, whole, or nothing of it, and never goes by a part.

use bytes::Bytes;
use futures_util::future::join_all;
use patchstore::backend::simulated::{Fault, SimConnector};
use patchstore::codec::io::varint_in;
use patchstore::codec::kinds::key;
use patchstore::codec::value::from_json;
use patchstore::engine::access::{Answer, Reads, Session, afresh};
use patchstore::engine::{Engine, Options};
use patchstore::models::documents::definition::Definition;
use patchstore::models::documents::{self, Find, FindSpec, Query, Wanted, Wish};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::World;
use super::building::{DOCS, Tab, collection};

const DEFINITION: &str =
    r#"{"indexes":[{"fields":["a"],"unique":true},{"fields":["b","a"]}],"sequences":{"a":{}}}"#;
const SEED: u64 = 3;

/// When the build's tab dies over one of its transactions.
#[derive(Debug, Clone, Copy)]
enum Death {
    Before,
    After,
    /// With all other tabs.
    ByPowerCut,
}

fn wish() -> Wish {
    Wish::Whole(Wanted::decode(&from_json(DEFINITION.as_bytes())).unwrap())
}

/// A tab that begins to build, and what goes wrong in it.
async fn begun(world: &World) -> (Tab, SimConnector) {
    let realm = world.env.new_realm();
    let connector = SimConnector::new(&realm, &world.database);
    let opened = Engine::open(
        Rc::new(connector.clone()),
        Rc::new(realm.clone()),
        Options::default(),
    );
    let engine = opened.await.unwrap();
    (Tab { realm, engine }, connector)
}

/// How many transactions a build takes that nothing stops.
fn transactions() -> u64 {
    let mut count = 0;
    World::run(SEED, async |world| {
        world.builder().await.fill().await;
        let (tab, connector) = begun(&world).await;
        let before = connector.issued();
        tab.define(wish()).await.unwrap();
        count = connector.issued() - before;
        assert!(is_whole(&tab, &tab.check().await).await);
    });
    count
}

/// Whether what is defined is there; if not, nothing of it is, but for a build that goes on or is given up.
async fn is_whole(tab: &Tab, definition: &Definition) -> bool {
    let ready = definition.indexes.iter().filter(|index| index.is_ready());
    let ready = ready.count();
    let settled = definition.settled();
    assert_eq!(settled.indexes.len(), ready);
    let counters = tab.all(key::SEQUENCE).await;
    let last: Vec<_> = counters
        .iter()
        .map(|(_, last)| varint_in(last).unwrap().0)
        .collect();
    let is_whole = ready == 2;
    let sequences = settled.sequences.len();
    assert_eq!((ready, sequences), if is_whole { (2, 1) } else { (0, 0) });
    if is_whole {
        assert_eq!(last, [DOCS as u64 - 1]);
    } else {
        assert!(definition.build.is_some() || last.is_empty());
    }
    is_whole
}

/// One document is found, by the index if that is whole.
async fn find(tab: &Tab, is_whole: bool) {
    let query = Query::compile(&from_json(br#"{"a":7}"#), Rc::new(())).unwrap();
    let explained = query.clone();
    let plan = tab.engine.read(Box::new(move |r: &mut dyn Reads| {
        Ok(documents::explain(
            &collection(),
            &explained,
            &FindSpec::default(),
            r,
        )?)
    }));
    let plan = settled(plan).await;
    assert_eq!(plan.contains("\"index\""), is_whole, "{plan}");
    let begin = move || {
        Ok((
            Find::new(&collection(), query.clone(), FindSpec::default()),
            Vec::new(),
        ))
    };
    let found = tab.engine.read(afresh(begin, |(find, docs), r| {
        find.step(r, &mut |doc| {
            docs.push(Bytes::copy_from_slice(doc));
            Ok(())
        })?;
        Ok(std::mem::take(docs))
    }));
    assert_eq!(settled(found).await.len(), 1);
}

async fn settled<T>(answer: Answer<T>) -> T {
    match answer {
        Answer::Ready(found) => found.unwrap(),
        Answer::Later(found) => found.await.unwrap(),
    }
}

async fn stopped(world: World, at: u64, death: Death) -> bool {
    let other = world.builder().await;
    other.fill().await;
    other.engine.flush().await.unwrap();
    let (tab, connector) = begun(&world).await;
    let fault = match death {
        Death::Before => Fault::FrozenBefore,
        Death::After | Death::ByPowerCut => Fault::FrozenAfter,
    };
    connector.fault_at(connector.issued() + at, fault);
    drop(tab.define(wish()));
    let is_frozen = || world.database.faults_met().values().sum::<usize>() > 0;
    while !is_frozen() {
        world.env.sleep_us(100).await;
    }
    // (It has only been issued.)
    world.env.sleep_us(100_000).await;
    connector.sever();
    tab.realm.kill();
    connector.thaw();
    drop(tab);
    let tab = match death {
        Death::ByPowerCut => {
            other.realm.kill();
            drop(other);
            world.database.cut_power();
            world.builder().await
        }
        _ => other,
    };
    // By who was there, and by who opens the patch.
    let opened = world.builder().await;
    for tab in [&tab, &opened] {
        let is_whole = is_whole(tab, &tab.check().await).await;
        find(tab, is_whole).await;
    }
    let env = opened.env();
    documents::bury(opened.engine.clone(), env).await.unwrap();
    let left = opened.check().await;
    let is_there = is_whole(&opened, &left).await;
    assert_eq!(
        (left.build, left.indexes.len()),
        (None, if is_there { 2 } else { 0 })
    );
    let entries = opened.all(key::INDEX_ENTRY).await.len();
    assert_eq!(entries, if is_there { 2 * DOCS } else { 0 });
    // It can be built now, and lasts.
    opened.define(wish()).await.unwrap();
    join_all([tab.engine.close(), opened.engine.close()]).await;
    let again = world.builder().await;
    assert!(is_whole(&again, &again.check().await).await);
    find(&again, true).await;
    is_there
}

#[test]
fn a_build_that_is_stopped_at_any_of_its_transactions_is_whole_or_gone() {
    let all = transactions();
    let mut ended = BTreeMap::new();
    for at in 1..=all {
        for death in [Death::Before, Death::After, Death::ByPowerCut] {
            World::run(SEED, async |world| {
                let is_there = stopped(world, at, death).await;
                *ended.entry(is_there).or_insert(0) += 1;
            });
        }
    }
    println!("{all} transactions, whole or gone: {ended:?}");
    assert!(all > 3 && ended.len() == 2, "{all}: {ended:?}");
}
