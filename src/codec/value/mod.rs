//! Stored values.
