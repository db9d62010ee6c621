//! Live queries that go on behind documents whose place is not known yet, or that are gone.

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};
use patchstore::codec::order::{Order, PROVISIONAL};
use patchstore::codec::value::from_json;
use patchstore::engine::access::{Answer, Session, Writes, afresh};
use patchstore::engine::{Engine, Options};
use patchstore::env::Env;
use patchstore::models::Scope;
use patchstore::models::documents::live::{Change, Listener, Live, LiveQuery};
use patchstore::models::documents::{
    After, Cascade, Collection, Find, FindSpec, Ids, Insert, Mark, NewDoc, Query,
};
use patchstore::models::many::Many;
use patchstore::simulation::SimEnv;
use patchstore::{Code, Error, Result};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::{World, put};

/// After so long all is told.
const SOON_MS: u32 = 5_000;

fn collection() -> Collection {
    Collection::new(&Scope::Name("s".into()), "c".into()).unwrap()
}

fn insert(id: &str) -> Insert {
    let stored = from_json(format!("{{\"_id\":\"{id}\"}}").as_bytes());
    let doc = NewDoc::prepare(&stored, 0.0, &mut Ids::default(), &mut |_| {}).unwrap();
    Insert::new(&collection(), vec![doc])
}

/// What a listener was told: the ids of each result, and why nothing more.
#[derive(Clone, Default)]
struct Told(Rc<RefCell<Vec<String>>>);

impl Told {
    fn assert(&self, expected: &[&str]) {
        assert_eq!(*self.0.borrow(), expected);
    }
}

impl Listener for Told {
    fn tell(&self, change: Change) -> LocalBoxFuture<'static, Result<()>> {
        let ids = change.docs().map(|doc| Collection::id_of(doc).unwrap());
        let ids: Vec<String> = ids.map(|id| id.as_js().to_display().to_string()).collect();
        self.0.borrow_mut().push(ids.concat());
        ready(Ok(())).boxed_local()
    }

    fn end(&self, error: &Error) {
        assert_eq!(error.code(), Code::InvalidArgument, "{error}");
        self.0.borrow_mut().push("ended".into());
    }
}

struct Tab {
    realm: SimEnv,
    engine: Engine,
    live: Live,
}

impl Tab {
    async fn open(world: &World) -> Self {
        let options = Options {
            poll_ms: 0,
            ..Options::default()
        };
        let (realm, engine) = world.open_tab(options).await;
        let live = Live::new(&engine, Rc::new(realm.clone()));
        Self {
            realm,
            engine,
            live,
        }
    }

    /// Begun when this returns.
    fn insert(&self, id: &str) -> LocalBoxFuture<'static, Result<()>> {
        let mut insert = insert(id);
        self.engine.write(Box::new(move |w| insert.step(w)))
    }

    async fn delete(&self, id: &'static str) {
        let work =
            move |w: &mut dyn Writes| collection().delete(w, id.into(), &mut Cascade::new(0.0));
        assert!(self.engine.write(Box::new(work)).await.unwrap());
    }

    /// The mark of the last one of so many.
    async fn mark(&self, limit: u64) -> Mark {
        let begin = move || {
            let spec = FindSpec {
                limit: Some(limit),
                ..FindSpec::default()
            };
            Ok(Find::new(&collection(), Query::all(), spec))
        };
        let page = self.engine.read(afresh(begin, |find, r| {
            find.step(r, &mut |_| Ok(()))?;
            Ok(find.mark())
        }));
        let mark = match page {
            Answer::Ready(mark) => mark,
            Answer::Later(mark) => mark.await,
        };
        mark.unwrap().unwrap()
    }

    fn watch(&self, id: &str, mark: Option<Mark>) -> (LiveQuery, Told) {
        let told = Told::default();
        let spec = FindSpec {
            after: Some(Rc::new(After {
                id: id.into(),
                mark,
                values: Vec::new(),
            })),
            ..FindSpec::default()
        };
        let ear = Box::new(told.clone());
        let watch = self.live.watch(&collection(), Query::all(), spec, ear);
        (watch.unwrap(), told)
    }
}

#[test]
fn one_that_waits_is_followed_to_where_it_lands() {
    World::run_each(0..30, async |world| {
        let (tab, other) = (Tab::open(&world).await, Tab::open(&world).await);
        tab.insert("a").await.unwrap();
        other.engine.refresh().await.unwrap();
        // Before what waits, as will be known later.
        other.insert("x").await.unwrap();
        let waiting = ["b", "c"].map(|id| tab.insert(id));
        let mark = tab.mark(2).await;
        assert!(mark.place.is_provisional());
        let (_by_mark, by_mark) = tab.watch("b", Some(mark));
        let (_by_id, by_id) = tab.watch("b", None);
        for done in waiting {
            done.await.unwrap();
        }
        world.env.sleep(SOON_MS).await;
        by_mark.assert(&["c"]);
        by_id.assert(&["c"]);
        // Gone, and there again at another place: what is watched lies where it lay.
        tab.delete("b").await;
        tab.insert("b").await.unwrap();
        tab.insert("d").await.unwrap();
        other.insert("e").await.unwrap();
        tab.engine.refresh().await.unwrap();
        world.env.sleep(SOON_MS).await;
        for told in [by_mark, by_id] {
            assert_eq!(told.0.borrow().last().unwrap(), "cbde");
        }
    });
}

#[test]
fn one_that_never_comes_is_followed_by_what_came_behind_those_before_it() {
    World::run_each(0..30, async |world| {
        let (tab, other) = (Tab::open(&world).await, Tab::open(&world).await);
        tab.insert("a").await.unwrap();
        other.engine.refresh().await.unwrap();
        // It has read what another tab has changed unheard, and when it is run again it fails.
        tab.realm.freeze();
        other.insert("x").await.unwrap();
        put(&other.engine, "k", 1).await.unwrap();
        tab.realm.thaw();
        let fails = Rc::new(Cell::new(false));
        let (mut insert, is_over) = (insert("b"), fails.clone());
        let lost = tab.engine.write(Box::new(move |w| {
            w.get(b"k")?;
            match is_over.get() {
                true => Err(Error::invalid("expected by a test").into()),
                false => insert.step(w),
            }
        }));
        let mark = tab.mark(2).await;
        assert!(mark.place.is_provisional());
        let (_watch, told) = tab.watch("b", Some(mark));
        fails.set(true);
        assert!(lost.await.is_err());
        world.env.sleep(SOON_MS).await;
        told.assert(&["x"]);
        tab.insert("c").await.unwrap();
        world.env.sleep(SOON_MS).await;
        told.assert(&["x", "xc"]);
    });
}

#[test]
fn one_that_is_nowhere_ends_it() {
    World::run_each(0..10, async |world| {
        let tab = Tab::open(&world).await;
        tab.insert("a").await.unwrap();
        let (_none, none) = tab.watch("b", None);
        // Of a call that there will not be for a while.
        let place = Order {
            frame: PROVISIONAL + 1_000_000,
            slot: 0,
        };
        let floor = Order { frame: 0, slot: 0 };
        let values = Vec::new();
        let mark = Mark {
            place,
            floor,
            values,
        };
        let (_made_up, made_up) = tab.watch("b", Some(mark));
        world.env.sleep(SOON_MS).await;
        none.assert(&["ended"]);
        made_up.assert(&["ended"]);
        // One that waits alone holds up nobody.
        let waiting = tab.insert("b");
        let (_watch, told) = tab.watch("b", None);
        let (_all, all) = tab.watch("a", None);
        waiting.await.unwrap();
        world.env.sleep(SOON_MS).await;
        told.assert(&[""]);
        assert_eq!(all.0.borrow().last().unwrap(), "b");
    });
}
