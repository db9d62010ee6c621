//! Random collections over the engine: how they come to be.

use futures_util::future::{LocalBoxFuture, join_all};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::definition::{Definition, flag};
use super::listed_testing::Listed;
use super::planned_testing::{Given, Question, definition, docs, question};
use super::*;
use crate::engine::Engine;
use crate::engine::access::{Answer, Reads, Session};
use crate::models::many::Many;

/// Of each of them.
pub const QUESTIONS: usize = 3;

/// What happens to one collection.
#[derive(Debug, Clone)]
pub struct Set {
    docs: Vec<Given>,
    definition: Definition,
    /// How many documents are there before it is defined.
    before: usize,
    /// Documents in whose place comes what another one has.
    replaced: Vec<(usize, usize)>,
    pub questions: Vec<Question>,
}

fn set() -> impl Strategy<Value = Set> {
    let at = any::<prop::sample::Index>;
    let replaced = prop::collection::vec((at(), at()), 0..4);
    let questions = prop::collection::vec(question(), QUESTIONS);
    (docs(), definition(), at(), replaced, questions).prop_map(
        |(docs, definition, before, replaced, questions)| {
            let within = |at: prop::sample::Index| at.index(docs.len().max(1));
            let replaced = replaced.into_iter().filter(|_| !docs.is_empty());
            Set {
                before: before.index(docs.len() + 1),
                replaced: replaced.map(|(at, by)| (within(at), within(by))).collect(),
                docs,
                definition,
                questions,
            }
        },
    )
}

/// So many of them, which a seed decides.
pub fn sets(seed: u64, count: usize) -> Vec<Set> {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = set();
    let one = |_| strategy.new_tree(&mut runner).unwrap().current();
    (0..count).map(one).collect()
}

/// Reads until it does not stop.
pub async fn read<T: 'static>(
    engine: &Engine,
    work: impl FnMut(&mut dyn Reads) -> Attempt<T> + 'static,
) -> T {
    match engine.read(Box::new(work)) {
        Answer::Ready(found) => found.unwrap(),
        Answer::Later(found) => found.await.unwrap(),
    }
}

impl Set {
    /// All that is written, in the order of the calls.
    pub async fn write(&self, engine: &Engine, of: &Collection) {
        let mut calls: Vec<LocalBoxFuture<'static, Result<()>>> = Vec::new();
        let (first, later) = self.docs.split_at(self.before);
        let insert = |docs: &[Given]| {
            let docs = docs.iter().map(|given| given.doc.clone()).collect();
            let mut insert = Insert::new(of, docs);
            engine.write(Box::new(move |w| insert.step(w)))
        };
        calls.push(insert(first));
        for index in &self.definition.indexes {
            let spec = IndexSpec {
                fields: index.fields.clone(),
                unique: false,
                multi: index.is(flag::MULTI),
            };
            let mut define = Define::index(of, spec);
            calls.push(engine.write(Box::new(move |w| {
                let outcome = define.step(w)?;
                assert!(matches!(outcome, Outcome::Done));
                Ok(())
            })));
        }
        calls.push(insert(later));
        for (at, by) in &self.replaced {
            let (id, doc) = (
                self.docs[*at].doc.id().to_owned(),
                self.docs[*by].doc.stored().clone(),
            );
            let of = of.clone();
            calls.push(engine.write(Box::new(move |w| {
                of.replace(w, id.as_js(), &doc, 1.0)
                    .map(|was_there| assert!(was_there))
            })));
        }
        for given in self.docs.iter().filter(|given| given.gone) {
            let (of, id) = (of.clone(), given.doc.id().to_owned());
            let mut cascade = Cascade::new(1.0);
            calls.push(engine.write(Box::new(move |w| {
                of.delete(w, id.as_js(), &mut cascade)
                    .map(|was_there| assert!(was_there))
            })));
        }
        join_all(calls).await.into_iter().for_each(Result::unwrap);
    }

    /// The documents that are there then.
    pub async fn listed(&self, engine: &Engine, of: &Collection) -> Listed {
        let mut listed = Vec::new();
        for (at, given) in self.docs.iter().enumerate() {
            let (of, key) = (of.clone(), of.id_key(given.doc.id()));
            let found = read(engine, move |r| of.place_of(r, &key)).await;
            assert_eq!(found.is_none(), given.gone);
            let Some((place, doc)) = found else { continue };
            let is_replaced = self.replaced.iter().any(|(replaced, _)| *replaced == at);
            assert!(is_replaced || doc == *given.doc.stored());
            listed.push((place, doc));
        }
        Listed(listed)
    }
}
