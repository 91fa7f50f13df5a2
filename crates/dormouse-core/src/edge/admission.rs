//! Who may come in, and as what (rules A3, A7, R5, R7).

use super::Edge;
use super::hibernated_session::Wanted;
use super::places::is_free;
use super::session::{ResumeQuery, Session, Stage};
use crate::context::Context;
use crate::contract::{Ability, Entry};
use crate::effect::{Effect, Level, LogLine, SessionKey};
use crate::grant::{Grant, Rights};
use crate::hub::Payer;
use dormouse_protocol::error::Code;
use dormouse_protocol::error::{Close, Refusal};
use dormouse_protocol::frame;
use dormouse_protocol::name::{Address, ConnectionId, Millis, UserId};

/// How long one who found the channel full should stay away, in milliseconds.
pub(crate) const FULL_RETRY: Millis = 10_000;

/// Why one may not come in.
pub(crate) struct Rejection {
    close: Close,
    /// After how many milliseconds it should try again.
    retry_after: Option<Millis>,
    /// What the log says of it.
    why: String,
}

impl Rejection {
    fn new(close: Close, why: impl Into<String>) -> Self {
        Self { close, retry_after: None, why: why.into() }
    }

    /// There is no room for it now, by the setting that is named.
    pub(crate) fn full(why: impl Into<String>) -> Self {
        Self { retry_after: Some(FULL_RETRY), ..Self::new(Close::OverCapacity, why) }
    }
}

/// What a joiner brings.
#[derive(Clone, Debug, Default)]
pub struct Joining {
    /// What its verified token allows on this channel.
    pub grant: Option<Grant>,
    /// The position it wants to resume from.
    pub resume: ResumeQuery,
    /// The connection it had before (rule P3).
    pub connection: Option<String>,
    /// Where it comes from, as far as that is known (rule R7).
    pub address: Option<Address>,
    /// Whether it comes through a relay.
    pub relayed: bool,
}

impl Edge {
    /// Reads whole whoever the joiner may have to do with: its own connections, and the one it names.
    pub(crate) fn hydrate_kin(&mut self, cx: &mut Context<'_>, joining: &Joining) {
        let Some(grant) = &joining.grant else { return };
        let wanted = Wanted::new(std::iter::once(grant.user.as_str()), joining.connection.as_deref().into_iter());
        self.hydrate_named(cx, &wanted);
    }

    /// Whether the joiner may come in, and as what.
    pub(crate) fn admit(&self, cx: &Context<'_>, joining: &Joining) -> Result<Stage, Rejection> {
        let limits = cx.limits();
        let full = |why: &str| Err(Rejection::full(why));
        if self.roster.open() >= limits.members {
            return full("the channel has MEMBERS connections");
        }
        let user = joining.grant.as_ref().map(|grant| &grant.user);
        if self.unread.is_greedy(&Payer::of(user, joining.address), limits.unsent_total_bytes) {
            return full("it has its share of UNSENT_TOTAL_BYTES unread");
        }
        let Some(grant) = &joining.grant else { return self.admit_anonymous(cx, joining) };
        if grant.expires <= cx.now {
            return Err(Rejection::new(Close::TokenExpired, "the token has expired"));
        }
        let rights = Rights::of(cx.rules(), Some(grant));
        if !rights.may(&Ability::Join) {
            return Err(Rejection::new(Close::Forbidden, rights.lacks("join", true)));
        }
        let user = grant.user.as_str();
        let named = joining.connection.as_deref().and_then(|name| self.roster.connection(name));
        let replaces = named.is_some_and(|(_, session)| session.kept.user() == Some(&grant.user));
        if !self.may_connect(cx, user, replaces) {
            return full("the user has CONNECTIONS_PER_USER");
        }
        let own = self.roster.of_user(user).count().saturating_add(self.roster.places().leaving(user).all);
        if !is_free(limits.members, self.roster.open(), own) {
            return full("the user has its share of MEMBERS");
        }
        Ok(Stage::Joined)
    }

    fn admit_anonymous(&self, cx: &Context<'_>, joining: &Joining) -> Result<Stage, Rejection> {
        let limits = cx.limits();
        let full = |why: &str| Err(Rejection::full(why));
        let places = self.roster.places();
        let own = places.of(joining.address);
        match cx.rules().entry {
            Entry::Token => Err(Rejection::new(Close::TokenExpired, "there is no token")),
            Entry::Anyone if !Rights::of(cx.rules(), None).may(&Ability::Join) => {
                Err(Rejection::new(Close::TokenExpired, "there is no token"))
            }
            Entry::Anyone | Entry::Later if !is_free(limits.members / 2, places.userless(), own.userless) => {
                full("half of MEMBERS, or this address's share of it, is taken by anonymous ones")
            }
            Entry::Anyone => Ok(Stage::Joined),
            Entry::Later if !is_free(limits.unsigned_members, self.roster.awaiting(), own.awaiting) => {
                full("UNSIGNED_MEMBERS, or this address's share of it, have not signed in yet")
            }
            Entry::Later => {
                let until = cx.now.saturating_add(limits.sign_in_ms);
                Ok(Stage::Awaiting { until, resume: joining.resume.short() })
            }
        }
    }

    /// Whether the user may have one more connection, or one in another's place: of those that were told `bye` and did
    /// not close in their time it may have as many again, since a network that goes away leaves them behind (rule R7).
    fn may_connect(&self, cx: &Context<'_>, user: &str, replaces: bool) -> bool {
        let most = cx.limits().connections_per_user;
        let here = self.roster.of_user(user).count().saturating_sub(usize::from(replaces));
        here < most && self.roster.places().leaving(user).overdue < most
    }

    /// One who signed in stays who it is; an anonymous one may become any user who has a connection left (rule A5).
    pub(crate) fn may_become(&mut self, cx: &mut Context<'_>, key: SessionKey, user: &UserId) -> Result<(), Refusal> {
        let before = self.roster.session(key).and_then(|session| session.kept.user().cloned());
        if let Some(before) = before {
            return match before == *user {
                true => Ok(()),
                false => {
                    Err(Refusal::new(Code::Forbidden, "The token is another user's: join anew to become someone else."))
                }
            };
        }
        self.hydrate_named(cx, &Wanted::new(std::iter::once(user.as_str()), std::iter::empty()));
        if self.may_connect(cx, user.as_str(), false) {
            return Ok(());
        }
        let most = cx.limits().connections_per_user;
        Err(Refusal::new(Code::OverCapacity, format!("A user has at most {most} connections here.")))
    }

    /// A joiner that never joins: nothing of it is remembered, and its socket is closed at once.
    pub(crate) fn reject(
        &mut self,
        cx: &mut Context<'_>,
        key: SessionKey,
        connection: ConnectionId,
        grant: Option<Grant>,
        Rejection { close, retry_after, why }: Rejection,
    ) {
        self.tell(cx, key, frame::bye(frame::Bye { close, retry_after }));
        let (connection, user) = (Some(connection), grant.map(|grant| grant.user));
        cx.log(LogLine { connection, user, ..LogLine::refused(close.reason(), Some(why)) });
        cx.push(Effect::HangUp { session: key, code: close.number(), reason: close.reason() });
    }

    /// Takes over the connection that a joiner had before, if it is still open and the same user's: it is replaced, and
    /// leaves without a word, since the list goes on showing the same connection (rule P3). Nothing if it is not open.
    pub(crate) fn take_over(&mut self, cx: &mut Context<'_>, name: &ConnectionId, user: &UserId) -> TakenOver {
        let Some((key, session)) = self.roster.connection(name.as_str()) else { return TakenOver::NotHere };
        if session.kept.user() != Some(user) {
            return TakenOver::Another;
        }
        let mut kept = session.kept.clone();
        if let Some(session) = self.roster.session_mut(key) {
            (session.kept.present, session.unnoticed) = (false, true);
        }
        self.send_bye(cx, key, Close::Replaced, None);
        kept.stage = Stage::Joined;
        TakenOver::Former(kept.into())
    }

    /// The joiner is a session from now on.
    pub(crate) fn enter(&mut self, cx: &mut Context<'_>, key: SessionKey, session: Session, returned: bool) {
        Self::log(cx, &session, LogLine::new(Level::Info, "join"));
        self.roster.put(key, session);
        self.newcomers.add(key, cx.now, cx.steady(), returned);
    }
}

/// What became of taking over a connection.
pub(crate) enum TakenOver {
    /// It is not open.
    NotHere,
    /// It is another user's.
    Another,
    /// What the old connection had.
    Former(Box<super::session::Kept>),
}
