//! One life of a tab: opens the engine, does what the plan says, and enters it in the ledger.

use bytes::Bytes;
use patchstore::backend::Durability;
use patchstore::backend::simulated::{Fault, SimConnector, SimDatabase};
use patchstore::codec::feature::{Feature, Features};
use patchstore::engine::access::{Answer, Cursor, Session, Writes, afresh};
use patchstore::engine::{
    self as lifecycle, Absent, Action, Engine, Limits, Options, Policy, Transaction,
};
use patchstore::env::Env;
use patchstore::models::contents::{PIECE_BYTES, abandon, collect_all, put_piece};
use patchstore::record::Id;
use patchstore::simulation::SimEnv;
use patchstore::{Code, Error, Result};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::cells::Clocked;
use super::contents::{self, Contents, Way};
use super::defined;
use super::documents;
use super::keys;
use super::kin;
use super::ledger::{Ending, Ledger, Seen};
use super::operation::{Call, Told, What, every_key, fail, range, read_keys, sign, work};
use super::plan::{Op, Plan, Step};

/// What a life works with.
#[derive(Clone)]
pub struct Tab {
    pub env: SimEnv,
    pub connector: SimConnector,
    pub database: SimDatabase,
    pub ledger: Rc<Ledger>,
    pub plan: Rc<Plan>,
    pub life: u64,
    /// Numbers of calls, over the whole world.
    pub last_call: Rc<Cell<u64>>,
    /// The phase in which its engine was opened.
    pub phase: Rc<Cell<u64>>,
    /// Calls of this life whose end is awaited.
    pub under_way: Rc<Cell<usize>>,
}

pub async fn settled<T: 'static>(outcome: Answer<T>) -> Result<T> {
    match outcome {
        Answer::Ready(result) => result,
        Answer::Later(future) => future.await,
    }
}

pub async fn scan(engine: &Engine, prefix: &str) -> Result<Vec<(Bytes, Bytes)>> {
    let range = range(prefix);
    let begin = move || Ok((Cursor::new(range.clone(), false), Vec::new()));
    let scanned = engine.read(afresh(begin, |(cursor, out), r| {
        while let Some(pair) = r.next(cursor)? {
            out.push(pair);
            r.breathe()?;
        }
        Ok(std::mem::take(out))
    }));
    settled(scanned).await
}

pub fn options(plan: &Plan) -> Options {
    Options {
        durability: if plan.strict {
            Durability::Strict
        } else {
            Durability::Relaxed
        },
        cache_bytes: plan.cache_bytes,
        // In every other world, connections come and go.
        idle_ms: if plan.seed.is_multiple_of(2) {
            1_400
        } else {
            45_000
        },
        limits: Limits {
            log_frames: plan.log_frames,
            log_bytes: 200_000,
            piece_bytes: plan.piece_bytes,
            garbage_bytes: plan.piece_bytes,
            level0_bytes: plan.level0_bytes,
            level1_bytes: plan.level1_bytes,
        },
        ..Options::default()
    }
}

/// What an error of a call says about its effects.
fn ending_of(error: &Error) -> Ending {
    match error.code() {
        Code::StorageQuotaExceeded | Code::Unavailable | Code::Conflict | Code::Closed => {
            Ending::Failed
        }
        Code::ConstraintViolation | Code::Exists | Code::NotStorable => Ending::Refused,
        Code::ConnectionLost => Ending::Unknown,
        other => panic!("{other:?}: {error}"),
    }
}

/// Errors that a call may end in, none of which says that data are damaged.
fn tolerable(error: &Error) {
    ending_of(error);
}

/// Where the disk is small, half of the worlds have a budget that is smaller still, and a step that writes.
fn obey(engine: &Engine, plan: &Plan) {
    let Some(bytes) = plan.quota_bytes.filter(|bytes| bytes % 2 == 0) else {
        return;
    };
    // Beside all that anybody looks at.
    drop(engine.write(Box::new(|w| {
        w.put(
            Bytes::from_static(b"z/expired"),
            super::operation::value(7, 7, 2_000),
        );
        Ok(())
    })));
    engine.relieve_by(Action::EvictExpired, Features::NONE, |engine, _| {
        engine.write(Box::new(|w| {
            let is_there = w.contains(b"z/expired")?;
            if is_there {
                w.delete(Bytes::from_static(b"z/expired"));
            }
            Ok(is_there)
        }))
    });
    engine.obey(Policy {
        threshold: 0.5,
        max_bytes: (bytes / 2) as f64,
    });
}

impl Tab {
    /// Switches on what the plan's patch has, while the tab is already at work.
    fn switch_on(&self, engine: &Engine) {
        if !self.plan.logged {
            return;
        }
        let switched = engine.switch_on(Feature::OpLog);
        self.env.spawn(Box::pin(async move {
            if let Err(error) = switched.await {
                tolerable(&error);
            }
        }));
    }

    /// Opens the engine, as often as it takes.
    pub async fn open(&self) -> Engine {
        for _ in 0..30 {
            let connector = Rc::new(self.connector.clone());
            self.phase.set(self.ledger.phase.get());
            match keys::open(&self.plan, connector, self.env.clone(), options(&self.plan)).await {
                Ok(engine) if self.phase.get() == self.ledger.phase.get() => {
                    obey(&engine, &self.plan);
                    self.switch_on(&engine);
                    return engine;
                }
                // The data went while it was being opened.
                Ok(engine) => engine.close().await,
                Err(error) => tolerable(&error),
            }
            self.env.sleep(100).await;
        }
        panic!("the engine cannot be opened");
    }

    /// Does the steps that `next` hands out.
    pub async fn live(self, next: impl Fn() -> Option<Step>) {
        let mut engine = self.open().await;
        while let Some(step) = next() {
            self.note(format_args!("{step:?}"));
            if let Err(error) = self.perform(&mut engine, step).await {
                tolerable(&error);
            }
            if engine.closed().is_some() {
                engine = self.open().await;
            }
            let pause_us = self.env.random_below(3_000);
            self.env.sleep_us(pause_us).await;
        }
        engine.close().await;
        while self.under_way.get() > 0 {
            self.env.sleep(5).await;
        }
    }

    fn note(&self, what: impl std::fmt::Display) {
        let line = format_args!("life {}: {what}", self.life).to_string();
        self.ledger.note(self.env.now_us(), line);
    }

    async fn perform(&self, engine: &mut Engine, step: Step) -> Result<()> {
        match step {
            Step::Write(ops, wait) => {
                for op in ops {
                    self.issue(engine, What::Op(op));
                }
                while wait && self.under_way.get() > 0 {
                    self.env.sleep_us(200).await;
                }
            }
            Step::Transfer { from, to, amount } => {
                let what = What::Transfer { from, to, amount };
                self.transact(engine, what).await?;
            }
            Step::Transact { ops, failing } => {
                self.transact(engine, What::Steps { ops, failing }).await?;
            }
            Step::Read { committed } => self.read(engine, committed).await?,
            Step::Look(times) => {
                for _ in 0..times {
                    self.read(engine, false).await?;
                    self.env.sleep_us(self.env.random_below(20_000)).await;
                }
            }
            Step::Scan => self.scan(engine).await?,
            Step::Compact => engine.compact().await?,
            Step::Flush => {
                let (_, acknowledged) = self.ledger.calls_of(self.life);
                engine.flush().await?;
                self.ledger.hardened.borrow_mut().extend(acknowledged);
            }
            Step::Stats => drop(engine.stats(vec![range("q/")]).await?),
            Step::Reopen => {
                engine.close().await;
                *engine = self.open().await;
            }
            Step::Pause(ms) => self.env.sleep(ms as u32).await,
            Step::Erase => {
                let connector = Rc::new(self.connector.clone());
                if self.env.chance(30) {
                    let aborts = [Fault::Abort, Fault::Misreported];
                    let abort = aborts[self.env.random_below(2) as usize];
                    connector.fault_next(abort("no reason".into()));
                }
                lifecycle::delete(connector, Rc::new(|| false)).await?;
                self.env.sleep_us(self.env.random_below(100_000)).await;
                self.database.sweep(lifecycle::is_dead);
                // What is left of the old life closes at the next look.
                engine.refresh().await?;
            }
            Step::Copy => self.copy().await?,
            Step::Put { content, way } => self.put(engine, content, way).await?,
            Step::Lend { at, of, after_ms } => {
                let until_ms = self.env.now_ms() as u64 + after_ms;
                let lend = Contents::Lend { at, of, until_ms };
                self.issue(engine, What::Op(Op::Contents(lend)));
            }
            Step::Collect { ahead_ms } => {
                let off_ms = Rc::new(Cell::new(ahead_ms as f64));
                let env: Rc<dyn Env> = Rc::new(Clocked::off(self.env.clone(), off_ms));
                let gone = collect_all(&*engine, &env).await?;
                let collected = &self.ledger.collected;
                collected.set(collected.get() + gone as usize);
            }
        }
        Ok(())
    }

    /// The same of a call: what it may have done before its patch was deleted is gone.
    fn ending_of(&self, id: u64, error: &Error) -> Ending {
        let entries = self.ledger.entries.borrow();
        let begun = entries.get(&id).map(|entry| entry.phase);
        let is_erased = begun < Some(self.ledger.phase.get());
        if is_erased && error.code() == Code::Closed {
            return Ending::Unknown;
        }
        ending_of(error)
    }

    fn new_call(&self, what: What) -> Call {
        self.last_call.set(self.last_call.get() + 1);
        let id = self.last_call.get();
        let call = Call { id, what };
        self.ledger.issue(self.life, self.phase.get(), call.clone());
        call
    }

    fn end(&self, id: u64, ending: Ending) {
        self.note(format_args!("call {id}: {ending:?}"));
        self.ledger.settle(id, ending);
    }

    /// Makes a call and does not wait for its end.
    fn issue(&self, engine: &Engine, what: What) {
        let call = self.new_call(what);
        let id = call.id;
        let done = engine.write(call.work());
        let (tab, engine) = (self.clone(), engine.clone());
        self.under_way.set(self.under_way.get() + 1);
        self.env.spawn(Box::pin(async move {
            let ending = match done.await {
                Ok(told) => Ending::Acknowledged(told),
                Err(error) => {
                    let is_forgotten = error.code() == Code::Closed && engine.closed().is_none();
                    assert!(
                        !is_forgotten,
                        "call {id} was forgotten by an engine that is open"
                    );
                    tab.ending_of(id, &error)
                }
            };
            tab.end(id, ending);
            tab.under_way.set(tab.under_way.get() - 1);
        }));
    }

    /// Puts a content, piece by piece, as callers do.
    async fn put(&self, engine: &Engine, content: u8, way: Way) -> Result<()> {
        let mut upload = Id([0; 16]);
        self.env.fill_random(&mut upload.0);
        let now_ms = self.env.now_ms() as u64;
        if matches!(way, Way::Again) {
            let touch = Contents::Touch {
                content,
                upload,
                now_ms,
            };
            self.issue(engine, What::Op(Op::Contents(touch)));
            return Ok(());
        }
        let bytes = contents::bytes(content);
        for (n, piece) in bytes.chunks(PIECE_BYTES).enumerate() {
            let piece = Bytes::from([&[0], piece].concat());
            let work = move |w: &mut dyn Writes| put_piece(w, upload, n as u32, &piece, now_ms);
            engine.write(Box::new(work)).await?;
            self.env.sleep_us(self.env.random_below(3_000)).await;
        }
        let is_whole = match way {
            Way::Whole => {
                let finish = Contents::Finish {
                    content,
                    upload,
                    now_ms,
                };
                self.finish(engine, finish).await
            }
            Way::Left => true,
            Way::Abandoned | Way::Again => false,
        };
        if !is_whole {
            let abandoned = engine.write(Box::new(move |w| abandon(w, upload)));
            abandoned.await?;
        }
        Ok(())
    }

    /// Whether what was put is there, as far as is known.
    async fn finish(&self, engine: &Engine, finish: Contents) -> bool {
        let call = self.new_call(What::Op(Op::Contents(finish)));
        let id = call.id;
        match engine.write(call.work()).await {
            Ok(told) => {
                self.end(id, Ending::Acknowledged(told));
                true
            }
            Err(error) => {
                self.end(id, self.ending_of(id, &error));
                false
            }
        }
    }

    /// A transaction, begun anew as long as others get in its way.
    async fn transact(&self, engine: &Engine, what: What) -> Result<()> {
        let call = self.new_call(what);
        let id = call.id;
        for run in 0..50 {
            let in_turn = run > 1 || self.env.chance(30);
            match self.attempt(engine, call.clone(), in_turn).await {
                Ok(Some(told)) => {
                    self.end(id, Ending::Acknowledged(told));
                    return Ok(());
                }
                Ok(None) => {}
                Err(error) => {
                    self.end(id, self.ending_of(id, &error));
                    return Err(error);
                }
            }
        }
        self.end(id, Ending::Failed);
        Ok(())
    }

    /// `None`: it must begin anew.
    async fn attempt(
        &self,
        engine: &Engine,
        call: Call,
        in_turn: bool,
    ) -> Result<Option<Vec<u64>>> {
        let begun = match in_turn {
            true => engine.begin_in_turn(),
            false => engine.begin(),
        };
        let transaction = begun.await?;
        if in_turn && self.env.chance(40) {
            // Something else in the same tab goes on writing, at some moment of it.
            let (tab, engine) = (self.clone(), engine.clone());
            self.env.spawn(Box::pin(async move {
                tab.env.sleep_us(tab.env.random_below(6_000)).await;
                let op = match tab.env.random_below(2) {
                    0 => Op::Increment { counter: 0 },
                    _ => Op::Census {
                        from: 0,
                        until: 12,
                        counter: 1,
                    },
                };
                tab.issue(&engine, What::Op(op));
            }));
        }
        // As user code would: waiting for other things in between.
        self.env.sleep_us(self.env.random_below(3_000)).await;
        let told = match self.work(&transaction, call).await {
            Ok(told) => told,
            Err(_) if transaction.is_doomed() => return Ok(None),
            Err(error) => return Err(error),
        };
        self.env.sleep_us(self.env.random_below(3_000)).await;
        Ok(transaction.commit().await?.then_some(told))
    }

    /// What a transaction does before it commits.
    async fn work(&self, transaction: &Transaction, call: Call) -> Result<Told> {
        let id = call.id;
        let What::Steps { ops, failing } = call.what.clone() else {
            return transaction.write(call.work()).await;
        };
        let mut told = Vec::new();
        for op in ops {
            if failing {
                // Whatever it fails with, a transaction can go on.
                let failed = transaction.write(Box::new(fail)).await;
                assert!(failed.is_err(), "a step that fails has not");
            }
            let step = transaction.write(work(op, id));
            told.extend(step.await?);
            self.env.sleep_us(self.env.random_below(3_000)).await;
        }
        let signed = transaction.write(Box::new(move |w| {
            sign(w, id);
            Ok(())
        }));
        signed.await?;
        Ok(told)
    }

    async fn read(&self, engine: &Engine, committed: bool) -> Result<()> {
        let mut keys = every_key();
        keys.retain(|_| self.env.chance(40));
        let seen = self.seen(committed);
        let wanted = keys.clone();
        let (with_kin, with_contents) = (self.plan.kin, self.plan.contents);
        let begin = move || {
            let kin = with_kin.then(kin::Gathering::new);
            let contents = with_contents.then(contents::Gathering::new);
            Ok((documents::all(), Vec::new(), kin, contents))
        };
        let work = afresh(begin, move |(find, numbers, kin, contents), r| {
            let docs = documents::gather(find, numbers, r)?;
            defined::check(r)?;
            let kin = kin.as_mut().map(|kin| kin.step(r)).transpose()?.flatten();
            let contents = contents.as_mut().map(|contents| contents.step(r));
            let contents = contents.transpose()?.flatten();
            Ok((read_keys(r, &wanted)?, docs, kin, contents))
        });
        let (found, docs, kin, contents) = if committed {
            settled(engine.read_committed(work)).await?
        } else {
            settled(engine.read(work)).await?
        };
        let mut found: BTreeMap<_, _> = keys.into_iter().zip(found).collect();
        found.insert(Bytes::from_static(documents::KEY), docs);
        if self.plan.kin {
            found.insert(Bytes::from_static(kin::KEY), kin);
        }
        if self.plan.contents {
            found.insert(Bytes::from_static(contents::KEY), contents);
        }
        self.saw(seen, found);
        Ok(())
    }

    async fn scan(&self, engine: &Engine) -> Result<()> {
        let seen = self.seen(false);
        let found = scan(engine, "q/").await?;
        let keys = every_key().into_iter().filter(|key| key.starts_with(b"q/"));
        let mut all: BTreeMap<_, _> = keys.map(|key| (key, None)).collect();
        all.extend(found.into_iter().map(|(key, value)| (key, Some(value))));
        self.saw(seen, all);
        Ok(())
    }

    async fn docs_of(&self, engine: &Engine) -> Result<Option<Bytes>> {
        let begin = || Ok((documents::all(), Vec::new()));
        let work = afresh(begin, |(find, numbers), r| {
            documents::gather(find, numbers, r)
        });
        settled(engine.read(work)).await
    }

    async fn kin_of(&self, engine: &Engine) -> Result<Option<Bytes>> {
        let begin = || Ok(kin::Gathering::new());
        settled(engine.read(afresh(begin, |kin, r| kin.step(r)))).await
    }

    async fn contents_of(&self, engine: &Engine) -> Result<Option<Bytes>> {
        let begin = || Ok(contents::Gathering::new());
        let work = afresh(begin, |contents: &mut contents::Gathering, r| {
            contents.step(r)
        });
        settled(engine.read(work)).await
    }

    /// The records of the catalog, under its keys and in it.
    async fn catalog_of(&self, engine: &Engine) -> Result<Vec<(Bytes, Bytes)>> {
        settled(engine.read(Box::new(defined::all))).await
    }

    /// What a copy holds is what was there at one moment; what came to no end holds nothing.
    async fn copy(&self) -> Result<()> {
        let target = SimDatabase::new(&self.env);
        let to = Rc::new(SimConnector::new(&self.env, &target));
        let options = |absent| Options {
            absent,
            poll_ms: 0,
            ..options(&self.plan)
        };
        let open = |absent| keys::open(&self.plan, to.clone(), self.env.clone(), options(absent));
        let phase = self.ledger.phase.get();
        let seen = self.seen(true);
        let from = Rc::new(self.connector.clone());
        let source =
            match keys::open(&self.plan, from, self.env.clone(), options(Absent::Refuse)).await {
                Err(error) if error.code() == Code::NoPatch => return Ok(()),
                opened => opened?,
            };
        let stops = self.env.chance(10);
        let env_of_stop = self.env.clone();
        let stopped = Rc::new(move || stops && env_of_stop.chance(10));
        let draft = open(Absent::Prepare).await?;
        let copied = source.copy_to(&draft, vec![range("")], stopped).await;
        draft.close().await;
        source.close().await;
        if let Err(error) = copied {
            let refused = open(Absent::Refuse).await.err().map(|error| error.code());
            assert_eq!(refused, Some(Code::NoPatch), "half a copy is there");
            return Err(error);
        }
        super::directory::check(&keys::plain(&self.plan, target.records()));
        let engine = open(Absent::Create).await?;
        let mut copied = scan(&engine, "q/").await?;
        copied.extend(self.catalog_of(&engine).await?);
        let docs = self.docs_of(&engine).await?;
        let family = self.kin_of(&engine).await?;
        let contents = self.contents_of(&engine).await?;
        // It can be written to, and orders of insertion go on.
        let call = Call {
            id: 0,
            what: What::Op(super::plan::Op::Insert { docs: 1 }),
        };
        engine.write(call.work()).await?;
        let (before, after) = (
            docs.clone().unwrap_or_default(),
            self.docs_of(&engine).await?,
        );
        assert!(
            after.unwrap_or_default().starts_with(&before),
            "what is inserted into a copy comes last"
        );
        engine.close().await;
        if self.ledger.phase.get() == phase {
            let mut found: BTreeMap<_, _> =
                every_key().into_iter().map(|key| (key, None)).collect();
            found.extend(copied.into_iter().map(|(key, value)| (key, Some(value))));
            found.insert(Bytes::from_static(documents::KEY), docs);
            if self.plan.kin {
                found.insert(Bytes::from_static(kin::KEY), family);
            }
            if self.plan.contents {
                found.insert(Bytes::from_static(contents::KEY), contents);
            }
            // It may have seen more than the tab's own engine has yet: nobody's life but its own.
            let life = u64::MAX - self.env.random_below(u64::MAX / 2);
            self.saw(
                Seen {
                    life,
                    phase,
                    ..seen
                },
                found,
            );
        }
        Ok(())
    }

    fn seen(&self, committed: bool) -> Seen {
        let (pending, acknowledged) = self.ledger.calls_of(self.life);
        Seen {
            life: self.life,
            phase: self.phase.get(),
            pending: if committed { Vec::new() } else { pending },
            acknowledged,
            found: BTreeMap::new(),
        }
    }

    fn saw(&self, seen: Seen, found: BTreeMap<Bytes, Option<Bytes>>) {
        self.note(format_args!("found {} keys", found.len()));
        self.ledger.reads.borrow_mut().push(Seen { found, ..seen });
    }
}
