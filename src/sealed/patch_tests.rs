//! Encrypted patches as a whole: who opens them, and what is made of records that were changed.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;

use super::aead::Secret;
use super::keys::{self, Passphrase, RawKey};
use super::table::{Argon2, KeyTable};
use super::vault::NoBulk;
use crate::backend::memory::MemoryConnector;
use crate::backend::{Connector, Durability, Read, RecordKey, Reply, Write};
use crate::codec::head::Head;
use crate::codec::root::Root;
use crate::codec::seal;
use crate::engine::access::{Session, Writes};
use crate::engine::{Access, Engine, Options, is_dead};
use crate::error::Code;
use crate::simulation::SimEnv;

fn secret(byte: u8) -> Secret {
    Secret::filled(|bytes| bytes.fill(byte))
}

/// A patch with one pair, in memory.
struct Stored {
    env: SimEnv,
    connector: MemoryConnector,
}

impl Stored {
    fn run<T>(test: impl AsyncFnOnce(&Self) -> T) -> T {
        let env = SimEnv::new(9);
        let stored = Self {
            env: env.clone(),
            connector: MemoryConnector::default(),
        };
        env.block_on(async {
            let engine = stored.open(1).await.unwrap();
            let write = engine.write(Box::new(|w: &mut dyn Writes| {
                w.put(
                    Bytes::from_static(b"k"),
                    Bytes::from_static(b"recognisable"),
                );
                Ok(())
            }));
            write.await.unwrap();
            engine.close().await;
            test(&stored).await
        })
    }

    async fn open(&self, key: u8) -> Result<Engine, Code> {
        let access = Access {
            credential: Rc::new(RawKey::new(secret(key))),
            bulk: Rc::new(NoBulk),
        };
        let (connector, env) = (Rc::new(self.connector.clone()), Rc::new(self.env.clone()));
        let opening =
            Engine::open_sealed(Rc::default(), connector, env, Options::default(), access);
        opening
            .await
            .map(|(engine, _)| engine)
            .map_err(|error| error.code())
    }

    async fn raw(&self, key: RecordKey) -> Bytes {
        let backend = self.connector.open(Rc::new(|_| {})).await.unwrap();
        let replies = backend.read(vec![Read::Get(key)]).await.unwrap();
        backend.close();
        let Some(Reply::Record(Some(record))) = replies.into_iter().next() else {
            return Bytes::new();
        };
        record
    }

    async fn put(&self, key: RecordKey, record: Bytes) {
        let backend = self.connector.open(Rc::new(|_| {})).await.unwrap();
        let put = backend.write(vec![Write::Put(key, record)], Durability::Strict);
        put.await.unwrap();
        backend.close();
    }
}

#[test]
fn only_the_key_opens_an_encrypted_patch() {
    Stored::run(async |stored| {
        assert_eq!(stored.open(2).await.err(), Some(Code::WrongKey));
        let (connector, env) = (
            Rc::new(stored.connector.clone()),
            Rc::new(stored.env.clone()),
        );
        let plain = Engine::open(connector, env, Options::default()).await;
        assert_eq!(plain.err().map(|error| error.code()), Some(Code::Encrypted));
        let engine = stored.open(1).await.unwrap();
        engine.close().await;
        assert!(!is_dead(Some(&stored.raw(RecordKey::Head).await)));
    });
}

#[test]
fn a_patch_that_is_not_encrypted_takes_no_key() {
    Stored::run(async |stored| {
        let connector = MemoryConnector::default();
        let env = Rc::new(stored.env.clone());
        let plain = Engine::open(Rc::new(connector.clone()), env, Options::default());
        plain.await.unwrap().close().await;
        let plain = Stored {
            env: stored.env.clone(),
            connector,
        };
        assert_eq!(plain.open(1).await.err(), Some(Code::NotEncrypted));
    });
}

#[test]
fn a_head_that_was_changed_is_not_obeyed() {
    Stored::run(async |stored| {
        let record = stored.raw(RecordKey::Head).await;
        // The base, above which orders are given out: nothing but the key tells that it is another.
        let at = 8 + 16 + 3;
        let mut changed = record[..record.len() - 8].to_vec();
        changed[at] ^= 1;
        let check = seal::checksum(0, &changed);
        changed.extend_from_slice(&check.to_le_bytes());
        let changed = Bytes::from(changed);
        assert_ne!(
            Head::decode(&changed).unwrap().base,
            Head::decode(&record).unwrap().base
        );
        stored.put(RecordKey::Head, changed).await;
        assert_eq!(stored.open(1).await.err(), Some(Code::Corrupt));
        stored.put(RecordKey::Head, record).await;
        stored.open(1).await.unwrap().close().await;
    });
}

#[test]
fn a_plain_record_in_an_encrypted_patch_is_not_taken() {
    Stored::run(async |stored| {
        let head = Head::decode(&stored.raw(RecordKey::Head).await).unwrap();
        let record = stored.raw(RecordKey::Root).await;
        // It would be an empty patch.
        let root = Root {
            epoch: head.epoch,
            ..Root::default()
        };
        stored
            .put(RecordKey::Root, root.encode(head.incarnation))
            .await;
        assert_eq!(stored.open(1).await.err(), Some(Code::Corrupt));
        stored.put(RecordKey::Root, record).await;
        stored.open(1).await.unwrap().close().await;
    });
}

#[test]
fn only_its_credential_opens_a_slot() {
    let env = SimEnv::new(4);
    let main = RawKey::new(secret(1));
    let making = env
        .clone()
        .block_on(async { keys::make(&env, &main, "main").await });
    let (keys, mut table) = making.unwrap();
    let derived: Rc<RefCell<Vec<Argon2>>> = Rc::default();
    let passphrase = |byte: u8| {
        let derived = derived.clone();
        let derive = Box::new(move |argon2: Argon2| {
            derived.borrow_mut().push(argon2);
            let key = secret(byte).derive(&argon2.salt, &[]);
            Box::pin(std::future::ready(Ok(key)))
                as futures_util::future::LocalBoxFuture<'static, _>
        });
        let fresh = Argon2 {
            salt: [0; 16],
            memory_kib: 32 << 10,
            passes: 3,
            lanes: 1,
        };
        Passphrase::new(derive, fresh)
    };
    env.clone().block_on({
        let env = env.clone();
        async move {
            let slot = keys::new_slot(&env, keys.patch(), &passphrase(5))
                .await
                .unwrap();
            table.slots.push(slot);
            table.names = keys::seal_names(&env, &keys, &["main", "recovery"]).unwrap();
            let table = KeyTable::decode(&table.encode()).unwrap();
            let (by_key, first) = keys::unlock(&table, &RawKey::new(secret(1))).await.unwrap();
            let (by_phrase, second) = keys::unlock(&table, &passphrase(5)).await.unwrap();
            assert_eq!(by_key.patch().bytes(), by_phrase.patch().bytes());
            assert_eq!([first, second], [table.slots[0].id, table.slots[1].id]);
            assert_eq!(
                keys::open_names(&table, &by_key).unwrap(),
                ["main", "recovery"]
            );
            for wrong in [
                keys::unlock(&table, &RawKey::new(secret(2))).await,
                keys::unlock(&table, &passphrase(6)).await,
            ] {
                assert_eq!(wrong.err().map(|error| error.code()), Some(Code::WrongKey));
            }
        }
    });
    // Each salt is another, and what was asked for.
    assert_eq!(
        derived.borrow().iter().map(|argon2| argon2.passes).max(),
        Some(3)
    );
}
