//! The log itself: what is pending, marking it as synced, and deleting it.
//!
//! [`Read`] hands entries out and [`Count`] counts them; [`Mark`] and [`Prune`] do something to those that are
//! [chosen](Which) by their numbers, [`PruneSynced`] to those that are marked.

mod chosen;
mod count;
mod mark;
mod prune;
mod read;

use crate::codec::kinds::key as kinds;
use crate::codec::order::Order;
use crate::engine::access::{Attempt, Reads};
use crate::error::Error;

pub use chosen::Which;
pub use count::Count;
pub use mark::Mark;
pub use prune::{Prune, PruneSynced};
pub use read::{Out, Read, last};

/// Up to where entries are marked as synced; what is above is pending, unless it was marked by its number.
fn synced_to<R: Reads + ?Sized>(r: &mut R) -> Attempt<Option<Order>> {
    let stored = r.get(&[kinds::SYNCED_TO])?;
    Ok(match stored {
        None => None,
        Some(bytes) => Some(Order::from_bytes(&bytes).ok_or_else(broken)?),
    })
}

fn broken() -> Error {
    Error::corrupt("an op-log's entry lacks a part")
}

#[cfg(test)]
mod tests;
