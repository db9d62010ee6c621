//! Archives: their streams, what holds of a whole patch, and packed contents.

use super::{corpus, records};
use bytes::Bytes;
use fastrand::Rng;
use patchstore::codec::archive::chunk::{self, Kind, pack, unpack};
use patchstore::codec::archive::contents::{Beginning, Totals};
use patchstore::codec::archive::splitter::{Part, Splitter};
use patchstore::codec::archive::{FIXED, Header};
use patchstore::codec::head::Head;
use patchstore::codec::seal::checksum;

fn framed(kind: Kind, stored: &[u8]) -> Vec<u8> {
    let mut out = chunk::start(kind, stored.len());
    out.extend_from_slice(stored);
    out
}

pub fn a_stream(rng: &mut Rng) -> Vec<u8> {
    let header = Header {
        id: records::id(rng),
        keys: corpus::bytes(rng, 30).into(),
    };
    let mut out = header.encode().to_vec();
    out.extend(framed(Kind::Beginning, &corpus::bytes(rng, 20)));
    for _ in 0..rng.usize(..4) {
        let kind = [Kind::Cells, Kind::Large, Kind::More][rng.usize(..3)];
        out.extend(framed(kind, &corpus::bytes(rng, 40)));
    }
    out.extend(framed(Kind::End, &corpus::bytes(rng, 10)));
    out
}

/// Makes the check of the header right.
pub fn seal(stream: &mut [u8]) {
    let Ok(Some(len)) = Header::len_of(stream) else {
        return;
    };
    if let Some((covered, check)) = stream
        .get_mut(..len)
        .and_then(<[u8]>::split_last_chunk_mut::<8>)
    {
        *check = checksum(0, covered).to_le_bytes();
    }
}

pub fn stream(input: &[u8]) -> Option<Vec<u8>> {
    let mut splitter = Splitter::default();
    let mut out = Vec::with_capacity(input.len());
    for part in input.chunks(FIXED - 7) {
        splitter.push(part);
        while let Some(part) = splitter.part().ok()? {
            match part {
                Part::Header(header, bytes) => {
                    assert_eq!(header.encode(), bytes);
                    out.extend_from_slice(&bytes);
                }
                Part::Chunk(chunk) => out.extend(framed(chunk.kind, &chunk.stored)),
            }
        }
    }
    splitter.end().ok()?;
    Some(out)
}

pub fn a_beginning(rng: &mut Rng) -> Vec<u8> {
    let mut head = Head::new(records::id(rng));
    head.clock = rng.bool().then(|| records::number(rng));
    head.base = records::number(rng) >> 3;
    let beginning = Beginning {
        head,
        expected: records::number(rng),
        with_log: rng.bool(),
    };
    beginning.encode()
}

pub fn beginning(input: &[u8]) -> Option<Vec<u8>> {
    let found = Beginning::decode(Bytes::copy_from_slice(input)).ok()?;
    assert!(found.head.base.checked_add(found.head.position).is_some());
    Some(found.encode())
}

pub fn an_end(rng: &mut Rng) -> Vec<u8> {
    let totals = Totals {
        cells: records::number(rng),
        large: records::number(rng),
        bytes: records::number(rng),
    };
    totals.encode()
}

pub fn end(input: &[u8]) -> Option<Vec<u8>> {
    Some(Totals::decode(Bytes::copy_from_slice(input)).ok()?.encode())
}

pub fn a_content(rng: &mut Rng) -> Vec<u8> {
    let plain = corpus::bytes(rng, 60).repeat(rng.usize(1..30));
    pack(&plain)
}

pub fn content(input: &[u8]) -> Option<Vec<u8>> {
    let plain = unpack(&Bytes::copy_from_slice(input)).ok()?;
    assert!(plain.len() <= chunk::MAX_DECODED_BYTES);
    Some(pack(&plain))
}
