//! Tokens for development (`POST /dev/token`): a page on this machine mints its own.

use std::collections::BTreeMap;

use chrono::DateTime;
use jwt_compact::alg::{Hs256, Hs256Key};
use jwt_compact::{AlgorithmExt as _, Claims, Header};
use serde::{Deserialize, Serialize};

use super::{Call, Cors, Reply};
use crate::config::Config;
use crate::error::{Code, Refusal};
use crate::name::{Millis, UserId};

/// How long a development token holds, in milliseconds: an hour.
const LIFETIME: Millis = 3_600_000;

/// What is granted where the request does not say.
const EVERYTHING: [&str; 4] = ["join", "publish", "presence", "history"];

/// The counter where development tokens are had; there is none unless [`is_open`].
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

    /// Mints a token for `{"user":…,"can":…}`; `body` is `None` when it was too long or no UTF-8.
    pub fn mint(&self, body: Option<&str>, config: &Config, now: Millis) -> Reply {
        let minted = body.ok_or_else(|| Code::TooLarge.into()).and_then(|body| mint(body, config, now));
        self.cors.onto(minted.unwrap_or_else(Reply::from))
    }
}

fn mint(body: &str, config: &Config, now: Millis) -> Result<Reply, Refusal> {
    let wanted: Wanted = serde_json::from_str(body).map_err(|_| Refusal::new(Code::BadFrame, SHAPE))?;
    let user = UserId::parse(&wanted.user).ok_or_else(|| Refusal::new(Code::BadFrame, SHAPE))?;
    let secret = config.jwt_secret.as_deref().ok_or_else(|| Refusal::new(Code::NotFound, NO_SECRET))?;
    let everything = || [("**".to_owned(), EVERYTHING.map(str::to_owned).to_vec())].into();
    let expires = now.saturating_add(LIFETIME);
    let mut claims = Claims::new(Spoken {
        sub: user.as_str(),
        iss: config.jwt_issuer.as_deref(),
        aud: config.jwt_audience.as_deref(),
        can: wanted.can.unwrap_or_else(everything),
    });
    claims.issued_at = at(now);
    claims.expiration = at(expires);
    let token = Hs256.token(&Header::empty(), &claims, &Hs256Key::new(secret)).map_err(|_| Code::Internal)?;
    let minted = serde_json::to_string(&Minted { token, expires }).map_err(|_| Code::Internal)?;
    Ok(Reply::json(200, minted))
}

fn at(millis: Millis) -> Option<DateTime<chrono::Utc>> {
    DateTime::from_timestamp_millis(i64::try_from(millis).ok()?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    user: String,
    can: Option<BTreeMap<String, Vec<String>>>,
}

#[derive(Serialize)]
struct Spoken<'a> {
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    can: BTreeMap<String, Vec<String>>,
}

#[derive(Serialize)]
struct Minted {
    token: String,
    expires: Millis,
}

const SHAPE: &str = r#"The body is {"user":"ann"}, and may have "can":{"chat:*":["join","publish"]} beside it."#;
const NO_SECRET: &str = "Development tokens are signed with JWT_SECRET, which is not set: put it into .dev.vars.";
