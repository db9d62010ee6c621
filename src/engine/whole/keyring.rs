//! The key slots of an open patch: listed, added, replaced, removed. The data stays as it is.

use std::rc::Rc;

use crate::engine::core::instance::Core;
use crate::engine::log::intake;
use crate::engine::upkeep::flip::Flip;
use crate::error::{Code, Error, Result};
use crate::record::Id;
use crate::sealed::keys::{self, Credential, Keys};
use crate::sealed::table::{KeyTable, MAX_NAME_BYTES, MAX_SLOTS};
use crate::sealed::vault::Vault;

/// How often a change is tried while others change the head.
const TRIES: u32 = 20;

/// The slot that a credential opens, of the patch as it is now.
///
/// # Errors
/// `NotEncrypted`, `WrongKey`, `Closed`, …
pub async fn verify(core: &Rc<Core>, credential: &dyn Credential) -> Result<Id> {
    vault(core)?;
    intake::take_in(core).await?;
    let (_, slot) = keys::unlock(&table(core)?, credential).await?;
    Ok(slot)
}

/// The names of the slots.
///
/// # Errors
/// `NotEncrypted`, `Corrupt`, `Closed`, …
pub async fn names(core: &Rc<Core>) -> Result<Vec<String>> {
    vault(core)?;
    intake::take_in(core).await?;
    named(core, &table(core)?)
}

/// Has a credential open the patch under a name, instead of what did so far. The new slot.
///
/// # Errors
/// `NotEncrypted`, `LimitExceeded` (too many slots), `Conflict`, …
pub async fn set(core: &Rc<Core>, name: &str, credential: &dyn Credential) -> Result<Id> {
    if name.len() > MAX_NAME_BYTES {
        return Err(Error::new(
            Code::LimitExceeded,
            format!(
                "the name of a key has {} bytes; it may have {MAX_NAME_BYTES}",
                name.len()
            ),
        ));
    }
    let slot = new_slot(core, credential).await?;
    let id = slot.id;
    change(core, &|table, names| {
        match names.iter().position(|each| each == name) {
            Some(at) => replace(table, at, slot.clone()),
            None if names.len() >= MAX_SLOTS => {
                return Err(Error::new(
                    Code::LimitExceeded,
                    format!("a patch has {MAX_SLOTS} keys at most"),
                ));
            }
            None => {
                table.slots.push(slot.clone());
                names.push(name.to_owned());
            }
        }
        Ok(Some(Goal::Has(id)))
    })
    .await?;
    Ok(id)
}

/// Has a credential open the patch instead of the one that opens a slot. The new slot.
///
/// # Errors
/// `NotEncrypted`; `Conflict`: the slot is gone, …
pub async fn rekey(core: &Rc<Core>, old: Id, credential: &dyn Credential) -> Result<Id> {
    let slot = new_slot(core, credential).await?;
    let id = slot.id;
    change(core, &|table, _| {
        let at = table.slots.iter().position(|each| each.id == old);
        let at = at.ok_or_else(|| {
            Error::new(
                Code::Conflict,
                "the key that opened the patch was replaced or removed meanwhile",
            )
        })?;
        replace(table, at, slot.clone());
        Ok(Some(Goal::Has(id)))
    })
    .await?;
    Ok(id)
}

/// Removes the slot of a name; false if there is none.
///
/// # Errors
/// `InvalidArgument` for the last one, `NotEncrypted`, `Conflict`, …
pub async fn remove(core: &Rc<Core>, name: &str) -> Result<bool> {
    change(core, &|table, names| {
        let Some(at) = names.iter().position(|each| each == name) else {
            return Ok(None);
        };
        if names.len() == 1 {
            return Err(Error::new(
                Code::InvalidArgument,
                "the last key of a patch cannot be removed",
            ));
        }
        let slot = table.slots.remove(at);
        names.remove(at);
        Ok(Some(Goal::Lacks(slot.id)))
    })
    .await
}

fn replace(table: &mut KeyTable, at: usize, slot: crate::sealed::table::Slot) {
    if let Some(place) = table.slots.get_mut(at) {
        *place = slot;
    }
}

/// What a change comes to, whatever others change besides.
enum Goal {
    /// There is a slot of this id.
    Has(Id),
    /// There is none.
    Lacks(Id),
}

impl Goal {
    fn is_met(&self, table: &KeyTable) -> bool {
        let has = |id: &Id| table.slots.iter().any(|slot| slot.id == *id);
        match self {
            Self::Has(id) => has(id),
            Self::Lacks(id) => !has(id),
        }
    }
}

type Change<'a> = &'a dyn Fn(&mut KeyTable, &mut Vec<String>) -> Result<Option<Goal>>;

/// Changes the table in a flip of its own, again if another was first. False if `change` changes nothing.
async fn change(core: &Rc<Core>, change: Change<'_>) -> Result<bool> {
    for _ in 0..TRIES {
        let _pass = core.maintenance.enter().await;
        intake::take_in(core).await?;
        let mut table = table(core)?;
        let mut names = named(core, &table)?;
        let Some(goal) = change(&mut table, &mut names)? else {
            return Ok(false);
        };
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let vault = vault(core)?;
        table.names = vault.with_keys(|keys| keys::seal_names(core.env(), keys, &names))??;
        let mut flip = Flip::new(core);
        flip.replace_keys(table.encode());
        flip.run(core).await?;
        // Another's flip may look like this one but for the head; and after this one, others may have changed the table.
        // planted: keys-of-another
        if goal.is_met(&self::table(core)?) {
            return Ok(true);
        }
    }
    Err(Error::new(
        Code::Conflict,
        "the patch is changed too often for its keys to be replaced",
    ))
}

async fn new_slot(
    core: &Rc<Core>,
    credential: &dyn Credential,
) -> Result<crate::sealed::table::Slot> {
    let patch = vault(core)?.with_keys(|keys: &Keys| keys.patch().clone())?;
    let slot = keys::new_slot(core.env(), &patch, credential).await?;
    // A key that opens nothing would lock the patch for good.
    let opened = credential.open(&slot).await?;
    let is_open = opened.is_some_and(|opened| opened.ends_with(patch.bytes()));
    if is_open {
        Ok(slot)
    } else {
        Err(Error::internal(
            "a new key does not open what it has sealed",
        ))
    }
}

fn vault(core: &Core) -> Result<Rc<Vault>> {
    let vault = core.vault.clone();
    vault.ok_or_else(|| Error::new(Code::NotEncrypted, "the patch is not encrypted"))
}

fn table(core: &Core) -> Result<KeyTable> {
    KeyTable::decode(&core.state.borrow().head.keys)
}

fn named(core: &Core, table: &KeyTable) -> Result<Vec<String>> {
    vault(core)?.with_keys(|keys| keys::open_names(table, keys))?
}
