use super::*;
use crate::codec::order::{ORDER_BYTES, Order, PROVISIONAL};

#[test]
fn cells_that_overlap_are_refused() {
    // Where cells overlapped, filling the hole of one changed the value of another, or its length: then
    // it counted as absent.
    let hole = Order {
        frame: PROVISIONAL,
        slot: 0,
    };
    let within = [
        &[KEY_HOLE, 1 + ORDER_BYTES as u8, b'b'],
        &hole.to_bytes()[..],
    ]
    .concat();
    let around = [&[INLINE, 1, b'a', within.len() as u8], &within[..]].concat();
    let page = |cells: &[(u32, &[u8])]| {
        let mut out = (cells.len() as u32).to_le_bytes().to_vec();
        let offsets = cells.iter().flat_map(|(offset, _)| offset.to_le_bytes());
        out.extend(offsets);
        out.extend(cells.iter().flat_map(|(_, cell)| *cell));
        Page::decode(out, 7)
    };
    let end = 12 + around.len() as u32;
    assert!(page(&[(12, &around), (end, &within)]).is_ok());
    assert!(page(&[(12, &around), (12 + 4, &[])]).is_err());
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
                &Cell::Inline(Bytes::copy_from_slice(key)),
                CellHoles::default(),
            );
        }
        let page = Page::decode(builder.take(), 0).unwrap();
        for (at, key) in keys.iter().enumerate() {
            assert_eq!(page.lower_bound(key), at);
            assert_eq!(
                page.cell(at),
                Some(Cell::Inline(Bytes::copy_from_slice(key)))
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
    // The Blobs beside a value count.
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
        let piece = Cell::Piece(PieceRef { id, len });
        builder.push(b"large", &piece, CellHoles::default());
        let small = Cell::Inline(Bytes::from_static(b"value"));
        builder.push(b"small", &small, CellHoles::default());
        let page = Page::decode(builder.take(), 0).unwrap();
        assert_eq!(page.cell(0), Some(piece));
        assert_eq!(page.cell(1), Some(small));
    }
}
