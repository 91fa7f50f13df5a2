//! Tokens for the members: HS256, signed here, so that joining costs the service what it costs in earnest.

use std::collections::BTreeMap;

use chrono::Duration;
use jwt_compact::alg::{Hs256, Hs256Key};
use jwt_compact::prelude::*;
use serde::Serialize;

use crate::Failure;

/// The claims that a member of the benchmark carries.
#[derive(Serialize)]
struct Member<'a> {
    sub: String,
    can: BTreeMap<&'a str, [&'a str; 3]>,
}

/// Signs the token of one member, good for an hour on every channel of the benchmark.
pub fn mint(secret: &str, user: String) -> Result<String, Failure> {
    let can = BTreeMap::from([("bench:*", ["join", "publish", "history"]), ("code:*", ["join", "call", "history"])]);
    let claims =
        Claims::new(Member { sub: user, can }).set_duration_and_issuance(&TimeOptions::default(), Duration::hours(1));
    Ok(Hs256.token(&Header::empty(), &claims, &Hs256Key::new(secret.as_bytes()))?)
}
