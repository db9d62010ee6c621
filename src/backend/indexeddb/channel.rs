//! Waking the other connections to the same database, and signals to them.

use std::cell::Cell;
use std::rc::{Rc, Weak};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{BroadcastChannel, MessageEvent};

use crate::backend::{Event, Id, Signal};
use crate::env::browser::Timeout;

/// After a wake-up, the next ones wait for each other this long: in Chromium a message costs a
/// third of what a commit costs.
const REST_MS: u32 = 20;

/// How a signal's text begins.
const WANTED: &str = "w";
const OVER: &str = "o";

/// A place on the channel of a database; left when dropped.
pub(super) struct Channel {
    sender: Rc<Sender>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
}

struct Sender {
    channel: BroadcastChannel,
    /// Whether a wake-up was sent just now.
    resting: Cell<bool>,
    /// Whether another one is due at the end of the rest.
    due: Cell<bool>,
}

impl Channel {
    /// Joins; `None` where there are no such channels. `events` is called for every message.
    pub fn join(name: &str, events: Rc<dyn Fn(Event)>) -> Option<Self> {
        let channel = BroadcastChannel::new(name).ok()?;
        let on_message = Closure::new(move |message: MessageEvent| {
            if let Some(event) = heard(&message.data()) {
                events(event);
            }
        });
        channel.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        let sender = Sender {
            channel,
            resting: Cell::default(),
            due: Cell::default(),
        };
        Some(Self {
            sender: Rc::new(sender),
            _on_message: on_message,
        })
    }

    /// Signals to everyone else on the channel.
    pub fn signal(&self, signal: Signal) {
        let text = match signal {
            Signal::Wanted(ticket) => format!("{WANTED}{ticket}"),
            Signal::Over(ticket) => format!("{OVER}{ticket}"),
        };
        self.sender.post(&JsValue::from_str(&text));
    }

    /// Wakes everyone else on the channel, now or within [`REST_MS`].
    pub fn wake_others(&self) {
        let sender = &self.sender;
        sender.due.set(true);
        if !sender.resting.replace(true) {
            sender.send();
            spawn_local(rest(Rc::downgrade(sender)));
        }
    }
}

impl Sender {
    fn send(&self) {
        if self.due.take() {
            self.post(&JsValue::TRUE);
        }
    }

    fn post(&self, message: &JsValue) {
        // It is only a hint: everything stays correct without it.
        let _ = self.channel.post_message(message);
    }
}

/// What a message says: `true` wakes, a letter and a ticket in hex are a signal. Others are none of ours.
fn heard(message: &JsValue) -> Option<Event> {
    if message.is_truthy() && message.as_bool().is_some() {
        return Some(Event::Wake);
    }
    let text = message.as_string()?;
    let (kind, hex) = text.split_at_checked(1)?;
    let ticket = Id(u128::from_str_radix(hex, 16).ok()?.to_be_bytes());
    match kind {
        WANTED => Some(Event::Signal(Signal::Wanted(ticket))),
        OVER => Some(Event::Signal(Signal::Over(ticket))),
        _ => None,
    }
}

/// Goes on as long as every rest ends with something due.
async fn rest(sender: Weak<Sender>) {
    loop {
        Timeout::after_ms(REST_MS).await;
        let Some(sender) = sender.upgrade() else {
            return;
        };
        if !sender.due.get() {
            sender.resting.set(false);
            return;
        }
        sender.send();
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.sender.send();
        self.sender.channel.set_onmessage(None);
        self.sender.channel.close();
    }
}
