//! For tests: devices in memory, and what one does with them.

use bytes::Bytes;

use super::apply::{Applied, Apply};
use super::log::Read;
use super::merkle::{self, Look, Refresh};
use super::records::Records;
use super::remote::Remote;
use crate::codec::head::OpLog;
use crate::codec::js_string::JsString;
use crate::codec::kinds::key as kinds;
use crate::codec::marks::NEVER;
use crate::codec::stamp::Stamp;
use crate::codec::value::from_json;
use crate::models::Scope;
use crate::models::documents::{self, Collection, Insert, NewDoc};
use crate::models::fake::Fake;
use crate::models::kv::{self, Kv};
use crate::models::many::Many;

/// When devices begin.
pub(super) const NOW: u64 = 1_700_000_000_000;

pub(super) fn scope() -> Scope {
    Scope::Name("s".into())
}

pub(super) fn named(name: &'static str) -> OpLog {
    let since = Stamp {
        ms: NOW - 1,
        counter: 0,
    };
    let next_stamp = Stamp::default();
    OpLog {
        device: Bytes::from_static(name.as_bytes()),
        next_stamp,
        since,
    }
}

pub(super) fn device(name: &'static str, seed: u64) -> Fake {
    Fake {
        op_log: Some(named(name)),
        now_ms: NOW,
        ..Fake::disturbed(seed)
    }
}

pub(super) fn pair(key: &str) -> Bytes {
    let key = JsString::from(key);
    Kv::new(&scope()).unwrap().key(key.as_js()).unwrap()
}

pub(super) fn collection() -> Collection {
    Collection::new(&scope(), JsString::from("c").as_js()).unwrap()
}

pub(super) fn set(fake: &mut Fake, key: &str, value: &str) {
    let (key, value) = (pair(key), from_json(value.as_bytes()));
    fake.write(|w| kv::set(w, &key, &value, NEVER)).unwrap();
}

pub(super) fn delete(fake: &mut Fake, key: &str) -> bool {
    let key = pair(key);
    fake.write(|w| kv::delete(w, &key)).unwrap()
}

pub(super) fn insert(fake: &mut Fake, id: &str, text: &str) {
    let stored = from_json(format!(r#"{{"_id":"{id}","text":"{text}"}}"#).as_bytes());
    let mut ids = documents::Ids::default();
    let doc = NewDoc::prepare(&stored, NOW as f64, &mut ids, &mut |_| {}).unwrap();
    let mut insert = Insert::new(&collection(), vec![doc]);
    fake.write(|w| insert.step(w)).unwrap();
}

/// What the log has: number, record, value (`None`: removal), stamp.
pub(super) fn log(fake: &mut Fake, after: f64, with_synced: bool) -> Vec<(u64, Remote)> {
    let device = fake.op_log.clone().unwrap().device;
    let mut read = Read::new(after, f64::INFINITY, with_synced);
    let mut found = Vec::new();
    fake.read(|r| {
        read.step(r, &mut |id, entry, value| {
            let remote = Remote {
                record: entry.record.clone(),
                value: value.cloned(),
                expires_ms: entry.expires_ms,
                stamp: entry.stamp,
                device: device.clone(),
                version: entry.version,
            };
            found.push((id, remote));
            Ok(())
        })
    })
    .unwrap();
    found
}

pub(super) fn pending(fake: &mut Fake) -> Vec<(u64, Remote)> {
    log(fake, -1.0, false)
}

pub(super) fn apply(fake: &mut Fake, entries: Vec<Remote>) -> Applied {
    let now_ms = fake.now_ms as f64;
    let mut apply = Apply::new(entries, now_ms).unwrap();
    fake.write(|w| apply.step(w)).unwrap()
}

pub(super) fn entries(fake: &mut Fake) -> Vec<Remote> {
    let all = pending(fake).into_iter();
    all.map(|(_, entry)| entry).collect()
}

pub(super) fn records(fake: &mut Fake, path: &str, after: Option<&str>, limit: f64) -> Vec<Remote> {
    let after = after.map(JsString::from);
    let after = after.as_ref().map(JsString::as_js);
    let mut records = Records::new(path, after, limit).unwrap();
    let mut found = Vec::new();
    fake.read(|r| {
        records.step(r, &mut |record| {
            found.push(record.clone());
            Ok(())
        })
    })
    .unwrap();
    found
}

pub(super) fn look(fake: &mut Fake, path: &str) -> merkle::Found {
    let mut look = Look::new(path).unwrap();
    fake.read(|r| look.step(r)).unwrap().0
}

pub(super) fn refresh(fake: &mut Fake) {
    let (_, nodes) = {
        let mut look = Look::new("").unwrap();
        fake.read(|r| look.step(r)).unwrap()
    };
    for node in nodes {
        let mut refresh = Refresh::new(node);
        fake.write(|w| refresh.step(w)).unwrap();
    }
}

pub(super) fn root(fake: &mut Fake) -> String {
    merkle::text_of(look(fake, "").sum)
}

/// What users see, and what merging goes by.
pub(super) fn state_of(fake: &Fake) -> Vec<(Bytes, Bytes)> {
    let is_data = |key: &Bytes| matches!(key[0], kinds::PAIR | kinds::STATE);
    let all = fake.map.iter().filter(|(key, _)| is_data(key));
    all.map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}
