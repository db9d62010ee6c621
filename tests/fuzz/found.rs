//! Inputs that were wrongly dealt with once, and how.

use super::{records, segments};
use patchstore::codec::io::{put_bytes, put_varint};
use patchstore::codec::seal::{self, Record};

/// The targets, and inputs that they have to refuse in little memory.
pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        // A page of some bytes that claimed 4 MiB was given them before LZ4 had seen it.
        ("segment", a_page_that_claims(4 << 20)),
        // Memory for all the cells that a page claims is ten times what the page takes.
        ("page", a_page_of_nothing(1 << 20)),
        // Each level of containers in each other was given room for 64 elements, of which there were
        // none: megabytes for 2 KB.
        ("exact value", nested_containers(0x0C)),
        ("exact value", nested_containers(0x0E)),
        // The four bytes of UTF-8 were read as the pair that keys write in six: a second spelling,
        // which sorts elsewhere.
        ("tuple", b"\xf0\x9f\x98\x80\0".to_vec()),
    ]
}

fn a_page_that_claims(decoded: u64) -> Vec<u8> {
    let of = Record::segment(records::ID);
    let mut record = seal::start(of, 100);
    let mut index = Vec::new();
    put_varint(&mut index, 1);
    for number in [9, decoded] {
        put_varint(&mut index, number);
    }
    put_bytes(&mut index, b"key");
    record.extend([0; 9 + 8]);
    record.extend_from_slice(&index);
    record.extend_from_slice(&(index.len() as u32).to_le_bytes());
    let mut record = seal::finish(of, record).to_vec();
    segments::seal(&mut record);
    record
}

fn a_page_of_nothing(bytes: usize) -> Vec<u8> {
    let mut page = Vec::with_capacity(bytes);
    put_varint(&mut page, bytes as u64 / 2 - 4);
    page.resize(bytes, 0);
    page
}

fn nested_containers(tag: u8) -> Vec<u8> {
    [&[2, 1][..], &[tag, 64].repeat(999), &[0; 128]].concat()
}
