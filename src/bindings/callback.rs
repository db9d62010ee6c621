//! Functions of JavaScript that work calls.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use js_sys::{Function, Promise};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::errors;
use super::host;
use super::session::AnySession;
use crate::engine::access::{Session, WriteWork};
use crate::error::{Error, Result};

/// Writes, and gives what the last run of `work` came to. (Each kind of result would cost code of its own.)
pub fn write(
    session: &AnySession,
    mut work: WriteWork<JsValue>,
) -> LocalBoxFuture<'static, Result<JsValue>> {
    let result: Rc<RefCell<JsValue>> = Rc::default();
    let last = Rc::clone(&result);
    let done = session.write(Box::new(move |w| {
        last.replace(work(w)?);
        Ok(())
    }));
    done.map(move |done| done.map(|()| result.take()))
        .boxed_local()
}

/// A function that is called inside of work. What it throws ends the work, and rejects the promise as it is.
#[derive(Clone)]
pub struct Callback {
    function: Function,
    thrown: Rc<RefCell<Option<JsValue>>>,
}

impl Callback {
    /// Of a function of JavaScript.
    #[must_use]
    pub fn new(function: Function) -> Self {
        Self {
            function,
            thrown: Rc::default(),
        }
    }

    /// What the function returns.
    ///
    /// # Errors
    /// `Internal` when it throws: the promise that [`Callback::settle`] gives tells what.
    pub fn call(&self, first: &JsValue, second: &JsValue) -> Result<JsValue> {
        self.thrown.take();
        let returned = self.function.call2(&JsValue::UNDEFINED, first, second);
        returned.map_err(|error| {
            self.thrown.replace(Some(error));
            Error::internal("the callback threw")
        })
    }

    /// A promise of what the work comes to.
    pub fn settle(self, done: LocalBoxFuture<'static, Result<JsValue>>) -> Promise {
        let settled = done.map(move |done| {
            done.map_err(|error| self.thrown.take().unwrap_or_else(|| errors::to_js(&error)))
        });
        host::promise(settled.boxed_local())
    }
}
