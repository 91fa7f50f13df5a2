//! The tokens of a world.

use std::rc::Rc;

use serde_json::Value;

use crate::grant::{Claims, Flaw, Verifier};
use crate::pattern::Pattern;
use dormouse_protocol::name::{Millis, UserId};

const SIGNATURE: &str = "good.";

/// Tokens of a world are JSON, "signed" by a prefix: `good.{"user":"ann","expires":…,"can":[…]}`.
#[derive(Debug)]
pub(super) struct Tokens;

impl Tokens {
    pub(super) fn sign(said: &Value) -> String {
        format!("{SIGNATURE}{said}")
    }
}

impl Verifier for Tokens {
    fn verify(&self, token: &str, now: Millis) -> Result<Claims, Flaw> {
        let json = token.strip_prefix(SIGNATURE).ok_or(Flaw::Signature)?;
        let said: Value = serde_json::from_str(json).map_err(|_| Flaw::Claims)?;
        let expires = said["expires"].as_u64().unwrap_or(now + 3_600_000);
        if expires <= now {
            return Err(Flaw::Expired);
        }
        let list = |name: &str| {
            let items = said[name].as_array().cloned().unwrap_or_default();
            items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect::<Vec<_>>()
        };
        Ok(Claims {
            user: UserId::parse(said["user"].as_str().ok_or(Flaw::Claims)?).ok_or(Flaw::Subject)?,
            expires,
            issued: None,
            token_id: None,
            can: vec![(Pattern::parse("**").unwrap(), list("can"))],
            unfit: None,
            roles: list("roles"),
            info: said.get("info").map(|info| Rc::from(info.to_string())),
            home: None,
        })
    }
}
