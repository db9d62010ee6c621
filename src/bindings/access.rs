//! What opens an encrypted patch, as the facade gives it.

use futures_util::FutureExt;
use js_sys::{Array, Function, Promise, Uint8Array};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::errors;
use super::subtle::{HostKey, bulk};
use crate::engine::Access;
use crate::error::{Code, Error, Result};
use crate::sealed::aead::{KEY_BYTES, Secret};
use crate::sealed::keys::{Credential, Passphrase, RawKey};
use crate::sealed::table::Argon2;

/// What new slots of passphrases demand: above OWASP's least (19 MiB, 2 passes, 1 lane).
const FRESH: Argon2 = Argon2 {
    salt: [0; 16],
    memory_kib: 32 << 10,
    passes: 3,
    lanes: 1,
};

/// A passphrase or a key.
#[wasm_bindgen]
#[derive(Clone)]
pub struct AccessPort {
    access: Access,
}

impl AccessPort {
    fn of(credential: Rc<dyn Credential>) -> Self {
        let bulk = bulk();
        Self {
            access: Access { credential, bulk },
        }
    }

    /// For the engine. (Calls take the port: what is left of one would keep its key until garbage is collected.)
    #[must_use]
    pub fn access(self) -> Access {
        self.access
    }
}

#[wasm_bindgen]
impl AccessPort {
    /// Of a key of 32 bytes.
    ///
    /// # Errors
    /// `InvalidArgument` for another length.
    #[wasm_bindgen(js_name = ofKey)]
    pub fn of_key(key: &Uint8Array) -> Result<Self, JsValue> {
        let key = secret(key).ok_or_else(|| Error::invalid("a key has 32 bytes"));
        let key = key.map_err(|error| errors::to_js(&error))?;
        Ok(Self::of(Rc::new(RawKey::new(key))))
    }

    /// Of a `CryptoKey` for AES-GCM.
    #[wasm_bindgen(js_name = ofCryptoKey)]
    #[must_use]
    pub fn of_crypto_key(key: JsValue) -> Self {
        Self::of(Rc::new(HostKey::new(key)))
    }

    /// Of a passphrase, whose keys `derive` makes: `(salt, memoryKib, passes, lanes) => Promise<Uint8Array>`. It wipes what it returned
    /// once that was taken.
    #[wasm_bindgen(js_name = ofPassphrase)]
    #[must_use]
    pub fn of_passphrase(derive: Function) -> Self {
        let derive = move |argon2: Argon2| {
            let derive = derive.clone();
            async move { derived(&derive, argon2).await }.boxed_local()
        };
        Self::of(Rc::new(Passphrase::new(Box::new(derive), FRESH)))
    }
}

/// `None` for other than 32 bytes.
fn secret(bytes: &Uint8Array) -> Option<Secret> {
    (bytes.length() as usize == KEY_BYTES).then(|| Secret::filled(|out| bytes.copy_to(out)))
}

async fn derived(derive: &Function, argon2: Argon2) -> Result<Secret> {
    let failed = |cause: JsValue| {
        let error = Error::new(
            Code::Unavailable,
            "the passphrase's key could not be derived",
        );
        error.with_cause(Rc::new(cause))
    };
    let arguments = Array::of4(
        &Uint8Array::from(&argon2.salt[..]),
        &argon2.memory_kib.into(),
        &argon2.passes.into(),
        &argon2.lanes.into(),
    );
    let promise = derive
        .apply(&JsValue::UNDEFINED, &arguments)
        .map_err(failed)?;
    let key = JsFuture::from(promise.unchecked_into::<Promise>())
        .await
        .map_err(failed)?;
    let key = key.unchecked_into::<Uint8Array>();
    let secret = secret(&key);
    key.fill(0, 0, key.length());
    secret.ok_or_else(|| Error::internal("a derived key has another length"))
}
