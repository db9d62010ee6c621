//! Which collections of a scope refer to which: found from the catalog, once for each catalog.

use bytes::Bytes;
use std::rc::Rc;

use super::Collection;
use super::definition::{Definition, OnDelete, Reference, flag};
use super::index::{Layout, WHOLE};
use crate::codec::js_string::{JsStr, JsString};
use crate::codec::kinds::key::DEFINITION;
use crate::codec::sort_key::SortKey;
use crate::codec::tuple;
use crate::codec::value::{Form, Value};
use crate::engine::access::{Catalog, KeyRange, Reads};
use crate::error::{Error, Result};
use crate::models::keys;
use crate::models::query::Path;
use crate::sorted::SortedMap;

/// A field by which documents of one collection refer to those of another.
#[derive(Debug, Clone)]
pub struct Referrer {
    /// The collection of the documents that refer.
    pub children: Collection,
    /// Its name.
    pub name: JsString,
    /// Their field.
    pub path: Path,
    /// What becomes of them.
    pub on_delete: OnDelete,
    /// The build that has to fail where a document goes that is referred to, while there is one.
    pub build: Option<u64>,
    /// What the keys of its index begin with that has the field's value whole.
    prefix: Vec<u8>,
}

/// By the key of the definition of the collection that is referred to.
type Referrers = SortedMap<Bytes, Rc<Vec<Referrer>>>;

/// Who refers to documents of a collection; `None`: nobody.
///
/// # Errors
/// `Corrupt`, `UnsupportedFormat`, of the definition of any collection of the scope.
pub fn of(r: &dyn Reads, collection: &Collection) -> Result<Option<Rc<Vec<Referrer>>>> {
    let catalog = r.catalog();
    if catalog.records().next().is_none() {
        return Ok(None);
    }
    let defined = &collection.defined;
    let scope = keys::scope_bytes(defined).unwrap_or_default();
    // (Names are not empty: under this key is no collection's definition.)
    let key = [&[DEFINITION], scope].concat();
    let all = catalog.parsed(&key, &mut |catalog| Ok(Rc::new(parse(catalog, scope)?)))?;
    let all = all.downcast::<Referrers>();
    let all = all.map_err(|_| Error::internal("a definition has changed under its reader"))?;
    Ok(all.get(defined).cloned())
}

fn parse(catalog: &Catalog, scope: &[u8]) -> Result<Referrers> {
    let mut all = Referrers::new();
    let range = keys::range_of(DEFINITION, scope);
    let prefix = [&[DEFINITION], scope].concat();
    for (key, record) in catalog.records() {
        if *key < range.from || range.until <= *key {
            continue;
        }
        let definition = Definition::decode(record.clone())?;
        for reference in &definition.references {
            let target = keys::with_string(&prefix, reference.collection.as_js());
            let referrer = Referrer::new(key, &definition, reference)?;
            let mut list = all.remove(&target).unwrap_or_default();
            Rc::make_mut(&mut list).push(referrer);
            all.insert(target, list);
        }
    }
    Ok(all)
}

impl Referrer {
    fn new(key: &Bytes, definition: &Definition, reference: &Reference) -> Result<Self> {
        let lacks = || Error::corrupt("a reference has no index");
        let index = definition.index(reference.index).ok_or_else(lacks)?;
        let layout = Layout::new(index);
        let mut prefix = layout.prefix().to_vec();
        prefix.extend(layout.is_multi().then_some(WHOLE));
        let children = Collection::of_definition(key);
        let is_building = reference.flags & flag::BUILDING != 0;
        Ok(Self {
            name: children.name()?,
            children,
            path: Path::from(&reference.field),
            on_delete: reference.on_delete,
            build: definition.build.filter(|_| is_building),
            prefix,
        })
    }

    /// Where the entries of those lie that refer to a document (and, where its id is very long, those of others).
    ///
    /// # Errors
    /// `LimitExceeded`: never, of an id.
    pub fn range(&self, id: JsStr<'_>) -> Result<KeyRange> {
        let key = SortKey::of_value(&Value::String(id.to_owned()))?;
        let prefix = [&self.prefix[..], &key.bytes].concat();
        Ok(tuple::prefix_range(prefix.into()))
    }

    /// Whether a stored document refers to that of an id.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn refers(&self, doc: &[u8], id: JsStr<'_>) -> Result<bool> {
        let value = self.path.find(Form::of(doc)?)?;
        let text = value.map(Form::text).transpose()?.flatten();
        Ok(text.is_some_and(|text| text[..] == *id.as_bytes()))
    }
}
