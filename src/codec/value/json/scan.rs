//! Navigates JSON text without building anything. Skipped values are checked only as far as skipping
//! requires.

use crate::error::{Error, Result};

pub fn malformed() -> Error {
    Error::corrupt("a stored JSON text is malformed")
}

/// Consumes one byte of `rest`, which must be `byte`.
pub fn expect(rest: &mut &[u8], byte: u8) -> Result<()> {
    match rest.split_first() {
        Some((&first, after)) if first == byte => {
            *rest = after;
            Ok(())
        }
        _ => Err(malformed()),
    }
}

/// Consumes the string at the beginning of `rest` and returns it with its quotes.
pub fn skip_string<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8]> {
    let whole = *rest;
    let mut at = 1;
    if whole.first() != Some(&b'"') {
        return Err(malformed());
    }
    while let Some(&byte) = whole.get(at) {
        at += 1;
        match byte {
            b'\\' => at += 1,
            b'"' => {
                let (string, after) = whole.split_at_checked(at).ok_or_else(malformed)?;
                *rest = after;
                return Ok(string);
            }
            _ => {}
        }
    }
    Err(malformed())
}

/// The text of the value of an object's first member with the name `quoted` (including quotes);
/// `None` if there is no such member or the text is not an object. Queries spend most of their time here.
///
/// # Errors
/// `Corrupt`.
pub fn member<'a>(text: &'a [u8], quoted: &[u8]) -> Result<Option<&'a [u8]>> {
    let Some(mut rest) = text.strip_prefix(b"{") else {
        return Ok(None);
    };
    if rest.first() == Some(&b'}') {
        return Ok(None);
    }
    loop {
        if let Some([b':', value @ ..]) = rest.strip_prefix(quoted) {
            rest = value;
            return skip_value(&mut rest).map(Some);
        }
        skip_string(&mut rest)?;
        expect(&mut rest, b':')?;
        skip_value(&mut rest)?;
        if rest.first() == Some(&b'}') {
            return Ok(None);
        }
        expect(&mut rest, b',')?;
    }
}

pub fn skip_number<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let in_number = |b: &u8| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    let len = rest
        .iter()
        .position(|b| !in_number(b))
        .unwrap_or(rest.len());
    let (number, after) = rest.split_at(len);
    *rest = after;
    number
}

pub fn skip_word<'a>(rest: &mut &'a [u8], word: &[u8]) -> Result<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(word.len()).ok_or_else(malformed)?;
    if taken != word {
        return Err(malformed());
    }
    *rest = after;
    Ok(taken)
}

/// Consumes the value at the beginning of `rest` and returns its text.
///
/// # Errors
/// `Corrupt` if there is none.
pub fn skip_value<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8]> {
    match rest.first() {
        Some(b'"') => skip_string(rest),
        Some(b'{' | b'[') => skip_container(rest),
        Some(b'-' | b'0'..=b'9') => Ok(skip_number(rest)),
        Some(b't') => skip_word(rest, b"true"),
        Some(b'f') => skip_word(rest, b"false"),
        Some(b'n') => skip_word(rest, b"null"),
        _ => Err(malformed()),
    }
}

fn skip_container<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8]> {
    let whole = *rest;
    let mut depth = 0usize;
    loop {
        let stop = |b: &u8| matches!(b, b'"' | b'{' | b'[' | b'}' | b']');
        let at = rest.iter().position(stop).ok_or_else(malformed)?;
        *rest = rest.get(at..).unwrap_or(&[]);
        if rest.first() == Some(&b'"') {
            skip_string(rest)?;
            continue;
        }
        match rest.split_first() {
            Some((b'{' | b'[', _)) => depth += 1,
            _ => depth -= 1,
        }
        *rest = rest.get(1..).unwrap_or(&[]);
        if depth == 0 {
            return whole.get(..whole.len() - rest.len()).ok_or_else(malformed);
        }
    }
}

/// Iterates over the members of an object: each name with its quotes, and the text of its value.
#[derive(Clone)]
pub struct Members<'a> {
    rest: &'a [u8],
    first: bool,
}

impl<'a> Members<'a> {
    /// The members of the object `text`; `None` if `text` is not an object.
    #[must_use]
    pub fn of(text: &'a [u8]) -> Option<Self> {
        let rest = text.strip_prefix(b"{")?;
        Some(Self { rest, first: true })
    }

    /// The next member; `None` at the end of the object.
    ///
    /// # Errors
    /// `Corrupt`.
    #[expect(clippy::should_implement_trait, reason = "fallible")]
    pub fn next(&mut self) -> Result<Option<(&'a [u8], &'a [u8])>> {
        if self.rest.first() == Some(&b'}') {
            return Ok(None);
        }
        if !std::mem::take(&mut self.first) {
            expect(&mut self.rest, b',')?;
        }
        let name = skip_string(&mut self.rest)?;
        expect(&mut self.rest, b':')?;
        Ok(Some((name, skip_value(&mut self.rest)?)))
    }
}

/// Iterates over the elements of an array.
pub struct Elements<'a> {
    rest: &'a [u8],
    first: bool,
}

impl<'a> Elements<'a> {
    /// The elements of the array `text`; `None` if `text` is not an array.
    #[must_use]
    pub fn of(text: &'a [u8]) -> Option<Self> {
        let rest = text.strip_prefix(b"[")?;
        Some(Self { rest, first: true })
    }

    /// The text of the next element; `None` at the end of the array.
    ///
    /// # Errors
    /// `Corrupt`.
    #[expect(clippy::should_implement_trait, reason = "fallible")]
    pub fn next(&mut self) -> Result<Option<&'a [u8]>> {
        if self.rest.first() == Some(&b']') {
            return Ok(None);
        }
        if !std::mem::take(&mut self.first) {
            expect(&mut self.rest, b',')?;
        }
        Ok(Some(skip_value(&mut self.rest)?))
    }
}
