//! What the facade lends to wasm when it loads it.

use js_sys::{Array, Function};
use std::cell::RefCell;
use wasm_bindgen::prelude::*;

/// Functions of the facade.
#[derive(Clone)]
pub struct Hooks {
    /// `(code, message, remedy, path?, usage?, quota?, cause?) => PatchStoreError`.
    pub make_error: Function,
    /// What makes values.
    pub decoder: Decoder,
}

#[wasm_bindgen]
extern "C" {
    /// What makes values of their exact form.
    #[derive(Clone)]
    pub type Decoder;

    /// The value, beside which these Blobs lie. It is given wasm's own memory, and keeps nothing of it.
    #[wasm_bindgen(method, catch, js_name = decodeExact)]
    pub fn decode_exact(this: &Decoder, stored: &[u8], beside: &Array) -> Result<JsValue, JsValue>;

    /// Puts those that lie in `stored` one after another, each up to one of `ends`, at `places` of a
    /// list, or as the second of the pairs there.
    #[wasm_bindgen(method, catch, js_name = placeExact)]
    pub fn place_exact(
        this: &Decoder,
        list: &Array,
        in_pairs: bool,
        stored: &[u8],
        beside: &Array,
        ends: &[u32],
        places: &[u32],
    ) -> Result<(), JsValue>;
}

thread_local! {
    static HOOKS: RefCell<Option<Hooks>> = const { RefCell::new(None) };
}

/// Called once by the facade, right after the wasm was instantiated.
#[wasm_bindgen]
pub fn register(make_error: Function, decoder: Decoder, on_panic: Function) {
    HOOKS.set(Some(Hooks {
        make_error,
        decoder,
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
