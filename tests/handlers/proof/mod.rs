//! Rules C1 to C7 over random stories: the state and the rows are what the history adds up to, no call is answered twice or
//! never, no timer is lost or doubled, the channel ticks while somebody is here, each job is done, who is thrown out is
//! gone, and nobody is told what is not on disk. Writes fail, the disk is full, the clock is set, processes die.
//!
//! A story that fails is shortened and printed; `PROPTEST_CASES=50000 cargo test --test handlers proof` plays more.

mod asked;
mod clock;
mod deed;
mod ending;
mod growth;
mod history;
mod items;
mod kicked;
mod script;
mod servers;
mod story;
mod tally;
mod ticking;
mod told;

use dormouse_core::testing::Sleep;
use proptest::prelude::*;

use crate::support::room::config;
use script::scripts;
use story::Story;

proptest! {
    #![proptest_config(config(1_500))]

    #[test]
    fn c2_what_code_has_done_is_what_its_history_tells_awake(script in scripts(60)) {
        Story::play(Sleep::Never, &script)?;
    }

    #[test]
    fn c2_what_code_has_done_is_what_its_history_tells_asleep(script in scripts(60)) {
        Story::play(Sleep::Always, &script)?;
    }
}
