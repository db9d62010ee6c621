//! What holds of all records at rest, whatever has happened: told by the records alone.

use bytes::Bytes;
use patchstore::codec::kinds::key;
use patchstore::models::op_log::Name;
use patchstore::models::op_log::entry::{Entry, Held};
use patchstore::models::op_log::state::State;
use std::collections::{BTreeMap, BTreeSet};

use super::Role;
use super::model::orphans;
use super::seen::members_of;

type Records = [(Bytes, Bytes)];

/// No document refers to one that is gone, no number is there twice or above the last one, and the op-log says of each
/// document what it is.
pub fn check(all: &Records, is_bound: bool) {
    let members = members_of(all);
    if is_bound {
        assert_eq!(orphans(&members), [], "a reference dangles");
    }
    let children = members.iter().filter(|((role, _), _)| *role == Role::Child);
    let numbers = children.map(|(_, child)| child.number);
    let numbers: Vec<u64> = numbers.filter(|number| *number > 0).collect();
    let different: BTreeSet<_> = numbers.iter().collect();
    assert_eq!(different.len(), numbers.len(), "a number is there twice");
    check_logged(all);
}

/// Where writes are logged.
fn check_logged(all: &Records) {
    let of = |kind: u8| all.iter().filter(move |(at, _)| at[0] == kind);
    let places: BTreeMap<&[u8], &[u8]> = of(key::ID).map(|(id, at)| (&id[..], &at[..])).collect();
    for (at, state) in of(key::STATE) {
        let record = Name::of_state_key(at).unwrap().record();
        if record[0] != key::ID {
            continue;
        }
        let is_there = places.contains_key(&record[..]);
        let state = State::decode(state).unwrap();
        assert_eq!(state.is_removed, !is_there, "the state of {record:?}");
        assert!(state.stamp.is_some());
    }
    let under = |at: &[u8]| {
        let found = all.binary_search_by(|(key, _)| key[..].cmp(at));
        all[found.unwrap()].1.clone()
    };
    let mut last = BTreeMap::new();
    for (at, entry) in of(key::LOGGED) {
        let entry = Entry::decode(entry).unwrap();
        if entry.record[0] == key::ID {
            let value = entry.value.map(|value| match value {
                Held::Here(value) => value,
                Held::Apart => under(&[&[key::LOGGED_VALUE], &at[1..]].concat()),
            });
            last.insert(entry.record, value);
        }
    }
    for (record, value) in last {
        // (By its place, among documents of its scope and collection.)
        let doc = places.get(&record[..]).map(|place| {
            let place_of = Name::of(&record).unwrap().place;
            under(&[&[key::DOCUMENT], &place_of[1..], place].concat())
        });
        assert!(value == doc, "the last entry of {record:?}");
    }
}
