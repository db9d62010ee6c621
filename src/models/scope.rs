//! Whose data it is: a node's own, or that of a store with a name.

use crate::codec::js_string::JsString;

/// A scope. The two kinds never collide, whatever their names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The unnamed stores of one node.
    Node(JsString),
    /// A named store, shared.
    Name(JsString),
}
