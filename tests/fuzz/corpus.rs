//! Inputs that nobody has written.

use super::targets::Target;

/// Numbers that decoders trip over.
const EDGES: [u64; 10] = [
    0,
    1,
    0x7f,
    0x80,
    0xffff,
    4 << 20,
    0x7fff_ffff,
    0xffff_ffff,
    u64::MAX - 8,
    u64::MAX,
];

/// What means something to one decoder or another: pieces of characters, escapes, a hole, a number
/// without need long, containers of many elements.
const WORDS: [&[u8]; 14] = [
    b"\x00\xff",
    b"\xed\xa0\xbd",
    b"\xed\xb8\x80",
    b"\xf0\x9f\x98\x80",
    b"\\u",
    b"\"",
    b"[",
    b"{\"a\":",
    b"\x80\0\0\0\0\0\0\0\0\0\0\x01",
    b"\x81\x80\x80\0",
    b"\x0c\x40",
    b"\x0d\x40\x01a",
    b"\x0e\x40",
    b"\x0f\x01",
];

/// What an input is, and so what is to become of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As encoded: has to be accepted.
    Valid,
    /// Cut or with one bit flipped, as rot does it: where there is a check, it has to be refused.
    Rotten,
    /// Anything.
    Forged,
}

/// The next input for a decoder: as written, rotten, noise, or forged, mostly with its checks made
/// right.
pub fn input(rng: &mut fastrand::Rng, target: &Target) -> (Kind, Vec<u8>) {
    let kind = rng.u8(..20);
    if kind == 0 {
        return (Kind::Forged, bytes(rng, 200));
    }
    let mut input = (target.make)(rng);
    match kind {
        1 | 2 => (Kind::Valid, input),
        3..7 if !input.is_empty() => {
            rot(rng, &mut input);
            (Kind::Rotten, input)
        }
        _ => {
            for _ in 0..rng.usize(1..4) {
                forge(rng, &mut input);
            }
            if rng.u8(..8) > 0 {
                (target.seal)(&mut input);
            }
            (Kind::Forged, input)
        }
    }
}

/// Up to so many bytes.
pub fn bytes(rng: &mut fastrand::Rng, most: usize) -> Vec<u8> {
    (0..rng.usize(..=most)).map(|_| rng.u8(..)).collect()
}

/// Other bytes made of some, as rot makes them or a forger.
pub fn changed(rng: &mut fastrand::Rng, mut bytes: Vec<u8>) -> Vec<u8> {
    if rng.u8(..20) == 0 {
        return self::bytes(rng, 200);
    }
    if rng.u8(..4) == 0 && !bytes.is_empty() {
        rot(rng, &mut bytes);
    } else {
        for _ in 0..rng.usize(1..4) {
            forge(rng, &mut bytes);
        }
    }
    bytes
}

fn rot(rng: &mut fastrand::Rng, bytes: &mut Vec<u8>) {
    let at = rng.usize(..bytes.len());
    if rng.bool() {
        bytes.truncate(at);
    } else {
        bytes[at] ^= 1 << rng.u8(..8);
    }
}

/// A place, often near an end: there lie headers and indexes.
fn place(rng: &mut fastrand::Rng, len: usize) -> usize {
    let near = rng.usize(..len.min(64));
    match rng.u8(..4) {
        0 => near,
        1 => len - 1 - near,
        _ => rng.usize(..len),
    }
}

fn forge(rng: &mut fastrand::Rng, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    let at = place(rng, bytes.len());
    let upto = at + rng.usize(..=(bytes.len() - at).min(16));
    match rng.u8(..11) {
        0 | 1 => bytes[at] ^= 1 << rng.u8(..8),
        2 => bytes[at] = rng.u8(..),
        3 => bytes[at] = bytes[at].wrapping_add(rng.u8(..5).wrapping_sub(2)),
        4 => bytes.truncate(at),
        5 => drop(bytes.drain(at..upto)),
        6 => {
            let piece = bytes[at..upto].repeat(rng.usize(1..4));
            let into = rng.usize(..=bytes.len());
            drop(bytes.splice(into..into, piece));
        }
        7 => {
            let end = (at + 16).min(bytes.len());
            bytes[at..end].fill(rng.u8(..));
        }
        8 => {
            let times = if rng.u8(..4) == 0 {
                rng.usize(..1500)
            } else {
                1
            };
            let word = WORDS[rng.usize(..WORDS.len())].repeat(times);
            drop(bytes.splice(at..at, word));
        }
        // A number at the edge, as fixed bytes or as a varint.
        9 => {
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
