//! The abilities of rule A3: what a token or a contract can grant.

use std::fmt;

use dormouse_protocol::name::EventName;

/// One thing a member may do on a channel (rule A3).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ability {
    /// Hear what is said.
    Join,
    /// Say any event that is not reserved for some.
    Publish,
    /// Say one event, or those that are reserved for this name.
    PublishEvent(EventName),
    /// Ask any call that declares no other ability (rule C3).
    Call,
    /// Ask one call.
    CallNamed(EventName),
    /// See who is here, and be seen.
    Presence,
    /// Read what was said before.
    History,
    /// Read the channel's counters.
    Meter,
    /// Be held to no rate; sizes hold all the same.
    Unmetered,
}

impl Ability {
    /// Parses an ability as it stands in a token; `None` is a text that names none.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "join" => Self::Join,
            "publish" => Self::Publish,
            "call" => Self::Call,
            "presence" => Self::Presence,
            "history" => Self::History,
            "meter" => Self::Meter,
            "unmetered" => Self::Unmetered,
            other => match other.split_once(':')? {
                ("publish", event) => Self::PublishEvent(EventName::parse(event)?),
                ("call", name) => Self::CallNamed(EventName::parse(name)?),
                _ => return None,
            },
        })
    }
}

impl fmt::Display for Ability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Join => "join",
            Self::Publish => "publish",
            Self::PublishEvent(event) => return write!(f, "publish:{event}"),
            Self::Call => "call",
            Self::CallNamed(name) => return write!(f, "call:{name}"),
            Self::Presence => "presence",
            Self::History => "history",
            Self::Meter => "meter",
            Self::Unmetered => "unmetered",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a3_an_ability_is_told_as_it_stands_in_a_token() {
        for text in [
            "join",
            "publish",
            "publish:say",
            "publish:a.b-c_d",
            "call",
            "call:roll",
            "presence",
            "history",
            "meter",
            "unmetered",
        ] {
            assert_eq!(Ability::parse(text).map(|ability| ability.to_string()).as_deref(), Some(text));
        }
    }

    #[test]
    fn a3_a_text_that_names_no_ability_is_none() {
        for text in [
            "",
            "Join",
            "join ",
            "publish:",
            "publish:a b",
            "publish:*",
            "publish:a:b",
            "call:",
            "call:*",
            "subscribe",
            "*",
        ] {
            assert_eq!(Ability::parse(text), None, "{text}");
        }
    }
}
