//! What the facade lends to wasm when it loads it.

use js_sys::Function;
use std::cell::RefCell;
use wasm_bindgen::prelude::*;

/// Functions of the facade.
#[derive(Clone)]
pub struct Hooks {
    /// `(code, message, remedy, path?, usage?, quota?, cause?) => PatchStoreError`.
    pub make_error: Function,
    /// `(value) => Shape`: the kind of a value, by its internal slots.
    pub shape_of: Function,
    /// `(view) => string`: "Uint8Array", …, "DataView".
    pub view_name: Function,
    /// `(value) => string`: how messages call something that cannot be stored.
    pub refusal_of: Function,
}

thread_local! {
    static HOOKS: RefCell<Option<Hooks>> = const { RefCell::new(None) };
}

/// Called once by the facade, right after the wasm was instantiated.
#[wasm_bindgen]
pub fn register(
    make_error: Function,
    shape_of: Function,
    view_name: Function,
    refusal_of: Function,
    on_panic: Function,
) {
    HOOKS.set(Some(Hooks {
        make_error,
        shape_of,
        view_name,
        refusal_of,
    }));
    let told = PanicHook(on_panic);
    std::panic::set_hook(Box::new(move |info| told.tell(&info.to_string())));
}

/// The facade's functions, once they are there.
#[must_use]
pub fn hooks() -> Option<Hooks> {
    HOOKS.with_borrow(Clone::clone)
}

struct PanicHook(Function);

impl PanicHook {
    fn tell(&self, message: &str) {
        // Nothing is left to be done about a listener that throws during a panic.
        drop(
            self.0
                .call1(&JsValue::UNDEFINED, &JsValue::from_str(message)),
        );
    }
}
