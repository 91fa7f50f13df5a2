//! Members that are connected through a relay: how they come, speak and go, and how an event ends with what their relays
//! are called with (rule M5).

use super::event::Event;
use super::relays::Slept;
use super::{Effects, Fresh};
use crate::contract::Surroundings;
use crate::edge::{FULL_RETRY, Joining};
use crate::effect::{Effect, Level, LogLine, SessionKey};
use crate::link::{Gone, Message, Number, Position, Up};
use crate::storage::StorageError;
use base64ct::{Base64UrlUnpadded, Encoding};
use dormouse_protocol::error::Close;
use dormouse_protocol::name::{ConnectionId, Epoch};
use serde_json::value::RawValue;

impl Event<'_> {
    /// Those who were here through relays before sleep are here again.
    pub(super) fn load_relayed(&mut self) -> Result<(), StorageError> {
        if self.relays.is_loaded() {
            return Ok(());
        }
        let slept = self.relays.load(self.cx.storage)?;
        let mut counted = false;
        for Slept { relay, number, attachment, .. } in slept {
            let key = self.edge.next_key();
            self.relays.bind(key, &relay, number);
            let (subscription, was_counted) = self.at_edge(|edge, cx| edge.take_in(cx, key, &attachment));
            self.relays.hears(key, subscription);
            counted |= was_counted;
        }
        if counted {
            self.hub.recall_mode(true);
        }
        Ok(())
    }

    /// The waking has a name from when a relay first has to do with it.
    pub(super) fn name_boot(&mut self) {
        if !self.relays.has_begun() {
            let stood = self.stands();
            self.relays.begin(stood, self.cx.now);
        }
    }

    /// Where the channel stands on disk.
    fn stands(&self) -> Option<Position> {
        let (epoch, seq) = self.hub.position()?;
        Some(Position { epoch: epoch.to_string(), seq, here: self.hub.fingerprint() })
    }

    /// A relay calls; the answer to it is given once the event has ended.
    pub(super) fn relay_called(&mut self, body: &str) {
        let Some(message) = Message::decode(body) else { return };
        let Some(relay) = message.relay.clone() else { return };
        self.name_boot();
        let life = message.life;
        let taken = self.take_call(&relay, message);
        self.relays.owe_answer(relay.into(), life, taken);
    }

    /// Takes in what a relay says. Whether it did.
    fn take_call(&mut self, relay: &str, message: Message) -> bool {
        if !self.hub.is_loaded() || message.over || self.relays.is_over(relay, message.life) {
            return false;
        }
        let life = message.life;
        match self.relays.link(relay) {
            Some(link) if link.is_of(life) => {}
            Some(link) if !link.is_before(life) => return false,
            // All that was of the life before is gone: the relay has lost it.
            Some(_) => self.end_link(relay, false),
            None => {}
        }
        let boot: Box<str> = self.relays.boot().into();
        let Some(taken) = self.relays.open(relay, life).and_then(|link| link.take(message, &boot)) else {
            self.end_link(relay, false);
            return false;
        };
        for item in taken.items {
            self.take_item(relay, &item);
        }
        true
    }

    fn take_item(&mut self, relay: &str, item: &RawValue) {
        let Ok(item) = serde_json::from_str::<Up>(item.get()) else { return };
        match item {
            Up::Join { member, grant, resume, connection, address } => {
                let joining = Joining { grant, resume, connection, address, relayed: true };
                // 128 and 96 bits are always a name.
                let Some(fresh) = Fresh::drawn(self.cx.surroundings) else { return };
                let key = self.join(fresh, joining);
                self.relays.bind(key, relay, member);
            }
            Up::Frame(member, text) => {
                if let Some(key) = self.of(relay, member) {
                    self.receive(key, &text);
                }
            }
            Up::Look => {
                let list = self.hub.show_again(self.cx.limits());
                if let Some(link) = self.relays.link(relay) {
                    link.show(list);
                }
            }
            Up::Close(member, gone) => {
                if let Some(key) = self.of(relay, member) {
                    self.close(key, gone == Gone::Left);
                }
            }
        }
    }

    fn of(&mut self, relay: &str, member: Number) -> Option<SessionKey> {
        self.relays.link(relay)?.session(member)
    }

    /// What a relay answered; nothing where the call failed.
    pub(super) fn relay_answered(&mut self, relay: &str, answer: Option<&str>) {
        let answer = answer.and_then(Message::decode);
        if self.relays.told_over(relay, answer.is_some(), self.cx.now) {
            return;
        }
        let (steady, boot) = (self.cx.steady(), Box::<str>::from(self.relays.boot()));
        let Some(link) = self.relays.link(relay) else { return };
        match answer {
            Some(message) if !link.is_of(message.life) => {}
            Some(message) if message.over => self.end_link(relay, false),
            answer => {
                if !link.answered(answer, &boot, steady) {
                    self.end_link(relay, true);
                }
            }
        }
    }

    /// A link is over, and its members are gone as if their connections had broken.
    fn end_link(&mut self, relay: &str, tell: bool) {
        for key in self.relays.close(relay, tell) {
            self.close(key, false);
        }
    }

    /// Every event ends here: what it did for relayed members is taken out of what it wants done, and what must outlive
    /// sleep of them is written before anybody is told.
    pub(super) fn finish(&mut self) -> Effects {
        let mut effects = self.settle_relayed();
        for relay in self.relays.given_up() {
            let detail = Some(format!("the relay {relay} does not answer, or cannot keep up: its members are gone"));
            self.cx.log(LogLine { detail, ..LogLine::new(Level::Warn, "relay_over") });
            self.end_link(&relay, true);
            effects.extend(self.settle_relayed());
        }
        self.relays.guard(self.cx.now);
        effects.extend(self.write_relayed());
        self.call_relays(&mut effects);
        effects
    }

    /// Ends the event, and those whom it told to go.
    fn settle_relayed(&mut self) -> Effects {
        let effects = self.settle();
        let mut effects = self.relays.absorb(effects);
        while let Some(key) = self.relays.next_ended() {
            self.close(key, true);
            let more = self.settle();
            effects.extend(self.relays.absorb(more));
        }
        effects
    }

    /// Whoever could not be written down would be forgotten in sleep: it is told to come back later.
    fn write_relayed(&mut self) -> Effects {
        let mut effects = Effects::new();
        for _ in 0..2 {
            let relays = &mut *self.relays;
            let Err((error, unknown)) = self.cx.counting_rows(|storage| relays.write(storage)) else { break };
            drop(self.cx.internal(format!("members of relays cannot be written: {error}")));
            for key in unknown {
                self.at_edge(|edge, cx| edge.turn_away(cx, key, Close::OverCapacity, Some(FULL_RETRY)));
            }
            effects.extend(self.settle_relayed());
        }
        effects
    }

    /// What relays are called with goes after all else.
    fn call_relays(&mut self, effects: &mut Effects) {
        if self.relays.are_idle() {
            return;
        }
        let stands = self.stands();
        let now = (self.cx.steady(), self.cx.now);
        self.relays.answer(self.hub.owes(), stands.as_ref());
        effects.extend(self.relays.calls(now, self.hub.owes(), stands.as_ref()));
        let Some(at) = self.relays.alarm_at().map(|at| at.max(self.cx.now)) else { return };
        if self.wakeups.alarm.is_none_or(|alarm| alarm > at) {
            self.wakeups.alarm = Some(at);
            effects.push(Effect::Alarm { at });
        }
    }
}

impl Fresh {
    /// Names drawn by chance, of as many bits as those that a joiner brings along.
    pub(crate) fn drawn(surroundings: &dyn Surroundings) -> Option<Self> {
        let [one, two, three, four] = std::array::from_fn(|_| surroundings.draw().to_be_bytes());
        let connection = Base64UrlUnpadded::encode_string(&[one, two].concat());
        let epoch = Base64UrlUnpadded::encode_string([three, four].concat().first_chunk::<12>()?);
        Some(Self { connection: ConnectionId::parse(&connection)?, epoch: Epoch::parse(&epoch)? })
    }
}
