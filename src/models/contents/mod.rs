//! Contents: bytes that are stored once, under their SHA-256, and live as long as a record refers to them.
//!
//! ```text
//! 0x60 hash           a content              → 01, varint size, 16 its upload, varint bytes of a piece
//! 0x61 upload n       its n-th piece         → 00, bytes; or a value with a Blob that has them (n: 4 bytes, big-endian)
//! 0x62 upload         it is being put        → 01, varint ms of the last progress
//! 0x63 hash upload    put, not taken up yet  → 01, varint ms
//! 0x64 hash record    a record may hold it   → nothing (record: its key, of a document that of its id)
//! 0x65 size hash      a content, by its size → nothing (size: 8 bytes, big-endian)
//! ```
//!
//! (The first byte sees to it that no value looks like one that ends in a stamp, or has Blobs beside it where it has none.)
//!
//! Whoever writes a record that refers to a content adds a citation (0x64) in the same batch ([`look`]), having read that the
//! content is there. A citation is never missing, but may be left over: what holds a content is found by reading the records
//! that the citations name ([`Holders`]). So nothing has to be counted, and a batch that removes records stays blind. Entries of the
//! op-log hold nothing: the records that they tell of do.
//!
//! A batch that collects a content has read the content, its marks, and its citations to their end with their records. One that
//! comes to hold it meanwhile has read the content, and has written a citation or a record that was read: one of the two is run
//! again. Left-over citations are deleted in batches that have read their records.

mod care;
mod cite;
mod collect;
mod holders;
mod list;
mod piece;
mod read;
mod records;
mod upload;

pub use care::{collect_all, look_after};
pub use cite::{Citing, Missing, cite, look};
pub use holders::{Held, Holders};
pub use list::{List, Listed, any_of_size};
pub use piece::{Beside, Piece, Sum, damaged};
pub use read::{Pieces, content};
pub use records::{BESIDE_BYTES, Content, HOUR_MS, PIECE_BYTES, ms_bytes, ms_of};
pub use upload::{Finish, Touch, Whole, abandon, put_piece};

#[cfg(test)]
mod tests;
