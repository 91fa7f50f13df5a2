//! The load generator of the benchmark: one thread, thousands of WebSocket members, every delivery verified.
//!
//! It prints one JSON object a line on standard output: first `{"event":"joined",…}`, then, where the work has a
//! tail, `{"event":"finished",…}`, and last `{"event":"result",…}`. With `--gated` it waits after each of the
//! first two for a line on standard input, so that whoever started it can read the server's counters meanwhile.

mod args;
mod deflate;
mod idle;
mod join;
mod link;
mod many;
mod member;
mod process;
mod room;
mod stats;
mod stdio;
mod token;
mod traffic;
mod wake;
mod wire;

use clap::Parser;
use tokio::runtime;
use tokio::task::LocalSet;

use crate::args::{Command, Options};

/// Anything that ends a run; the text is for the person who started it.
type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let options = Options::parse();
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        match &options.command {
            Command::Traffic(plan) => traffic::run(&options.target, plan).await,
            Command::Join(plan) => join::run(&options.target, plan).await,
            Command::Many(plan) => many::run(&options.target, plan).await,
            Command::Idle(plan) => idle::run(&options.target, plan).await,
            Command::Wake(plan) => wake::run(&options.target, plan).await,
        }
    })
}
