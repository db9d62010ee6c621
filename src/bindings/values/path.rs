//! Where in a value the walker is: "$.a[3].b".

use js_sys::JSON;
use wasm_bindgen::prelude::*;

/// One step down.
pub enum Step {
    /// An element of an array, a member of a Set, an entry of a Map, or one side of that.
    Index(u32),
    /// A property.
    Name(JsValue),
}

/// The path from the root.
#[must_use]
pub fn text(steps: &[Step]) -> String {
    let mut out = String::from("$");
    for step in steps {
        match step {
            Step::Index(at) => out.push_str(&format!("[{at}]")),
            Step::Name(name) => push_name(&mut out, name),
        }
    }
    out
}

fn push_name(out: &mut String, name: &JsValue) {
    match name.as_string() {
        Some(plain) if is_identifier(&plain) => {
            out.push('.');
            out.push_str(&plain);
        }
        _ => {
            // JSON text has an escape for lone surrogates, so that no two names look the same.
            let quoted = JSON::stringify(name).ok().and_then(|text| text.as_string());
            out.push_str(&format!("[{}]", quoted.unwrap_or_default()));
        }
    }
}

fn is_identifier(name: &str) -> bool {
    let start = |c: char| c.is_alphabetic() || c == '_' || c == '$';
    name.chars().next().is_some_and(start) && name.chars().all(|c| start(c) || c.is_numeric())
}
