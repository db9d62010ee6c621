//! Every stored record comes back as it was, and no cut or flipped bit of one is ever taken for
//! data: it is an error, never a panic, never a huge allocation.

#![cfg(not(target_arch = "wasm32"))]
#![expect(
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

use bytes::Bytes;
use patchstore::backend::{Id, RecordKey};
use patchstore::codec::batch::{Batch, Op, OpKey, OpValue};
use patchstore::codec::cell::{Cell, PieceRef};
use patchstore::codec::entry::{Entry, Holes};
use patchstore::codec::frame::{self, FrameHeader};
use patchstore::codec::head::Head;
use patchstore::codec::order::{Order, PROVISIONAL};
use patchstore::codec::root::{Garbage, Root, decode_directory_page, encode_directory_page};
use patchstore::codec::segment::{Segment, SegmentBuilder};
use patchstore::engine::access::KeyRange;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn id() -> impl Strategy<Value = Id> {
    any::<[u8; 16]>().prop_map(Id)
}

fn bytes(most: usize) -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..most).prop_map(Bytes::from)
}

fn entry() -> impl Strategy<Value = Entry> {
    let numbers = (any::<u64>(), any::<u32>(), any::<u32>(), any::<u32>());
    (id(), bytes(20), bytes(20), any::<[bool; 4]>(), numbers).prop_map(|(id, a, b, flags, n)| {
        let (first, last) = if a <= b { (a, b) } else { (b, a) };
        let [any, first_hole, last_hole, pieces] = flags;
        Entry {
            id,
            first,
            last,
            holes: Holes {
                any,
                first: first_hole,
                last: last_hole,
            },
            pieces,
            fill: n.0,
            records: n.1.into(),
            tombstones: n.2.into(),
            bytes: n.3.into(),
            stored: 7,
        }
    })
}

/// Disjoint entries in order.
fn run() -> impl Strategy<Value = Vec<Entry>> {
    vec(entry(), 0..6).prop_map(|mut entries| {
        for (at, entry) in entries.iter_mut().enumerate() {
            entry.first = Bytes::from(vec![at as u8, 1]);
            entry.last = Bytes::from(vec![at as u8, 2]);
        }
        entries
    })
}

fn key() -> impl Strategy<Value = OpKey> {
    let own = any::<Option<u32>>().prop_map(|s| {
        s.map(|slot| Order {
            frame: PROVISIONAL,
            slot,
        })
    });
    (bytes(30), own).prop_map(|(prefix, order)| OpKey { prefix, order })
}

fn op() -> impl Strategy<Value = Op> {
    let value = prop_oneof![
        bytes(200).prop_map(OpValue::Inline),
        any::<u32>().prop_map(|slot| OpValue::Order(Order {
            frame: PROVISIONAL,
            slot
        })),
        (id(), any::<u64>()).prop_map(|(id, len)| OpValue::Piece(PieceRef { id, len })),
    ];
    prop_oneof![
        (key(), value).prop_map(|(key, value)| Op::Put(key, value)),
        key().prop_map(Op::Delete),
        (bytes(9), bytes(9)).prop_map(|(from, until)| Op::DeleteRange(KeyRange { from, until })),
    ]
}

/// Cuts and flips a record everywhere (or at many places of a large one).
fn spoil(record: &Bytes, decodes: impl Fn(Bytes) -> bool) {
    assert!(decodes(record.clone()), "the whole record decodes");
    let step = (record.len() / 400).max(1);
    for at in (0..record.len()).step_by(step) {
        assert!(
            !decodes(record.slice(..at)),
            "cut at {at} of {}",
            record.len()
        );
        for bit in [0, 3, 7] {
            let mut bad = record.to_vec();
            bad[at] ^= 1 << bit;
            assert!(
                !decodes(bad.into()),
                "bit {bit} of byte {at} of {}",
                record.len()
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn heads(incarnation in id(), n in any::<[u64; 4]>(), writers in vec((id(), any::<u64>()), 0..9)) {
        let [generation, epoch, position, base] = n;
        let head = Head { incarnation, generation, epoch, position, base, writers };
        let record = head.encode();
        prop_assert_eq!(Head::decode(&record).unwrap(), head);
        spoil(&record, |record| Head::decode(&record).is_ok());
    }

    #[test]
    fn frames(ids in (id(), id()), n in any::<[u64; 3]>(), cited in run(), ops in vec(op(), 0..8)) {
        let header = FrameHeader {
            incarnation: ids.0,
            generation: n[0],
            writer: ids.1,
            sequence: n[1],
            wall_ms: 1.7e12,
            required: n[2],
        };
        let batch = Batch { run: cited, ops };
        let record = frame::encode(&header, &batch);
        let decode = |record: &Bytes| {
            let (header, mut rest) = frame::decode_header(record)?;
            Ok::<_, patchstore::Error>((header, Batch::decode(&mut rest)?))
        };
        prop_assert_eq!(decode(&record).unwrap(), (header, batch));
        spoil(&record, |record| decode(&record).is_ok());
    }

    #[test]
    fn roots_and_directory_pages(
        epoch: u64,
        runs in vec(run(), 0..4),
        page in run(),
        garbage in vec((id(), any::<bool>(), any::<u32>()), 0..5),
    ) {
        let (record, reference) = encode_directory_page(Id([7; 16]), &page);
        prop_assert_eq!(decode_directory_page(&record).unwrap(), page);
        spoil(&record, |record| decode_directory_page(&record).is_ok());
        let garbage = garbage.into_iter().map(|(id, piece, bytes)| Garbage {
            key: if piece { RecordKey::Piece(id) } else { RecordKey::Run(id) },
            bytes: u64::from(bytes),
            epoch: 3,
        });
        let levels = vec![reference.into_iter().collect(), Vec::new()];
        let root = Root { epoch, runs, levels, garbage: garbage.collect() };
        let record = root.encode();
        prop_assert_eq!(Root::decode(&record).unwrap(), root);
        spoil(&record, |record| Root::decode(&record).is_ok());
    }

    #[test]
    fn segments(cells in btree_map(vec(any::<u8>(), 0..40), (0..9u8, vec(any::<u8>(), 0..2000)), 1..60)) {
        let cells: BTreeMap<Bytes, Cell> = cells
            .into_iter()
            .map(|(key, (kind, value))| {
                let cell = match kind {
                    0 => Cell::Tombstone,
                    1 => Cell::Piece(PieceRef { id: Id([kind; 16]), len: value.len() as u64 }),
                    _ => Cell::Inline(value.into()),
                };
                (Bytes::from(key), cell)
            })
            .collect();
        let mut builder = SegmentBuilder::new(Id([1; 16]));
        cells.iter().for_each(|(key, cell)| builder.push(key, cell, false));
        let (record, entry) = builder.finish();
        prop_assert_eq!(entry.records + entry.tombstones, cells.len() as u64);
        let read = |record: Bytes| {
            let segment = Segment::open(record, 0)?;
            let mut out = BTreeMap::new();
            for at in 0..segment.pages() {
                let page = segment.page(at)?;
                out.extend((0..page.len()).map(|i| (page.key_bytes(i), page.cell(i).unwrap())));
            }
            Ok::<_, patchstore::Error>(out)
        };
        prop_assert_eq!(&read(record.clone()).unwrap(), &cells);
        let segment = Segment::open(record.clone(), 0).unwrap();
        for (key, cell) in &cells {
            let page = segment.page(segment.page_of(key)).unwrap();
            let found = page.cell(page.lower_bound(key));
            prop_assert_eq!(found.as_ref(), Some(cell));
        }
        spoil(&record, |record| read(record).is_ok());
    }

    #[test]
    fn noise_is_refused(noise in vec(any::<u8>(), 0..300)) {
        let noise = Bytes::from(noise);
        prop_assert!(Head::decode(&noise).is_err());
        prop_assert!(Root::decode(&noise).is_err());
        prop_assert!(decode_directory_page(&noise).is_err());
        prop_assert!(frame::decode_header(&noise).is_err());
        prop_assert!(Segment::open(noise, 0).is_err());
    }
}

#[test]
fn holes_are_filled_with_the_frame() {
    let mut builder = SegmentBuilder::new(Id([1; 16]));
    let placed = |slot| Order {
        frame: PROVISIONAL,
        slot,
    };
    for slot in 0..3 {
        let mut key = b"doc-".to_vec();
        key.extend(placed(slot).to_bytes());
        let value = Bytes::copy_from_slice(&placed(slot).to_bytes());
        builder.push(&key.into(), &Cell::Inline(value), true);
    }
    let (record, mut entry) = builder.finish();
    assert!(entry.holes.any && entry.holes.first && entry.holes.last);
    entry.resolve(42);
    let page = Segment::open(record, 42).unwrap().page(0).unwrap();
    assert_eq!(page.key_bytes(0), entry.first);
    assert_eq!(page.key_bytes(2), entry.last);
    let order = Order { frame: 42, slot: 2 };
    assert_eq!(page.key(2)[4..], order.to_bytes());
    assert_eq!(
        page.cell(2),
        Some(Cell::Inline(Bytes::copy_from_slice(&order.to_bytes())))
    );
}
