//! What a query asks of one value.

use std::cmp::Ordering;
use std::rc::Rc;

use super::one_of::OneOf;
use super::patterns::Patterns;
use super::want::Want;
use crate::codec::js_string::{JsStr, JsString};
use crate::codec::value::compare::within_kind;
use crate::codec::value::exact::tag;
use crate::codec::value::fields::{Fields, Items};
use crate::codec::value::{Form, Value};
use crate::error::Result;
use crate::limits::{self, MAX_TREE_BYTES};

/// A query within a query.
pub trait Matches {
    /// Whether an object matches.
    ///
    /// # Errors
    /// `Corrupt`.
    fn matches_form(&self, object: Form<'_>) -> Result<bool>;
}

/// What is asked of the value at a path; an absent one is `None`.
#[derive(Clone)]
pub enum Test {
    /// It equals this.
    Is(Want),
    /// It compares with a value of its kind so that the function says yes.
    Compares(Box<Value>, fn(Ordering) -> bool),
    /// It equals one of these.
    In(OneOf),
    /// It is there, and not undefined.
    Exists,
    /// It is a string that a regular expression matches, by its number.
    Matches(usize),
    /// It is a string that begins so.
    StartsWith(JsString),
    /// It is a string that contains this one, or an array with an element that equals it.
    Contains(Want, Option<JsString>),
    /// It is an array of this length.
    Size(u64),
    /// It is an array that has an element for each of these.
    Holds(Vec<Want>),
    /// It is an array of which one element passes.
    Element(Box<Test>),
    /// It is an object that matches.
    Object(Rc<dyn Matches>),
    /// All of these hold.
    All(Vec<Test>),
    /// This does not hold.
    Not(Box<Test>),
}

impl Test {
    /// Whether it holds of what was found (`None`: nothing).
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn holds(&self, found: Option<Form<'_>>, patterns: &dyn Patterns) -> Result<bool> {
        match (self, found) {
            (Self::Is(want), _) => want.is(found),
            (Self::In(wants), _) => wants.has(found),
            (Self::All(tests), _) => any(tests, |test| {
                test.holds(found, patterns).map(|holds| !holds)
            })
            .map(|fails| !fails),
            (Self::Not(test), _) => test.holds(found, patterns).map(|holds| !holds),
            (_, None) => Ok(false),
            (Self::Exists, Some(found)) => Ok(!found.is_undefined()),
            (Self::Compares(with, says), Some(found)) => {
                Ok(compared(found, with)?.is_some_and(says))
            }
            (Self::Matches(number), Some(found)) => match found.text()? {
                Some(text) => patterns.matches(*number, JsStr::trusted(&text)),
                None => Ok(false),
            },
            (Self::StartsWith(begin), Some(found)) => match found.text()? {
                Some(text) => within(&text, begin.as_bytes(), |text, begin| {
                    text.starts_with(begin)
                }),
                None => Ok(false),
            },
            (Self::Contains(want, text), Some(found)) => contains(found, want, text.as_ref()),
            (Self::Size(wanted), Some(found)) => {
                let mut count = 0;
                let is_array = each(found, &mut |_| {
                    count += 1;
                    Ok(count <= *wanted)
                })?;
                Ok(is_array && count == *wanted)
            }
            (Self::Holds(wants), Some(found)) => {
                let mut missing: Vec<&Want> = wants.iter().collect();
                let is_array = each(found, &mut |item| {
                    let mut failed = Ok(());
                    missing.retain(|want| match want.is(Some(item)) {
                        Ok(is) => !is,
                        Err(error) => {
                            failed = Err(error);
                            true
                        }
                    });
                    failed.map(|()| !missing.is_empty())
                })?;
                Ok(is_array && missing.is_empty())
            }
            (Self::Element(test), Some(found)) => {
                let mut holds = false;
                each(found, &mut |item| {
                    holds = test.holds(Some(item), patterns)?;
                    Ok(!holds)
                })?;
                Ok(holds)
            }
            (Self::Object(query), Some(found)) => {
                Ok(Fields::of(found)?.is_some() && query.matches_form(found)?)
            }
        }
    }
}

/// Whether one of them passes.
fn any<T>(all: &[T], mut passes: impl FnMut(&T) -> Result<bool>) -> Result<bool> {
    for each in all {
        if passes(each)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Goes through the elements of an array until `take` has enough; false if it is none.
fn each(found: Form<'_>, take: &mut dyn FnMut(Form<'_>) -> Result<bool>) -> Result<bool> {
    let Some(mut items) = Items::of(found)? else {
        return Ok(false);
    };
    while let Some(item) = items.next()? {
        if !take(item)? {
            break;
        }
    }
    Ok(true)
}

/// How a stored value compares with one of its kind, if it is; without a tree of what is no scalar.
fn compared(found: Form<'_>, with: &Value) -> Result<Option<Ordering>> {
    if let Value::Number(with) = with
        && let Some(found) = found.number()?
    {
        return Ok(found.partial_cmp(with));
    }
    if let Value::String(with) = with {
        let text = found.text()?;
        return Ok(text.map(|text| JsStr::trusted(&text).cmp(&with.as_js())));
    }
    let is_scalar = match found {
        Form::Json([first, ..]) => !matches!(first, b'[' | b'{'),
        Form::Exact([tag, ..]) => *tag < tag::ARRAY,
        _ => false,
    };
    if !is_scalar || found.as_bytes().len() > MAX_TREE_BYTES {
        return Ok(None);
    }
    Ok(within_kind(&Value::of_form(found)?, with))
}

fn contains(found: Form<'_>, want: &Want, text: Option<&JsString>) -> Result<bool> {
    if let Some(text) = text
        && let Some(found) = found.text()?
    {
        return within(&found, text.as_bytes(), |found, text| found.contains(text));
    }
    let mut contains = false;
    each(found, &mut |item| {
        contains = want.is(Some(item))?;
        Ok(!contains)
    })?;
    Ok(contains)
}

/// Asks of a text, WTF-8, whether another is in it. Texts with lone surrogates are compared by code units: half of a
/// pair begins with its first.
fn within(text: &[u8], other: &[u8], is_in: fn(&str, &str) -> bool) -> Result<bool> {
    if let (Ok(text), Ok(other)) = (std::str::from_utf8(text), std::str::from_utf8(other)) {
        return Ok(is_in(text, other));
    }
    Ok(is_in(&by_units(text)?, &by_units(other)?))
}

/// A text with one character for each code unit; those of surrogates stand in the last plane, of which no text has any other.
fn by_units(text: &[u8]) -> Result<String> {
    const SURROGATES: u32 = 0x10_F800 - 0xD800;
    limits::room_for(4 * text.len())?;
    let units = JsStr::trusted(text).units();
    let chars = units.map(|unit| match char::from_u32(u32::from(unit)) {
        Some(char) => char,
        None => char::from_u32(u32::from(unit) + SURROGATES).unwrap_or_default(),
    });
    Ok(chars.collect())
}
