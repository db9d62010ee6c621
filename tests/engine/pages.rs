//! Many engines of one page, natively: how often they look, what they keep, when they let go of their connections.

use bytes::Bytes;
use patchstore::backend::simulated::{SimConnector, SimDatabase};
use patchstore::engine::access::{Answer, Session};
use patchstore::engine::{Engine, Options, Realm, Reason, delete};
use patchstore::env::Env;
use patchstore::simulation::SimEnv;
use std::rc::Rc;

use super::{World, get, put};

const ENGINES: usize = 1_000;
const BUDGET_BYTES: usize = 8 << 20;

/// A page with many patches open, and for each of them another page that has it open, too.
struct Page {
    tab: SimEnv,
    realm: Rc<Realm>,
    /// All over one database each.
    connectors: Vec<Rc<SimConnector>>,
    engines: Vec<Engine>,
}

impl Page {
    async fn open(world: &World, count: usize, options: Options) -> Self {
        let mut page = Self {
            tab: world.env.new_realm(),
            realm: Rc::default(),
            connectors: Vec::new(),
            engines: Vec::new(),
        };
        for _ in 0..count {
            let database = SimDatabase::new(&world.env);
            let connector = Rc::new(SimConnector::new(&page.tab, &database));
            page.engines.push(page.engine(&connector, options).await);
            page.connectors.push(connector);
        }
        page
    }

    async fn engine(&self, connector: &Rc<SimConnector>, options: Options) -> Engine {
        let (realm, env) = (self.realm.clone(), Rc::new(self.tab.clone()));
        Engine::open_in(realm, connector.clone(), env, options)
            .await
            .unwrap()
    }

    fn transactions(&self) -> u64 {
        self.connectors.iter().map(|one| one.issued()).sum()
    }
}

/// Transactions per second of virtual time.
async fn rate(world: &World, page: &Page, seconds: u32) -> f64 {
    let before = page.transactions();
    world.env.sleep(seconds * 1_000).await;
    (page.transactions() - before) as f64 / f64::from(seconds)
}

#[test]
fn a_thousand_patches_look_as_often_as_a_page_can_afford() {
    World::run(1, async |world| {
        let page = Page::open(&world, ENGINES, Options::default()).await;
        let first = rate(&world, &page, 10).await;
        assert!(first < 50.0, "just opened: {first}");
        world.env.sleep(120_000).await;
        let idle = rate(&world, &page, 60).await;
        assert!(idle < 0.1, "idle: {idle}");
        let heard = page.engines.iter().take(100);
        let heard: Vec<_> = heard.map(|one| one.subscribe(Rc::new(|_| {}))).collect();
        let attended = rate(&world, &page, 60).await;
        // A look at one that is asleep opens a connection, of which the first look is at all that is stored.
        assert!((30.0..50.0).contains(&attended), "attended: {attended}");
        drop(heard);
        for round in 0..3 {
            for one in page.engines.iter().take(5) {
                get(one, "key").await.unwrap();
            }
            let used = rate(&world, &page, 1).await;
            assert!(round == 0 || used < 20.0, "used: {used}");
        }
    });
}

#[test]
fn a_read_sees_what_others_did_more_than_a_moment_ago() {
    World::run(2, async |world| {
        for idle_ms in [1_000, 1_000_000] {
            let options = Options {
                idle_ms,
                ..Options::default()
            };
            let page = Page::open(&world, 3, options).await;
            let other = page.tab.new_realm();
            for (n, one) in page.engines.iter().enumerate() {
                put(one, "key", 10).await.unwrap();
                world.env.sleep(20_000).await;
                let database = page.connectors[n].database();
                let connector = SimConnector::new(&other, database);
                let writer = Engine::open(Rc::new(connector), Rc::new(other.clone()), options);
                let writer = writer.await.unwrap();
                put(&writer, "key", 20).await.unwrap();
                writer.close().await;
                world.env.sleep(1_000).await;
                // (One that has a connection was woken by that commit, and has looked.)
                assert!(
                    idle_ms > 1_000 || !one.is_ready(),
                    "copies would be handed out"
                );
                let found = get(one, "key").await.unwrap();
                assert_eq!(found.map(|value| value.len()), Some(20));
                // And what is issued behind such a read comes after it.
                world.env.sleep(20_000).await;
                let Answer::Later(read) = one.read(Box::new(|r| r.get(b"key"))) else {
                    unreachable!()
                };
                let written = put(one, "key", 30);
                assert_eq!(read.await.unwrap().map(|value| value.len()), Some(20));
                written.await.unwrap();
            }
        }
    });
}

#[test]
fn who_is_not_used_lets_go_of_its_connection_and_takes_another() {
    World::run(3, async |world| {
        let page = Page::open(&world, 5, Options::default()).await;
        let [used, heard, written, gone, idle] = page.engines.as_slice() else {
            unreachable!()
        };
        for one in &page.engines {
            put(one, "key", 10).await.unwrap();
        }
        let _hears = heard.subscribe(Rc::new(|_| {}));
        for _ in 0..60 {
            world.env.sleep(1_000).await;
            get(used, "key").await.unwrap();
        }
        let open = |n: usize| page.connectors[n].database().connections();
        assert_eq!([0, 1, 2, 3, 4].map(open), [1, 1, 0, 0, 0]);
        put(written, "key", 20).await.unwrap();
        assert_eq!(get(written, "key").await.unwrap().unwrap().len(), 20);
        assert_eq!(open(2), 1);
        // Deleted by another page, and begun anew there.
        let other = world.env.new_realm();
        let connector = Rc::new(SimConnector::new(&other, page.connectors[3].database()));
        assert!(delete(connector.clone(), Rc::new(|| false)).await.unwrap());
        let anew = Engine::open(connector, Rc::new(other), Options::default());
        let anew = anew.await.unwrap();
        put(&anew, "key", 30).await.unwrap();
        let error = get(gone, "key").await.unwrap_err();
        assert_eq!(error.code(), patchstore::Code::Closed);
        assert_eq!(gone.closed(), Some(Reason::Deleted));
        assert_eq!(get(&anew, "key").await.unwrap().unwrap().len(), 30);
        // What needs a connection at once opens one.
        idle.flush().await.unwrap();
        world.env.sleep(60_000).await;
        assert_eq!(open(4), 0);
        idle.compact().await.unwrap();
        world.env.sleep(60_000).await;
        let transaction = idle.begin().await.unwrap();
        assert!(get(&transaction, "key").await.unwrap().is_some());
        drop(transaction);
        idle.close().await;
        for one in [used, heard, written] {
            one.close().await;
        }
    });
}

#[test]
fn the_caches_of_a_page_keep_to_one_budget() {
    World::run(4, async |world| {
        let options = Options {
            cache_bytes: BUDGET_BYTES,
            ..Options::default()
        };
        let page = Page::open(&world, 200, options).await;
        let held = || page.engines.iter().map(Engine::cached_bytes).sum::<usize>();
        for one in &page.engines {
            for n in 0..10 {
                put(one, &format!("key-{n}"), 100_000).await.unwrap();
            }
            assert!(held() <= BUDGET_BYTES, "{}", held());
        }
        // Those used last have what they hold.
        assert!(page.engines[199].cached_bytes() >= 1_000_000);
        assert_eq!(page.engines[0].cached_bytes(), 0);
        for one in &page.engines {
            let found = get(one, "key-5").await.unwrap();
            assert_eq!(found, Some(Bytes::from(vec![7; 100_000])));
            assert!(held() <= BUDGET_BYTES, "{}", held());
        }
    });
}
