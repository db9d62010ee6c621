//! The world of a browser: a window or any kind of worker, and Node for the memory backend.
//!
//! Nothing here touches a global before it is used.

use futures_channel::oneshot;
use futures_util::future::LocalBoxFuture;
use js_sys::{Function, Promise, Reflect};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{MessageChannel, MessagePort};

use super::Env;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
    // Its result is a number in browsers and an object in Node.
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &JsValue, ms: u32) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
}

/// The browser's clocks, randomness and scheduling.
#[derive(Debug, Clone, Copy, Default)]
pub struct BrowserEnv;

impl Env for BrowserEnv {
    fn now_ms(&self) -> f64 {
        // (The package's build puts the facade's clock there, which a test can turn.)
        js_sys::Date::now()
    }

    fn monotonic_ms(&self) -> f64 {
        performance_now()
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_err() {
            // Ids that collide would corrupt data: there is no going on without randomness.
            wasm_bindgen::throw_str("patchstore: crypto.getRandomValues is not available");
        }
    }

    fn sleep(&self, ms: u32) -> LocalBoxFuture<'static, ()> {
        Box::pin(Timeout::after_ms(ms))
    }

    fn yield_now(&self) -> LocalBoxFuture<'static, ()> {
        Box::pin(next_task())
    }

    fn spawn(&self, future: LocalBoxFuture<'static, ()>) {
        spawn_local(future);
    }
}

/// Resolves after a time; takes its timer back when dropped.
pub struct Timeout {
    timer: JsValue,
    fired: oneshot::Receiver<()>,
    _on_fire: Closure<dyn FnMut()>,
}

impl Timeout {
    /// Resolves after at least `ms` milliseconds, counted from now.
    #[must_use]
    pub fn after_ms(ms: u32) -> Self {
        let (fire, fired) = oneshot::channel();
        let on_fire = Closure::once(move || {
            // Nobody may be waiting any more.
            let _ = fire.send(());
        });
        // A timer's time is a signed number: a larger one would fire at once.
        let timer = set_timeout(on_fire.as_ref(), ms.min(i32::MAX.unsigned_abs()));
        Self {
            timer,
            fired,
            _on_fire: on_fire,
        }
    }
}

impl Future for Timeout {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.fired).poll(context).map(|_| ())
    }
}

impl Drop for Timeout {
    fn drop(&mut self) {
        clear_timeout(&self.timer);
    }
}

/// Resolves in a later task. Not by a timer: those are clamped to milliseconds, and to seconds in
/// pages in the background.
async fn next_task() {
    if let Some(yielded) = scheduler_yield() {
        // Rejected only when the document goes away.
        let _ = JsFuture::from(yielded).await;
        return;
    }
    match MessageChannel::new() {
        Ok(channel) => Message::post(&channel).await,
        Err(_) => Timeout::after_ms(0).await,
    }
}

fn scheduler_yield() -> Option<Promise> {
    let scheduler = Reflect::get(&js_sys::global(), &"scheduler".into()).ok()?;
    let function = Reflect::get(&scheduler, &"yield".into())
        .ok()?
        .dyn_into::<Function>()
        .ok()?;
    Some(Promise::resolve(&function.call0(&scheduler).ok()?))
}

/// A message to ourselves. Its ports are closed when dropped: an open one keeps Node alive.
struct Message {
    ports: [MessagePort; 2],
    arrived: oneshot::Receiver<()>,
    _on_message: Closure<dyn FnMut()>,
}

impl Message {
    async fn post(channel: &MessageChannel) {
        let (arrive, arrived) = oneshot::channel();
        let on_message = Closure::once(move || {
            // Nobody may be waiting any more.
            let _ = arrive.send(());
        });
        let (from, to) = (channel.port1(), channel.port2());
        to.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        let mut message = Self {
            ports: [from, to],
            arrived,
            _on_message: on_message,
        };
        let [from, _] = &message.ports;
        if from.post_message(&JsValue::TRUE).is_ok() {
            // Sent by the handler, which lives as long as this.
            let _ = (&mut message.arrived).await;
        }
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        let [from, to] = &self.ports;
        to.set_onmessage(None);
        from.close();
        to.close();
    }
}
