//! Encrypted patches as a whole: who opens them, and what is made of records that were changed.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;

use super::aead::Secret;
use super::keys::{self, Passphrase, RawKey};
use super::table::{Argon2, KeyTable, Method};
use super::vault::NoBulk;
use crate::backend::memory::MemoryConnector;
use crate::backend::{Connector, Durability, Read, RecordKey, Reply, Write};
use crate::codec::head::Head;
use crate::codec::root::Root;
use crate::codec::seal;
use crate::engine::access::{Answer, KeyRange, Reads, Session, Writes};
use crate::engine::{Absent, Access, Engine, Options, is_dead};
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
        self.open_where(key, Absent::Create).await
    }

    async fn open_where(&self, key: u8, absent: Absent) -> Result<Engine, Code> {
        let access = Access {
            credential: Rc::new(RawKey::new(secret(key))),
            bulk: Rc::new(NoBulk),
        };
        let (connector, env) = (Rc::new(self.connector.clone()), Rc::new(self.env.clone()));
        let options = Options {
            absent,
            ..Options::default()
        };
        let opening = Engine::open_sealed(Rc::default(), connector, env, options, access);
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

async fn value(engine: &Engine) -> Option<Bytes> {
    let read = engine.read(Box::new(|r: &mut dyn Reads| r.get(b"k")));
    match read {
        Answer::Ready(value) => value.unwrap(),
        Answer::Later(value) => value.await.unwrap(),
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
fn a_copy_has_keys_of_its_own() {
    Stored::run(async |stored| {
        let source = stored.open(1).await.unwrap();
        let copy = Stored {
            env: stored.env.clone(),
            connector: MemoryConnector::default(),
        };
        let target = copy.open_where(3, Absent::Prepare).await.unwrap();
        let all = KeyRange::everything();
        let copied = source.copy_to(&target, vec![all], Rc::new(|| false));
        copied.await.unwrap();
        target.close().await;
        source.close().await;
        assert_eq!(copy.open(1).await.err(), Some(Code::WrongKey));
        let engine = copy.open(3).await.unwrap();
        assert_eq!(
            value(&engine).await,
            Some(Bytes::from_static(b"recognisable"))
        );
        engine.close().await;
        // What one of them has under its key is nothing to the other.
        let root = stored.raw(RecordKey::Root).await;
        copy.put(RecordKey::Root, root).await;
        assert_eq!(copy.open(3).await.err(), Some(Code::Corrupt));
    });
}

#[test]
fn keys_are_added_replaced_and_removed_while_tabs_go_on() {
    Stored::run(async |stored| {
        let (one, two) = (stored.open(1).await.unwrap(), stored.open(1).await.unwrap());
        let key = |byte| Rc::new(RawKey::new(secret(byte)));
        one.set_key("recovery".into(), key(2)).await.unwrap();
        assert_eq!(two.key_names().await.unwrap(), ["main", "recovery"]);
        let by_two = stored.open(2).await.unwrap();
        let slot = one.opened_by().unwrap();
        let new = one.rekey(slot, key(3)).await.unwrap();
        // Its slot is another now.
        let again = two
            .rekey(slot, key(4))
            .await
            .err()
            .map(|error| error.code());
        assert_eq!(again, Some(Code::Conflict));
        assert_eq!(two.verify(key(3)).await.unwrap(), new);
        assert_eq!(stored.open(1).await.err(), Some(Code::WrongKey));
        // Everybody goes on.
        for engine in [&one, &two, &by_two] {
            assert_eq!(
                value(engine).await,
                Some(Bytes::from_static(b"recognisable"))
            );
            engine.flush().await.unwrap();
        }
        assert!(two.remove_key("main".into()).await.unwrap());
        assert!(!two.remove_key("main".into()).await.unwrap());
        let last = one
            .remove_key("recovery".into())
            .await
            .err()
            .map(|error| error.code());
        assert_eq!(last, Some(Code::InvalidArgument));
        assert_eq!(stored.open(3).await.err(), Some(Code::WrongKey));
        for engine in [one, two, by_two, stored.open(2).await.unwrap()] {
            engine.close().await;
        }
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

/// Whoever can write to the database can demand anything of one who tries a passphrase.
#[test]
fn a_forged_slot_takes_neither_memory_nor_time() {
    Stored::run(async |stored| {
        let record = stored.raw(RecordKey::Head).await;
        let head = Head::decode(&record).unwrap();
        let demands = [
            (256 << 10 | 1, 1, 1),
            (u32::MAX, 1, 1),
            (1 << 10, u32::MAX, 1),
            (256 << 10, 17, 1),
            (1 << 10, 1, 5),
            (0, 3, 1),
            (31, 3, 4),
            (1 << 10, 0, 1),
            (1 << 10, 3, 0),
        ];
        for (memory_kib, passes, lanes) in demands {
            let mut table = KeyTable::decode(&head.keys).unwrap();
            let argon2 = Argon2 {
                salt: [1; 16],
                memory_kib,
                passes,
                lanes,
            };
            table.slots[0].method = Method::Passphrase(argon2);
            let what = format!("{memory_kib} {passes} {lanes}");
            let code = forged(stored, &record, &head.keys, &table).await;
            assert_eq!(code, Some(Code::UnsupportedFormat), "{what}");
        }
        // Each is within bounds, all of them are not.
        let mut table = KeyTable::decode(&head.keys).unwrap();
        let argon2 = Argon2 {
            salt: [1; 16],
            memory_kib: 256 << 10,
            passes: 2,
            lanes: 1,
        };
        table.slots[0].method = Method::Passphrase(argon2);
        table.slots = vec![table.slots[0].clone(); 16];
        let code = forged(stored, &record, &head.keys, &table).await;
        assert_eq!(code, Some(Code::UnsupportedFormat));
    });
}

/// What opening comes to with another key table in the head; deriving a key fails the test.
async fn forged(stored: &Stored, record: &Bytes, keys: &Bytes, table: &KeyTable) -> Option<Code> {
    let at = record
        .windows(keys.len())
        .position(|window| window == keys)
        .unwrap();
    // The list of tags, and the tag's payload, begin with their lengths: the head is put together anew.
    let body_end = record.len() - 48;
    assert_eq!(at + keys.len(), body_end, "the key table is the last tag");
    let mut head = Head::decode(record).unwrap();
    head.keys = table.encode();
    let plain = head.encode();
    let mut changed = plain[..plain.len() - 8].to_vec();
    changed[4..8].copy_from_slice(&record[4..8]);
    changed.extend_from_slice(&record[body_end..record.len() - 8]);
    let check = seal::checksum(0, &changed);
    changed.extend_from_slice(&check.to_le_bytes());
    stored.put(RecordKey::Head, changed.into()).await;
    let derive = Box::new(|_| panic!("a key is derived"));
    let fresh = Argon2 {
        salt: [0; 16],
        memory_kib: 64,
        passes: 1,
        lanes: 1,
    };
    let access = Access {
        credential: Rc::new(Passphrase::new(derive, fresh)),
        bulk: Rc::new(NoBulk),
    };
    let (connector, env) = (
        Rc::new(stored.connector.clone()),
        Rc::new(stored.env.clone()),
    );
    let opening = Engine::open_sealed(Rc::default(), connector, env, Options::default(), access);
    opening.await.err().map(|error| error.code())
}
