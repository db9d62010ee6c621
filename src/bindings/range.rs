//! Ranges of keys, as they cross.

use super::strings::received;
use crate::error::Result;
use crate::models::kv::KeyRangeSpec;

/// A range out of what the facade checked; `limit` is infinite for none.
///
/// # Errors
/// `InvalidArgument`.
pub fn spec(bounds: [Option<String>; 5], reverse: bool, limit: f64) -> Result<KeyRangeSpec> {
    let [prefix, gt, gte, lt, lte] =
        bounds.map(|bound| bound.map(|text| received(&text)).transpose());
    Ok(KeyRangeSpec {
        prefix: prefix?,
        gt: gt?,
        gte: gte?,
        lt: lt?,
        lte: lte?,
        reverse,
        limit: bound(limit),
    })
}

/// A count out of a checked number; `None` for an infinite one.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked before"
)]
pub fn bound(count: f64) -> Option<u64> {
    count.is_finite().then_some(count as u64)
}
