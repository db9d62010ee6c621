//! The four stores, fixed for ever, at version 1, fixed for ever: no database is ever upgraded,
//! so that no tab ever waits for another to let go of an old version.

use js_sys::{Array, Reflect};
use wasm_bindgen::JsValue;
use web_sys::{IdbDatabase, IdbObjectStoreParameters};

use crate::backend::{IdStore, RecordKey};

/// The version of every database.
pub(super) const VERSION: u32 = 1;

pub(super) const HEAD: &str = "head";
pub(super) const LOG: &str = "log";
pub(super) const RUNS: &str = "runs";
pub(super) const BLOBS: &str = "blobs";

/// The keys of store `head`.
pub(super) const HEAD_KEY: &str = "head";
pub(super) const ROOT_KEY: &str = "root";

/// A set of stores, one bit each.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Scope(u8);

impl Scope {
    pub const NONE: Self = Self(0);
    pub const HEAD: Self = Self(1);
    pub const LOG: Self = Self(2);
    pub const RUNS: Self = Self(4);
    pub const BLOBS: Self = Self(8);
    pub const ALL: Self = Self(15);

    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Every set, in the order of [`Scope::index`].
    pub fn every() -> impl Iterator<Item = Self> {
        (Self::NONE.0..=Self::ALL.0).map(Self)
    }

    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    pub fn of_key(key: RecordKey) -> Self {
        match key {
            RecordKey::Head | RecordKey::Root => Self::HEAD,
            RecordKey::Frame(_) => Self::LOG,
            RecordKey::Run(_) => Self::RUNS,
            RecordKey::Piece(_) => Self::BLOBS,
        }
    }

    pub fn of_ids(store: IdStore) -> Self {
        match store {
            IdStore::Runs => Self::RUNS,
            IdStore::Blobs => Self::BLOBS,
        }
    }

    /// The names of the stores, as IndexedDB wants them.
    pub fn names(self) -> Array {
        let all = [
            (Self::HEAD, HEAD),
            (Self::LOG, LOG),
            (Self::RUNS, RUNS),
            (Self::BLOBS, BLOBS),
        ];
        let named = all.into_iter().filter(|(store, _)| self.0 & store.0 != 0);
        named.map(|(_, name)| JsValue::from(name)).collect()
    }
}

/// Creates the stores in a new database.
///
/// # Errors
/// What the browser throws.
pub(super) fn create(database: &IdbDatabase) -> Result<(), JsValue> {
    for name in [HEAD, RUNS, BLOBS] {
        database.create_object_store(name)?;
    }
    let numbered = IdbObjectStoreParameters::new();
    numbered.set_auto_increment(true);
    database.create_object_store_with_optional_parameters(LOG, &numbered)?;
    Ok(())
}

/// Whether the database has exactly our stores, and the log numbers its records.
pub(super) fn is_ours(database: &IdbDatabase) -> bool {
    let names = database.object_store_names();
    let ours = [BLOBS, HEAD, LOG, RUNS];
    if names.length() != 4 || !ours.iter().all(|name| names.contains(name)) {
        return false;
    }
    let Ok(transaction) = database.transaction_with_str_sequence(&Scope::ALL.names()) else {
        return false;
    };
    ours.iter().all(|name| {
        transaction.object_store(name).is_ok_and(|store| {
            let keys_inside = Reflect::get(&store, &"keyPath".into()).is_ok_and(|p| !p.is_null());
            !keys_inside && store.auto_increment() == (*name == LOG)
        })
    })
}
