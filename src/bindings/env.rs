//! The browser's clocks, randomness and scheduling, in pages and workers of every kind.

use futures_channel::oneshot;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use js_sys::Function;
use wasm_bindgen::prelude::*;

use crate::env::Env;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, ms: u32) -> JsValue;

    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;

    type MessageChannel;
    #[wasm_bindgen(constructor)]
    fn new() -> MessageChannel;
    #[wasm_bindgen(method, getter)]
    fn port1(this: &MessageChannel) -> MessagePort;
    #[wasm_bindgen(method, getter)]
    fn port2(this: &MessageChannel) -> MessagePort;

    type MessagePort;
    #[wasm_bindgen(method, setter)]
    fn set_onmessage(this: &MessagePort, listener: &Function);
    #[wasm_bindgen(method, js_name = postMessage)]
    fn post_message(this: &MessagePort, message: &JsValue);
    #[wasm_bindgen(method)]
    fn close(this: &MessagePort);
}

/// The world of a page or a worker.
pub struct BrowserEnv;

impl Env for BrowserEnv {
    fn now_ms(&self) -> f64 {
        js_sys::Date::now()
    }

    fn monotonic_ms(&self) -> f64 {
        performance_now()
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_err() {
            wasm_bindgen::throw_str("this browser has no source of randomness");
        }
    }

    fn sleep(&self, ms: u32) -> LocalBoxFuture<'static, ()> {
        let (waking, woken) = oneshot::channel();
        set_timeout(&once(waking), ms);
        woken.map(drop).boxed_local()
    }

    fn yield_now(&self) -> LocalBoxFuture<'static, ()> {
        // A message is a task of its own, and is not held back as a timer is.
        let (waking, woken) = oneshot::channel();
        let channel = MessageChannel::new();
        let (receiver, sender) = (channel.port1(), channel.port2());
        receiver.set_onmessage(&once(waking));
        sender.post_message(&JsValue::NULL);
        async move {
            // Cancelled or not, it is a later task now.
            let _ = woken.await;
            receiver.close();
        }
        .boxed_local()
    }

    fn spawn(&self, future: LocalBoxFuture<'static, ()>) {
        wasm_bindgen_futures::spawn_local(future);
    }
}

/// A function that wakes one waiter, and frees itself when it is called.
fn once(waking: oneshot::Sender<()>) -> Function {
    Closure::once_into_js(move || {
        // Nobody waits any more: then there is nobody to wake.
        let _ = waking.send(());
    })
    .unchecked_into()
}
