//! Every stored record comes back as it was, and no cut or flipped bit of one is ever taken for
//! data: it is an error, never a panic, never a huge allocation.

#![cfg(not(target_arch = "wasm32"))]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

use bytes::Bytes;
use patchstore::backend::{Id, RecordKey};
use patchstore::codec::batch::{Batch, Op, OpKey, OpValue};
use patchstore::codec::catalog;
use patchstore::codec::cell::{Cell, PieceRef};
use patchstore::codec::entry::{Entry, Holes};
use patchstore::codec::expiry::Expiry;
use patchstore::codec::frame::{self, FrameHeader};
use patchstore::codec::head::OpLog;
use patchstore::codec::head::{Head, MAX_WRITERS};
use patchstore::codec::io::{put_bytes, put_varint};
use patchstore::codec::kinds::tag::{TEST_NEEDED, TEST_SKIPPABLE};
use patchstore::codec::marks::{Marks, expiry_of};
use patchstore::codec::order::{Order, PROVISIONAL};
use patchstore::codec::root::{
    Garbage, PageRef, Root, decode_directory_page, encode_directory_page,
};
use patchstore::codec::seal::{self, Record};
use patchstore::codec::segment::{Segment, SegmentBuilder};
use patchstore::codec::stamp::{self, Fill, Stamp};
use patchstore::codec::tags::Tags;
use patchstore::engine::access::KeyRange;
use patchstore::{Code, Error};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn fill(frame: u64) -> Fill {
    let stamp = Stamp {
        ms: frame % 99,
        counter: 7,
    };
    Fill { frame, stamp }
}

fn id() -> impl Strategy<Value = Id> {
    any::<[u8; 16]>().prop_map(Id)
}

fn bytes(most: usize) -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..most).prop_map(Bytes::from)
}

/// One field.
fn tags(tag: u64, payload: &[u8]) -> Tags {
    let mut out = Vec::new();
    put_varint(&mut out, tag);
    put_bytes(&mut out, payload);
    Tags::of(out.into()).unwrap()
}

/// Of some records, of which the first expires at a time.
fn expiring(count: u32, at_ms: u32) -> Expiry {
    let mut expiry = Expiry::default();
    (0..count).for_each(|more| expiry.add(u64::from(at_ms) + u64::from(more)));
    expiry
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
            fill: fill(n.0),
            records: n.1.into(),
            tombstones: n.2.into(),
            bytes: n.3.into(),
            stored: 7,
            expiry: expiring(n.3 % 3, n.2),
            more: tags(7, &n.3.to_le_bytes()),
        }
    })
}

/// Disjoint entries in order.
fn run() -> impl Strategy<Value = Vec<Entry>> {
    vec(entry(), 0..6).prop_map(|mut entries| {
        for (at, entry) in entries.iter_mut().enumerate() {
            entry.first = Bytes::from(vec![0x10 + at as u8, 1]);
            entry.last = Bytes::from(vec![0x10 + at as u8, 2]);
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

fn marks() -> impl Strategy<Value = Marks> {
    any::<Option<u64>>().prop_map(|expiry| expiry.map_or(Marks::NONE, Marks::expiring))
}

fn op() -> impl Strategy<Value = Op> {
    let value = prop_oneof![
        bytes(200).prop_map(OpValue::Inline),
        any::<u32>().prop_map(|slot| OpValue::Order(Order {
            frame: PROVISIONAL,
            slot
        })),
        (id(), any::<u64>(), any::<bool>())
            .prop_map(|(id, len, shared)| OpValue::Piece(PieceRef { id, len, shared })),
    ];
    prop_oneof![
        (key(), value, marks()).prop_map(|(key, value, marks)| Op::Put(key, value, marks)),
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
    fn heads(incarnation in id(), n in any::<[u64; 4]>(), writers in vec((id(), any::<u64>()), 0..9), clock: Option<u64>, skipped in 0u64..5, at in 0u64..1 << 40) {
        let [generation, epoch, position, base] = n;
        let more = tags(2 * skipped + 1, b"kept");
        let stamp = Stamp { ms: at, counter: 7 };
        let op_log = OpLog { device: Bytes::from_static(b"me"), next_stamp: stamp.plus(9), since: stamp };
        let op_log = (at % 2 == 1).then_some(op_log);
        let keys = Bytes::new();
        let (sweep, contents) = (at % 3 == 1, at % 5 == 1);
        let catalog = (at % 2 == 0).then_some(position / 2);
        let head = Head { incarnation, generation, epoch, position, base, writers, clock, op_log, catalog, keys, sweep, contents, more };
        let record = head.encode();
        prop_assert_eq!(Head::decode(&record).unwrap(), head);
        spoil(&record, |record| Head::decode(&record).is_ok());
    }

    #[test]
    fn frames(ids in (id(), id()), n in any::<[u64; 4]>(), cited in run(), mut ops in vec(op(), 0..8)) {
        let header = FrameHeader {
            incarnation: ids.0,
            generation: n[0],
            writer: ids.1,
            sequence: n[1],
            wall_ms: 1_700_000_000_000,
            required: n[2],
            catalog: n[3],
        };
        ops.retain(|op| {
            let is_piece = matches!(op, Op::Put(_, OpValue::Piece(_), _));
            !(is_piece && catalog::is_changed_by(op))
        });
        let changes_catalog = n[3] % 2 == 0 || ops.iter().any(catalog::is_changed_by);
        let batch = Batch { run: cited, ops, stamps: 0, changes_catalog };
        let record = frame::encode(&header, &batch);
        let decode = |record: &Bytes| {
            let frame = frame::open(record)?;
            Ok::<_, patchstore::Error>((frame.header, frame.batch()?))
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
        prop_assert_eq!(decode_directory_page(Id([7; 16]), &record).unwrap(), page);
        spoil(&record, |record| decode_directory_page(Id([7; 16]), &record).is_ok());
        let garbage = garbage.into_iter().map(|(id, piece, bytes)| Garbage {
            key: if piece { RecordKey::Piece(id) } else { RecordKey::Run(id) },
            bytes: u64::from(bytes),
            epoch: 3,
        });
        let tagged = reference.into_iter().map(|page| PageRef { more: tags(5, b"page"), ..page });
        let levels = vec![tagged.collect(), Vec::new()];
        let root = Root { epoch, runs, levels, garbage: garbage.collect(), catalog: (epoch % 2 == 0).then(|| Bytes::from_static(b"encoded")), more: tags(9, b"kept") };
        let record = root.encode(Id([8; 16]));
        prop_assert_eq!(Root::decode(Id([8; 16]), &record).unwrap(), root);
        spoil(&record, |record| Root::decode(Id([8; 16]), &record).is_ok());
    }

    #[test]
    fn segments(cells in btree_map(vec(any::<u8>(), 0..40), (0..9u8, vec(any::<u8>(), 0..2000)), 1..60)) {
        let cells: BTreeMap<Bytes, Cell> = cells
            .into_iter()
            .map(|(key, (kind, value))| {
                let piece = |shared| PieceRef { id: Id([kind; 16]), len: 1 << value.len().min(63), shared };
                let mut cell = match kind {
                    0 => Cell::tombstone(),
                    1 | 2 => Cell::piece(piece(kind == 2)),
                    _ => Cell::inline(value.into()),
                };
                if kind > 0 && kind % 2 == 0 {
                    cell.marks = Marks::expiring(u64::from(kind) << 40);
                }
                (Bytes::from(key), cell)
            })
            .collect();
        let mut builder = SegmentBuilder::new(Id([1; 16]));
        cells.iter().for_each(|(key, cell)| builder.push(key, cell, None));
        let (record, entry) = builder.finish();
        prop_assert_eq!(entry.records + entry.tombstones, cells.len() as u64);
        let mut expiry = Expiry::default();
        cells.values().for_each(|cell| expiry.add(expiry_of(cell.marks.as_slice())));
        prop_assert_eq!(entry.expiry, expiry);
        let read = |record: Bytes| {
            let segment = Segment::open(Id([1; 16]), &record, fill(0))?;
            let mut out = BTreeMap::new();
            for at in 0..segment.pages() {
                let page = segment.page(at)?;
                out.extend((0..page.len()).map(|i| (page.key_bytes(i), page.cell(i).unwrap())));
            }
            Ok::<_, patchstore::Error>(out)
        };
        prop_assert_eq!(&read(record.clone()).unwrap(), &cells);
        let segment = Segment::open(Id([1; 16]), &record, fill(0)).unwrap();
        for (key, cell) in &cells {
            let page = segment.page(segment.page_of(key)).unwrap();
            let found = page.cell(page.lower_bound(key));
            prop_assert_eq!(found.as_ref(), Some(cell));
        }
        spoil(&record, |record| read(record).is_ok());
    }

    #[test]
    fn what_is_not_known_is_refused_or_kept(payload in bytes(20), odd: bool, at in 0..5usize) {
        // Of an entry in a run, of one in a page, of a reference to a page, of root and head.
        let tag = if odd { TEST_SKIPPABLE } else { TEST_NEEDED };
        let given = tags(tag, &payload);
        let more_at = |place: usize| if at == place { given.clone() } else { Tags::default() };
        let (id, incarnation) = (Id([7; 16]), Id([8; 16]));
        let entry = |more: Tags| Entry {
            id: Id([9; 16]),
            first: Bytes::from_static(b"a"),
            last: Bytes::from_static(b"b"),
            holes: Holes::default(),
            pieces: false,
            fill: fill(0),
            records: 1,
            tombstones: 0,
            bytes: 2,
            stored: 3,
            expiry: Expiry::default(),
            more,
        };
        let (page, reference) = encode_directory_page(id, &[entry(more_at(1))]);
        let reference = reference.map(|page| PageRef { more: more_at(2), ..page });
        let root = Root {
            epoch: 1,
            runs: vec![vec![entry(more_at(0))]],
            levels: vec![reference.into_iter().collect()],
            garbage: Vec::new(),
            catalog: None,
            more: more_at(3),
        };
        let head = Head { more: more_at(4), ..Head::new(incarnation) };
        let decoded = (
            decode_directory_page(id, &page),
            Root::decode(incarnation, &root.encode(incarnation)),
            Head::decode(&head.encode()),
        );
        let errors = [
            decoded.0.as_ref().err(),
            decoded.1.as_ref().err(),
            decoded.2.as_ref().err(),
        ];
        let codes: Vec<Code> = errors.into_iter().flatten().map(Error::code).collect();
        if odd {
            prop_assert_eq!(codes, []);
            prop_assert_eq!(&decoded.0.unwrap()[0].more, &more_at(1));
            prop_assert_eq!(decoded.1.unwrap(), root);
            prop_assert_eq!(decoded.2.unwrap(), head);
        } else {
            prop_assert_eq!(codes, [Code::UnsupportedFormat]);
        }
    }

    #[test]
    fn a_frame_is_told_by_its_header_whatever_it_holds(needed: bool, sealed: bool, catalog in 0..2u64) {
        let tag = if needed { TEST_NEEDED } else { TEST_SKIPPABLE };
        let record = forged_frame(&tags(tag, b"payload"), catalog, if sealed { 7 } else { 0 }, b"\x07?");
        let frame = frame::open(&record).unwrap();
        prop_assert_eq!((frame.header.generation, frame.header.sequence, frame.header.catalog), (5, 9, catalog));
        let code = frame.batch().unwrap_err().code();
        let expected = if sealed && !needed {
            Code::Encrypted
        } else if needed {
            Code::UnsupportedFormat
        } else {
            Code::Corrupt
        };
        prop_assert_eq!(code, expected);
        let plain = forged_frame(&tags(TEST_SKIPPABLE, b"payload"), 0, 0, &[0, 0]);
        prop_assert_eq!(frame::open(&plain).unwrap().batch().unwrap(), Batch::default());
    }

    #[test]
    fn noise_is_refused(noise in vec(any::<u8>(), 0..300)) {
        let noise = Bytes::from(noise);
        prop_assert!(Head::decode(&noise).is_err());
        prop_assert!(Root::decode(Id([8; 16]), &noise).is_err());
        prop_assert!(decode_directory_page(Id([7; 16]), &noise).is_err());
        prop_assert!(frame::open(&noise).is_err());
        prop_assert!(Segment::open(Id([1; 16]), &noise, fill(0)).is_err());
    }
}

/// A frame of generation 5 and sequence 9 with any tags, under any key, with any body.
fn forged_frame(tags: &Tags, catalog: u64, key_id: u8, body: &[u8]) -> Bytes {
    let mut out = seal::start(Record::FRAME, 100);
    out[4] = key_id;
    out.extend([1; 16]);
    put_varint(&mut out, 5);
    out.extend([2; 16]);
    for number in [9, 0, 0, catalog] {
        put_varint(&mut out, number);
    }
    tags.put(&mut out);
    out.extend_from_slice(body);
    seal::finish(Record::FRAME, out)
}

#[test]
fn a_frame_says_that_it_changes_the_catalog_and_a_head_knows_no_change_to_come() {
    let put = |key: &'static [u8], value| {
        Op::Put(OpKey::plain(Bytes::from_static(key)), value, Marks::NONE)
    };
    let small = || OpValue::Inline(Bytes::from_static(b"value"));
    let piece = OpValue::Piece(PieceRef {
        id: Id([7; 16]),
        len: 9,
        shared: false,
    });
    let cited = |first: &'static [u8]| {
        let mut builder = SegmentBuilder::new(Id([1; 16]));
        builder.push(
            &Bytes::from_static(first),
            &Cell::inline(Bytes::new()),
            None,
        );
        builder.push(
            &Bytes::from_static(b"\x20"),
            &Cell::inline(Bytes::new()),
            None,
        );
        vec![builder.finish().1]
    };
    let delete = Op::Delete(OpKey::plain(Bytes::from_static(b"\x0f")));
    let everything = Op::DeleteRange(KeyRange::everything());
    for (run, ops, changes_catalog, is_fine) in [
        (vec![], vec![put(b"\x01k", small())], true, true),
        (vec![], vec![put(b"\x01k", small())], false, false),
        (vec![], vec![put(b"\x10k", small())], false, true),
        (vec![], vec![delete], false, false),
        (vec![], vec![everything], false, true),
        (vec![], vec![put(b"\x01k", piece)], true, false),
        (cited(b"\x0fk"), vec![], true, false),
        (cited(b""), vec![], true, false),
        (cited(b"\x10"), vec![], true, true),
    ] {
        let batch = Batch {
            run,
            ops,
            stamps: 0,
            changes_catalog,
        };
        let frame = frame::encode(
            &frame::open(&frame::void(Id([1; 16]))).unwrap().header,
            &batch,
        );
        let decoded = frame::open(&frame).unwrap().batch();
        let code = decoded
            .map(|decoded| assert_eq!(decoded, batch))
            .err()
            .map(|error| error.code());
        assert_eq!(code, (!is_fine).then_some(Code::Corrupt), "{batch:?}");
    }
    let mut head = Head {
        position: 7,
        catalog: Some(7),
        ..Head::new(Id([1; 16]))
    };
    assert_eq!(Head::decode(&head.encode()).unwrap(), head);
    head.catalog = Some(8);
    assert!(head.check().is_err());
    assert_eq!(
        Head::decode(&head.encode()).unwrap_err().code(),
        Code::Corrupt
    );
}

#[test]
fn flags_and_stores_that_are_not_given_out_are_unsupported() {
    let id = Id([7; 16]);
    // An entry of the directory: with a flag that there is not, and one that promises a stamp and has none.
    for (flag, code) in [(0x40, Code::UnsupportedFormat), (0x10, Code::Corrupt)] {
        let mut out = seal::start(Record::directory(id), 100);
        out.push(1);
        out.extend([9; 16]);
        put_bytes(&mut out, b"a");
        put_bytes(&mut out, b"b");
        out.push(flag);
        out.extend([0; 5]);
        let record = seal::finish(Record::directory(id), out);
        let error = decode_directory_page(id, &record).unwrap_err();
        assert_eq!(error.code(), code, "{flag:#x}");
    }
    // One operation, of a code or with a flag that there is not.
    for first in [
        0x00, 0x04, 0x21, 0x29, 0x31, 0x39, 0x41, 0x0A, 0x82, 0x42, 0x07, 0x0B, 0x83,
    ] {
        let body = [&[0, 1, first][..], &[0; 40]].concat();
        let frame = forged_frame(&Tags::default(), 0, 0, &body);
        let error = frame::open(&frame).unwrap().batch().unwrap_err();
        assert_eq!(error.code(), Code::UnsupportedFormat, "{first:#04x}");
    }
    // A mark that must be known.
    let body = [0, 1, 0x81, 1, b'k', 4, 0x80, 0x80, 4, 0, 0];
    let frame = forged_frame(&Tags::default(), 0, 0, &body);
    let error = frame::open(&frame).unwrap().batch().unwrap_err();
    assert_eq!(error.code(), Code::UnsupportedFormat);
    // No runs, no levels, one record of garbage in store 2.
    let mut out = seal::start(Record::root(id), 100);
    out.extend([1, 0, 0, 1, 2]);
    out.extend([9; 16]);
    out.extend([0, 0, 0]);
    let error = Root::decode(id, &seal::finish(Record::root(id), out)).unwrap_err();
    assert_eq!(error.code(), Code::UnsupportedFormat);
}

#[test]
fn a_head_may_remember_more_writers_than_this_library_does() {
    let mut head = Head::new(Id([1; 16]));
    head.writers = (0..MAX_WRITERS as u8 + 9)
        .map(|n| (Id([n; 16]), 7))
        .collect();
    assert_eq!(Head::decode(&head.encode()).unwrap(), head);
    head.writers.push((Id([3; 16]), 8));
    assert_eq!(
        Head::decode(&head.encode()).unwrap_err().code(),
        Code::Corrupt
    );
}

#[test]
fn a_record_under_another_name_is_corrupt() {
    let (one, other) = (Id([1; 16]), Id([2; 16]));
    let mut builder = SegmentBuilder::new(one);
    builder.push(
        &Bytes::from_static(b"key"),
        &Cell::inline(Bytes::from_static(b"value")),
        None,
    );
    let (segment, entry) = builder.finish();
    let (page, _) = encode_directory_page(one, &[entry]);
    let root = Root {
        epoch: 1,
        ..Root::default()
    }
    .encode(one);
    assert!(Segment::open(one, &segment, fill(0)).is_ok());
    assert!(decode_directory_page(one, &page).is_ok());
    assert!(Root::decode(one, &root).is_ok());
    let codes = [
        Segment::open(other, &segment, fill(0)).map(drop),
        decode_directory_page(other, &page).map(drop),
        Root::decode(other, &root).map(drop),
    ]
    .map(|outcome| outcome.unwrap_err().code());
    assert_eq!(codes, [Code::Corrupt; 3]);
}

#[test]
fn holes_do_not_tell_of_their_call() {
    let made = |call: u64, of: u64| {
        let mut builder = SegmentBuilder::new(Id([1; 16]));
        let order = |slot| Order {
            frame: PROVISIONAL + of,
            slot,
        };
        for slot in 0..3_000 {
            let key = [&b"doc-"[..], &order(slot).to_bytes()].concat();
            let stamp = stamp::hole(order(slot)).to_bytes();
            let value = match slot % 3 {
                0 => order(slot).to_bytes().to_vec(),
                1 => [&[stamp::STAMPED, 0][..], &stamp].concat(),
                _ => vec![7; 40],
            };
            builder.push(&key, &Cell::inline(value.into()), Some(call));
        }
        builder.finish()
    };
    let (record, entry) = made(0, 0);
    let own = made(7, 7);
    assert_eq!((&own.0, &own.1), (&record, &entry));
    assert!(entry.holes.any && entry.holes.first && entry.holes.last);
    let (_, entry) = made(7, 8);
    assert!(!entry.holes.any && !entry.holes.first && !entry.holes.last);
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
        builder.push(&key, &Cell::inline(value), Some(0));
    }
    let (record, mut entry) = builder.finish();
    assert!(entry.holes.any && entry.holes.first && entry.holes.last);
    entry.resolve(fill(42));
    let page = Segment::open(Id([1; 16]), &record, fill(42))
        .unwrap()
        .page(0)
        .unwrap();
    assert_eq!(page.key_bytes(0), entry.first);
    assert_eq!(page.key_bytes(2), entry.last);
    let order = Order { frame: 42, slot: 2 };
    assert_eq!(page.key(2)[4..], order.to_bytes());
    assert_eq!(
        page.cell(2),
        Some(Cell::inline(Bytes::copy_from_slice(&order.to_bytes())))
    );
}
