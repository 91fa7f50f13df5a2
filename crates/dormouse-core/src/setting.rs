//! A setting: something a deployment may set by a variable or secret, and how its text is read.

use std::fmt::{Display, Write};
use std::ops::RangeInclusive;
use std::str::FromStr;

/// One variable or secret of a deployment, as it is documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The variable's name.
    pub name: &'static str,
    /// What a number counts; empty for a text.
    pub unit: &'static str,
    /// What holds where it is not set.
    pub default: &'static str,
    /// Which values are accepted.
    pub accepts: &'static str,
    /// What follows from the value.
    pub consequence: &'static str,
}

/// Reads settings through a lookup by name, and collects a sentence for every one that is wrong.
pub struct Reader<L> {
    lookup: L,
    /// The sentences, in the order of reading; none quotes a secret.
    pub mistakes: Vec<String>,
}

impl<L: Fn(&str) -> Option<String>> Reader<L> {
    /// A reader that has read nothing yet.
    pub fn new(lookup: L) -> Self {
        Self { lookup, mistakes: Vec::new() }
    }

    /// The setting's text as it stands; `None` where it is not set.
    pub fn text(&self, setting: &Setting) -> Option<String> {
        (self.lookup)(setting.name)
    }

    /// Notes a mistake that is found elsewhere.
    pub fn mistake(&mut self, sentence: String) {
        self.mistakes.push(sentence);
    }

    /// `1` is yes, `0` and nothing are no. Anything else is a mistake: no guess may open a door.
    pub fn switch(&mut self, setting: &Setting) -> bool {
        match self.text(setting).as_deref() {
            Some("1") => true,
            None | Some("0") => false,
            Some(other) => {
                self.mistake(format!("{} must be 0 or 1; it is {}.", setting.name, quoted(other)));
                false
            }
        }
    }

    /// One of a few texts; `None` where it is not set, or is another and told so.
    pub fn one_of(&mut self, setting: &Setting, choices: &[&'static str]) -> Option<&'static str> {
        let value = self.text(setting)?;
        let choice = choices.iter().copied().find(|choice| *choice == value);
        if choice.is_none() {
            let all = choices.join(", ");
            self.mistake(format!("{} must be one of {all}, or not be set; it is {}.", setting.name, quoted(&value)));
        }
        choice
    }

    /// A number within the range; the default where it is not set, or wrong and told so.
    // Not inlined into its thirty callers: that alone was 70 KB of wasm.
    #[inline(never)]
    pub fn number<N: Number>(&mut self, setting: &Setting, default: N, range: RangeInclusive<N>) -> N {
        let Some(text) = self.text(setting) else { return default };
        if let Some(number) = text.parse().ok().filter(|number| range.contains(number)) {
            return number;
        }
        let (low, high) = (range.start(), range.end());
        let (name, unit, value) = (setting.name, setting.unit, quoted(&text));
        self.mistake(format!("{name} must be {} from {low} to {high} {unit}; it is {value}.", N::KIND));
        default
    }
}

/// The kinds of numbers a setting can be.
pub trait Number: FromStr + PartialOrd + Display + Copy {
    /// How the kind is called in a sentence.
    const KIND: &'static str;
}

impl Number for u32 {
    const KIND: &'static str = "a whole number";
}

impl Number for u64 {
    const KIND: &'static str = "a whole number";
}

impl Number for usize {
    const KIND: &'static str = "a whole number";
}

impl Number for f64 {
    const KIND: &'static str = "a number";
}

/// A value in a sentence: one line, and not the whole of a long one.
pub fn quoted(value: &str) -> String {
    let mut short: String = value.chars().take(60).collect();
    if short.len() < value.len() {
        short.push('…');
    }
    format!("{short:?}")
}

/// The settings as a table of Markdown.
pub fn table(settings: impl Iterator<Item = &'static Setting>) -> String {
    let mut table = String::from("| name | default | accepts | what follows |\n| --- | --- | --- | --- |\n");
    for setting in settings {
        let default = format!("{} {}", for_people(setting.default), setting.unit);
        let accepts = for_people(setting.accepts);
        // Writing to a text cannot fail.
        let _ =
            writeln!(table, "| `{}` | {} | {accepts} | {} |", setting.name, default.trim_end(), setting.consequence);
    }
    table
}

/// Numbers as people write them, not as Rust does.
fn for_people(text: &str) -> String {
    text.replace('_', ",").replace(".0", "")
}
