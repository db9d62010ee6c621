//! Order-preserving tuple keys.
