//! [`Sleep`]: when a channel sleeps, and the assertion that nobody can tell.

use super::World;
use crate::contract::Application;

/// Whether the channel is put to sleep wherever the platform could (rule H1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleep {
    /// It stays awake, unless it is put to sleep by [`World::sleep`].
    Never,
    /// Whenever nothing has happened for [`QUIET`](super::QUIET) and no timer is armed.
    Always,
    /// As always, and each attachment is taken for one of release 1, which wrote no heads.
    Headless,
}

/// Plays a script in a channel of the application, awake all the time and asleep wherever the platform could, and
/// compares everything that every client and every HTTP request was told (rule H1).
#[track_caller]
pub fn assert_same_asleep<A: Application>(channel: &str, script: impl Fn(&mut World<A>)) {
    assert_same_asleep_in(|sleep| World::with(channel, sleep), script);
}

/// As [`assert_same_asleep`], in worlds of one's own making.
#[track_caller]
pub fn assert_same_asleep_in<A>(world: impl Fn(Sleep) -> World<A>, script: impl Fn(&mut World<A>)) {
    let play = |sleep| {
        let mut world = world(sleep);
        script(&mut world);
        world.drain();
        let closes: Vec<_> = (0..world.clients()).map(|each| world.nth(each).hung_up).collect();
        (world.transcript(), world.take_answers(), closes)
    };
    let (frames, answers, closes) = play(Sleep::Never);
    for sleep in [Sleep::Always, Sleep::Headless] {
        let (frames_asleep, answers_asleep, closes_asleep) = play(sleep);
        assert_eq!(frames, frames_asleep, "the frames of a channel that never slept, and of one that did: {sleep:?}");
        assert_eq!(
            answers, answers_asleep,
            "the answers of a channel that never slept, and of one that did: {sleep:?}"
        );
        assert_eq!(closes, closes_asleep, "the codes of a channel that never slept, and of one that did: {sleep:?}");
    }
}
