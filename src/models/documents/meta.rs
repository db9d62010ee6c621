//! Documents made of what callers give: new, changed, replaced.

use bytes::Bytes;
use std::borrow::Cow;

use super::draft::{
    CREATED, Draft, ID, META_BYTES, UPDATED, as_form, is_meta, stored, text, time, within,
};
use crate::codec::js_string::{JsStr, JsString};
use crate::codec::value::fields::{FieldName, Fields, ObjectBuilder, RawName};
use crate::codec::value::{ExactWriter, Form, JSON, json};
use crate::error::{Error, Result};
use crate::limits;

/// The properties of an object given by the caller.
pub(super) fn given<'a>(what: &str, form: Form<'a>) -> Result<Fields<'a>> {
    Fields::of(form)?.ok_or_else(|| Error::invalid(format!("{what} is not a plain object")))
}

/// The value in the exact form if that is asked for and it is not.
pub(super) fn in_form(form: Form<'_>, exact: bool) -> Result<Cow<'_, [u8]>> {
    match form {
        Form::Json(text) if exact => {
            // The counts of its containers, and the node as it grows.
            limits::room_for(2 * text.len())?;
            let mut writer = ExactWriter::headless();
            json::transcribe(text, &mut writer)?;
            Ok(Cow::Owned(writer.finish()?.into()))
        }
        Form::Json(bytes) | Form::Exact(bytes) => Ok(Cow::Borrowed(bytes)),
    }
}

/// Two nodes of one form, and whether that is the exact one.
type Alike<'a> = (bool, Cow<'a, [u8]>, Cow<'a, [u8]>);

/// Brings two values to one form: the exact one if either is exact.
fn in_one_form<'a>(a: Form<'a>, b: Form<'a>) -> Result<Alike<'a>> {
    let exact = matches!(a, Form::Exact(_)) || matches!(b, Form::Exact(_));
    Ok((exact, in_form(a, exact)?, in_form(b, exact)?))
}

/// The properties of a stored document after its first two, which are given apart.
struct Parts<'a> {
    id: Form<'a>,
    created: Form<'a>,
    /// The later of the times at which it was made and changed, ms since the epoch.
    latest_ms: f64,
    rest: Fields<'a>,
}

fn parts(doc: Form<'_>) -> Result<Parts<'_>> {
    let broken = || Error::corrupt("a stored document does not begin with its id");
    let mut rest = Fields::of(doc)?.ok_or_else(broken)?;
    match (rest.next()?, rest.next()?) {
        (Some((id_name, id)), Some((created_name, created)))
            if id_name.is_plain(ID) && created_name.is_plain(CREATED) =>
        {
            let updated = match rest.clone().next()? {
                Some((name, value)) if name.is_plain(UPDATED) => value.number()?,
                _ => None,
            };
            let made = created.number()?.unwrap_or(0.0);
            Ok(Parts {
                id,
                created,
                latest_ms: made.max(updated.unwrap_or(0.0)),
                rest,
            })
        }
        _ => Err(broken()),
    }
}

/// The id that a stored document begins with.
pub(super) fn id_of(doc: &[u8]) -> Result<JsString> {
    let id = parts(Form::of(doc)?)?.id.string()?;
    id.ok_or_else(|| Error::corrupt("the id of a stored document is not a string"))
}

/// Demands of a stored value from outside that it is a whole document: it begins with this id, and its two times.
///
/// # Errors
/// `InvalidArgument`.
pub fn check_whole(stored: &[u8], id: JsStr<'_>) -> Result<()> {
    let invalid = || {
        Error::invalid(
            "a document's entry does not hold the whole document, _id, _created and _updated first",
        )
    };
    let mut fields = Fields::of(Form::of(stored)?)?.ok_or_else(invalid)?;
    let mut next = |name: &'static str| match fields.next()? {
        Some((found, value)) if found.is_plain(name) => Ok(value),
        _ => Err(invalid()),
    };
    let found = next(ID)?.string()?;
    let is_it = found.is_some_and(|found| found.as_bytes() == id.as_bytes());
    let are_times = next(CREATED)?.number()?.is_some() && next(UPDATED)?.number()?.is_some();
    if is_it && are_times {
        Ok(())
    } else {
        Err(invalid())
    }
}

/// The stored document `old` with the stored object `changes` merged into it, then without the properties `unset`.
pub(super) fn merged(
    old: &[u8],
    changes: &[u8],
    unset: &[FieldName],
    now_ms: f64,
) -> Result<Bytes> {
    given("the update", Form::of(changes)?)?;
    let (exact, old, changes) = in_one_form(Form::of(old)?, Form::of(changes)?)?;
    let (old, new) = (as_form(&old, exact), as_form(&changes, exact));
    limits::room_for(bytes_of(new))?;
    let mut gone: Vec<&[u8]> = unset.iter().map(|name| name.as_bytes_in(old)).collect();
    gone.sort_unstable();
    let stays = |name: RawName<'_>| !is_meta(name) && gone.binary_search(&name.as_bytes()).is_err();
    let mut fresh = Vec::new();
    let mut fields = given("the update", new)?;
    while let Some((name, value)) = fields.next()? {
        if stays(name) {
            fresh.push((name, value, false));
        }
    }
    let names = fresh.iter().zip(0..);
    let mut by_name: Vec<(&[u8], usize)> = names
        .map(|((name, ..), at)| (name.as_bytes(), at))
        .collect();
    by_name.sort_unstable();
    let Parts {
        id,
        created,
        latest_ms,
        mut rest,
    } = parts(old)?;
    // A clock that was set back makes no change older than what is changed.
    let now_ms = now_ms.max(latest_ms);
    let mut draft = Draft::new(old, id, created, now_ms, bytes_of(old) + bytes_of(new))?;
    while let Some((name, value)) = rest.next()? {
        if !stays(name) {
            continue;
        }
        let known = by_name.binary_search_by_key(&name.as_bytes(), |(name, _)| *name);
        let known = known.ok().and_then(|at| by_name.get(at));
        match known.and_then(|(_, at)| fresh.get_mut(*at)) {
            Some((_, new, used)) => {
                draft.push(name, *new)?;
                *used = true;
            }
            None => draft.push(name, value)?,
        }
    }
    for (name, value, used) in fresh {
        if !used {
            draft.push(name, value)?;
        }
    }
    draft.finish()
}

/// The stored object `doc` with the id and the time of creation of the stored document `old`.
pub(super) fn replaced(old: &[u8], doc: &[u8], now_ms: f64) -> Result<Bytes> {
    let new = Form::of(doc)?;
    let exact = matches!(new, Form::Exact(_));
    let mut fields = given("the document", new)?;
    let Parts {
        id,
        created,
        latest_ms,
        ..
    } = parts(Form::of(old)?)?;
    let id_text = id
        .string()?
        .ok_or_else(|| Error::corrupt("a stored id is not a string"))?;
    let created_ms = created
        .number()?
        .ok_or_else(|| Error::corrupt("a stored time is not a number"))?;
    let (id, created) = (text(exact, id_text.as_js())?, time(exact, created_ms)?);
    let mut draft = Draft::new(
        new,
        as_form(&id, exact),
        as_form(&created, exact),
        now_ms.max(latest_ms),
        doc.len() + id.len(),
    )?;
    while let Some((name, value)) = fields.next()? {
        if !is_meta(name) {
            draft.push(name, value)?;
        }
    }
    draft.finish()
}

fn bytes_of(form: Form<'_>) -> usize {
    form.as_bytes().len()
}

const UNDERSCORES: u64 = u64::from_ne_bytes([b'_'; 8]);
const ONES: u64 = u64::from_ne_bytes([1; 8]);

/// Whether a word has an underscore among its bytes (as "haszero" of Anderson's "Bit Twiddling Hacks").
fn has_underscore(word: u64) -> bool {
    let zeroed = word ^ UNDERSCORES;
    zeroed.wrapping_sub(ONES) & !zeroed & (ONES << 7) != 0
}

/// Whether an object may have one of the three properties. False for most, and then it need not be taken apart.
pub(super) fn may_hold_meta(object: Form<'_>) -> bool {
    let Form::Json(text) = object else {
        return true;
    };
    let mut before = 0;
    for chunk in text.chunks(8) {
        if let Ok(word) = chunk.try_into()
            && !has_underscore(u64::from_ne_bytes(word))
        {
            before = word[7];
            continue;
        }
        for &byte in chunk {
            if (before, byte) == (b'"', b'_') {
                return true;
            }
            before = byte;
        }
    }
    false
}

/// The document of a new object without any of the three, as JSON text is put together.
fn prefixed(text: &[u8], id: &[u8], made: &[u8]) -> Result<Bytes> {
    let room = text.len() + id.len() + META_BYTES;
    within(room)?;
    limits::room_for(room)?;
    let mut out = Vec::with_capacity(room);
    out.push(JSON);
    out.extend_from_slice(b"{\"_id\":");
    out.extend_from_slice(id);
    for name in [&b",\"_created\":"[..], b",\"_updated\":"] {
        out.extend_from_slice(name);
        out.extend_from_slice(made);
    }
    let rest = text.get(1..).unwrap_or_default();
    if rest != b"}" {
        out.push(b',');
    }
    out.extend_from_slice(rest);
    Ok(out.into())
}

/// When a document was made and changed, ms since the epoch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub created_ms: f64,
    pub updated_ms: f64,
}

impl Times {
    /// Made now.
    pub fn now(now_ms: f64) -> Self {
        Self {
            created_ms: now_ms,
            updated_ms: now_ms,
        }
    }

    /// Those that an object gives; of what it does not give, now.
    ///
    /// # Errors
    /// `InvalidArgument` for what is no whole number of milliseconds from 0 on.
    pub fn given_by(object: Form<'_>, now_ms: f64) -> Result<Self> {
        let mut times = Self::now(now_ms);
        if !may_hold_meta(object) {
            return Ok(times);
        }
        let mut fields = given("the document", object)?;
        while let Some((name, value)) = fields.next()? {
            let time = if name.is_plain(CREATED) {
                &mut times.created_ms
            } else if name.is_plain(UPDATED) {
                &mut times.updated_ms
            } else {
                continue;
            };
            if !value.is_undefined() {
                *time = given_time(value.number()?)?;
            }
        }
        Ok(times)
    }
}

/// The greatest time that JavaScript holds exactly.
const MAX_TIME_MS: f64 = 9_007_199_254_740_991.0;

fn given_time(given: Option<f64>) -> Result<f64> {
    let whole = given.filter(|ms| ms.fract() == 0.0 && (0.0..=MAX_TIME_MS).contains(ms));
    let no_time = || {
        Error::invalid(
            "with keepTimes, the document's _created and _updated are whole numbers of milliseconds from 0 on",
        )
    };
    // (−0 becomes 0.)
    whole.map(f64::abs).ok_or_else(no_time)
}

/// A stored document as an object of its own, without the three properties.
pub(super) fn bare(doc: &[u8]) -> Result<Bytes> {
    let form = Form::of(doc)?;
    limits::room_for(doc.len())?;
    let mut fields = given("the document", form)?;
    let mut out = ObjectBuilder::like(form, doc.len());
    while let Some((name, value)) = fields.next()? {
        if !is_meta(name) {
            out.push(name, value)?;
        }
    }
    Ok(stored(matches!(form, Form::Exact(_)), &out.finish()))
}

/// The document of a new object: with this id and these times.
pub(super) fn created(object: Form<'_>, id: JsStr<'_>, times: Times) -> Result<Bytes> {
    let Times {
        created_ms,
        updated_ms,
    } = times;
    let exact = matches!(object, Form::Exact(_));
    if let Form::Json(text @ [b'{', ..]) = object
        && !may_hold_meta(object)
    {
        return prefixed(text, &self::text(false, id)?, &time(false, created_ms)?);
    }
    let mut fields = given("the document", object)?;
    let (id, made) = (text(exact, id)?, time(exact, created_ms)?);
    let mut draft = Draft::new(
        object,
        as_form(&id, exact),
        as_form(&made, exact),
        updated_ms,
        bytes_of(object) + id.len(),
    )?;
    while let Some((name, value)) = fields.next()? {
        if !is_meta(name) {
            draft.push(name, value)?;
        }
    }
    draft.finish()
}
