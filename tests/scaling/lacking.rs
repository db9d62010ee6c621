//! Where there is no memory for what a call writes, that call fails, and nobody else.

use super::{World, key, memory, put, read};
use bytes::Bytes;
use futures_util::future::{LocalBoxFuture, join_all};
use patchstore::engine::access::Session;
use patchstore::{Code, Result};

/// Less than an allocation of some MiB asks for, with what is kept free beside it.
const MOST_BYTES: usize = 16 << 20;

fn put_large(to: &impl Session, n: usize, reads: bool) -> LocalBoxFuture<'static, Result<()>> {
    to.write(Box::new(move |w| {
        if reads {
            w.get(&key(n))?;
        }
        w.put(key(n), Bytes::from(vec![7; 2 << 20]));
        Ok(())
    }))
}

#[test]
fn to_seal_a_value() {
    for reads in [false, true] {
        World::run(async |world| {
            let engine = world.open().await;
            memory::refuse_above(MOST_BYTES);
            // All in one group; what reads the value that is refused runs again.
            let mut calls: Vec<_> = (0..5).map(|n| put(&engine, n)).collect();
            calls.push(put_large(&engine, 5, reads));
            calls.extend((6..9).map(|n| put(&engine, n)));
            let was_there = engine.write(Box::new(|w| Ok(w.get(&key(5))?.is_some())));
            for (n, done) in join_all(calls).await.into_iter().enumerate() {
                let code = done.map_err(|error| error.code());
                let expected = if n == 5 {
                    Err(Code::LimitExceeded)
                } else {
                    Ok(())
                };
                assert_eq!(code, expected, "{n}");
            }
            assert!(!was_there.await.unwrap());
            let error = put_large(&engine, 5, reads).await.unwrap_err();
            assert_eq!(error.code(), Code::LimitExceeded);
            // As soon as there is memory again, the same call is fine.
            memory::refuse_above(usize::MAX);
            put_large(&engine, 5, reads).await.unwrap();
            engine.compact().await.unwrap();
            for n in 0..9 {
                let found = read(&engine, Box::new(move |r| r.contains(&key(n)))).await;
                assert!(found, "{n}");
            }
        });
    }
}
