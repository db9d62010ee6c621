//! Generated ids.

use crate::codec::js_string::JsString;

/// Random bytes fetched at once: enough for 195 ids.
const POOL_BYTES: usize = 4096;
const ID_UNITS: usize = 21;

/// Makes ids, from a pool of random bytes: keep one and use it for ever.
#[derive(Default)]
pub struct Ids {
    pool: Vec<u8>,
}

impl Ids {
    /// A nanoid of 21 characters. `random` fills with random bytes, now and then.
    pub fn make(&mut self, random: &mut dyn FnMut(&mut [u8])) -> JsString {
        let take = |len: usize| {
            if self.pool.len() < len {
                self.pool.resize(POOL_BYTES.max(len), 0);
                random(&mut self.pool);
            }
            // A byte is never used twice.
            self.pool.split_off(self.pool.len() - len)
        };
        nanoid::format(take, &nanoid::alphabet::SAFE, ID_UNITS).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_of_the_right_form_and_no_byte_serves_twice() {
        let mut calls = 0u64;
        let mut state = 1u64;
        let mut random = |bytes: &mut [u8]| {
            calls += 1;
            for byte in bytes {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                *byte = (state >> 56) as u8;
            }
        };
        let mut ids = Ids::default();
        let all: std::collections::BTreeSet<_> = (0..1000).map(|_| ids.make(&mut random)).collect();
        assert_eq!(all.len(), 1000);
        assert!(all.iter().all(|id| id.as_js().len_utf16() == 21));
        assert!(calls < 10, "the pool is refilled seldom, not {calls} times");
    }
}
