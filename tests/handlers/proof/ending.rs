//! How a story ends: all trouble does, and what was asked for has happened soon.

use dormouse_core::testing::World;
use proptest::prop_assert;
use serde_json::json;

use super::asked::What;
use super::script::{DEVICES, Served};
use super::story::{Held, Story, user};

impl Story {
    /// All trouble ends: soon everything that was asked for has happened, and then the channel rests.
    pub fn converge(mut self) -> Held {
        self.world.trouble.end();
        self.world.storage.set_full(false);
        self.world.drain();
        self.look()?;
        self.everything_remembered_is_answered_again()?;
        for _ in 0..400 {
            if self.history.is_over() {
                break;
            }
            // Whoever's token has expired comes again: somebody is here, so that it ticks.
            self.join(0, false);
            self.world.advance(60_000);
            self.look()?;
            while !self.under_way().is_empty() {
                self.serve(0, Served::Ok);
                self.world.drain();
                self.look()?;
            }
        }
        prop_assert!(self.history.is_over(), "C6, C7: left over: {:?}", self.history);
        self.everything_was_served()?;
        for device in 0..DEVICES {
            self.end(device, World::leave);
        }
        // What was to be then is to be so much later.
        self.world.advance(200_000 + self.steps.back);
        self.look()?;
        let turns = self.world.turns();
        self.world.advance(3_600_000);
        prop_assert!(self.world.turns() <= turns + 1, "C6: nothing is left to be done, and it does not rest");
        Ok(())
    }

    fn everything_remembered_is_answered_again(&mut self) -> Held {
        for device in [0, 2, 3] {
            for n in 0..self.requests.len() {
                let request = &self.requests[n];
                let again = request.user == user(device) && request.once && self.is_known(request);
                // Whoever is thrown out meanwhile comes again.
                for _ in 0..if again { 3 } else { 0 } {
                    self.join(device, false);
                    self.send(device, &[n]);
                    if self.devices[device].is_some_and(|client| self.lives(client)) {
                        break;
                    }
                }
            }
            self.world.drain();
            self.look()?;
        }
        for (n, request) in (0_u64..).zip(&self.requests) {
            let known = self.is_known(request) && request.sent > 0;
            let remembered = request.frame["name"] == "ask" && request.frame["data"]["what"] != json!(What::No);
            prop_assert!(!(known && remembered) || self.replies.contains_key(&n), "C3: never answered: {:?}", request);
        }
        Ok(())
    }
}
