//! The decoders, and valid inputs of each to begin with.

use bytes::Bytes;
use patchstore::backend::{Id, Key};
use patchstore::codec::batch::{Batch, Op, OpKey, OpValue};
use patchstore::codec::cell::{Cell, PieceRef};
use patchstore::codec::entry::{Entry, Holes};
use patchstore::codec::frame::{self, FrameHeader};
use patchstore::codec::head::Head;
use patchstore::codec::io::Input;
use patchstore::codec::js_string::{JsString, json};
use patchstore::codec::page::Page;
use patchstore::codec::root::{Garbage, Root, decode_directory_page, encode_directory_page};
use patchstore::codec::seal::{self, Kind, checksum};
use patchstore::codec::segment::{Segment, SegmentBuilder};
use patchstore::codec::tuple;
use patchstore::codec::value::fields::{FieldName, Fields, Items};
use patchstore::codec::value::tree::Value;
use patchstore::codec::value::{Form, from_json};
use patchstore::engine::access::KeyRange;

/// A decoder.
pub struct Target {
    pub name: &'static str,
    /// Decodes as much as it can; whether it found nothing wrong.
    pub decode: fn(&[u8]) -> bool,
    /// Valid inputs.
    pub seeds: Vec<Vec<u8>>,
    /// Makes the checks of a changed input right again.
    pub seal: fn(&mut [u8]),
}

/// All of them.
pub fn all() -> Vec<Target> {
    let target = |name, decode, seeds, seal| Target {
        name,
        decode,
        seeds,
        seal,
    };
    vec![
        target("head", head, vec![a_head()], reseal),
        target("root", root, vec![a_root()], reseal),
        target("directory", directory, vec![a_directory()], reseal),
        target("frame", a_frame_decodes, vec![a_frame()], reseal),
        target("piece", piece, vec![a_piece()], reseal),
        target("segment", segment, vec![a_segment()], reseal_index),
        target("page", page, vec![a_page()], |_| {}),
        target(
            "input",
            varints,
            vec![vec![0x80, 1, 5, 1, 2, 3, 4, 5]],
            |_| {},
        ),
        target("value", value, values(), |_| {}),
        target("tuple", strings_of_a_key, vec![a_key()], |_| {}),
        target(
            "json string",
            quoted,
            vec![b"\"a\\u00e9\\n\\ud83d\\ude00\"".to_vec()],
            |_| {},
        ),
        target(
            "wtf-8",
            wtf8,
            vec!["aé€😀".as_bytes().to_vec(), vec![0xed, 0xa0, 0x80]],
            |_| {},
        ),
    ]
}

/// The last eight bytes are the check of everything before.
fn reseal(record: &mut [u8]) {
    let Some(split) = record.len().checked_sub(8) else {
        return;
    };
    let check = checksum(&record[..split]).to_le_bytes();
    record[split..].copy_from_slice(&check);
}

/// A segment ends with its index, the index's length and their check.
fn reseal_index(record: &mut [u8]) {
    let Some(split) = record.len().checked_sub(8) else {
        return;
    };
    let length = record[..split]
        .last_chunk::<4>()
        .map(|len| u32::from_le_bytes(*len) as usize);
    let from = length
        .and_then(|len| split.checked_sub(len + 4))
        .unwrap_or(0);
    let check = checksum(&record[from..split]).to_le_bytes();
    record[split..].copy_from_slice(&check);
}

fn bytes(input: &[u8]) -> Bytes {
    Bytes::copy_from_slice(input)
}

fn an_entry(first: &'static [u8], last: &'static [u8]) -> Entry {
    Entry {
        id: Id([9; 16]),
        first: first.into(),
        last: last.into(),
        holes: Holes::default(),
        pieces: true,
        fill: 300,
        records: 2,
        tombstones: 1,
        bytes: 5000,
        stored: 4000,
    }
}

fn a_head() -> Vec<u8> {
    let mut head = Head::new(Id([1; 16]));
    head.writers = vec![(Id([2; 16]), 7), (Id([3; 16]), 900)];
    head.encode().to_vec()
}

fn a_root() -> Vec<u8> {
    let (_, page) =
        encode_directory_page(Id([4; 16]), &[an_entry(b"a", b"b"), an_entry(b"c", b"d")]);
    let garbage = |key| Garbage {
        key,
        bytes: 77,
        epoch: 3,
    };
    let root = Root {
        epoch: 5,
        runs: vec![vec![an_entry(b"a", b"b")], vec![an_entry(b"c", b"d")]],
        levels: vec![page.into_iter().collect(), Vec::new()],
        garbage: vec![
            garbage(Key::Run(Id([5; 16]))),
            garbage(Key::Piece(Id([6; 16]))),
        ],
    };
    root.encode().to_vec()
}

fn a_directory() -> Vec<u8> {
    let entries = [an_entry(b"a", b"b"), an_entry(b"c", b"d")];
    encode_directory_page(Id([4; 16]), &entries).0.to_vec()
}

fn a_frame() -> Vec<u8> {
    let header = FrameHeader {
        incarnation: Id([1; 16]),
        generation: 2,
        writer: Id([3; 16]),
        sequence: 4,
        wall_ms: 1.7e12,
    };
    let key = || OpKey::plain(Bytes::from_static(b"key"));
    let range = KeyRange {
        from: Bytes::from_static(b"a"),
        until: Bytes::from_static(b"b"),
    };
    let piece = PieceRef {
        id: Id([8; 16]),
        len: 100_000,
    };
    let batch = Batch {
        run: vec![an_entry(b"a", b"b")],
        ops: vec![
            Op::Put(key(), OpValue::Inline(Bytes::from_static(b"value"))),
            Op::Put(key(), OpValue::Piece(piece)),
            Op::Delete(key()),
            Op::DeleteRange(range),
        ],
    };
    frame::encode(&header, &batch).to_vec()
}

fn a_piece() -> Vec<u8> {
    let mut out = seal::start(Kind::Piece, 100);
    out.extend_from_slice(b"a large value");
    seal::finish(out).to_vec()
}

fn a_segment() -> Vec<u8> {
    let mut builder = SegmentBuilder::new(Id([1; 16]));
    for n in 0..300u32 {
        let cell = match n % 7 {
            0 => Cell::Tombstone,
            1 => Cell::Piece(PieceRef {
                id: Id([n as u8; 16]),
                len: 70_000,
            }),
            _ => Cell::Inline(format!("value {n} ").repeat(20).into()),
        };
        builder.push(&format!("key-{n:05}").into(), &cell, false);
    }
    builder.finish().0.to_vec()
}

fn a_page() -> Vec<u8> {
    let mut builder = patchstore::codec::page::PageBuilder::default();
    let holes = patchstore::codec::page::CellHoles::default();
    builder.push(b"a", &Cell::Inline(Bytes::from_static(b"value")), holes);
    builder.push(b"b", &Cell::Tombstone, holes);
    builder.push(b"c", &Cell::Inline(Bytes::new()), holes);
    builder.take()
}

fn values() -> Vec<Vec<u8>> {
    let texts = [
        r#"{"a":[1,-2.5e3,null,true,{"b":"é\n"}],"":{}}"#,
        r#""text""#,
        "[[[[[1]]]]]",
        "12345678901234567890",
    ];
    let plain = texts.iter().map(|text| from_json(text.as_bytes()).to_vec());
    let exact = texts.iter().filter_map(|text| {
        let value = Value::decode(&from_json(text.as_bytes())).unwrap();
        value.encode().ok().map(|bytes| bytes.to_vec())
    });
    plain.chain(exact).collect()
}

fn a_key() -> Vec<u8> {
    let mut key = Vec::new();
    for text in ["store", "", "a\0b", "é😀"] {
        tuple::push_string(&mut key, text.into());
    }
    key
}

fn head(input: &[u8]) -> bool {
    Head::decode(&bytes(input)).is_ok()
}

fn root(input: &[u8]) -> bool {
    Root::decode(&bytes(input)).is_ok()
}

fn directory(input: &[u8]) -> bool {
    decode_directory_page(&bytes(input)).is_ok()
}

fn a_frame_decodes(input: &[u8]) -> bool {
    let decoded = frame::decode_header(&bytes(input)).and_then(|(_, mut rest)| {
        let mut batch = Batch::decode(&mut rest)?;
        batch.resolve(u64::MAX / 2);
        Ok(batch)
    });
    decoded.is_ok()
}

fn piece(input: &[u8]) -> bool {
    seal::open(Kind::Piece, &bytes(input)).is_ok()
}

fn segment(input: &[u8]) -> bool {
    let Ok(segment) = Segment::open(bytes(input), 42) else {
        return false;
    };
    let mut fine = true;
    // One page after the other, as the engine has them: not all at once.
    for at in 0..segment.pages().min(50) {
        fine &= segment.page(at).map(|page| walk(&page)).unwrap_or(false);
    }
    segment.page_of(b"key-00100") <= segment.pages() && fine
}

fn page(input: &[u8]) -> bool {
    Page::decode(input.to_vec(), 42)
        .map(|page| walk(&page))
        .unwrap_or(false)
}

fn walk(page: &Page) -> bool {
    let cells = (0..page.len()).all(|at| {
        let _ = (page.key(at), page.key_bytes(at), page.is_tombstone(at));
        page.cell(at).is_some()
    });
    page.lower_bound(b"key-00100") <= page.len() && cells && page.cell(page.len()).is_none()
}

fn varints(input: &[u8]) -> bool {
    let mut input = Input::new(bytes(input), "test");
    let read = (|| {
        input.varint()?;
        let count = input.count()?;
        (0..count).try_for_each(|_| input.u8().map(drop))?;
        input.end()
    })();
    read.is_ok()
}

fn value(input: &[u8]) -> bool {
    let Ok(form) = Form::of(input) else {
        return false;
    };
    let decoded = Value::decode(input);
    let name = FieldName::new("a".into());
    let _ = patchstore::codec::value::fields::field(form, &name);
    if let Ok(Some(mut fields)) = Fields::of(form) {
        while let Ok(Some((name, inner))) = fields.next() {
            let _ = (name.read(), Value::of_form(inner));
        }
    }
    if let Ok(Some(mut items)) = Items::of(form) {
        while let Ok(Some(inner)) = items.next() {
            let _ = (inner.number(), inner.string(), inner.is_undefined());
        }
    }
    if let Ok(value) = &decoded {
        // What decodes comes back as it was.
        let again = value.encode().and_then(|bytes| Value::decode(&bytes));
        let same = |other: &Value| patchstore::codec::value::compare::equal(value, other);
        assert!(again.as_ref().is_ok_and(same), "it changes on its way");
    }
    decoded.is_ok()
}

fn strings_of_a_key(input: &[u8]) -> bool {
    let mut rest = input;
    while !rest.is_empty() {
        let (Ok((_, left)), Ok((_, same))) = (tuple::read_string(rest), tuple::split_string(rest))
        else {
            return false;
        };
        assert_eq!(left, same);
        assert!(left.len() < rest.len());
        rest = left;
    }
    true
}

fn quoted(input: &[u8]) -> bool {
    json::read_quoted(input).is_ok()
}

fn wtf8(input: &[u8]) -> bool {
    let read = JsString::from_wtf8(input.to_vec());
    if let Ok(text) = &read {
        let units: Vec<u16> = text.as_js().units().collect();
        assert_eq!(JsString::from_units(&units).as_bytes(), input);
    }
    read.is_ok()
}
