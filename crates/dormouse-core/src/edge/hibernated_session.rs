//! A session that has not been heard since the channel woke: known by the head of its attachment alone, so that a crowd
//! is awake before thousands of attachments could be read.

use std::fmt::Write as _;

use super::session::{Session, Stage};
use crate::contract::ChannelRules;
use crate::effect::Subscription;
use dormouse_protocol::name::{Address, ConnectionId, Millis, USER_MAX, short_hash as hash};

/// What an attachment with a head begins with; releases before it pass the field `b` over.
const BEFORE: &str = "{\"v\":1,\"b\":\"";

/// A time in the head is so many hexadecimal digits, which end in the year 2527.
const TIME: usize = 11;
/// Later than any time in a head: that a grant never expires.
const NEVER: Millis = (1 << 44) - 1;
const BYTES: usize = 5;
const HASH: usize = 8;

/// What a crowd's broadcast needs to know of a session. All of it is fixed in width, so that the heads of all sessions
/// cross the border as one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HibernatedSession {
    /// What it hears.
    pub subscription: Subscription,
    /// Whether the members were a count when this was written (rule P4).
    pub counted: bool,
    /// When its grant expires; never without one.
    pub expires: Millis,
    /// When the channel was last swept, as far as it saw (rule R6).
    pub swept: Millis,
    /// How long its member in the list is, in bytes; 0 where it is not on it.
    pub member_bytes: usize,
    /// The hash of its user; of one without a user its address, 0 where that is not known.
    user: u32,
    connection: u32,
}

impl HibernatedSession {
    /// How many bytes of an attachment its head is.
    pub const HEAD: usize = BEFORE.len() + 1 + 1 + 1 + TIME + TIME + BYTES + HASH + HASH + 1;

    /// What a session is while nothing is heard of it; `None` where it must not be asleep, as it waits for something.
    pub fn of(session: &Session) -> Option<Self> {
        if session.kept.stage != Stage::Joined {
            return None;
        }
        Some(Self {
            subscription: session.subscription(),
            counted: session.kept.counted,
            expires: session.kept.grant.as_ref().map_or(Millis::MAX, |grant| grant.expires.min(NEVER - 1)),
            swept: session.kept.swept.min(NEVER),
            member_bytes: if session.kept.present && session.watches { session.kept.member().len() } else { 0 },
            user: match session.kept.user() {
                Some(user) => hash(user.as_str()),
                None => session.kept.address.map_or(0, Address::bits),
            },
            connection: hash(session.kept.connection.as_str()),
        })
    }

    /// Reads the head of an attachment; `None` where it has none, or one that was written under rules by which its
    /// session might hear something else.
    pub fn parse(head: &str, rules: &ChannelRules) -> Option<Self> {
        let mut rest = head.strip_prefix(BEFORE)?;
        let mut next = |width| {
            let (field, behind) = rest.split_at_checked(width)?;
            rest = behind;
            Some(field)
        };
        let policy_fingerprint = next(1)?;
        if !policy_fingerprint.chars().eq([rules.policy_fingerprint()]) {
            return None;
        }
        let subscription = match next(1)? {
            "m" => Subscription::Messages,
            "p" => Subscription::Presence,
            _ => return None,
        };
        let counted = next(1)? == "c";
        let expires = number(next(TIME)?)?;
        let hibernated = Self {
            subscription,
            counted,
            expires: if expires == NEVER { Millis::MAX } else { expires },
            swept: number(next(TIME)?)?,
            member_bytes: usize::try_from(number(next(BYTES)?)?).ok()?,
            user: u32::try_from(number(next(HASH)?)?).ok()?,
            connection: u32::try_from(number(next(HASH)?)?).ok()?,
        };
        (rest == "\"").then_some(hibernated)
    }

    /// The attachment of a session, with its head where it may sleep by it.
    pub fn attachment(session: &Session, rules: &ChannelRules) -> String {
        let whole = session.kept.encode();
        let headed = || {
            let rest = whole.strip_prefix("{\"v\":1")?;
            let mut headed = String::with_capacity(Self::HEAD.saturating_add(rest.len()));
            Self::of(session)?.write_head(&mut headed, rules)?;
            headed.push_str(rest);
            Some(headed)
        };
        headed().unwrap_or(whole)
    }

    fn write_head(&self, text: &mut String, rules: &ChannelRules) -> Option<()> {
        let subscription = match self.subscription {
            Subscription::Nothing => return None,
            Subscription::Messages => 'm',
            Subscription::Presence => 'p',
        };
        let (policy_fingerprint, counted) = (rules.policy_fingerprint(), if self.counted { 'c' } else { 'l' });
        let Self { expires, swept, member_bytes, user, connection, .. } = self;
        let expires = (*expires).min(NEVER);
        let written = write!(
            text,
            "{BEFORE}{policy_fingerprint}{subscription}{counted}{expires:011x}{swept:011x}{member_bytes:05x}{user:08x}{connection:08x}\""
        );
        // A member of a mebibyte would not fit; it is read whole then.
        (written.is_ok() && text.len() == Self::HEAD).then_some(())
    }

    /// Whether it hears without a user.
    pub const fn is_anonymous(&self) -> bool {
        self.expires == Millis::MAX
    }

    /// The address of one without a user, where it is known.
    pub const fn address(&self) -> Option<Address> {
        if self.is_anonymous() && self.user != 0 { Some(Address::from_bits(self.user)) } else { None }
    }

    /// The hashes by which it is found: of its user, where it has one, and of its connection.
    pub fn names(&self) -> impl Iterator<Item = u32> + use<> {
        let user = (!self.is_anonymous()).then_some(self.user);
        user.into_iter().chain([self.connection])
    }

    /// Whether it may be one of these: another's name may have the same hash.
    pub fn may_be(&self, wanted: &Wanted) -> bool {
        let user = !self.is_anonymous() && wanted.users.contains(&self.user);
        user || wanted.connections.contains(&self.connection)
    }
}

/// Whom one has to do with, by name. Each name is hashed once, and none that is too long to be anybody's.
#[derive(Debug, Default)]
pub struct Wanted {
    users: Vec<u32>,
    connections: Vec<u32>,
}

impl Wanted {
    /// These users and these connections.
    pub fn new<'a>(users: impl Iterator<Item = &'a str>, connections: impl Iterator<Item = &'a str>) -> Self {
        // A user has so many characters, of four bytes at most.
        let users = users.filter(|user| user.len() <= USER_MAX.saturating_mul(4)).map(hash);
        let connections = connections.filter(|name| ConnectionId::parse(name).is_some()).map(hash);
        Self { users: users.collect(), connections: connections.collect() }
    }

    /// The hashes of all names.
    pub fn hashes(&self) -> impl Iterator<Item = u32> {
        self.users.iter().chain(&self.connections).copied()
    }
}

fn number(digits: &str) -> Option<u64> {
    u64::from_str_radix(digits, 16).ok()
}
