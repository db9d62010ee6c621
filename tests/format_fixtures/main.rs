//! Patches as earlier libraries have stored them (`fixtures/README.md`): opened, read, written, tidied up, opened again.

#![cfg(not(target_arch = "wasm32"))]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

mod defined;
mod stored;

use bytes::Bytes;
use patchstore::Code;
use patchstore::backend::RecordKey;
use patchstore::codec::head::Head;
use patchstore::codec::js_string::JsString;
use patchstore::codec::root::Root;
use patchstore::codec::value::from_json;
use patchstore::engine::Engine;
use patchstore::engine::access::Session;
use patchstore::models::keys::{self, DOCUMENT};
use patchstore::models::kv::Kv;
use patchstore::models::{Scope, documents::Collection};
use std::collections::BTreeMap;

use stored::{Space, all_of, records, settled, shown};

const RECORDS: &str = include_str!("../fixtures/format-2/records.txt");
const SHOWN: &str = include_str!("../fixtures/format-2/shown.txt");

fn pair_key(name: &str) -> Bytes {
    let kv = Kv::new(&Scope::Name("s".into())).unwrap();
    kv.key(name.into()).unwrap()
}

async fn check(engine: &Engine, pairs: &BTreeMap<Bytes, Bytes>, docs: &[(String, Bytes)]) {
    let found = all_of(engine, keys::KV).await.unwrap();
    assert_eq!(&found.into_iter().collect::<BTreeMap<_, _>>(), pairs);
    let found = all_of(engine, DOCUMENT).await.unwrap();
    let ids = found.iter().map(|(_, doc)| Collection::id_of(doc).unwrap());
    let expected = docs.iter().map(|(id, _)| JsString::from(id.as_str()));
    assert!(
        ids.eq(expected),
        "the documents are others, or in another order"
    );
    assert!(
        found
            .iter()
            .map(|(_, doc)| doc)
            .eq(docs.iter().map(|(_, doc)| doc))
    );
    for (id, doc) in docs {
        let collection = Collection::new(&Scope::Name("d".into()), "c".into()).unwrap();
        let id = id.clone();
        let got = engine.read(Box::new(move |r| collection.get(r, id.as_str().into())));
        assert_eq!(settled(got).await.unwrap().as_ref(), Some(doc));
    }
    let stats = engine.stats(keys::record_ranges()).await.unwrap();
    assert_eq!(stats.records, (pairs.len() + docs.len()) as u64);
}

#[test]
fn a_patch_of_format_2_is_gone_on_with() {
    Space::run(records(RECORDS), async |space| {
        let (pairs, docs) = (shown(SHOWN, "pair"), shown(SHOWN, "document"));
        let mut pairs: BTreeMap<Bytes, Bytes> = pairs
            .into_iter()
            .map(|(name, value)| (pair_key(&name), value))
            .collect();
        let engine = space.open().await.unwrap();
        check(&engine, &pairs, &docs).await;
        let (added, gone) = (pair_key("added"), pair_key("both 1"));
        pairs.insert(added.clone(), from_json(b"1"));
        pairs.remove(&gone);
        let written = engine.write(Box::new(move |w| {
            w.put(added.clone(), from_json(b"1"));
            w.delete(gone.clone());
            Ok(())
        }));
        written.await.unwrap();
        check(&engine, &pairs, &docs).await;
        engine.compact().await.unwrap();
        check(&engine, &pairs, &docs).await;
        engine.close().await;
        let engine = space.open().await.unwrap();
        check(&engine, &pairs, &docs).await;
        engine.close().await;
        let records: BTreeMap<RecordKey, Bytes> = space.database.records().into_iter().collect();
        let head = Head::decode(&records[&RecordKey::Head]).unwrap();
        let root = Root::decode(head.incarnation, &records[&RecordKey::Root]).unwrap();
        assert!(
            !head.more.is_empty() && root.more == head.more,
            "tags are lost"
        );
        assert!(!records.keys().any(|key| matches!(key, RecordKey::Frame(_))));
    });
}

#[test]
fn records_of_other_versions_are_unsupported_and_left_alone() {
    let all = records(RECORDS);
    for version in [1, 3] {
        for letter in *b"HRDFSB" {
            let mut stored = all.clone();
            for (_, record) in &mut stored {
                if record[2] == letter {
                    let mut other = record.to_vec();
                    other[3] = version;
                    *record = other.into();
                }
            }
            Space::run(stored, async |space| {
                let before = space.database.records();
                let code = match space.open().await {
                    Err(error) => Some(error.code()),
                    Ok(engine) => {
                        let found = all_of(&engine, keys::KV).await;
                        engine.close().await;
                        found.err().map(|error| error.code())
                    }
                };
                let which = char::from(letter);
                assert_eq!(code, Some(Code::UnsupportedFormat), "{which} {version}");
                assert_eq!(space.database.records(), before, "{which} {version}");
            });
        }
    }
}
