//! The version of the data's shape, and migrations to a later one.

use js_sys::Promise;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

use super::outcome::{self, Returned};
use super::patch::PatchPort;
use super::transaction::TransactionPort;
use super::{errors, host};
use crate::engine::access::Session;
use crate::error::Error;
use crate::models::migration;

/// The version is what was declared.
const DECLARED: u8 = 0;
/// It is lower, and is to be raised before.
const LOWER: u8 = 1;
/// It is to be migrated to a later one.
const MARKED: u8 = 2;

fn of(version: f64) -> u64 {
    // (The facade checks that it is a positive integer.)
    version as u64
}

#[wasm_bindgen]
impl PatchPort {
    /// Declares a version of the data's shape: the engine ends where they become of another one, or are to be migrated to a later
    /// one. `excused`: whoever has meant to migrate them now has died. Returns 0; 1 where they are of a lower version, 2 where they are
    /// to be migrated to a later one: nothing is declared then. Throws where they are of a later one.
    pub fn declare(&self, version: f64, excused: bool) -> Returned {
        let (engine, version) = (self.engine(), of(version));
        let declare = || {
            let found = engine.data_version()?;
            if found.version > version {
                return Err(Error::unsupported(format!(
                    "the data of the patch are of version {}, and this page is of version {version}: load its present version",
                    found.version
                )));
            }
            let excused = if excused { found.attempt } else { 0 };
            Ok(match engine.declare(version, excused)? {
                true => DECLARED,
                false if found.version < version => LOWER,
                false => MARKED,
            })
        };
        declare()
            .map(Into::into)
            .map_err(|error| errors::to_js(&error))
    }

    /// Whether the data are to be migrated, or were when whoever has begun that died.
    #[wasm_bindgen(js_name = isMarked)]
    pub fn is_marked(&self) -> Returned {
        let found = self.engine().data_version();
        let is_marked = found.map(|found| (found.target > 0).into());
        is_marked.map_err(|error| errors::to_js(&error))
    }

    /// Gives a version to a patch that holds nothing. Resolves to whether it has that version now.
    #[wasm_bindgen(unchecked_return_type = "Promise<boolean>")]
    pub fn adopt(&self, version: f64) -> Promise {
        let adopted = migration::adopt(self.engine(), of(version));
        outcome::promise(adopted, outcome::plain)
    }

    /// Announces a migration: other tabs of a lower version end. Resolves to the number of the attempt; 0 where the
    /// data are of that version already.
    #[wasm_bindgen(js_name = "markLater", unchecked_return_type = "Promise<number>")]
    pub fn mark(&self, version: f64) -> Promise {
        outcome::promise(migration::mark(self.engine(), of(version)), outcome::count)
    }

    /// Takes that back.
    #[wasm_bindgen(js_name = "unmarkLater", unchecked_return_type = "Promise<void>")]
    pub fn unmark(&self, attempt: f64) -> Promise {
        let unmarked = migration::unmark(self.engine(), of(attempt));
        outcome::promise(unmarked, outcome::nothing)
    }

    /// Begins the transaction of a migration; `in_turn`: as `begin` has it.
    #[wasm_bindgen(
        js_name = "beginMigrationLater",
        unchecked_return_type = "Promise<TransactionPort>"
    )]
    pub fn begin_migration(&self, in_turn: bool) -> Promise {
        let begun = migration::begin(self.engine().clone(), Rc::new(host::env()), in_turn);
        outcome::promise(Box::pin(begun), |begun| {
            Ok(TransactionPort::new(begun).into())
        })
    }
}

#[wasm_bindgen]
impl TransactionPort {
    /// The version of the data that it reads.
    #[wasm_bindgen(js_name = "versionLater")]
    pub fn version(&self) -> Returned {
        let work = Box::new(|r: &mut dyn crate::engine::access::Reads| {
            Ok(r.catalog().data_version()?.version)
        });
        outcome::read(self.transaction().read(work), outcome::count)
    }

    /// Commits a migration. Resolves to false if another commit changed what it read.
    #[wasm_bindgen(js_name = "finishLater", unchecked_return_type = "Promise<boolean>")]
    pub fn finish(&self, version: f64) -> Promise {
        let transaction = self.transaction().clone();
        let finished = migration::finish(transaction, Rc::new(host::env()), of(version));
        outcome::promise(Box::pin(finished), outcome::plain)
    }
}
