//! A request to another server, as data (rule C7).

use std::time::Duration;

use serde::Serialize;

/// How long an answer is waited for where the call does not say.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest that an answer is waited for.
pub(super) const TIMEOUT_MAX: Duration = Duration::from_secs(30);

/// A request to another server, as data: the service sends it once the turn that started the job is on disk.
///
/// The host must be among those that the channel [`calls_out_to`](crate::contract::Channel::calls_out_to), by https (by http
/// on this machine alone). Redirects are not followed. Each try carries the job's key as `Idempotency-Key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCall {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    /// Names and values; a secret's value is the name of the variable that holds it.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) secrets: Vec<(String, String)>,
    pub(crate) body: Option<String>,
    pub(crate) timeout: Duration,
    /// What of it could not be made.
    pub(crate) wrong: Option<String>,
}

impl HttpCall {
    /// A GET of this address.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url.into())
    }

    /// A POST to this address.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url.into())
    }

    /// A PUT to this address.
    pub fn put(url: impl Into<String>) -> Self {
        Self::new("PUT", url.into())
    }

    /// A DELETE of this address.
    pub fn delete(url: impl Into<String>) -> Self {
        Self::new("DELETE", url.into())
    }

    const fn new(method: &'static str, url: String) -> Self {
        Self { method, url, headers: Vec::new(), secrets: Vec::new(), body: None, timeout: TIMEOUT, wrong: None }
    }

    /// Sends a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends a header whose value is a secret of the deployment (`wrangler secret put NAME`): the code never sees it, and it
    /// is in no row and no log.
    #[must_use]
    pub fn secret_header(mut self, name: impl Into<String>, variable: impl Into<String>) -> Self {
        self.secrets.push((name.into(), variable.into()));
        self
    }

    /// Sends this as JSON. What cannot be JSON is not sent: the turn that starts the job is `internal`.
    #[must_use]
    pub fn json(mut self, body: &impl Serialize) -> Self {
        match serde_json::to_string(body) {
            Ok(body) => self.body = Some(body),
            Err(error) => self.wrong = Some(format!("has a body that cannot be JSON: {error}")),
        }
        self.header("Content-Type", "application/json")
    }

    /// How long an answer is waited for: 10 s where it is not said, 30 s at most.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout: timeout.min(TIMEOUT_MAX), ..self }
    }

    /// The method, in capitals.
    pub const fn method(&self) -> &'static str {
        self.method
    }

    /// The address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The headers whose values are known, names and values.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The headers whose values are secrets, names and the variables that hold them.
    pub fn secrets(&self) -> &[(String, String)] {
        &self.secrets
    }

    /// The body, if it has one.
    pub fn body(&self) -> Option<&str> {
        self.body.as_deref()
    }

    /// How long the answer is waited for.
    pub const fn patience(&self) -> Duration {
        self.timeout
    }

    /// The host and port that it goes to; nothing where it is no address that may be called. Only addresses of the plainest
    /// form are read, so that nobody reads them otherwise.
    pub(crate) fn host(&self) -> Option<&str> {
        let (scheme, rest) = self.url.split_once("://")?;
        let host = rest.split(['/', '?', '#']).next()?;
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte));
        let path = self.url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        let near = matches!(host.split(':').next(), Some("localhost" | "127.0.0.1"));
        let allowed = scheme == "https" || (scheme == "http" && near);
        (allowed && path && !host.is_empty() && plain(host)).then_some(host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c7_only_a_plain_address_by_https_is_called() {
        for (url, host) in [
            ("https://api.example.com/score?x=1", Some("api.example.com")),
            ("https://api.example.com", Some("api.example.com")),
            ("https://api.example.com:8443/", Some("api.example.com:8443")),
            ("http://127.0.0.1:9000/x", Some("127.0.0.1:9000")),
            ("http://localhost/x", Some("localhost")),
            ("http://api.example.com/", None),
            ("https://user@api.example.com/", None),
            ("https://evil.com\\@api.example.com/", None),
            ("https://api.example.com /", None),
            ("https://[::1]/", None),
            ("https:///x", None),
            ("ftp://api.example.com/", None),
            ("api.example.com", None),
            ("https://bücher.example/", None),
        ] {
            assert_eq!(HttpCall::get(url).host(), host, "{url}");
        }
    }
}
