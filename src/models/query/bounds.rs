//! Bounds: within which sort keys the values at the paths of a query must lie, read off the stored query. An index
//! narrows down by them what is to be looked at; the whole query is asked of that all the same.

use crate::codec::js_string::JsString;
use crate::codec::kinds::sort;
use crate::codec::sort_key::{SortKey, comparable};
use crate::codec::tuple::after_prefix;
use crate::codec::value::fields::{Fields, Items};
use crate::codec::value::{Form, Value};
use crate::error::Result;

/// How deep queries in queries are looked at; compiling a query refuses those that are deeper.
const MAX_DEPTH: u32 = 32;

/// What must hold of a document so that it can match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bounds {
    /// All of these; of the whole value at a path there is one at most.
    pub all: Vec<Bound>,
    /// Of each list ($or) one of these.
    pub any: Vec<Vec<Bounds>>,
    /// The only ids that can match, ascending, where the query names some.
    pub ids: Option<Vec<JsString>>,
    /// Whether something else is asked, too, which no bound tells of.
    pub has_residue: bool,
    /// Whether nothing can match: an operand is one with which nothing compares, or two exclude each other.
    pub is_never: bool,
}

/// Where the value at a path must lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The path.
    pub path: JsString,
    /// Of what there.
    pub of: Of,
    /// Where.
    pub values: Values,
    /// Whether everything that lies there is what is asked for; else it may not be.
    pub is_exact: bool,
}

/// Of what a bound is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// The value; an absent one is undefined.
    Whole,
    /// An element of an array.
    Element,
    /// An element of an array, or the value is a string, of which the bound says nothing.
    ElementOrText,
}

/// Sort keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    /// One of these: ascending, at least one.
    Equal(Vec<Vec<u8>>),
    /// From (inclusive) and until (exclusive), which is above.
    Range(Vec<u8>, Vec<u8>),
}

/// Bounds of one value, while they are put together.
struct Met {
    values: Values,
    is_exact: bool,
}

impl Values {
    /// Whether a sort key is among them.
    #[must_use]
    pub fn has(&self, key: &[u8]) -> bool {
        match self {
            Self::Equal(keys) => keys.binary_search_by(|other| other[..].cmp(key)).is_ok(),
            Self::Range(from, until) => from[..] <= *key && *key < until[..],
        }
    }

    /// What is in both; `None` if nothing is.
    fn and(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Range(a, b), Self::Range(c, d)) => {
                let (from, until) = (a.max(c), b.min(d));
                (from < until).then_some(Self::Range(from, until))
            }
            (Self::Equal(mut keys), other) | (other, Self::Equal(mut keys)) => {
                keys.retain(|key| other.has(key));
                (!keys.is_empty()).then_some(Self::Equal(keys))
            }
        }
    }
}

impl Bounds {
    /// Those of a stored query that has been compiled.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn of(stored: &[u8]) -> Result<Self> {
        Self::of_form(Form::of(stored)?)
    }

    /// The same of one that is a part of a stored value.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn of_form(query: Form<'_>) -> Result<Self> {
        let mut bounds = Self::default();
        bounds.query(query, 0)?;
        Ok(bounds)
    }

    /// The bound of the whole value at a path.
    #[must_use]
    pub fn whole(&self, path: &JsString) -> Option<&Bound> {
        let is_it = |bound: &&Bound| bound.of == Of::Whole && bound.path == *path;
        self.all.iter().find(is_it)
    }

    /// Demands besides that the whole value at a path has one of these sort keys, of which not everything need be wanted that has one.
    pub fn among(&mut self, path: &JsString, mut keys: Vec<Vec<u8>>) {
        keys.sort_unstable();
        keys.dedup();
        let met = Met {
            values: Values::Equal(keys),
            is_exact: false,
        };
        self.has_residue = true;
        self.meet(path, Some(met));
    }

    fn query(&mut self, query: Form<'_>, depth: u32) -> Result<()> {
        let fields = Fields::of(query)?.filter(|_| depth < MAX_DEPTH);
        let Some(mut fields) = fields else {
            self.has_residue = true;
            return Ok(());
        };
        while let Some((name, value)) = fields.next()? {
            let name = name.read()?;
            match (name.as_bytes(), Items::of(value)?) {
                (b"$and", Some(mut items)) => {
                    while let Some(item) = items.next()? {
                        self.query(item, depth + 1)?;
                    }
                }
                (b"$or", Some(mut items)) => {
                    let mut branches = Vec::new();
                    while let Some(item) = items.next()? {
                        let mut branch = Self::default();
                        branch.query(item, depth + 1)?;
                        branches.extend(Some(branch).filter(|branch| !branch.is_never));
                    }
                    self.is_never |= branches.is_empty();
                    self.any.push(branches);
                }
                ([b'$', ..], _) => self.has_residue = true,
                _ => self.leaf(&name, value)?,
            }
        }
        Ok(())
    }

    /// What is asked of the value at a path.
    fn leaf(&mut self, path: &JsString, value: Form<'_>) -> Result<()> {
        let Some(operators) = operators(value)? else {
            self.name(path, &[value])?;
            self.meet(path, equal(&[value])?);
            return Ok(());
        };
        for (name, operand) in operators {
            match name.as_bytes() {
                b"$contains" => {
                    let of = match operand.string()? {
                        Some(_) => Of::ElementOrText,
                        None => Of::Element,
                    };
                    self.element(path, of, equal(&[operand])?);
                }
                b"$all" => {
                    let items = items_of(operand)?;
                    self.has_residue |= items.is_empty();
                    for item in items {
                        self.element(path, Of::Element, equal(&[item])?);
                    }
                }
                b"$elemMatch" => self.element_match(path, operand)?,
                operator => {
                    match operator {
                        b"$eq" => self.name(path, &[operand])?,
                        b"$in" => self.name(path, &items_of(operand)?)?,
                        _ => {}
                    }
                    match tested(&name, operand)? {
                        Some(met) => self.meet(path, met),
                        None => self.has_residue = true,
                    }
                }
            }
        }
        Ok(())
    }

    /// Keeps the strings among what `_id` has to equal one of: nothing else is an id.
    fn name(&mut self, path: &JsString, wanted: &[Form<'_>]) -> Result<()> {
        if path.as_bytes() != b"_id" {
            return Ok(());
        }
        let mut ids = Vec::new();
        for wanted in wanted {
            ids.extend(wanted.string()?);
        }
        ids.sort_unstable();
        ids.dedup();
        if let Some(known) = &self.ids {
            ids.retain(|id| known.binary_search(id).is_ok());
        }
        self.ids = Some(ids);
        Ok(())
    }

    /// All that is asked of one element, where that can be told.
    fn element_match(&mut self, path: &JsString, operand: Form<'_>) -> Result<()> {
        let logic = [&b"$and"[..], b"$or", b"$nor"];
        let is_logic = |(name, _): &(JsString, Form<'_>)| logic.contains(&name.as_bytes());
        let operators = operators(operand)?;
        let operators = operators.filter(|operators| !operators.iter().any(is_logic));
        let mut all: Option<Met> = None;
        let mut is_told = operators.is_some();
        for (name, operand) in operators.into_iter().flatten() {
            let Some(met) = tested(&name, operand)? else {
                is_told = false;
                continue;
            };
            let met = match (all, met) {
                (Some(all), Some(met)) => all.and(met),
                (_, met) => met,
            };
            let Some(met) = met else {
                self.is_never = true;
                return Ok(());
            };
            all = Some(met);
        }
        self.has_residue |= !is_told;
        if let Some(mut met) = all {
            met.is_exact &= is_told;
            self.element(path, Of::Element, Some(met));
        }
        Ok(())
    }

    fn element(&mut self, path: &JsString, of: Of, met: Option<Met>) {
        match met {
            None => self.is_never = true,
            Some(met) => self.all.push(Bound {
                path: path.clone(),
                of,
                values: met.values,
                is_exact: met.is_exact,
            }),
        }
    }

    /// Adds a bound of the whole value, to the one that is there.
    fn meet(&mut self, path: &JsString, met: Option<Met>) {
        let is_it = |bound: &Bound| bound.of == Of::Whole && bound.path == *path;
        let there = self
            .all
            .iter()
            .position(is_it)
            .map(|at| self.all.remove(at));
        let met = match (there, met) {
            (Some(there), Some(met)) => {
                let there = Met {
                    values: there.values,
                    is_exact: there.is_exact,
                };
                there.and(met)
            }
            (_, met) => met,
        };
        self.element(path, Of::Whole, met);
    }
}

impl Met {
    fn and(self, other: Self) -> Option<Self> {
        Some(Self {
            values: self.values.and(other.values)?,
            is_exact: self.is_exact && other.is_exact,
        })
    }

    fn range(from: Vec<u8>, until: Vec<u8>, is_exact: bool) -> Option<Self> {
        (from < until).then_some(Self {
            values: Values::Range(from, until),
            is_exact,
        })
    }
}

/// The operators of an operator object, and their operands; `None` of anything else.
fn operators<'a>(value: Form<'a>) -> Result<Option<Vec<(JsString, Form<'a>)>>> {
    let Some(mut fields) = Fields::of(value)? else {
        return Ok(None);
    };
    let mut found = Vec::new();
    while let Some((name, operand)) = fields.next()? {
        let name = name.read()?;
        if name.as_bytes().starts_with(b"$") {
            found.push((name, operand));
        }
    }
    Ok(Some(found).filter(|found| !found.is_empty()))
}

/// The elements of an array.
fn items_of(list: Form<'_>) -> Result<Vec<Form<'_>>> {
    let mut all = Vec::new();
    if let Some(mut items) = Items::of(list)? {
        while let Some(item) = items.next()? {
            all.push(item);
        }
    }
    Ok(all)
}

/// Where a value lies of which an operator holds; the outer `None` where no bound tells, the inner one where it holds of none.
fn tested(operator: &JsString, operand: Form<'_>) -> Result<Option<Option<Met>>> {
    Ok(Some(match operator.as_bytes() {
        b"$eq" => equal(&[operand])?,
        b"$in" => {
            if Items::of(operand)?.is_none() {
                return Ok(None);
            }
            equal(&items_of(operand)?)?
        }
        b"$gt" => compared(operand, true, false)?,
        b"$gte" => compared(operand, true, true)?,
        b"$lt" => compared(operand, false, false)?,
        b"$lte" => compared(operand, false, true)?,
        b"$exists" if Value::of_form(operand)? == Value::Bool(false) => Some(Met {
            values: Values::Equal(vec![SortKey::absent().bytes]),
            is_exact: true,
        }),
        b"$startsWith" => {
            let Some(text) = operand.string()? else {
                return Ok(None);
            };
            let SortKey { bytes, is_cut } = SortKey::beginning(text.as_js());
            let until = after_prefix(&bytes).to_vec();
            Met::range(bytes, until, !is_cut)
        }
        _ => return Ok(None),
    }))
}

/// Whether all that has a key is equal. Of what is large in other ways than its key tells, a query says more than the key.
fn is_exact(key: &SortKey) -> bool {
    !key.is_cut && key.bytes.first().is_some_and(|kind| *kind < sort::BYTES)
}

fn equal(wanted: &[Form<'_>]) -> Result<Option<Met>> {
    let mut keys = Vec::with_capacity(wanted.len());
    let mut all_exact = true;
    for wanted in wanted {
        let key = SortKey::of(Some(*wanted))?;
        all_exact &= is_exact(&key);
        keys.push(key.bytes);
    }
    keys.sort_unstable();
    keys.dedup();
    Ok((!keys.is_empty()).then_some(Met {
        values: Values::Equal(keys),
        is_exact: all_exact,
    }))
}

/// What is above the operand, or below; the operand, too, where it is `included`.
fn compared(operand: Form<'_>, above: bool, included: bool) -> Result<Option<Met>> {
    let key = SortKey::of(Some(operand))?;
    let Some((from, until)) = comparable(&key.bytes) else {
        return Ok(None);
    };
    let here = key.sorting().to_vec();
    // Of a cut operand neither is known: what is equal so far is looked at.
    let behind = after_prefix(&here).to_vec();
    let (lower, upper) = match (above, included, key.is_cut) {
        (true, true, _) | (true, false, true) => (here, until.to_vec()),
        (true, false, false) => (behind, until.to_vec()),
        (false, true, _) | (false, false, true) => (from.to_vec(), behind),
        (false, false, false) => (from.to_vec(), here),
    };
    Ok(Met::range(lower, upper, is_exact(&key)))
}

#[cfg(test)]
mod tests;
