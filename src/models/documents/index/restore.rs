//! Properties that come back from an entry.

use bytes::Bytes;

use super::entries::how;
use super::layout::{Layout, broken};
use crate::codec::kinds::sort;
use crate::codec::sort_key::{Component, decode};
use crate::codec::value::{ExactWriter, Value, compare};
use crate::error::Result;

impl Layout {
    /// The value of the first component of an entry as the document has it; the outer `None` where only the document tells, the inner one
    /// where it has no such property. `how` is the byte of the entry's value that belongs to it, 0 where the value is empty.
    ///
    /// # Errors
    /// `Corrupt`.
    fn value(component: Component<'_>, how: u8) -> Result<Option<Option<Value>>> {
        if component.is_cut || how & 0x0F == how::NOT {
            return Ok(None);
        }
        if component
            .bytes
            .first()
            .is_none_or(|kind| *kind >= sort::BYTES)
        {
            return Err(broken());
        }
        let value = decode(component.bytes)?.ok_or_else(broken)?;
        Ok(Some(match (how & 0x0F, value) {
            (how::PLAIN, Value::Undefined) => None,
            (how::PLAIN, value) => Some(value),
            (how::MINUS_ZERO, Value::Number(0.0)) => Some(Value::Number(-0.0)),
            (how::UNDEFINED, Value::Undefined) => Some(Value::Undefined),
            (how::BIGINT, Value::Number(number)) => {
                Some(Value::BigInt(compare::whole(number).ok_or_else(broken)?))
            }
            (how::BIGINT, value @ Value::BigInt(_)) => Some(value),
            _ => return Err(broken()),
        }))
    }

    /// The stored object of those properties of a document that stand at the `wanted` paths (their numbers), as they stand in it, made of
    /// the entry with this key and this value; `None` where only the document tells. Not of a `multi` index, and only of paths without dots.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn restore(&self, key: &[u8], value: &[u8], wanted: &[usize]) -> Result<Option<Bytes>> {
        if self.is_multi {
            return Ok(None);
        }
        let mut rest = self.components(key)?;
        let mut properties = Vec::with_capacity(wanted.len());
        for (at, path) in self.paths.iter().enumerate() {
            let component;
            (component, rest) = self.first(rest)?;
            if !wanted.contains(&at) {
                continue;
            }
            let how = match value.get(at) {
                Some(how) => *how,
                None if value.is_empty() => 0,
                None => return Err(broken()),
            };
            if path.is_dotted() {
                return Ok(None);
            }
            match Self::value(component, how)? {
                None => return Ok(None),
                Some(None) => {}
                Some(Some(found)) => properties.push((how >> 4, path, found)),
            }
        }
        // (Where the value is empty, all are 0 and stay as they are.)
        properties.sort_by_key(|(before, ..)| *before);
        let mut out = ExactWriter::new();
        out.begin_object(properties.len())?;
        for (_, path, value) in properties {
            out.key(path.whole().text());
            value.write(&mut out)?;
        }
        out.end();
        out.finish().map(Some)
    }

    /// The value at the first path, of the entry with this key and this value; the outer `None` where only the document tells, the inner
    /// one where it has none.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn first_value(&self, key: &[u8], value: &[u8]) -> Result<Option<Option<Value>>> {
        if self.is_multi {
            return Ok(None);
        }
        let (component, _) = self.first(self.components(key)?)?;
        Self::value(component, value.first().copied().unwrap_or_default())
    }
}
