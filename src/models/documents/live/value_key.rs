//! Where a live query lies that wants a field to equal some value: by a number that equal values share.
//!
//! Values that are not equal may share it, too: whoever is found by it looks at the document itself.

use twox_hash::XxHash64;

use crate::codec::sort_key::SortKey;
use crate::codec::value::Form;
use crate::error::Result;

/// The number of what was found (`None`: nothing).
///
/// # Errors
/// `Corrupt`.
pub fn value_key(seed: u64, found: Option<Form<'_>>) -> Result<u64> {
    Ok(XxHash64::oneshot(seed, &SortKey::of(found)?.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::value::compare::equal;
    use crate::codec::value::testing::any_value;
    use crate::codec::value::{Value, from_json};
    use proptest::prelude::*;

    fn key(value: &Value) -> u64 {
        let stored = value.encode().unwrap();
        value_key(7, Some(Form::of(&stored).unwrap())).unwrap()
    }

    #[test]
    fn both_forms_share_theirs_and_what_is_absent_equals_undefined() {
        let cases = [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("\"a\\nb\"", Value::String("a\nb".into())),
            ("1.5e1", Value::Number(15.0)),
            ("[1]", Value::Array(vec![Value::Number(1.0)])),
        ];
        for (json, value) in cases {
            let stored = from_json(json.as_bytes());
            let of_json = value_key(7, Some(Form::of(&stored).unwrap())).unwrap();
            assert_eq!(of_json, key(&value), "{json}");
        }
        assert_eq!(value_key(7, None).unwrap(), key(&Value::Undefined));
        assert_ne!(key(&Value::Number(1.0)), key(&Value::Number(2.0)));
    }

    proptest! {
        #[test]
        fn equal_values_share_theirs(a in any_value(), b in any_value()) {
            prop_assert_eq!(equal(&a, &b), key(&a) == key(&b));
        }
    }
}
