//! Finds where a sort key ends.

use super::decode::{Reader, corrupt};
use crate::codec::kinds::sort;
use crate::error::Result;

/// Bytes of a whole key.
pub const MAX_BYTES: usize = 512;
/// Bytes of a cut key.
pub const CUT_BYTES: usize = MAX_BYTES + HASH_BYTES;
/// Of the SHA-256 at the end of a cut key.
pub(super) const HASH_BYTES: usize = 16;

/// A sort key within other bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Component<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Whether others may have the same.
    pub is_cut: bool,
}

/// The sort key at the beginning of some bytes, and the bytes behind it.
///
/// # Errors
/// `Corrupt` if there is none.
pub fn split(bytes: &[u8]) -> Result<(Component<'_>, &[u8])> {
    let ahead = bytes.get(..MAX_BYTES).unwrap_or(bytes);
    let mut reader = Reader { rest: ahead };
    let (taken, is_cut) = match skip(&mut reader) {
        Ok(is_told) => (ahead.len() - reader.rest.len(), !is_told),
        // A whole key would have ended: either this is none, or a cut one.
        Err(_) => (CUT_BYTES, true),
    };
    let (bytes, rest) = bytes.split_at_checked(taken).ok_or_else(corrupt)?;
    Ok((Component { bytes, is_cut }, rest))
}

/// What is still to come of a container.
enum Open {
    /// Elements, each of so many values, until there are no more.
    Items(u8),
    /// So many values.
    Values(usize),
}

/// Whether the value is told.
fn skip(reader: &mut Reader<'_>) -> Result<bool> {
    let mut open = vec![Open::Values(1)];
    loop {
        match open.last_mut() {
            None => return Ok(true),
            Some(Open::Values(0)) => {
                open.pop();
                continue;
            }
            Some(Open::Values(left)) => *left -= 1,
            Some(Open::Items(each)) => {
                let more = usize::from(*each);
                if reader.byte_of(sort::ITEM)? {
                    open.push(Open::Values(more));
                } else {
                    open.pop();
                }
                continue;
            }
        }
        match reader.byte()? {
            sort::UNDEFINED..=sort::MINUS_INFINITY | sort::ZERO | sort::INFINITY => {}
            kind @ (sort::MINUS_HUGE..=sort::HUGE) => {
                if matches!(kind, sort::HUGE | sort::MINUS_HUGE) {
                    reader.array::<4>()?;
                } else {
                    reader.array::<8>()?;
                }
                reader.escaped(if kind < sort::ZERO { 0xFF } else { 0 })?;
            }
            sort::STRING | sort::BYTES => drop(reader.escaped(0)?),
            sort::DATE => drop(reader.array::<8>()?),
            sort::ATTACHED => drop(reader.array::<16>()?),
            sort::BLOB_REF => drop(reader.array::<32>()?),
            kind @ (sort::ARRAY..=sort::SET) => {
                if reader.rest.first() == Some(&sort::TOO_LARGE) && open.len() == 1 {
                    reader.byte()?;
                    return Ok(false);
                }
                open.push(match kind {
                    sort::OBJECT => {
                        let mut names = 0;
                        while reader.byte_of(sort::NAME)? {
                            reader.escaped(0)?;
                            names += 1;
                        }
                        Open::Values(names)
                    }
                    sort::MAP => Open::Items(2),
                    _ => Open::Items(1),
                });
            }
            _ => return Err(corrupt()),
        }
    }
}
