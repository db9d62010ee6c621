//! Key ranges from JavaScript.

use super::strings::received;
use crate::error::Result;
use crate::models::kv::KeyRangeSpec;

/// A range from bounds that the facade has checked; an infinite `limit` means no limit.
///
/// # Errors
/// `InvalidArgument` if a bound is not validly encoded.
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

/// A count from a checked number; `None` if it is infinite.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked before"
)]
pub fn bound(count: f64) -> Option<u64> {
    count.is_finite().then_some(count as u64)
}
