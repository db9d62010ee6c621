//! The facade's functions that wasm calls.

use js_sys::{Array, Function};
use std::cell::RefCell;
use wasm_bindgen::prelude::*;

/// The functions that the facade registers.
#[derive(Clone)]
pub struct Hooks {
    /// `(code, message, remedy, path?, usage?, quota?, cause?, ids?) => PatchStoreError`.
    pub make_error: Function,
    /// Decodes values in the exact form.
    pub decoder: Decoder,
}

#[wasm_bindgen]
extern "C" {
    /// The facade's decoder of the exact form.
    #[derive(Clone)]
    pub type Decoder;

    /// Decodes a value; `beside` holds its Blobs. `stored` is wasm's own memory, to which the decoder keeps no
    /// reference.
    #[wasm_bindgen(method, catch, js_name = decodeExact)]
    pub fn decode_exact(this: &Decoder, stored: &[u8], beside: &Array) -> Result<JsValue, JsValue>;

    /// Decodes the values that `stored` holds one after another. Each ends at one of `ends` and goes to one of
    /// `places` in `list`, or into the pair there.
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

/// Registers the facade's functions. The facade calls this once, right after instantiating the wasm.
#[wasm_bindgen]
pub fn register(make_error: Function, decoder: Decoder, on_panic: Function) {
    HOOKS.set(Some(Hooks {
        make_error,
        decoder,
    }));
    let told = PanicHook(on_panic);
    std::panic::set_hook(Box::new(move |info| told.tell(&info.to_string())));
}

/// The facade's functions; `None` until they are registered.
#[must_use]
pub fn hooks() -> Option<Hooks> {
    HOOKS.with_borrow(Clone::clone)
}

struct PanicHook(Function);

impl PanicHook {
    fn tell(&self, message: &str) {
        // During a panic, nothing can be done about a listener that throws.
        drop(
            self.0
                .call1(&JsValue::UNDEFINED, &JsValue::from_str(message)),
        );
    }
}
