//! How every simulation ends: all trouble stops, everyone comes to agree, and then the channel comes to its end.

use super::{HOUR, Sim};
use crate::fault::Fault;
use crate::script::{Cut, DEVICES, Grant};
use crate::{check, fault};

/// In so many seconds after all trouble has ended, everyone has everything.
const PATIENCE: usize = 400;

impl Sim {
    /// All trouble ends: soon everyone has everything, and every request is answered.
    pub(super) fn converge(&mut self) -> Result<(), Fault> {
        self.world.trouble.end();
        self.world.trouble.doom = None;
        self.set_full(false);
        for device in &mut self.devices {
            (device.lag, device.eats, device.grant, device.life) = (0, false, Grant::Whole, 24 * HOUR);
        }
        let last = self.posts.len();
        for round in 0..PATIENCE {
            for device in 0..DEVICES {
                self.join(device)?;
            }
            let left = (0..self.posts.len()).filter(|post| !self.posts[*post].done);
            for post in left.collect::<Vec<_>>() {
                self.send_posts(vec![post], false)?;
            }
            self.run(1_000)?;
            if self.is_settled() {
                if self.posts.len() > last {
                    return self.everyone_agrees();
                }
                // One more, so that nobody is left with a gap it has not seen.
                self.post(1, false, None)?;
            }
            if round % 30 == 29 {
                self.give_everyone_a_new_connection();
            }
        }
        let restless = self.devices.iter().position(|device| !device.client.is_at_rest());
        let client = restless.map(|device| &self.devices[device].client);
        Err(fault!(Patience: "not settled after {PATIENCE} s, head {}: {client:#?}", self.watch.ledger.stored()))
    }

    fn everyone_agrees(&self) -> Result<(), Fault> {
        self.watch.ledger.everything_held_is_on_disk(&self.world.storage)?;
        for device in &self.devices {
            self.watch.agrees(&self.world, &device.client)?;
        }
        Ok(())
    }

    /// A client whose answers were eaten gives its connection up.
    fn give_everyone_a_new_connection(&mut self) {
        for device in 0..DEVICES {
            self.cut(device, Cut::Clean);
        }
    }

    fn is_settled(&self) -> bool {
        let (epoch, stored) = (self.watch.ledger.epoch.as_deref(), self.watch.ledger.stored());
        let there = |device: &super::Device| {
            let there = device
                .client
                .position()
                .is_some_and(|(life, seq)| seq == stored && (stored == 0 || Some(life) == epoch));
            device.client.is_at_rest() && there
        };
        // A number of members that changed is told within a second.
        let quiet = self.world.timer().is_none();
        quiet && self.posts.iter().all(|post| post.done) && self.devices.iter().all(there)
    }

    /// Everyone leaves; when nothing is in bounds any more the life ends, and the next begins (rule D9).
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        for device in 0..DEVICES {
            self.cut(device, if device.is_multiple_of(2) { Cut::Clean } else { Cut::Broken });
        }
        self.run(210_000)?;
        check!(self.watch.conns.is_empty(), Rights: "somebody is left");
        // The clock may have been set back: then graces and ages are over when it has come that far again.
        let ledger = &self.watch.ledger;
        let over = ledger.latest + self.world.limits.grace_ms + ledger.bounds.age;
        self.run(over - self.world.now())?;
        let rows = self.world.storage.rows().count();
        check!(rows == 0, Bounds: "D9: nobody is here, and {rows} rows are");
        self.join(0)?;
        self.run(1_000)?;
        let fresh = self.devices[0].client.position().map(|(epoch, seq)| (epoch.to_owned(), seq));
        let Some((epoch, 0)) = fresh else { return Err(fault!(Bounds: "D9: the new life begins at {fresh:?}")) };
        check!(!self.watch.ledger.lives.contains_key(&epoch), Resume: "D3: the life {epoch} came back");
        Ok(())
    }
}
