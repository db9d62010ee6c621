//! Opening: one read transaction on a database that has been used before.

use crate::sorted::SortedMap;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use super::cache::Cache;
use super::core::{Core, Options, State};
use super::draft::Ground;
use super::gate::Gate;
use super::intake::{self, Stored, decode_stored, stored_reads};
use super::notice::Subscribers;
use super::poll;
use super::queue::Queue;
use super::recover;
use super::view::View;
use crate::backend::{Backend, Connector, Event, Failure, Id, Key, Seen, Write};
use crate::codec::head::Head;
use crate::codec::root::Root;
use crate::env::Env;
use crate::error::{Code, Error, Result};

/// Opens an engine.
///
/// # Errors
/// `Unavailable`, `Blocked`, `UnsupportedFormat`, `Corrupt`, `Encrypted`, `ConnectionLost`.
pub async fn open(
    connector: Rc<dyn Connector>,
    env: Rc<dyn Env>,
    options: Options,
) -> Result<Rc<Core>> {
    let late: Rc<RefCell<std::rc::Weak<Core>>> = Rc::default();
    let events = late_listener(&late);
    let backend = connector.open(events).await?;
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
        connector,
        options,
        ground: Ground {
            cache: Rc::new(Cache::new(options.cache_bytes)),
            env,
        },
        writer: Id(writer),
        intake: Gate::default(),
        maintenance: Gate::default(),
        reconnecting: Gate::default(),
        state: RefCell::new(fresh_state(backend.clone(), &stored.head)),
        loads: RefCell::new(SortedMap::new()),
        subscribers: Subscribers::default(),
        written_bytes: Cell::new(0),
        maintenance_wanted: Cell::new(false),
        reserve: Cell::new(super::room::Known::Unknown),
        pressed: Cell::new(false),
        futile_until_ms: Cell::new(0.0),
        compacting: Cell::new(false),
        idle: RefCell::new(Vec::new()),
    });
    *late.borrow_mut() = Rc::downgrade(&core);
    if let Err(error) = intake::install(&core, stored) {
        backend.close();
        return Err(error);
    }
    poll::start(&core);
    Ok(core)
}

/// Events that come before the engine is there are not lost on it: it takes in what is stored.
fn late_listener(late: &Rc<RefCell<std::rc::Weak<Core>>>) -> Rc<dyn Fn(Event)> {
    let late = late.clone();
    Rc::new(move |event| recover::listener(&late.borrow())(event))
}

async fn load_or_create(
    connector: &Rc<dyn Connector>,
    env: &dyn Env,
    options: &Options,
    backend: &Rc<dyn Backend>,
) -> Result<Stored> {
    for _ in 0..2 {
        let replies = backend.read(stored_reads()).await.map_err(open_error)?;
        if let Some(stored) = decode_stored(&replies)? {
            return Ok(stored);
        }
        create(connector, env, options, backend).await?;
    }
    Err(Error::internal(
        "a database that was just created has no head",
    ))
}

/// Writes the head and root of an empty database, unless another tab is first.
async fn create(
    connector: &Rc<dyn Connector>,
    env: &dyn Env,
    options: &Options,
    backend: &Rc<dyn Backend>,
) -> Result<()> {
    let mut incarnation = [0; 16];
    env.fill_random(&mut incarnation);
    let head = Head::new(Id(incarnation));
    let root = Root {
        epoch: head.epoch,
        ..Root::default()
    };
    let writes = vec![
        Write::Put(Key::Head, head.encode()),
        Write::Put(Key::Root, root.encode()),
    ];
    let decide = Box::new(move |seen: Seen| seen.head.is_none().then_some(writes));
    match backend.flip(decide, options.durability).await {
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

fn open_error(failure: Failure) -> Error {
    match failure {
        Failure::Aborted(why, cause) => {
            let error = Error::new(
                Code::Unavailable,
                format!("the database cannot be read: {why}"),
            );
            match cause {
                Some(cause) => error.with_cause(cause),
                None => error,
            }
        }
        _ => Error::new(
            Code::ConnectionLost,
            "the connection was lost while opening",
        ),
    }
}

fn fresh_state(backend: Rc<dyn Backend>, head: &Head) -> State {
    State {
        backend,
        lost: false,
        closing: false,
        closed: None,
        head: head.clone(),
        view: Rc::new(View::of_root(Root::default())),
        // What is stored at opening is no news to anybody.
        known: u64::MAX,
        seen: SortedMap::new(),
        tail_frames: 0,
        tail_bytes: 0,
        tail_writers: Vec::new(),
        rebuilt_layers: 0,
        recent: VecDeque::new(),
        recent_from: 0,
        last_call: 0,
        sequence: 0,
        repair_log: false,
        queue: Queue::default(),
    }
}
