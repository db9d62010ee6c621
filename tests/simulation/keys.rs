//! Worlds whose patch is encrypted: how engines are opened in them, and what may lie in their database.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use patchstore::Result;
use patchstore::backend::{Connector, Id, RecordKey};
use patchstore::codec::frame;
use patchstore::codec::head::Head;
use patchstore::codec::seal::{self, Kind};
use patchstore::engine::{Access, Engine, Options};
use patchstore::env::Env;
use patchstore::sealed::aead::Secret;
use patchstore::sealed::keys::{self, RawKey};
use patchstore::sealed::record::{Opening, kind_of};
use patchstore::sealed::table::KeyTable;
use patchstore::sealed::vault::{Bulk, Job, NoBulk, RecordKeys, Unable, Vault};
use patchstore::simulation::SimEnv;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::plan::Plan;

/// From how many bytes on sealing takes a moment.
const LARGE: usize = 700;

fn credential() -> RawKey {
    RawKey::new(Secret::filled(|bytes| bytes.fill(42)))
}

/// Takes its time, and fails now and then.
struct SlowBulk(SimEnv);

impl Bulk for SlowBulk {
    fn least_bytes(&self) -> usize {
        LARGE
    }

    fn seal(&self, key: Rc<RecordKeys>, job: Job) -> LocalBoxFuture<'static, Option<Vec<u8>>> {
        let env = self.0.clone();
        async move {
            env.sleep(env.random_below(4) as u32).await;
            if env.chance(5) {
                return None;
            }
            let mut sealed = job.bytes.to_vec();
            let tag = key.aead.seal(job.nonce, &job.aad, &mut sealed).ok()?;
            sealed.extend_from_slice(&tag);
            Some([job.before, sealed].concat())
        }
        .boxed_local()
    }

    fn open(
        &self,
        key: Rc<RecordKeys>,
        job: Job,
    ) -> LocalBoxFuture<'static, Result<Option<Vec<u8>>, Unable>> {
        let env = self.0.clone();
        async move {
            env.sleep(env.random_below(4) as u32).await;
            if env.chance(5) {
                return Err(Unable);
            }
            let Some((sealed, tag)) = job.bytes.split_last_chunk() else {
                return Ok(None);
            };
            let mut plain = sealed.to_vec();
            let is_open = key.aead.open(job.nonce, &job.aad, &mut plain, *tag);
            Ok(is_open.then(|| [job.before, plain].concat()))
        }
        .boxed_local()
    }
}

/// Opens an engine as a plan's patch is opened.
pub async fn open(
    plan: &Plan,
    connector: Rc<dyn Connector>,
    env: SimEnv,
    options: Options,
) -> Result<Engine> {
    if !plan.sealed {
        return Engine::open(connector, Rc::new(env), options).await;
    }
    let access = Access {
        credential: Rc::new(credential()),
        bulk: Rc::new(SlowBulk(env.clone())),
    };
    let opened = Engine::open_sealed(Rc::default(), connector, Rc::new(env), options, access);
    opened.await.map(|(engine, _)| engine)
}

/// The records as the engine sees them, of a database at rest. Of an encrypted patch, nothing lies there in the clear, and no
/// nonce stands there twice.
pub fn plain(plan: &Plan, records: Vec<(RecordKey, Bytes)>) -> Vec<(RecordKey, Bytes)> {
    let of = |wanted| records.iter().find(|(key, _)| *key == wanted);
    let head = of(RecordKey::Head).map(|(_, record)| Head::decode(record).unwrap());
    let Some(head) = head.filter(|head| plan.sealed && head.is_live()) else {
        return records;
    };
    let env = SimEnv::new(0);
    let table = KeyTable::decode(&head.keys).unwrap();
    let unlocked = env.block_on(async { keys::unlock(&table, &credential()).await });
    let (keys, _) = unlocked.unwrap();
    let vault = Vault::new(Rc::new(env), Rc::new(NoBulk), keys, head.keys.clone());
    let mut tickets: BTreeMap<Vec<u8>, Bytes> = BTreeMap::new();
    let opened = records.into_iter().map(|(key, record)| {
        let Some(kind) = kind_of(&record) else {
            return (key, record);
        };
        if kind == Kind::Frame && is_void(&record, head.incarnation) {
            return (key, record);
        }
        assert_ne!(
            seal::key_id(kind, &record).unwrap(),
            0,
            "{key:?} lies in the clear"
        );
        let ticket = match kind {
            Kind::Head => record[record.len() - 48..record.len() - 24].to_vec(),
            Kind::Frame => {
                let end = frame::header_bytes(&record).unwrap();
                record[end..end + 24].to_vec()
            }
            _ => record[8..32].to_vec(),
        };
        if let Some(other) = tickets.insert(ticket, record.clone()) {
            // A frame that was sent again, since nobody knew what had become of it.
            assert_eq!(other, record, "a nonce is used twice: {key:?}");
        }
        let opening = Opening::new(&vault, head.incarnation, key, kind, &record).unwrap();
        // What does not open is left of an earlier life, and must not be referred to.
        let opened = opening.and_then(Opening::now);
        (key, opened.unwrap_or(record))
    });
    opened.collect()
}

fn is_void(record: &Bytes, life: Id) -> bool {
    let header = frame::open(record).unwrap().header;
    header.is_fence() || header.incarnation != life
}
