//! Which keys of a store are meant.

use bytes::Bytes;

use super::Kv;
use crate::codec::js_string::{JsStr, JsString};
use crate::codec::tuple;
use crate::engine::access::KeyRange;
use crate::error::Result;
use crate::models::keys;
use crate::models::names::check_key;

/// Bounds that are all to hold, a direction and a limit.
#[derive(Debug, Clone, Default)]
pub struct KeyRangeSpec {
    /// Keys that begin with it.
    pub prefix: Option<JsString>,
    /// Keys above it.
    pub gt: Option<JsString>,
    /// Keys from it on.
    pub gte: Option<JsString>,
    /// Keys below it.
    pub lt: Option<JsString>,
    /// Keys up to it.
    pub lte: Option<JsString>,
    /// From the upper end downwards.
    pub reverse: bool,
    /// At most this many.
    pub limit: Option<u64>,
}

impl KeyRangeSpec {
    /// Checks the bounds.
    ///
    /// # Errors
    /// `InvalidArgument` when one is longer than a key may be.
    pub fn check(&self) -> Result<()> {
        let bounds = [
            ("prefix", &self.prefix),
            ("gt", &self.gt),
            ("gte", &self.gte),
            ("lt", &self.lt),
            ("lte", &self.lte),
        ];
        bounds
            .into_iter()
            .try_for_each(|(name, bound)| match bound {
                Some(bound) => check_key(&format!("the range's {name}"), bound.as_js()),
                None => Ok(()),
            })
    }

    /// The records of `kv` that are meant; an inverted range comes out empty.
    #[must_use]
    pub fn of(&self, kv: &Kv) -> KeyRange {
        let mut range = kv.all();
        if let Some(prefix) = &self.prefix {
            let mut key = kv.prefix.to_vec();
            tuple::push_prefix(&mut key, prefix.as_js());
            let inner = tuple::prefix_range(key.into());
            raise(&mut range, inner.from);
            lower(&mut range, inner.until);
        }
        let at = |bound: &JsString| keys::with_string(&kv.prefix, bound.as_js());
        if let Some(bound) = &self.gte {
            raise(&mut range, at(bound));
        }
        if let Some(bound) = &self.gt {
            raise(&mut range, after(kv, bound.as_js()));
        }
        if let Some(bound) = &self.lt {
            lower(&mut range, at(bound));
        }
        if let Some(bound) = &self.lte {
            lower(&mut range, after(kv, bound.as_js()));
        }
        range.until = range.until.max(range.from.clone());
        range
    }

    /// The same without what was handed out already: `last` and all before it, `taken` keys.
    #[must_use]
    pub fn after(&self, last: JsString, taken: u64) -> Self {
        let mut rest = self.clone();
        rest.limit = self.limit.map(|limit| limit.saturating_sub(taken));
        if self.reverse {
            rest.lt = Some(self.lt.clone().map_or(last.clone(), |lt| lt.min(last)));
        } else {
            rest.gt = Some(self.gt.clone().map_or(last.clone(), |gt| gt.max(last)));
        }
        rest
    }
}

/// The first possible record's key after that of `key`.
fn after(kv: &Kv, key: JsStr<'_>) -> Bytes {
    let mut out = keys::with_string(&kv.prefix, key).to_vec();
    out.push(0);
    out.into()
}

fn raise(range: &mut KeyRange, from: Bytes) {
    if from > range.from {
        range.from = from;
    }
}

fn lower(range: &mut KeyRange, until: Bytes) {
    if until < range.until {
        range.until = until;
    }
}
