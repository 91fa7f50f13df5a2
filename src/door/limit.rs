//! The joins that are counted before an object wakes (rule R5).

use crate::name::Millis;

/// When one who joined too often may try again: the counters of wrangler.toml run over ten seconds and tell no more.
pub(super) const RETRY_AFTER: Millis = 10_000;
