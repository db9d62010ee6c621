#![cfg(not(target_arch = "wasm32"))]

use super::*;
use crate::backend::simulated::{SimConnector, SimDatabase};
use crate::engine::access::{Answer, Session};
use crate::engine::{Engine, Options};
use crate::error::Code;
use crate::simulation::SimEnv;

async fn open(env: &SimEnv, database: &SimDatabase) -> Engine {
    let realm = env.new_realm();
    let connector = Rc::new(SimConnector::new(&realm, database));
    Engine::open(connector, Rc::new(realm), Options::default())
        .await
        .unwrap()
}

async fn put(engine: &Engine, key: &'static [u8]) -> Result<()> {
    let work = move |w: &mut dyn crate::engine::access::Writes| {
        w.put(key.into(), key.into());
        Ok(())
    };
    engine.write(Box::new(work)).await
}

async fn has(engine: &Engine, key: &'static [u8]) -> Result<bool> {
    match engine.read(Box::new(move |r| r.contains(key))) {
        Answer::Ready(found) => found,
        Answer::Later(found) => found.await,
    }
}

#[test]
fn a_broken_invariant_ends_its_engine_and_nothing_else() {
    let env = SimEnv::new(1);
    let database = SimDatabase::new(&env);
    env.clone().block_on(async {
        let (engine, other) = (open(&env, &database).await, open(&env, &database).await);
        put(&engine, b"committed").await.unwrap();
        let pending = put(&engine, b"pending");
        let error = end(&engine.0, "two and two make five");
        assert_eq!(error.code(), Code::Internal);
        assert!(error.message().contains("two and two make five"));
        // Whatever comes of the commit that was under way, its caller is told.
        drop(pending.await);
        let refused = put(&engine, b"late").await.unwrap_err();
        assert_eq!(
            (refused.code(), refused.message()),
            (Code::Internal, error.message())
        );
        assert_eq!(
            has(&engine, b"committed").await.unwrap_err().code(),
            Code::Internal
        );
        engine.close().await;
        put(&other, b"other").await.unwrap();
        let again = open(&env, &database).await;
        for key in [&b"committed"[..], b"other"] {
            assert!(has(&again, key).await.unwrap());
        }
        assert!(!has(&again, b"late").await.unwrap());
    });
}

#[test]
#[should_panic(expected = "an invariant is broken: two and two make five")]
fn a_broken_invariant_panics_in_tests() {
    let env = SimEnv::new(1);
    let database = SimDatabase::new(&env);
    env.clone().block_on(async {
        let engine = open(&env, &database).await;
        must(&engine.0, 2 + 2 == 5, "two and two make five");
    });
}
