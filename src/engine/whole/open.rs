//! Opening: one read transaction on a database that has been used before.

use crate::engine::core::instance::{Reserve, Signals};
use crate::engine::core::options::Reason;
use crate::engine::core::shut::shut;
use crate::engine::core::turns::Turns;
use crate::engine::store::connection::open_error;
use crate::engine::write::{commit, line, turn};
use crate::sorted::SortedMap;
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use crate::backend::{
    Append, Backend, Connector, Event, Failure, Id, IdStore, RecordKey, Seen, Write,
};
use crate::codec::frame;
use crate::codec::head::Head;
use crate::codec::root::Root;
use crate::engine::core::gate::Gate;
use crate::engine::core::instance::Core;
use crate::engine::core::instance::Realm;
use crate::engine::core::notice::Subscribers;
use crate::engine::core::options::{Absent, Options};
use crate::engine::core::pace::Pace;
use crate::engine::core::queue::Queue;
use crate::engine::core::quota::Quota;
use crate::engine::core::state::State;
use crate::engine::keyspace::context::Context;
use crate::engine::keyspace::view::View;
use crate::engine::log::reload;
use crate::engine::log::stored::{Stored, decode_stored, stored_reads};
use crate::engine::upkeep::{collect, poll};
use crate::env::Env;
use crate::error::{Code, Error, Result};
use crate::sealed::vault::Vault;

/// How often a patch may be created and deleted by others while it is being opened.
const CREATIONS: u32 = 5;

/// Opens an engine. `vault`: the keys that the connector seals under.
///
/// # Errors
/// `Unavailable`, `Blocked`, `UnsupportedFormat`, `Corrupt`, `Encrypted`, `ConnectionLost`;
/// `NoPatch` where there is none and none is to be created.
pub async fn open(
    realm: Rc<Realm>,
    connector: Rc<dyn Connector>,
    env: Rc<dyn Env>,
    options: Options,
    vault: Option<Rc<Vault>>,
) -> Result<Rc<Core>> {
    let late: Rc<RefCell<Weak<Core>>> = Rc::default();
    let events = listener(&late);
    let backend = connector.open(events.clone()).await?;
    let stored = match load_or_create(&connector, &*env, &options, &backend).await {
        Ok(stored) => stored,
        Err(error) => {
            backend.close();
            return Err(error);
        }
    };
    let mut writer = [0; 16];
    env.fill_random(&mut writer);
    let core = Rc::new(Core {
        vault,
        connector,
        options,
        context: Context {
            cache: realm.pool.cache(options.cache_bytes),
            env,
            clock: Rc::default(),
            op_log: Rc::default(),
            next_stamp: Rc::default(),
            landings: Rc::default(),
        },
        realm,
        events,
        signals: Signals {
            commit: commit::start,
            serve: line::serve,
        },
        pace: Pace::default(),
        writer: Id(writer),
        intake: Gate::default(),
        maintenance: Gate::default(),
        reconnecting: Gate::default(),
        state: RefCell::new(fresh_state(backend.clone(), &stored.head)),
        loads: RefCell::new(SortedMap::new()),
        subscribers: Subscribers::default(),
        declared: Cell::new(None),
        hardened: Cell::new(0),
        written_bytes: Cell::new(0),
        maintenance_wanted: Cell::new(false),
        reserve: Cell::new(Reserve::Unknown),
        pressed: Cell::new(false),
        futile_until_ms: Cell::new(0.0),
        next_expiry_ms: Cell::new(0.0),
        expired: Cell::new(0),
        quota: Quota::default(),
        compacting: Cell::new(false),
        purged: RefCell::default(),
        flipped: Cell::new(0),
        reckoned: Cell::new(0),
        idle: RefCell::new(Vec::new()),
    });
    *late.borrow_mut() = Rc::downgrade(&core);
    if let Err(error) = reload::install(&core, stored) {
        backend.close();
        return Err(error);
    }
    core.connector.joined();
    poll::start(&core);
    // planted: unswept
    collect::consider(&core);
    Ok(core)
}

/// What an engine does when its backend tells something. Events that come before it is there are not lost on it:
/// it takes in what is stored.
fn listener(core: &Rc<RefCell<Weak<Core>>>) -> Rc<dyn Fn(Event)> {
    let core = core.clone();
    Rc::new(move |event| {
        let Some(core) = core.borrow().upgrade() else {
            return;
        };
        match event {
            Event::Wake => poll::wake(&core),
            Event::Signal(signal) => turn::hear(&core, signal),
            Event::Lost => core.state.borrow_mut().lost = true,
            Event::VersionChange => shut(&core, Reason::VersionChange),
            Event::Deleted => shut(&core, Reason::Deleted),
        }
    })
}

async fn load_or_create(
    connector: &Rc<dyn Connector>,
    env: &dyn Env,
    options: &Options,
    backend: &Rc<dyn Backend>,
) -> Result<Stored> {
    let mut failed = None;
    for _ in 0..CREATIONS {
        let replies = backend.read(stored_reads()).await.map_err(open_error)?;
        if let Some(stored) = decode_stored(&replies, backend.seals())?
            && (stored.head.is_live() || options.absent == Absent::Prepare)
        {
            return Ok(stored);
        }
        if options.absent == Absent::Refuse {
            return Err(Error::no_patch());
        }
        // It may be there all the same, said to have been aborted.
        if let Some(error) = failed {
            return Err(error);
        }
        failed = create(connector, env, options, backend).await.err();
    }
    Err(Error::internal(
        "a database that was just created has no head",
    ))
}

/// Writes the head and root of an empty database, unless another tab is first.
///
/// The log numbers its frames on where a patch was deleted, and nothing but an appended frame tells
/// how far it is: so one that is void for everybody goes before. What a late tab of the old life has
/// left behind is cleared away.
async fn create(
    connector: &Rc<dyn Connector>,
    env: &dyn Env,
    options: &Options,
    backend: &Rc<dyn Backend>,
) -> Result<()> {
    let mut incarnation = [0; 16];
    env.fill_random(&mut incarnation);
    let mut head = Head::new(Id(incarnation));
    if options.absent == Absent::Create {
        head.keys = connector.key_table();
    } else {
        head.generation = 0;
    }
    let append = Append {
        frame: frame::void(head.incarnation),
        at: None,
        pieces: Vec::new(),
    };
    let outcome = match backend.append(append, options.durability).await {
        Ok(appended) => {
            let decide = Box::new(move |seen: Seen| first_writes(&seen, appended.number, head));
            backend.flip(decide, options.durability).await
        }
        Err(failure) => Err(failure),
    };
    match outcome {
        Ok(_) => Ok(()),
        Err(Failure::Quota(_)) => {
            let error = Error::new(
                Code::StorageQuotaExceeded,
                "there is no room to create the patch",
            );
            Err(match connector.estimate().await {
                Some((usage, quota)) => error.with_usage(usage, quota),
                None => error,
            })
        }
        Err(failure) => Err(open_error(failure)),
    }
}

fn first_writes(seen: &Seen, appended: u64, mut head: Head) -> Option<Vec<Write>> {
    if !is_dead(seen.head.as_ref()) {
        return None;
    }
    // Were it gone, a whole life would have come and gone meanwhile, of unknown length. The next number
    // is used up: whoever has a copy under construction open has seen this one.
    // planted: count-anew
    head.position = seen.last_frame.filter(|last| *last >= appended)? + 1;
    let root = Root {
        epoch: head.epoch,
        ..Root::default()
    };
    let mut writes = vec![Write::Add(
        Some(head.position),
        frame::void(head.incarnation),
    )];
    writes.extend(clear_all());
    writes.push(Write::Put(RecordKey::Head, head.encode()));
    writes.push(Write::Put(RecordKey::Root, root.encode(head.incarnation)));
    Some(writes)
}

/// Whether these bytes of a head say that there is no patch.
pub fn is_dead(head: Option<&Bytes>) -> bool {
    head.is_none_or(|record| Head::decode(record).is_ok_and(|head| !head.is_live()))
}

/// Removes every record.
pub fn clear_all() -> Vec<Write> {
    vec![
        Write::Delete(RecordKey::Head),
        Write::Delete(RecordKey::Root),
        Write::CutLog { through: u64::MAX },
        Write::Clear(IdStore::Runs),
        Write::Clear(IdStore::Blobs),
    ]
}

fn fresh_state(backend: Rc<dyn Backend>, head: &Head) -> State {
    State {
        backend,
        lost: false,
        closing: false,
        closed: None,
        head: head.clone(),
        view: Rc::new(View::of_root(Root::default(), Rc::default())),
        // What is stored at opening is no news to anybody.
        known: u64::MAX,
        next_stamp: Rc::default(),
        seen: SortedMap::new(),
        tail_frames: 0,
        tail_bytes: 0,
        tail_pieces: 0,
        tail_beside: 0,
        // Of what others have left, nothing is known.
        gained: 1 << 40,
        mean_bytes: 0,
        tail_writers: Vec::new(),
        rebuilt_layers: 0,
        recent: crate::engine::core::recent::Recent::default(),
        last_call: 0,
        sequence: 0,
        repair_log: false,
        contended: 0,
        looked: true,
        asleep: false,
        queue: Queue::default(),
        turns: Turns::default(),
        interests: crate::engine::core::interest::Interests::default(),
    }
}
