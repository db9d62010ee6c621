//! WebCrypto, where the host has it: for large records, and for keys that never enter the wasm.

use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use js_sys::{Array, Object, Promise, Reflect, Uint8Array};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use zeroize::Zeroizing;

use super::values;
use crate::env::Env;
use crate::error::{Code, Error, Result};
use crate::sealed::aead::NONCE_BYTES;
use crate::sealed::keys::Credential;
use crate::sealed::table::{Method, Slot};
use crate::sealed::vault::{Bulk, Job, RecordKeys, Unable};

/// From how many bytes on WebCrypto is faster than the wasm, its promise included.
const LEAST_BYTES: usize = 4 << 10;

#[wasm_bindgen]
extern "C" {
    type SubtleCrypto;
    #[wasm_bindgen(method, catch, js_name = importKey)]
    fn import_key(
        this: &SubtleCrypto,
        format: &str,
        key: &Uint8Array,
        algorithm: &str,
        extractable: bool,
        usages: &Array,
    ) -> Result<Promise, JsValue>;
    /// The bytes are copied before it returns.
    #[wasm_bindgen(method, catch)]
    fn encrypt(
        this: &SubtleCrypto,
        parameters: &Object,
        key: &JsValue,
        bytes: &[u8],
    ) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn decrypt(
        this: &SubtleCrypto,
        parameters: &Object,
        key: &JsValue,
        bytes: &[u8],
    ) -> Result<Promise, JsValue>;
}

/// Which way.
#[derive(Clone, Copy)]
enum Way {
    Encrypt,
    Decrypt,
}

/// `crypto.subtle`.
pub struct Subtle(SubtleCrypto);

impl Subtle {
    /// Where there is one: not in pages that came by plain http.
    #[must_use]
    pub fn here() -> Option<Rc<Self>> {
        let crypto = Reflect::get(&js_sys::global(), &"crypto".into()).ok()?;
        let subtle = Reflect::get(&crypto, &"subtle".into()).ok()?;
        let is_there = subtle.is_object();
        is_there.then(|| Rc::new(Self(subtle.unchecked_into())))
    }

    /// Encrypts or decrypts.
    async fn work(
        &self,
        way: Way,
        key: &JsValue,
        nonce: [u8; NONCE_BYTES],
        aad: &[u8],
        bytes: &[u8],
    ) -> Result<Uint8Array, JsValue> {
        let parameters = Object::new();
        let fields: [(&str, JsValue); 3] = [
            ("name", "AES-GCM".into()),
            ("iv", Uint8Array::from(&nonce[..]).into()),
            ("additionalData", Uint8Array::from(aad).into()),
        ];
        for (field, value) in fields {
            Reflect::set(&parameters, &field.into(), &value)?;
        }
        let working = match way {
            Way::Encrypt => self.0.encrypt(&parameters, key, bytes),
            Way::Decrypt => self.0.decrypt(&parameters, key, bytes),
        };
        Ok(Uint8Array::new(&JsFuture::from(working?).await?))
    }

    async fn import(&self, key: &RecordKeys) -> Result<JsValue, JsValue> {
        let known = key.imported.borrow().clone();
        if let Some(known) = known.and_then(|known| known.downcast::<JsValue>().ok()) {
            return Ok((*known).clone());
        }
        let raw = Uint8Array::from(&key.secret.bytes()[..]);
        let usages = Array::new();
        for usage in ["encrypt", "decrypt"] {
            usages.push(&usage.into());
        }
        let importing = self.0.import_key("raw", &raw, "AES-GCM", false, &usages);
        // (It is copied by now.)
        raw.fill(0, 0, raw.length());
        let imported = JsFuture::from(importing?).await?;
        *key.imported.borrow_mut() = Some(Rc::new(imported.clone()));
        Ok(imported)
    }

    async fn job(&self, way: Way, key: &RecordKeys, job: Job) -> Result<Vec<u8>, JsValue> {
        let imported = self.import(key).await?;
        let worked = self
            .work(way, &imported, job.nonce, &job.aad, &job.bytes)
            .await?;
        let (mut out, at) = (job.before, worked.length() as usize);
        let before = out.len();
        out.resize(before + at, 0);
        if let Some(end) = out.get_mut(before..) {
            worked.copy_to(end);
        }
        Ok(out)
    }
}

/// Large records by WebCrypto, where there is one.
#[must_use]
pub fn bulk() -> Rc<dyn Bulk> {
    Rc::new(HostBulk(Subtle::here()))
}

struct HostBulk(Option<Rc<Subtle>>);

impl HostBulk {
    /// It is begun at once: several jobs run side by side.
    fn run(
        &self,
        way: Way,
        key: Rc<RecordKeys>,
        job: Job,
    ) -> LocalBoxFuture<'static, Option<Vec<u8>>> {
        let subtle = self.0.clone();
        let (done, outcome) = oneshot::channel();
        spawn_local(async move {
            let worked = match subtle {
                Some(subtle) => subtle.job(way, &key, job).await.ok(),
                None => None,
            };
            // (Nobody waits any more: then it was for nothing.)
            drop(done.send(worked));
        });
        async move { outcome.await.ok().flatten() }.boxed_local()
    }
}

impl Bulk for HostBulk {
    fn least_bytes(&self) -> usize {
        if self.0.is_some() {
            LEAST_BYTES
        } else {
            usize::MAX
        }
    }

    fn seal(&self, key: Rc<RecordKeys>, job: Job) -> LocalBoxFuture<'static, Option<Vec<u8>>> {
        self.run(Way::Encrypt, key, job)
    }

    fn open(
        &self,
        key: Rc<RecordKeys>,
        job: Job,
    ) -> LocalBoxFuture<'static, Result<Option<Vec<u8>>, Unable>> {
        // That it fails does not tell why: the wasm judges then.
        let opening = self.run(Way::Decrypt, key, job);
        async move { opening.await.map(Some).ok_or(Unable) }.boxed_local()
    }

    fn inline(&self, value: Bytes) -> LocalBoxFuture<'static, Result<Bytes>> {
        values::with_blobs_inside(value).boxed_local()
    }
}

/// A `CryptoKey`, whose bytes are not to be had.
pub struct HostKey {
    key: JsValue,
    subtle: Option<Rc<Subtle>>,
}

impl HostKey {
    /// Of a key for AES-GCM of 256 bits, which may encrypt and decrypt.
    #[must_use]
    pub fn new(key: JsValue) -> Self {
        Self {
            key,
            subtle: Subtle::here(),
        }
    }

    fn subtle(&self) -> Result<Rc<Subtle>> {
        self.subtle
            .clone()
            .ok_or_else(|| unable("there is no crypto.subtle here"))
    }
}

fn unable(why: &str) -> Error {
    Error::new(
        Code::Unavailable,
        format!("the CryptoKey cannot be used: {why}"),
    )
}

fn why(error: &JsValue) -> Error {
    let name = Reflect::get(error, &"name".into())
        .ok()
        .and_then(|name| name.as_string());
    unable(&name.unwrap_or_default())
}

impl Credential for HostKey {
    fn method(&self, _env: &dyn Env) -> Method {
        Method::Key
    }

    fn fits(&self, method: &Method) -> bool {
        *method == Method::Key
    }

    fn seal(&self, slot: &Slot, plain: Zeroizing<Vec<u8>>) -> LocalBoxFuture<'_, Result<Vec<u8>>> {
        let (nonce, aad) = (slot.nonce, slot.aad());
        async move {
            let subtle = self.subtle()?;
            let sealing = subtle.work(Way::Encrypt, &self.key, nonce, &aad, &plain);
            let sealed = sealing.await.map_err(|error| why(&error))?;
            Ok(sealed.to_vec())
        }
        .boxed_local()
    }

    fn open(&self, slot: &Slot) -> LocalBoxFuture<'_, Result<Option<Zeroizing<Vec<u8>>>>> {
        let (nonce, aad, wrapped) = (slot.nonce, slot.aad(), slot.wrapped);
        async move {
            let subtle = self.subtle()?;
            let opening = subtle.work(Way::Decrypt, &self.key, nonce, &aad, &wrapped);
            match opening.await {
                Ok(opened) => {
                    let plain = Zeroizing::new(opened.to_vec());
                    // The patch key is in it.
                    opened.fill(0, 0, opened.length());
                    Ok(Some(plain))
                }
                Err(error) => {
                    let name = Reflect::get(&error, &"name".into()).ok();
                    match name.and_then(|name| name.as_string()).as_deref() {
                        Some("OperationError") => Ok(None),
                        _ => Err(why(&error)),
                    }
                }
            }
        }
        .boxed_local()
    }
}
