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
