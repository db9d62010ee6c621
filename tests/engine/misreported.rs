//! Transactions that are said to have been aborted, and have taken effect.

use patchstore::Code;
use patchstore::backend::simulated::{Fault, SimConnector};
use patchstore::engine::access::Session;
use patchstore::engine::{Engine, Options};
use std::rc::Rc;

use super::{LARGE_BYTES, World, get, put};

const KEYS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

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

fn misreported() -> Fault {
    Fault::Misreported("no reason".into())
}

#[test]
fn a_commit_is_found_in_the_log() {
    World::run(1, async |world| {
        let (engine, connector) = open(&world).await;
        for bytes in [5, LARGE_BYTES] {
            connector.fault_next(misreported());
            put(&engine, "k", bytes).await.unwrap();
            assert_eq!(get(&engine, "k").await.unwrap().unwrap().len(), bytes);
        }
        connector.fault_next(misreported());
        let counted = engine.write(Box::new(|w| {
            let existed = w.contains(b"n")?;
            w.put("n".into(), bytes::Bytes::new());
            Ok(existed)
        }));
        assert!(!counted.await.unwrap());
        connector.fault_next(Fault::Abort("no reason".into()));
        let refused = put(&engine, "none", 5).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable);
        let (other, _) = open(&world).await;
        assert!(get(&other, "n").await.unwrap().is_some());
        assert!(get(&other, "none").await.unwrap().is_none());
    });
}

#[test]
fn nothing_is_deleted_that_a_flip_has_made_live() {
    let mut met = 0;
    for nth in 1..40 {
        World::run(1, async |world| {
            let (engine, connector) = open(&world).await;
            // What is replaced by the second compaction is the first one's.
            for round in 1..3 {
                for key in KEYS {
                    let bytes = if key < "d" { 20_000 } else { LARGE_BYTES };
                    put(&engine, key, bytes + round).await.unwrap();
                }
                let next = connector.issued() + nth;
                if round == 2 {
                    connector.fault_at(next, misreported());
                }
                drop(engine.compact().await);
                met += usize::from(round == 2 && connector.issued() >= next);
            }
            let (other, _) = open(&world).await;
            for key in KEYS {
                let bytes = if key < "d" { 20_000 } else { LARGE_BYTES };
                for engine in [&engine, &other] {
                    let found = get(engine, key).await.unwrap();
                    assert_eq!(found.map(|value| value.len()), Some(bytes + 2), "{nth}");
                }
            }
            other.compact().await.unwrap();
        });
    }
    assert!(met > 5, "{met}");
}
