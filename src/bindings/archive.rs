//! Patches on their way out and in, as archives.

use futures_util::FutureExt;
use js_sys::{Float64Array, Promise, Uint8Array};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::access::AccessPort;
use super::outcome;
use super::patch::PatchPort;
use super::subtle::bulk;
use crate::engine::{Carried, Export, ExportOptions, Import, ImportOptions};
use crate::error::{Error, Result};
use crate::limits;
use crate::models::keys;
use crate::models::op_log::carried;
use crate::sealed::keys::Credential;

fn credential(access: Option<AccessPort>) -> Option<Rc<dyn Credential>> {
    access.map(|access| access.access().credential)
}

#[wasm_bindgen]
impl PatchPort {
    /// Begins to export the patch, with the entries of the op-log or without them; `access` is what is to open the archive, if it is to be
    /// sealed.
    #[wasm_bindgen(
        js_name = "exportFromLater",
        unchecked_return_type = "Promise<ExportPortLater>"
    )]
    pub fn export_from(&self, access: Option<AccessPort>, with_log: bool) -> Promise {
        let beginning = self.engine().export(ExportOptions {
            credential: credential(access),
            bulk: bulk(),
            with_log,
        });
        outcome::promise(beginning, |begun| Ok(ExportPort(Turn::of(begun)).into()))
    }

    /// Begins to import into the patch, which holds nothing, from an archive that `access` opens, if it is sealed.
    #[wasm_bindgen(
        js_name = "importIntoLater",
        unchecked_return_type = "Promise<ImportPortLater>"
    )]
    pub fn import_into(&self, access: Option<AccessPort>) -> Promise {
        let beginning = self.engine().import(ImportOptions {
            credential: credential(access),
            bulk: bulk(),
            data: keys::data_ranges(),
            counted: [keys::record_ranges(), keys::content_ranges()],
            carried: Carried {
                key: &carried::KEY,
                value: carried::extended,
            },
        });
        outcome::promise(beginning, |begun| Ok(ImportPort(Turn::of(begun)).into()))
    }
}

/// Something that is worked with by one call at a time, until it is ended.
struct Turn<T>(Rc<Place<T>>);

struct Place<T> {
    free: RefCell<Option<T>>,
    is_over: Cell<bool>,
}

impl<T: 'static> Turn<T> {
    fn of(thing: T) -> Self {
        Self(Rc::new(Place {
            free: RefCell::new(Some(thing)),
            is_over: Cell::new(false),
        }))
    }

    /// Works with it, and puts it back unless that was the end of it.
    async fn work<U, F: Future<Output = (Option<T>, Result<U>)>>(
        place: Rc<Place<T>>,
        work: impl FnOnce(T) -> F,
    ) -> Result<U> {
        let thing = place.free.borrow_mut().take();
        let thing = thing.ok_or_else(Error::closed)?;
        let (left, done) = work(thing).await;
        if !place.is_over.get() {
            *place.free.borrow_mut() = left;
        }
        done
    }

    /// Takes it away, for good.
    fn end(&self) -> Option<T> {
        self.0.is_over.set(true);
        self.0.free.borrow_mut().take()
    }

    fn look<U>(&self, look: impl FnOnce(&T) -> U) -> Option<U> {
        self.0.free.borrow().as_ref().map(look)
    }
}

#[expect(clippy::cast_precision_loss, reason = "no count comes near 2^53")]
fn pair(numbers: impl Into<[u64; 2]>) -> Float64Array {
    Float64Array::from(&numbers.into().map(|number| number as f64)[..])
}

/// A patch on its way out.
#[wasm_bindgen(js_name = "ExportPortLater")]
pub struct ExportPort(Turn<Export>);

#[wasm_bindgen(js_class = "ExportPortLater")]
impl ExportPort {
    /// The next bytes; undefined at the end.
    #[wasm_bindgen(js_name = next, unchecked_return_type = "Promise<Uint8Array | undefined>")]
    pub fn next_bytes(&self) -> Promise {
        let work = Turn::work(self.0.0.clone(), |mut export: Export| async move {
            let made = export.next().await;
            (Some(export), made)
        });
        outcome::promise(work.boxed_local(), |made| {
            Ok(made.map_or(JsValue::UNDEFINED, |bytes| {
                Uint8Array::from(&bytes[..]).into()
            }))
        })
    }

    /// How many bytes of keys and values have gone, and how many there are, about.
    #[must_use]
    pub fn progress(&self) -> Option<Float64Array> {
        self.0
            .look(|export| pair(<[u64; 2]>::from(export.progress())))
    }

    /// Lets go of the moment that is exported.
    pub fn end(&self) {
        drop(self.0.end());
    }
}

/// A patch on its way in.
#[wasm_bindgen(js_name = "ImportPortLater")]
pub struct ImportPort(Turn<Import>);

#[wasm_bindgen(js_class = "ImportPortLater")]
impl ImportPort {
    /// Takes the next bytes of the archive.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn write(&self, bytes: &Uint8Array) -> Promise {
        let taken = limits::room_for(bytes.length() as usize).map(|()| bytes.to_vec());
        let work = Turn::work(self.0.0.clone(), |mut import: Import| async move {
            let written = match taken {
                Ok(bytes) => import.write(&bytes).await,
                Err(error) => Err(error),
            };
            (Some(import), written)
        });
        outcome::promise(work.boxed_local(), outcome::nothing)
    }

    /// How many bytes of keys and values have come, and how many there are, about.
    #[must_use]
    pub fn progress(&self) -> Option<Float64Array> {
        self.0
            .look(|import| pair(<[u64; 2]>::from(import.progress())))
    }

    /// Makes the patch live: the archive has come to its end. Resolves to the numbers of records and blobs.
    #[wasm_bindgen(unchecked_return_type = "Promise<Float64Array>")]
    pub fn end(&self) -> Promise {
        let work = Turn::work(self.0.0.clone(), |import: Import| async move {
            (None, import.end().await)
        });
        outcome::promise(work.boxed_local(), |counts| Ok(pair(counts).into()))
    }

    /// Gives up: nothing is left.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn abandon(&self) -> Promise {
        let import = self.0.end();
        let work = async move {
            if let Some(import) = import {
                import.abandon().await;
            }
            Ok(())
        };
        outcome::promise(work.boxed_local(), outcome::nothing)
    }
}
