//! Queries by equality.

use crate::codec::js_string::JsString;
use crate::codec::value::Form;
use crate::codec::value::fields::Fields;
use crate::error::{Error, Result};

mod needle;
mod path;
mod want;

use needle::Needle;
pub use path::{Path, index};
pub use want::Want;

/// A compiled query: every field must equal the document's.
#[derive(Debug, Clone, Default)]
pub struct Query {
    conditions: Vec<(Path, Want)>,
    id: Option<JsString>,
    needle: Option<Needle>,
}

impl Query {
    /// The query that everything matches.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Compiles a query that was encoded as a stored value.
    ///
    /// # Errors
    /// `InvalidArgument` when it is no plain object or names an operator that is unknown.
    pub fn compile(stored: &[u8]) -> Result<Self> {
        let mut fields = Fields::of(Form::of(stored)?)?
            .ok_or_else(|| Error::invalid("the query is not a plain object"))?;
        let mut query = Self::default();
        while let Some((name, wanted)) = fields.next()? {
            let name = name.read()?;
            refuse_operators(&name, wanted)?;
            let want = Want::new(wanted)?;
            if name.as_bytes() == b"_id" {
                query.id = want.string();
            }
            query.conditions.push((Path::from(&name), want));
        }
        let texts = query.conditions.iter();
        let texts = texts.filter_map(|(path, want)| Some(path.text_of(want.text()?)));
        query.needle = texts.max_by_key(Vec::len).and_then(|it| Needle::new(&it));
        Ok(query)
    }

    /// Whether everything matches.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// The one id that a match can have, where the query names one.
    #[must_use]
    pub fn id(&self) -> Option<&JsString> {
        self.id.as_ref()
    }

    /// Whether a stored document matches.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat`.
    pub fn matches(&self, stored: &[u8]) -> Result<bool> {
        if self.conditions.is_empty() {
            return Ok(true);
        }
        let doc = Form::of(stored)?;
        if let (Form::Json(text), Some(needle)) = (doc, &self.needle)
            && !needle.is_in(text)
        {
            return Ok(false);
        }
        for at in 0..self.len() {
            if !self.holds(at, doc)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// How many conditions there are: a match goes through the document for each.
    #[must_use]
    pub fn len(&self) -> usize {
        self.conditions.len()
    }

    /// Whether one condition holds.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn holds(&self, at: usize, doc: Form<'_>) -> Result<bool> {
        match self.conditions.get(at) {
            Some((path, want)) => want.is(path.find(doc)?),
            None => Ok(true),
        }
    }
}

fn refuse_operators(name: &JsString, wanted: Form<'_>) -> Result<()> {
    if name.as_bytes().starts_with(b"$") {
        return Err(unknown_operator(name, None));
    }
    let Some(mut inner) = Fields::of(wanted)? else {
        return Ok(());
    };
    while let Some((key, _)) = inner.next()? {
        let key = key.read()?;
        if key.as_bytes().starts_with(b"$") {
            return Err(unknown_operator(&key, Some(name)));
        }
    }
    Ok(())
}

fn unknown_operator(operator: &JsString, field: Option<&JsString>) -> Error {
    let operator = operator.as_js().to_display();
    let place = field.map_or_else(String::new, |field| {
        format!(" for the field \"{}\"", field.as_js().to_display())
    });
    Error::invalid(format!("the query's operator {operator}{place} is unknown"))
}

#[cfg(test)]
mod tests;
