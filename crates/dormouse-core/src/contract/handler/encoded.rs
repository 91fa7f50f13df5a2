//! What the application's code hands over, as JSON of a size that can be kept and told.

use serde::Serialize;

/// A value as JSON of at most so many bytes; else what is wrong with it, for the log.
pub(super) fn encoded_within(what: &str, value: &impl Serialize, most: usize) -> Result<String, String> {
    let text = serde_json::to_string(value).map_err(|error| format!("{what}: {error}"))?;
    match text.len() <= most {
        true => Ok(text),
        false => Err(format!("{what} has {} bytes, at most {most} are allowed", text.len())),
    }
}
