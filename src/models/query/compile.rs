//! Compiling queries.

use bytes::Bytes;
use std::cmp::Ordering;
use std::rc::Rc;

use super::{Needle, Node, OneOf, Path, Patterns, Query, Test, Want};
use crate::codec::js_string::{JsStr, JsString};
use crate::codec::value::fields::{Fields, Items};
use crate::codec::value::{Form, Value};
use crate::error::{Code, Error, Result};

/// The name under which a query has the number of a regular expression in place of the expression, which is no stored
/// value.
const PATTERN: &[u8] = b"$\0";
/// Queries in queries.
const MAX_DEPTH: u32 = 32;

impl Query {
    /// Compiles a query that was encoded as a stored value, in which `patterns` are named by `{"$\0": number}`.
    ///
    /// # Errors
    /// `InvalidArgument` when it is no plain object, names an operator that is unknown, or gives one what it does not take;
    /// `LimitExceeded` for queries too deep in queries.
    pub fn compile(stored: &[u8], patterns: Rc<dyn Patterns>) -> Result<Self> {
        Self::of_form(Form::of(stored)?, patterns)
    }

    /// Compiles a query that is a part of a stored value.
    ///
    /// # Errors
    /// As [`compile`](Self::compile).
    pub fn of_form(form: Form<'_>, patterns: Rc<dyn Patterns>) -> Result<Self> {
        let mut query = compile(form, &patterns, 0)?;
        let node = Bytes::copy_from_slice(form.as_bytes());
        query.asked = Some((node, matches!(form, Form::Exact(_))));
        let Node::All(nodes) = &query.tree else {
            return Ok(query);
        };
        let all = nodes.iter().filter_map(|node| match node {
            Node::Leaf(at) => query.leaves.get(*at),
            _ => None,
        });
        let equalities = all.filter_map(|(path, test)| match test {
            Test::Is(want) => Some((path, want)),
            _ => None,
        });
        let mut texts = Vec::new();
        for (path, want) in equalities {
            if path.whole().text().as_bytes() == b"_id" {
                query.id = query.id.or_else(|| want.string());
            }
            texts.extend(want.text().map(|text| path.text_of(text)));
        }
        let longest = texts.iter().max_by_key(|text| text.len());
        query.needle = longest.and_then(|text| Needle::new(text));
        Ok(query)
    }
}

fn compile(form: Form<'_>, patterns: &Rc<dyn Patterns>, depth: u32) -> Result<Query> {
    let mut compiling = Compiling {
        leaves: Vec::new(),
        patterns,
        depth,
    };
    let tree = compiling.query(form, "the query")?;
    Ok(Query {
        leaves: compiling.leaves,
        tree,
        id: None,
        needle: None,
        patterns: patterns.clone(),
        asked: None,
    })
}

struct Compiling<'a> {
    leaves: Vec<(Path, Test)>,
    patterns: &'a Rc<dyn Patterns>,
    depth: u32,
}

impl Compiling<'_> {
    fn query(&mut self, form: Form<'_>, what: &str) -> Result<Node> {
        self.deeper()?;
        let fields = Fields::of(form)?;
        let mut fields =
            fields.ok_or_else(|| Error::invalid(format!("{what} is not a plain object")))?;
        let mut nodes = Vec::new();
        while let Some((name, value)) = fields.next()? {
            let name = name.read()?;
            match name.as_bytes() {
                b"$and" => nodes.push(Node::All(self.queries(&name, value)?)),
                b"$or" => nodes.push(Node::Any(self.queries(&name, value)?)),
                b"$nor" => nodes.push(Node::None(self.queries(&name, value)?)),
                [b'$', ..] => return Err(unknown(&name, "")),
                _ => {
                    let place = format!(" of the field \"{}\"", name.as_js().to_display());
                    self.leaf(Path::from(&name), value, &place, &mut nodes)?;
                }
            }
        }
        self.depth -= 1;
        Ok(Node::All(nodes))
    }

    fn deeper(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth <= MAX_DEPTH {
            return Ok(());
        }
        let message = format!("a query has queries in queries, {MAX_DEPTH} deep at most");
        Err(Error::new(Code::LimitExceeded, message))
    }

    fn queries(&mut self, name: &JsString, list: Form<'_>) -> Result<Vec<Node>> {
        let operator = name.as_js().to_display();
        let mut nodes = Vec::new();
        let mut items =
            Items::of(list)?.ok_or_else(|| takes(&operator, "a list of queries", ""))?;
        while let Some(item) = items.next()? {
            nodes.push(self.query(item, &format!("an element of {operator}"))?);
        }
        Ok(nodes)
    }

    /// Each operator goes through the document on its own.
    fn leaf(
        &mut self,
        path: Path,
        value: Form<'_>,
        place: &str,
        nodes: &mut Vec<Node>,
    ) -> Result<()> {
        let tests = match self.operators(value, place)? {
            Some(tests) => tests,
            None => vec![Test::Is(Want::new(value)?)],
        };
        for test in tests {
            nodes.push(Node::Leaf(self.leaves.len()));
            self.leaves.push((path.clone(), test));
        }
        Ok(())
    }

    /// The tests of an operator object, or of a regular expression; `None` for any other value.
    fn operators(&mut self, value: Form<'_>, place: &str) -> Result<Option<Vec<Test>>> {
        let Some(mut fields) = Fields::of(value)? else {
            return Ok(None);
        };
        let (mut tests, mut plain) = (Vec::new(), false);
        while let Some((name, operand)) = fields.next()? {
            let name = name.read()?;
            if name.as_bytes().starts_with(b"$") {
                tests.push(self.operator(&name, operand, value, place)?);
            } else {
                plain = true;
            }
        }
        match (tests.is_empty(), plain) {
            (true, _) => Ok(None),
            (false, false) => Ok(Some(tests)),
            (false, true) => Err(Error::invalid(format!(
                "the query{place} mixes operators and other properties"
            ))),
        }
    }

    fn operator(
        &mut self,
        name: &JsString,
        operand: Form<'_>,
        whole: Form<'_>,
        place: &str,
    ) -> Result<Test> {
        let compares = |says: fn(Ordering) -> bool| -> Result<Test> {
            Ok(Test::Compares(Box::new(Value::of_form(operand)?), says))
        };
        let operator = name.as_js().to_display();
        let refused = |what: &str| takes(&operator, what, place);
        let not = |test| Test::Not(Box::new(test));
        let one_of = || -> Result<Test> {
            let wants = wants(operand)?.ok_or_else(|| refused("a list"))?;
            Ok(Test::In(OneOf::new(wants)))
        };
        Ok(match name.as_bytes() {
            b"$eq" => Test::Is(Want::new(operand)?),
            b"$ne" => not(Test::Is(Want::new(operand)?)),
            b"$gt" => compares(Ordering::is_gt)?,
            b"$gte" => compares(Ordering::is_ge)?,
            b"$lt" => compares(Ordering::is_lt)?,
            b"$lte" => compares(Ordering::is_le)?,
            b"$in" => one_of()?,
            b"$nin" => not(one_of()?),
            b"$exists" => match Value::of_form(operand)? {
                Value::Bool(true) => Test::Exists,
                Value::Bool(false) => not(Test::Exists),
                _ => return Err(refused("true or false")),
            },
            b"$regex" | PATTERN => {
                let operand = if name.as_bytes() == PATTERN {
                    whole
                } else {
                    operand
                };
                let number = self.pattern(operand)?;
                Test::Matches(number.ok_or_else(|| refused("a RegExp, or its source as a string"))?)
            }
            b"$startsWith" => {
                let text = operand.string()?;
                Test::StartsWith(text.ok_or_else(|| refused("a string"))?)
            }
            b"$contains" => Test::Contains(Want::new(operand)?, operand.string()?),
            b"$size" => {
                let size = operand
                    .number()?
                    .filter(|size| size.fract() == 0.0 && *size >= 0.0);
                Test::Size(size.ok_or_else(|| refused("a count"))? as u64)
            }
            b"$all" => Test::Holds(wants(operand)?.ok_or_else(|| refused("a list"))?),
            b"$elemMatch" => Test::Element(Box::new(self.element(operand, &operator, place)?)),
            b"$not" => {
                let tests = self.nested(operand, place)?;
                not(Test::All(
                    tests.ok_or_else(|| refused("an operator object or a RegExp"))?,
                ))
            }
            _ => return Err(unknown(name, place)),
        })
    }

    fn nested(&mut self, operand: Form<'_>, place: &str) -> Result<Option<Vec<Test>>> {
        self.deeper()?;
        let tests = self.operators(operand, place);
        self.depth -= 1;
        tests
    }

    /// What $elemMatch asks of an element: operators, or a query on objects.
    fn element(&mut self, operand: Form<'_>, operator: &str, place: &str) -> Result<Test> {
        let refused = || takes(operator, "operators or a query", place);
        let mut fields = Fields::of(operand)?.ok_or_else(refused)?;
        let mut is_query = true;
        while let Some((name, _)) = fields.next()? {
            let name = name.read()?;
            let is_logic = [&b"$and"[..], b"$or", b"$nor"].contains(&name.as_bytes());
            is_query = is_logic || !name.as_bytes().starts_with(b"$");
            if is_query {
                break;
            }
        }
        if is_query {
            let query = compile(operand, self.patterns, self.depth)?;
            return Ok(Test::Object(Rc::new(query)));
        }
        let tests = self.nested(operand, place)?;
        Ok(Test::All(tests.ok_or_else(refused)?))
    }

    /// The number of a regular expression; `None` for anything else.
    fn pattern(&self, operand: Form<'_>) -> Result<Option<usize>> {
        let Some(mut fields) = Fields::of(operand)? else {
            return Ok(None);
        };
        let Some((name, number)) = fields.next()? else {
            return Ok(None);
        };
        let is_pattern = name.read()?.as_bytes() == PATTERN && fields.next()?.is_none();
        let number = number.number()?.map(|number| number as usize);
        Ok(number.filter(|number| is_pattern && *number < self.patterns.len()))
    }
}

fn wants(list: Form<'_>) -> Result<Option<Vec<Want>>> {
    let Some(mut items) = Items::of(list)? else {
        return Ok(None);
    };
    let mut wants = Vec::new();
    while let Some(item) = items.next()? {
        wants.push(Want::new(item)?);
    }
    Ok(Some(wants))
}

fn unknown(operator: &JsString, place: &str) -> Error {
    let operator = shown(operator.as_js());
    Error::invalid(format!("the query's operator {operator}{place} is unknown"))
}

fn takes(operator: &str, what: &str, place: &str) -> Error {
    Error::invalid(format!(
        "the query's operator {operator}{place} takes {what}"
    ))
}

/// An operator's name, shortened: it may be anything.
fn shown(name: JsStr<'_>) -> String {
    name.to_display().chars().take(40).collect()
}
