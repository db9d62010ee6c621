//! Returns outcomes to JavaScript, immediately or as a promise.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;

use super::{errors, host};
use crate::engine::access::Answer;
use crate::error::Result;

/// The result of an exported method: a value, or an error to throw.
pub type Returned = Result<JsValue, JsValue>;

/// The value if all data is in memory, otherwise a promise of it.
///
/// # Errors
/// The `PatchStoreError` to throw.
pub fn read<T: 'static>(
    outcome: Answer<T>,
    convert: impl FnOnce(T) -> Result<JsValue> + 'static,
) -> Returned {
    match outcome {
        Answer::Ready(result) => result
            .and_then(convert)
            .map_err(|error| errors::to_js(&error)),
        Answer::Later(future) => Ok(promise(future, convert).into()),
    }
}

/// A promise of the result of `future`, converted for JavaScript.
pub fn promise<T: 'static>(
    future: LocalBoxFuture<'static, Result<T>>,
    convert: impl FnOnce(T) -> Result<JsValue> + 'static,
) -> Promise {
    let settled = future.map(|result| {
        result
            .and_then(convert)
            .map_err(|error| errors::to_js(&error))
    });
    host::promise(settled.boxed_local())
}

/// Calls `done` without an argument on success, and with the error on failure. The facade already has a
/// promise, and a second one would cost more than the write itself.
pub fn tell(done: Function) -> Box<dyn FnOnce(Result<()>)> {
    Box::new(move |result| {
        let nobody = JsValue::UNDEFINED;
        let told = match result {
            Ok(()) => done.call0(&nobody),
            Err(error) => done.call1(&nobody, &errors::to_js(&error)),
        };
        // `done` settles a promise, which fails only on a stack overflow. The promise would then never settle, so let
        // the exception stop the whole engine.
        if let Err(thrown) = told {
            wasm_bindgen::throw_val(thrown);
        }
    })
}

/// Converts `()` to undefined.
///
/// # Errors
/// Never fails.
pub fn nothing((): ()) -> Result<JsValue> {
    Ok(JsValue::UNDEFINED)
}

/// Converts a plain value.
///
/// # Errors
/// Never fails.
pub fn plain(value: impl Into<JsValue>) -> Result<JsValue> {
    Ok(value.into())
}

/// Converts a count to a number.
///
/// # Errors
/// Never fails.
#[expect(clippy::cast_precision_loss, reason = "no count comes near 2^53")]
pub fn count(value: u64) -> Result<JsValue> {
    Ok(JsValue::from_f64(value as f64))
}
