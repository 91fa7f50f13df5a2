//! A request as plain values.

use std::borrow::Cow;
use std::net::IpAddr;

/// What the door reads of a request.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Host and port of the URL, the port left out where it is the scheme's own.
    pub host: &'a str,
    /// The path, still percent-encoded.
    pub path: &'a str,
    /// What follows the first `?`, or nothing.
    pub query: &'a str,
    header: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> Call<'a> {
    /// Takes a request's URL apart, as the platform has serialised it; `header` looks a header up by its name.
    pub fn new(method: &'a str, url: &'a str, header: &'a dyn Fn(&str) -> Option<String>) -> Self {
        let url = url.split('#').next().unwrap_or_default();
        let (scheme, rest) = url
            .split_once(':')
            .and_then(|(scheme, rest)| Some((scheme, rest.strip_prefix("//")?)))
            .unwrap_or(("http", url));
        let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
        let host = before.split('/').next().unwrap_or_default();
        let path = before.strip_prefix(host).unwrap_or_default();
        Self { method, scheme, host, path, query, header }
    }

    /// A header's value, white space around it removed.
    pub fn header(&self, name: &str) -> Option<String> {
        (self.header)(name).map(|value| value.trim().to_owned())
    }

    /// The host the client asked for, as a URL writes it: its header where there is one, else the URL's own.
    pub fn host_asked(&self) -> Cow<'a, str> {
        let usual = if self.scheme == "https" { ":443" } else { ":80" };
        self.header("Host").map_or(Cow::Borrowed(self.host), |host| {
            let host = host.to_ascii_lowercase();
            Cow::Owned(host.strip_suffix(usual).map(str::to_owned).unwrap_or(host))
        })
    }

    /// The method that decides: `HEAD` is `GET` without the body, which the platform leaves out.
    pub fn method_asked(&self) -> &'a str {
        if self.method == "HEAD" { "GET" } else { self.method }
    }

    /// Whether this is an upgrade to a WebSocket and to nothing else (rule E1): the platform takes no list.
    pub fn is_upgrade(&self) -> bool {
        let upgrade = self.header("Upgrade").unwrap_or_default();
        self.method == "GET" && upgrade.eq_ignore_ascii_case("websocket")
    }

    /// Whether the request goes to this very machine, by the URL and by the header, and comes from it. A client can
    /// write what it likes into each of them; a browser's page can write none.
    pub fn is_loopback(&self) -> bool {
        let from = self.header("CF-Connecting-IP").and_then(|address| address.parse::<IpAddr>().ok());
        let near = from.is_some_and(|address| address.to_canonical().is_loopback());
        near && is_loopback(self.host) && is_loopback(&self.host_asked())
    }
}

/// Whether a host, with or without a port, is this very machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').filter(|(_, port)| is_port(port)).map(|(address, _)| address),
        None => host.split_once(':').map_or(Some(host), |(name, port)| is_digits(port).then_some(name)),
    };
    matches!(name, Some("localhost" | "127.0.0.1" | "::1"))
}

fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(is_digits)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The fields of a query, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Parses a query as forms write it: `&` between fields, `+` for a space, percent-encoded UTF-8. Bytes that are no
    /// UTF-8 become U+FFFD, which no value of ours contains: each is then refused as what it is.
    pub fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The first value of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a field, as a text of its own.
    pub fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }
}
