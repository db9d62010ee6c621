//! How much one call may take, and asking for memory before it is taken.
//!
//! In the wasm, memory that cannot be had ends everything: an allocation that fails is an abort. So whatever a
//! user or a stored record can make large is bounded here, and what is large within the bounds asks
//! [`room_for`] first. The facade has the same numbers (`facade/base/limits.ts`), and weighs before anything crosses.

use std::hint::black_box;

use crate::error::{Code, Error, Result};

/// Bytes of one stored value. Half of what a V8 string holds in units, so that a value's JSON text is one
/// string; and a write of it, which takes up to four copies (what was there, the changes, the value, the record),
/// fits into the 4 GiB of a wasm memory.
pub const MAX_VALUE_BYTES: usize = 256 << 20;
/// Bytes of all that one call, or one transaction, writes; and of what one call hands out.
pub const MAX_CALL_BYTES: usize = 512 << 20;
/// What an item that is written takes beside its bytes, in operations and tables: a call has two million
/// at most.
pub const ITEM_BYTES: usize = 256;
/// What an item that is handed out takes beside its bytes.
pub const RESULT_ITEM_BYTES: usize = 32;
/// Bytes of the keys and ranges that one call, or one transaction, remembers to have read. When they are used up, what it
/// has read is remembered more coarsely, as ranges: it may then be run again for what others write in between.
pub const MAX_READ_SET_BYTES: usize = 32 << 20;
/// Bytes of a value that is taken apart into a tree: to be sorted by, or compared beyond its text. A tree takes
/// up to thirty times as much.
pub const MAX_TREE_BYTES: usize = 8 << 20;

/// From this on, an allocation asks first.
const LARGE_BYTES: usize = 1 << 20;
/// While the wasm's memory is smaller than this, what is not large is there.
const AMPLE_BYTES: usize = 2 << 30;
/// Kept free for the engine's own work: flushes, merges, loads of segments. Less beside a small value while there is ample memory:
/// asking takes it, and a wasm's memory never shrinks.
const RESERVE_BYTES: usize = 64 << 20;
const LEAST_RESERVE_BYTES: usize = 16 << 20;
/// That many times a value is kept free beside it then.
const RESERVE_FACTOR: usize = 4;
/// A value is copied once more on its way: into its record, or into a longer buffer.
const COPIES: usize = 2;

/// The error of what is too large.
#[must_use]
pub fn exceeded(what: &str, bytes: usize, most: usize) -> Error {
    let message = format!("{what} takes {bytes} bytes; the limit is {most}");
    Error::new(Code::LimitExceeded, message)
}

/// Checks a size; `what` names it in the message.
///
/// # Errors
/// `LimitExceeded` above `most`.
pub fn within(what: &str, bytes: usize, most: usize) -> Result<()> {
    if bytes <= most {
        Ok(())
    } else {
        Err(exceeded(what, bytes, most))
    }
}

/// Checks the size of a result.
///
/// # Errors
/// `LimitExceeded`, with what helps.
pub fn within_result(bytes: usize) -> Result<()> {
    if bytes <= MAX_CALL_BYTES {
        return Ok(());
    }
    let message = format!(
        "the result takes at least {bytes} bytes; the limit is {MAX_CALL_BYTES}: read it in parts (limit, iterate)"
    );
    Err(Error::new(Code::LimitExceeded, message))
}

/// Makes sure that `bytes` can be allocated now, twice, and something beside it. Nothing else runs
/// between this and the allocation.
///
/// # Errors
/// `LimitExceeded` where there is no memory for it.
pub fn room_for(bytes: usize) -> Result<()> {
    if bytes < LARGE_BYTES && memory_bytes() < AMPLE_BYTES {
        return Ok(());
    }
    let reserve = if memory_bytes() < AMPLE_BYTES {
        bytes
            .saturating_mul(RESERVE_FACTOR)
            .clamp(LEAST_RESERVE_BYTES, RESERVE_BYTES)
    } else {
        RESERVE_BYTES
    };
    let wanted = bytes.saturating_mul(COPIES).saturating_add(reserve);
    let mut probe = Vec::<u8>::new();
    let there = probe.try_reserve_exact(wanted).is_ok();
    // Else the optimizer leaves out an allocation that is never used.
    black_box(&mut probe);
    if there {
        return Ok(());
    }
    let message = format!("there is not enough memory for {bytes} more bytes");
    Err(Error::new(Code::LimitExceeded, message))
}

/// Bytes of memory, free or not; natively unknown.
fn memory_bytes() -> usize {
    #[cfg(target_arch = "wasm32")]
    return core::arch::wasm32::memory_size::<0>().saturating_mul(1 << 16);
    #[cfg(not(target_arch = "wasm32"))]
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facade_has_the_same_numbers() {
        let facade = include_str!("facade/base/limits.ts");
        let numbers = [
            ("MAX_VALUE_BYTES", MAX_VALUE_BYTES),
            ("MAX_CALL_BYTES", MAX_CALL_BYTES),
            ("ITEM_BYTES", ITEM_BYTES),
        ];
        for (name, number) in numbers {
            let line = facade
                .lines()
                .find_map(|line| line.strip_prefix(&format!("export const {name} = ")));
            let digits: String = line.unwrap().chars().filter(char::is_ascii_digit).collect();
            assert_eq!(digits, number.to_string(), "{name}");
        }
    }

    #[test]
    fn an_error_says_the_size_and_the_limit() {
        let error = within("a value", 11, 10).unwrap_err();
        assert_eq!(error.code(), Code::LimitExceeded);
        assert_eq!(error.message(), "a value takes 11 bytes; the limit is 10");
        assert!(within("a value", 10, 10).is_ok());
        let error = within_result(MAX_CALL_BYTES + 1).unwrap_err();
        assert!(error.message().contains("536870913"), "{error}");
        assert!(error.message().contains("limit, iterate"), "{error}");
    }

    #[test]
    fn memory_that_cannot_be_had_is_an_error() {
        assert!(room_for(0).is_ok());
        assert!(room_for(16 << 20).is_ok());
        let error = room_for(usize::MAX / 4).unwrap_err();
        assert_eq!(error.code(), Code::LimitExceeded);
    }
}
