//! What the generator can be told on the command line.

use std::rc::Rc;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::wire::Dialect;

/// Loads a WebSocket service with many members from one core and verifies every delivery.
#[derive(Parser)]
#[command(version)]
pub struct Options {
    /// Where the members go.
    #[command(flatten)]
    pub target: Target,
    /// What they do there.
    #[command(subcommand)]
    pub command: Command,
}

/// The service under load, and how to join it.
#[derive(Args, Clone)]
pub struct Target {
    /// The URL of a channel, `{channel}` standing for its name: ws://127.0.0.1:8080/v1/channels/{channel}
    #[arg(long)]
    pub url: String,
    /// The URL of connections for many channels: members open one and join their channel on it, behind a relay.
    #[arg(long)]
    pub connect: Option<String>,
    /// How messages are framed.
    #[arg(long, value_enum, default_value = "raw")]
    pub dialect: Dialect,
    /// The secret that HS256 tokens are signed with (at least 32 bytes); the dormouse dialect needs it.
    #[arg(long, default_value = "")]
    pub secret: String,
    /// What channel names begin with; the number of the channel follows.
    #[arg(long, default_value = "bench:room")]
    pub prefix: String,
    /// Offer permessage-deflate as a browser does.
    #[arg(long)]
    pub deflate: bool,
    /// The process of the service, whose memory and CPU time are read from /proc.
    #[arg(long)]
    pub pid: Option<u32>,
    /// Wait for a line on standard input after `joined` and `finished`.
    #[arg(long)]
    pub gated: bool,
    /// How many members may be joining at the same time.
    #[arg(long, default_value_t = 64)]
    pub joining: usize,
}

impl Target {
    /// The name of a channel.
    pub fn name(&self, channel: usize) -> String {
        format!("{}{channel}", self.prefix)
    }

    /// The same as frames carry it, where members come behind a relay.
    pub fn carried(&self, channel: usize) -> Option<Rc<str>> {
        self.connect.as_ref().map(|_| self.name(channel).into())
    }
}

/// One kind of load.
#[derive(Subcommand)]
pub enum Command {
    /// Members publish and hear each other.
    Traffic(Traffic),
    /// Members join, as many a second as the service takes.
    Join(Join),
    /// Clients join many channels each, lose their connections, and join all again.
    Many(Many),
    /// Members sit and send a heartbeat now and then.
    Idle(Idle),
    /// One message to all while awake, and one after sleep.
    Wake(Wake),
}

/// How publishers decide when to send.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Pace {
    /// Closed loop: each publisher keeps `--outstanding` of its messages on their way.
    Closed,
    /// Open loop: each publisher sends `--rate` messages a second, whatever comes back.
    Open,
    /// One message at a time: the next goes out when every member has heard the last.
    Barrier,
}

/// Members publish and hear each other.
#[derive(Args, Clone)]
pub struct Traffic {
    /// How many channels there are.
    #[arg(long, default_value_t = 1)]
    pub channels: usize,
    /// How many members each channel has.
    #[arg(long)]
    pub members: usize,
    /// How many of the members of each channel publish.
    #[arg(long, default_value_t = 1)]
    pub publishers: usize,
    /// How publishers decide when to send.
    #[arg(long, value_enum, default_value = "closed")]
    pub pace: Pace,
    /// Closed loop: messages of one publisher that are on their way.
    #[arg(long, default_value_t = 8)]
    pub outstanding: usize,
    /// Open loop: messages a second of one publisher.
    #[arg(long, default_value_t = 1.0)]
    pub rate: f64,
    /// Bytes of the data of a message.
    #[arg(long, default_value_t = 64)]
    pub payload: usize,
    /// Dormouse only: the event that is published.
    #[arg(long, default_value = "hot")]
    pub event: String,
    /// Whether the event is kept: then every message must carry the next seq.
    #[arg(long)]
    pub kept: bool,
    /// Instead of publishing, each publisher asks this call, in frames of Dormouse's protocol whatever the dialect, and is
    /// answered alone by what it asked with. A channel has one member then.
    #[arg(long)]
    pub call: Option<String>,
    /// Publishers join by the URL of the channel, though `--connect` is given.
    #[arg(long)]
    pub direct_publishers: bool,
    /// Seconds of load before the measurement.
    #[arg(long, default_value_t = 1.0)]
    pub warmup: f64,
    /// Seconds of measurement.
    #[arg(long, default_value_t = 5.0)]
    pub seconds: f64,
    /// Seconds that what is on its way may take to arrive after the publishers have stopped.
    #[arg(long, default_value_t = 30.0)]
    pub drain: f64,
    /// Additional members of the first channel that never read.
    #[arg(long, default_value_t = 0)]
    pub stuck: usize,
}

/// Members join, as many a second as the service takes.
#[derive(Args, Clone)]
pub struct Join {
    /// How many members join.
    #[arg(long)]
    pub members: usize,
    /// How many join another channel first, so that the service's code is compiled and the clock finds it warm.
    #[arg(long, default_value_t = 0)]
    pub warmup: usize,
}

/// Clients join many channels each, lose their connections, and join all again.
#[derive(Args, Clone)]
pub struct Many {
    /// How many clients join.
    #[arg(long)]
    pub clients: usize,
    /// How many channels each joins: the same for all, on one connection each or, without `--connect`, on as many.
    #[arg(long)]
    pub channels: usize,
}

/// Members sit and send a heartbeat now and then.
#[derive(Args, Clone)]
pub struct Idle {
    /// How many members join.
    #[arg(long)]
    pub members: usize,
    /// Seconds of quiet before the measurement: the platform puts an object to sleep after ten.
    #[arg(long, default_value_t = 12.0)]
    pub settle: f64,
    /// Seconds between two heartbeats of a member.
    #[arg(long, default_value_t = 30.0)]
    pub interval: f64,
    /// Seconds of measurement.
    #[arg(long, default_value_t = 60.0)]
    pub seconds: f64,
}

/// One message to all while awake, and one after sleep.
#[derive(Args, Clone)]
pub struct Wake {
    /// How many members join.
    #[arg(long)]
    pub members: usize,
    /// Bytes of the data of a message.
    #[arg(long, default_value_t = 64)]
    pub payload: usize,
    /// Dormouse only: the event that is published.
    #[arg(long, default_value = "hot")]
    pub event: String,
    /// How often the object is put to sleep.
    #[arg(long, default_value_t = 3)]
    pub sleeps: usize,
    /// Messages to the awake object before each sleep.
    #[arg(long, default_value_t = 5)]
    pub awake: usize,
    /// Seconds of quiet that put the object to sleep.
    #[arg(long, default_value_t = 12.0)]
    pub quiet: f64,
}
