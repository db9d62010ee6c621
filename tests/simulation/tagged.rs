//! What a later library has left in a database that this one goes on with.

use bytes::Bytes;
use patchstore::backend::{Id, RecordKey, Write};
use patchstore::codec::entry::Entry;
use patchstore::codec::head::Head;
use patchstore::codec::kinds::tag::TEST_SKIPPABLE;
use patchstore::codec::root::{Root, decode_directory_page, encode_directory_page};
use patchstore::codec::tags::Tags;
use std::collections::BTreeMap;

use super::later::tags;

type Records = BTreeMap<RecordKey, Bytes>;

/// What is to be kept.
fn kept() -> Tags {
    tags(TEST_SKIPPABLE, b"kept")
}

/// What a library that knows more has left behind in a database that this one goes on with.
pub struct Tagged {
    incarnation: Id,
    entry: Entry,
    page: Id,
}

impl Tagged {
    /// Puts tags into the head, the root, an entry and the reference to its page of a database that has but one
    /// segment, in one page of one level: the writes.
    pub fn tag(records: &[(RecordKey, Bytes)]) -> (Self, Vec<Write>) {
        let records: Records = records.iter().cloned().collect();
        let mut head = Head::decode(&records[&RecordKey::Head]).unwrap();
        let incarnation = head.incarnation;
        let mut root = Root::decode(incarnation, &records[&RecordKey::Root]).unwrap();
        head.more = kept();
        root.more = kept();
        let page = root.levels.iter_mut().flatten().next().unwrap();
        page.more = kept();
        let (page, key) = (page.id, RecordKey::Run(page.id));
        let mut entries = decode_directory_page(page, &records[&key]).unwrap();
        entries[0].more = kept();
        let (record, _) = encode_directory_page(page, &entries);
        let writes = vec![
            Write::Put(RecordKey::Head, head.encode()),
            Write::Put(RecordKey::Root, root.encode(incarnation)),
            Write::Put(key, record),
        ];
        let entry = entries.remove(0);
        let tagged = Self {
            incarnation,
            entry,
            page,
        };
        (tagged, writes)
    }

    /// What is to be kept is there still, as long as that life goes on; where something was narrowed or made anew,
    /// it is not. Whether it does.
    pub fn check(&self, records: &[(RecordKey, Bytes)]) -> bool {
        let records: Records = records.iter().cloned().collect();
        let Some(head) = records.get(&RecordKey::Head) else {
            return false;
        };
        let head = Head::decode(head).unwrap();
        if head.incarnation != self.incarnation {
            return false;
        }
        let root = Root::decode(head.incarnation, &records[&RecordKey::Root]).unwrap();
        assert_eq!(head.more, kept(), "a flip has lost what the head held");
        assert_eq!(root.more, kept(), "a flip has lost what the root held");
        let mut entries: Vec<Entry> = root.runs.iter().flatten().cloned().collect();
        for page in root.levels.iter().flatten() {
            let is_it = page.id == self.page;
            assert_eq!(page.more == kept(), is_it);
            entries.extend(
                decode_directory_page(page.id, &records[&RecordKey::Run(page.id)]).unwrap(),
            );
        }
        for entry in entries {
            let is_whole = entry == self.entry;
            assert_eq!(entry.more.is_empty(), !is_whole, "{:?}", entry.id);
        }
        true
    }
}
