//! The realm in which the bindings run: the page or worker, or, for tests of the facade (feature `simulation`), the
//! simulated tab whose task is running.

use futures_util::future::LocalBoxFuture;
use js_sys::Promise;
use wasm_bindgen::JsValue;

#[cfg(not(feature = "simulation"))]
mod page {
    use super::{JsValue, LocalBoxFuture, Promise};
    use crate::env::browser::BrowserEnv;
    use wasm_bindgen_futures::{future_to_promise, spawn_local};

    /// Its clocks, randomness and scheduling.
    #[must_use]
    pub fn env() -> BrowserEnv {
        BrowserEnv
    }

    /// Runs a future to its end, beginning in this task.
    pub fn spawn(future: impl Future<Output = ()> + 'static) {
        spawn_local(future);
    }

    /// A promise of what a future comes to. One kind of future for all promises: what drives them is compiled once.
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

    /// From now on, the tabs are those of this world.
    pub fn set_world(env: SimEnv) {
        WORLD.set(Some(env));
    }

    /// The environment of the tab whose task was polled last.
    ///
    /// # Panics
    /// Before there is a world.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test that has no world must fail")]
    pub fn running() -> SimEnv {
        WORLD.with_borrow(|world| world.as_ref().expect("a world was made").running())
    }

    /// Its clocks, randomness and scheduling.
    #[must_use]
    pub fn env() -> SimEnv {
        running()
    }

    /// Runs a future to its end, as a task of the tab.
    pub fn spawn(future: impl Future<Output = ()> + 'static) {
        env().spawn(Box::pin(future));
    }

    /// A promise of what a future comes to. The tab's scheduler decides when it goes on, and it never does in a tab that
    /// is frozen or dead.
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
            // (Neither throws.)
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
