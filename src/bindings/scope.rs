//! Scopes, as the facade names them.

use super::strings::received;
use crate::error::Result;
use crate::models::Scope;

/// The scope that the facade means.
///
/// # Errors
/// `InvalidArgument`.
pub fn scope(name: &str, is_node: bool) -> Result<Scope> {
    let name = received(name)?;
    Ok(if is_node {
        Scope::Node(name)
    } else {
        Scope::Name(name)
    })
}
