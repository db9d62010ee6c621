use super::*;
use proptest::prelude::*;

/// Units that are likely to fail: NUL, quotes, pairs, lone surrogates of both kinds, and their neighbours.
pub(crate) fn any_units() -> impl Strategy<Value = Vec<u16>> {
    let unit = prop_oneof![
        4 => prop::sample::select(vec![
            0u16, 1, 8, 9, 10, 12, 13, 0x1F, 0x22, 0x2F, 0x5C, 0x61, 0x62, 0x7F, 0x80, 0x7FF,
            0x800, 0xCFFF, 0xD000, 0xD7FF, 0xD800, 0xD83D, 0xDBFF, 0xDC00, 0xDE00, 0xDFFF,
            0xE000, 0xFEFF, 0xFFFD, 0xFFFF,
        ]).prop_map(|unit| vec![unit]),
        2 => prop::sample::select(vec![[0xD800u16, 0xDC00], [0xD83D, 0xDE00], [0xDBFF, 0xDFFF]])
            .prop_map(Vec::from),
        1 => any::<u16>().prop_map(|unit| vec![unit]),
    ];
    prop::collection::vec(unit, 0..6).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn units_come_back(units in any_units()) {
        let text = JsString::from_units(&units);
        prop_assert_eq!(text.as_js().units().collect::<Vec<_>>(), units.clone());
        prop_assert_eq!(text.as_js().len_utf16(), units.len());
        prop_assert!(JsStr::from_wtf8(text.as_bytes()).is_ok());
    }

    #[test]
    fn order_is_that_of_units(a in any_units(), b in any_units()) {
        let (x, y) = (JsString::from_units(&a), JsString::from_units(&b));
        prop_assert_eq!(x.cmp(&y), a.cmp(&b));
        prop_assert_eq!(x == y, a == b);
    }

    #[test]
    fn order_after_a_common_beginning(same in any_units(), a in any_units(), b in any_units()) {
        let (a, b) = ([&same[..], &a].concat(), [&same[..], &b].concat());
        prop_assert_eq!(JsString::from_units(&a).cmp(&JsString::from_units(&b)), a.cmp(&b));
    }

    #[test]
    fn json_comes_back(units in any_units()) {
        let text = JsString::from_units(&units);
        let mut out = Vec::new();
        json::write_quoted(text.as_js(), &mut out);
        prop_assert!(std::str::from_utf8(&out).is_ok(), "JSON text is UTF-8");
        prop_assert_eq!(json::read_quoted(&out).unwrap(), text);
    }

    #[test]
    fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
        if let Ok(text) = JsStr::from_wtf8(&bytes) {
            let units: Vec<u16> = text.units().collect();
            let again = JsString::from_units(&units);
            prop_assert_eq!(again.as_bytes(), &bytes[..], "one form only");
        }
        let _ = json::read_quoted(&bytes);
    }
}

#[test]
fn escapes_are_those_of_stringify() {
    let text = JsString::from_units(&[0, 8, 9, 10, 11, 12, 13, 0x22, 0x5C, 0x7F, 0xD800, 0x2028]);
    let mut out = Vec::new();
    json::write_quoted(text.as_js(), &mut out);
    let expected = "\"\\u0000\\b\\t\\n\\u000b\\f\\r\\\"\\\\\u{7f}\\ud800\u{2028}\"";
    assert_eq!(std::str::from_utf8(&out).unwrap(), expected);
}

#[test]
fn a_split_pair_is_refused() {
    assert!(JsStr::from_wtf8(&[0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80]).is_err());
    assert!(JsStr::from_wtf8(&[0xED, 0xB8, 0x80, 0xED, 0xA0, 0xBD]).is_ok());
}

#[test]
fn pairs_sort_below_what_lies_above_the_surrogates() {
    let ascending: [&[u16]; 8] = [
        &[0xD7FF],
        &[0xD83D],
        &[0xD83D, 0x61],
        &[0xD83D, 0xDE00],
        &[0xD83D, 0xE000],
        &[0xDE00],
        &[0xE000],
        &[0xFFFF],
    ];
    for (i, a) in ascending.iter().enumerate() {
        for (j, b) in ascending.iter().enumerate() {
            assert_eq!(
                JsString::from_units(a).cmp(&JsString::from_units(b)),
                i.cmp(&j)
            );
        }
    }
}
