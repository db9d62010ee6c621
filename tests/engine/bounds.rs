//! What is too much to be written at once ends the call that asks for it, and nothing else.

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use patchstore::engine::Options;
use patchstore::engine::access::Session;
use patchstore::limits::MAX_CALL_BYTES;
use patchstore::{Code, Result};

use super::{World, get, put};

/// Stores `times` times the same bytes, which are in memory once.
fn put_shared(
    to: &impl Session,
    key: &'static str,
    times: usize,
) -> LocalBoxFuture<'static, Result<()>> {
    let value = Bytes::from(vec![0; 1 << 20]);
    to.write(Box::new(move |w| {
        for at in 0..times {
            w.put(format!("{key}-{at:05}").into(), value.clone());
            if at % 32 == 0 {
                w.breathe()?;
            }
        }
        Ok(())
    }))
}

const TOO_MANY: usize = MAX_CALL_BYTES >> 20;

#[test]
fn a_call_that_writes_too_much_fails_alone() {
    World::run(1, async |world| {
        let engine = world.open(Options::default()).await;
        let before = put(&engine, "before", 10);
        let refused = put_shared(&engine, "large", TOO_MANY);
        let after = put(&engine, "after", 10);
        let error = refused.await.unwrap_err();
        assert_eq!(error.code(), Code::LimitExceeded);
        assert!(
            error.message().contains("the limit is 536870912"),
            "{error}"
        );
        before.await.unwrap();
        after.await.unwrap();
        assert!(get(&engine, "before").await.unwrap().is_some());
        assert!(get(&engine, "after").await.unwrap().is_some());
        assert!(get(&engine, "large-00000").await.unwrap().is_none());
    });
}

#[test]
fn a_transaction_may_write_as_much_as_a_call_and_goes_on_without_what_is_too_much() {
    World::run(2, async |world| {
        let engine = world.open(Options::default()).await;
        let transaction = engine.begin().await.unwrap();
        put_shared(&transaction, "a", TOO_MANY / 2).await.unwrap();
        let error = put_shared(&transaction, "b", TOO_MANY / 2 + 1)
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::LimitExceeded);
        // What was refused is taken back, and its weight too.
        put_shared(&transaction, "c", TOO_MANY / 4).await.unwrap();
        assert!(get(&transaction, "b-00000").await.unwrap().is_none());
        transaction.abandon();
        put(&engine, "k", 10).await.unwrap();
    });
}
