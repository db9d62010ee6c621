//! The Web Lock that open connections share, so that a database is deleted only when no tab has
//! it open: a frozen tab would block the deletion, and with it every later open.

use futures_channel::oneshot;
use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::globals;

#[wasm_bindgen]
extern "C" {
    type LockManager;
    #[wasm_bindgen(method, catch)]
    fn request(
        this: &LockManager,
        name: &str,
        options: &Object,
        callback: &JsValue,
    ) -> Result<Promise, JsValue>;
}

/// A share of the lock, or a place in the line for it; released when dropped.
pub(super) struct SharedLock {
    release: Option<Function>,
}

impl SharedLock {
    /// Waits for a share of the lock `name`; `None` where there are no Web Locks.
    pub async fn acquire(name: &str) -> Option<Self> {
        let manager: LockManager = globals::path(&["navigator", "locks"])?.unchecked_into();
        let mut release = None;
        let held = Promise::new(&mut |resolve: Function, _reject: Function| {
            release = Some(resolve);
        });
        let lock = Self { release };
        let (granted, is_granted) = oneshot::channel();
        // The browser holds the lock until the promise that the callback returns is resolved.
        let callback = Closure::once(move |_lock: JsValue| match granted.send(()) {
            Ok(()) => held.into(),
            Err(()) => JsValue::UNDEFINED,
        });
        let options = Object::new();
        Reflect::set(&options, &"mode".into(), &"shared".into()).ok()?;
        let released = manager.request(name, &options, callback.as_ref()).ok()?;
        spawn_local(async move {
            // Rejected where locks are refused; the callback goes, and takes its sender along.
            let _ = JsFuture::from(released).await;
            drop(callback);
        });
        is_granted.await.ok().map(|()| lock)
    }
}

impl Drop for SharedLock {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            // A promise's own resolve function does not throw.
            let _ = release.call0(&JsValue::UNDEFINED);
        }
    }
}
