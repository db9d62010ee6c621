//! Putting a value at a path.

use super::path::{Path, Step};
use crate::codec::value::Form;
use crate::codec::value::fields::{FieldName, Fields, ObjectBuilder, RawName, field};
use crate::error::Result;
use crate::limits;

/// The property of an object in a document that a path leads to.
struct Spot<'a, 'p> {
    object: Form<'a>,
    name: &'p FieldName,
    /// The names of the objects that are still to be made in it.
    deeper: &'p [Step],
}

impl Path {
    /// The node of a document with a node of its form at the path; `None`: with nothing there. What is there makes room, and
    /// objects that are lacking on the way are made. `None` where something else than an object is in the way.
    ///
    /// # Errors
    /// `Corrupt`; `LimitExceeded` where there is no memory for it.
    pub fn put(&self, doc: Form<'_>, value: Option<&[u8]>) -> Result<Option<Vec<u8>>> {
        limits::room_for(doc.as_bytes().len())?;
        let mut spot = Spot {
            object: doc,
            name: &self.whole,
            deeper: &[],
        };
        if field(doc, &self.whole)?.is_none() {
            for (at, step) in self.steps.iter().enumerate() {
                spot.name = &step.name;
                let deeper = self.steps.get(at + 1..).unwrap_or_default();
                let there = step.of(spot.object)?;
                if Fields::of(spot.object)?.is_none() {
                    // An element of an array, if it is one.
                    match (there, deeper, value) {
                        (Some(there), [], Some(value)) => {
                            return Ok(Some(spliced(doc, there, value)));
                        }
                        (Some(there), [_, ..], _) => spot.object = there,
                        _ => return Ok(None),
                    }
                    continue;
                }
                match there {
                    Some(there) if !there.is_undefined() && !deeper.is_empty() => {
                        spot.object = there;
                    }
                    _ => {
                        spot.deeper = deeper;
                        break;
                    }
                }
            }
        }
        if Fields::of(spot.object)?.is_none() {
            return Ok(None);
        }
        let object = spot.object;
        Ok(Some(spliced(doc, object, &spot.rebuilt(value)?)))
    }
}

impl Spot<'_, '_> {
    /// The object with the value in it.
    fn rebuilt(&self, value: Option<&[u8]>) -> Result<Vec<u8>> {
        let like = self.object;
        let mut value = match (value, self.deeper) {
            (None, [_, ..]) => return Ok(like.as_bytes().to_vec()),
            (value, _) => value.map(<[u8]>::to_vec),
        };
        for step in self.deeper.iter().rev() {
            if let Some(inner) = &mut value {
                let mut object = ObjectBuilder::like(like, inner.len());
                object.push(raw(&step.name, like), alike(inner, like))?;
                *inner = object.finish();
            }
        }
        let mut value = value.as_deref();
        let more = value.map_or(0, |value| self.name.quoted().len() + value.len());
        let mut object = ObjectBuilder::like(like, like.as_bytes().len() + more);
        let mut is_there = false;
        if let Some(mut fields) = Fields::of(like)? {
            while let Some((name, old)) = fields.next()? {
                if !name.is(self.name) {
                    object.push(name, old)?;
                    continue;
                }
                is_there = true;
                if let Some(value) = value.take() {
                    object.push(name, alike(value, like))?;
                }
            }
        }
        if let Some(value) = value.filter(|_| !is_there) {
            object.push(raw(self.name, like), alike(value, like))?;
        }
        Ok(object.finish())
    }
}

/// A node with another one in the place of a part of it.
fn spliced(whole: Form<'_>, part: Form<'_>, new: &[u8]) -> Vec<u8> {
    let (whole, part) = (whole.as_bytes(), part.as_bytes());
    // Slices of one document compare as their beginnings do.
    let from = part.as_ptr().addr() - whole.as_ptr().addr();
    let before = whole.get(..from).unwrap_or_default();
    let behind = whole.get(from + part.len()..).unwrap_or_default();
    [before, new, behind].concat()
}

const fn alike<'a>(bytes: &'a [u8], like: Form<'_>) -> Form<'a> {
    match like {
        Form::Json(_) => Form::Json(bytes),
        Form::Exact(_) => Form::Exact(bytes),
    }
}

fn raw<'a>(name: &'a FieldName, like: Form<'_>) -> RawName<'a> {
    match like {
        Form::Json(_) => RawName::Json(name.quoted()),
        Form::Exact(_) => RawName::Exact(name.as_bytes_in(like)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::js_string::JsString;
    use crate::codec::value::{Value, from_json};

    /// What putting gives, as JSON text, of either form.
    fn put(doc: &str, path: &str, value: Option<&str>) -> Option<String> {
        let path = Path::from(&JsString::from(path));
        let stored = from_json(doc.as_bytes());
        let json = path.put(Form::of(&stored).unwrap(), value.map(str::as_bytes));
        let json = json.unwrap().map(|node| String::from_utf8(node).unwrap());
        // The exact form says the same.
        let exact = |text: &str| {
            let value = Value::decode(&from_json(text.as_bytes())).unwrap();
            let mut writer = crate::codec::value::ExactWriter::headless();
            value.write(&mut writer).unwrap();
            writer.finish().unwrap().to_vec()
        };
        let (doc, value) = (exact(doc), value.map(exact));
        let found = path.put(Form::Exact(&doc), value.as_deref()).unwrap();
        assert_eq!(found, json.as_deref().map(exact));
        json
    }

    #[test]
    fn a_value_is_put_in_its_place() {
        let some = |text: &str| Some(text.to_owned());
        let one = Some("1");
        assert_eq!(put(r#"{"a":2,"b":3}"#, "a", one), some(r#"{"a":1,"b":3}"#));
        assert_eq!(put(r#"{"b":3}"#, "a", one), some(r#"{"b":3,"a":1}"#));
        assert_eq!(put("{}", "a.b.c", one), some(r#"{"a":{"b":{"c":1}}}"#));
        let inner = r#"{"x":0,"a":{"y":[{"b":5}],"z":1},"w":2}"#;
        assert_eq!(
            put(inner, "a.y.0.b", Some("\"long\"")),
            some(r#"{"x":0,"a":{"y":[{"b":"long"}],"z":1},"w":2}"#)
        );
        assert_eq!(
            put(inner, "a.y.0", Some("null")),
            some(r#"{"x":0,"a":{"y":[null],"z":1},"w":2}"#)
        );
        assert_eq!(
            put(inner, "a.q.0", one),
            some(r#"{"x":0,"a":{"y":[{"b":5}],"z":1,"q":{"0":1}},"w":2}"#)
        );
        // A property of the very name comes first.
        let both = r#"{"a":{"b":1},"a.b":2}"#;
        assert_eq!(
            put(both, "a.b", Some("3")),
            some(r#"{"a":{"b":1},"a.b":3}"#)
        );
    }

    #[test]
    fn a_value_is_taken_away() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(put(r#"{"a":2,"b":3}"#, "a", None), some(r#"{"b":3}"#));
        assert_eq!(put(r#"{"a":{"b":3}}"#, "a.b", None), some(r#"{"a":{}}"#));
        assert_eq!(put(r#"{"a":{}}"#, "a.b.c", None), some(r#"{"a":{}}"#));
        assert_eq!(put(r#"{"a":1}"#, "b", None), some(r#"{"a":1}"#));
    }

    #[test]
    fn what_is_no_object_is_in_the_way() {
        for (doc, path) in [
            (r#"{"a":1}"#, "a.b"),
            (r#"{"a":null}"#, "a.b.c"),
            (r#"{"a":{"b":"x"}}"#, "a.b.c"),
            (r#"{"a":[]}"#, "a.0"),
            (r#"{"a":[1]}"#, "a.0.b"),
            (r#"{"a":[{}]}"#, "a.b"),
        ] {
            assert_eq!(put(doc, path, Some("1")), None, "{doc} {path}");
        }
    }
}
