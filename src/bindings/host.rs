//! The realm in which the bindings run: the page or worker, or, in tests of the facade (feature `simulation`), the
//! simulated tab whose task is running.

use futures_util::future::LocalBoxFuture;
use js_sys::Promise;
use wasm_bindgen::JsValue;

#[cfg(not(feature = "simulation"))]
mod page {
    use super::{JsValue, LocalBoxFuture, Promise};
    use crate::env::browser::BrowserEnv;
    use wasm_bindgen_futures::{future_to_promise, spawn_local};

    /// The realm's clocks, randomness and scheduling.
    #[must_use]
    pub fn env() -> BrowserEnv {
        BrowserEnv
    }

    /// Runs a future to its end in the background.
    pub fn spawn(future: impl Future<Output = ()> + 'static) {
        spawn_local(future);
    }

    /// A promise of a future's result. The future is boxed, so that the code that drives it is compiled only once.
    pub fn promise(future: LocalBoxFuture<'static, Result<JsValue, JsValue>>) -> Promise {
        future_to_promise(future)
    }
}

#[cfg(feature = "simulation")]
mod tab {
    use super::{JsValue, LocalBoxFuture, Promise};
    use crate::env::Env;
    use crate::simulation::SimEnv;
    use js_sys::Function;
    use std::cell::RefCell;
    use std::rc::Rc;

    thread_local! {
        static WORLD: RefCell<Option<SimEnv>> = const { RefCell::new(None) };
    }

    /// Sets the world whose tabs the bindings run in.
    pub fn set_world(env: SimEnv) {
        WORLD.set(Some(env));
    }

    /// The environment of the tab whose task was polled last.
    ///
    /// # Panics
    /// If [`set_world`] has not been called.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test that has no world must fail")]
    pub fn running() -> SimEnv {
        WORLD.with_borrow(|world| world.as_ref().expect("a world was made").running())
    }

    /// The running tab's clocks, randomness and scheduling.
    #[must_use]
    pub fn env() -> SimEnv {
        running()
    }

    /// Runs a future to its end as a task of the running tab.
    pub fn spawn(future: impl Future<Output = ()> + 'static) {
        env().spawn(Box::pin(future));
    }

    /// A promise of a future's result. The tab's scheduler decides when the future runs; in a frozen or dead tab it
    /// never does.
    pub fn promise(future: LocalBoxFuture<'static, Result<JsValue, JsValue>>) -> Promise {
        let ends: Rc<RefCell<Option<(Function, Function)>>> = Rc::default();
        let promise = {
            let ends = Rc::clone(&ends);
            Promise::new(&mut move |resolve, reject| {
                ends.replace(Some((resolve, reject)));
            })
        };
        spawn(async move {
            let result = future.await;
            let Some((resolve, reject)) = ends.take() else {
                return;
            };
            let nobody = JsValue::UNDEFINED;
            // Neither of them throws.
            let _ = match result {
                Ok(value) => resolve.call1(&nobody, &value),
                Err(error) => reject.call1(&nobody, &error),
            };
        });
        promise
    }
}

#[cfg(not(feature = "simulation"))]
pub use page::{env, promise, spawn};
#[cfg(feature = "simulation")]
pub use tab::{env, promise, running, set_world, spawn};
