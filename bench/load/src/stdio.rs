//! The conversation with whoever started the generator: JSON lines out, and a line in where it is to go on.

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

use crate::Failure;

/// Prints one event; where the run is gated, waits for a line before going on.
pub async fn tell(event: &Value, gated: bool) -> Result<(), Failure> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{event}")?;
    out.flush()?;
    drop(out);
    if gated {
        let mut line = String::new();
        if BufReader::new(stdin()).read_line(&mut line).await? == 0 {
            return Err("standard input ended before the run did".into());
        }
    }
    Ok(())
}
