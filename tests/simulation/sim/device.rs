//! Devices: what each user's clients do, and with which tokens they come.

use dormouse_protocol::name::Millis;
use serde_json::{Value, json};

use super::Sim;
use super::network::Link;
use crate::fault::Fault;
use crate::ledger::Saying;
use crate::script::{DEVICES, Form, Grant};
use crate::support::Joiner;
use crate::support::client::{Again, Reference};

/// A client and where it runs.
pub(super) struct Device {
    pub(super) client: Reference,
    pub(super) link: Option<usize>,
    pub(super) lag: Millis,
    /// The next text of nothing but others' messages does not reach the client.
    pub(super) eats: bool,
    pub(super) grant: Grant,
    pub(super) life: Millis,
    /// What it published and keeps an id of.
    published: Vec<(String, Value)>,
}

impl Device {
    pub(super) fn new(number: usize) -> Self {
        Self {
            client: Reference::new(&format!("d{number}")),
            link: None,
            lag: 0,
            eats: false,
            grant: Grant::Whole,
            life: super::HOUR,
            published: Vec::new(),
        }
    }
}

impl Sim {
    pub(super) fn user(&self, device: usize) -> Option<&'static str> {
        let user = ["ann", "ann", "bob", "cyd", "dan"][device];
        (self.kind != "open" || device < 3).then_some(user)
    }

    /// The token a device would come with now.
    fn token(&self, device: usize, grant: Grant, life: Millis) -> Joiner {
        let can: &[&str] = match grant {
            Grant::Whole | Grant::Foreign | Grant::Broken if device == 3 => &["join", "publish", "presence"],
            Grant::Whole | Grant::Foreign | Grant::Broken if device == 4 => &["join", "publish", "history"],
            Grant::Whole | Grant::Foreign | Grant::Broken => &["join", "publish", "presence", "history"],
            Grant::Unseen => &["join", "publish", "history"],
            Grant::Forgetful => &["join", "publish", "presence"],
            Grant::Listening => &["join"],
            Grant::Nothing => &["publish"],
        };
        let named = if grant == Grant::Foreign { "eve" } else { self.user(device).unwrap_or("guest") };
        let role = format!("role{}", device % 2);
        let joiner = Joiner::user(named).can(can).roles(&[&role]).expires(self.world.now() + life);
        if grant == Grant::Unseen {
            joiner
        } else {
            joiner.info(json!({"device": device, "grant": format!("{grant:?}")}))
        }
    }

    pub(super) fn join(&mut self, device: usize) -> Result<(), Fault> {
        if self.devices[device].link.is_some() {
            return Ok(());
        }
        let Device { grant, life, .. } = self.devices[device];
        let token = self.token(device, grant, life);
        let mut joiner = match self.kind {
            "door" => {
                self.devices[device].client.token = Some(token.token());
                self.offers.insert(token.token(), token);
                Joiner::anonymous()
            }
            _ if self.user(device).is_none() => Joiner::anonymous(),
            _ => token,
        };
        let (epoch, after, connection) = self.devices[device].client.query();
        (joiner.epoch, joiner.after, joiner.connection) = (epoch, after.map(|after| after.to_string()), connection);
        self.watch.note_graces(&self.world);
        let client = self.world.join(&joiner);
        self.watch.joined(client, &joiner);
        self.devices[device].link = Some(self.links.len());
        self.links.push(Link::new(client, device));
        self.look()
    }

    /// A position that no device has may lie in the middle of a row.
    pub(super) fn peek(&mut self, back: u64, history: bool) -> Result<(), Fault> {
        let ledger = &self.watch.ledger;
        let epoch = ledger.epoch.clone().unwrap_or_else(|| "e0".to_owned());
        let can: &[&str] = if history { &["join", "history"] } else { &["join"] };
        let joiner = Joiner::user("pat").can(can).after(&epoch, ledger.stored().saturating_sub(back));
        let client = self.world.join(&joiner);
        self.watch.joined(client, &joiner);
        self.look()?;
        self.world.leave(client);
        self.look()
    }

    pub(super) fn say(&mut self, by: usize, form: Form, if_seq: Option<u64>) {
        let n = self.watch.ledger.said.len();
        let data = match form {
            Form::Large => json!({"n": n, "pad": "x".repeat(900)}),
            _ => json!({"n": n}),
        };
        let mut frame = match form {
            Form::Kept | Form::Large => json!({"event": "say", "data": data}),
            Form::Mute => json!({"event": "say", "data": data, "echo": false}),
            Form::Slow => json!({"event": "slow", "data": data}),
            Form::Fleeting => json!({"event": "move", "data": data}),
            Form::FleetingMute => json!({"event": "move", "data": data, "echo": false}),
            Form::Directed { users, connections, role } => self.directed(n, users, connections, role),
        };
        if let Some(if_seq) = if_seq {
            frame["if_seq"] = json!(if_seq);
        }
        let kept = frame["event"] != "move" && frame["to"].is_null();
        let again = if kept { Again::Always } else { Again::Never };
        let id = self.devices[by].client.publish(frame.clone(), again);
        self.remember(Some(by), id, frame, kept);
    }

    fn directed(&self, n: usize, users: u8, connections: u8, role: bool) -> Value {
        let named = |bits: u8| (0..DEVICES).filter(move |device| bits & (1 << device) != 0);
        let users: Vec<_> = named(users).filter_map(|device| self.user(device)).collect();
        let connections: Vec<_> =
            named(connections).filter_map(|device| self.devices[device].client.connection()).collect();
        let roles: Vec<_> = role.then_some("role1").into_iter().collect();
        let event = if n.is_multiple_of(2) { "say" } else { "move" };
        let to = json!({"users": users, "connections": connections, "roles": roles});
        json!({"event": event, "data": {"n": n}, "to": to})
    }

    pub(super) fn remember(&mut self, by: Option<usize>, id: String, mut frame: Value, kept: bool) {
        frame["id"] = json!(id);
        if let Some(by) = by.filter(|_| kept) {
            self.devices[by].published.push((id.clone(), frame.clone()));
        }
        self.watch.ledger.said.push(Saying { id, frame, kept });
    }

    pub(super) fn say_again(&mut self, by: usize, back: usize, other: bool) {
        let published = &self.devices[by].published;
        let Some((id, frame)) = published.len().checked_sub(back + 1).and_then(|at| published.get(at)).cloned() else {
            return;
        };
        // A request under way is not asked a second time under its id: the client could not tell the answers apart.
        if self.devices[by].client.is_asking(&id) {
            return;
        }
        let mut fields = frame;
        if other {
            fields["data"] = json!({"n": self.watch.ledger.said.len()});
            self.remember(Some(by), id.clone(), fields.clone(), true);
        }
        self.devices[by].client.publish_as(&id, fields, Again::Always);
    }

    pub(super) fn sign(&mut self, by: usize, grant: Grant, life: Millis) {
        let joiner = self.token(by, grant, life);
        let token = if grant == Grant::Broken { "bad".to_owned() } else { joiner.token() };
        let device = &mut self.devices[by];
        if device.link.is_some() {
            device.client.sign_in(&token);
        }
        if !matches!(grant, Grant::Nothing | Grant::Foreign | Grant::Broken) {
            (device.grant, device.life) = (grant, life);
        }
        self.offers.insert(token, joiner);
    }

    pub(super) fn nonsense(&mut self, by: usize, what: u8) {
        let frame = match what {
            0 => json!({"type": "dance"}),
            1 => json!({"type": "publish", "event": "unheard", "data": 1}),
            2 => json!({"type": "publish", "event": "say"}),
            3 => json!({"type": "publish", "event": "slow", "data": 1, "to": {"users": ["ann"]}}),
            4 => json!({"type": "history", "after": 1, "before": 2}),
            _ => json!({"type": "publish", "event": "move", "data": 1, "if_seq": 1}),
        };
        self.devices[by].client.ask_once(frame);
    }
}
