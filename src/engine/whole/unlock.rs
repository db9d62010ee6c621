//! Opening with a credential: from it to the keys of the patch, or to keys for a new one.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};

use super::open::open;
use crate::backend::{Backend, Connector, Event, Read, RecordKey, Reply};
use crate::codec::head::Head;
use crate::engine::core::instance::{Core, Realm};
use crate::engine::core::options::{Absent, Options};
use crate::engine::store::connection::open_error;
use crate::env::Env;
use crate::error::{Code, Error, Result};
use crate::record::Id;
use crate::sealed::connector::SealedConnector;
use crate::sealed::keys::{self, Credential, Keys};
use crate::sealed::table::KeyTable;
use crate::sealed::vault::{Bulk, Vault};

/// How often another life of the patch may begin while its key is looked for.
const LIVES: u32 = 5;
/// The name of the first slot.
pub const MAIN: &str = "main";

/// What opens an encrypted patch.
#[derive(Clone)]
pub struct Access {
    /// The passphrase or key.
    pub credential: Rc<dyn Credential>,
    /// What seals large records.
    pub bulk: Rc<dyn Bulk>,
}

/// Opens an engine on an encrypted patch, which is created under the credential where there is none; and the slot that
/// the credential opens.
///
/// # Errors
/// As [`open`]; `WrongKey`, `NotEncrypted`.
pub async fn open_sealed(
    realm: Rc<Realm>,
    connector: Rc<dyn Connector>,
    env: Rc<dyn Env>,
    options: Options,
    access: Access,
) -> Result<(Rc<Core>, Id)> {
    let mut before = None;
    let mut failed = Error::internal("a patch was not looked for");
    for _ in 0..LIVES {
        let found = look(&connector).await?;
        let life = found.head.as_ref().map(|head| head.incarnation);
        // What was wrong with it is wrong with it still.
        if life.is_some() && before == life {
            return Err(failed);
        }
        before = life;
        let (keys, table, slot) = match keys_for(&found, &*env, options, &access).await {
            Ok(keys) => keys,
            Err(error) => {
                found.backend.close();
                return Err(error);
            }
        };
        let (bulk, table) = (access.bulk.clone(), table.encode());
        let vault = Rc::new(Vault::new(env.clone(), bulk, keys, table));
        vault.note_slot(slot);
        let opened = Rc::new(Found::hand_on(found, connector.clone()));
        let sealed = Rc::new(SealedConnector::new(opened, vault.clone()));
        match open(realm.clone(), sealed, env.clone(), options, Some(vault)).await {
            // With keys, what looks encrypted is another life, with other keys.
            Err(error) if [Code::Corrupt, Code::Encrypted].contains(&error.code()) => {
                failed = error;
            }
            core => return core.map(|core| (core, slot)),
        }
    }
    Err(failed)
}

async fn keys_for(
    found: &Found,
    env: &dyn Env,
    options: Options,
    access: &Access,
) -> Result<(Keys, KeyTable, Id)> {
    let credential = &*access.credential;
    match &found.head {
        Some(head) if head.keys.is_empty() => {
            Err(Error::new(Code::NotEncrypted, "the patch is not encrypted"))
        }
        Some(head) => {
            let table = KeyTable::decode(&head.keys)?;
            let (keys, slot) = keys::unlock(&table, credential).await?;
            Ok((keys, table, slot))
        }
        None if options.absent == Absent::Refuse => Err(Error::no_patch()),
        None => {
            let (keys, table) = keys::make(env, credential, MAIN).await?;
            let slot = table.slots.first().map(|slot| slot.id);
            Ok((keys, table, slot.unwrap_or(Id([0; 16]))))
        }
    }
}

/// A connection, and the head of the patch, if there is one.
struct Found {
    backend: Rc<dyn Backend>,
    events: Rc<Relay>,
    head: Option<Head>,
}

/// Tells whoever listens in the end.
#[derive(Default)]
struct Relay(RefCell<Option<Events>>);

type Events = Rc<dyn Fn(Event)>;

async fn look(connector: &Rc<dyn Connector>) -> Result<Found> {
    let events = Rc::new(Relay::default());
    let relay = events.clone();
    let told = Rc::new(move |event| {
        let listener = relay.0.borrow().clone();
        if let Some(listener) = listener {
            listener(event);
        }
    });
    let backend = connector.open(told).await?;
    let read = backend.read(vec![Read::Get(RecordKey::Head)]).await;
    let head = match read.map_err(open_error) {
        Ok(replies) => match replies.first() {
            Some(Reply::Record(Some(record))) => Head::decode(record).map(Some),
            _ => Ok(None),
        },
        Err(error) => Err(error),
    };
    match head {
        Ok(head) => Ok(Found {
            backend,
            events,
            head: head.filter(Head::is_live),
        }),
        Err(error) => {
            backend.close();
            Err(error)
        }
    }
}

type First = (Rc<dyn Backend>, Rc<Relay>);

/// A connector whose first connection is open already.
struct HandedOn {
    connector: Rc<dyn Connector>,
    first: RefCell<Option<First>>,
}

impl Found {
    fn hand_on(self, connector: Rc<dyn Connector>) -> HandedOn {
        HandedOn {
            connector,
            first: RefCell::new(Some((self.backend, self.events))),
        }
    }
}

impl Connector for HandedOn {
    fn open(&self, events: Rc<dyn Fn(Event)>) -> LocalBoxFuture<'static, Result<Rc<dyn Backend>>> {
        match self.first.take() {
            Some((backend, relay)) => {
                *relay.0.borrow_mut() = Some(events);
                ready(Ok(backend)).boxed_local()
            }
            None => self.connector.open(events),
        }
    }

    fn open_existing(
        &self,
        events: Rc<dyn Fn(Event)>,
    ) -> LocalBoxFuture<'static, Result<Rc<dyn Backend>>> {
        self.connector.open_existing(events)
    }

    fn reserve_bytes(&self) -> usize {
        self.connector.reserve_bytes()
    }

    fn hold(&self, life: Id, epoch: u64) -> LocalBoxFuture<'static, Option<Box<dyn Any>>> {
        self.connector.hold(life, epoch)
    }

    fn held(&self, life: Id) -> LocalBoxFuture<'static, Option<u64>> {
        self.connector.held(life)
    }

    fn estimate(&self) -> LocalBoxFuture<'static, Option<(f64, f64)>> {
        self.connector.estimate()
    }
}
