//! Live queries over tabs that write, freeze and die: each result that is told is one that a query finds in some
//! committed state, these states never go back, and what is told of changes adds up to the results.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use patchstore::backend::simulated::{SimConnector, SimDatabase};
use patchstore::codec::js_string::JsString;
use patchstore::codec::value::fields::{FieldName, Items, field};
use patchstore::codec::value::{Form, Value, from_json};
use patchstore::engine::access::{Session, WriteWork, Writes, afresh};
use patchstore::engine::{Engine, Limits, Options};
use patchstore::env::Env;
use patchstore::models::Scope;
use patchstore::models::documents::live::{Change, Listener, Live, LiveQuery};
use patchstore::models::documents::{
    After, Cascade, Changes, Collection, Drop, Find, FindSpec, Ids, Include, Insert, NewDoc, Query,
};
use patchstore::models::many::Many;
use patchstore::simulation::SimEnv;
use patchstore::{Code, Error, Result};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::operation::{order_of, sign};
use super::tab::{scan, settled};

/// After so long without writes every tab has told all there is.
const SOON_MS: u32 = 5_000;
/// Beside the documents, so that a batch is written ahead of its frame.
const PAD_BYTES: usize = 60_000;
const PADDED: u64 = 20;

/// A document as the plain list has it.
#[derive(Debug, Clone, PartialEq)]
struct Doc {
    id: String,
    a: u64,
    b: u64,
    by: u64,
}

/// What a step of a call does.
#[derive(Debug, Clone)]
enum Op {
    Insert(Vec<Doc>, bool),
    /// Sets one of the fields, `a`, `b` or none of them, and always `by`.
    Update {
        id: String,
        set: Option<(&'static str, u64)>,
        by: u64,
    },
    Delete(String),
    Drop,
}

/// A query in two forms.
#[derive(Debug, Clone)]
struct Asked {
    json: String,
    matches: fn(&Doc, u64, u64) -> bool,
    x: u64,
    y: u64,
    sort: Option<(&'static str, bool)>,
    skip: u64,
    limit: Option<u64>,
    only_a: bool,
    /// With the first two documents of which `b` is what `a` is here.
    joined: bool,
    /// Only what lies behind a document.
    behind: Option<Behind>,
}

/// A document that was found, perhaps before it was committed.
#[derive(Debug, Clone)]
struct Behind {
    id: String,
    /// Its value of what is sorted by.
    value: Option<f64>,
    /// Whether it is known by the mark of a page; else by its id, while it is there.
    is_marked: bool,
}

/// The places of all documents that ever were.
type Places = BTreeMap<String, usize>;

fn collection() -> Collection {
    Collection::new(&Scope::Name("live".into()), "docs".into()).unwrap()
}

impl Asked {
    fn of(kind: u64, x: u64, y: u64, ids: &[String]) -> Self {
        let plain = |json: String, matches: fn(&Doc, u64, u64) -> bool| Self {
            json,
            matches,
            x,
            y,
            sort: None,
            skip: 0,
            limit: None,
            only_a: false,
            joined: false,
            behind: None,
        };
        match kind {
            0 => plain("{}".into(), |_, _, _| true),
            1 => plain(format!("{{\"a\":{x}}}"), |doc, x, _| doc.a == x),
            2 => plain(
                format!("{{\"a\":{x},\"b\":{{\"$eq\":{y}}}}}"),
                |doc, x, y| doc.a == x && doc.b == y,
            ),
            3 => Self {
                sort: Some(("b", true)),
                limit: Some(3),
                ..plain(format!("{{\"b\":{{\"$gte\":{y}}}}}"), |doc, _, y| {
                    doc.b >= y
                })
            },
            4 => Self {
                sort: Some(("a", false)),
                skip: 1 + x % 2,
                limit: Some(2),
                only_a: true,
                ..plain("{}".into(), |_, _, _| true)
            },
            5 => Self {
                only_a: true,
                ..plain(format!("{{\"a\":{x}}}"), |doc, x, _| doc.a == x)
            },
            6 => Self {
                skip: 2,
                ..plain(format!("{{\"a\":{{\"$in\":[{x},{y}]}}}}"), |doc, x, y| {
                    doc.a == x || doc.a == y
                })
            },
            7 => Self {
                limit: Some(2),
                ..plain(format!("{{\"$and\":[{{\"b\":{y}}}]}}"), |doc, _, y| {
                    doc.b == y
                })
            },
            9 => Self {
                joined: true,
                skip: y % 2,
                limit: Some(4),
                ..plain(format!("{{\"a\":{{\"$gte\":{x}}}}}"), |doc, x, _| {
                    doc.a >= x
                })
            },
            8 => Self {
                limit: Some(0),
                ..plain("{}".into(), |_, _, _| true)
            },
            _ => {
                let known = ids.get(x as usize % ids.len().max(1));
                let id = known.cloned().unwrap_or_default();
                let number = id.trim_start_matches('d').parse().unwrap_or(0);
                Self {
                    x: number,
                    ..plain(format!("{{\"_id\":\"{id}\"}}"), |doc, x, _| {
                        doc.id == format!("d{x}")
                    })
                }
            }
        }
    }

    fn query(&self) -> Query {
        Query::compile(&from_json(self.json.as_bytes()), Rc::new(())).unwrap()
    }

    fn spec(&self) -> FindSpec {
        FindSpec {
            sort: self
                .sort
                .iter()
                .map(|(name, down)| ((*name).into(), *down))
                .collect(),
            skip: self.skip,
            limit: self.limit,
            fields: self.only_a.then(|| vec![JsString::from("a")]),
            ..FindSpec::default()
        }
    }

    fn include(&self) -> Vec<Include> {
        let twins = Include {
            name: "twins".into(),
            collection: collection(),
            local: "a".into(),
            foreign: "b".into(),
            one: false,
            query: Query::all(),
            spec: FindSpec {
                limit: Some(2),
                ..FindSpec::default()
            },
            include: Vec::new(),
        };
        Vec::from_iter(self.joined.then_some(twins))
    }

    /// What it finds in a plain list.
    fn find(&self, docs: &[Doc], places: &Places) -> Vec<String> {
        let mut found: Vec<&Doc> = docs
            .iter()
            .filter(|doc| (self.matches)(doc, self.x, self.y) && self.is_behind(doc, places))
            .collect();
        match self.sort {
            Some(("a", _)) => found.sort_by_key(|doc| doc.a),
            Some(_) => found.sort_by_key(|doc| std::cmp::Reverse(doc.b)),
            None => {}
        }
        let limit = self.limit.unwrap_or(u64::MAX) as usize;
        let found = found.into_iter().skip(self.skip as usize).take(limit);
        found
            .map(|doc| match self.only_a {
                true => format!("{} {}", doc.id, doc.a),
                false => format!("{} {} {} {}", doc.id, doc.a, doc.b, doc.by),
            } + &self.twins_of(doc, docs))
            .collect()
    }
}

/// A stored document as [`Asked::find`] writes it.
fn shown(stored: &[u8]) -> String {
    shown_form(Form::of(stored).unwrap())
}

fn shown_form(form: Form<'_>) -> String {
    let id = field(form, &FieldName::new("_id".into())).unwrap().unwrap();
    let mut text = id.string().unwrap().unwrap().as_js().to_display();
    for name in ["a", "b", "by"] {
        if let Some(value) = field(form, &FieldName::new(name.into())).unwrap() {
            text += &format!(" {}", value.number().unwrap().unwrap());
        }
    }
    if let Some(twins) = field(form, &FieldName::new("twins".into())).unwrap() {
        let mut twins = Items::of(twins).unwrap().unwrap();
        while let Some(twin) = twins.next().unwrap() {
            text += &format!(" [{}]", shown_form(twin));
        }
    }
    text
}

fn id_of(shown: &str) -> &str {
    shown.split(' ').next().unwrap()
}

impl Asked {
    fn is_behind(&self, doc: &Doc, places: &Places) -> bool {
        let Some(behind) = &self.behind else {
            return true;
        };
        let follows = places[&doc.id] > places[&behind.id];
        let (Some((field, descends)), Some(value)) = (self.sort, behind.value) else {
            return follows;
        };
        let own = if field == "a" { doc.a } else { doc.b } as f64;
        let order = own.total_cmp(&value);
        let order = if descends { order.reverse() } else { order };
        order.is_gt() || (order.is_eq() && follows)
    }

    fn twins_of(&self, doc: &Doc, docs: &[Doc]) -> String {
        let twins = docs.iter().filter(|twin| self.joined && twin.b == doc.a);
        twins
            .take(2)
            .map(|Doc { id, a, b, by }| format!(" [{id} {a} {b} {by}]"))
            .collect()
    }
}

impl Op {
    fn apply(&self, docs: &mut Vec<Doc>) {
        match self {
            Self::Insert(new, _) => docs.extend(new.iter().cloned()),
            Self::Update { id, set, by } => {
                for doc in docs.iter_mut().filter(|doc| doc.id == *id) {
                    doc.by = *by;
                    match set {
                        Some(("a", value)) => doc.a = *value,
                        Some((_, value)) => doc.b = *value,
                        None => {}
                    }
                }
            }
            Self::Delete(id) => docs.retain(|doc| doc.id != *id),
            Self::Drop => docs.clear(),
        }
    }

    /// Work that does it, and leaves the number of the call.
    fn work(&self, call: Option<u64>) -> WriteWork<()> {
        let op = self.clone();
        let (mut insert, mut drop) = (None, None);
        Box::new(move |w: &mut dyn Writes| {
            match &op {
                Self::Insert(docs, padded) => {
                    let insert = insert.get_or_insert_with(|| {
                        Insert::new(
                            &collection(),
                            docs.iter().map(|doc| new_doc(doc, *padded)).collect(),
                        )
                    });
                    insert.step(w)?;
                }
                Self::Update { id, set, by } => {
                    let set = set.map(|(name, value)| format!("\"{name}\":{value},"));
                    let changes = format!("{{{}\"by\":{by}}}", set.unwrap_or_default());
                    let changes = Changes::new(from_json(changes.as_bytes()), 0.0);
                    collection().update(w, id.as_str().into(), &changes, &mut None)?;
                }
                Self::Delete(id) => {
                    collection().delete(w, id.as_str().into(), &mut Cascade::new(0.0))?;
                }
                Self::Drop => {
                    let drop = drop.get_or_insert_with(|| Drop::new(&collection(), 0.0));
                    drop.step(w)?;
                }
            }
            if let Some(call) = call {
                sign(w, call);
            }
            Ok(())
        })
    }
}

fn new_doc(doc: &Doc, padded: bool) -> NewDoc {
    let Doc { id, a, b, by } = doc;
    let mut json = format!("{{\"_id\":\"{id}\",\"a\":{a},\"b\":{b},\"by\":{by}");
    if padded {
        // Such that it cannot be made smaller.
        let mut rng = fastrand::Rng::with_seed(*by);
        let pad: String = (0..PAD_BYTES).map(|_| rng.alphanumeric()).collect();
        json += &format!(",\"pad\":\"{pad}\"");
    }
    let stored = from_json((json + "}").as_bytes());
    NewDoc::prepare(&stored, 0.0, &mut Ids::default(), &mut |_| {}).unwrap()
}

/// A result as it was told.
struct Heard {
    docs: Vec<String>,
    /// Calls of the same tab whose end had not been told.
    pending: BTreeSet<u64>,
}

/// What all have in common.
struct World {
    env: SimEnv,
    database: SimDatabase,
    calls: RefCell<BTreeMap<u64, Vec<Op>>>,
    last: Cell<u64>,
    ids: RefCell<Vec<String>>,
    watched: RefCell<Vec<Rc<Told>>>,
}

/// What one listener was told.
struct Told {
    env: SimEnv,
    asked: Asked,
    pending: Rc<RefCell<BTreeSet<u64>>>,
    heard: RefCell<Vec<Heard>>,
    raw: RefCell<Option<Vec<Bytes>>>,
    folded: RefCell<BTreeMap<String, String>>,
    ended: RefCell<Option<Error>>,
    /// It was not stopped before the end, nor its tab killed.
    lasts: Cell<bool>,
}

struct Ear(Rc<Told>);

impl Listener for Ear {
    fn tell(&self, change: Change) -> LocalBoxFuture<'static, Result<()>> {
        self.0.take(&change);
        let env = self.0.env.clone();
        async move {
            if env.chance(30) {
                env.sleep_us(env.random_below(30_000)).await;
            }
            Ok(())
        }
        .boxed_local()
    }

    fn end(&self, error: &Error) {
        self.0.ended.replace(Some(error.clone()));
    }
}

impl Told {
    fn take(&self, change: &Change) {
        let raw: Vec<Bytes> = change.docs().cloned().collect();
        let docs: Vec<String> = raw.iter().map(|doc| shown(doc)).collect();
        let before = self.raw.replace(Some(raw.clone()));
        assert_ne!(
            before,
            Some(raw),
            "told though nothing has changed: {:?}",
            self.asked
        );
        let mut folded = self.folded.borrow_mut();
        for gone in &change.removed {
            let gone = shown(gone);
            assert_eq!(folded.remove(id_of(&gone)), Some(gone), "removed as it was");
        }
        for at in &change.changed {
            let doc = &docs[*at as usize];
            assert!(
                folded.insert(id_of(doc).into(), doc.clone()).is_some(),
                "{doc} was there"
            );
        }
        for at in &change.added {
            let doc = &docs[*at as usize];
            assert!(
                folded.insert(id_of(doc).into(), doc.clone()).is_none(),
                "{doc} was not there"
            );
        }
        if before.is_none() {
            assert_eq!(change.added.len(), docs.len(), "all are new at first");
        }
        let all: BTreeMap<String, String> = docs
            .iter()
            .map(|doc| (id_of(doc).into(), doc.clone()))
            .collect();
        assert_eq!(*folded, all, "the changes add up");
        let pending = self.pending.borrow().clone();
        self.heard.borrow_mut().push(Heard { docs, pending });
    }

    /// Compares all that was told with the states, in the order of the commits.
    fn check(&self, states: &[Vec<Doc>], order: &[u64], places: &Places) -> usize {
        let behind = self.asked.behind.as_ref();
        if let Some(error) = &*self.ended.borrow() {
            // It was gone before it was looked for.
            assert!(self.heard.borrow().is_empty(), "{error}");
            assert!(behind.is_some_and(|behind| !behind.is_marked), "{error}");
            assert_eq!(error.code(), Code::InvalidArgument);
        }
        if behind.is_some_and(|behind| !places.contains_key(&behind.id)) {
            // (It never came to be: its tab has died.)
            return 0;
        }
        let mut at = 0;
        for heard in self.heard.borrow().iter() {
            // What this tab has pending is in none of them.
            let first_pending = order.iter().position(|call| heard.pending.contains(call));
            let until = first_pending.map_or(states.len(), |first| first + 1);
            let next = (at..until).find(|at| self.asked.find(&states[*at], places) == heard.docs);
            at = next.unwrap_or_else(|| {
                panic!(
                    "{:?} was told {:?}, as none of {:?} has it",
                    self.asked,
                    heard.docs,
                    (at..until)
                        .map(|at| self.asked.find(&states[at], places))
                        .collect::<Vec<_>>()
                )
            });
        }
        if self.lasts.get() && self.ended.borrow().is_none() {
            let heard = self.heard.borrow();
            let last = heard.last().map(|heard| heard.docs.clone());
            let now = states.last().map(|docs| self.asked.find(docs, places));
            assert_eq!(last, now, "{:?}: the last is what there is", self.asked);
        }
        self.heard.borrow().len()
    }
}

struct Tab {
    world: Rc<World>,
    env: SimEnv,
    engine: Engine,
    live: Live,
    watches: Vec<(LiveQuery, Rc<Told>)>,
    pending: Rc<RefCell<BTreeSet<u64>>>,
}

impl Tab {
    async fn open(world: &Rc<World>) -> Self {
        let env = world.env.new_realm();
        let connector = Rc::new(SimConnector::new(&env, &world.database));
        let options = Options {
            limits: Limits {
                log_frames: 3 + env.random_below(30) as usize,
                level0_bytes: 2_000,
                ..Limits::default()
            },
            cache_bytes: [0, 1 << 20][env.random_below(2) as usize],
            ..Options::default()
        };
        let opened = Engine::open(connector, Rc::new(env.clone()), options).await;
        let engine = opened.unwrap();
        Self {
            world: world.clone(),
            live: Live::new(&engine, Rc::new(env.clone())),
            env,
            engine,
            watches: Vec::new(),
            pending: Rc::default(),
        }
    }

    /// Finds a page, and goes on behind it.
    async fn page(&self, asked: &mut Asked) -> Result<Option<Rc<After>>> {
        let spec = FindSpec {
            sort: asked.spec().sort,
            limit: Some(1 + self.env.random_below(4)),
            ..FindSpec::default()
        };
        let query = asked.query();
        let begin = move || {
            let find = Find::new(&collection(), query.clone(), spec.clone());
            Ok((find, None))
        };
        let page = self.engine.read(afresh(begin, |(find, last), r| {
            find.step(r, &mut |doc| {
                *last = Some(Collection::id_of(doc)?);
                Ok(())
            })?;
            Ok(last.clone().zip(find.mark()))
        }));
        let Some((id, mark)) = settled(page).await? else {
            return Ok(None);
        };
        let is_marked = self.env.chance(70);
        asked.behind = Some(Behind {
            id: id.as_js().to_display(),
            value: mark.values.first().map(|value| match value {
                Value::Number(number) => *number,
                other => panic!("{other:?}"),
            }),
            is_marked,
        });
        Ok(Some(Rc::new(After {
            id,
            values: mark.values.clone(),
            mark: is_marked.then_some(mark),
        })))
    }

    async fn watch(&mut self) -> Result<()> {
        let env = self.env.clone();
        let mut asked = Asked::of(
            env.random_below(12),
            env.random_below(4),
            env.random_below(4),
            &self.world.ids.borrow(),
        );
        let after = match env.chance(40) {
            true => self.page(&mut asked).await?,
            false => None,
        };
        let told = Rc::new(Told {
            env: env.clone(),
            asked,
            pending: self.pending.clone(),
            heard: RefCell::default(),
            raw: RefCell::default(),
            folded: RefCell::default(),
            ended: RefCell::default(),
            lasts: Cell::new(true),
        });
        self.world.watched.borrow_mut().push(told.clone());
        let (query, include) = (told.asked.query(), told.asked.include());
        let spec = FindSpec {
            after,
            ..told.asked.spec()
        };
        let watch = self.live.watch_with(
            &collection(),
            query,
            spec,
            include,
            Box::new(Ear(told.clone())),
        );
        self.watches.push((watch?, told));
        Ok(())
    }

    fn new_op(&self, call: u64) -> Op {
        let env = &self.env;
        let mut ids = self.world.ids.borrow_mut();
        let known = ids
            .get(env.random_below(ids.len() as u64) as usize)
            .cloned();
        let mut insert = |count: u64, padded| {
            let docs = (0..count).map(|n| {
                let number = call * 100 + n + 1_000 * env.random_below(1_000) * 1_000;
                ids.push(format!("d{number}"));
                let (a, b) = (env.random_below(4), env.random_below(4));
                Doc {
                    id: format!("d{number}"),
                    a,
                    b,
                    by: call,
                }
            });
            Op::Insert(docs.collect(), padded)
        };
        match (env.random_below(100), known) {
            (0..2, _) => Op::Drop,
            (2..4, _) => insert(PADDED, true),
            (4..30, _) | (_, None) => insert(1 + env.random_below(3), false),
            (30..80, Some(id)) => Op::Update {
                id,
                set: match env.random_below(3) {
                    0 => Some(("a", env.random_below(4))),
                    1 => Some(("b", env.random_below(4))),
                    _ => None,
                },
                by: call,
            },
            (_, Some(id)) => Op::Delete(id),
        }
    }

    fn new_call(&self, ops: u64) -> (u64, Vec<Op>) {
        let call = self.world.last.get() + 1;
        self.world.last.set(call);
        let ops: Vec<Op> = (0..ops).map(|_| self.new_op(call)).collect();
        self.world.calls.borrow_mut().insert(call, ops.clone());
        (call, ops)
    }

    fn write(&self) {
        let (call, ops) = self.new_call(1);
        self.pending.borrow_mut().insert(call);
        let pending = self.pending.clone();
        let done = move |_: Result<()>| {
            pending.borrow_mut().remove(&call);
        };
        self.engine
            .write_and_tell(ops[0].work(Some(call)), Box::new(done));
    }

    async fn transact(&self) -> Result<()> {
        let (call, ops) = self.new_call(1 + self.env.random_below(3));
        for _ in 0..20 {
            let transaction = self.engine.begin().await?;
            let mut done = Ok(());
            for (n, op) in ops.iter().enumerate() {
                let is_last = n + 1 == ops.len();
                done = transaction.write(op.work(is_last.then_some(call))).await;
                if done.is_err() {
                    break;
                }
            }
            if transaction.is_doomed() || done.is_err() {
                transaction.abandon();
                continue;
            }
            if transaction.commit().await? {
                break;
            }
        }
        Ok(())
    }

    async fn perform(&mut self) -> Result<()> {
        let env = self.env.clone();
        match env.random_below(100) {
            0..45 => self.write(),
            45..55 => self.transact().await?,
            55..65 => self.watch().await?,
            65..68 if !self.watches.is_empty() => {
                let at = env.random_below(self.watches.len() as u64) as usize;
                let (watch, told) = self.watches.swap_remove(at);
                told.lasts.set(false);
                drop(watch);
            }
            68..74 if !self.watches.is_empty() => {
                let at = env.random_below(self.watches.len() as u64) as usize;
                self.watches[at].0.pause();
                env.sleep_us(env.random_below(100_000)).await;
                let before = self.watches[at].1.heard.borrow().len();
                env.sleep_us(env.random_below(100_000)).await;
                // (One may have been under way.)
                assert!(self.watches[at].1.heard.borrow().len() <= before + 1);
                self.watches[at].0.resume();
            }
            74..80 => self.engine.compact().await?,
            80..85 => self.engine.refresh().await?,
            _ => env.sleep_us(env.random_below(60_000)).await,
        }
        Ok(())
    }
}

impl World {
    async fn live(self: Rc<Self>, number: u64) -> Option<Tab> {
        let mut tab = Tab::open(&self).await;
        let steps = 15 + self.env.random_below(25);
        let killed_at = (number == 2 && self.env.chance(50)).then(|| self.env.random_below(steps));
        for step in 0..steps {
            if killed_at == Some(step) {
                tab.env.kill();
                tab.watches
                    .iter()
                    .for_each(|(_, told)| told.lasts.set(false));
                std::mem::forget(tab);
                return None;
            }
            if self.env.chance(4) {
                tab.env.freeze();
                self.env.sleep_us(self.env.random_below(2_000_000)).await;
                tab.env.thaw();
            }
            tab.perform().await.unwrap();
        }
        Some(tab)
    }
}

/// Runs a world; how often listeners were told anything.
fn run(seed: u64) -> usize {
    let env = SimEnv::new(seed);
    let world = Rc::new(World {
        database: SimDatabase::new(&env),
        env: env.clone(),
        calls: RefCell::default(),
        last: Cell::new(0),
        ids: RefCell::default(),
        watched: RefCell::default(),
    });
    env.clone().block_on(async move {
        // Each lives beside the realm that can be frozen, which its engine works in.
        let lives = (0..3).map(|number| world.clone().live(number));
        let tabs = futures_util::future::join_all(lives).await;
        world.env.sleep(SOON_MS).await;
        let reader = Tab::open(&world).await;
        let history = scan(&reader.engine, "h/").await.unwrap();
        let order = order_of(&history);
        let mut states = vec![Vec::new()];
        let mut places = Places::new();
        for call in &order {
            let mut docs = states.last().cloned().unwrap_or_default();
            let calls = world.calls.borrow();
            for op in &calls[call] {
                op.apply(&mut docs);
                for doc in &docs {
                    let next = places.len();
                    places.entry(doc.id.clone()).or_insert(next);
                }
            }
            states.push(docs);
        }
        let begin = || {
            Ok((
                Find::new(&collection(), Query::all(), FindSpec::default()),
                Vec::new(),
            ))
        };
        let all = reader.engine.read(afresh(begin, |(find, found), r| {
            find.step(r, &mut |doc| {
                found.push(shown(doc));
                Ok(())
            })?;
            Ok(std::mem::take(found))
        }));
        let all = settled(all).await.unwrap();
        let plain = Asked::of(0, 0, 0, &[]).find(states.last().unwrap(), &places);
        assert_eq!(all, plain, "the plain list is what is stored");
        let told = world
            .watched
            .borrow()
            .iter()
            .map(|told| told.check(&states, &order, &places))
            .sum();
        drop(tabs);
        told
    })
}

#[test]
fn each_result_is_of_a_committed_state_and_they_never_go_back() {
    let mut told = 0;
    for seed in 0..400 {
        let outcome = std::panic::catch_unwind(|| run(seed));
        told += outcome.unwrap_or_else(|_| panic!("seed {seed}"));
    }
    println!("told {told} times");
    assert!(told > 5_000, "told {told} times");
}
