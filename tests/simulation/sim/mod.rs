//! Plays a script: devices with reference clients, links with delays and ends, one channel, and the watch over it.

mod backend;
mod device;
mod finish;
mod network;

use std::collections::BTreeMap;

use dormouse_core::contract::Contract;
use dormouse_core::effect::AskerKey;
use dormouse_protocol::name::{ChannelName, Millis};
use serde_json::{Value, json};

use crate::check;
use crate::fault::Fault;
use crate::ledger::Ledger;
use crate::script::{self, Cut, DEVICES, Form, Op, Script};
use crate::support::{Joiner, Sleep, World};
use crate::watch::Watch;

use backend::{Asked, Post};
use device::Device;
use network::Link;

const HOUR: Millis = 3_600_000;
/// Devices that ping do so this often, in milliseconds.
const PING: Millis = 25_000;

/// One run.
pub struct Sim {
    world: World,
    watch: Watch,
    kind: &'static str,
    devices: Vec<Device>,
    links: Vec<Link>,
    posts: Vec<Post>,
    asked: BTreeMap<AskerKey, Asked>,
    /// Which token stands for what.
    offers: BTreeMap<String, Joiner>,
    turns: usize,
    crashes: usize,
    met: usize,
    pinged: Millis,
}

impl Sim {
    pub fn new(script: &Script) -> Self {
        let contract: Contract = script::contract().check().unwrap();
        let rules = contract.rules(&ChannelName::parse(script.channel).unwrap()).unwrap().clone();
        let sleep = if script.sleeps { Sleep::Always } else { Sleep::Never };
        let mut world = World::under(script::contract(), script.channel, sleep);
        world.limits = script::limits(script.tight);
        let ledger = Ledger::new(rules.history, world.limits.clone());
        Self {
            world,
            watch: Watch::new(ledger, script.channel),
            kind: script.channel.split(':').next().unwrap(),
            devices: (0..DEVICES).map(Device::new).collect(),
            links: Vec::new(),
            posts: Vec::new(),
            asked: BTreeMap::new(),
            offers: BTreeMap::new(),
            turns: 0,
            crashes: 0,
            met: 0,
            pinged: 0,
        }
    }

    /// Plays the script, lets everything settle, and has the channel come to its end.
    pub fn play(mut self, script: &Script) -> Result<(), Fault> {
        for (number, op) in script.ops.iter().enumerate() {
            self.op(*op).map_err(|fault| fault.when(format!("at {number}: {op:?}, {}", self.times())))?;
        }
        self.converge().map_err(|fault| fault.when(format!("while all settles, {}", self.times())))?;
        self.end().map_err(|fault| fault.when(format!("at the end of the life, {}", self.times())))
    }

    fn times(&self) -> String {
        format!("{} ms in, the channel's clock is {}", self.world.elapsed(), self.world.now())
    }

    fn op(&mut self, op: Op) -> Result<(), Fault> {
        match op {
            Op::Join(device) => self.join(device)?,
            Op::Say { by, form, count } => (0..count).for_each(|_| self.say(by, form, None)),
            Op::If { by, off } => {
                let known = self.devices[by].client.position().map_or(0, |(_, seq)| seq);
                self.say(by, Form::Kept, Some(known.saturating_add_signed(off.into())));
            }
            Op::Again { by, back, other } => self.say_again(by, back, other),
            Op::Show { by, what } => {
                self.devices[by].client.show(what.map_or(Value::Null, |what| json!({"shows": what})));
            }
            Op::Sign { by, grant, life } => self.sign(by, grant, life),
            Op::Page { by, back } => {
                let before = (self.watch.ledger.stored() + 2).saturating_sub(back);
                self.devices[by].client.ask_once(json!({"type": "history", "before": before, "limit": 5}));
            }
            Op::Peek { back, history } => self.peek(back, history)?,
            Op::Nonsense { by, what } => self.nonsense(by, what),
            Op::Eat(device) => self.devices[device].eats = true,
            Op::End { of, cut } => self.cut(of, cut),
            Op::Twin { of, after } => {
                self.cut(of, Cut::Unseen(after));
                self.join(of)?;
            }
            Op::Lag { of, by } => self.devices[of].lag = by,
            Op::Gather(device, gathers) => self.devices[device].client.gathers = gathers,
            Op::Post { count, array, off } => self.post(count, array, off)?,
            Op::PostAgain { back, other } => self.post_again(back, other)?,
            Op::Read => self.read()?,
            Op::Wait(millis) => self.run(millis)?,
            // What trouble left undone is tried again before the platform puts a channel out of memory.
            Op::Evict if self.world.timer().is_none() && !self.watch.troubled => self.world.sleep(),
            Op::Evict => {}
            Op::Crash => self.world.crash(),
            Op::Die(doom) => self.world.trouble.doom = Some(doom),
            Op::FailRead(after) => self.world.trouble.read = Some(after),
            Op::FailWrite(after) => self.world.trouble.write = Some(after),
            Op::Full(full) => self.set_full(full),
            Op::Jump(millis) => {
                self.watch.settings += 1;
                self.watch.set_by += millis.unsigned_abs();
                self.world.set_clock(self.world.now().saturating_add_signed(millis));
            }
            Op::Damage { back, how } => {
                let seq = self.watch.ledger.stored().saturating_sub(back);
                self.watch.ledger.damage(&mut self.world.storage, seq, how);
            }
        }
        self.look()?;
        self.pump()
    }

    fn set_full(&mut self, full: bool) {
        self.world.storage.set_full(full);
        self.watch.full = full;
    }

    /// Lets so much time pass, one thing that is due after the other.
    fn run(&mut self, millis: Millis) -> Result<(), Fault> {
        let until = self.world.elapsed() + millis;
        loop {
            self.pump()?;
            let ping = self.pinged + PING;
            let network = self.links.iter().flat_map(Link::due);
            let clients = self.devices.iter().filter(|device| device.link.is_some()).filter_map(|it| it.client.due());
            let now = self.world.elapsed();
            let channel = self.world.timer().into_iter().chain(self.world.alarm());
            let channel = channel.map(|at| now + at.saturating_sub(self.world.now()));
            let next = network.chain(clients).chain(channel).chain([ping, until]).min().unwrap_or(until);
            let next = next.clamp(now, until);
            let before = self.world.turns();
            self.world.step(self.world.now() + (next - now));
            self.look()?;
            if next >= ping {
                self.pinged = next;
                self.ping();
            }
            if next == until && self.world.turns() == before {
                self.pump()?;
                return self.watch.quiet(&self.world);
            }
        }
    }

    fn ping(&mut self) {
        for device in self.devices.iter().step_by(2) {
            if let Some(link) = device.link {
                self.world.ping(self.links[link].client);
            }
        }
    }

    /// After whatever happened to the channel: what it told is checked, and goes on its way.
    fn look(&mut self) -> Result<(), Fault> {
        let fresh = self.world.trouble.met() != self.met;
        if self.world.turns() != self.turns {
            self.turns = self.world.turns();
            self.watch.troubled = fresh;
        }
        let crashed = self.world.crashes() != self.crashes;
        if fresh || crashed {
            self.watch.excuse = self.watch.excuse.max(Some(self.world.now()));
        }
        (self.met, self.crashes) = (self.world.trouble.met(), self.world.crashes());
        if crashed {
            self.watch.crashed();
        }
        self.watch.look(&self.world)?;
        self.answers(crashed)?;
        if crashed {
            self.asked.clear();
        }
        check!(self.world.timer().is_some() || self.asked.is_empty(), Answers: "E2: a request is not answered");
        for at in 0..self.links.len() {
            self.take(at);
        }
        self.watch.quiet(&self.world)
    }
}
