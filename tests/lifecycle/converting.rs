//! Converting a patch: encrypted in place, and back.

use std::collections::BTreeSet;

use futures_util::future::join;
use patchstore::backend::Id;
use patchstore::codec::feature::Feature;
use patchstore::codec::head::Head;
use patchstore::codec::js_string::JsString;
use patchstore::codec::kinds::key as kinds;
use patchstore::codec::marks::NEVER;
use patchstore::codec::stamp::Stamp;
use patchstore::codec::value::from_json;
use patchstore::engine::access::{Writes, afresh};
use patchstore::engine::{Access, Conversion};
use patchstore::models::documents::{Collection, Ids, Insert, NewDoc};
use patchstore::models::kv::{self, Kv};
use patchstore::models::op_log::log::Read as ReadLog;
use patchstore::models::op_log::merkle::Found;
use patchstore::models::op_log::service::{Service, answered};
use patchstore::models::{Scope, adapter_log, many};
use patchstore::sealed::aead::Secret;
use patchstore::sealed::keys::RawKey;
use patchstore::sealed::vault::NoBulk;

use super::*;

/// The reserve, which a conversion leaves alone.
const RESERVE: Id = Id([0xff; 16]);

pub fn by(key: u8) -> Option<Access> {
    let secret = Secret::filled(|bytes| bytes.fill(key));
    Some(Access {
        credential: Rc::new(RawKey::new(secret)),
        bulk: Rc::new(NoBulk),
    })
}

/// A patch that is encrypted or not, in a world.
pub struct Patch {
    pub world: World,
    pub access: Option<Access>,
}

pub fn options(absent: Absent) -> Options {
    let limits = Limits {
        log_frames: 20,
        ..Limits::default()
    };
    Options {
        absent,
        limits,
        poll_ms: 0,
        ..Options::default()
    }
}

pub async fn open_by(
    connector: Rc<dyn Connector>,
    env: Rc<dyn Env>,
    options: Options,
    access: Option<Access>,
) -> Result<Engine> {
    match access {
        None => Engine::open(connector, env, options).await,
        Some(access) => {
            let opening = Engine::open_sealed(Rc::default(), connector, env, options, access);
            opening.await.map(|(engine, _)| engine)
        }
    }
}

impl Patch {
    pub fn new(seed: u64, access: Option<Access>) -> Self {
        let world = World::new(seed);
        Self { world, access }
    }

    /// The same patch in a database of its own.
    pub fn fork(&self) -> Self {
        Self {
            world: World {
                env: self.world.env.clone(),
                database: self.world.database.fork(),
            },
            access: self.access.clone(),
        }
    }

    async fn try_open(&self) -> Result<Engine> {
        let (connector, env) = (self.world.connector(), self.world.env());
        open_by(connector, env, options(Absent::Create), self.access.clone()).await
    }

    pub async fn open(&self) -> Engine {
        self.try_open().await.unwrap()
    }

    fn conversion(&self, connector: Rc<dyn Connector>, to: Option<Access>) -> Conversion {
        Conversion {
            realm: Rc::default(),
            connector,
            env: self.world.env(),
            options: options(Absent::Refuse),
            from: self.access.clone(),
            to,
        }
    }

    async fn try_convert(&self, to: Option<Access>) -> Result<()> {
        let conversion = self.conversion(self.world.connector(), to);
        conversion.run(Rc::new(|| false)).await
    }

    /// Encrypts it, without a word of it here.
    pub async fn try_convert_by(&self, key: u8) {
        self.try_convert(by(key)).await.unwrap();
    }

    pub async fn convert(&mut self, to: Option<Access>) {
        self.try_convert(to.clone()).await.unwrap();
        self.access = to;
    }

    pub fn head(&self) -> Head {
        let records = self.world.database.records();
        let head = records.iter().find(|(key, _)| *key == RecordKey::Head);
        Head::decode(&head.unwrap().1).unwrap()
    }

    /// The ids of its records.
    pub fn ids(&self) -> BTreeSet<Id> {
        let records = self.world.database.records();
        let ids = records.iter().filter_map(|(key, _)| match key {
            RecordKey::Run(id) | RecordKey::Piece(id) if *id != RESERVE => Some(*id),
            _ => None,
        });
        ids.collect()
    }

    /// Whether something of what was stored lies in the clear.
    pub fn shows(&self) -> bool {
        let records = self.world.database.records();
        let found = |record: &Bytes| record.windows(12).any(|part| part == b"recognisable");
        records.iter().any(|(_, record)| found(record))
    }
}

/// Everything that an engine shows, of every kind.
pub async fn everything(engine: &Engine) -> Vec<(Bytes, Bytes)> {
    let begin = || {
        Ok((
            Cursor::new(KeyRange::everything(), false),
            Vec::<(Bytes, Bytes)>::new(),
        ))
    };
    let work = afresh(begin, |(cursor, out), r| {
        while let Some(pair) = r.next(cursor)? {
            out.push(pair);
        }
        Ok(std::mem::take(out))
    });
    answered(engine.read_committed(work)).await.unwrap()
}

pub fn text(n: u64, length: usize) -> Bytes {
    let text = "recognisable ".repeat(length / 13 + 1);
    from_json(format!("\"{text}{n}\"").as_bytes())
}

pub async fn set(engine: &Engine, of: &Kv, key: &str, value: Bytes, until_ms: u64) -> Result<()> {
    let key = of.key(JsString::from(key).as_js()).unwrap();
    let work = Box::new(move |w: &mut dyn Writes| kv::set(w, &key, &value, until_ms));
    engine.write(work).await
}

pub fn pairs() -> Kv {
    Kv::new(&Scope::Name("s".into())).unwrap()
}

/// Something of everything, some of it merged, some in the log.
pub async fn stock(patch: &Patch) {
    let engine = patch.open().await;
    engine.switch_on(Feature::OpLog).await.unwrap();
    for n in 0..30 {
        set(&engine, &pairs(), &format!("k{n}"), text(n, 2_000), NEVER)
            .await
            .unwrap();
    }
    for n in 0..3 {
        let large = text(n, 100_000);
        set(&engine, &pairs(), &format!("large{n}"), large, NEVER)
            .await
            .unwrap();
    }
    let key = pairs().key(JsString::from("k3").as_js()).unwrap();
    let removed = engine.write(Box::new(move |w| kv::delete(w, &key)));
    assert!(removed.await.unwrap());
    engine.compact().await.unwrap();
    for n in 0..5 {
        let given = format!(r#"{{"_id":"d{n}","recognisable field":{n}}}"#);
        let mut random = |bytes: &mut [u8]| patch.world.env.fill_random(bytes);
        let given = from_json(given.as_bytes());
        let doc = NewDoc::prepare(&given, 5.0, &mut Ids::default(), &mut random).unwrap();
        let name = Scope::Name("recognisable scope".into());
        let collection = Collection::new(&name, JsString::from("c").as_js()).unwrap();
        let insert = Insert::new(&collection, vec![doc]);
        many::write(&engine, patch.world.env(), insert)
            .await
            .unwrap();
    }
    let in_an_hour = patch.world.env.now_ms() as u64 + 3_600_000;
    set(&engine, &pairs(), "dated", text(5, 50), in_an_hour)
        .await
        .unwrap();
    let meta = Kv::of_kind(kinds::META);
    set(&engine, &meta, "recognisable meta", text(1, 10), NEVER)
        .await
        .unwrap();
    let record = Bytes::from_static(b"\x58recognisable record\0");
    let changes = vec![(record, Some(text(9, 20)))];
    let append = adapter_log::Append::new(7, text(8, 20), changes);
    many::write(&engine, patch.world.env(), append)
        .await
        .unwrap();
    set(&engine, &pairs(), "last", text(1, 10), NEVER)
        .await
        .unwrap();
    engine.close().await;
}

/// What must be the same before and after.
#[derive(Debug, PartialEq)]
struct Shown {
    all: Vec<(Bytes, Bytes)>,
    device: Bytes,
    pending: Vec<(u64, Stamp)>,
    digest: Found,
}

async fn shown(patch: &Patch) -> (Shown, Stamp) {
    let engine = patch.open().await;
    let all = everything(&engine).await;
    let service = Service::new(&engine, patch.world.env());
    let logged = service.logged().unwrap();
    let pending = pending(&engine).await;
    let digest = service.look("").await.unwrap();
    let all_later = everything(&engine).await;
    // What looking at the digest has written is no news after the first time.
    let all = if patch.access.is_none() {
        all_later
    } else {
        all
    };
    engine.close().await;
    let next = patch.head().op_log.unwrap().next_stamp;
    let device = logged.device;
    (
        Shown {
            all,
            device,
            pending,
            digest,
        },
        next,
    )
}

pub async fn pending(engine: &Engine) -> Vec<(u64, Stamp)> {
    let begin = || Ok((ReadLog::new(-1.0, f64::INFINITY, false), Vec::new()));
    let work = afresh(begin, |(read, out): &mut (ReadLog, Vec<_>), r| {
        read.step(r, &mut |id, entry, _| {
            out.push((id, entry.stamp));
            Ok(())
        })?;
        Ok(std::mem::take(out))
    });
    answered(engine.read_committed(work)).await.unwrap()
}

#[test]
fn everything_is_the_same_under_a_key_and_in_the_clear_again() {
    let mut patch = Patch::new(1, None);
    patch.world.env.clone().block_on(async {
        stock(&patch).await;
        let mut before = shown(&patch).await.0;
        assert!(before.pending.len() > 30 && patch.shows());
        for to in [by(1), None, by(2), None] {
            let (head, old) = (patch.head(), patch.ids());
            patch.convert(to.clone()).await;
            let after = patch.head();
            assert_eq!(after.clock, head.clock, "the stored clock");
            assert_eq!(after.base, head.base, "orders go on");
            let (was, is) = (head.op_log.unwrap(), after.op_log.clone().unwrap());
            assert_eq!((&was.device, was.since), (&is.device, is.since));
            assert!(was.next_stamp <= is.next_stamp);
            assert!(!after.sweep && after.keys.is_empty() == to.is_none());
            assert!(old.is_disjoint(&patch.ids()), "nothing of it is left");
            assert_eq!(patch.shows(), to.is_none());
            assert_eq!(shown(&patch).await.0, before);
            // Life goes on, and no stamp and no number comes again. (The next conversion finds something in the log.)
            let engine = patch.open().await;
            for n in 0..2 {
                set(&engine, &pairs(), &format!("after{n}"), text(1, 10), NEVER)
                    .await
                    .unwrap();
            }
            let now = pending(&engine).await;
            assert_eq!(now[..now.len() - 2], before.pending);
            let ascend = |pair: &[(u64, Stamp)]| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1;
            assert!(now.windows(2).all(ascend), "{now:?}");
            engine.close().await;
            before = shown(&patch).await.0;
        }
    });
}

#[test]
fn what_is_asked_of_the_wrong_patch_is_refused() {
    let mut patch = Patch::new(2, None);
    patch.world.env.clone().block_on(async {
        let code = async |patch: &Patch, from: Option<Access>, to| {
            let asked = Patch {
                access: from,
                ..patch.fork()
            };
            let before = asked.world.database.records();
            let refused = asked.try_convert(to).await.unwrap_err();
            assert_eq!(asked.world.database.records(), before, "as it was");
            refused.code()
        };
        assert_eq!(code(&patch, None, by(1)).await, Code::NoPatch);
        assert_eq!(code(&patch, by(1), None).await, Code::NoPatch);
        stock(&patch).await;
        assert_eq!(code(&patch, by(1), None).await, Code::NotEncrypted);
        patch.convert(by(1)).await;
        assert_eq!(code(&patch, None, by(1)).await, Code::Encrypted);
        assert_eq!(code(&patch, by(2), None).await, Code::WrongKey);
    });
}

/// How many records there are once everything is merged, and what nothing refers to is collected.
async fn tidied(patch: &Patch) -> usize {
    let engine = patch.open().await;
    // Whatever opening has begun.
    patch.world.env.sleep(2_000).await;
    assert!(!patch.head().sweep, "it was collected");
    engine.compact().await.unwrap();
    engine.close().await;
    patch.ids().len()
}

/// Runs a conversion until its `nth` transaction, where the browser dies, or the machine. Whether it came that far.
async fn dies(patch: &Patch, to: Option<Access>, nth: u64, fault: Fault, power: bool) -> bool {
    let dying = patch.world.env.new_realm();
    let connector = SimConnector::new(&dying, &patch.world.database);
    connector.fault_at(nth, fault);
    let mut conversion = patch.conversion(Rc::new(connector.clone()), to);
    conversion.env = Rc::new(dying.clone());
    let done = Rc::new(Cell::new(false));
    let told = done.clone();
    dying.spawn(Box::pin(async move {
        conversion.run(Rc::new(|| false)).await.unwrap();
        told.set(true);
    }));
    patch.world.env.sleep(60_000).await;
    if power {
        dying.kill();
        patch.world.database.cut_power();
    } else {
        connector.sever();
        patch.world.database.sever();
        dying.kill();
    }
    connector.thaw();
    patch.world.env.sleep(10).await;
    !done.get()
}

#[test]
fn cut_short_at_any_transaction_it_is_the_old_patch_or_the_new_one_and_leaves_nothing() {
    for encrypts in [true, false] {
        let (mut olds, mut news) = (0, 0);
        for power in [false, true] {
            let mut patch = Patch::new(3, None);
            patch.world.env.clone().block_on(async {
                stock(&patch).await;
                let _looked_up = shown(&patch).await;
                if !encrypts {
                    patch.convert(by(1)).await;
                }
                let to = if encrypts { by(2) } else { None };
                let (before, _) = shown(&patch).await;
                let (old, count) = (patch.ids(), tidied(&patch.fork()).await);
                'each: for nth in 1.. {
                    for fault in [Fault::FrozenBefore, Fault::FrozenAfter] {
                        let mut forked = patch.fork();
                        // (A fork's disk has nothing before.)
                        let engine = forked.open().await;
                        engine.flush().await.unwrap();
                        engine.close().await;
                        if !dies(&forked, to.clone(), nth, fault.clone(), power).await {
                            break 'each;
                        }
                        let is_new = forked.head().keys.is_empty() != encrypts;
                        if is_new {
                            forked.access = to.clone();
                        }
                        news += u32::from(is_new);
                        olds += u32::from(!is_new);
                        let when = format!("{nth} {fault:?} {power} {encrypts}");
                        if is_new {
                            assert!(old.is_disjoint(&forked.ids()), "{when}");
                        }
                        assert_eq!(shown(&forked).await.0, before, "{when}");
                        assert_eq!(tidied(&forked).await, count, "{when}");
                        assert_eq!(forked.shows(), forked.access.is_none(), "{when}");
                        assert_eq!(shown(&forked).await.0, before, "{when}");
                    }
                }
            });
        }
        assert!(olds > 10 && news > 1, "{olds} old, {news} new");
    }
}

#[test]
fn a_lost_connection_or_a_misreport_does_no_harm() {
    for encrypts in [true, false] {
        let mut ends = [0, 0];
        for fault in [
            Fault::LostBefore,
            Fault::LostAfter,
            Fault::Misreported("no reason".into()),
            Fault::Abort("no reason".into()),
            Fault::Quota,
        ] {
            let mut patch = Patch::new(4, None);
            patch.world.env.clone().block_on(async {
                stock(&patch).await;
                let _looked_up = shown(&patch).await;
                if !encrypts {
                    patch.convert(by(1)).await;
                }
                let to = if encrypts { by(2) } else { None };
                let (before, _) = shown(&patch).await;
                let count = tidied(&patch.fork()).await;
                for nth in 1..40 {
                    let mut forked = patch.fork();
                    let connector =
                        SimConnector::new(&forked.world.env.new_realm(), &forked.world.database);
                    connector.fault_at(nth, fault.clone());
                    let converting = forked
                        .conversion(Rc::new(connector.clone()), to.clone())
                        .run(Rc::new(|| false));
                    let converted = converting.await;
                    let is_new = forked.head().keys.is_empty() != encrypts;
                    let when = format!("{nth} {fault:?} {encrypts} {converted:?}");
                    assert_eq!(is_new, converted.is_ok(), "{when}");
                    ends[usize::from(is_new)] += 1;
                    if is_new {
                        forked.access = to.clone();
                    }
                    assert_eq!(shown(&forked).await.0, before, "{when}");
                    assert_eq!(tidied(&forked).await, count, "{when}");
                    assert_eq!(forked.shows(), forked.access.is_none(), "{when}");
                    if connector.issued() < nth {
                        break;
                    }
                }
            });
        }
        assert!(ends.iter().all(|end| *end > 5), "{ends:?}");
    }
}

#[test]
fn who_stops_it_or_has_no_room_finds_the_patch_as_it_was() {
    let mut patch = Patch::new(5, None);
    patch.world.env.clone().block_on(async {
        stock(&patch).await;
        for to in [by(1), None] {
            let (before, _) = shown(&patch).await;
            let ids = patch.ids();
            for after in [0, 1, 50, 100] {
                let forked = patch.fork();
                let asked = Cell::new(0);
                let stopped = move || asked.replace(asked.get() + 1) >= after;
                let conversion = forked.conversion(forked.world.connector(), to.clone());
                let refused = conversion.run(Rc::new(stopped)).await.unwrap_err();
                assert_eq!(refused.code(), Code::Closed);
                assert_eq!(forked.ids(), ids, "stopped after {after}");
                assert!(!forked.head().sweep);
                assert_eq!(shown(&forked).await.0, before);
            }
            let forked = patch.fork();
            let sizes = forked.world.database.records();
            let size: usize = sizes.iter().map(|(_, record)| record.len()).sum();
            forked.world.database.set_quota(Some(size + size / 2));
            let refused = forked.try_convert(to.clone()).await.unwrap_err();
            assert_eq!(refused.code(), Code::StorageQuotaExceeded);
            forked.world.database.set_quota(None);
            assert_eq!(forked.ids(), ids);
            assert!(!forked.head().sweep);
            assert_eq!(shown(&forked).await.0, before);
            patch.convert(to).await;
        }
    });
}

/// A tab that has no locks writes meanwhile.
#[test]
fn what_another_tab_writes_meanwhile_is_not_lost() {
    for encrypts in [true, false] {
        let mut ends = [0, 0];
        for at_us in (0..200_000).step_by(2_500) {
            let mut patch = Patch::new(at_us, None);
            patch.world.env.clone().block_on(async {
                stock(&patch).await;
                if !encrypts {
                    patch.convert(by(1)).await;
                }
                let to = if encrypts { by(2) } else { None };
                let tab = patch.open().await;
                let env = patch.world.env.clone();
                let write = async {
                    env.sleep_us(at_us).await;
                    let written = set(&tab, &pairs(), "meanwhile", text(7, 10), NEVER).await;
                    if at_us % 5_000 == 0 {
                        // Then it is in no frame of the log.
                        drop(tab.compact().await);
                    }
                    written
                };
                let (converted, written) = join(patch.try_convert(to.clone()), write).await;
                if converted.is_ok() {
                    patch.access = to;
                }
                let there = patch.open().await;
                let key = pairs().key(JsString::from("meanwhile").as_js()).unwrap();
                let found = everything(&there).await.iter().any(|pair| pair.0 == key);
                assert!(found || written.is_err(), "{converted:?} at {at_us} us");
                ends[usize::from(found)] += 1;
                converted.unwrap();
                there.close().await;
            });
        }
        assert!(ends.iter().all(|end| *end > 0), "{ends:?}");
    }
}

#[test]
fn one_who_writes_all_the_while_is_not_converted() {
    let patch = Patch::new(6, None);
    patch.world.env.clone().block_on(async {
        stock(&patch).await;
        let tab = patch.open().await;
        let done = Cell::new(false);
        let converting = async {
            let converted = patch.try_convert(by(1)).await;
            done.set(true);
            converted
        };
        let writing = async {
            while !done.get() {
                set(&tab, &pairs(), "k1", text(1, 5), NEVER).await.unwrap();
            }
        };
        let (converted, ()) = join(converting, writing).await;
        assert_eq!(converted.unwrap_err().code(), Code::Conflict);
        assert!(tidied(&patch).await > 0);
    });
}

/// A head that says that somebody has begun to decrypt, and the browser died: whoever opens collects.
#[test]
fn what_was_written_in_the_clear_goes_with_the_next_opening() {
    let patch = Patch::new(7, None);
    patch.world.env.clone().block_on(async {
        let mut patch = patch;
        stock(&patch).await;
        patch.convert(by(1)).await;
        let ids = patch.ids();
        let mut found = 0;
        for nth in 1..30 {
            let forked = patch.fork();
            dies(&forked, None, nth, Fault::FrozenAfter, false).await;
            if forked.head().keys.is_empty() {
                break;
            }
            found += u32::from(forked.shows() && forked.head().sweep);
            let engine = forked.open().await;
            patch.world.env.sleep(2_000).await;
            assert_eq!((forked.shows(), forked.ids()), (false, ids.clone()));
            assert!(!forked.head().sweep);
            engine.close().await;
        }
        assert!(found > 0, "something lay in the clear");
    });
}

/// Clocks that are wrong while a patch is converted.
struct Ahead(SimEnv);

impl Env for Ahead {
    fn now_ms(&self) -> f64 {
        self.0.now_ms() + 1e10
    }

    fn monotonic_ms(&self) -> f64 {
        self.0.monotonic_ms()
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        self.0.fill_random(bytes);
    }

    fn sleep(&self, ms: u32) -> futures_util::future::LocalBoxFuture<'static, ()> {
        self.0.sleep(ms)
    }

    fn yield_now(&self) -> futures_util::future::LocalBoxFuture<'static, ()> {
        self.0.yield_now()
    }

    fn spawn(&self, future: futures_util::future::LocalBoxFuture<'static, ()>) {
        self.0.spawn(future);
    }
}

#[test]
fn nothing_expires_by_a_clock_that_is_wrong_while_it_is_converted() {
    let patch = Patch::new(8, None);
    patch.world.env.clone().block_on(async {
        stock(&patch).await;
        let (before, _) = shown(&patch).await;
        let clock = patch.head().clock;
        let mut conversion = patch.conversion(patch.world.connector(), by(1));
        conversion.env = Rc::new(Ahead(patch.world.env.clone()));
        conversion.run(Rc::new(|| false)).await.unwrap();
        assert_eq!(patch.head().clock, clock);
        let converted = Patch {
            access: by(1),
            ..patch.fork()
        };
        assert_eq!(shown(&converted).await.0, before);
    });
}

#[test]
fn stamps_go_on_where_a_clock_was_set_back() {
    let patch = Patch::new(9, None);
    patch.world.env.clone().block_on(async {
        stock(&patch).await;
        let ahead = Rc::new(Ahead(patch.world.env.clone()));
        let opening = open_by(
            patch.world.connector(),
            ahead,
            options(Absent::Create),
            None,
        );
        let engine = opening.await.unwrap();
        set(&engine, &pairs(), "ahead", text(1, 10), NEVER)
            .await
            .unwrap();
        // (Not closed, its write stays in the log: the head does not tell of its stamp.)
        patch.try_convert(by(1)).await.unwrap();
        let converted = Patch {
            access: by(1),
            ..patch.fork()
        };
        let engine = converted.open().await;
        set(&engine, &pairs(), "behind", text(1, 10), NEVER)
            .await
            .unwrap();
        let now = pending(&engine).await;
        let [.., before, after] = now.as_slice() else {
            panic!("both are pending");
        };
        assert!(before.1 < after.1, "{before:?} {after:?}");
        engine.close().await;
    });
}
