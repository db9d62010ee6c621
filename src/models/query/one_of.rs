//! Whether a value equals one of a list, however long that is.

use super::want::Want;
use crate::codec::value::Form;
use crate::error::Result;

/// Values, most of them sorted so that nobody goes through the list.
#[derive(Debug, Clone)]
pub struct OneOf {
    /// The JSON texts of those that have one spelling, sorted.
    texts: Vec<Vec<u8>>,
    /// The nodes of those that have one, sorted.
    nodes: Vec<Vec<u8>>,
    /// Numbers, sorted.
    numbers: Vec<f64>,
    /// The other ones.
    others: Vec<Want>,
}

impl OneOf {
    /// Of these.
    #[must_use]
    pub fn new(wants: Vec<Want>) -> Self {
        let mut one_of = Self {
            texts: Vec::new(),
            nodes: Vec::new(),
            numbers: Vec::new(),
            others: Vec::new(),
        };
        for want in wants {
            match want {
                Want::Literal { json, exact } => {
                    one_of.texts.push(json);
                    one_of.nodes.push(exact);
                }
                Want::Number(number, Some(json)) if !number.is_nan() => {
                    one_of.texts.push(json);
                    // (-0 equals 0.)
                    one_of.numbers.push(number + 0.0);
                }
                other => one_of.others.push(other),
            }
        }
        one_of.texts.sort_unstable();
        one_of.nodes.sort_unstable();
        one_of.numbers.sort_unstable_by(f64::total_cmp);
        one_of
    }

    /// Whether what was found (`None`: nothing) equals one of them.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn has(&self, found: Option<Form<'_>>) -> Result<bool> {
        let is_known = match found {
            Some(Form::Json(text)) => has_bytes(&self.texts, text),
            Some(Form::Exact(node)) => has_bytes(&self.nodes, node) || self.has_number(node)?,
            None => false,
        };
        if is_known {
            return Ok(true);
        }
        for want in &self.others {
            if want.is(found)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn has_number(&self, node: &[u8]) -> Result<bool> {
        if self.numbers.is_empty() {
            return Ok(false);
        }
        if let Some(number) = Form::Exact(node).number()? {
            let number = number + 0.0;
            let found = (self.numbers).binary_search_by(|known| known.total_cmp(&number));
            return Ok(found.is_ok());
        }
        // A bigint equals a number of its value.
        for number in &self.numbers {
            if Want::Number(*number, None).is(Some(Form::Exact(node)))? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn has_bytes(sorted: &[Vec<u8>], bytes: &[u8]) -> bool {
    let found = sorted.binary_search_by(|known| known.as_slice().cmp(bytes));
    found.is_ok()
}
