//! Reads and writes the primitive fields that all formats share: fixed little-endian
//! integers, LEB128 varints (at most 10 bytes), and byte strings prefixed with a varint length.

use bytes::Bytes;

use crate::error::{Error, Result};

/// Appends a LEB128 varint.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The varint at the beginning of `bytes`, and its length in bytes; `None` if it does not end or does not fit into
/// 64 bits. The value is not a `usize`, which has 32 bits in wasm: the sizes of Blobs beside a value may need more.
#[must_use]
pub fn varint_in(bytes: &[u8]) -> Option<(u64, usize)> {
    // Nearly all varints have a byte or two.
    match bytes {
        [byte @ ..0x80, ..] => Some((u64::from(*byte), 1)),
        [low, high @ ..0x80, ..] => Some((u64::from(low & 0x7f) | u64::from(*high) << 7, 2)),
        _ => long_varint_in(bytes),
    }
}

fn long_varint_in(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (at, &byte) in bytes.iter().take(10).enumerate() {
        if at == 9 && byte > 1 {
            break;
        }
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, at + 1));
        }
    }
    None
}

/// Appends a varint length and the bytes.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// The error for content that a newer library has stored in a `what`.
#[must_use]
pub fn later(what: &str) -> Error {
    Error::unsupported(format!(
        "a {what} has content that this library does not support"
    ))
}

/// Reads fields from the beginning of some bytes. If bytes are missing, the error is `Corrupt` and names `what`.
pub struct Input {
    rest: Bytes,
    what: &'static str,
}

impl Input {
    /// Reads from `bytes`, the encoding of a `what`.
    #[must_use]
    pub fn new(bytes: Bytes, what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    fn broken(&self, how: &str) -> Error {
        Error::corrupt(format!("a {} {how}", self.what))
    }

    fn short(&self) -> Error {
        self.broken("ends too early")
    }

    /// How many bytes have not been read yet.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The next `n` bytes, without copying.
    ///
    /// # Errors
    /// `Corrupt` if there are fewer.
    pub fn take(&mut self, n: usize) -> Result<Bytes> {
        if n > self.rest.len() {
            return Err(self.short());
        }
        Ok(self.rest.split_to(n))
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// `Corrupt` if there are fewer.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let taken = self.take(N)?;
        <[u8; N]>::try_from(taken.as_ref()).map_err(|_| self.short())
    }

    /// The next byte.
    ///
    /// # Errors
    /// `Corrupt` at the end.
    pub fn u8(&mut self) -> Result<u8> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    /// A little-endian u32.
    ///
    /// # Errors
    /// `Corrupt` if there are fewer than 4 bytes.
    pub fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// A little-endian u64.
    ///
    /// # Errors
    /// `Corrupt` if there are fewer than 8 bytes.
    pub fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A varint.
    ///
    /// # Errors
    /// `Corrupt` if it does not end or does not fit into 64 bits.
    pub fn varint(&mut self) -> Result<u64> {
        let Some((value, taken)) = varint_in(&self.rest) else {
            return Err(self.broken("has a malformed varint"));
        };
        self.take(taken)?;
        Ok(value)
    }

    /// A varint that counts items of at least one byte each, and so cannot exceed the remaining bytes.
    ///
    /// # Errors
    /// `Corrupt` if it does.
    pub fn count(&mut self) -> Result<usize> {
        let value = self.varint()?;
        usize::try_from(value)
            .ok()
            .filter(|&n| n <= self.rest.len())
            .ok_or_else(|| self.short())
    }

    /// A varint that must fit into 32 bits.
    ///
    /// # Errors
    /// `Corrupt` if it does not.
    pub fn varint32(&mut self) -> Result<u32> {
        u32::try_from(self.varint()?).map_err(|_| self.broken("has a number that is too large"))
    }

    /// A byte string with its varint length, without copying.
    ///
    /// # Errors
    /// `Corrupt` if it is truncated.
    pub fn bytes(&mut self) -> Result<Bytes> {
        let n = self.count()?;
        self.take(n)
    }

    /// Checks that all bytes have been read.
    ///
    /// # Errors
    /// `Corrupt` if any are left.
    pub fn end(&self) -> Result<()> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.broken("has trailing bytes"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn varints_come_back(value: u64) {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            let mut input = Input::new(out.into(), "test");
            prop_assert_eq!(input.varint().unwrap(), value);
            prop_assert!(input.end().is_ok());
        }

        #[test]
        fn a_varint_is_found_where_it_lies(value: u64, behind: Vec<u8>) {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            let len = out.len();
            for cut in 0..len {
                prop_assert_eq!(varint_in(&out[..cut]), None);
            }
            out.extend(behind);
            prop_assert_eq!(varint_in(&out), Some((value, len)));
        }

        #[test]
        fn noise_never_panics(noise: Vec<u8>) {
            let mut input = Input::new(noise.clone().into(), "test");
            while input.bytes().is_ok() && input.remaining() > 0 {}
            let mut input = Input::new(noise.into(), "test");
            while input.varint().is_ok() {}
        }
    }

    #[test]
    fn a_varint_over_64_bits_is_refused() {
        let mut input = Input::new(Bytes::from_static(&[0xff; 10]), "test");
        assert!(input.varint().is_err());
    }
}
