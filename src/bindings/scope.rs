//! Scopes from JavaScript.

use super::strings::received;
use crate::error::Result;
use crate::models::Scope;

/// The scope of a node's id or a store's name.
///
/// # Errors
/// `InvalidArgument` if the name is not validly encoded.
pub fn scope(name: &str, is_node: bool) -> Result<Scope> {
    let name = received(name)?;
    Ok(if is_node {
        Scope::Node(name)
    } else {
        Scope::Name(name)
    })
}
