//! Tokens for development (`POST /dev/token`): a page on this machine mints its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Call, Cors, Reply, Unread};
use crate::config::Config;
use dormouse_core::grant::Keys;
use dormouse_protocol::error::{Code, Refusal};
use dormouse_protocol::name::{Millis, UserId, is_interchangeable};

/// How long a development token holds, in milliseconds: an hour.
const LIFETIME: Millis = 3_600_000;

/// What is granted where the request does not say.
const EVERYTHING: [&str; 5] = ["join", "publish", "call", "presence", "history"];

/// The counter where development tokens are had; there is none unless `is_open`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevTokens {
    cors: Cors,
}

/// Whether there is such a counter: only where `DEV_TOKENS=1`, and only for this very machine. A deployment has neither.
pub(super) fn is_open(call: &Call<'_>, config: &Config) -> bool {
    config.dev_tokens && call.is_loopback()
}

impl DevTokens {
    pub(super) const fn new(cors: Cors) -> Self {
        Self { cors }
    }

    /// The most bytes a request's body may have.
    pub const BODY_BYTES: u32 = 16 * 1024;

    /// Mints a token for `{"user":…,"can":…,"roles":…}`.
    pub fn mint(&self, body: Result<&str, Unread>, keys: &Keys, now: Millis) -> Reply {
        let minted = body.map_err(Refusal::from).and_then(|body| mint(body, keys, now));
        self.cors.onto(minted.unwrap_or_else(Reply::from))
    }
}

fn mint(body: &str, keys: &Keys, now: Millis) -> Result<Reply, Refusal> {
    let wanted: Wanted = serde_json::from_str(body).map_err(|_| Refusal::new(Code::BadFrame, SHAPE))?;
    let user = Some(&wanted.user)
        .filter(|user| is_interchangeable(user))
        .and_then(|user| UserId::parse(user))
        .ok_or_else(|| Refusal::new(Code::BadFrame, SHAPE))?;
    let can =
        wanted.can.unwrap_or_else(|| [("**".to_owned(), EVERYTHING.map(str::to_owned).to_vec())].into_iter().collect());
    let token = keys.mint(&user, &can, &wanted.roles, now, LIFETIME).ok_or(Code::Internal)?;
    let minted = Minted { token, expires: now.saturating_add(LIFETIME) };
    Ok(Reply::json(200, serde_json::to_string(&minted).map_err(|_| Code::Internal)?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    user: String,
    can: Option<BTreeMap<String, Vec<String>>>,
    #[serde(default)]
    roles: Vec<String>,
}

#[derive(Serialize)]
struct Minted {
    token: String,
    expires: Millis,
}

const SHAPE: &str =
    r#"The body is {"user":"ann"}, and may have "can":{"chat:*":["join","publish"]} and "roles":["editor"] beside it."#;
