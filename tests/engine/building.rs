//! Builds of indexes that take more than one commit: whole or absent whatever stops them, and kept by whoever writes meanwhile.

use bytes::Bytes;
use futures_util::future::{join, join3};
use patchstore::codec::kinds::key;
use patchstore::codec::tuple;
use patchstore::codec::value::{Form, from_json};
use patchstore::engine::access::{Answer, Cursor, Reads, Session};
use patchstore::engine::{Engine, Options};
use patchstore::env::Env;
use patchstore::models::Scope;
use patchstore::models::documents::definition::{Definition, flag};
use patchstore::models::documents::index::{Entries, Layout};
use patchstore::models::documents::{
    self, Cascade, Changes, Collection, Drop, DropIndex, Ids, IndexSpec, Insert, NewDoc, Wanted,
    Wish,
};
use patchstore::models::many;
use patchstore::simulation::SimEnv;
use patchstore::{Code, Result};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::World;

/// More than are looked at in one commit.
pub const DOCS: usize = 2_300;

pub fn collection() -> Collection {
    Collection::new(&Scope::Name("s".into()), "c".into()).unwrap()
}

fn over(field: &str, unique: bool) -> Wish {
    Wish::Index(IndexSpec {
        fields: vec![field.into()],
        unique,
        multi: false,
    })
}

fn new_doc(id: usize, a: usize) -> NewDoc {
    let stored = from_json(format!(r#"{{"_id":"{id}","a":{a},"b":{}}}"#, a % 9).as_bytes());
    NewDoc::prepare(&stored, 0.0, &mut Ids::default(), &mut |_| {}).unwrap()
}

async fn some_time(world: &World, most_us: u64) {
    world.env.sleep_us(world.env.random_below(most_us)).await;
}

/// A tab: its realm, and its engine.
pub struct Tab {
    pub realm: SimEnv,
    pub engine: Engine,
}

impl World {
    pub async fn builder(&self) -> Tab {
        let (realm, engine) = self.open_tab(Options::default()).await;
        Tab { realm, engine }
    }

    /// Two, which see many documents.
    async fn builders(&self) -> (Tab, Tab) {
        let a = self.builder().await;
        a.fill().await;
        (a, self.builder().await)
    }
}

impl Tab {
    pub fn env(&self) -> Rc<dyn Env> {
        Rc::new(self.realm.clone())
    }

    async fn insert(&self, docs: Vec<NewDoc>) -> Result<()> {
        let insert = Insert::new(&collection(), docs);
        many::write(&self.engine, self.env(), insert).await
    }

    pub async fn fill(&self) {
        self.insert((0..DOCS).map(|n| new_doc(n, n)).collect())
            .await
            .unwrap();
    }

    /// In a task of its own realm, as it would be: it freezes and dies with it.
    pub fn define(&self, wish: Wish) -> impl Future<Output = Result<()>> + use<> {
        let (done, told) = channel(&self.realm);
        let engine = self.engine.clone();
        let env = self.env();
        self.realm.spawn(Box::pin(async move {
            done(documents::define(&engine, env, &collection(), wish, true, None).await);
        }));
        told
    }

    async fn update(&self, id: usize, a: usize) -> Result<bool> {
        let changes = Changes::new(from_json(format!(r#"{{"a":{a}}}"#).as_bytes()), 1.0);
        let id = id.to_string();
        let work = self.engine.write(Box::new(move |w| {
            collection().update(w, id.as_str().into(), &changes, &mut None)
        }));
        work.await
    }

    async fn delete(&self, id: usize) -> Result<bool> {
        let id = id.to_string();
        let work = self.engine.write(Box::new(move |w| {
            collection().delete(w, id.as_str().into(), &mut Cascade::new(0.0))
        }));
        work.await
    }

    pub async fn all(&self, kind: u8) -> Vec<(Bytes, Bytes)> {
        let range = tuple::prefix_range(Bytes::copy_from_slice(&[kind]));
        let found = self.engine.read(Box::new(move |r: &mut dyn Reads| {
            let (mut cursor, mut out) = (Cursor::new(range.clone(), false), Vec::new());
            while let Some(pair) = r.next(&mut cursor)? {
                out.push(pair);
            }
            Ok(out)
        }));
        match found {
            Answer::Ready(found) => found.unwrap(),
            Answer::Later(found) => found.await.unwrap(),
        }
    }

    /// The definition; what is ready of its indexes is what a recount gives, and what is being built has nothing that it
    /// should not have.
    pub async fn check(&self) -> Definition {
        self.engine.refresh().await.unwrap();
        let records = self.all(key::DEFINITION).await;
        let definition = records
            .first()
            .map_or_else(Definition::default, |(_, record)| {
                Definition::decode(record.clone()).unwrap()
            });
        let docs = self.all(key::DOCUMENT).await;
        let mut entries: BTreeMap<_, _> = self.all(key::INDEX_ENTRY).await.into_iter().collect();
        for index in &definition.indexes {
            let layout = Layout::new(index);
            for (at, doc) in &docs {
                let found = Entries::of(&layout, Form::of(doc).unwrap()).unwrap();
                for entry in found.keys() {
                    let entry = [&entry[..], &at[at.len() - 12..]].concat();
                    let stored = entries.remove(&entry[..]);
                    let is_there = stored.is_some_and(|stored| stored == *found.value());
                    assert!(is_there || index.is(flag::BUILDING), "an entry is missing");
                }
            }
        }
        assert!(entries.is_empty(), "{} entries too many", entries.len());
        let builds = self.all(key::BUILD).await.len() + self.all(key::BUILD_MARK).await.len();
        assert!(definition.build.is_some() || builds == 0);
        definition
    }

    /// Until there is a build, or the index.
    async fn sees_build(&self) {
        loop {
            self.engine.refresh().await.unwrap();
            if !self.all(key::DEFINITION).await.is_empty() {
                return;
            }
            self.realm.sleep_us(1_000).await;
        }
    }

    /// Until a build has come past the first documents, or to its end.
    async fn sees_page(&self) {
        self.sees_build().await;
        let is_first = |(_, progress): &(Bytes, Bytes)| progress.starts_with(&[0; 12]);
        while self.all(key::BUILD).await.iter().any(is_first) {
            self.realm.sleep_us(1_000).await;
            self.engine.refresh().await.unwrap();
        }
    }

    /// As above, with these indexes and no build.
    async fn check_ready(&self, fields: &[&str]) {
        let definition = self.check().await;
        assert_eq!(definition.build, None);
        let found = definition.indexes.iter();
        let found: BTreeSet<_> = found
            .map(|index| index.fields[0].as_js().to_display())
            .collect();
        let fields = fields.iter().map(|field| String::from(*field));
        assert_eq!(found, fields.collect());
    }
}

/// What is told once, in whatever realm.
fn channel<T: 'static>(
    env: &SimEnv,
) -> (impl FnOnce(T) + use<T>, impl Future<Output = T> + use<T>) {
    let told = Rc::new(RefCell::new(None));
    let tells = told.clone();
    let env = env.root();
    let waits = async move {
        loop {
            if let Some(told) = told.borrow_mut().take() {
                return told;
            }
            env.sleep_us(500).await;
        }
    };
    (move |value| drop(tells.borrow_mut().replace(value)), waits)
}

#[test]
fn a_build_that_is_killed_is_whole_or_absent_and_is_in_nobodys_way() {
    let (before, under, after) = (Cell::new(0), Cell::new(0), Cell::new(0));
    World::run_each(0..24, async |world| {
        let a = world.builder().await;
        a.fill().await;
        let b = world.builder().await;
        drop(a.define(over("a", true)));
        if world.env.chance(80) {
            b.sees_build().await;
            some_time(&world, 300_000).await;
        } else {
            some_time(&world, 6_000_000).await;
        }
        a.realm.kill();
        drop(a);
        let left = b.check().await;
        let met = match (left.build, left.indexes.len()) {
            (Some(_), _) => &under,
            (None, 0) => &before,
            (None, _) => &after,
        };
        met.set(met.get() + 1);
        // (One of another kind has to wait until it is dead.)
        let other = world.env.chance(30);
        let wish = if other {
            over("b", false)
        } else {
            over("a", true)
        };
        b.define(wish).await.unwrap();
        match (other, left.build.is_none() && left.indexes.len() == 1) {
            (true, true) => b.check_ready(&["a", "b"]).await,
            (true, false) => b.check_ready(&["b"]).await,
            (false, _) => b.check_ready(&["a"]).await,
        }
        let c = world.builder().await;
        b.engine.compact().await.unwrap();
        c.check().await;
    });
    let met = [before, under, after].map(|count| count.get());
    assert!(met.iter().all(|count| *count > 0), "{met:?}");
}

#[test]
fn who_opens_the_patch_gives_up_what_has_died_and_no_other() {
    World::run_each(0..8, async |world| {
        let a = world.builder().await;
        a.fill().await;
        let b = world.builder().await;
        let lives = world.env.chance(50);
        let built = a.define(over("a", false));
        b.sees_build().await;
        if !lives {
            a.realm.kill();
        }
        let env = b.env();
        documents::bury(b.engine.clone(), env).await.unwrap();
        let left = b.check().await;
        assert_eq!(left.build, None);
        assert_eq!(left.indexes.len(), usize::from(lives));
        assert_eq!(b.all(key::BUILD).await, []);
        if lives {
            built.await.unwrap();
            b.check_ready(&["a"]).await;
        } else {
            assert_eq!(b.all(key::INDEX_ENTRY).await, []);
        }
    });
}

#[test]
fn two_builders_of_one_index_make_one() {
    World::run_each(0..12, async |world| {
        let (a, b) = world.builders().await;
        let first = a.define(over("a", true));
        some_time(&world, 5_000_000).await;
        let second = b.define(over("a", true));
        let third = b.define(over("b", false));
        let (first, second, third) = join3(first, second, third).await;
        first.unwrap();
        second.unwrap();
        third.unwrap();
        for tab in [&a, &b] {
            tab.check_ready(&["a", "b"]).await;
        }
    });
}

#[test]
fn a_builder_that_wakes_up_finds_its_number_gone() {
    World::run_each(0..12, async |world| {
        let (a, b) = world.builders().await;
        let first = a.define(over("a", true));
        b.sees_build().await;
        some_time(&world, 300_000).await;
        a.realm.freeze();
        b.define(over("a", true)).await.unwrap();
        b.check_ready(&["a"]).await;
        if world.env.chance(50) {
            let fields = vec!["a".into()];
            let drop = DropIndex::new(&collection(), fields);
            let dropped = b.engine.write(Box::new(move |w| Ok(drop.step(w)?)));
            assert!(dropped.await.unwrap());
        }
        a.realm.thaw();
        first.await.unwrap();
        b.check().await;
        a.engine.refresh().await.unwrap();
        a.define(over("a", true)).await.unwrap();
        a.check_ready(&["a"]).await;
    });
}

#[test]
fn a_collection_that_is_dropped_under_a_build_has_the_index_over_what_comes() {
    World::run_each(0..12, async |world| {
        let (a, b) = world.builders().await;
        let building = a.define(over("a", true));
        let dropping = async {
            some_time(&world, 5_000_000).await;
            let mut all = Drop::new(&collection(), 0.0);
            let dropped = b.engine.write(Box::new(move |w| all.step(w)));
            dropped.await.unwrap();
            b.insert(vec![new_doc(1, 1)]).await.unwrap();
        };
        let (built, ()) = join(building, dropping).await;
        built.unwrap();
        let definition = b.check().await;
        // (Where it was ready before, it was dropped as well.)
        assert!(definition.build.is_none() && definition.indexes.len() <= 1);
    });
}

#[test]
fn what_others_write_between_the_pages_is_in_the_index() {
    World::run_each(0..16, async |world| {
        let (a, b) = world.builders().await;
        let wanted =
            from_json(br#"{"indexes":[{"fields":["a"],"unique":true},{"fields":["b","a"]}]}"#);
        let building = a.define(Wish::Whole(Wanted::decode(&wanted).unwrap()));
        let writing = async |tab: &Tab, from: usize| {
            for n in from..from + 12 {
                some_time(&world, 500_000).await;
                let at = (n * 97) % DOCS;
                match n % 3 {
                    0 => tab.insert(vec![new_doc(DOCS + n, DOCS + n)]).await.unwrap(),
                    1 => drop(tab.update(at, 2 * DOCS + n).await.unwrap()),
                    _ => drop(tab.delete(at).await.unwrap()),
                }
            }
        };
        let (built, (), ()) = join3(building, writing(&a, 0), writing(&b, 100)).await;
        built.unwrap();
        for tab in [&a, &b] {
            tab.check_ready(&["a", "b"]).await;
        }
    });
}

#[test]
fn who_breaks_what_is_being_built_is_not_refused_and_the_build_is() {
    let refused = Cell::new(0);
    World::run_each(0..24, async |world| {
        let (a, b) = world.builders().await;
        let building = a.define(over("a", true));
        let writing = async {
            if world.env.chance(70) {
                // (Between the first page and the end.)
                b.sees_page().await;
                a.realm.freeze();
            } else {
                some_time(&world, 6_000_000).await;
            }
            // (Some before the first page, some behind all documents.)
            let written = match world.env.chance(50) {
                true => b.insert(vec![new_doc(DOCS, 7)]).await,
                false => b.update(DOCS - 1, 7).await.map(drop),
            };
            a.realm.thaw();
            written
        };
        let (built, written) = join(building, writing).await;
        let is_built = match (built, written) {
            (Ok(()), Err(late)) => {
                assert_eq!(late.code(), Code::ConstraintViolation);
                true
            }
            (Err(error), Ok(())) => {
                assert_eq!(error.code(), Code::ConstraintViolation);
                assert_eq!(error.ids().len(), 2);
                refused.set(refused.get() + 1);
                false
            }
            other => panic!("{other:?}"),
        };
        let fields: &[&str] = if is_built { &["a"] } else { &[] };
        b.check_ready(fields).await;
    });
    assert!((4..24).contains(&refused.get()), "{}", refused.get());
}
