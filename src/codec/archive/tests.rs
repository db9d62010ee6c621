use super::chunk::{self, Chunk, Kind, MAX_DECODED_BYTES, pack, unpack};
use super::contents::{Beginning, Totals};
use super::splitter::{Part, Splitter};
use super::*;
use crate::codec::head::Head;
use crate::error::Code;
use proptest::prelude::*;

fn header(keys: &'static [u8]) -> Header {
    Header {
        id: Id([7; 16]),
        keys: Bytes::from_static(keys),
    }
}

#[test]
fn a_header_comes_back_and_no_byte_of_it_can_change() {
    for header in [header(b""), header(b"a table")] {
        let bytes = header.encode();
        assert_eq!(Header::decode(&bytes).unwrap(), header);
        for cut in 0..bytes.len() {
            assert!(Header::decode(&bytes.slice(..cut)).is_err(), "cut at {cut}");
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.to_vec();
                changed[at] ^= 1 << bit;
                let error = Header::decode(&changed.into()).unwrap_err();
                let expected = if at < 9 {
                    Code::UnsupportedFormat
                } else {
                    Code::Corrupt
                };
                assert_eq!(error.code(), expected, "at {at}");
            }
        }
    }
}

#[test]
fn what_is_no_archive_is_told_by_its_first_bytes() {
    let code = |bytes: &'static [u8]| Header::len_of(bytes).map_err(|error| error.code());
    assert_eq!(code(b"{\"a\": 1}"), Err(Code::UnsupportedFormat));
    assert_eq!(code(b""), Ok(None));
    assert_eq!(code(b"\x89PS"), Ok(None));
    assert_eq!(code(b"\x89PSX"), Err(Code::UnsupportedFormat));
    let mut splitter = Splitter::default();
    assert_eq!(splitter.part().unwrap(), None);
    assert_eq!(splitter.end().unwrap_err().code(), Code::UnsupportedFormat);
}

#[test]
fn lengths_are_refused_before_memory_is_taken() {
    let mut table = header(b"").encode().to_vec();
    table[26..30].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(Header::len_of(&table).unwrap_err().code(), Code::Corrupt);
    let mut long = (u32::MAX).to_le_bytes().to_vec();
    long.push(Kind::Cells as u8);
    assert_eq!(chunk::frame_of(&long).unwrap_err().code(), Code::Corrupt);
    assert_eq!(Kind::of(6).unwrap_err().code(), Code::Corrupt);
    let mut bomb = Vec::new();
    crate::codec::io::put_varint(&mut bomb, MAX_DECODED_BYTES as u64 + 1);
    bomb.extend([0; 20_000]);
    assert_eq!(unpack(&bomb.into()).unwrap_err().code(), Code::Corrupt);
    let mut bomb = Vec::new();
    crate::codec::io::put_varint(&mut bomb, 1 << 20);
    bomb.extend([0; 10]);
    assert_eq!(unpack(&bomb.into()).unwrap_err().code(), Code::Corrupt);
}

fn parts(splitter: &mut Splitter) -> Vec<Part> {
    std::iter::from_fn(|| splitter.part().unwrap()).collect()
}

#[test]
fn a_stream_is_split_the_same_however_it_comes() {
    let mut stream = header(b"").encode().to_vec();
    for (kind, length) in [(Kind::Beginning, 9), (Kind::Cells, 300), (Kind::End, 20)] {
        stream.extend(chunk::start(kind, length));
        stream.extend(vec![kind as u8; length]);
    }
    let mut whole = Splitter::default();
    whole.push(&stream);
    let expected = parts(&mut whole);
    assert_eq!(expected.len(), 4);
    assert!(matches!(
        &expected[2],
        Part::Chunk(Chunk {
            number: 1,
            kind: Kind::Cells,
            ..
        })
    ));
    whole.end().unwrap();
    for step in [1, 7, 100] {
        let (mut splitter, mut found) = (Splitter::default(), Vec::new());
        for piece in stream.chunks(step) {
            assert!(splitter.end().is_err());
            splitter.push(piece);
            found.extend(parts(&mut splitter));
        }
        assert_eq!(found, expected);
        splitter.end().unwrap();
    }
    whole.push(b"x");
    assert_eq!(whole.part().unwrap_err().code(), Code::Corrupt);
}

#[test]
fn an_archive_begins_once_and_at_its_beginning() {
    for kinds in [&[Kind::Cells][..], &[Kind::Beginning, Kind::Beginning]] {
        let mut splitter = Splitter::default();
        splitter.push(&header(b"").encode());
        for kind in kinds {
            splitter.push(&chunk::start(*kind, 0));
        }
        let failed = std::iter::from_fn(|| splitter.part().transpose()).find_map(Result::err);
        assert_eq!(failed.unwrap().code(), Code::Corrupt);
    }
}

#[test]
fn what_holds_of_a_patch_comes_back() {
    let mut head = Head::new(Id([0; 16]));
    head.clock = Some(5);
    (head.base, head.position) = (3, 9);
    let beginning = Beginning {
        head,
        expected: 77,
        with_log: true,
    };
    let encoded = beginning.encode();
    assert_eq!(Beginning::decode(encoded.into()).unwrap(), beginning);
    for (base, position) in [(u64::MAX, 1), (1 << 62, 0), (0, 1 << 62)] {
        let mut far = beginning.clone();
        (far.head.base, far.head.position) = (base, position);
        let error = Beginning::decode(far.encode().into()).unwrap_err();
        assert_eq!(error.code(), Code::Corrupt);
    }
    let totals = Totals {
        cells: 1,
        large: 2,
        bytes: u64::MAX,
    };
    assert_eq!(Totals::decode(totals.encode().into()).unwrap(), totals);
}

proptest! {
    #[test]
    fn what_is_packed_comes_back(bytes: Vec<u8>, times in 1_usize..50) {
        let plain = bytes.repeat(times);
        prop_assert_eq!(unpack(&pack(&plain).into()).unwrap(), plain);
    }

    #[test]
    fn noise_is_never_taken_for_more_than_it_is(noise: Vec<u8>) {
        if let Ok(plain) = unpack(&noise.clone().into()) {
            prop_assert!(plain.len() <= noise.len() * 256);
        }
    }
}
