//! The keys of an encrypted patch. A slot is named by its id as 32 hex digits.

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;

use super::access::AccessPort;
use super::errors;
use super::outcome;
use super::patch::PatchPort;
use crate::error::{Error, Result};
use crate::record::Id;

fn id_of(text: &str) -> Result<Id> {
    let number = u128::from_str_radix(text, 16);
    let number = number.map_err(|_| Error::internal("a key slot has no such name"))?;
    Ok(Id(number.to_be_bytes()))
}

fn text_of(id: Id) -> Result<JsValue> {
    Ok(id.to_string().into())
}

#[wasm_bindgen]
impl PatchPort {
    /// Whether the patch is encrypted.
    #[wasm_bindgen(js_name = isEncrypted)]
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.engine().is_encrypted()
    }

    /// The slot by which the patch was opened.
    #[wasm_bindgen(js_name = openedBy)]
    #[must_use]
    pub fn opened_by(&self) -> Option<String> {
        self.engine().opened_by().map(|id| id.to_string())
    }

    /// The slot that a passphrase or key opens now.
    #[wasm_bindgen(unchecked_return_type = "Promise<string>")]
    pub fn verify(&self, access: AccessPort) -> Promise {
        let verifying = self.engine().verify(access.access().credential);
        outcome::promise(verifying, text_of)
    }

    /// The slots' names.
    #[wasm_bindgen(js_name = "keyNamesLater", unchecked_return_type = "Promise<string[]>")]
    pub fn key_names(&self) -> Promise {
        outcome::promise(self.engine().key_names(), |names| {
            let list: Array = names.iter().map(|name| JsValue::from_str(name)).collect();
            Ok(list.into())
        })
    }

    /// Has a passphrase or key open the patch under a name, instead of what did so far.
    #[wasm_bindgen(js_name = "setKeyLater", unchecked_return_type = "Promise<string>")]
    pub fn set_key(&self, name: String, access: AccessPort) -> Promise {
        let setting = self.engine().set_key(name, access.access().credential);
        outcome::promise(setting, text_of)
    }

    /// Has a passphrase or key open the patch instead of that of a slot.
    #[wasm_bindgen(js_name = "rekeyLater", unchecked_return_type = "Promise<string>")]
    pub fn rekey(&self, slot: &str, access: AccessPort) -> Promise {
        let old = match id_of(slot) {
            Ok(old) => old,
            Err(error) => return Promise::reject(&errors::to_js(&error)),
        };
        let changing = self.engine().rekey(old, access.access().credential);
        outcome::promise(changing, text_of)
    }

    /// Removes the slot of a name. False if there is none.
    #[wasm_bindgen(js_name = "removeKeyLater", unchecked_return_type = "Promise<boolean>")]
    pub fn remove_key(&self, name: String) -> Promise {
        outcome::promise(self.engine().remove_key(name), outcome::plain)
    }
}
