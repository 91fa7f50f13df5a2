//! An event of a channel: its declaration in `app.rs`, and the rules that come of it.

use std::panic::Location;

use serde_json::{Value, json};

use super::ability::Ability;
use super::data::Payload;
use super::declared::{Declared, number, reasons, with};
use super::handler::Judge;
use super::invalid_data::InvalidData;
use super::mistake::Mistake;
use super::rate::Rate;
use super::typed::Data;
use dormouse_protocol::name::EventName;
use dormouse_protocol::request::{self, Fit};
use dormouse_protocol::text::Text;

/// 1,024 bytes.
pub const KIB: usize = 1_024;
/// The largest frame that a deployment may allow, and so the largest data, in bytes: the most of `FRAME_BYTES`.
pub const FRAME_BYTES_MAX: usize = 1_024 * KIB;
/// Names that the protocol uses for frames of its own. `message` is none of them: an event's frame has that type. Nor are
/// `call` and `result`, which came after there were contracts.
const RESERVED_NAMES: [&str; 12] =
    ["ack", "auth", "bye", "error", "history", "ping", "pong", "presence", "publish", "resume", "resumed", "welcome"];
/// How names begin that are kept for events of the service itself.
const RESERVED_PREFIX: &str = "dormouse.";

/// What may be said under one name, and how (rules F3, F5, R5).
#[derive(Clone, Debug)]
pub struct EventRules {
    /// The event's name.
    pub name: EventName,
    /// What it takes to say it: see [`Rights::may_publish`](crate::grant::Rights::may_publish).
    pub ability: Ability,
    /// How often a user may say it.
    pub rate: Rate,
    /// Whether it gets a seq and is kept (rule D1).
    pub kept: bool,
    /// Whether it may be addressed by `to` (rule F5).
    pub directed: bool,
    /// The largest `data`, in bytes; where the contract says nothing, what any frame may have, which is checked first
    /// (rule R4). It is checked before [`EventRules::validate`] is asked, and after the frame was read into its type.
    pub max_bytes: usize,
    /// Whether plain `publish` does not stand for it: the application's code says it, and who has `publish:NAME` (rule C8).
    pub from_service: bool,
    /// What judges it, if anything does (rule C1), and the reasons for which it is refused.
    pub(crate) judge: Option<(Judge, Vec<&'static str>)>,
    pub(super) data: Data,
    /// The line that declares it.
    pub(super) at: At,
}

impl EventRules {
    /// Checks `data`, the text of one I-JSON value, against the event's type (rule F3).
    pub fn validate(&self, data: &str) -> Result<(), InvalidData> {
        self.data.validate(data)
    }

    /// As [`EventRules::validate`], unless that was done while the frame was read.
    pub fn validate_read(&self, data: request::Data<'_>) -> Result<(), InvalidData> {
        match data.fit() {
            Fit::Right => Ok(()),
            Fit::Unsure => self.data.look_closely(data.get()),
            Fit::Unknown => self.data.validate(data.get()),
        }
    }

    /// Holds what the application's own code says to the size and the type that clients rely on; what is wrong, for the log.
    pub(crate) fn validate_own(&self, data: &str) -> Result<(), String> {
        let (name, bytes, most) = (&self.name, data.len(), self.max_bytes);
        if bytes > most {
            return Err(format!("event `{name}`: its data has {bytes} bytes, at most {most} are allowed"));
        }
        self.validate(data).map_err(|wrong| format!("event `{name}`: {wrong}"))
    }

    /// Whether its data is anything but free JSON.
    pub fn is_typed(&self) -> bool {
        self.data.is_typed()
    }

    /// Reads the next value of a text: see [`Types::fit`](request::Types::fit).
    pub fn fits<'de>(&'de self, text: &mut Text<'de>, depth: usize) -> bool {
        self.data.fits(text, depth)
    }

    /// What is wrong with its type, if anything is.
    pub(super) fn mistake_of_type(&self) -> Option<Mistake> {
        let place = self.data.lets_unknown_fields_pass()?;
        Some(Mistake::new(self.at, format!("event `{}`: {place}", self.name)))
    }

    /// What `GET /v1/contract` says of the event where frames have so many bytes, and guards refuse for these reasons
    /// (rule E3).
    pub(super) fn describe(&self, frame_bytes: usize, of_guards: &[&str]) -> Value {
        let told = json!({
            "schema": self.data.schema(),
            "ability": self.ability.to_string(),
            "rate": {"per_second": number(self.rate.per_second), "burst": number(self.rate.burst)},
            "kept": self.kept,
            "directed": self.directed,
            "max_bytes": self.max_bytes.min(frame_bytes),
        });
        let own: &[&str] = self.judge.as_ref().map_or(&[], |(_, refusals)| refusals);
        let refused = self.judge.is_some() || !of_guards.is_empty();
        let service = self.from_service.then(|| ("from_service", true.into()));
        let refusals = refused.then(|| ("refusals", json!(reasons(own, of_guards))));
        with(told, service.into_iter().chain(refusals))
    }
}

/// Declares how an event is said; what is said is the type given to [`Channel::event`](super::Channel::event).
///
/// Where nothing else is declared, an event needs the ability `publish` (or `publish:` and its name), may be said
/// ten times a second, reaches everyone, and is as large as a frame allows.
#[derive(Clone, Debug)]
#[must_use]
pub struct Event {
    kept: bool,
    directed: bool,
    rate: Option<(f64, At)>,
    burst: Option<(f64, At)>,
    max_bytes: Option<(usize, At)>,
    ability: Option<Ability>,
    reserved: Option<(&'static str, At)>,
    from_service: Option<At>,
}

/// The line of `app.rs` that said it.
type At = &'static Location<'static>;

impl Event {
    /// An event that gets a seq, is on disk before anyone hears it, and can be read later (rules D1, D2).
    pub const fn kept() -> Self {
        Self::said(true)
    }

    /// An event for those who are there right now: never stored, no seq.
    pub const fn ephemeral() -> Self {
        Self::said(false)
    }

    const fn said(kept: bool) -> Self {
        Self {
            kept,
            directed: false,
            rate: None,
            burst: None,
            max_bytes: None,
            ability: None,
            reserved: None,
            from_service: None,
        }
    }

    /// Lets a publisher address it to some users, connections or roles by `to`; then it is not kept (rule F5).
    pub fn directed(mut self) -> Self {
        self.directed = true;
        self
    }

    /// How often a user may say it, a second. 10 where it is not declared.
    #[track_caller]
    pub fn rate(mut self, per_second: impl Into<f64>) -> Self {
        self.rate = Some((per_second.into(), Location::caller()));
        self
    }

    /// How many may be said at once after a rest. One second's worth where it is not declared, at least one.
    #[track_caller]
    pub fn burst(mut self, burst: impl Into<f64>) -> Self {
        self.burst = Some((burst.into(), Location::caller()));
        self
    }

    /// The largest data, in bytes of JSON as it was written. As much as a frame where it is not declared.
    #[track_caller]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = Some((bytes, Location::caller()));
        self
    }

    /// Makes another ability than `publish` the one that it takes, `join` for instance.
    pub fn needs(mut self, ability: Ability) -> Self {
        self.ability = Some(ability);
        self
    }

    /// Takes it away from plain `publish`: only a token with `publish:NAME` may say it.
    #[track_caller]
    pub fn reserved_for(mut self, name: &'static str) -> Self {
        self.reserved = Some((name, Location::caller()));
        self
    }

    /// Leaves it to the service: the application's handlers say it, and who has a token with `publish:NAME`. Plain
    /// `publish` does not stand for it (rule C8).
    #[track_caller]
    pub fn from_service(mut self) -> Self {
        self.from_service = Some(Location::caller());
        self
    }

    /// The rules of this declaration, under a name and with a type; nothing if the name is none.
    pub(super) fn named<T: Payload>(self, name: &str, at: At, mistakes: &mut Vec<Mistake>) -> Option<EventRules> {
        let parsed = event_name(name, at, mistakes);
        let mut declared = Declared { what: "event", name, at, mistakes };
        let rate = declared.rate(self.rate, self.burst);
        let max_bytes = self.max_bytes.map_or(FRAME_BYTES_MAX, |given| declared.max_bytes(given));
        let ability = self.checked_ability(name, mistakes);
        let Self { kept, directed, .. } = self;
        let from_service = self.from_service.is_some();
        let (name, judge, data) = (parsed?, None, Data::of::<T>());
        Some(EventRules { name, ability, rate, kept, directed, max_bytes, from_service, judge, data, at })
    }

    fn checked_ability(&self, name: &str, mistakes: &mut Vec<Mistake>) -> Ability {
        if let Some(at) = self.from_service {
            if self.ability.is_some() || self.reserved.is_some() {
                let text = "it is from the service, and needs an ability or is reserved too: declare one of them";
                mistakes.push(Mistake::new(at, format!("event `{name}`: {text}")));
            }
            return EventName::parse(name).map_or(Ability::Publish, Ability::PublishEvent);
        }
        let Some((reserved, at)) = self.reserved else { return self.ability.clone().unwrap_or(Ability::Publish) };
        let mut refuse = |text| mistakes.push(Mistake::new(at, format!("event `{name}`: {text}")));
        if reserved == name {
            refuse(format!("`publish` includes `publish:{name}`, so this reserves nothing: give another name"));
        }
        if self.ability.is_some() {
            refuse("it is reserved and needs an ability too: declare one of them".to_owned());
        }
        let Some(reserved) = EventName::parse(reserved) else {
            refuse(format!("`publish:{reserved}` is no ability: a name is letters, digits, `_`, `-` and `.`"));
            return Ability::Publish;
        };
        Ability::PublishEvent(reserved)
    }
}

fn event_name(name: &str, at: At, mistakes: &mut Vec<Mistake>) -> Option<EventName> {
    let parsed = Declared { what: "event", name, at, mistakes }.parsed()?;
    let mut refuse = |text| mistakes.push(Mistake::new(at, text));
    if RESERVED_NAMES.contains(&name) {
        refuse(format!("the event name `{name}` is reserved, a frame of the protocol has it: choose another"));
    }
    if name.starts_with(RESERVED_PREFIX) {
        refuse(format!("the event name `{name}` is reserved, as all that begin with `{RESERVED_PREFIX}`"));
    }
    Some(parsed)
}
