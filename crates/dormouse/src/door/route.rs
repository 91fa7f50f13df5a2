//! The paths there are (rules E1 to E3) and the channel's name in them (rule E5).

use percent_encoding::percent_decode_str;

use dormouse_protocol::name::ChannelName;

/// Where a path leads; a channel's name is still percent-encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<'p> {
    Health,
    Contract,
    DevToken,
    /// A connection for many channels.
    Connect,
    Channel(&'p str),
    Members(&'p str),
    Messages(&'p str),
    /// A call: of which channel, and which.
    Call(&'p str, &'p str),
    Meter(&'p str),
    /// A path of ours that leads nowhere.
    Unknown,
    /// No path of ours: the page and what belongs to it.
    Assets,
}

impl<'p> Route<'p> {
    pub(super) fn of(path: &'p str) -> Self {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        match segments.as_slice() {
            ["v1", "health"] => Self::Health,
            ["v1", "contract"] => Self::Contract,
            ["v1", "connect"] => Self::Connect,
            ["v1", "channels", name] => Self::Channel(name),
            ["v1", "channels", name, "members"] => Self::Members(name),
            ["v1", "channels", name, "messages"] => Self::Messages(name),
            ["v1", "channels", name, "calls", call] => Self::Call(name, call),
            ["v1", "channels", name, "meter"] => Self::Meter(name),
            ["dev", "token"] => Self::DevToken,
            ["v1" | "dev", ..] => Self::Unknown,
            _ => Self::Assets,
        }
    }

    /// The methods it takes, `HEAD` and `OPTIONS` apart.
    pub(super) const fn methods(self) -> &'static [&'static str] {
        match self {
            Self::Messages(_) => &["GET", "POST"],
            Self::DevToken | Self::Call(..) => &["POST"],
            Self::Health | Self::Contract | Self::Connect | Self::Channel(_) | Self::Members(_) | Self::Meter(_) => {
                &["GET"]
            }
            Self::Unknown | Self::Assets => &[],
        }
    }
}

/// The channel a segment of the path names, percent-decoded once (rule E5).
pub(super) fn channel_name(segment: &str) -> Option<ChannelName> {
    let name = percent_decode_str(segment).decode_utf8().ok()?;
    ChannelName::parse(&name)
}
