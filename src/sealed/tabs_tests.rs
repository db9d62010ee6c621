//! Tabs that begin a patch, or change its keys, at once, over a database that takes its time.

use std::rc::Rc;

use bytes::Bytes;
use futures_util::future::{join, join_all};

use super::aead::Secret;
use super::keys::RawKey;
use super::vault::NoBulk;
use crate::backend::simulated::{SimConnector, SimDatabase};
use crate::engine::access::{Answer, KeyRange, Reads, Session, Writes};
use crate::engine::{Absent, Access, Engine, Options};
use crate::error::{Code, Result};
use crate::simulation::SimEnv;

fn key(byte: u8) -> Rc<RawKey> {
    Rc::new(RawKey::new(Secret::filled(|bytes| bytes.fill(byte))))
}

async fn open(env: &SimEnv, database: &SimDatabase, byte: u8) -> Result<Engine> {
    open_where(env, database, byte, Absent::Create).await
}

async fn open_where(
    env: &SimEnv,
    database: &SimDatabase,
    byte: u8,
    absent: Absent,
) -> Result<Engine> {
    let options = Options {
        absent,
        ..Options::default()
    };
    let realm = env.new_realm();
    let connector = Rc::new(SimConnector::new(&realm, database));
    let (credential, bulk) = (key(byte), Rc::new(NoBulk));
    let access = Access { credential, bulk };
    let opening = Engine::open_sealed(Rc::default(), connector, Rc::new(realm), options, access);
    Ok(opening.await?.0)
}

#[test]
fn keys_that_two_tabs_change_at_once_are_not_lost() {
    for seed in 0..20 {
        let env = SimEnv::new(seed);
        let database = SimDatabase::new(&env);
        env.clone().block_on(async move {
            let one = open(&env, &database, 1).await.unwrap();
            let two = open(&env, &database, 1).await.unwrap();
            let both = [
                one.set_key("one".into(), key(2)),
                two.set_key("two".into(), key(3)),
            ];
            for outcome in join_all(both).await {
                outcome.unwrap();
            }
            for each in [&one, &two] {
                let mut names = each.key_names().await.unwrap();
                names.sort();
                assert_eq!(names, ["main", "one", "two"], "seed {seed}");
            }
            for byte in [2, 3] {
                open(&env, &database, byte).await.unwrap().close().await;
            }
            // Of those that replace the same key, one is told that it was another's turn.
            let slot = one.opened_by().unwrap();
            let both = join_all([one.rekey(slot, key(4)), two.rekey(slot, key(5))]).await;
            let codes: Vec<_> = (both.iter())
                .map(|each| each.as_ref().err().map(|error| error.code()))
                .collect();
            let winner = if codes[0].is_none() { 4 } else { 5 };
            assert!(codes.contains(&None) && codes.contains(&Some(Code::Conflict)));
            for byte in [1, 4, 5] {
                match open(&env, &database, byte).await {
                    Ok(engine) => {
                        assert_eq!(byte, winner, "seed {seed}");
                        engine.close().await;
                    }
                    Err(error) => {
                        assert_eq!((error.code(), byte == winner), (Code::WrongKey, false))
                    }
                }
            }
            one.close().await;
            two.close().await;
        });
    }
}

async fn put(engine: &Engine) {
    let write = engine.write(Box::new(|w: &mut dyn Writes| {
        w.put(Bytes::from_static(b"k"), Bytes::from_static(b"v"));
        Ok(())
    }));
    write.await.unwrap();
}

async fn check(env: &SimEnv, database: &SimDatabase, byte: u8, seed: u64) {
    let engine = open(env, database, byte).await.unwrap();
    let read = engine.read(Box::new(|r: &mut dyn Reads| r.get(b"k")));
    let value = match read {
        Answer::Ready(value) => value,
        Answer::Later(value) => value.await,
    };
    assert_eq!(value.unwrap().as_deref(), Some(&b"v"[..]), "seed {seed}");
    engine.close().await;
}

#[test]
fn drafts_that_replace_each_other_are_not_sealed_for_one_another() {
    for seed in 0..60 {
        let env = SimEnv::new(seed);
        let (database, other) = (SimDatabase::new(&env), SimDatabase::new(&env));
        env.clone().block_on(async move {
            let source = open(&env, &database, 1).await.unwrap();
            put(&source).await;
            let copies = (0..4).map(|_| async {
                let target = open_where(&env, &other, 1, Absent::Prepare).await?;
                let all = vec![KeyRange::everything()];
                let copied = source.copy_to(&target, all, Rc::new(|| false)).await;
                target.close().await;
                copied
            });
            let copied = join_all(copies).await;
            let codes: Vec<_> = (copied.iter())
                .map(|each| each.as_ref().err().map(|error| error.code()))
                .collect();
            let made = codes.iter().filter(|code| code.is_none()).count();
            // (Closed: the draft has given way to another one.)
            let told = [None, Some(Code::Exists), Some(Code::Closed)];
            assert!(
                made == 1 && codes.iter().all(|code| told.contains(code)),
                "seed {seed}: {codes:?}"
            );
            source.close().await;
            check(&env, &other, 1, seed).await;
        });
    }
}

#[test]
fn a_patch_begins_over_a_draft_that_is_begun_at_once() {
    for seed in 0..60 {
        let env = SimEnv::new(seed);
        let database = SimDatabase::new(&env);
        env.clone().block_on(async move {
            let draft = open_where(&env, &database, 2, Absent::Prepare);
            let (draft, engine) = join(draft, open(&env, &database, 1)).await;
            let engine = engine.unwrap();
            put(&engine).await;
            engine.compact().await.unwrap();
            engine.close().await;
            if let Ok(draft) = draft {
                draft.close().await;
            }
            check(&env, &database, 1, seed).await;
        });
    }
}
