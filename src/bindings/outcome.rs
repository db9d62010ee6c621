//! From outcomes to what JavaScript gets: a value at once, or a promise.

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;

use super::{errors, host};
use crate::engine::access::Answer;
use crate::error::Result;

/// What an exported method returns: a value, or an error to be thrown.
pub type Returned = Result<JsValue, JsValue>;

/// The value at once on warm data, else a promise of it.
///
/// # Errors
/// The `PatchStoreError` to be thrown.
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

/// A promise of what `future` comes to.
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

/// Calls `done` without an argument, or with the error: the facade has a promise already, and a
/// second one would cost more than the write itself.
pub fn tell(done: Function) -> Box<dyn FnOnce(Result<()>)> {
    Box::new(move |result| {
        let nobody = JsValue::UNDEFINED;
        let told = match result {
            Ok(()) => done.call0(&nobody),
            Err(error) => done.call1(&nobody, &errors::to_js(&error)),
        };
        // The facade's function settles a promise, which throws only where the stack is used up: it would never be
        // settled then, unless everything ends.
        if let Err(thrown) = told {
            wasm_bindgen::throw_val(thrown);
        }
    })
}

/// The conversion of what has no value.
///
/// # Errors
/// None.
pub fn nothing((): ()) -> Result<JsValue> {
    Ok(JsValue::UNDEFINED)
}

/// The conversion of plain values.
///
/// # Errors
/// None.
pub fn plain(value: impl Into<JsValue>) -> Result<JsValue> {
    Ok(value.into())
}

/// The conversion of counts.
///
/// # Errors
/// None.
#[expect(clippy::cast_precision_loss, reason = "no count comes near 2^53")]
pub fn count(value: u64) -> Result<JsValue> {
    Ok(JsValue::from_f64(value as f64))
}
