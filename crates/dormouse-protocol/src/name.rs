//! Names that cannot be wrong: parsed once at the border, trusted afterwards.

use std::borrow::Borrow;
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

use xxhash_rust::xxh64::xxh64;

/// Milliseconds since 1970, as the shell reads them from the platform's clock.
pub type Millis = u64;

/// The longest channel name, in characters (rule E5).
pub const CHANNEL_NAME_MAX: usize = 128;
/// The longest user name, in characters (rule A2).
pub const USER_MAX: usize = 128;
/// The longest id a client may choose for a request, in characters (rule F2).
pub const REQUEST_ID_MAX: usize = 64;
/// The longest event name, in characters.
pub const EVENT_NAME_MAX: usize = 64;

/// Declares a newtype over shared text, so that a clone costs a counter and no copy.
macro_rules! text_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Rc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| serde::de::Error::custom(concat!("not a valid ", stringify!($name))))
            }
        }
    };
}

text_newtype! {
    /// The name of a channel: segments of `A-Z a-z 0-9 _ - . = @ ~` parted by `:` (rule E5).
    ChannelName
}
text_newtype! {
    /// Who a verified token speaks for, the claim `sub` (rule A2).
    UserId
}
text_newtype! {
    /// Names one connection for as long as it lives, and through a rejoin within the grace (rule P3).
    ConnectionId
}
text_newtype! {
    /// The id a client chose for a request, by which it knows the answer (rule F2).
    RequestId
}
text_newtype! {
    /// The name of an event of the contract.
    EventName
}
text_newtype! {
    /// One life of a channel's history (rule D3).
    Epoch
}

impl ChannelName {
    /// Parses a name that is already percent-decoded; `None` is the refusal `bad_name`.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=CHANNEL_NAME_MAX).contains(&text.len());
        let named = fits && text != "." && text != ".." && text.split(':').all(is_segment);
        named.then(|| Self(text.into()))
    }

    /// The segments between the colons, in order.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split(':')
    }
}

impl UserId {
    /// Parses a user name of 1 to [`USER_MAX`] characters.
    pub fn parse(text: &str) -> Option<Self> {
        has_length(text, USER_MAX).then(|| Self(text.into()))
    }
}

impl ConnectionId {
    /// Parses a connection id as a client may name it; ours are 22 letters of base64url.
    pub fn parse(text: &str) -> Option<Self> {
        is_token(text, 64).then(|| Self(text.into()))
    }
}

impl RequestId {
    /// Parses an id of 1 to [`REQUEST_ID_MAX`] characters.
    pub fn parse(text: &str) -> Option<Self> {
        has_length(text, REQUEST_ID_MAX).then(|| Self(text.into()))
    }
}

impl EventName {
    /// Parses an event name: letters, digits, `_`, `-` and `.`, at most [`EVENT_NAME_MAX`].
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let fits = (1..=EVENT_NAME_MAX).contains(&text.len());
        (fits && text.chars().all(plain)).then(|| Self(text.into()))
    }
}

impl Epoch {
    /// Parses an epoch as a client names it; ours are 16 letters of base64url, and since when the life goes on.
    pub fn parse(text: &str) -> Option<Self> {
        is_token(text, 64).then(|| Self(text.into()))
    }

    /// The name of a life that begins now and holds messages for `age`: it carries both, so that whoever comes back to
    /// nothing can be told that nothing was missed (rule D4).
    pub fn born(&self, now: Millis, age: Millis) -> Self {
        Self::parse(&format!("{self}-{now:011x}{age:09x}")).unwrap_or_else(|| self.clone())
    }

    /// When a life began, and how long messages were to be held in it, by the name a client gives; `None` of one that
    /// does not tell.
    pub fn birth(text: &str) -> Option<(Millis, Millis)> {
        let (_, tail) = text.rsplit_once('-')?;
        let (now, age) = tail.split_at_checked(11).filter(|(_, age)| age.len() == 9)?;
        let number = |digits: &str| {
            let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            plain.then(|| Millis::from_str_radix(digits, 16).ok()).flatten()
        };
        Some((number(now)?, number(age)?))
    }
}

/// Stands for the network address of one without a user, so that addresses have shares (rule R7) and none is kept.
///
/// 32 bits of a hash: they fit an attachment's head, and two addresses that meet in one only share a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Address(u32);

impl Address {
    /// The address of so many bits; as an attachment's head has it.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The address that a text names: of IPv6 its network, since one host has 2^64 addresses to choose from.
    pub fn of(text: &str) -> Self {
        // 0 stands for none in an attachment's head.
        Self(short_hash(&network(text)).max(1))
    }

    /// Its bits, never all 0 where it was made of a text.
    pub const fn bits(self) -> u32 {
        self.0
    }
}

/// What is one address to us: an address of IPv4, a network of 64 bits of IPv6, or the text as it stands.
pub fn network(text: &str) -> String {
    match text.parse() {
        Ok(IpAddr::V6(address)) if address.to_ipv4_mapped().is_none() => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Ok(IpAddr::V6(_) | IpAddr::V4(_)) | Err(_) => text.to_owned(),
    }
}

/// Half of a hash: enough to tell a few thousand apart.
#[expect(clippy::cast_possible_truncation, reason = "half of the bits are wanted")]
pub fn short_hash(text: &str) -> u32 {
    xxh64(text.as_bytes(), 0) as u32
}

/// One segment of a channel name (rule E5).
pub fn is_segment(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '=' | '@' | '~');
    !text.is_empty() && text.chars().all(allowed)
}

fn is_token(text: &str, max: usize) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (1..=max).contains(&text.len()) && text.chars().all(allowed)
}

/// Whether a text can stand in a frame: I-JSON has no noncharacters, sets of code points that stand for no character
/// and never will (rule R4).
pub fn is_interchangeable(text: &str) -> bool {
    let stands_for_none = |c| matches!(u32::from(c), 0xFDD0..=0xFDEF) || u32::from(c) & 0xFFFE == 0xFFFE;
    text.is_ascii() || !text.chars().any(stands_for_none)
}

fn has_length(text: &str, max: usize) -> bool {
    // Bytes first: a text of more than four bytes a character cannot fit, and need not be walked.
    !text.is_empty() && text.len() <= max.saturating_mul(4) && text.chars().count() <= max
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e5_a_channel_name_is_segments_of_plain_letters_parted_by_colons() {
        for name in ["chat:lobby", "a", "A-Z_0.9=@~", "a:b:c", "..:x", &"x".repeat(128)] {
            assert!(ChannelName::parse(name).is_some(), "{name}");
        }
    }

    #[test]
    fn e5_an_empty_segment_a_dot_name_a_strange_letter_or_129_letters_are_refused() {
        for name in ["", ":", "a:", ":a", "a::b", ".", "..", "a b", "a/b", "ä", "a*", "a%20", &"x".repeat(129)] {
            assert!(ChannelName::parse(name).is_none(), "{name}");
        }
    }

    #[test]
    fn r7_an_address_of_ipv6_stands_for_its_network_and_two_addresses_for_two() {
        assert_eq!(Address::of("2001:db8::1"), Address::of("2001:db8:0:0:ffff::2"));
        assert_ne!(Address::of("2001:db8::1"), Address::of("2001:db8:0:1::1"));
        assert_ne!(Address::of("192.0.2.1"), Address::of("192.0.2.2"));
        assert_ne!(Address::of("::ffff:192.0.2.1"), Address::of("::ffff:192.0.2.2"));
    }

    #[test]
    fn d4_an_epoch_tells_when_it_began_and_one_of_before_does_not() {
        let fresh = Epoch::parse("AAAAAAAA-_BBBBBB").unwrap();
        let born = fresh.born(1_700_000_000_000, 86_400_000);
        assert_eq!(born.as_str(), "AAAAAAAA-_BBBBBB-18bcfe56800005265c00");
        assert_eq!(Epoch::birth(born.as_str()), Some((1_700_000_000_000, 86_400_000)));
        for text in
            ["", "AAAAAAAA-_BBBBBB", "e-", "e-18bcfe56800005265c0", "e-+8bcfe56800005265c00", "e-é8bcfe5680000526c00"]
        {
            assert_eq!(Epoch::birth(text), None, "{text}");
        }
    }

    #[test]
    fn f2_an_id_counts_characters_not_bytes() {
        assert!(RequestId::parse(&"ü".repeat(64)).is_some());
        assert!(RequestId::parse(&"ü".repeat(65)).is_none());
        assert!(RequestId::parse("").is_none());
    }
}
