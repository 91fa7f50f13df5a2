//! A call of a channel: its declaration in `app.rs`, and the rules that come of it (rule C3).

use std::panic::Location;

use serde_json::{Value, json};

use super::ability::Ability;
use super::data::Payload;
use super::declared::{Declared, number, reasons};
use super::event::FRAME_BYTES_MAX;
use super::handler::Reply;
use super::invalid_data::InvalidData;
use super::mistake::Mistake;
use super::rate::Rate;
use super::typed::Data;
use dormouse_protocol::name::EventName;

/// What may be asked under one name, and how.
#[derive(Clone, Debug)]
pub struct CallRules {
    /// The call's name.
    pub name: EventName,
    /// What it takes to ask it: `call`, which `call:NAME` stands for too, or what is declared.
    pub ability: Ability,
    /// How often a user may ask it.
    pub rate: Rate,
    /// Whether its reply is given again to the same request (rule C3).
    pub remembered: bool,
    /// The largest input, in bytes.
    pub max_bytes: usize,
    /// The reasons for which it is refused.
    pub(super) refusals: Vec<&'static str>,
    /// Made when it is asked for: a first welcome does not wait for it.
    pub(super) output: fn() -> Value,
    input: Data,
    /// The line that declares it.
    at: At,
    pub(crate) reply: Reply,
}

impl CallRules {
    /// Checks an input, the text of one I-JSON value, against the call's type.
    pub fn validate(&self, data: &str) -> Result<(), InvalidData> {
        self.input.validate(data)
    }

    /// What is wrong with its input's type, if anything is.
    pub(super) fn mistake_of_type(&self) -> Option<Mistake> {
        let place = self.input.lets_unknown_fields_pass()?;
        Some(Mistake::new(self.at, format!("call `{}`: {place}", self.name)))
    }

    /// What `GET /v1/contract` says of the call where frames have so many bytes, and guards refuse for these reasons
    /// (rule E3).
    pub(super) fn describe(&self, frame_bytes: usize, of_guards: &[&str]) -> Value {
        json!({
            "input": self.input.schema(),
            "output": (self.output)(),
            "ability": self.ability.to_string(),
            "rate": {"per_second": number(self.rate.per_second), "burst": number(self.rate.burst)},
            "remembered": self.remembered,
            "max_bytes": self.max_bytes.min(frame_bytes),
            "refusals": reasons(&self.refusals, of_guards),
        })
    }
}

/// Declares how a call is asked; what is asked and answered are the types of its [`Call`](super::Call).
///
/// Where nothing else is declared, a call needs the ability `call` (or `call:` and its name), may be asked ten times a
/// second, and is as large as a frame allows.
#[derive(Clone, Debug)]
#[must_use]
pub struct Calls {
    remembered: bool,
    rate: Option<(f64, At)>,
    burst: Option<(f64, At)>,
    max_bytes: Option<(usize, At)>,
    ability: Option<Ability>,
}

/// The line of `app.rs` that said it.
type At = &'static Location<'static>;

impl Calls {
    /// A call whose handler runs each time it is asked. A client whose connection breaks before the reply does not know
    /// whether it ran, and does not ask again by itself.
    pub const fn plain() -> Self {
        Self::asked(false)
    }

    /// A call whose reply is kept by the request's id for ten minutes (`DEDUPE_MS`): asked again it is answered again and
    /// does not run twice, so a client may send it anew over a broken connection.
    pub const fn remembered() -> Self {
        Self::asked(true)
    }

    const fn asked(remembered: bool) -> Self {
        Self { remembered, rate: None, burst: None, max_bytes: None, ability: None }
    }

    /// How often a user may ask it, a second. 10 where it is not declared.
    #[track_caller]
    pub fn rate(mut self, per_second: impl Into<f64>) -> Self {
        self.rate = Some((per_second.into(), Location::caller()));
        self
    }

    /// How many may be asked at once after a rest. One second's worth where it is not declared, at least one.
    #[track_caller]
    pub fn burst(mut self, burst: impl Into<f64>) -> Self {
        self.burst = Some((burst.into(), Location::caller()));
        self
    }

    /// The largest input, in bytes of JSON as it was written. As much as a frame where it is not declared.
    #[track_caller]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = Some((bytes, Location::caller()));
        self
    }

    /// Makes another ability than `call` the one that it takes, `join` for instance.
    pub fn needs(mut self, ability: Ability) -> Self {
        self.ability = Some(ability);
        self
    }

    /// The rules of this declaration, under a name and with its types; nothing if the name is none.
    pub(super) fn named<I: Payload>(
        self,
        name: &str,
        output: fn() -> Value,
        reply: Reply,
        refusals: Vec<&'static str>,
        at: At,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<CallRules> {
        let mut declared = Declared { what: "call", name, at, mistakes };
        let rate = declared.rate(self.rate, self.burst);
        let max_bytes = self.max_bytes.map_or(FRAME_BYTES_MAX, |given| declared.max_bytes(given));
        let (name, input, remembered) = (declared.parsed()?, Data::of::<I>(), self.remembered);
        let ability = self.ability.unwrap_or(Ability::Call);
        Some(CallRules { name, ability, rate, remembered, max_bytes, refusals, output, input, at, reply })
    }
}
