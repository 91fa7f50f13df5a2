//! Data against its type: what passes, and what the sender is told.
