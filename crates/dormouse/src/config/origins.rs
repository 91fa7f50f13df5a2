//! Which web pages may connect (rule E7).

use super::setting::quoted;

/// The allow-list of origins. What is not on it is refused before any object is touched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    listed: Vec<Listed>,
    loopback: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Listed {
    /// This origin and no other.
    Exact(String),
    /// Exactly one label between the scheme and the rest, `https://*.example.com`.
    OneLabel { scheme: String, rest: String },
}

impl Origins {
    /// Parses a list parted by commas; the error has a sentence for each entry that is no origin.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let mut listed = Vec::new();
        let mut mistakes = Vec::new();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            match parse_entry(entry) {
                Ok(entry) => listed.push(entry),
                Err(why) => mistakes.push(format!("ALLOWED_ORIGINS has {}: {why}", quoted(entry))),
            }
        }
        if mistakes.is_empty() { Ok(Self { listed, loopback: false }) } else { Err(mistakes) }
    }

    /// The same list with every port of this machine on it: for development alone.
    pub fn with_loopback(self) -> Self {
        Self { loopback: true, ..self }
    }

    /// Whether a page of this origin, as its browser names it, may connect. `null` never may.
    pub fn allows(&self, origin: &str) -> bool {
        self.listed.iter().any(|listed| listed.allows(origin)) || (self.loopback && is_loopback(origin))
    }
}

impl Listed {
    fn allows(&self, origin: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == origin,
            Self::OneLabel { scheme, rest } => origin
                .strip_prefix(scheme.as_str())
                .and_then(|host| host.strip_suffix(rest.as_str()))
                .is_some_and(is_label),
        }
    }
}

fn parse_entry(entry: &str) -> Result<Listed, &'static str> {
    let Some((scheme, place)) = entry.split_once("://") else {
        return Err("an origin begins with its scheme, as in https://example.com.");
    };
    if entry.chars().any(|c| c.is_ascii_uppercase() || !c.is_ascii_graphic()) {
        return Err("write it as browsers send it: lower case, no spaces, and names beyond ASCII in their xn-- form.");
    }
    if place.contains(['/', '?', '#', '@']) {
        return Err("an origin has no path and ends after the host or port, without a slash.");
    }
    if !is_scheme(scheme) {
        return Err("the scheme before :// is not one.");
    }
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (place, None),
    };
    if port.is_some_and(|port| port.starts_with('0') || port.parse::<u16>().is_err()) {
        return Err("the port must be a number from 1 to 65535.");
    }
    if matches!((scheme, port), ("https", Some("443")) | ("http", Some("80"))) {
        return Err("leave out the port: browsers do not send the usual one.");
    }
    let Some(parent) = host.strip_prefix("*.") else {
        return if is_host(host) {
            Ok(Listed::Exact(entry.to_owned()))
        } else {
            Err("the host is not a name or address.")
        };
    };
    if !matches!(scheme, "http" | "https") || !is_host(parent) || !parent.contains('.') || parent.starts_with('[') {
        return Err("*. stands for one label before a domain of at least two, as in https://*.example.com.");
    }
    Ok(Listed::OneLabel { scheme: format!("{scheme}://"), rest: place.trim_start_matches('*').to_owned() })
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
}

fn is_host(text: &str) -> bool {
    match text.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok()),
        None => text.split('.').all(is_label),
    }
}

fn is_label(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    (1..=63).contains(&text.len()) && text.chars().all(allowed)
}

fn is_loopback(origin: &str) -> bool {
    let Some(place) = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) else { return false };
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| match place.strip_prefix(host) {
        Some("") => true,
        Some(rest) => rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok()),
        None => false,
    })
}
