//! Queries by equality, and what belongs to them.

use crate::error::Result;

/// A compiled query. Cheap to clone is not: share it.
#[derive(Debug, Clone, Default)]
pub struct Query {}

impl Query {
    /// The query that everything matches.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Compiles a query that was encoded as a stored value.
    ///
    /// # Errors
    /// `InvalidArgument` when it is no plain object or names an unknown operator.
    pub fn compile(stored: &[u8]) -> Result<Self> {
        let _ = stored;
        todo!()
    }

    /// Whether a stored document matches.
    ///
    /// # Errors
    /// `Corrupt`.
    pub fn matches(&self, stored: &[u8]) -> Result<bool> {
        let _ = stored;
        todo!()
    }
}
