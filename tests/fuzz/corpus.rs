//! Inputs that nobody has written.

use super::targets::Target;

/// Numbers that decoders trip over.
const EDGES: [u64; 9] = [
    0,
    1,
    0x7f,
    0x80,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    u64::MAX - 8,
    u64::MAX,
];

/// The next input for a decoder: noise now and then, else a valid one that was changed, mostly sealed
/// anew.
pub fn input(rng: &mut fastrand::Rng, target: &Target) -> Vec<u8> {
    if rng.u8(..20) == 0 {
        return (0..rng.usize(..200)).map(|_| rng.u8(..)).collect();
    }
    let mut bytes = target.seeds[rng.usize(..target.seeds.len())].clone();
    for _ in 0..rng.usize(..4) {
        change(rng, &mut bytes);
    }
    if rng.u8(..8) > 0 {
        (target.seal)(&mut bytes);
    }
    bytes
}

fn change(rng: &mut fastrand::Rng, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    let at = rng.usize(..bytes.len());
    let upto = at + rng.usize(..=(bytes.len() - at).min(16));
    match rng.u8(..7) {
        0 => bytes[at] ^= 1 << rng.u8(..8),
        1 => bytes[at] = rng.u8(..),
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(at..upto)),
        4 => {
            let piece = bytes[at..upto].to_vec();
            let into = rng.usize(..=bytes.len());
            drop(bytes.splice(into..into, piece));
        }
        // A number at the edge, as fixed bytes or as a varint.
        5 => {
            let number = EDGES[rng.usize(..EDGES.len())].to_le_bytes();
            let end = (at + rng.usize(1..=8)).min(bytes.len());
            bytes[at..end].copy_from_slice(&number[..end - at]);
        }
        _ => {
            let mut varint = Vec::new();
            patchstore::codec::io::put_varint(&mut varint, EDGES[rng.usize(..EDGES.len())]);
            drop(bytes.splice(at..=at, varint));
        }
    }
}
