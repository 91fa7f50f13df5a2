//! Where a token is found (rule A4).

use super::{Call, Query, protocol};
use crate::config::Config;

/// The token of a request, the first found: header, sub-protocol item, query where that is allowed.
pub(super) fn credential(call: &Call<'_>, query: &Query, config: &Config) -> Option<String> {
    let header = || bearer(&call.header("Authorization")?);
    let item = || protocol::items(call).find_map(|item| item.strip_prefix("bearer.").map(str::to_owned));
    let field = || query.owned("token").filter(|_| config.allow_query_token);
    header().or_else(item).or_else(field)
}

/// The token after `Bearer`, a word that may be written in any case (RFC 9110, section 11.1).
fn bearer(value: &str) -> Option<String> {
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}
