//! The registry of all numbers in the stored formats: those in use, and those reserved for future features, so that no
//! number is assigned twice. Only constants.

/// The format version in every record.
pub const VERSION: u8 = 2;

/// Letters of records.
pub mod record {
    /// The head.
    pub const HEAD: u8 = b'H';
    /// The root of the directory.
    pub const ROOT: u8 = b'R';
    /// A page of the directory.
    pub const DIRECTORY: u8 = b'D';
    /// A frame of the log.
    pub const FRAME: u8 = b'F';
    /// A segment of a run.
    pub const SEGMENT: u8 = b'S';
    /// A piece of a large value.
    pub const PIECE: u8 = b'B';
    /// The letters of all kinds.
    pub const ALL: [u8; 6] = [HEAD, ROOT, DIRECTORY, FRAME, SEGMENT, PIECE];
}

/// The first byte of an operation: its code and flags for what follows. 0x40 is unassigned.
pub mod op {
    /// The bits of the operation's code.
    pub const CODE: u8 = 0x03;
    /// Stores a value.
    pub const PUT: u8 = 1;
    /// Deletes a key.
    pub const DELETE: u8 = 2;
    /// Deletes a range.
    pub const DELETE_RANGE: u8 = 3;
    /// The key ends in an order of the frame.
    pub const OWN_KEY: u8 = 0x04;
    /// The bits of the kind of value. 0x20 is reserved for "as before"; higher values are unassigned.
    pub const VALUE: u8 = 0x38;
    /// The value is inline bytes.
    pub const INLINE: u8 = 0x00;
    /// The value is an order of the frame.
    pub const OWN_ORDER: u8 = 0x08;
    /// The value is a piece.
    pub const PIECE: u8 = 0x10;
    /// The value is a piece that other cells may cite too.
    pub const SHARED: u8 = 0x18;
    /// Marks follow.
    pub const MARKS: u8 = 0x80;
}

/// The flags of a cell in a page. 0x20 and above are unassigned.
pub mod cell {
    /// The bits of the kind of value.
    pub const VALUE: u8 = 0x03;
    /// There is no value: the key was deleted.
    pub const TOMBSTONE: u8 = 0;
    /// The value is inline bytes.
    pub const INLINE: u8 = 1;
    /// The value is a piece.
    pub const PIECE: u8 = 2;
    /// The value is a piece that other cells may cite too.
    pub const SHARED: u8 = 3;
    /// The key ends in a hole.
    pub const KEY_HOLE: u8 = 0x04;
    /// The value is an order with a hole.
    pub const VALUE_HOLE: u8 = 0x08;
    /// Marks follow.
    pub const MARKS: u8 = 0x10;
    /// All flags that this library knows.
    pub const KNOWN: u8 = VALUE | KEY_HOLE | VALUE_HOLE | MARKS;
}

/// Tags of a cell's marks.
pub mod mark {
    /// The time at which the cell expires.
    pub const EXPIRY: u64 = 2;
    /// All assigned tags.
    pub const ALL: [(u64, &str); 3] = [(EXPIRY, "expiry"), (4, "stamp"), (6, "cites blobs")];
}

/// Flags of the directory's entries, and of the references to its pages. 0x40 is not given out.
pub mod entry {
    /// The segment has holes.
    pub const HOLES: u8 = 0x01;
    /// The first key is a hole.
    pub const FIRST_HOLE: u8 = 0x02;
    /// The last key is a hole.
    pub const LAST_HOLE: u8 = 0x04;
    /// The segment cites pieces.
    pub const PIECES: u8 = 0x08;
    /// The holes take stamps too.
    pub const STAMPS: u8 = 0x10;
    /// There are records that can expire.
    pub const EXPIRY: u8 = 0x20;
    /// Tags follow.
    pub const TAGS: u8 = 0x80;
    /// Of an entry.
    pub const KNOWN: u8 = HOLES | FIRST_HOLE | LAST_HOLE | PIECES | STAMPS | OF_PAGES;
    /// Of a reference to a page.
    pub const OF_PAGES: u8 = EXPIRY | TAGS;
}

/// The stores of records in the garbage list.
pub mod store {
    /// Segments and directory pages.
    pub const RUNS: u8 = 0;
    /// Pieces.
    pub const BLOBS: u8 = 1;
}

/// Tags, most of them reserved for future features. 2^16 (needed) and 2^16 + 1 (skippable) are for tests, in every list.
pub mod tag {
    /// In the head: the stored clock, of a patch with records that can expire.
    pub const CLOCK: u64 = 4;
    /// Tags in the head.
    pub const HEAD: [(u64, &str); 6] = [
        (CLOCK, "expiry: stored clock"),
        (OP_LOG, "op-log: device, next stamp, stamp of what is older"),
        (CATALOG, "catalog: last change"),
        (KEYS, "keys: slots, data keys"),
        (SWEEP, "records may lie here that were written in the clear"),
        (CONTENTS, "contents"),
    ];
    /// In the head: the key table, of an encrypted patch.
    pub const KEYS: u64 = 16;
    /// In the head: whoever opens collects what nothing refers to.
    pub const SWEEP: u64 = 18;
    /// In the head: there are contents, and whoever stores a reference to one must say so.
    pub const CONTENTS: u64 = 20;
    /// In the head: the catalog's last change. In the root: the catalog.
    pub const CATALOG: u64 = 12;
    /// In the head: the op-log.
    pub const OP_LOG: u64 = 8;
    /// In frames.
    pub const FRAME: [(u64, &str); 2] =
        [(STAMPS, "stamps taken"), (CHANGES, "changes the catalog")];
    /// In frames: it changes the catalog.
    pub const CHANGES: u64 = 6;
    /// In frames: how many stamps it takes.
    pub const STAMPS: u64 = 4;
    /// In the root.
    pub const ROOT: [(u64, &str); 1] = [(CATALOG, "catalog")];
    /// In entries.
    pub const ENTRY: [(u64, &str); 1] = [(6, "digest")];
    /// In every list, for tests: it must be known.
    pub const TEST_NEEDED: u64 = 1 << 16;
    /// A skippable tag for tests, in every list.
    pub const TEST_SKIPPABLE: u64 = TEST_NEEDED + 1;
}

/// First bytes of keys.
pub mod key {
    /// The catalog, the first and the last kind: its records stand in the head, the root and the frames as said there.
    pub const CATALOG: (u8, u8) = (0x01, 0x0F);
    /// What is defined of a collection.
    pub const DEFINITION: u8 = 0x01;
    /// The next number of an index or a build.
    pub const NEXT_NUMBER: u8 = 0x02;
    /// The version of the data's shape.
    pub const DATA_VERSION: u8 = 0x03;
    /// A key-value pair.
    pub const PAIR: u8 = 0x10;
    /// A document.
    pub const DOCUMENT: u8 = 0x20;
    /// An entry of the id index.
    pub const ID: u8 = 0x21;
    /// The marker of a collection.
    pub const COLLECTION: u8 = 0x22;
    /// The last number that a sequence of a collection gave.
    pub const SEQUENCE: u8 = 0x23;
    /// A pair of the patch's meta.
    pub const META: u8 = 0x50;
    /// A record of storage adapters.
    pub const ADAPTER_RECORD: u8 = 0x58;
    /// A pair of their meta.
    pub const ADAPTER_META: u8 = 0x59;
    /// An entry of their log.
    pub const ADAPTER_ENTRY: u8 = 0x5A;
    /// The last number that this log gave.
    pub const ADAPTER_LAST: u8 = 0x5B;
    /// An entry of an index.
    pub const INDEX_ENTRY: u8 = 0x30;
    /// How far a build has come.
    pub const BUILD: u8 = 0x31;
    /// What a build has to fail for.
    pub const BUILD_MARK: u8 = 0x32;
    /// The kinds of keys that hold a scope's data.
    pub const OWNED: [u8; 4] = [PAIR, DOCUMENT, ID, COLLECTION];
    /// An entry of the op-log.
    pub const LOGGED: u8 = 0x40;
    /// The value of an entry.
    pub const LOGGED_VALUE: u8 = 0x41;
    /// An entry that is marked as synced.
    pub const SYNCED: u8 = 0x42;
    /// Up to where entries are marked as synced.
    pub const SYNCED_TO: u8 = 0x43;
    /// What a copy of the patch does not have: the entries of the op-log, the first and the last kind.
    pub const OF_LOG: (u8, u8) = (LOGGED, SYNCED_TO);
    /// A content.
    pub const CONTENT: u8 = 0x60;
    /// A piece of one.
    pub const CONTENT_PIECE: u8 = 0x61;
    /// A content that is being put.
    pub const UPLOAD: u8 = 0x62;
    /// A content that was put and not taken up yet.
    pub const FRESH: u8 = 0x63;
    /// A record that may hold a content.
    pub const CITATION: u8 = 0x64;
    /// A content, by its size.
    pub const SIZED: u8 = 0x65;
    /// When a record was written, and by which device.
    pub const STATE: u8 = 0x44;
    /// A leaf of the Merkle tree has changed.
    pub const DIRTY: u8 = 0x45;
    /// Digests of leaves.
    pub const SUMS: u8 = 0x46;
    /// What else is known of the op-log.
    pub const MERGING: u8 = 0x47;
    /// A scope that is a node.
    pub const OF_NODE: u8 = 0x01;
    /// A scope that is a named store.
    pub const OF_NAME: u8 = 0x02;
    /// All assigned ranges: first byte, last byte and purpose.
    pub const GIVEN_OUT: [(u8, u8, &str); 15] = [
        (CATALOG.0, CATALOG.1, "catalog"),
        (PAIR, PAIR, "pair"),
        (0x11, 0x1F, "key-value"),
        (DOCUMENT, DOCUMENT, "document"),
        (ID, ID, "id"),
        (COLLECTION, COLLECTION, "collection"),
        (SEQUENCE, SEQUENCE, "sequence"),
        (0x24, 0x2F, "documents"),
        (0x30, 0x3F, "indexes"),
        (0x40, 0x4F, "op-log"),
        (0x50, 0x57, "meta"),
        (0x58, 0x5F, "adapters"),
        (0x60, 0x6F, "blobs"),
        (0x70, 0x77, "search"),
        (0x78, 0x7F, "vectors"),
    ];
}

/// First bytes of stored values.
pub mod value {
    /// JSON text.
    pub const JSON: u8 = 0x01;
    /// The exact form.
    pub const EXACT: u8 = 0x02;
    /// Second byte of the exact form.
    pub const EXACT_VERSION: u8 = 0x01;
    /// Second byte of the exact form with Blobs beside it.
    pub const EXACT_ATTACHED: u8 = 0x02;
    /// Second byte of the exact form with references to contents.
    pub const EXACT_CITING: u8 = 0x03;
    /// Second byte of the exact form with both.
    pub const EXACT_BOTH: u8 = 0x04;
}

/// First bytes of sort keys (`codec/sort_key`), which sort in this order. The kind of a negative number is 0x10 less the kind of the
/// positive one.
pub mod sort {
    /// `undefined`, or nothing there.
    pub const UNDEFINED: u8 = 0x00;
    /// `null`.
    pub const NULL: u8 = 0x01;
    /// `false`.
    pub const FALSE: u8 = 0x02;
    /// `true`.
    pub const TRUE: u8 = 0x03;
    /// NaN.
    pub const NAN: u8 = 0x04;
    /// −∞.
    pub const MINUS_INFINITY: u8 = 0x05;
    /// At most −2^1024.
    pub const MINUS_HUGE: u8 = 0x06;
    /// Below zero.
    pub const NEGATIVE: u8 = 0x07;
    /// 0 and −0.
    pub const ZERO: u8 = 0x08;
    /// Above zero.
    pub const POSITIVE: u8 = 0x09;
    /// At least 2^1024.
    pub const HUGE: u8 = 0x0A;
    /// ∞.
    pub const INFINITY: u8 = 0x0B;
    /// A string.
    pub const STRING: u8 = 0x0C;
    /// A Date.
    pub const DATE: u8 = 0x0D;
    /// A buffer, a view, a Blob or a File.
    pub const BYTES: u8 = 0x0E;
    /// A Blob or a File beside its value.
    pub const ATTACHED: u8 = 0x0F;
    /// An array.
    pub const ARRAY: u8 = 0x10;
    /// An object.
    pub const OBJECT: u8 = 0x11;
    /// A Map.
    pub const MAP: u8 = 0x12;
    /// A Set.
    pub const SET: u8 = 0x13;
    /// A reference to a content.
    pub const BLOB_REF: u8 = 0x14;
    /// In a container: it ends. In an escaped string: likewise.
    pub const END: u8 = 0x00;
    /// In a container: an element follows.
    pub const ITEM: u8 = 0x01;
    /// In an object: a name follows.
    pub const NAME: u8 = 0x02;
    /// After the kind of a container: it is too large to be told.
    pub const TOO_LARGE: u8 = 0xFF;
}

/// Tags of the nodes of the exact form. 0x13 and above are unassigned.
pub(crate) mod node {
    pub const NULL: u8 = 0x00;
    pub const UNDEFINED: u8 = 0x01;
    pub const FALSE: u8 = 0x02;
    pub const TRUE: u8 = 0x03;
    pub const NUMBER: u8 = 0x04;
    pub const INTEGER: u8 = 0x05;
    pub const BIGINT: u8 = 0x06;
    pub const STRING: u8 = 0x07;
    pub const DATE: u8 = 0x08;
    pub const BYTES: u8 = 0x09;
    pub const BLOB: u8 = 0x0A;
    pub const FILE: u8 = 0x0B;
    pub const ARRAY: u8 = 0x0C;
    pub const OBJECT: u8 = 0x0D;
    pub const MAP: u8 = 0x0E;
    pub const SET: u8 = 0x0F;
    pub const ATTACHED_BLOB: u8 = 0x10;
    pub const ATTACHED_FILE: u8 = 0x11;
    pub const BLOB_REF: u8 = 0x12;
}

#[cfg(test)]
mod tests;
