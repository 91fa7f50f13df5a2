//! [`World`]: the world of the library, around a channel of the default application.

use super::app::App;

/// One channel and everything around it.
pub type World = dormouse_core::testing::World<App>;

/// The life of a channel that was joined when its world began, and holds messages for a day.
pub const FIRST_LIFE: &str = "e1-18bcfe56800005265c00";
