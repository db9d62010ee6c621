//! Whatever is defined of a collection, what is found, and in what order, is what a plain list gives.

use proptest::prelude::*;

use super::definition::Definition;
use super::index::{Change, Layout, of_document};
use super::listed_testing::{Asked, Found, Listed};
use super::plan::explain;
use super::planned_testing::{Given, definition, docs, question};
use super::tests::collection;
use super::*;
use crate::codec::value::Form;
use crate::engine::access::Reads;
use crate::models::fake::Fake;
use crate::models::many::Many;

/// Documents in a keyspace with their entries.
struct Model {
    fake: Fake,
    listed: Listed,
}

impl Model {
    fn new(docs: &[Given], definition: &Definition, seed: u64) -> Self {
        let mut fake = Fake::disturbed(seed);
        let mut listed = Listed(Vec::new());
        for given in docs {
            let mut insert = Insert::new(&collection(), vec![given.doc.clone()]);
            fake.write(|w| insert.step(w)).unwrap();
            if given.gone {
                let delete = |w: &mut dyn Writes| {
                    collection().delete(w, given.doc.id(), &mut Cascade::new(0.0))
                };
                fake.write(delete).unwrap();
            }
        }
        for given in docs.iter().filter(|given| !given.gone) {
            let key = collection().id_key(given.doc.id());
            let place = fake.read(|r| collection().place_of(r, &key));
            listed.0.push(place.unwrap().unwrap());
        }
        let key = collection().defined.clone();
        let record = definition.encode();
        let put = |w: &mut dyn Writes| {
            w.put(key.clone(), record.clone());
            Ok(())
        };
        fake.write(put).unwrap();
        let mut model = Self { fake, listed };
        model.enter(definition);
        model
    }

    /// Puts the entries of all documents.
    fn enter(&mut self, definition: &Definition) {
        let docs = &self.listed.0;
        let put = |w: &mut dyn Writes| {
            for index in &definition.indexes {
                let layout = Layout::new(index);
                for (place, doc) in docs {
                    let doc = Some(Form::of(doc)?);
                    of_document(&layout, None, doc, &mut |change| match change {
                        Change::Put(key, value) | Change::Revalue(key, value) => {
                            w.put_at(key, *place, value)
                        }
                        Change::Delete(key) => w.delete_at(key, *place),
                    })?;
                }
            }
            Ok(())
        };
        self.fake.write(put).unwrap();
    }

    fn found(&mut self, asked: &Asked) -> Found {
        let mut find = Find::new(&collection(), asked.query.clone(), asked.spec.clone());
        let mut docs = Vec::new();
        let work = |r: &mut dyn Reads| {
            find.step(r, &mut |doc| {
                docs.push(Bytes::copy_from_slice(doc));
                Ok(())
            })
        };
        self.fake.read(work).unwrap();
        let (places, mark) = (find.places().unwrap().to_vec(), find.mark());
        Found { docs, places, mark }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 10 } else { 10_000 }))]

    #[test]
    fn what_is_found_is_what_a_plain_list_gives(
        docs in docs(), definition in definition(), question in question(), seed in any::<u64>(),
    ) {
        let mut model = Model::new(&docs, &definition, seed);
        let asked = model.listed.ask(&question);
        let plan = model.fake.read(|r| Ok(explain(&collection(), &asked.query, &asked.spec, r)?)).unwrap();
        let found = model.found(&asked);
        let checked = model.listed.check(&asked, &found);
        prop_assert!(checked.is_ok(), "{}: {}", checked.unwrap_err(), plan);
    }
}
