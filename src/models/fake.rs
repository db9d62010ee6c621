//! A fake keyspace.
