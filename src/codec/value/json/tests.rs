use super::super::fields::{FieldName, Fields, field};
use super::super::json_tree::parse;
use super::super::testing::{any_json, stringify};
use super::super::{ExactWriter, Form, Value};
use super::*;
use proptest::prelude::*;

fn transcribed(text: &[u8]) -> crate::Result<bytes::Bytes> {
    let mut out = ExactWriter::headless();
    transcribe(text, &mut out)?;
    out.finish()
}

proptest! {
    #[test]
    fn texts_are_transcribed_as_trees_are(value in any_json()) {
        let mut out = ExactWriter::headless();
        value.write(&mut out).unwrap();
        prop_assert_eq!(transcribed(&stringify(&value)).unwrap(), out.finish().unwrap());
    }

    #[test]
    fn texts_come_back(value in any_json()) {
        let text = stringify(&value);
        prop_assert_eq!(parse(&text).unwrap(), value);
        let mut rest = &text[..];
        prop_assert_eq!(skip_value(&mut rest).unwrap(), &text[..]);
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn both_forms_have_the_same_fields(value in any_json()) {
        let text = stringify(&value);
        let stored = value.encode().unwrap();
        let exact = Form::of(&stored).unwrap();
        let (a, b) = (Fields::of(Form::Json(&text)).unwrap(), Fields::of(exact).unwrap());
        let (Some(mut a), Some(mut b)) = (a, b) else {
            prop_assert!(!matches!(value, Value::Object(_)));
            return Ok(());
        };
        let Value::Object(properties) = &value else { panic!("fields of no object") };
        for (name, expected) in properties {
            let (a_name, a) = a.next().unwrap().unwrap();
            let (b_name, b) = b.next().unwrap().unwrap();
            prop_assert_eq!(&a_name.read().unwrap(), name);
            prop_assert_eq!(&b_name.read().unwrap(), name);
            prop_assert_eq!(&Value::of_form(a).unwrap(), expected);
            prop_assert_eq!(&Value::of_form(b).unwrap(), expected);
            let found = field(exact, &FieldName::new(name.as_js())).unwrap().unwrap();
            prop_assert_eq!(found, b);
        }
        prop_assert!(a.next().unwrap().is_none() && b.next().unwrap().is_none());
    }

    #[test]
    fn damage_never_panics(value in any_json(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut text = stringify(&value);
        let at = at.index(text.len());
        text[at] = byte;
        let _ = parse(&text);
        let _ = transcribed(&text);
        if let Ok(Some(mut fields)) = Fields::of(Form::Json(&text)) {
            while let Ok(Some(_)) = fields.next() {}
        }
        let _ = parse(&text[..at]);
    }
}

#[test]
fn malformed_texts_are_refused() {
    for text in [
        "", "nul", "[1,]", "[1 2]", "{\"a\"}", "\"a", "\"\\x\"", "1 ", "--1", "{]", "[\"\u{1}",
    ] {
        assert!(parse(text.as_bytes()).is_err(), "{text:?}");
        assert!(transcribed(text.as_bytes()).is_err(), "{text:?}");
    }
}
