//! The data models.
