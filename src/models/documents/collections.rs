//! Which collections there are.

use crate::codec::js_string::JsString;
use crate::codec::tuple;
use crate::engine::access::{Attempt, Cursor, Reads};
use crate::error::{Error, Result};
use crate::models::{Scope, keys};

/// Lists the collections of a scope.
pub struct Collections {
    prefix_bytes: usize,
    cursor: Cursor,
    names: Vec<JsString>,
}

impl Collections {
    /// Begins the list.
    ///
    /// # Errors
    /// `InvalidArgument` when the scope's name is empty or too long.
    pub fn new(scope: &Scope) -> Result<Self> {
        let prefix = keys::scope_prefix(keys::COLLECTION, scope)?;
        Ok(Self {
            prefix_bytes: prefix.len(),
            cursor: Cursor::new(tuple::range_within(prefix.into()), false),
            names: Vec::new(),
        })
    }

    /// Their names, ascending. Runs until it does not stop.
    ///
    /// # Errors
    /// A stop.
    pub fn step(&mut self, r: &mut dyn Reads) -> Attempt<Vec<JsString>> {
        r.scan(&mut self.cursor, false, &mut |key, _| {
            let name = key
                .get(self.prefix_bytes..)
                .ok_or_else(|| Error::corrupt("the key of a collection is truncated"))?;
            self.names.push(tuple::read_string(name)?.0);
            Ok(true)
        })?;
        Ok(std::mem::take(&mut self.names))
    }
}
