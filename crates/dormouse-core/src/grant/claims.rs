//! What a verified token says (rule A2), and the part of it that concerns one channel.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Flaw;
use crate::pattern::Pattern;
use dormouse_protocol::ijson;
use dormouse_protocol::name::{ChannelName, EVENT_NAME_MAX, Millis, UserId, is_interchangeable};

/// The most patterns in `can`.
const PATTERNS_MAX: usize = 64;
/// The most abilities of one pattern, and of a grant.
const ABILITIES_MAX: usize = 64;
/// The longest text of an ability, in bytes: `publish:` and an event's name.
const ABILITY_MAX: usize = EVENT_NAME_MAX.saturating_add("publish:".len());
/// The most roles (rule A2).
const ROLES_MAX: usize = 32;
/// The longest role, in bytes (rule A2).
const ROLE_MAX: usize = 64;
/// The largest `info`, in bytes of its JSON text (rule A2).
const INFO_MAX: usize = 1024;
/// The longest `jti`, in bytes: a grant must fit an attachment (rule H3).
const TOKEN_ID_MAX: usize = 128;
/// The longest sentence about a pattern that fits nothing, in characters.
const UNFIT_MAX: usize = 200;
/// How far `nbf` and `iat` may be ahead of our clock (rule A2).
const LEEWAY: Millis = 30_000;
/// The last second of the year 9999. An `exp` behind it was meant in milliseconds and would never come.
const LAST_SECOND: f64 = 253_402_300_799.0;

/// What a verified token says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    /// Who speaks: `sub`.
    #[serde(rename = "u")]
    pub user: UserId,
    /// When the token ends: `exp`, without leeway.
    #[serde(rename = "x")]
    pub expires: Millis,
    /// When the token was made: `iat`.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub issued: Option<Millis>,
    /// The token's own name: `jti`.
    #[serde(rename = "j", default, skip_serializing_if = "Option::is_none")]
    pub token_id: Option<String>,
    /// What is allowed where: `can`. Patterns and abilities that are not well-formed are left out: they grant nothing.
    #[serde(rename = "c", default, skip_serializing_if = "Vec::is_empty")]
    pub can: Vec<(Pattern, Vec<String>)>,
    /// Why the first pattern of `can` that fits no channel at all does not, for the log; in most tokens there is none.
    #[serde(skip)]
    pub unfit: Option<Box<str>>,
    /// The roles by which the user can be addressed (rule F5).
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// What members are shown of the user: a JSON object, as its text stands in the token.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub info: Option<Rc<str>>,
}

/// What a token said about one channel: kept in the session's attachment, so that rights can be worked out again
/// against the contract of another day (rule A3).
///
/// Older and newer releases read each other's: names are short, unknown fields are ignored, missing ones are empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    /// Who speaks.
    #[serde(rename = "u")]
    pub user: UserId,
    /// When the token ends.
    #[serde(rename = "x")]
    pub expires: Millis,
    /// What the token allows here, sorted, each once, at most 64; also abilities that only a newer release knows.
    #[serde(rename = "a", default, skip_serializing_if = "Vec::is_empty")]
    pub abilities: Vec<String>,
    /// The user's roles.
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// What members are shown of the user: the text of a JSON object.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub info: Option<Rc<str>>,
    /// The token's own name.
    #[serde(rename = "j", default, skip_serializing_if = "Option::is_none")]
    pub token_id: Option<String>,
    /// When the token was made.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub issued: Option<Millis>,
}

impl Claims {
    /// What these claims say about one channel: what all patterns that fit it grant adds up (rule A2).
    pub fn grant(&self, channel: &ChannelName) -> Grant {
        let fitting = self.can.iter().filter(|(pattern, _)| pattern.matches(channel));
        // Whole abilities before those of a single event, so that many events cannot push out `join`.
        let mut abilities: Vec<(bool, &str)> = fitting
            .flat_map(|(_, abilities)| abilities)
            .map(|ability| (ability.contains(':'), ability.as_str()))
            .collect();
        abilities.sort_unstable();
        abilities.dedup();
        Grant {
            user: self.user.clone(),
            expires: self.expires,
            abilities: abilities.into_iter().take(ABILITIES_MAX).map(|(_, ability)| ability.to_owned()).collect(),
            roles: self.roles.clone(),
            info: self.info.clone(),
            token_id: self.token_id.clone(),
            issued: self.issued,
        }
    }
}

/// What a deployment asks of the claims beyond their form.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Demands {
    /// `iss` must be this.
    pub(super) issuer: Option<String>,
    /// `aud` must be or have this.
    pub(super) audience: Option<String>,
}

impl Demands {
    /// Reads the claims of a token whose signature holds: form first, then for whom, then the time.
    pub(super) fn accept(&self, payload: &[u8], now: Millis) -> Result<Claims, Flaw> {
        // A struct can be read from a list too, by position; claims are an object.
        if !payload.trim_ascii_start().starts_with(b"{") {
            return Err(Flaw::Claims);
        }
        // As text: a reader of bytes would be a second copy of all that reads JSON here.
        let text = std::str::from_utf8(payload).map_err(|_| Flaw::Claims)?;
        let raw: RawClaims<'_> = serde_json::from_str(text).map_err(|_| Flaw::Claims)?;
        let not_before = raw.nbf.map(millis).transpose().map_err(|_| Flaw::Date)?;
        let user = raw.sub.as_deref().filter(|sub| is_interchangeable(sub)).and_then(UserId::parse);
        let user = user.ok_or(Flaw::Subject)?;
        let expires = raw.exp.ok_or(Flaw::Expiry).and_then(|exp| millis(exp).map_err(|_| Flaw::Expiry))?;
        let issued = raw.iat.map(millis).transpose().map_err(|_| Flaw::Date)?;
        let token_id = raw.jti.map(token_id).transpose()?;
        let (can, unfit) = raw.can.map(can).transpose()?.unwrap_or_default();
        let claims = Claims {
            user,
            expires,
            issued,
            token_id,
            unfit,
            can,
            roles: raw.roles.map(roles).transpose()?.unwrap_or_default(),
            info: raw.info.map(info).transpose()?,
        };
        if self.issuer.is_some() && self.issuer != raw.iss {
            return Err(Flaw::Issuer);
        }
        if let Some(audience) = &self.audience
            && !raw.aud.is_some_and(|named| named.names(audience))
        {
            return Err(Flaw::Audience);
        }
        if now >= claims.expires {
            return Err(Flaw::Expired);
        }
        let begun = |start: Option<Millis>| start.is_none_or(|start| start <= now.saturating_add(LEEWAY));
        if !begun(not_before) || !begun(claims.issued) {
            return Err(Flaw::NotYet);
        }
        Ok(claims)
    }
}

/// The claims as they stand in the token. A claim that is named twice is refused, `null` is as good as none.
#[derive(Deserialize)]
struct RawClaims<'a> {
    sub: Option<String>,
    exp: Option<f64>,
    nbf: Option<f64>,
    iat: Option<f64>,
    iss: Option<String>,
    aud: Option<Audience>,
    jti: Option<String>,
    can: Option<BTreeMap<String, Vec<String>>>,
    roles: Option<Vec<String>>,
    #[serde(borrow)]
    info: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn names(&self, wanted: &str) -> bool {
        match self {
            Self::One(name) => name == wanted,
            Self::Many(names) => names.iter().any(|name| name == wanted),
        }
    }
}

/// A date of RFC 7519, in seconds and perhaps parts of one.
struct NotADate;

fn millis(seconds: f64) -> Result<Millis, NotADate> {
    if !(0.0..=LAST_SECOND).contains(&seconds) {
        return Err(NotADate);
    }
    let time = Duration::try_from_secs_f64(seconds).map_err(|_| NotADate)?;
    Millis::try_from(time.as_millis()).map_err(|_| NotADate)
}

/// The patterns, each with what it grants.
type Can = Vec<(Pattern, Vec<String>)>;

/// Reads `can`; beside it what is wrong with the first pattern that no channel fits, cut to what a line of the log has
/// room for.
fn can(raw: BTreeMap<String, Vec<String>>) -> Result<(Can, Option<Box<str>>), Flaw> {
    if raw.len() > PATTERNS_MAX || raw.values().any(|abilities| abilities.len() > ABILITIES_MAX) {
        return Err(Flaw::Can);
    }
    let (mut can, mut unfit) = (Vec::with_capacity(raw.len()), None);
    for (pattern, mut abilities) in raw {
        match Pattern::parse(&pattern) {
            Ok(pattern) => {
                abilities.retain(|ability| is_ability(ability));
                can.push((pattern, abilities));
            }
            Err(why) => {
                let told = || format!("`can`: {}", why.chars().take(UNFIT_MAX).collect::<String>()).into();
                unfit.get_or_insert_with(told);
            }
        }
    }
    Ok((can, unfit))
}

/// Whether a text has the form of an ability, `word` or `word:event`; which ones there are is the policy's to know.
fn is_ability(text: &str) -> bool {
    let (word, event) = text.split_once(':').unwrap_or((text, "any"));
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_event = |c: char| is_word(c) || matches!(c, '-' | '.');
    let fits = text.len() <= ABILITY_MAX && !word.is_empty() && !event.is_empty();
    fits && word.chars().all(is_word) && event.chars().all(is_event)
}

fn roles(raw: Vec<String>) -> Result<Vec<String>, Flaw> {
    let fits = raw.len() <= ROLES_MAX && raw.iter().all(|role| is_plain(role, ROLE_MAX));
    fits.then_some(raw).ok_or(Flaw::Roles)
}

fn token_id(raw: String) -> Result<String, Flaw> {
    is_plain(&raw, TOKEN_ID_MAX).then_some(raw).ok_or(Flaw::TokenId)
}

/// Control characters grow sixfold in JSON; without them every grant fits its attachment (rule H3).
fn is_plain(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len()) && !text.chars().any(char::is_control) && is_interchangeable(text)
}

fn info(raw: &RawValue) -> Result<Rc<str>, Flaw> {
    let text = raw.get();
    // It goes out inside our frames as it is, and what we send is I-JSON like what we take (rule R4).
    let fits = text.len() <= INFO_MAX && text.starts_with('{') && ijson::check(text).is_ok();
    fits.then(|| text.into()).ok_or(Flaw::Info)
}
