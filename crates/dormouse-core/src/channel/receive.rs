//! What comes in over a connection: read, judged one request at a time, and refused or handed on (rules F1–F7, R4).

use std::rc::Rc;

use super::{Channel, Effects, Turn};
use crate::batch::{Asker, Entry, Reply, Says};
use crate::contract::Ability;
use crate::effect::{Effect, SessionKey};
use crate::grant::Rights;
use crate::rate::{Gate, Payer, Rate};
use crate::session::{Session, Stage};
use dormouse_protocol::error::{CLOSE_TOO_BIG, Close, Code, Refusal};
use dormouse_protocol::frame::{self, Ack};
use dormouse_protocol::name::{Address, Millis, RequestId};
use dormouse_protocol::request::{self, Incoming, Request};

/// The rate of replacing grants: once a second, bursts of three (rule A5).
const AUTH_RATE: Rate = Rate { per_second: 1.0, burst: 3.0 };

/// The least rate of all frames together, a second (rule R5).
const HARD_RATE_MIN: f64 = 200.0;

/// After so many frames that came in vain others are looked at: measured, 8 keep a member's answer at a few milliseconds
/// while 1 or 20 sockets send as fast as they can; it took 300 to 450.
const BREATH_EVERY: u32 = 8;

/// How many times that rate all connections without a user have together that come from one address (rule R7).
const PER_ADDRESS: f64 = 5.0;

/// What a refusal costs of that rate, beside the one that every request costs (rule R5).
const REFUSAL_COST: f64 = 9.0;

/// A frame that is refused before it is copied into the machine's memory (rule R4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// A binary frame.
    Binary,
    /// Text with lone surrogates, which is no Unicode.
    NotUnicode,
    /// More than a frame may have.
    TooLarge {
        /// So much more that the socket is closed.
        closes: bool,
    },
}

/// Whose request it is: all that judging it needs to know.
#[derive(Clone)]
pub(super) struct Speaker {
    pub(super) asker: Asker,
    pub(super) payer: Payer,
    /// Where one without a user comes from, as far as that is known.
    pub(super) address: Option<Address>,
    pub(super) rights: Rc<Rights>,
    pub(super) from: Rc<str>,
    pub(super) signed_in: bool,
}

impl Speaker {
    pub(super) fn of(key: SessionKey, session: &Session) -> Self {
        let payer = match session.kept.user() {
            Some(user) => Payer::User(user.clone()),
            None => Payer::Connection(session.kept.connection.clone()),
        };
        Self {
            asker: Asker::Session(key),
            payer,
            address: session.kept.address,
            rights: Rc::clone(&session.rights),
            from: Rc::clone(&session.from),
            signed_in: session.kept.grant.is_some(),
        }
    }

    /// The refusal of one who lacks a right: sign in, or get another token.
    pub(super) fn lacks(&self, message: &str) -> Refusal {
        let code = if self.signed_in { Code::Forbidden } else { Code::Unauthenticated };
        Refusal::new(code, message)
    }
}

/// What the requests of one array have met so far.
#[derive(Default)]
pub(super) struct Array {
    /// A publish was `rate_limited`: so are the later ones, so that order holds (rule F6).
    pub(super) limited: Option<Refusal>,
    /// A refusal by rate has counted already (rule R5).
    counted: bool,
}

impl Channel {
    /// A text frame came in.
    pub fn receive(&mut self, turn: &mut Turn<'_>, session: SessionKey, text: &str) -> Effects {
        self.begin(turn);
        self.hydrate(turn.links, session);
        if self.listens(turn.now, session) {
            self.meter.heard(text.len());
            self.heard(turn, session);
            self.read(turn, session, text);
        } else {
            self.came_in_vain();
        }
        self.settle(turn)
    }

    /// A frame came in that is refused unread.
    pub fn receive_unreadable(&mut self, turn: &mut Turn<'_>, session: SessionKey, what: Unreadable) -> Effects {
        self.begin(turn);
        self.hydrate(turn.links, session);
        if self.listens(turn.now, session) {
            self.meter.heard(0);
            self.heard(turn, session);
            self.refuse_unreadable(turn, session, what);
        } else {
            self.came_in_vain();
        }
        self.settle(turn)
    }

    /// A frame came that is not even read. The platform hands over all that one socket has for us before it looks at
    /// another: a flood of such frames, which a socket that was told `bye` can go on with, would keep everybody waiting.
    fn came_in_vain(&mut self) {
        self.in_vain = self.in_vain.saturating_add(1);
        if self.in_vain >= BREATH_EVERY {
            self.in_vain = 0;
            self.effects.push(Effect::Breathe);
        }
    }

    fn refuse_unreadable(&mut self, turn: &mut Turn<'_>, session: SessionKey, what: Unreadable) {
        let refusal = self.over_hard_rate(turn.now, session).unwrap_or_else(|| match what {
            Unreadable::Binary => Refusal::new(Code::BadFrame, "Frames are JSON text; binary frames are not taken."),
            Unreadable::NotUnicode => Refusal::new(Code::BadFrame, "The text has lone surrogates: it is no Unicode."),
            Unreadable::TooLarge { .. } => self.too_large(),
        });
        self.refuse_frame(turn, session, refusal);
        if what == (Unreadable::TooLarge { closes: true }) && self.listens(turn.now, session) {
            self.hang_up(turn.now, session, CLOSE_TOO_BIG, "too_large");
        }
    }

    fn too_large(&self) -> Refusal {
        let bytes = self.limits.frame_bytes;
        Refusal::new(Code::TooLarge, format!("A frame has at most {bytes} bytes; send less, or in several frames."))
    }

    /// Whether frames of this session are still taken: it is not on its way out, and its grant holds (rule A6).
    pub(super) fn listens(&mut self, now: Millis, key: SessionKey) -> bool {
        let Some(session) = self.roster.session(key) else { return false };
        if session.is_leaving() {
            return false;
        }
        if session.kept.expires() <= now {
            self.disconnect(now, key, Close::TokenExpired, true);
            return false;
        }
        true
    }

    /// Notes that the session is alive, and looks for those that are not (rule R6).
    fn heard(&mut self, turn: &Turn<'_>, key: SessionKey) {
        if self.roster.session_mut(key).is_some_and(|session| session.kept.hear(turn.now)) {
            self.save_attachment(key);
        }
        self.sweep(turn);
    }

    fn read(&mut self, turn: &mut Turn<'_>, key: SessionKey, text: &str) {
        if text.len() > self.limits.frame_bytes {
            return self.refuse_unreadable(turn, key, Unreadable::TooLarge { closes: false });
        }
        // Before it is parsed: what is not taken costs next to nothing.
        if let Some(refusal) = self.over_hard_rate(turn.now, key) {
            return self.refuse_frame(turn, key, refusal);
        }
        let mut array = Array::default();
        match request::parse(text, self.limits.batch_frames) {
            Err(refusal) => self.refuse_frame(turn, key, refusal),
            Ok(members) => {
                for (nth, incoming) in members.into_iter().enumerate() {
                    if !self.listens(turn.now, key) {
                        return;
                    }
                    let paid = if nth == 0 { None } else { self.over_hard_rate(turn.now, key) };
                    self.judge(turn, key, incoming, paid, &mut array);
                }
            }
        }
    }

    /// The refusal of one that sends more frames than anybody may, for the next of them (rule R5).
    fn over_hard_rate(&mut self, now: Millis, key: SessionKey) -> Option<Refusal> {
        let speaker = Speaker::of(key, self.roster.session(key)?);
        let refusal = self.pass_hard(now, &speaker).err();
        if refusal.is_some() {
            self.came_in_vain();
        }
        refusal
    }

    fn refuse_frame(&mut self, turn: &mut Turn<'_>, key: SessionKey, refusal: Refusal) {
        if let Some(session) = self.roster.session(key) {
            let speaker = Speaker::of(key, session);
            self.pay_for(turn.now, &speaker, refusal.code);
        }
        self.refuse(turn, Asker::Session(key), None, refusal, &mut Array::default());
    }

    /// One request of a connection: accepted or refused, and the count of refusals in a row with it.
    fn judge(
        &mut self,
        turn: &mut Turn<'_>,
        key: SessionKey,
        incoming: Incoming<'_>,
        limited: Option<Refusal>,
        array: &mut Array,
    ) {
        let Some(session) = self.roster.session(key) else { return };
        let speaker = Speaker::of(key, session);
        let awaiting = matches!(session.kept.stage, Stage::Awaiting { .. });
        let Incoming { id, request } = incoming;
        let request = match limited {
            Some(refusal) => Err(array.limited.insert(refusal).clone()),
            None => request,
        };
        let accepted = request.and_then(|request| match request {
            Request::Auth { token } => self.sign_in(turn, key, &speaker, id.as_ref(), &token),
            _ if awaiting => Err(Refusal::new(Code::Unauthenticated, "Sign in first: send `auth` with a token.")),
            Request::Publish(publish) => self.publish(turn, &speaker, id.as_ref(), &publish, array),
            Request::Presence { data } => self.set_presence(turn.now, key, &speaker, id.as_ref(), data),
            Request::History(page) => self.page(turn, key, &speaker, id.as_ref(), &page),
            Request::Resume { epoch, after } => self.resume(turn, key, &speaker, id.as_ref(), epoch, after),
        });
        match accepted {
            Ok(()) => self.accepted(key),
            Err(refusal) => {
                self.pay_for(turn.now, &speaker, refusal.code);
                self.refuse(turn, Asker::Session(key), id, refusal, array);
            }
        }
    }

    fn accepted(&mut self, key: SessionKey) {
        self.meter.accepted = self.meter.accepted.saturating_add(1);
        let Some(session) = self.roster.session_mut(key) else { return };
        if session.kept.refusals > 0 {
            session.kept.refusals = 0;
            self.save_attachment(key);
        }
    }

    /// Tells a refusal: at once, or with the flush where it names a seq (rule D2). The twentieth in a row is the
    /// last (rule R4).
    pub(super) fn refuse(
        &mut self,
        turn: &mut Turn<'_>,
        asker: Asker,
        id: Option<RequestId>,
        refusal: Refusal,
        array: &mut Array,
    ) {
        self.meter.refused(refusal.code);
        let counts = refusal.code != Code::RateLimited || !std::mem::replace(&mut array.counted, true);
        if refusal.seq.is_some() {
            let reply = Reply { asker, id, says: Says::Refusal(refusal.clone()) };
            self.batch.push(Entry { frame: None, seq: refusal.seq, kept: false, reply }, 1, turn.now);
        } else {
            self.answer(asker, id.as_ref(), Err(refusal));
        }
        if let Asker::Session(key) = asker
            && counts
        {
            self.count_refusal(turn, key);
        }
    }

    fn count_refusal(&mut self, turn: &mut Turn<'_>, key: SessionKey) {
        let Some(session) = self.roster.session_mut(key) else { return };
        session.kept.refusals = session.kept.refusals.saturating_add(1);
        if session.kept.refusals >= self.limits.refusals_in_a_row {
            // What it was promised an answer to comes before `bye`, the twentieth refusal with it.
            self.flush_now(turn);
            return self.disconnect(turn.now, key, Close::TooManyRefusals, true);
        }
        self.save_attachment(key);
    }

    /// Answers a request at once: a refusal always, an ack where the request has an id (rule F2). One who was told
    /// `bye` hears nothing after it (rule R3).
    pub(super) fn answer(&mut self, asker: Asker, id: Option<&RequestId>, answer: Result<Ack, Refusal>) {
        match asker {
            Asker::Http { asker, slot } => self.fill(asker, slot, id, answer),
            Asker::Session(key) if self.roster.session(key).is_none_or(Session::is_leaving) => {}
            Asker::Session(key) => match answer {
                Ok(ack) if id.is_some() => self.tell(key, frame::ack(id, ack)),
                Ok(_) => {}
                Err(refusal) => self.tell(key, frame::error(id, &refusal)),
            },
        }
    }

    /// Passes a gate: the payer's bucket has a token for it, or it needs none (rule R5).
    pub(super) fn pass(&mut self, now: Millis, speaker: &Speaker, gate: Gate<'_>, rate: Rate) -> Result<(), Refusal> {
        self.pass_as(now, speaker, speaker.payer.clone(), gate, rate)
    }

    fn pass_as(
        &mut self,
        now: Millis,
        speaker: &Speaker,
        payer: Payer,
        gate: Gate<'_>,
        rate: Rate,
    ) -> Result<(), Refusal> {
        if speaker.rights.may(&Ability::Unmetered) {
            return Ok(());
        }
        let now = self.clock.steady(now);
        self.buckets.update(payer, |buckets| buckets.bucket(gate, rate, now).take(rate, now))
    }

    /// The gates of everything but a publish.
    pub(super) fn pass_general(&mut self, now: Millis, speaker: &Speaker) -> Result<(), Refusal> {
        let rate = Rate { per_second: self.limits.general_per_second, burst: self.limits.general_burst };
        self.pass(now, speaker, Gate::General, rate)
    }

    /// The gate of all frames together, taken once for each frame or body before it is parsed, and for each further
    /// member of an array: four times the channel's highest rate, at least 200 a second (rules R5, R7).
    pub(super) fn pass_hard(&mut self, now: Millis, speaker: &Speaker) -> Result<(), Refusal> {
        let rate = self.hard_rate();
        self.pass(now, speaker, Gate::Hard, rate)?;
        let Some(address) = speaker.address else { return Ok(()) };
        self.pass_as(now, speaker, Payer::Address(address), Gate::Address, rate.times(PER_ADDRESS))
    }

    fn hard_rate(&self) -> Rate {
        Rate::per_second((4.0 * self.rules.highest_rate()).max(HARD_RATE_MIN))
    }

    /// A refusal is paid for, or refusals would be the cheapest thing to ask for: but not one that is no fault of who
    /// asked, nor one by rate, which has cost us nothing (rule R5).
    pub(super) fn pay_for(&mut self, now: Millis, speaker: &Speaker, code: Code) {
        if code.retryable() || speaker.rights.may(&Ability::Unmetered) {
            return;
        }
        let (rate, now) = (self.hard_rate(), self.clock.steady(now));
        let payer = speaker.payer.clone();
        self.buckets.update(payer, |buckets| buckets.bucket(Gate::Hard, rate, now).charge(REFUSAL_COST));
        if let Some(address) = speaker.address {
            let (payer, all) = (Payer::Address(address), rate.times(PER_ADDRESS));
            self.buckets.update(payer, |buckets| buckets.bucket(Gate::Address, all, now).charge(REFUSAL_COST));
        }
    }

    /// The gates of `auth`.
    pub(super) fn pass_auth(&mut self, now: Millis, speaker: &Speaker) -> Result<(), Refusal> {
        self.pass_general(now, speaker)?;
        self.pass(now, speaker, Gate::Auth, AUTH_RATE)
    }
}
