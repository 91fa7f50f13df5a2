//! Members publish and hear each other, for a while, at one of three paces.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::args::{Pace, Target, Traffic};
use crate::link::{Door, Incoming, Link, Reader, contains};
use crate::member::{Publisher, Says, listen};
use crate::process::{self, Usage};
use crate::room::{Form, Room};
use crate::stats::Stats;
use crate::wire::{self, Dialect};
use crate::{Failure, deflate, join, stdio};

/// How long a member that never read may take to catch up at the end.
const CATCH_UP: Duration = Duration::from_secs(20);

/// Bytes that the kernel keeps for a member that never reads: few, so that the service feels it soon.
const STUCK_BUFFER: u32 = 16 * 1024;

/// Runs one measurement and prints its result.
pub async fn run(target: &Target, plan: &Traffic) -> Result<(), Failure> {
    if plan.call.is_some() && plan.members != 1 {
        return Err("a reply goes to nobody but its asker: --call is for --members 1".into());
    }
    let joined = Rc::new(Stats::new(false)?);
    let mut links = Vec::with_capacity(plan.channels);
    for channel in 0..plan.channels {
        links.push(enter(target, plan, channel, &joined).await?);
    }
    let tokens = join::tokens(target, 0, plan.members, plan.stuck)?;
    let stuck = join::through(Door::new(target, 0)?.with_buffer(STUCK_BUFFER), 1, tokens, &joined).await?;
    let names: Vec<_> = (0..plan.channels).map(|channel| target.name(channel)).collect();
    stdio::tell(&json!({"event": "joined", "channels": names}), target.gated).await?;

    let stats = Rc::new(Stats::new(plan.pace == Pace::Open)?);
    let rooms = start(target, plan, links, &stats);
    sleep(Duration::from_secs_f64(plan.warmup)).await;
    let before = Moment::now(target)?;
    stats.open_window();
    sleep(Duration::from_secs_f64(plan.seconds)).await;
    let seconds = stats.close_window();
    let after = Moment::now(target)?;
    stats.stop();
    let drained = timeout(Duration::from_secs_f64(plan.drain), drain(&rooms, &stats)).await.is_ok();
    let undelivered: u64 = rooms.iter().map(|room| room.borrow().give_up()).sum();
    let strays: usize = rooms.iter().map(|room| room.borrow().strays()).sum();
    stdio::tell(&json!({"event": "finished"}), target.gated).await?;

    let mut result = stats.fields();
    result["event"] = json!("result");
    result["seconds"] = json!(seconds);
    result["deliveries_per_s"] = json!(stats.deliveries.get() as f64 / seconds);
    result["bytes_per_delivery"] = ratio(stats.bytes.get(), stats.deliveries.get());
    result["messages_per_frame"] = ratio(stats.deliveries.get(), stats.frames.get());
    result["drained"] = json!(drained);
    result["undelivered"] = json!(undelivered);
    result["strays"] = json!(strays);
    after.since(&before, &mut result);
    if plan.stuck > 0 {
        result["stuck"] = json!(look_at(stuck).await);
    }
    stdio::tell(&result, false).await
}

/// Joins the members of a channel, in order; publishers may have a door of their own.
async fn enter(target: &Target, plan: &Traffic, channel: usize, joined: &Rc<Stats>) -> Result<Vec<Link>, Failure> {
    let tokens = join::tokens(target, channel, 0, plan.members)?;
    if !plan.direct_publishers {
        return join::members(target, channel, tokens, joined).await;
    }
    let publishes = |index| places(plan).any(|place| place == index);
    let (direct, relayed): (Vec<_>, Vec<_>) = tokens.into_iter().enumerate().partition(|(index, _)| publishes(*index));
    let tokens = |members: Vec<(usize, _)>| members.into_iter().map(|(_, token)| token).collect();
    let listeners = join::members(target, channel, tokens(relayed), joined).await?;
    let door = Door::direct(target, channel, None)?;
    let publishers = join::through(door, target.joining, tokens(direct), joined).await?;
    let (mut listeners, mut publishers) = (listeners.into_iter(), publishers.into_iter());
    let members = 0..plan.members;
    Ok(members.filter_map(|index| if publishes(index) { publishers.next() } else { listeners.next() }).collect())
}

/// Publishers are spread evenly over the order of joining, which is the order of sending.
fn places(plan: &Traffic) -> impl Iterator<Item = usize> {
    (0..plan.publishers).map(|publisher| publisher * plan.members / plan.publishers)
}

/// Lets every member begin; the rooms they are in.
fn start(target: &Target, plan: &Traffic, links: Vec<Vec<Link>>, stats: &Rc<Stats>) -> Vec<Rc<RefCell<Room>>> {
    // Replies are frames of the protocol, by whomever.
    let dialect = if plan.call.is_some() { Dialect::Dormouse } else { target.dialect };
    let mut rooms = Vec::with_capacity(links.len());
    for (channel, links) in links.into_iter().enumerate() {
        let kept = plan.kept && dialect == Dialect::Dormouse;
        let form = Form { dialect, size: plan.payload, kept, channel: target.carried(channel) };
        let room = Rc::new(RefCell::new(Room::new(stats.clone(), form, links.len(), plan.publishers)));
        let mut next = 0;
        for (index, link) in links.into_iter().enumerate() {
            if places(plan).nth(next) == Some(index) {
                publish(
                    target,
                    plan,
                    channel,
                    Publishing { room: room.clone(), stats: stats.clone(), number: next },
                    link,
                );
                next += 1;
            } else {
                listen(link.reader, room.clone(), stats.clone());
            }
        }
        rooms.push(room);
    }
    rooms
}

/// A publisher-to-be.
struct Publishing {
    room: Rc<RefCell<Room>>,
    stats: Rc<Stats>,
    number: usize,
}

fn publish(target: &Target, plan: &Traffic, channel: usize, who: Publishing, link: Link) {
    let Publishing { room, stats, number } = who;
    let place = channel * plan.publishers + number;
    let now = stats.now();
    let publisher = Publisher {
        room,
        stats,
        number,
        dialect: target.dialect,
        channel: target.carried(channel).filter(|_| !plan.direct_publishers),
        instance: wire::instance(place),
        says: plan.call.clone().map_or_else(|| Says::Event(plan.event.clone()), Says::Call),
        size: plan.payload,
    };
    match plan.pace {
        Pace::Closed => publisher.keep_going(link, plan.outstanding),
        Pace::Barrier => publisher.keep_step(link),
        Pace::Open => {
            let interval = 1e9 / plan.rate;
            let share = place as f64 / (plan.channels * plan.publishers) as f64;
            publisher.keep_time(link, now + (interval * share) as u64, interval as u64);
        }
    }
}

async fn drain(rooms: &[Rc<RefCell<Room>>], stats: &Stats) {
    while !rooms.iter().all(|room| room.borrow().complete()) {
        stats.settled.notified().await;
    }
}

/// What members that never read find when they look at last.
async fn look_at(stuck: Vec<Link>) -> Vec<Value> {
    let mut found = Vec::with_capacity(stuck.len());
    for Link { mut reader, writer } in stuck {
        let mut bytes = 0;
        let end = timeout(CATCH_UP, read_out(&mut reader, &mut bytes)).await;
        found.push(json!({"bytes": bytes, "end": end.unwrap_or_else(|_| "still open".into())}));
        drop(writer);
    }
    found
}

/// Reads to the farewell or the end.
async fn read_out(reader: &mut Reader, bytes: &mut usize) -> String {
    loop {
        match reader.next().await {
            Incoming::Text(text) if contains(&text, br#""type":"bye""#) => {
                return String::from_utf8_lossy(&text).into_owned();
            }
            Incoming::Text(text) => *bytes += text.len(),
            Incoming::Closed(reason) => return reason,
        }
    }
}

/// The use of the machine at one moment.
struct Moment {
    server: Usage,
    own: Usage,
    compressed: u64,
}

impl Moment {
    fn now(target: &Target) -> Result<Self, Failure> {
        Ok(Self { server: process::usage(target.pid)?, own: process::own()?, compressed: deflate::received() })
    }

    fn since(&self, before: &Self, result: &mut Value) {
        result["rss_kb"] = json!(self.server.rss_kb);
        result["rss_before_kb"] = json!(before.server.rss_kb);
        result["rss_peak_kb"] = json!(self.server.peak_kb);
        result["server_cpu_ms"] = json!(self.server.cpu_ms - before.server.cpu_ms);
        result["load_cpu_ms"] = json!(self.own.cpu_ms - before.own.cpu_ms);
        // Where compression is not agreed on, the bytes of the wire are those of the payloads.
        if self.compressed > 0 {
            result["wire_bytes"] = json!(self.compressed - before.compressed);
        }
    }
}

fn ratio(count: u64, whole: u64) -> Value {
    if whole == 0 { Value::Null } else { json!(count as f64 / whole as f64) }
}
