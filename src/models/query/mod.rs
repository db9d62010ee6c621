//! Queries: what the contract calls one, compiled to be evaluated on stored bytes.
//!
//! A query is a tree of *leaves*, each a path and what is asked of its value ([`Test`]), under all, any and none.
//! Whatever has a scan of the document for itself is a leaf, so that a large document can be looked at leaf by leaf.

use bytes::Bytes;
use std::rc::Rc;

use crate::codec::js_string::JsString;
use crate::codec::value::Form;
use crate::error::Result;

pub mod bounds;
mod compile;
mod needle;
mod one_of;
mod path;
mod patterns;
mod put;
mod test;
mod want;

use bounds::Bounds;
use needle::Needle;
pub use one_of::OneOf;
pub use path::{Path, index};
pub use patterns::Patterns;
use test::Matches;
pub use test::Test;
pub use want::Want;

/// A compiled query.
#[derive(Clone)]
pub struct Query {
    leaves: Vec<(Path, Test)>,
    tree: Node,
    id: Option<JsString>,
    needle: Option<Needle>,
    patterns: Rc<dyn Patterns>,
    /// What was compiled, as a part of a stored value, and whether it is of the exact form; nothing: all match.
    asked: Option<(Bytes, bool)>,
}

/// How leaves are put together.
#[derive(Debug, Clone)]
enum Node {
    Leaf(usize),
    All(Vec<Node>),
    Any(Vec<Node>),
    None(Vec<Node>),
}

impl Node {
    /// Notes the leaves that must hold wherever all holds.
    fn demands(&self, leaves: &mut Vec<usize>) {
        match self {
            Self::Leaf(at) => leaves.push(*at),
            Self::All(nodes) => nodes.iter().for_each(|node| node.demands(leaves)),
            Self::Any(_) | Self::None(_) => {}
        }
    }

    fn decide(&self, leaf: &mut dyn FnMut(usize) -> Result<bool>) -> Result<bool> {
        let (nodes, decisive, outcome) = match self {
            Self::Leaf(at) => return leaf(*at),
            Self::All(nodes) => (nodes, false, false),
            Self::Any(nodes) => (nodes, true, true),
            Self::None(nodes) => (nodes, true, false),
        };
        for node in nodes {
            if node.decide(leaf)? == decisive {
                return Ok(outcome);
            }
        }
        Ok(!outcome)
    }
}

impl Query {
    /// The query that everything matches.
    #[must_use]
    pub fn all() -> Self {
        Self {
            leaves: Vec::new(),
            tree: Node::All(Vec::new()),
            id: None,
            needle: None,
            patterns: Rc::new(()),
            asked: None,
        }
    }

    /// Where the values must lie in every match.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn bounds(&self) -> Result<Bounds> {
        match &self.asked {
            None => Ok(Bounds::default()),
            Some((node, true)) => Bounds::of_form(Form::Exact(node)),
            Some((node, false)) => Bounds::of_form(Form::Json(node)),
        }
    }

    /// Whether everything matches.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(&self.tree, Node::All(nodes) if nodes.is_empty())
    }

    /// The one id that a match can have, where the query names one.
    #[must_use]
    pub fn id(&self) -> Option<&JsString> {
        self.id.as_ref()
    }

    /// What must equal what in every match: the paths, and what is wanted there.
    pub fn equalities(&self) -> impl Iterator<Item = (&Path, &Want)> {
        let mut leaves = Vec::new();
        self.tree.demands(&mut leaves);
        let leaves = leaves.into_iter().filter_map(|at| self.leaves.get(at));
        leaves.filter_map(|(path, test)| match test {
            Test::Is(want) => Some((path, want)),
            _ => None,
        })
    }

    /// Whether a stored document matches.
    ///
    /// # Errors
    /// `Corrupt`, `UnsupportedFormat`.
    pub fn matches(&self, stored: &[u8]) -> Result<bool> {
        if self.is_empty() {
            return Ok(true);
        }
        let doc = Form::of(stored)?;
        if let (Form::Json(text), Some(needle)) = (doc, &self.needle)
            && !needle.is_in(text)
        {
            return Ok(false);
        }
        self.matches_form(doc)
    }

    /// How many leaves there are: a match goes through the document for each.
    #[must_use]
    pub fn len(&self) -> usize {
        self.leaves.len()
    }

    /// Whether one leaf holds.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn holds(&self, at: usize, doc: Form<'_>) -> Result<bool> {
        match self.leaves.get(at) {
            Some((path, test)) => test.holds(path.find(doc)?, &*self.patterns),
            None => Ok(true),
        }
    }

    /// Whether a document matches of which it is known which leaves hold.
    #[must_use]
    pub fn decide(&self, leaves: &[bool]) -> bool {
        let leaf = &mut |at: usize| Ok(leaves.get(at).copied().unwrap_or_default());
        self.tree.decide(leaf).unwrap_or_default()
    }
}

impl Matches for Query {
    fn matches_form(&self, doc: Form<'_>) -> Result<bool> {
        self.tree.decide(&mut |at| self.holds(at, doc))
    }
}

#[cfg(test)]
mod tests;
