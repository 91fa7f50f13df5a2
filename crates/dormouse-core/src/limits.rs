//! The machine's numbers, each a setting: one table from which the fields, the parser and the documentation come.
//! Hub, edge and channel all work within them. How long history is held is not here but in the contract:
//! [`HistoryBounds`](crate::contract::HistoryBounds).

use crate::setting::{Reader, Setting};
use dormouse_protocol::name::Millis;

/// Declares the limits: field, type, default, range, variable, unit, consequence.
macro_rules! limits {
    (@setting $name:literal $unit:literal $default:literal $low:literal $high:literal $consequence:literal) => {
        Setting {
            name: $name,
            unit: $unit,
            default: stringify!($default),
            accepts: concat!(stringify!($low), " to ", stringify!($high)),
            consequence: $consequence,
        }
    };
    ($($field:ident: $type:ty = $default:literal in $low:literal..=$high:literal, $name:literal, $unit:literal,
        $consequence:literal;)*) => {
        /// The numbers within which the machine works. Each can be set by the variable of its name in capitals.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Limits { $(#[doc = concat!($consequence, " (", $unit, ")")] pub $field: $type,)* }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl Limits {
            /// How each is set.
            pub const SETTINGS: &'static [Setting] =
                &[$(limits!(@setting $name $unit $default $low $high $consequence),)*];

            fn read_each<L: Fn(&str) -> Option<String>>(reader: &mut Reader<L>) -> Self {
                Self {
                    $($field: reader.number(
                        &limits!(@setting $name $unit $default $low $high $consequence), $default, $low..=$high),)*
                }
            }
        }
    };
}

limits! {
    frame_bytes: usize = 65_536 in 1_024..=1_048_576, "FRAME_BYTES", "bytes",
        "A larger frame is refused as `too_large`. More lets one member fill the channel's memory and storage faster.";
    body_ms: Millis = 10_000 in 1_000..=60_000, "BODY_MS", "ms",
        "A POST whose body has not come whole after this long is refused as `body_timeout`; no channel wakes for it before.";
    batch_frames: usize = 100 in 1..=1_000, "BATCH_FRAMES", "frames",
        "An array of more frames is refused whole as `too_large`.";
    general_per_second: f64 = 20.0 in 1.0..=1_000.0, "GENERAL_PER_SECOND", "requests a second",
        "How fast a user may send everything but publishes; faster is `rate_limited`.";
    general_burst: f64 = 40.0 in 1.0..=10_000.0, "GENERAL_BURST", "requests",
        "How many of them may come at once; at most what 10 s restore, because more would be forgotten in sleep.";
    refusals_in_a_row: u32 = 20 in 1..=1_000, "REFUSALS_IN_A_ROW", "refusals",
        "After so many without an accepted request the connection is closed with 4101.";
    connections_per_user: usize = 20 in 1..=1_000, "CONNECTIONS_PER_USER", "connections",
        "One user's further connections to a channel are closed with 4100.";
    members: usize = 30_000 in 1..=32_000, "MEMBERS", "connections",
        "Further connections to a channel are closed with 4100; half as many may be anonymous. The platform ends at 32,768.";
    relay_connections: usize = 8_000 in 1..=32_000, "RELAY_CONNECTIONS", "connections",
        "Further connections of many channels go to the next relay. More on one saves calls between objects, and each message takes longer to reach all of them.";
    unsigned_members: usize = 100 in 0..=32_000, "UNSIGNED_MEMBERS", "connections",
        "How many of a channel may have joined and not signed in yet; further ones are closed with 4100.";
    sign_in_ms: Millis = 10_000 in 1_000..=600_000, "SIGN_IN_MS", "ms",
        "Who joined first and has not signed in after this long is closed with 4300.";
    grace_ms: Millis = 10_000 in 0..=600_000, "GRACE_MS", "ms",
        "A member whose connection broke is shown as here for this long; one that comes back within it was never gone.";
    silent_ms: Millis = 90_000 in 10_000..=3_600_000, "SILENT_MS", "ms",
        "A client that pings and then is not heard of for this long is closed with 4201. Less than three pings' time cuts live ones off.";
    unsent_bytes: u64 = 1_048_576 in 65_536..=67_108_864, "UNSENT_BYTES", "bytes",
        "A member with more than this sent to it and not read is closed with 4102. More lets slow members hold more memory.";
    unsent_total_bytes: u64 = 67_108_864 in 1_048_576..=1_073_741_824, "UNSENT_TOTAL_BYTES", "bytes",
        "With more than this sent to all members and not read, those who have most of it are closed with 4102. An isolate has 128 MB.";
    replay_unsent_bytes: u64 = 262_144 in 1_024..=67_108_864, "REPLAY_UNSENT_BYTES", "bytes",
        "With more than this unread, `history` and `resume` are `rate_limited`.";
    replay_bytes: u64 = 262_144 in 4_096..=8_388_608, "REPLAY_BYTES", "bytes",
        "The most one replay or one page of history carries; who missed more is `behind` and pulls pages.";
    replay_bytes_per_second: u64 = 1_048_576 in 4_096..=104_857_600, "REPLAY_BYTES_PER_SECOND", "bytes a second",
        "How fast a user may have messages replayed; faster is `rate_limited`.";
    replay_burst_bytes: u64 = 8_388_608 in 4_096..=1_048_576_000, "REPLAY_BURST_BYTES", "bytes",
        "How much of that may come at once; at most what 10 s restore, because more would be forgotten in sleep.";
    presence_list: usize = 200 in 1..=10_000, "PRESENCE_LIST", "members",
        "With more members present they are only counted, and no longer listed. Every change of a list goes to all.";
    presence_list_back: usize = 150 in 0..=10_000, "PRESENCE_LIST_BACK", "members",
        "When so few are left the list comes back; less than PRESENCE_LIST, so that it does not come and go.";
    presence_bytes: usize = 65_536 in 1_024..=1_048_576, "PRESENCE_BYTES", "bytes",
        "A list larger than this is only counted too.";
    presence_data_bytes: usize = 1_024 in 16..=1_024, "PRESENCE_DATA_BYTES", "bytes",
        "Larger presence data is refused as `too_large`. It must fit what a connection remembers in sleep.";
    count_every_ms: Millis = 1_000 in 100..=10_000, "COUNT_EVERY_MS", "ms",
        "A count of members is told no more often than this.";
    flush_ms_max: Millis = 500 in 1..=5_000, "FLUSH_MS_MAX", "ms",
        "The longest a message may wait for others to leave with, in a crowd.";
    flush_bytes: usize = 262_144 in 4_096..=1_048_576, "FLUSH_BYTES", "bytes",
        "A batch that has grown to this leaves at once.";
    flush_cost_us_per_member: u64 = 20 in 0..=1_000, "FLUSH_COST_US_PER_MEMBER", "µs",
        "What sending a batch to one member is taken to cost, beside 1 µs a KiB. More lets crowds wait longer and leaves more time to listen.";
    dedupe_count: u64 = 1_000 in 1_000..=100_000, "DEDUPE_COUNT", "messages",
        "So many of the last kept messages are known again when their id comes twice. More takes more memory.";
    dedupe_ms: Millis = 600_000 in 600_000..=86_400_000, "DEDUPE_MS", "ms",
        "For how long an id is known again.";
    row_bytes: u64 = 1_048_576 in 65_536..=1_900_000, "ROW_BYTES", "bytes",
        "A batch's kept messages are one row up to this size; more rows cost more. The platform ends at 2 MB.";
    hang_up_ms: Millis = 2_000 in 100..=10_000, "HANG_UP_MS", "ms",
        "A connection that was told `bye` and has not closed is closed after this long.";
}

impl Limits {
    /// Reads each, then checks those that only make sense together.
    pub fn from_settings<L: Fn(&str) -> Option<String>>(reader: &mut Reader<L>) -> Self {
        let before = reader.mistakes.len();
        let limits = Self::read_each(reader);
        // With one of them wrong, its default stands in: what would be said of both could mislead.
        if reader.mistakes.len() == before {
            reader.mistakes.extend(limits.contradictions());
        }
        limits
    }

    /// A sentence for each pair of limits that contradict each other.
    fn contradictions(&self) -> Vec<String> {
        let general = self.general_per_second * 10.0;
        let replay = self.replay_bytes_per_second.saturating_mul(10);
        let replays = self.replay_bytes.saturating_add(self.replay_unsent_bytes);
        // A kept message has an envelope of its own: ids and names, at most some 3 KiB escaped.
        let frame = u64::try_from(self.frame_bytes).unwrap_or(u64::MAX);
        let row = frame.saturating_add(4_096);
        [
            (self.general_burst > general, "GENERAL_BURST must be at most ten times GENERAL_PER_SECOND"),
            (self.replay_burst_bytes > replay, "REPLAY_BURST_BYTES must be at most ten times REPLAY_BYTES_PER_SECOND"),
            (self.replay_bytes > self.replay_burst_bytes, "REPLAY_BYTES must be at most REPLAY_BURST_BYTES"),
            (frame > self.replay_bytes, "FRAME_BYTES must be at most REPLAY_BYTES"),
            (replays > self.unsent_bytes, "REPLAY_BYTES and REPLAY_UNSENT_BYTES together must be at most UNSENT_BYTES"),
            (self.unsent_bytes > self.unsent_total_bytes, "UNSENT_BYTES must be at most UNSENT_TOTAL_BYTES"),
            (row > self.row_bytes, "FRAME_BYTES and 4096 together must be at most ROW_BYTES"),
            (self.presence_data_bytes > self.frame_bytes, "PRESENCE_DATA_BYTES must be at most FRAME_BYTES"),
            (self.presence_list_back >= self.presence_list, "PRESENCE_LIST_BACK must be less than PRESENCE_LIST"),
            (self.unsigned_members > self.members, "UNSIGNED_MEMBERS must be at most MEMBERS"),
            (self.connections_per_user > self.members, "CONNECTIONS_PER_USER must be at most MEMBERS"),
        ]
        .into_iter()
        .filter(|(wrong, _)| *wrong)
        .map(|(_, rule)| format!("{rule}."))
        .collect()
    }
}
