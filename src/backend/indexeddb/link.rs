//! The life of a connection: open, then closed by us, by someone else, or lost.

use js_sys::{Array, Object, Reflect};
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{IdbRequest, IdbTransaction};

use super::channel::Channel;
use super::lock::SharedLock;
use super::open::OpenDatabase;
use super::schema::Scope;
use super::transaction::{End, Handler, Ledger};
use super::{error, globals};
use crate::backend::{Durability, Event, Failure, Settled, Signal};

#[wasm_bindgen]
extern "C" {
    /// A database whose `transaction` takes options, which `web-sys` has only behind a flag.
    type Database;
    #[wasm_bindgen(method, catch)]
    fn transaction(
        this: &Database,
        names: &Array,
        mode: &JsValue,
        options: &JsValue,
    ) -> Result<IdbTransaction, JsValue>;

    /// A transaction that can be committed, which `web-sys` deprecates.
    type Committing;
    #[wasm_bindgen(method, catch)]
    fn commit(this: &Committing) -> Result<(), JsValue>;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Closed,
    Lost,
}

/// What a transaction is for.
#[derive(Clone, Copy)]
pub(super) enum Mode {
    Read,
    Write(Durability),
}

/// A connection and everything that goes with it.
pub(super) struct Link {
    database: OpenDatabase,
    state: Cell<State>,
    events: Rc<dyn Fn(Event)>,
    ledger: Ledger,
    constants: Constants,
    channel: RefCell<Option<Channel>>,
    /// Held until the last transaction has ended.
    lock: RefCell<Option<SharedLock>>,
    handlers: RefCell<Vec<Handler>>,
}

/// JavaScript values that every transaction needs, made once.
struct Constants {
    readonly: JsValue,
    readwrite: JsValue,
    relaxed: JsValue,
    strict: JsValue,
    names: Vec<Array>,
    is_gecko: bool,
}

impl Constants {
    fn new() -> Self {
        let durability = |name: &str| {
            let options = Object::new();
            // Setting a property of a new object does not throw.
            let _ = Reflect::set(&options, &"durability".into(), &name.into());
            options.into()
        };
        Self {
            readonly: "readonly".into(),
            readwrite: "readwrite".into(),
            relaxed: durability("relaxed"),
            strict: durability("strict"),
            names: Scope::every().map(Scope::names).collect(),
            // No other engine has it, in any kind of realm, and nobody thinks of hiding it.
            is_gecko: globals::global("InternalError").is_ok_and(|class| class.is_function()),
        }
    }
}

impl Link {
    pub fn new(
        database: OpenDatabase,
        events: Rc<dyn Fn(Event)>,
        channel: Option<Channel>,
        lock: Option<SharedLock>,
    ) -> Rc<Self> {
        let link = Rc::new(Self {
            database,
            state: Cell::new(State::Open),
            events,
            ledger: Ledger::default(),
            constants: Constants::new(),
            channel: RefCell::new(channel),
            lock: RefCell::new(lock),
            handlers: RefCell::default(),
        });
        link.listen();
        link
    }

    fn listen(self: &Rc<Self>) {
        let handler = |handle: fn(&Rc<Self>, &JsValue)| {
            let link: Weak<Self> = Rc::downgrade(self);
            Handler::new(move |event: web_sys::Event| {
                if let Some(link) = link.upgrade() {
                    handle(&link, &event);
                }
            })
        };
        let lost = handler(|link, _| {
            if link.lose() {
                (link.events)(Event::Lost);
            }
        });
        let version_change = handler(|link, event| {
            if link.is_open() {
                link.close();
                let wanted = Reflect::get(event, &"newVersion".into());
                (link.events)(match wanted {
                    Ok(version) if version.is_null() => Event::Deleted,
                    _ => Event::VersionChange,
                });
            }
        });
        let database = self.database.get();
        database.set_onclose(Some(lost.as_ref().unchecked_ref()));
        database.set_onversionchange(Some(version_change.as_ref().unchecked_ref()));
        self.handlers.replace(vec![lost, version_change]);
    }

    pub fn is_open(&self) -> bool {
        self.state.get() == State::Open
    }

    pub fn wake_others(&self) {
        if let Some(channel) = self.channel.borrow().as_ref() {
            channel.wake_others();
        }
    }

    pub fn signal(&self, signal: Signal) {
        if let Some(channel) = self.channel.borrow().as_ref() {
            channel.signal(signal);
        }
    }

    /// Takes no more transactions; those under way go on.
    pub fn close(&self) {
        if self.is_open() {
            self.state.set(State::Closed);
            self.database.get().close();
            drop(self.channel.take());
            self.let_go_if_idle();
        }
    }

    /// Ends everything under way as `Lost`; whether that is news.
    fn lose(&self) -> bool {
        let was_open = self.state.replace(State::Lost) == State::Open;
        self.database.get().close();
        drop(self.channel.take());
        self.ledger.lose_all();
        self.let_go_if_idle();
        was_open
    }

    /// The same, found out in the midst of the engine's own call: it hears of it later.
    fn lose_unawares(self: &Rc<Self>) {
        if self.lose() {
            let link = Rc::clone(self);
            spawn_local(async move { (link.events)(Event::Lost) });
        }
    }

    /// A connection that takes no more transactions and has none under way holds nothing back.
    fn let_go_if_idle(&self) {
        if !self.is_open() && self.ledger.is_empty() {
            self.database.get().set_onclose(None);
            self.database.get().set_onversionchange(None);
            drop(self.handlers.take());
            drop(self.lock.take());
        }
    }

    /// Starts a transaction.
    ///
    /// # Errors
    /// `Lost` on a connection that is not open (any more), or what the browser throws.
    pub fn begin(self: &Rc<Self>, scope: Scope, mode: Mode) -> Result<IdbTransaction, Failure> {
        if !self.is_open() {
            return Err(Failure::Lost);
        }
        self.start(scope, mode).map_err(|exception| {
            if error::name(&exception) == "InvalidStateError" {
                self.lose_unawares();
                Failure::Lost
            } else {
                error::thrown(&exception)
            }
        })
    }

    fn start(&self, scope: Scope, mode: Mode) -> Result<IdbTransaction, JsValue> {
        let constants = &self.constants;
        let (mode, options) = match mode {
            Mode::Read => (&constants.readonly, &JsValue::UNDEFINED),
            Mode::Write(Durability::Relaxed) => (&constants.readwrite, &constants.relaxed),
            Mode::Write(Durability::Strict) => (&constants.readwrite, &constants.strict),
        };
        let database: &Database = self.database.get().unchecked_ref();
        match constants.names.get(scope.index()) {
            Some(names) => database.transaction(names, mode, options),
            None => database.transaction(&scope.names(), mode, options),
        }
    }

    /// Commits without waiting for the requests' events, so that nothing of this realm, be it
    /// frozen, can hold the transaction up. Where that cannot be done, the transaction commits
    /// by itself, or aborts and says so.
    ///
    /// Gecko (measured in Firefox 140) forgets a failure after an explicit commit unless it is the
    /// last request's: the rest is committed. `only_last_may_fail` promises that no other's
    /// failure has to take the rest back; without it, Gecko's transactions commit by themselves.
    pub fn commit(&self, transaction: &IdbTransaction, only_last_may_fail: bool) {
        if only_last_may_fail || !self.constants.is_gecko {
            let _ = transaction.unchecked_ref::<Committing>().commit();
        }
    }

    /// Settles with what `outcome` makes of the end of `transaction`.
    pub fn settle<T: 'static>(
        self: &Rc<Self>,
        transaction: IdbTransaction,
        outcome: impl FnOnce(End) -> Result<T, Failure> + 'static,
    ) -> Settled<T> {
        self.enter(transaction, None, None, outcome).1
    }

    /// The same for a transaction that only reads, at the success of its last request.
    pub fn settle_read<T: 'static>(
        self: &Rc<Self>,
        transaction: IdbTransaction,
        last: IdbRequest,
        outcome: impl FnOnce(End) -> Result<T, Failure> + 'static,
    ) -> Settled<T> {
        self.enter(transaction, Some(last), None, outcome).1
    }

    /// The same for a transaction with something to do at the success of one of its requests;
    /// [`Link::forget`] takes the number.
    pub fn settle_in_two<T: 'static>(
        self: &Rc<Self>,
        transaction: IdbTransaction,
        in_between: Option<(IdbRequest, Handler)>,
        outcome: impl FnOnce(End) -> Result<T, Failure> + 'static,
    ) -> (u64, Settled<T>) {
        self.enter(transaction, None, in_between, outcome)
    }

    fn enter<T: 'static>(
        self: &Rc<Self>,
        transaction: IdbTransaction,
        last: Option<IdbRequest>,
        in_between: Option<(IdbRequest, Handler)>,
        outcome: impl FnOnce(End) -> Result<T, Failure> + 'static,
    ) -> (u64, Settled<T>) {
        let link = Rc::clone(self);
        let ended = move |id| link.forget(id);
        self.ledger
            .enter(transaction, last, in_between, outcome, ended)
    }

    /// No longer waits for the end of a transaction.
    pub fn forget(&self, id: u64) {
        self.ledger.leave(id);
        self.let_go_if_idle();
    }

    /// Why `transaction` aborted, which we did not ask for. `added` is the request that fails when
    /// a number is taken.
    pub fn abort_of(
        self: &Rc<Self>,
        transaction: &IdbTransaction,
        requests: &[IdbRequest],
        added: bool,
        mode: Mode,
    ) -> Failure {
        let reason = error::abort_reason(transaction, requests);
        match &reason {
            Some(reason) if added && error::name(reason) == "ConstraintError" => {
                return Failure::Taken;
            }
            Some(reason) if error::is_quota(reason) => return error::thrown(reason),
            _ => {}
        }
        // A connection that is cut may report what was under way as aborted, committed or not.
        if self.is_cut() {
            self.lose_unawares();
            return Failure::Lost;
        }
        match (reason, mode) {
            (Some(reason), _) => error::thrown(&reason),
            // How browsers report a full disk: aborted, without being asked to and without a reason.
            (None, Mode::Write(_)) => {
                Failure::Quota(transaction.error().map(|bare| error::cause(&bare)))
            }
            (None, Mode::Read) => Failure::Aborted("aborted without a reason".into(), None),
        }
    }

    /// Whether the browser has closed the connection, be it that its event is yet to come.
    fn is_cut(&self) -> bool {
        let refuses = |exception: JsValue| error::name(&exception) == "InvalidStateError";
        !self.is_open() || self.start(Scope::HEAD, Mode::Read).is_err_and(refuses)
    }
}
