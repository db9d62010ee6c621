//! Runs a plan: tabs that live, die and come back over one database, and what happens to them.

use bytes::Bytes;
use futures_util::future::join_all;
use patchstore::backend::simulated::{SimConnector, SimDatabase};
use patchstore::backend::{Connector, Durability};
use patchstore::codec::catalog;
use patchstore::engine::Engine;
use patchstore::engine::access::{Session, afresh};
use patchstore::env::Env;
use patchstore::simulation::SimEnv;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use super::contents;
use super::defined;
use super::directory;
use super::documents;
use super::explain::{self, Phase};
use super::indexes;
use super::keys;
use super::kin;
use super::ledger::{Ending, Ledger};
use super::operation::order_of;
use super::plan::{Event, Item, Plan, Step};
use super::tab::{Tab, options, scan, settled};
use super::tagged::Tagged;

/// So many times 50 ms and there must be an end to everything.
const LONG_ENOUGH: u32 = 4_000;

/// What the checks of a world that went well have counted.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    pub steps: usize,
    pub commits: usize,
    pub reads: usize,
    pub faults: BTreeMap<&'static str, usize>,
    pub kills: usize,
    pub power_cuts: usize,
    pub freezes: usize,
    pub erased: usize,
    pub refused: usize,
    pub collected: usize,
}

impl Counts {
    pub fn add(&mut self, more: Self) {
        self.steps += more.steps;
        self.commits += more.commits;
        self.reads += more.reads;
        for (kind, count) in more.faults {
            *self.faults.entry(kind).or_default() += count;
        }
        self.kills += more.kills;
        self.power_cuts += more.power_cuts;
        self.freezes += more.freezes;
        self.erased += more.erased;
        self.refused += more.refused;
        self.collected += more.collected;
    }
}

/// One tab, over all its lives.
struct Slot {
    number: usize,
    steps: RefCell<VecDeque<Step>>,
    realm: RefCell<Option<SimEnv>>,
    connector: RefCell<Option<SimConnector>>,
    /// Set when the steps are done.
    done: Cell<bool>,
    lives: Cell<usize>,
}

struct World {
    env: SimEnv,
    plan: Rc<Plan>,
    database: SimDatabase,
    ledger: Rc<Ledger>,
    slots: Vec<Slot>,
    last_call: Rc<Cell<u64>>,
    last_life: Cell<u64>,
    phases: RefCell<Vec<Phase>>,
    /// What patches that were deleted held, by phase; not looked at yet.
    erased: RefCell<VecDeque<(u64, SimDatabase)>>,
    /// The records when all tabs were done.
    left: RefCell<Option<SimDatabase>>,
    counts: RefCell<Counts>,
    /// What a later library has left in it before all began, if one has.
    tagged: RefCell<Option<Tagged>>,
}

/// The database that the plan leaves behind in the world of `env`, before anybody tidies up.
pub fn at_rest(plan: &Plan, env: &SimEnv) -> SimDatabase {
    let world = World::in_env(plan, env.clone());
    env.block_on(world.clone().unfold());
    world.left.borrow().clone().unwrap()
}

/// Runs the plan and tells all that happened, however it ends.
pub fn tell(plan: &Plan) {
    let world = World::new(plan);
    let unfold = || world.env.clone().block_on(world.clone().unfold());
    drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(
        unfold,
    )));
    for line in world.ledger.trace.borrow().iter() {
        println!("{line}");
    }
    for phase in world.phases.borrow().iter() {
        println!(
            "phase {}, {}: {:?}",
            phase.number, phase.is_start, phase.order
        );
    }
}

/// Runs the plan and checks it. Panics with what is wrong; else the trace and the counts.
pub fn run(plan: &Plan) -> (Vec<String>, Counts) {
    let world = World::new(plan);
    world.env.block_on(world.clone().unfold());
    let mut counts = world.counts.take();
    counts.faults = world.database.faults_met();
    let phases = world.phases.take();
    counts.commits = phases.iter().map(|phase| phase.order.len()).sum();
    counts.reads = world.ledger.reads.borrow().len();
    let entries = world.ledger.entries.borrow();
    let refused = entries
        .values()
        .filter(|entry| entry.ending == Ending::Refused);
    counts.refused = refused.count();
    counts.collected = world.ledger.collected.get();
    drop(entries);
    explain::check(&world.ledger, &phases);
    (world.ledger.trace.take(), counts)
}

/// Runs the plan on a database in which a later library has left what may be passed over. Whether that is still
/// there: if not, a new life has begun.
pub fn keeps(plan: &Plan) -> bool {
    let world = World::new(plan);
    let inner = world.clone();
    world.env.block_on(async move {
        inner.tag().await;
        inner.unfold().await;
    });
    explain::check(&world.ledger, &world.phases.take());
    let tagged = world.tagged.take();
    tagged.unwrap().check(&world.database.records())
}

impl Slot {
    fn new(number: usize, plan: &Plan) -> Self {
        let mine = plan.items.iter().filter_map(|item| match item {
            Item::Step(tab, step) if *tab == number => Some(step.clone()),
            _ => None,
        });
        Self {
            number,
            steps: RefCell::new(mine.collect()),
            realm: RefCell::default(),
            connector: RefCell::default(),
            done: Cell::new(false),
            lives: Cell::new(0),
        }
    }
}

impl World {
    fn new(plan: &Plan) -> Rc<Self> {
        Self::in_env(plan, SimEnv::new(plan.seed))
    }

    fn in_env(plan: &Plan, env: SimEnv) -> Rc<Self> {
        let database = SimDatabase::new(&env);
        database.set_timing(plan.timing);
        database.set_quota(plan.quota_bytes);
        let slots = (0..plan.tabs).map(|number| Slot::new(number, plan));
        let world = Rc::new(Self {
            slots: slots.collect(),
            env,
            plan: Rc::new(plan.clone()),
            database,
            ledger: Rc::new(Ledger::default()),
            last_call: Rc::default(),
            last_life: Cell::new(0),
            phases: RefCell::default(),
            erased: RefCell::default(),
            left: RefCell::default(),
            counts: RefCell::default(),
            tagged: RefCell::default(),
        });
        let erased = Rc::downgrade(&world);
        world.database.when_erased(move |before, fenced| {
            if let Some(world) = erased.upgrade() {
                let number = world.ledger.phase.get();
                // Nothing but a quota excuses a deletion without a fence.
                let is_full = world.database.faults_met().contains_key("quota exceeded");
                if !fenced && is_full {
                    world.ledger.unfenced.borrow_mut().insert(number);
                }
                world.ledger.phase.set(number + 1);
                world.count(|counts| counts.erased += 1);
                world.erased.borrow_mut().push_back((number, before));
            }
        });
        world
    }

    /// Leaves one segment, and tags, in the empty database.
    async fn tag(&self) {
        self.database.set_quota(None);
        let engine = self.open_alone(&self.database).await;
        // Beside all that anybody looks at; large enough to be moved as it is.
        let written = engine.write(Box::new(|w| {
            w.put(
                Bytes::from_static(b"z/"),
                super::operation::value(7, 7, 40_000),
            );
            Ok(())
        }));
        written.await.unwrap();
        engine.compact().await.unwrap();
        engine.close().await;
        let (tagged, writes) = Tagged::tag(&self.database.records());
        let connector = SimConnector::new(&self.env.new_realm(), &self.database);
        let backend = connector.open(Rc::new(|_| ())).await.unwrap();
        let flip = backend.flip(Box::new(|_| Some(writes)), Durability::Strict);
        assert!(flip.await.unwrap());
        backend.close();
        self.database.set_quota(self.plan.quota_bytes);
        self.tagged.replace(Some(tagged));
    }

    async fn unfold(self: Rc<Self>) {
        self.slots
            .iter()
            .for_each(|slot| self.clone().begin_life(slot));
        let mut events: Vec<(u64, Event)> = Vec::new();
        for item in &self.plan.items {
            match item {
                Item::Event { at_ms, event } => events.push((*at_ms, event.clone())),
                Item::Step(..) => self.count(|counts| counts.steps += 1),
                Item::Fault { .. } => {}
            }
        }
        events.sort_by_key(|(at_ms, _)| *at_ms);
        for (at_ms, event) in events {
            let now_ms = self.env.now_us() / 1_000;
            self.env.sleep(at_ms.saturating_sub(now_ms) as u32).await;
            self.clone().happen(event).await;
        }
        for _ in 0..LONG_ENOUGH {
            if self.slots.iter().all(|slot| slot.done.get()) {
                return self.end().await;
            }
            self.env.sleep(50).await;
            // Frozen transactions go on, and so do frozen tabs, sooner or later.
            if self.env.chance(3) {
                self.release();
            }
        }
        panic!("a call hangs: {:?}", self.open_calls());
    }

    fn open_calls(&self) -> Vec<u64> {
        let entries = self.ledger.entries.borrow();
        let open = entries.values().filter(|e| e.ending == Ending::Open);
        open.map(|entry| entry.call.id).collect()
    }

    fn count(&self, add: impl FnOnce(&mut Counts)) {
        add(&mut self.counts.borrow_mut());
    }

    fn release(&self) {
        for slot in &self.slots {
            if let Some(connector) = slot.connector.borrow().as_ref() {
                connector.release();
            }
        }
    }

    fn begin_life(self: Rc<Self>, slot: &Slot) {
        let realm = self.env.new_realm();
        let connector = SimConnector::new(&realm, &self.database);
        let life = slot.lives.get();
        slot.lives.set(life + 1);
        for item in &self.plan.items {
            if let Item::Fault {
                tab,
                life: of,
                at,
                fault,
            } = item
                && (*tab, *of) == (slot.number, life)
            {
                connector.fault_at(*at, fault.clone());
            }
        }
        self.last_life.set(self.last_life.get() + 1);
        let tab = Tab {
            env: realm.clone(),
            connector: connector.clone(),
            database: self.database.clone(),
            ledger: self.ledger.clone(),
            plan: self.plan.clone(),
            life: self.last_life.get(),
            last_call: self.last_call.clone(),
            phase: Rc::default(),
            under_way: Rc::default(),
        };
        slot.realm.replace(Some(realm.clone()));
        slot.connector.replace(Some(connector));
        let (world, number) = (self.clone(), slot.number);
        realm.spawn(Box::pin(async move {
            let steps = world.clone();
            tab.live(move || steps.slots[number].steps.borrow_mut().pop_front())
                .await;
            world.slots[number].done.set(true);
        }));
    }

    /// Looks at what was deleted, before the next phase ends.
    async fn look_at_erased(&self) {
        loop {
            let next = self.erased.borrow_mut().pop_front();
            let Some((number, before)) = next else { return };
            let phase = self.phase_of(&before).await;
            self.phases.borrow_mut().push(Phase { number, ..phase });
        }
    }

    fn kill(&self, slot: &Slot) {
        if let Some(connector) = slot.connector.take() {
            connector.thaw();
            connector.sever();
        }
        if let Some(realm) = slot.realm.take() {
            realm.thaw();
            realm.kill();
        }
    }

    async fn happen(self: Rc<Self>, event: Event) {
        self.ledger
            .note(self.env.now_us(), format_args!("{event:?}"));
        match event {
            Event::Kill(tab) => {
                let slot = &self.slots[tab];
                if !slot.done.get() {
                    self.count(|counts| counts.kills += 1);
                    self.kill(slot);
                    self.clone().begin_life(slot);
                }
            }
            Event::Freeze(tab, ms) => {
                let Some(realm) = self.slots[tab].realm.borrow().clone() else {
                    return;
                };
                self.count(|counts| counts.freezes += 1);
                realm.freeze();
                let env = self.env.clone();
                self.env.spawn(Box::pin(async move {
                    env.sleep(ms as u32).await;
                    realm.thaw();
                }));
            }
            Event::Sever(tab) => {
                if let Some(connector) = self.slots[tab].connector.borrow().as_ref() {
                    connector.sever();
                }
            }
            Event::Upgrade => self.database.want_upgrade(),
            Event::CutPower => self.cut_power().await,
            Event::Delete | Event::ClearStorage => {
                self.look_at_erased().await;
                let fork = self.database.fork();
                if matches!(event, Event::Delete) {
                    self.database.delete();
                } else {
                    self.database.clear();
                }
                let number = self.ledger.phase.get();
                self.ledger.phase.set(number + 1);
                let phase = self.phase_of(&fork).await;
                self.phases.borrow_mut().push(Phase { number, ..phase });
            }
        }
    }

    /// Every tab is gone at once; what was not flushed may be.
    async fn cut_power(self: Rc<Self>) {
        self.look_at_erased().await;
        self.count(|counts| counts.power_cuts += 1);
        let promised: BTreeSet<u64> = self.promised();
        self.slots.iter().for_each(|slot| self.kill(slot));
        let before = self.database.fork();
        self.database.cut_power();
        let after = self.phase_of(&self.database.fork()).await;
        let before = self.phase_of(&before).await;
        assert!(
            before.order.starts_with(&after.order),
            "after the power cut, {:?} is no prefix of {:?}",
            after.order,
            before.order
        );
        let kept: BTreeSet<u64> = after.order.iter().copied().collect();
        let lost: Vec<_> = before
            .order
            .iter()
            .filter(|id| promised.contains(id) && !kept.contains(id))
            .collect();
        assert!(
            lost.is_empty(),
            "the power cut took {lost:?}, promised to survive it"
        );
        self.ledger.phase.set(self.ledger.phase.get() + 1);
        self.phases.borrow_mut().push(before);
        // The next phase begins with what was kept.
        self.phases.borrow_mut().push(Phase {
            is_start: true,
            ..after
        });
        self.slots
            .iter()
            .filter(|slot| !slot.done.get())
            .for_each(|slot| self.clone().begin_life(slot));
    }

    /// Calls that must survive a cut of power.
    fn promised(&self) -> BTreeSet<u64> {
        let entries = self.ledger.entries.borrow();
        let acknowledged = entries
            .values()
            .filter(|e| matches!(e.ending, Ending::Acknowledged(_)));
        let hardened = self.ledger.hardened.borrow();
        acknowledged
            .map(|entry| entry.call.id)
            .filter(|id| self.plan.strict || hardened.contains(id))
            .collect()
    }

    async fn open_alone(&self, database: &SimDatabase) -> Engine {
        let realm = self.env.new_realm();
        let connector = SimConnector::new(&realm, database);
        let opened = keys::open(&self.plan, Rc::new(connector), realm, options(&self.plan)).await;
        opened.unwrap_or_else(|error| panic!("a database at rest cannot be opened: {error}"))
    }

    /// What a database at rest holds.
    async fn phase_of(&self, database: &SimDatabase) -> Phase {
        let number = self.ledger.phase.get();
        let rest = |prefix: &'static str| async move {
            let engine = self.open_alone(database).await;
            let found = scan(&engine, prefix).await;
            engine.close().await;
            found.unwrap_or_else(|error| panic!("a database at rest cannot be read: {error}"))
        };
        let mut data: Vec<(Bytes, Bytes)> = rest("q/").await;
        let engine = self.open_alone(database).await;
        let begin = || Ok((documents::all(), Vec::new()));
        let work = afresh(begin, |(find, numbers), r| {
            documents::gather(find, numbers, r)
        });
        let docs = settled(engine.read(work)).await;
        let docs = docs.unwrap_or_else(|error| panic!("documents at rest: {error}"));
        let defined = settled(engine.read(Box::new(defined::all))).await;
        data.extend(defined.unwrap_or_else(|error| panic!("the catalog at rest: {error}")));
        if self.plan.contents {
            let begin = || Ok(contents::Gathering::new());
            let work = afresh(begin, |contents: &mut contents::Gathering, r| {
                contents.step(r)
            });
            let found = settled(engine.read(work)).await;
            let found = found.unwrap_or_else(|error| panic!("contents at rest: {error}"));
            data.extend(contents::Gathering::pair(found));
        }
        if self.plan.kin || self.plan.logged {
            let all = scan(&engine, "").await;
            data.extend(check_all(
                &all.unwrap_or_else(|error| panic!("no scan: {error}")),
            ));
        }
        engine.close().await;
        data.extend(docs.map(|docs| (Bytes::from_static(documents::KEY), docs)));
        Phase {
            number,
            order: order_of(&rest("h/").await),
            data,
            is_start: false,
        }
    }

    async fn end(&self) {
        // What closed engines have left under way goes on.
        self.slots.iter().for_each(|slot| self.kill(slot));
        self.database.set_quota(None);
        self.look_at_erased().await;
        self.left.replace(Some(self.database.fork()));
        directory::check_pieces(&keys::plain(&self.plan, self.database.records()));
        if let Some(tagged) = &*self.tagged.borrow() {
            tagged.check(&self.database.records());
        }
        let phase = self.phase_of(&self.database).await;
        self.phases.borrow_mut().push(phase);
        directory::check_pieces(&keys::plain(&self.plan, self.database.records()));
        // What maintenance leaves behind is what it should be.
        let engine = self.open_alone(&self.database).await;
        join_all([engine.compact()])
            .await
            .into_iter()
            .for_each(|done| {
                done.unwrap_or_else(|error| {
                    panic!("a database at rest cannot be compacted: {error}")
                });
            });
        let stats = engine.stats(vec![super::operation::range("")]).await;
        let stats = stats.unwrap_or_else(|error| panic!("no statistics: {error}"));
        let all = scan(&engine, "")
            .await
            .unwrap_or_else(|error| panic!("no scan: {error}"));
        engine.close().await;
        // (Of pairs that expire, some may be gone by the time that all are scanned.)
        if !self.plan.contents {
            assert_eq!(
                stats.records,
                all.len() as u64,
                "statistics differ from a count"
            );
            let bytes: usize = all.iter().map(|(key, value)| key.len() + value.len()).sum();
            assert_eq!(
                stats.live_bytes, bytes as u64,
                "statistics differ from a sum"
            );
        }
        let records = keys::plain(&self.plan, self.database.records());
        let mut defined = all.clone();
        defined.retain(|(key, _)| catalog::has(key));
        defined::check_root(&records, &defined);
        indexes::check(&all);
        directory::check(&records);
        if !self.plan.contents && (self.plan.kin || self.plan.logged) {
            let engine = self.open_alone(&self.database).await;
            let again = scan(&engine, "").await;
            engine.close().await;
            assert!(
                again.is_ok_and(|again| again == all),
                "opened again, it has something else"
            );
            check_all(&all);
        }
        if self.plan.contents {
            let engine = self.open_alone(&self.database).await;
            let checked = contents::check_end(&engine, &self.env).await;
            checked.unwrap_or_else(|error| panic!("contents at rest: {error}"));
            engine.close().await;
        }
    }
}

/// What holds of all records, whoever has died over what; of those that refer to each other, what there is.
fn check_all(all: &[(Bytes, Bytes)]) -> Vec<(Bytes, Bytes)> {
    let record_of = |wanted: &[u8]| {
        let found = all.iter().find(|(key, _)| key == wanted);
        found.map(|(_, record)| record)
    };
    indexes::check(all);
    kin::check(all, kin::is_bound(record_of));
    kin::at_rest(all)
}
