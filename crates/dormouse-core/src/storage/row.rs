//! One row: the kept frames of one batch (rule D1).

use dormouse_protocol::name::{Epoch, Millis};

/// What a row is known by: everything of it that is small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowKey {
    /// The seq of the row's first message.
    pub first: u64,
    /// How many messages it has, at least one; their seqs are consecutive.
    pub count: u64,
    /// When it was written, in milliseconds; never earlier than the row before.
    pub at: Millis,
    /// The bytes of text of all rows of this life before this one.
    pub before: u64,
}

impl RowKey {
    /// The seq of the row's last message.
    pub const fn last(&self) -> u64 {
        self.first.saturating_add(self.count).saturating_sub(1)
    }
}

/// The kept frames of one batch, with what is needed to cut them apart again.
///
/// A value of this type is sound: its text is exactly its frames, joined by commas, at the lengths given; unless it was
/// so old that its text is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    key: RowKey,
    epoch: Epoch,
    ids: String,
    lengths: Vec<u32>,
    text: String,
}

impl Row {
    /// A row out of its parts; `None` when they contradict each other: no frame, a count or lengths that do not fit
    /// the text, or a cut that is not at a comma.
    pub fn new(key: RowKey, epoch: Epoch, ids: String, lengths: Vec<u32>, text: String) -> Option<Self> {
        let row = Self { key, epoch, ids, lengths, text };
        row.is_sound().then_some(row)
    }

    /// The row's small columns.
    pub const fn key(&self) -> RowKey {
        self.key
    }

    /// The life of the channel that the row belongs to (rule D3).
    pub const fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    /// The ids of the row's messages, as they were handed in.
    pub fn ids(&self) -> &str {
        &self.ids
    }

    /// The bytes of each frame, in order.
    pub fn lengths(&self) -> &[u32] {
        &self.lengths
    }

    /// All frames, joined by commas.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The bytes of text of this life up to and with this row: the `before` of the next.
    pub const fn bytes_after(&self) -> u64 {
        self.key.before.saturating_add(self.text.len() as u64)
    }

    /// The row once its text is gone: its bytes still count, as if they had come before it. It has no frames.
    #[cfg(any(test, feature = "testing"))]
    pub(super) fn without_text(&self, ids: bool) -> Self {
        let key = RowKey { before: self.bytes_after(), ..self.key };
        let ids = if ids { self.ids.clone() } else { String::new() };
        Self { key, epoch: self.epoch.clone(), ids, lengths: Vec::new(), text: String::new() }
    }

    /// Each message's seq and frame, in order.
    pub fn frames(&self) -> impl Iterator<Item = (u64, &str)> {
        let mut rest = self.text.as_str();
        self.lengths.iter().zip(self.key.first..).map_while(move |(&length, seq)| {
            let (frame, behind) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            rest = behind.strip_prefix(',').unwrap_or(behind);
            Some((seq, frame))
        })
    }

    /// The frames from seq `from` to seq `to`, both included and as far as the row has them, still joined by commas;
    /// empty where it has none of them.
    pub fn cut(&self, from: u64, to: u64) -> &str {
        let (mut start, mut end, mut position) = (None, 0, 0_usize);
        for (seq, frame) in self.frames() {
            let behind = position.saturating_add(frame.len());
            if (from..=to).contains(&seq) {
                start = start.or(Some(position));
                end = behind;
            }
            position = behind.saturating_add(1);
        }
        start.and_then(|start| self.text.get(start..end)).unwrap_or_default()
    }

    fn is_sound(&self) -> bool {
        let counted = u64::try_from(self.lengths.len()) == Ok(self.key.count);
        let numbered = self.key.first > 0 && self.key.first.checked_add(self.key.count).is_some();
        counted && numbered && !self.lengths.is_empty() && self.cuts_are_at_commas()
    }

    fn cuts_are_at_commas(&self) -> bool {
        let mut rest = self.text.as_str();
        for (index, &length) in self.lengths.iter().enumerate() {
            if index > 0 {
                let Some(behind) = rest.strip_prefix(',') else { return false };
                rest = behind;
            }
            let Some((_, behind)) = usize::try_from(length).ok().and_then(|at| rest.split_at_checked(at)) else {
                return false;
            };
            rest = behind;
        }
        rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(count: u64, lengths: &[u32], text: &str) -> Option<Row> {
        let key = RowKey { first: 7, count, at: 1, before: 100 };
        Row::new(key, Epoch::parse("e")?, String::new(), lengths.to_vec(), text.to_owned())
    }

    #[test]
    fn d1_a_row_is_cut_into_the_frames_it_was_written_with() {
        let row = row(3, &[4, 2, 5], "{ä},{},{\",\"}").unwrap();
        assert_eq!(row.frames().collect::<Vec<_>>(), [(7, "{ä}"), (8, "{}"), (9, "{\",\"}")]);
        assert_eq!(row.key().last(), 9);
        assert_eq!(row.bytes_after(), 113);
    }

    #[test]
    fn d4_a_replay_is_cut_out_of_a_row_at_the_lengths() {
        let row = row(3, &[1, 2, 3], "a,bb,ccc").unwrap();
        for (from, to, cut) in [
            (1, 99, "a,bb,ccc"),
            (7, 7, "a"),
            (8, 99, "bb,ccc"),
            (8, 8, "bb"),
            (9, 9, "ccc"),
            (10, 99, ""),
            (1, 6, ""),
            (9, 8, ""),
        ] {
            assert_eq!(row.cut(from, to), cut, "{from} to {to}");
        }
    }

    #[test]
    fn d4_parts_that_contradict_each_other_are_no_row() {
        for (count, lengths, text) in [
            (0, &[][..], ""),
            (2, &[3], "{a}"),
            (1, &[3, 3], "{a},{b}"),
            (1, &[2], "{a}"),
            (1, &[4], "{a}"),
            (2, &[3, 3], "{a};{b}"),
            (2, &[3, 3], "{a},{b},"),
            (2, &[2, 4], "{a},{b}"),
            (2, &[2, 3], "{ä},{}"),
            (1, &[u32::MAX], "{a}"),
        ] {
            assert_eq!(row(count, lengths, text), None, "{count} {lengths:?} {text}");
        }
    }
}
