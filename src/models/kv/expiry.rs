//! When a pair expires.

use crate::error::{Error, Result};

/// The time of what is to be removed rather than stored.
pub const PAST: u64 = 0;

/// What JavaScript counts exactly.
const MOST_MS: f64 = 9_007_199_254_740_991.0;

/// The time of a `ttl` from `now_ms` on, or of an `expires` (`is_ttl`: which it is), in ms since the epoch.
///
/// # Errors
/// `InvalidArgument` for what is no time, or beyond those that JavaScript counts.
pub fn until_ms(ms: f64, is_ttl: bool, now_ms: u64) -> Result<u64> {
    let at_ms = (if is_ttl { now_ms as f64 + ms } else { ms }).ceil();
    let (name, is_sound) = match is_ttl {
        true => ("ttl", ms > 0.0),
        false => ("expires", true),
    };
    if !(is_sound && at_ms.is_finite() && at_ms <= MOST_MS) {
        let what = "is no time, in milliseconds";
        return Err(Error::invalid(format!("{name} {what}")));
    }
    Ok(if at_ms > now_ms as f64 {
        at_ms as u64
    } else {
        PAST
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_checked_and_what_is_past_is_told() {
        let of = |ms: f64, is_ttl: bool| until_ms(ms, is_ttl, 1_000).ok();
        assert_eq!(of(500.0, true), Some(1_500));
        assert_eq!(of(0.25, true), Some(1_001));
        assert_eq!(of(1_500.5, false), Some(1_501));
        for past in [1_000.0, 999.5, 0.0, -1e300, -0.0] {
            assert_eq!(of(past, false), Some(PAST));
        }
        for never in [f64::NAN, f64::INFINITY, 1e16] {
            assert_eq!((of(never, true), of(never, false)), (None, None));
        }
        assert_eq!((of(0.0, true), of(-1.0, true)), (None, None));
        assert_eq!(of(f64::NEG_INFINITY, false), None);
        assert_eq!(of(MOST_MS, false), Some(MOST_MS as u64));
        assert_eq!(of(MOST_MS, true), None);
    }
}
