//! What a deployment sets: every setting in one place, with its unit, default and consequence.

mod origins;
#[cfg(test)]
mod tests;

use std::rc::Rc;

pub use dormouse_core::limits::Limits;
pub use dormouse_core::setting::Setting;
pub use origins::Origins;

use dormouse_core::effect::{Level, LogLine};
use dormouse_core::grant::Keys;
use dormouse_core::setting::{self, Reader};

/// Where the platform can be told to keep everything of a channel.
const JURISDICTIONS: &[&str] = &["eu", "us", "fedramp", "fedramp-high"];
/// Where the platform can be asked to put a new channel.
const LOCATION_HINTS: &[&str] =
    &["wnam", "enam", "sam", "weur", "eeur", "apac", "apac-ne", "apac-se", "oc", "afr", "me"];

const ALLOWED_ORIGINS: Setting = Setting {
    name: "ALLOWED_ORIGINS",
    unit: "",
    default: "none",
    accepts: "origins parted by commas; `https://*.example.com` stands for one label",
    consequence: "Pages of other origins are refused with 403. Servers and native apps, which send no origin, always pass.",
};
const ALLOW_QUERY_TOKEN: Setting = Setting {
    name: "ALLOW_QUERY_TOKEN",
    unit: "",
    default: "0",
    accepts: "0 or 1",
    consequence: "1 accepts a token as `?token=` too. Addresses end up in logs and histories, and the token with them.",
};
const DEV_TOKENS: Setting = Setting {
    name: "DEV_TOKENS",
    unit: "",
    default: "0",
    accepts: "0 or 1",
    consequence: "1 hands out tokens at `/dev/token` and lets every page of this machine connect. Never deploy it.",
};
const JWT_SECRET: Setting = Setting {
    name: "JWT_SECRET",
    unit: "",
    default: "none",
    accepts: "a text of at least 32 bytes, as a secret",
    consequence: "Tokens signed with it by HS256 are accepted. Whoever knows it can be anyone.",
};
const JWT_JWKS: Setting = Setting {
    name: "JWT_JWKS",
    unit: "",
    default: "none",
    accepts: "a JWK set of 1 to 16 keys for HS256, ES256 or EdDSA",
    consequence: "Tokens signed by one of the keys are accepted; one with a `kid` by the key of that `kid` alone. Keys of other kinds are passed over, as the log says.",
};
const JWT_ISSUER: Setting = Setting {
    name: "JWT_ISSUER",
    unit: "",
    default: "anyone",
    accepts: "a text",
    consequence: "A token whose `iss` is another is refused.",
};
const JWT_AUDIENCE: Setting = Setting {
    name: "JWT_AUDIENCE",
    unit: "",
    default: "anyone",
    accepts: "a text",
    consequence: "A token whose `aud` does not name it is refused: set it where one issuer makes tokens for several services.",
};
const JURISDICTION: Setting = Setting {
    name: "JURISDICTION",
    unit: "",
    default: "none",
    accepts: "eu, us, fedramp, fedramp-high",
    consequence: "Channels live and are stored there alone. A change leaves every channel and its history behind.",
};
const LOCATION_HINT: Setting = Setting {
    name: "LOCATION_HINT",
    unit: "",
    default: "near whoever comes first",
    accepts: "wnam, enam, sam, weur, eeur, apac, apac-ne, apac-se, oc, afr, me",
    consequence: "Where a channel should live; counts only when it is first used, and is not promised.",
};

const LOG_LEVEL: Setting = Setting {
    name: "LOG_LEVEL",
    unit: "",
    default: "info",
    accepts: "info, warn, error",
    consequence: "Lines below it are not written. At `info` each join and each leave is one, which a busy deployment pays for.",
};

/// The settings that are not numbers of the machine.
const SETTINGS: &[Setting] = &[
    ALLOWED_ORIGINS,
    ALLOW_QUERY_TOKEN,
    DEV_TOKENS,
    JWT_SECRET,
    JWT_JWKS,
    JWT_ISSUER,
    JWT_AUDIENCE,
    JURISDICTION,
    LOCATION_HINT,
    LOG_LEVEL,
];

/// A deployment's settings, checked. Shows no secret when it is printed.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which web pages may connect.
    pub allowed_origins: Origins,
    /// Whether a token may come in the address.
    pub allow_query_token: bool,
    /// Whether tokens are handed out, and pages of this machine let in: development alone.
    pub dev_tokens: bool,
    /// What verifies tokens.
    pub keys: Rc<Keys>,
    /// Where channels must live.
    pub jurisdiction: Option<&'static str>,
    /// Where a new channel should live.
    pub location_hint: Option<&'static str>,
    /// The least level of a line in the log.
    pub log_level: Level,
    /// The machine's numbers.
    pub limits: Limits,
}

impl Config {
    /// Reads every setting through `lookup`; the error has a sentence for each mistake, and no secret.
    pub fn parse(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<String>> {
        let mut reader = Reader::new(lookup);
        let allow_query_token = reader.switch(&ALLOW_QUERY_TOKEN);
        let dev_tokens = reader.switch(&DEV_TOKENS);
        let allowed_origins = read_origins(&mut reader, dev_tokens);
        let keys = read_keys(&mut reader, dev_tokens);
        let jurisdiction = reader.one_of(&JURISDICTION, JURISDICTIONS);
        let location_hint = reader.one_of(&LOCATION_HINT, LOCATION_HINTS);
        let log_level = reader.one_of(&LOG_LEVEL, &Level::NAMES).and_then(Level::parse).unwrap_or(Level::Info);
        let limits = Limits::from_settings(&mut reader);
        match (keys, allowed_origins) {
            (Some(keys), Some(allowed_origins)) if reader.mistakes.is_empty() => Ok(Self {
                allowed_origins,
                allow_query_token,
                dev_tokens,
                keys: Rc::new(keys),
                jurisdiction,
                location_hint,
                log_level,
                limits,
            }),
            _ => Err(reader.mistakes),
        }
    }

    /// Whether a line is written to the log.
    pub fn logs(&self, line: &LogLine) -> bool {
        line.level >= self.log_level
    }

    /// Every setting there is.
    pub fn settings() -> impl Iterator<Item = &'static Setting> {
        SETTINGS.iter().chain(Limits::SETTINGS)
    }

    /// Every setting as a row of a Markdown table, as the README shows them.
    pub fn table() -> String {
        setting::table(Self::settings())
    }
}

fn read_origins<L: Fn(&str) -> Option<String>>(reader: &mut Reader<L>, dev: bool) -> Option<Origins> {
    match reader.text(&ALLOWED_ORIGINS).map_or_else(|| Ok(Origins::default()), |listed| Origins::parse(&listed)) {
        Ok(origins) => Some(if dev { origins.with_loopback() } else { origins }),
        Err(mistakes) => {
            reader.mistakes.extend(mistakes);
            None
        }
    }
}

fn read_keys<L: Fn(&str) -> Option<String>>(reader: &mut Reader<L>, dev: bool) -> Option<Keys> {
    let secret = reader.text(&JWT_SECRET);
    if dev && secret.is_none() {
        reader.mistake("DEV_TOKENS=1 needs JWT_SECRET: the tokens it hands out are signed with that.".to_owned());
    }
    let (jwks, issuer, audience) = (reader.text(&JWT_JWKS), reader.text(&JWT_ISSUER), reader.text(&JWT_AUDIENCE));
    match Keys::collect(secret.as_deref(), jwks.as_deref(), issuer.as_deref(), audience.as_deref()) {
        Ok(keys) => Some(keys),
        Err(mistakes) => {
            reader.mistakes.extend(mistakes);
            None
        }
    }
}
