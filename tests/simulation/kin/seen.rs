//! These documents as they are found, in the form in which the plain map has them.

use bytes::Bytes;
use patchstore::codec::io::varint_in;
use patchstore::codec::kinds::key;
use patchstore::codec::value::Form;
use patchstore::codec::value::fields::{FieldName, field};
use patchstore::engine::access::{Attempt, Cursor, Reads};
use patchstore::models::Scope;
use patchstore::models::documents::Collection;
use patchstore::models::documents::definition::Definition;
use patchstore::models::keys;

use super::super::operation::encoded;
use super::model::{Member, Members, encode};
use super::work::number_of;
use super::{COUNTER, KEY, Role};

/// A read of all of them, and how far it has come.
pub struct Gathering {
    left: Vec<(Role, Cursor)>,
    members: Members,
}

impl Gathering {
    pub fn new() -> Self {
        let of = |role: Role| (role, Cursor::new(role.collection().all(), false));
        Self {
            left: Role::ALL.map(of).into(),
            members: Members::new(),
        }
    }

    pub fn step(&mut self, r: &mut dyn Reads) -> Attempt<Option<Bytes>> {
        while let Some((role, cursor)) = self.left.last_mut() {
            while let Some((_, doc)) = r.next(cursor)? {
                let (id, member) = member_of(&doc);
                let other = self.members.insert((*role, id), member);
                assert!(other.is_none(), "an id is there twice");
            }
            self.left.pop();
        }
        Ok(encode(&self.members))
    }
}

fn id_in(name: &str) -> u8 {
    name.strip_prefix('k').unwrap().parse().unwrap()
}

/// A document's id, and the rest.
pub fn member_of(doc: &[u8]) -> (u8, Member) {
    let id = Collection::id_of(doc).unwrap().as_js().to_display();
    let parent = field(Form::of(doc).unwrap(), &FieldName::new("p".into())).unwrap();
    let parent = parent.and_then(|parent| parent.string().unwrap());
    let member = Member {
        parent: parent.map(|parent| id_in(&parent.as_js().to_display())),
        number: number_of(doc),
    };
    (id_in(&id), member)
}

/// Whether the records of the catalog define what is to be defined: of all of these collections, or of none.
pub fn is_bound<'a>(record_of: impl Fn(&[u8]) -> Option<&'a Bytes>) -> bool {
    let scope = Scope::Name("sim".into());
    let of = |role: &Role| {
        let key = keys::collection_prefix(key::DEFINITION, &scope, role.name().into()).unwrap();
        let record = record_of(&key)?;
        Some(Definition::decode(record.clone()).unwrap())
    };
    let referring = Role::ALL
        .into_iter()
        .filter(|role| role.refers_to().is_some());
    let defined: Vec<_> = referring.map(|role| of(&role)).collect();
    let is_bound = defined[0].is_some();
    for definition in defined {
        let references = definition.map_or(0, |definition| definition.references.len());
        assert_eq!(references, usize::from(is_bound), "half of the definitions");
    }
    is_bound
}

/// What there is of them among all records, as the plain map has it (but for what the catalog says).
pub fn at_rest(all: &[(Bytes, Bytes)]) -> Vec<(Bytes, Bytes)> {
    let counter = all.iter().find(|(at, _)| at[0] == key::SEQUENCE);
    let counter = counter.map(|(_, last)| encoded(varint_in(last).unwrap().0));
    let found = [(KEY, encode(&members_of(all))), (COUNTER, counter)];
    let there = found.into_iter();
    there
        .filter_map(|(key, value)| Some((Bytes::from_static(key), value?)))
        .collect()
}

/// All of them, from among all records.
pub fn members_of(all: &[(Bytes, Bytes)]) -> Members {
    let mut members = Members::new();
    for role in Role::ALL {
        let range = role.collection().all();
        let docs = all
            .iter()
            .filter(|(at, _)| range.from <= *at && *at < range.until);
        members.extend(docs.map(|(_, doc)| {
            let (id, member) = member_of(doc);
            ((role, id), member)
        }));
    }
    members
}
