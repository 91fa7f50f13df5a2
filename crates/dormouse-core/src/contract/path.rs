//! A place inside of JSON data, as it is told to whoever sent it.

use std::fmt;

use serde_json::Value;

/// The longest key that is repeated to its sender, in characters.
const KEY_SHOWN_MAX: usize = 64;
/// The longest path, in steps; what is deeper is told by the way there.
const STEPS_SHOWN_MAX: usize = 16;

/// The steps from the whole of the data to a place in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Path(Vec<Step>);

/// One step: into a field of an object, or to an item of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

impl Path {
    /// The path whose steps were gathered on the way back from the place.
    pub(super) fn from_inside_out(mut steps: Vec<Step>) -> Self {
        steps.reverse();
        Self(steps)
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }

    /// As much of the path as there is in the data: what a type calls its fields need not be what the data does.
    pub(super) fn within(self, data: &str) -> Self {
        let whole = serde_json::from_str::<Value>(data).unwrap_or_default();
        let mut place = Some(&whole);
        let held = self.0.into_iter().take_while(|step| {
            place = place.and_then(|value| match step {
                Step::Key(key) => value.get(key),
                Step::Index(index) => value.get(index),
            });
            place.is_some()
        });
        Self(held.collect())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for step in self.0.iter().take(STEPS_SHOWN_MAX) {
            match step {
                Step::Key(key) => write!(f, "{separator}{}", shown(key))?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
            separator = ".";
        }
        if self.0.len() > STEPS_SHOWN_MAX { f.write_str("…") } else { Ok(()) }
    }
}

impl From<&serde_path_to_error::Path> for Path {
    fn from(path: &serde_path_to_error::Path) -> Self {
        use serde_path_to_error::Segment;
        let steps = path.iter().map_while(|segment| match segment {
            Segment::Seq { index } => Some(Step::Index(*index)),
            Segment::Map { key } | Segment::Enum { variant: key } => Some(Step::Key(key.clone())),
            Segment::Unknown => None,
        });
        Self(steps.collect())
    }
}

impl From<&garde::Path> for Path {
    fn from(path: &garde::Path) -> Self {
        // The steps of garde's path can be had only by way of serde: pairs of a kind and a text.
        let steps = serde_json::to_value(path).and_then(serde_json::from_value::<Vec<(String, String)>>);
        let step = |(kind, text): (String, String)| match (kind.as_str(), text.parse()) {
            ("none", _) => None,
            ("index", Ok(index)) => Some(Step::Index(index)),
            _ => Some(Step::Key(text)),
        };
        Self(steps.unwrap_or_default().into_iter().filter_map(step).collect())
    }
}

/// A key as it is shown: cut short when it is long, without control characters.
fn shown(key: &str) -> String {
    let mut shown: String = key.chars().filter(|c| !c.is_control()).take(KEY_SHOWN_MAX).collect();
    if key.chars().nth(KEY_SHOWN_MAX).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(text: &str) -> Step {
        Step::Key(text.to_owned())
    }

    #[test]
    fn r1_a_path_reads_as_one_would_write_it_in_code() {
        let path = Path(vec![key("items"), Step::Index(3), key("x"), key("y"), Step::Index(0), Step::Index(1)]);
        assert_eq!(path.to_string(), "items[3].x.y[0][1]");
        assert_eq!(Path(vec![Step::Index(2), key("a")]).to_string(), "[2].a");
        assert_eq!(Path::default().to_string(), "");
    }

    #[test]
    fn r1_a_path_of_more_than_16_steps_is_cut_short() {
        assert_eq!(Path(vec![Step::Index(1); 16]).to_string(), "[1]".repeat(16));
        assert_eq!(Path(vec![Step::Index(1); 17]).to_string(), format!("{}…", "[1]".repeat(16)));
    }

    #[test]
    fn r2_a_path_ends_where_the_data_does() {
        let path = Path(vec![key("a"), Step::Index(1), key("rust_name")]);
        assert_eq!(path.clone().within(r#"{"a":[0,{"rustName":1}]}"#).to_string(), "a[1]");
        assert_eq!(path.clone().within(r#"{"a":[0,{"rust_name":1}]}"#).to_string(), "a[1].rust_name");
        assert_eq!(path.within("not json").to_string(), "");
    }

    proptest! {
        #[test]
        fn r1_a_senders_key_is_shown_in_at_most_65_letters(text in "\\PC{0,200}|[\\x00-\\x1f]{0,10}") {
            let path = Path(vec![Step::Key(text)]).to_string();
            prop_assert!(path.chars().count() <= 65);
            prop_assert!(!path.chars().any(char::is_control));
        }
    }
}
