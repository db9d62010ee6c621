use super::super::page_builder::{CellHoles, PageBuilder};
use super::*;
use crate::codec::order::{Order, PROVISIONAL};
use crate::error::Code;

fn code_of(page: Vec<u8>) -> Option<Code> {
    Page::decode(
        page,
        Fill {
            frame: 7,
            ..Fill::default()
        },
    )
    .err()
    .map(|error| error.code())
}

#[test]
fn cells_follow_one_another_to_the_end_of_the_page() {
    let hole = Order {
        frame: PROVISIONAL,
        slot: 0,
    };
    let inner = [
        &[flag::KEY_HOLE, 1 + ORDER_BYTES as u8, b'b'],
        &hole.to_bytes()[..],
    ]
    .concat();
    let outer = [&[flag::INLINE, 1, b'a', inner.len() as u8], &inner[..]].concat();
    let page = |count: u8, cells: &[&[u8]]| [&[count][..], &cells.concat()].concat();
    assert_eq!(code_of(page(2, &[&outer, &inner])), None);
    assert_eq!(code_of(page(1, &[&outer])), None);
    assert_eq!(code_of(page(2, &[&outer])), Some(Code::Corrupt));
    assert_eq!(code_of(page(1, &[&outer, &[0]])), Some(Code::Corrupt));
    assert_eq!(code_of(page(2, &[&inner, &outer])), Some(Code::Corrupt));
    assert_eq!(code_of(Vec::new()), Some(Code::Corrupt));
    assert_eq!(code_of(vec![0]), None);
    assert_eq!(code_of(vec![0, 0]), Some(Code::Corrupt));
}

#[test]
fn a_hole_is_an_order_and_nothing_else() {
    // Filling it would overwrite what precedes it: marks, or the id of a piece.
    let order = Order {
        frame: PROVISIONAL,
        slot: 3,
    };
    let rightful = [&[1, 0x09, 1, b'k', 12][..], &order.to_bytes()].concat();
    assert_eq!(code_of(rightful), None);
    let marked = [
        &[1, 0x19, 1, b'k', 15, 3, 13][..],
        &order.to_bytes(),
        &[0, 0],
    ]
    .concat();
    assert_eq!(code_of(marked), Some(Code::Corrupt));
    let piece = [&[1, 0x0A, 1, b'k'][..], &[7; 4], &order.to_bytes(), &[9]].concat();
    assert_eq!(code_of(piece), Some(Code::Corrupt));
    assert_eq!(code_of(vec![1, 0x08, 1, b'k']), Some(Code::Corrupt));
}

#[test]
fn what_is_not_known_is_unsupported() {
    for flags in [0x20, 0x40, 0x80, 0x10] {
        let code = code_of(vec![1, flags, 1, b'k', 0]);
        assert_eq!(code, Some(Code::UnsupportedFormat), "{flags:#x}");
    }
    // A needed tag in the marks: 2^16.
    let marked = vec![1, 0x11, 1, b'k', 4, 0x80, 0x80, 4, 0, 0];
    assert_eq!(code_of(marked), Some(Code::UnsupportedFormat));
    // A skippable one is kept.
    let kept = [1, 0x11, 1, b'k', 4, 0x81, 0x80, 4, 0, 1, b'v'];
    let page = Page::decode(kept.to_vec(), Fill::default()).unwrap();
    let cell = page.cell(0).unwrap();
    assert_eq!(cell.value, Value::Inline(Bytes::from_static(b"v")));
    let mut builder = PageBuilder::default();
    builder.push(b"k", &cell, CellHoles::default());
    assert_eq!(builder.take(), kept);
}

#[test]
fn every_key_is_found_and_what_is_between_too() {
    let keys = |names: &[&str]| -> Vec<Vec<u8>> {
        names.iter().map(|name| name.as_bytes().to_vec()).collect()
    };
    for keys in [
        keys(&["one"]),
        keys(&["", "a", "a\0", "a\0\0\0\0\0", "ab"]),
        keys(&[
            "same/1",
            "same/10",
            "same/100",
            "same/1000000",
            "same/1000001",
            "same/2",
        ]),
        keys(&["same", "same\0", "same\u{1}aaaa", "same\u{1}aaaab"]),
    ] {
        let mut builder = PageBuilder::default();
        for key in &keys {
            builder.push(
                key,
                &Cell::inline(Bytes::copy_from_slice(key)),
                CellHoles::default(),
            );
        }
        let page = Page::decode(builder.take(), Fill::default()).unwrap();
        for (at, key) in keys.iter().enumerate() {
            assert_eq!(page.lower_bound(key), at);
            assert_eq!(
                page.cell(at),
                Some(Cell::inline(Bytes::copy_from_slice(key)))
            );
            for end in 0..key.len() {
                let shorter = &key[..end];
                let expected = keys.iter().filter(|known| known[..] < *shorter).count();
                assert_eq!(page.lower_bound(shorter), expected, "{shorter:?}");
                let beyond = [shorter, b"\xff"].concat();
                let expected = keys.iter().filter(|known| **known < beyond).count();
                assert_eq!(page.lower_bound(&beyond), expected, "{beyond:?}");
            }
        }
    }
}

#[test]
fn a_piece_may_be_longer_than_memory() {
    // The length includes the Blobs beside the value.
    for len in [
        u64::from(u32::MAX),
        1 << 32,
        5 << 30,
        1 << 35,
        1 << 63,
        u64::MAX,
    ] {
        let id = Id([7; 16]);
        let mut builder = PageBuilder::default();
        let piece = Cell::piece(PieceRef {
            id,
            len,
            shared: len % 2 == 1,
        });
        builder.push(b"large", &piece, CellHoles::default());
        let small = Cell::inline(Bytes::from_static(b"value"));
        builder.push(b"small", &small, CellHoles::default());
        let page = Page::decode(builder.take(), Fill::default()).unwrap();
        assert_eq!(page.cell(0), Some(piece));
        assert_eq!(page.cell(1), Some(small));
    }
}
