//! Patterns over channel names, in the contract and in tokens (rule E5).

use std::fmt;

use dormouse_protocol::name::{CHANNEL_NAME_MAX, ChannelName, is_segment};

/// A set of channel names: literal segments, `*` for exactly one, and a last `**` for one or more (rule E5).
///
/// Patterns are ordered. Of those that fit one name, the least is the most specific: segment by segment from the
/// left, a literal comes before `*` and `*` before `**`. Two different patterns that fit one name never tie.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pattern(Box<[Segment]>);

impl Pattern {
    /// Parses a pattern; the error is a sentence for whoever wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "." || text == ".." {
            return Err(format!("the pattern `{text}` fits no channel: `.` and `..` are refused as names"));
        }
        if shortest_name(text) > CHANNEL_NAME_MAX {
            return Err(format!("the pattern fits no channel: a name has at most {CHANNEL_NAME_MAX} characters"));
        }
        let mut segments = Vec::new();
        for part in text.split(':') {
            if segments.last() == Some(&Segment::Rest) {
                return Err(format!("in the pattern `{text}`, `**` may stand only as the last segment"));
            }
            segments.push(Segment::parse(part).ok_or_else(|| refuse_segment(text, part))?);
        }
        Ok(Self(segments.into()))
    }

    /// Whether the name is in the set.
    pub fn matches(&self, name: &ChannelName) -> bool {
        let mut parts = name.segments();
        for segment in &self.0 {
            let Some(part) = parts.next() else { return false };
            match segment {
                Segment::Literal(text) if **text == *part => {}
                Segment::Literal(_) => return false,
                Segment::One => {}
                Segment::Rest => return true,
            }
        }
        parts.next().is_none()
    }

    /// The two patterns that together fit what one with a last `**` does: `a:*` and `a:*:**` for `a:**`.
    pub(crate) fn parts_of_rest(&self) -> Option<(Self, Self)> {
        let (Segment::Rest, before) = self.0.split_last()? else { return None };
        let parts = |last: &[Segment]| Self([before, last].concat().into());
        Some((parts(&[Segment::One]), parts(&[Segment::One, Segment::Rest])))
    }
}

impl serde::Serialize for Pattern {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Pattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(":")?;
            }
            f.write_str(segment.as_str())?;
        }
        Ok(())
    }
}

/// One segment of a pattern; the order of the variants is the order of rule E5.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Segment {
    Literal(Box<str>),
    One,
    Rest,
}

impl Segment {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "*" => Some(Self::One),
            "**" => Some(Self::Rest),
            literal => is_segment(literal).then(|| Self::Literal(literal.into())),
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Literal(text) => text,
            Self::One => "*",
            Self::Rest => "**",
        }
    }
}

/// The length of the shortest name the pattern could fit: `**` stands for at least one letter.
fn shortest_name(text: &str) -> usize {
    text.strip_suffix("**").map_or(text.len(), |rest| rest.len().saturating_add(1))
}

/// Says what is wrong with a segment. Call it only for one that does not parse.
fn refuse_segment(pattern: &str, part: &str) -> String {
    if part.is_empty() {
        return format!("the pattern `{pattern}` has an empty segment: segments are parted by one `:`");
    }
    if part.contains('*') {
        return format!("in the pattern `{pattern}`, a `*` must be a whole segment, and `{part}` is more than that");
    }
    format!("in the pattern `{pattern}`, the segment `{part}` has a letter that is none of A-Z a-z 0-9 _ - . = @ ~")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    fn name(text: &str) -> ChannelName {
        ChannelName::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn e5_a_star_is_exactly_one_segment_and_two_are_one_or_more() {
        for (text, fits, misses) in [
            ("chat:*", vec!["chat:a", "chat:a.b@c"], vec!["chat", "chat:a:b", "chats:a", "Chat:a"]),
            ("app:**", vec!["app:a", "app:a:b:c"], vec!["app", "apps:a"]),
            ("a:*:c", vec!["a:b:c"], vec!["a:c", "a:b:d", "a:b:c:d", "a:b:b:c"]),
            ("*:**", vec!["a:b", "a:b:c"], vec!["a"]),
            ("**", vec!["a", "a:b"], vec![]),
            ("lobby", vec!["lobby"], vec!["lobb", "lobby:a", "lobbyx"]),
        ] {
            let pattern = pattern(text);
            for fit in fits {
                assert!(pattern.matches(&name(fit)), "{text} fits {fit}");
            }
            for miss in misses {
                assert!(!pattern.matches(&name(miss)), "{text} does not fit {miss}");
            }
        }
    }

    #[test]
    fn e5_a_pattern_that_is_none_is_refused_with_what_is_wrong() {
        for (text, part) in [
            ("", "empty segment"),
            ("chat:", "empty segment"),
            (":*", "empty segment"),
            ("a::b", "empty segment"),
            ("**:a", "only as the last segment"),
            ("a:**:**", "only as the last segment"),
            ("chat:x*", "whole segment"),
            ("***", "whole segment"),
            ("chat:ä", "none of A-Z"),
            ("chat/a", "none of A-Z"),
            (".", "refused as names"),
            ("..", "refused as names"),
            (&format!("{}:*", "x".repeat(127)), "at most 128"),
            (&format!("{}:**", "x".repeat(127)), "at most 128"),
        ] {
            let why = Pattern::parse(text).expect_err(text);
            assert!(why.contains(part), "{text}: {why}");
        }
    }

    #[test]
    fn e5_the_longest_patterns_that_fit_a_name_are_taken() {
        for text in ["x".repeat(128), format!("{}:*", "x".repeat(126)), format!("{}:**", "x".repeat(126))] {
            assert!(pattern(&text).matches(&name(&text.replace("**", "y").replace('*', "y"))), "{text}");
        }
    }

    #[test]
    fn e5_literal_comes_before_star_before_two_stars_from_the_left() {
        let most_specific_first =
            ["a:b:c", "a:b:*", "a:b:**", "a:*:c", "a:*:*", "a:*:**", "a:**", "*:b:c", "*:**", "**"];
        let mut sorted: Vec<_> = most_specific_first.iter().rev().map(|text| pattern(text)).collect();
        sorted.sort();
        let texts: Vec<_> = sorted.iter().map(ToString::to_string).collect();
        assert_eq!(texts, most_specific_first);
    }

    /// Patterns and names over few letters, so that they often meet.
    fn any_pattern() -> impl Strategy<Value = String> {
        let segment = prop_oneof![3 => "[ab]", 2 => Just("*".to_owned())];
        (prop::collection::vec(segment, 0..4), any::<bool>()).prop_map(|(mut segments, open)| {
            if open || segments.is_empty() {
                segments.push("**".to_owned());
            }
            segments.join(":")
        })
    }

    fn any_name() -> impl Strategy<Value = ChannelName> {
        prop::collection::vec("[ab]", 1..5).prop_map(|segments| name(&segments.join(":")))
    }

    /// What a pattern means, said another way: by trying every way to lay it over the segments.
    fn fits_naively(pattern: &[&str], name: &[&str]) -> bool {
        match (pattern, name) {
            ([], []) => true,
            (["**"], [_, ..]) => true,
            (["*", pattern @ ..], [_, name @ ..]) => fits_naively(pattern, name),
            ([literal, pattern @ ..], [part, name @ ..]) => literal == part && fits_naively(pattern, name),
            _ => false,
        }
    }

    /// The kinds of the segments as letters whose alphabetical order is that of rule E5.
    fn kinds(pattern: &str) -> String {
        pattern
            .split(':')
            .map(|part| {
                if part == "**" {
                    'c'
                } else if part == "*" {
                    'b'
                } else {
                    'a'
                }
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn e5_matching_is_laying_the_pattern_over_the_name(text in any_pattern(), name in any_name()) {
            let parts: Vec<_> = text.split(':').collect();
            let segments: Vec<_> = name.segments().collect();
            prop_assert_eq!(pattern(&text).matches(&name), fits_naively(&parts, &segments));
        }

        #[test]
        fn e5_of_those_that_fit_one_name_one_alone_is_the_most_specific(
            texts in prop::collection::btree_set(any_pattern(), 1..12), name in any_name()
        ) {
            let mut fitting: Vec<_> = texts.iter().map(|t| pattern(t)).filter(|p| p.matches(&name)).collect();
            fitting.sort();
            for pair in fitting.windows(2) {
                prop_assert!(kinds(&pair[0].to_string()) < kinds(&pair[1].to_string()), "{} {}", pair[0], pair[1]);
            }
        }

        #[test]
        fn e5_a_pattern_is_told_as_it_was_written(text in any_pattern()) {
            prop_assert_eq!(pattern(&text).to_string(), text);
        }
    }
}
