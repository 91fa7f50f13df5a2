//! Which frames answer which request.

use serde_json::Value;

/// Those of the frames that answer the request of this id of this connection: an ack, an error, a reply, a page, how
/// it was resumed, or its own message.
pub fn answers(frames: &[Value], connection: &str, id: &str) -> Vec<Value> {
    let answers = |frame: &&Value| match frame["type"].as_str() {
        Some("message") => frame["id"] == id && frame["from"]["connection"] == connection,
        Some("ack" | "error" | "result" | "history" | "resumed") => frame["id"] == id,
        _ => false,
    };
    frames.iter().filter(answers).cloned().collect()
}
