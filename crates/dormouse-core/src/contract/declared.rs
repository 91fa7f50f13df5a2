//! What is checked of every declaration that has a name, a rate and a size.

use std::collections::BTreeSet;
use std::panic::Location;

use serde_json::Value;

use super::event::FRAME_BYTES_MAX;
use super::mistake::Mistake;
use super::rate::Rate;
use dormouse_protocol::name::EventName;

/// What is full again after this many seconds need not survive sleep (rule H1), so every burst must be.
pub(super) const REFILL_SECONDS_MAX: f64 = 10.0;
/// The rate of what declares none, a second.
pub(super) const RATE_DEFAULT: f64 = 10.0;

/// The line of `app.rs` that said it.
type At = &'static Location<'static>;

/// One declaration, and where its mistakes go.
pub(super) struct Declared<'a> {
    /// `event`, `call` or `timer`.
    pub(super) what: &'static str,
    pub(super) name: &'a str,
    pub(super) at: At,
    pub(super) mistakes: &'a mut Vec<Mistake>,
}

impl Declared<'_> {
    /// Notes a mistake, with what it is about before it.
    pub(super) fn refuse(&mut self, at: At, text: impl std::fmt::Display) {
        self.mistakes.push(Mistake::new(at, format!("{} `{}`: {text}", self.what, self.name)));
    }

    /// The name, if it is one.
    pub(super) fn parsed(&mut self) -> Option<EventName> {
        let parsed = EventName::parse(self.name);
        if parsed.is_none() {
            let text =
                format!("`{}` is no {} name: it is 1 to 64 letters, digits, `_`, `-` and `.`", self.name, self.what);
            self.mistakes.push(Mistake::new(self.at, text));
        }
        parsed
    }

    /// The rate, as declared.
    pub(super) fn rate(&mut self, rate: Option<(f64, At)>, burst: Option<(f64, At)>) -> Rate {
        let (per_second, rate_at) = rate.unwrap_or((RATE_DEFAULT, self.at));
        let (burst, burst_at) = burst.unwrap_or_else(|| (Rate::per_second(per_second).burst, rate_at));
        let most = per_second * REFILL_SECONDS_MAX;
        if !(per_second.is_finite() && per_second > 0.0) {
            self.refuse(rate_at, format!("{per_second} a second is no rate: give a number above zero"));
        } else if !(burst.is_finite() && burst >= 1.0) {
            let nothing = if self.what == "event" { "said" } else { "asked" };
            self.refuse(burst_at, format!("with a burst of {burst} nothing can be {nothing}: give 1 or more"));
        } else if most < 1.0 {
            self.refuse(rate_at, format!("{per_second} a second is too slow to survive sleep: give 0.1 or more"));
        } else if burst > most {
            let why = "takes longer than 10 s to be full again, and would be forgotten in sleep";
            self.refuse(burst_at, format!("a burst of {burst} at {per_second} a second {why}: give at most {most}"));
        }
        Rate { per_second, burst }
    }

    /// The largest data, as declared.
    pub(super) fn max_bytes(&mut self, (bytes, at): (usize, At)) -> usize {
        if !(1..=FRAME_BYTES_MAX).contains(&bytes) {
            self.refuse(at, format!("its data may have 1 to {FRAME_BYTES_MAX} bytes, not {bytes}"));
        }
        bytes
    }
}

/// A number as a person writes it: 10 rather than 10.0.
pub(super) fn number(value: f64) -> Value {
    value.to_string().parse::<u64>().map_or_else(|_| value.into(), Value::from)
}

/// The reasons for which something is refused: its own, and those of the guards; sorted, each once.
pub(super) fn reasons<'a>(own: &[&'a str], of_guards: &[&'a str]) -> BTreeSet<&'a str> {
    own.iter().chain(of_guards).copied().collect()
}

/// What is told, with these members too.
pub(super) fn with(mut told: Value, more: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    if let Some(object) = told.as_object_mut() {
        object.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
    told
}
