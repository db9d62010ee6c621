//! Reads the fields of nodes from a slice, and skips whole nodes.

use super::tag;
use crate::error::{Error, Result};

pub(super) fn short() -> Error {
    Error::corrupt("a stored value is truncated")
}

pub(super) fn take_byte<'a>(rest: &mut &'a [u8]) -> Result<u8> {
    let (&byte, after): (&u8, &'a [u8]) = rest.split_first().ok_or_else(short)?;
    *rest = after;
    Ok(byte)
}

pub(super) fn take_array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N]> {
    let (taken, after) = rest.split_first_chunk::<N>().ok_or_else(short)?;
    let taken = *taken;
    *rest = after;
    Ok(taken)
}

pub(super) fn take_varint(rest: &mut &[u8]) -> Result<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take_byte(rest)?;
        let bits = u64::from(byte & 0x7F);
        if shift == 63 && bits > 1 {
            break;
        }
        value |= bits << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Error::corrupt("a stored value contains a malformed varint"))
}

pub(super) fn take_bytes<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8]> {
    let len = usize::try_from(take_varint(rest)?).map_err(|_| short())?;
    let (taken, after) = rest.split_at_checked(len).ok_or_else(short)?;
    *rest = after;
    Ok(taken)
}

/// Reads a count of items of at least `least` bytes each, and so cannot exceed what the remaining bytes allow.
///
/// # Errors
/// `Corrupt` if it does.
pub fn take_length(rest: &mut &[u8], least: usize) -> Result<usize> {
    let count = usize::try_from(take_varint(rest)?).map_err(|_| short())?;
    if count > rest.len() / least {
        Err(short())
    } else {
        Ok(count)
    }
}

/// Reads the bytes of a `text` at the beginning of `rest`, without checking that they are WTF-8.
///
/// # Errors
/// `Corrupt` if it is truncated.
pub fn take_text<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8]> {
    take_bytes(rest)
}

fn skip_attached(rest: &mut &[u8], tag: u8) -> Result<()> {
    if tag == tag::ATTACHED_FILE {
        take_bytes(rest)?;
        take_array::<8>(rest)?;
    }
    take_array::<16>(rest)?;
    take_varint(rest)?;
    take_bytes(rest).map(drop)
}

/// Consumes the node at the beginning of `rest` and returns its bytes. Checks only as much as that requires.
///
/// # Errors
/// `Corrupt` if it is truncated or malformed.
pub fn skip_node<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8]> {
    let whole = *rest;
    // How many nodes are still to be skipped. Containers add theirs; objects are kept apart because of the names.
    let mut nodes = 1usize;
    let mut objects: Vec<(usize, usize)> = Vec::new();
    while nodes > 0 || !objects.is_empty() {
        if nodes == 0 {
            let Some((outer, left)) = objects.last_mut() else {
                break;
            };
            if *left == 0 {
                nodes = *outer;
                objects.pop();
                continue;
            }
            *left -= 1;
            take_bytes(rest)?;
            nodes = 1;
        }
        nodes -= 1;
        let tag = take_byte(rest)?;
        match tag {
            tag::NULL | tag::UNDEFINED | tag::FALSE | tag::TRUE => {}
            tag::NUMBER | tag::DATE => drop(take_array::<8>(rest)?),
            tag::INTEGER => drop(take_varint(rest)?),
            tag::BIGINT | tag::BYTES => {
                take_byte(rest)?;
                take_bytes(rest)?;
            }
            tag::STRING => drop(take_bytes(rest)?),
            tag::BLOB => {
                take_bytes(rest)?;
                take_bytes(rest)?;
            }
            tag::FILE => {
                take_bytes(rest)?;
                take_bytes(rest)?;
                take_array::<8>(rest)?;
                take_bytes(rest)?;
            }
            tag::ATTACHED_BLOB | tag::ATTACHED_FILE => skip_attached(rest, tag)?,
            tag::BLOB_REF => {
                take_array::<32>(rest)?;
                take_varint(rest)?;
                take_bytes(rest)?;
            }
            tag::ARRAY | tag::SET => nodes += take_length(rest, 1)?,
            tag::MAP => nodes += 2 * take_length(rest, 2)?,
            tag::OBJECT => {
                let count = take_length(rest, 2)?;
                objects.push((nodes, count));
                nodes = 0;
            }
            _ => return Err(Error::corrupt("a stored value contains an unknown tag")),
        }
    }
    whole.get(..whole.len() - rest.len()).ok_or_else(short)
}
