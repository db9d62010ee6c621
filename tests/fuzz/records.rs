//! Sealed records: heads, roots, directory pages, frames, pieces.

use super::corpus;
use super::segments::marks;
use bytes::Bytes;
use fastrand::Rng;
use patchstore::backend::{Id, RecordKey};
use patchstore::codec::batch::{Batch, Op, OpKey, OpValue};
use patchstore::codec::catalog;
use patchstore::codec::cell::PieceRef;
use patchstore::codec::entry::{Entry, Holes};
use patchstore::codec::expiry::Expiry;
use patchstore::codec::frame::{self as frames, FrameHeader};
use patchstore::codec::head::Head;
use patchstore::codec::io::{Input, put_bytes, put_varint};
use patchstore::codec::marks::Marks;
use patchstore::codec::order::{Order, PROVISIONAL};
use patchstore::codec::root::{Garbage, Root, decode_directory_page, encode_directory_page};
use patchstore::codec::seal::{self as seals, Record};
use patchstore::codec::stamp::{Fill, Stamp};
use patchstore::codec::tags::Tags;
use patchstore::engine::access::KeyRange;
use std::collections::BTreeMap;

/// Of every record that has one, and the incarnation of every root.
pub const ID: Id = Id(*b"name of a record");

/// The last eight bytes are the check of everything before.
pub fn seal(record: &mut [u8]) {
    let seed = match record.get(2) {
        Some(b'H' | b'F') => 0,
        _ => Record::root(ID).seed(),
    };
    if let Some((covered, check)) = record.split_last_chunk_mut::<8>() {
        *check = seals::checksum(seed, covered).to_le_bytes();
    }
}

pub fn id(rng: &mut Rng) -> Id {
    Id(std::array::from_fn(|_| rng.u8(..)))
}

/// Of any size: evenly among the lengths of their varints.
pub fn number(rng: &mut Rng) -> u64 {
    rng.u64(..) >> rng.u32(..64)
}

fn some(rng: &mut Rng, most: usize) -> Bytes {
    corpus::bytes(rng, most).into()
}

fn list<T>(rng: &mut Rng, most: usize, mut make: impl FnMut(&mut Rng) -> T) -> Vec<T> {
    (0..rng.usize(..=most)).map(|_| make(rng)).collect()
}

/// None mostly, else some that may be passed over.
pub fn tags(rng: &mut Rng) -> Tags {
    let mut out = Vec::new();
    let mut tag = 1;
    for _ in 0..rng.usize(..4).saturating_sub(1) {
        tag += 2 * (1 + (number(rng) >> 2));
        put_varint(&mut out, tag | 1);
        put_bytes(&mut out, &corpus::bytes(rng, 6));
        tag = (tag | 1).min(u64::MAX >> 1);
    }
    Tags::of(out.into()).unwrap_or_default()
}

fn expiry(rng: &mut Rng) -> Expiry {
    let mut expiry = Expiry::default();
    if rng.bool() {
        expiry.count = number(rng);
        expiry.add(number(rng) >> 1);
    }
    expiry
}

fn place(rng: &mut Rng) -> Order {
    Order {
        frame: PROVISIONAL,
        slot: number(rng) as u32,
    }
}

/// Disjoint entries in order.
fn a_run(rng: &mut Rng) -> Vec<Entry> {
    // (Above the catalog, which a frame cites no run of.)
    let mut at = 0x10u8;
    list(rng, 4, |rng| {
        at += 2;
        let holes = [rng.bool(), rng.bool(), rng.bool()];
        let mut bound = |at: u8, hole: bool| -> Bytes {
            let tail = if hole {
                place(rng).to_bytes().to_vec()
            } else {
                corpus::bytes(rng, 12)
            };
            [&[at][..], &tail].concat().into()
        };
        Entry {
            first: bound(at, holes[1]),
            last: bound(at + 1, holes[2]),
            holes: Holes {
                any: holes[0],
                first: holes[1],
                last: holes[2],
            },
            id: id(rng),
            pieces: rng.bool(),
            fill: Fill {
                frame: number(rng),
                stamp: Stamp {
                    ms: number(rng) >> 16,
                    counter: rng.u32(..1 << 20),
                },
            },
            records: number(rng),
            tombstones: number(rng),
            bytes: number(rng),
            stored: number(rng),
            expiry: expiry(rng),
            more: tags(rng),
        }
    })
}

pub fn a_head(rng: &mut Rng) -> Vec<u8> {
    let mut head = Head::new(id(rng));
    head.generation = number(rng);
    head.epoch = number(rng).max(1);
    head.more = tags(rng);
    head.position = number(rng);
    head.catalog = rng.bool().then(|| rng.u64(..=head.position));
    head.writers = list(rng, 5, |rng| (id(rng), number(rng)));
    head.writers.sort_unstable_by_key(|(writer, _)| *writer);
    head.writers.dedup_by_key(|(writer, _)| *writer);
    head.encode().to_vec()
}

pub fn a_root(rng: &mut Rng) -> Vec<u8> {
    let garbage = |rng: &mut Rng| Garbage {
        key: if rng.bool() {
            RecordKey::Run(id(rng))
        } else {
            RecordKey::Piece(id(rng))
        },
        bytes: number(rng),
        epoch: number(rng),
    };
    // Each page of a level lies above the one before.
    let level = |rng: &mut Rng| {
        let mut above = 0u8;
        let pages = list(rng, 3, |rng| {
            above += 1;
            let mut page = encode_directory_page(id(rng), &a_run(rng)).1?;
            let lift = |key: &Bytes| Bytes::from([&[above][..], key].concat());
            (page.first, page.last) = (lift(&page.first), lift(&page.last));
            page.more = tags(rng);
            Some(page)
        });
        pages.into_iter().flatten().collect()
    };
    let root = Root {
        epoch: number(rng),
        runs: list(rng, 3, a_run),
        levels: list(rng, 3, level),
        garbage: list(rng, 3, garbage),
        catalog: rng.bool().then(|| a_catalog(rng).into()),
        more: tags(rng),
    };
    root.encode(ID).to_vec()
}

pub fn a_catalog(rng: &mut Rng) -> Vec<u8> {
    let record = |rng: &mut Rng| {
        let key = [&[rng.u8(1..16)][..], &corpus::bytes(rng, 20)].concat();
        (Bytes::from(key), some(rng, 60))
    };
    let records: BTreeMap<Bytes, Bytes> = list(rng, 6, record).into_iter().collect();
    catalog::encode(records.len(), &mut records.iter()).to_vec()
}

/// (What is compressed may be so in several ways: what counts is what it says.)
pub fn catalog_records(input: &[u8]) -> Option<Vec<u8>> {
    let records = catalog::decode(input).ok()?;
    let mut pairs = records.iter().map(|(key, value)| (key, value));
    let again = catalog::encode(records.len(), &mut pairs);
    assert_eq!(catalog::decode(&again).ok()?, records);
    Some(again.to_vec())
}

pub fn a_directory(rng: &mut Rng) -> Vec<u8> {
    encode_directory_page(ID, &a_run(rng)).0.to_vec()
}

fn an_op(rng: &mut Rng) -> Op {
    let key = OpKey {
        prefix: some(rng, 20),
        order: rng.bool().then(|| place(rng)),
    };
    match rng.u8(..5) {
        0 => Op::Delete(key),
        1 => Op::DeleteRange(KeyRange {
            from: some(rng, 9),
            until: some(rng, 9),
        }),
        2 => put(rng, key, |rng| OpValue::Order(place(rng))),
        3 => put(rng, key, |rng| {
            OpValue::Piece(PieceRef {
                id: id(rng),
                len: number(rng),
                shared: rng.bool(),
            })
        }),
        _ => put(rng, key, |rng| OpValue::Inline(some(rng, 60))),
    }
}

fn put(rng: &mut Rng, key: OpKey, value: impl Fn(&mut Rng) -> OpValue) -> Op {
    let marks = if rng.u8(..4) == 0 {
        marks(rng)
    } else {
        Marks::NONE
    };
    Op::Put(key, value(rng), marks)
}

pub fn a_frame(rng: &mut Rng) -> Vec<u8> {
    let header = FrameHeader {
        incarnation: id(rng),
        generation: number(rng),
        writer: id(rng),
        sequence: number(rng),
        wall_ms: number(rng),
        required: number(rng),
        catalog: number(rng),
    };
    let run = a_run(rng);
    let mut ops = list(rng, 6, an_op);
    ops.retain(|op| {
        let is_piece = matches!(op, Op::Put(_, OpValue::Piece(_), _));
        !(is_piece && catalog::is_changed_by(op))
    });
    let changes_catalog = ops.iter().any(catalog::is_changed_by) || rng.bool();
    frames::encode(
        &header,
        &Batch {
            run,
            ops,
            stamps: rng.u32(..9),
            changes_catalog,
        },
    )
    .to_vec()
}

pub fn a_piece(rng: &mut Rng) -> Vec<u8> {
    let of = Record::piece(ID);
    let mut out = seals::start(of, 100);
    out.extend(corpus::bytes(rng, 100));
    seals::finish(of, out).to_vec()
}

/// What every format is made of.
pub fn some_fields(rng: &mut Rng) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..rng.usize(..5) {
        put_varint(&mut out, number(rng));
        put_bytes(&mut out, &corpus::bytes(rng, 9));
        out.extend(number(rng).to_le_bytes());
    }
    out
}

pub fn head(input: &[u8]) -> Option<Vec<u8>> {
    let head = Head::decode(&Bytes::copy_from_slice(input)).ok()?;
    Some(head.encode().to_vec())
}

pub fn root(input: &[u8]) -> Option<Vec<u8>> {
    let root = Root::decode(ID, &Bytes::copy_from_slice(input)).ok()?;
    Some(root.encode(ID).to_vec())
}

pub fn directory(input: &[u8]) -> Option<Vec<u8>> {
    let mut entries = decode_directory_page(ID, &Bytes::copy_from_slice(input)).ok()?;
    let record = encode_directory_page(ID, &entries).0;
    entries.iter_mut().for_each(|entry| {
        entry.resolve(Fill {
            frame: 7,
            ..Fill::default()
        })
    });
    Some(record.to_vec())
}

pub fn frame(input: &[u8]) -> Option<Vec<u8>> {
    let frame = frames::open(&Bytes::copy_from_slice(input)).ok()?;
    let header = frame.header;
    let mut batch = frame.batch().ok()?;
    let record = frames::encode(&header, &batch);
    batch.resolve(Fill {
        frame: u64::MAX / 2,
        ..Fill::default()
    });
    Some(record.to_vec())
}

pub fn piece(input: &[u8]) -> Option<Vec<u8>> {
    let of = Record::piece(ID);
    let content = seals::open(of, &Bytes::copy_from_slice(input)).ok()?;
    let mut out = seals::start(of, content.len());
    out.extend_from_slice(&content);
    Some(seals::finish(of, out).to_vec())
}

pub fn some_tags(rng: &mut Rng) -> Vec<u8> {
    let mut out = Vec::new();
    tags(rng).put(&mut out);
    out
}

pub fn tag_list(input: &[u8]) -> Option<Vec<u8>> {
    let mut input = Input::new(Bytes::copy_from_slice(input), "test");
    let tags = Tags::read(&mut input).ok()?;
    input.end().ok()?;
    let mut out = Vec::new();
    tags.put(&mut out);
    assert_eq!(tags.is_empty(), tags.memory_bytes() == 0);
    tags.needs(&[], "test").ok().map(|()| out)
}

pub fn fields(input: &[u8]) -> Option<Vec<u8>> {
    let mut input = Input::new(Bytes::copy_from_slice(input), "test");
    let mut out = Vec::new();
    while input.end().is_err() {
        put_varint(&mut out, input.varint().ok()?);
        put_bytes(&mut out, &input.bytes().ok()?);
        out.extend(input.u64().ok()?.to_le_bytes());
    }
    Some(out)
}
