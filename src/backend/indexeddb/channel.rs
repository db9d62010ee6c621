//! Waking the other connections to the same database.

use std::cell::Cell;
use std::rc::{Rc, Weak};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{BroadcastChannel, MessageEvent};

use crate::env::browser::Timeout;

/// After a wake-up, the next ones wait for each other this long: in Chromium a message costs a
/// third of what a commit costs.
const REST_MS: u32 = 20;

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
    /// Joins; `None` where there are no such channels. `on_wake` is called for every message.
    pub fn join(name: &str, on_wake: impl Fn() + 'static) -> Option<Self> {
        let channel = BroadcastChannel::new(name).ok()?;
        let on_message = Closure::new(move |_: MessageEvent| on_wake());
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
            // It is only a hint: everything stays correct without it.
            let _ = self.channel.post_message(&JsValue::TRUE);
        }
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
