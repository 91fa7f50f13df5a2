//! The network between devices and the service: links that delay, cut, and let an old end live on.

use std::collections::VecDeque;

use dormouse_protocol::name::Millis;
use serde_json::Value;

use super::{Device, Sim};
use crate::check;
use crate::fault::Fault;
use crate::script::Cut;
use crate::support::Client;

/// What goes up a link.
pub(super) enum Up {
    Text(String),
    Close { clean: bool },
}

/// What comes down.
pub(super) enum Down {
    Text(String),
    Closed,
}

/// One connection, until both ends know that it has ended.
pub(super) struct Link {
    pub(super) client: Client,
    pub(super) device: usize,
    /// The client still hears and speaks on it.
    heeded: bool,
    up: VecDeque<(Millis, Up)>,
    down: VecDeque<(Millis, Down)>,
    /// Texts of the socket that are on their way or past it.
    taken: usize,
    unread: u64,
}

impl Link {
    pub(super) const fn new(client: Client, device: usize) -> Self {
        Self { client, device, heeded: true, up: VecDeque::new(), down: VecDeque::new(), taken: 0, unread: 0 }
    }

    /// When what is under way arrives, by the clock that nobody sets.
    pub(super) fn due(&self) -> impl Iterator<Item = Millis> {
        let up = self.up.front().map(|(at, _)| *at);
        let down = self.down.front().map(|(at, _)| *at);
        up.into_iter().chain(down)
    }

    /// What goes up keeps its order.
    fn send(&mut self, at: Millis, up: Up) {
        let behind = self.up.back().map_or(0, |(at, _)| *at);
        self.up.push_back((at.max(behind), up));
    }

    fn receive(&mut self, at: Millis, down: Down) {
        let behind = self.down.back().map_or(0, |(at, _)| *at);
        self.down.push_back((at.max(behind), down));
    }
}

impl Down {
    fn bytes(&self) -> u64 {
        if let Self::Text(text) = self { text.len() as u64 } else { 0 }
    }
}

impl Sim {
    pub(super) fn cut(&mut self, of: usize, cut: Cut) {
        let Some(link) = self.devices[of].link.take() else { return };
        let (now, lag) = (self.world.elapsed(), self.devices[of].lag);
        self.devices[of].client.closed();
        let link = &mut self.links[link];
        link.heeded = false;
        link.unread = link.down.iter().map(|(_, down)| down.bytes()).sum();
        link.down.clear();
        let (at, clean) = match cut {
            Cut::Clean => (now + lag, true),
            Cut::Broken => {
                link.up.clear();
                (now, false)
            }
            Cut::Unseen(after) => (now + after.max(lag), false),
        };
        link.send(at, Up::Close { clean });
    }

    /// Delivers everything that is due now, and what comes of it.
    pub(super) fn pump(&mut self) -> Result<(), Fault> {
        loop {
            self.speak();
            let now = self.world.elapsed();
            let due = |link: &Link| link.due().any(|at| at <= now);
            let Some(at) = self.links.iter().position(due) else { return Ok(()) };
            let link = &mut self.links[at];
            if link.down.front().is_some_and(|(due, _)| *due <= now)
                && let Some((_, down)) = link.down.pop_front()
            {
                self.deliver(at, down)?;
            } else if let Some((_, up)) = link.up.pop_front() {
                self.arrive(at, up)?;
            }
        }
    }

    /// What clients want to say goes on its way.
    fn speak(&mut self) {
        let now = self.world.elapsed();
        for (number, device) in self.devices.iter_mut().enumerate() {
            let Some(link) = device.link else { continue };
            if device.client.waits_in_vain(now) {
                self.cut(number, Cut::Unseen(0));
                return self.speak();
            }
            for text in device.client.speak(now) {
                self.links[link].send(now + device.lag, Up::Text(text));
            }
        }
    }

    /// Something reaches the service.
    fn arrive(&mut self, at: usize, up: Up) -> Result<(), Fault> {
        let client = self.links[at].client;
        match up {
            Up::Text(text) => {
                self.watch.received(&self.world, client, &text, &self.offers);
                self.world.send_text(client, &text);
            }
            Up::Close { clean: true } => self.world.leave(client),
            Up::Close { clean: false } => self.world.cut(client),
        }
        self.look()
    }

    /// Something reaches a client.
    fn deliver(&mut self, at: usize, down: Down) -> Result<(), Fault> {
        let Link { device, .. } = self.links[at];
        let now = self.world.elapsed();
        let Down::Text(text) = down else {
            self.hang_up(at);
            return Ok(());
        };
        let Device { client, eats, .. } = &mut self.devices[device];
        if *eats && others_only(&text, client.connection()) {
            *eats = false;
            return Ok(());
        }
        let told = client.told.len();
        client.hear(&text, now);
        check!(client.faults.is_empty(), Order: "client d{device}: {:?}", client.faults);
        let (told, bye) = (client.told[told..].to_vec(), client.bye);
        for told in told {
            self.watch.app_was_told(device, &told, &text)?;
        }
        // Whoever is told bye closes its socket.
        if bye.is_some() {
            self.hang_up(at);
        }
        Ok(())
    }

    fn hang_up(&mut self, at: usize) {
        self.cut(self.links[at].device, Cut::Clean);
    }

    /// What the socket was told goes down the link.
    pub(super) fn take(&mut self, at: usize) {
        let link = &mut self.links[at];
        let device = &self.devices[link.device];
        let socket = self.world.socket(link.client);
        let fresh = socket.texts[link.taken..].to_vec();
        link.taken += fresh.len();
        let ended = socket.hung_up.is_some() || !self.world.is_connected(link.client);
        let due = self.world.elapsed() + device.lag;
        if link.heeded {
            for text in fresh {
                link.receive(due, Down::Text(text));
            }
            if ended && !link.down.iter().any(|(_, down)| matches!(down, Down::Closed)) {
                link.receive(due, Down::Closed);
            }
        } else {
            link.unread += fresh.iter().map(|text| text.len() as u64).sum::<u64>();
        }
        let unsent = link.unread + link.down.iter().map(|(_, down)| down.bytes()).sum::<u64>();
        self.world.socket_mut(link.client).unsent = unsent;
    }
}

/// Whether the text is nothing but others' kept messages: what a client can find out it has missed.
fn others_only(text: &str, own: Option<&str>) -> bool {
    let frames = match serde_json::from_str(text) {
        Ok(Value::Array(frames)) => frames,
        Ok(frame) => vec![frame],
        Err(_) => return false,
    };
    let others = |frame: &Value| {
        frame["type"] == "message" && frame["seq"].is_u64() && frame["from"]["connection"].as_str() != own
    };
    frames.iter().all(others)
}
