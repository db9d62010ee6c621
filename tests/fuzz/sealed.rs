//! Key tables, and records of an encrypted patch that somebody without the key has put there.

use super::corpus;
use super::records::{self, ID};
use super::segments;
use bytes::Bytes;
use fastrand::Rng;
use patchstore::backend::memory::MemoryConnector;
use patchstore::backend::{Backend, Connector, Durability, Id, Read, RecordKey, Reply, Write};
use patchstore::codec::frame;
use patchstore::codec::head::Head;
use patchstore::codec::root::{Root, decode_directory_page};
use patchstore::codec::seal::{self, Kind, Record};
use patchstore::codec::segment::Segment;
use patchstore::codec::stamp::Fill;
use patchstore::sealed::aead::Secret;
use patchstore::sealed::connector::SealedConnector;
use patchstore::sealed::keys::{self, RawKey};
use patchstore::sealed::record::Sealing;
use patchstore::sealed::table::{Argon2, KeyTable, Method, Slot, WrappedKey};
use patchstore::sealed::vault::{NoBulk, Sealer, Vault};
use patchstore::simulation::SimEnv;
use patchstore::{Code, Error};
use std::rc::Rc;

fn array<const N: usize>(rng: &mut Rng) -> [u8; N] {
    std::array::from_fn(|_| rng.u8(..))
}

pub fn a_table(rng: &mut Rng) -> Vec<u8> {
    let slot = |rng: &mut Rng| Slot {
        id: Id(array(rng)),
        method: if rng.bool() {
            let lanes = rng.u32(1..=4);
            Method::Passphrase(Argon2 {
                salt: array(rng),
                memory_kib: (8 * lanes).max(rng.u32(..) >> rng.u32(15..32)),
                passes: rng.u32(1..=3),
                lanes,
            })
        } else {
            Method::Key
        },
        nonce: array(rng),
        wrapped: array(rng),
    };
    let key = |rng: &mut Rng, id| WrappedKey {
        id,
        nonce: array(rng),
        wrapped: array(rng),
    };
    let table = KeyTable {
        slots: (0..rng.usize(1..=5)).map(|_| slot(rng)).collect(),
        data: (1..=rng.u32(1..=4)).map(|id| key(rng, 7 * id)).collect(),
        names: corpus::bytes(rng, 90).into(),
    };
    table.encode().to_vec()
}

pub fn table(input: &[u8]) -> Option<Vec<u8>> {
    let table = KeyTable::decode(&Bytes::copy_from_slice(input)).ok()?;
    let demands = table.slots.iter().map(|slot| match slot.method {
        Method::Passphrase(argon2) => {
            assert!(argon2.memory_kib <= 256 << 10, "it takes too much memory");
            u64::from(argon2.memory_kib) * u64::from(argon2.passes)
        }
        Method::Key => 0,
    });
    assert!(demands.sum::<u64>() <= 4 << 20, "it takes too much time");
    Some(table.encode().to_vec())
}

/// An encrypted patch that holds nothing yet, and a connection to it with the key, and one without.
struct Patch {
    vault: Rc<Vault>,
    sealer: Sealer,
    keyed: Rc<dyn Backend>,
    bare: Rc<dyn Backend>,
}

impl Patch {
    async fn new(env: SimEnv) -> Self {
        let key = RawKey::new(Secret::filled(|out| out.fill(7)));
        let (keys, table) = keys::make(&env, &key, "main").await.unwrap();
        let world = Rc::new(env.clone());
        let vault = Rc::new(Vault::new(world, Rc::new(NoBulk), keys, table.encode()));
        let connector = Rc::new(MemoryConnector::default());
        let bare = connector.open(Rc::new(|_| {})).await.unwrap();
        let sealed = SealedConnector::new(connector, vault.clone());
        let keyed = sealed.open(Rc::new(|_| {})).await.unwrap();
        let patch = Self {
            sealer: Sealer::new(&env),
            vault,
            keyed,
            bare,
        };
        let head = patch.sealed(RecordKey::Head, &patch.head());
        patch.put(RecordKey::Head, head.to_vec()).await;
        assert!(patch.read(RecordKey::Head).await.is_some());
        patch
    }

    fn head(&self) -> Vec<u8> {
        let mut head = Head::new(ID);
        head.keys = self.vault.table();
        head.encode().to_vec()
    }

    fn sealed(&self, key: RecordKey, plain: &[u8]) -> Bytes {
        let plain = Bytes::copy_from_slice(plain);
        let sealing = Sealing::new(&self.vault, &self.sealer, ID, key, &plain).unwrap();
        sealing.now().unwrap()
    }

    async fn put(&self, key: RecordKey, record: Vec<u8>) {
        let record = Bytes::from(record);
        let writes = match key {
            RecordKey::Frame(_) => {
                let through = u64::MAX;
                vec![Write::CutLog { through }, Write::Add(None, record)]
            }
            key => vec![Write::Put(key, record)],
        };
        let put = self.bare.write(writes, Durability::Relaxed);
        put.await.unwrap();
    }

    /// What the engine gets.
    async fn read(&self, key: RecordKey) -> Option<Bytes> {
        let read = match key {
            RecordKey::Frame(_) => Read::Frames { after: 0, limit: 1 },
            key => Read::Get(key),
        };
        let reads = vec![Read::Get(RecordKey::Head), read];
        match self.keyed.read(reads).await.unwrap().pop() {
            Some(Reply::Record(record)) => record,
            Some(Reply::Frames(frames)) => frames.into_iter().next().map(|(_, record)| record),
            _ => None,
        }
    }
}

/// What becomes of what the engine gets, where it obeys it: an error, or what it says.
fn obeyed(kind: Kind, record: &Bytes) -> Result<(), Error> {
    match kind {
        Kind::Head => {
            let head = Head::decode(record)?;
            if head.incarnation != ID || !head.is_live() {
                return Err(seal::encrypted());
            }
        }
        Kind::Root => drop(Root::decode(ID, record)?),
        Kind::Directory => drop(decode_directory_page(ID, record)?),
        Kind::Piece => drop(seal::open(Record::piece(ID), record)?),
        Kind::Frame => {
            let opened = frame::open(record)?;
            if opened.header.incarnation != ID || opened.header.is_fence() {
                return Err(seal::encrypted());
            }
            opened.batch()?;
        }
        Kind::Segment => {
            let segment = Segment::open(ID, record, Fill::default())?;
            for at in 0..segment.pages() {
                segment.page(at)?;
            }
        }
    }
    Ok(())
}

type Make = fn(&mut Rng) -> Vec<u8>;

fn a_frame(rng: &mut Rng) -> Vec<u8> {
    let mut record = records::a_frame(rng);
    record[8..24].copy_from_slice(&ID.0);
    records::seal(&mut record);
    record
}

fn no_head(_: &mut Rng) -> Vec<u8> {
    Vec::new()
}

fn kinds() -> [(&'static str, Kind, RecordKey, Make); 6] {
    [
        ("sealed head", Kind::Head, RecordKey::Head, no_head),
        ("sealed root", Kind::Root, RecordKey::Root, records::a_root),
        (
            "sealed directory",
            Kind::Directory,
            RecordKey::Run(ID),
            records::a_directory,
        ),
        (
            "sealed segment",
            Kind::Segment,
            RecordKey::Run(ID),
            segments::a_segment,
        ),
        (
            "sealed piece",
            Kind::Piece,
            RecordKey::Piece(ID),
            records::a_piece,
        ),
        ("sealed frame", Kind::Frame, RecordKey::Frame(1), a_frame),
    ]
}

/// Of so many inputs of each kind, what was obeyed that nobody with the key has written, or was not told of as it must be.
pub fn forged(seed: u64, executions: u64) -> Option<String> {
    let env = SimEnv::new(seed);
    env.clone().block_on(async move {
        let patch = Patch::new(env).await;
        for (name, kind, key, make) in kinds() {
            let mut rng = Rng::with_seed(seed);
            let mut told = [0_u64; 3];
            for _ in 0..executions {
                let plain = match kind {
                    Kind::Head => patch.head(),
                    _ => make(&mut rng),
                };
                let original = patch.sealed(key, &plain).to_vec();
                // Some are changed before they are sealed by one without the key: as plain records.
                let (base, is_plain) = if rng.u8(..8) == 0 {
                    (plain, true)
                } else {
                    (original.clone(), false)
                };
                let mut input = corpus::changed(&mut rng, base);
                if rng.u8(..4) > 0 && (is_plain || matches!(kind, Kind::Head | Kind::Frame)) {
                    records::seal(&mut input);
                }
                // (A frame's outer checksum is for those without the key: what it says is authenticated without.)
                let is_frame = kind == Kind::Frame;
                let authentic = original.len() - if is_frame { 8 } else { 0 };
                if input.len() == original.len() && input[..authentic] == original[..authentic] {
                    continue;
                }
                patch.put(key, input.clone()).await;
                let found = patch.read(key).await.unwrap_or_default();
                match obeyed(kind, &found).map_err(|error| error.code()) {
                    Err(Code::Corrupt) => told[0] += 1,
                    Err(Code::UnsupportedFormat) => told[1] += 1,
                    // Of another life, a fence, a draft: void.
                    Err(Code::Encrypted) => told[2] += 1,
                    other => return Some(format!("{name}: {other:?}: {}", super::hex(&input))),
                }
                if kind == Kind::Head {
                    patch.put(key, original).await;
                }
            }
            println!("{name}: corrupt, of another format, void: {told:?}");
            if told[0] == 0 {
                return Some(format!("{name}: nothing was judged"));
            }
        }
        None
    })
}
