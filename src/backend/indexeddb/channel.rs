//! Waking the other connections to the same database.

use wasm_bindgen::prelude::*;
use web_sys::{BroadcastChannel, MessageEvent};

/// A place on the channel of a database; left when dropped.
pub(super) struct Channel {
    channel: BroadcastChannel,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
}

impl Channel {
    /// Joins; `None` where there are no such channels. `on_wake` is called for every message.
    pub fn join(name: &str, on_wake: impl Fn() + 'static) -> Option<Self> {
        let channel = BroadcastChannel::new(name).ok()?;
        let on_message = Closure::new(move |_: MessageEvent| on_wake());
        channel.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        Some(Self {
            channel,
            _on_message: on_message,
        })
    }

    /// Wakes everyone else on the channel.
    pub fn wake_others(&self) {
        // It is only a hint: everything stays correct without it.
        let _ = self.channel.post_message(&JsValue::TRUE);
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.channel.set_onmessage(None);
        self.channel.close();
    }
}
