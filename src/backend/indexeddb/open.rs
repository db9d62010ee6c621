//! Opening a database.

use futures_channel::oneshot;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::{Event, IdbDatabase, IdbFactory, IdbOpenDbRequest};

use super::transaction::Handler;
use super::{error, globals, schema};
use crate::error::{Code, Error};

/// An open database, closed when dropped.
pub(super) struct OpenDatabase(IdbDatabase);

impl OpenDatabase {
    pub fn get(&self) -> &IdbDatabase {
        &self.0
    }
}

impl Drop for OpenDatabase {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// What there is under a name.
pub(super) enum Found {
    Ours(OpenDatabase),
    /// A database with other stores, or of a later version.
    Foreign,
    Nothing,
}

/// Opens the database `name`; if there is none, it is created where `creates`. Dropped before its end, it closes what the
/// browser may open later, and takes back what that would create.
///
/// # Errors
/// `Unavailable`, `StorageQuotaExceeded`; `UnsupportedFormat` of what is foreign where it `creates`.
pub(super) async fn open(name: &str, creates: bool) -> Result<Found, Error> {
    let request = request(name)?;
    let (settle, settled) = oneshot::channel();
    let call = Rc::new(Call {
        request,
        creates,
        refused: Cell::new(false),
        settle: Cell::new(Some(settle)),
        abandoned: Cell::new(false),
        handlers: RefCell::new(Vec::new()),
    });
    call.listen();
    let _abandon = Abandon(Rc::clone(&call));
    let database = match settled.await {
        Ok(Ok(database)) => database,
        Ok(Err(_)) if call.refused.get() => return Ok(Found::Nothing),
        Ok(Err(exception)) if !creates && error::name(&exception) == "VersionError" => {
            return Ok(Found::Foreign);
        }
        Ok(Err(exception)) => return Err(error::not_opened(name, &exception)),
        Err(oneshot::Canceled) => return Err(Error::internal("opening never finished")),
    };
    Ok(if schema::is_ours(database.get()) {
        Found::Ours(database)
    } else if creates {
        return Err(Error::unsupported(format!(
            "the database \"{name}\" does not have the stores of a patch"
        )));
    } else {
        Found::Foreign
    })
}

fn request(name: &str) -> Result<IdbOpenDbRequest, Error> {
    let unavailable = |exception: &JsValue| {
        let reason = error::describe(exception);
        Error::new(
            Code::Unavailable,
            format!("IndexedDB is not allowed here: {reason}"),
        )
        .with_cause(error::cause(exception))
    };
    let factory = globals::global("indexedDB").map_err(|exception| unavailable(&exception))?;
    if factory.is_undefined() || factory.is_null() {
        return Err(Error::new(Code::Unavailable, "there is no IndexedDB here"));
    }
    let factory: IdbFactory = factory.unchecked_into();
    factory
        .open_with_u32(name, schema::VERSION)
        .map_err(|exception| unavailable(&exception))
}

/// An open request under way. Its handlers hold it, and it them, until it is settled.
struct Call {
    request: IdbOpenDbRequest,
    creates: bool,
    /// Whether it would have had to be created.
    refused: Cell<bool>,
    settle: Cell<Option<oneshot::Sender<Result<OpenDatabase, JsValue>>>>,
    abandoned: Cell<bool>,
    handlers: RefCell<Vec<Handler>>,
}

impl Call {
    fn listen(self: &Rc<Self>) {
        let handler = |handle: fn(&Call, &Event)| {
            let call = Rc::clone(self);
            Handler::new(move |event: Event| handle(&call, &event))
        };
        let upgrade = handler(|call, _| call.upgrade());
        let success = handler(|call, _| call.succeed());
        let failure = handler(|call, event| call.fail(event));
        self.request
            .set_onupgradeneeded(Some(upgrade.as_ref().unchecked_ref()));
        self.request
            .set_onsuccess(Some(success.as_ref().unchecked_ref()));
        self.request
            .set_onerror(Some(failure.as_ref().unchecked_ref()));
        self.handlers.replace(vec![upgrade, success, failure]);
    }

    /// The database is new.
    fn upgrade(&self) {
        let created = match self.request.result() {
            Ok(database) if self.creates && !self.abandoned.get() => {
                schema::create(database.unchecked_ref())
            }
            _ => Err(JsValue::UNDEFINED),
        };
        if let (Err(_), Some(transaction)) = (created, self.request.transaction()) {
            self.refused.set(!self.creates);
            // A new database whose creation is aborted is gone again.
            let _ = transaction.abort();
        }
    }

    fn succeed(&self) {
        let opened = self
            .request
            .result()
            .map(|database| OpenDatabase(database.unchecked_into()));
        self.end(opened);
    }

    fn fail(&self, event: &Event) {
        event.prevent_default();
        let exception = self.request.error().ok().flatten();
        self.end(Err(exception.map_or(JsValue::UNDEFINED, JsValue::from)));
    }

    /// Hands the outcome over; if it is not wanted any more, it closes itself on the way.
    fn end(&self, outcome: Result<OpenDatabase, JsValue>) {
        self.request.set_onupgradeneeded(None);
        self.request.set_onsuccess(None);
        self.request.set_onerror(None);
        let handlers = self.handlers.take();
        if let Some(settle) = self.settle.take() {
            drop(settle.send(outcome));
        }
        drop(handlers);
    }
}

/// Notes that the caller has stopped waiting.
struct Abandon(Rc<Call>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.abandoned.set(true);
    }
}
