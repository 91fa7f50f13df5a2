//! Members that only sit: what a connection costs in memory, and what heartbeats cost while the object sleeps.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use serde_json::json;
use tokio::task::spawn_local;
use tokio::time::{Instant, interval_at, sleep, timeout};

use crate::args::{Idle, Target};
use crate::link::{Link, Writer};
use crate::member::{Publisher, Says, listen, settled};
use crate::process;
use crate::room::{Form, Room};
use crate::stats::Stats;
use crate::{Failure, join, stdio, wire};

/// Bytes of the data of the one message that every member hears.
const SIZE: usize = 64;

/// How long that message may take to reach all.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the measurement and prints its result.
pub async fn run(target: &Target, plan: &Idle) -> Result<(), Failure> {
    let joined = Rc::new(Stats::new(false)?);
    let mut links = join::members(target, 0, join::tokens(target, 0, 0, 1)?, &joined).await?;
    let tokens = join::tokens(target, 0, 1, plan.members)?;
    let empty = process::usage(target.pid)?;
    links.extend(join::members(target, 0, tokens, &joined).await?);
    let full = process::usage(target.pid)?;
    stdio::tell(&json!({"event": "joined", "channels": [target.name(0)]}), target.gated).await?;

    let stats = Rc::new(Stats::new(false)?);
    let form = Form { dialect: target.dialect, size: SIZE, kept: false, channel: target.carried(0) };
    let room = Rc::new(RefCell::new(Room::new(stats.clone(), form, links.len(), 1)));
    let mut writers = Vec::with_capacity(links.len());
    for Link { reader, writer } in links {
        listen(reader, room.clone(), stats.clone());
        writers.push(writer);
    }
    // A connection over which nothing was ever sent is smaller than any that is used.
    greet(target, &room, &stats, writers.first_mut().ok_or("nobody joined")?).await?;
    let used = process::usage(target.pid)?;
    let every = Duration::from_secs_f64(plan.interval);
    let begin = Instant::now() + Duration::from_secs_f64(plan.settle);
    for (index, writer) in writers.into_iter().enumerate() {
        beat(writer, begin + every.mul_f64(index as f64 / plan.members as f64), every, stats.clone());
    }
    sleep(Duration::from_secs_f64(plan.settle)).await;
    let (before, pongs) = (process::usage(target.pid)?, stats.pongs.get());
    sleep(Duration::from_secs_f64(plan.seconds)).await;
    let after = process::usage(target.pid)?;
    let pongs = stats.pongs.get() - pongs;
    stats.stop();
    stdio::tell(&json!({"event": "finished"}), target.gated).await?;

    let mut result = stats.fields();
    let per_connection = |kb: u64| (kb as f64 - empty.rss_kb as f64) / plan.members as f64;
    result["event"] = json!("result");
    result["pongs"] = json!(pongs);
    result["rss_kb"] = json!(after.rss_kb);
    result["kb_per_connection_unused"] = json!(per_connection(full.rss_kb));
    result["kb_per_connection"] = json!(per_connection(used.rss_kb));
    result["kb_per_connection_asleep"] = json!(per_connection(after.rss_kb));
    result["server_cpu_ms"] = json!(after.cpu_ms - before.cpu_ms);
    stdio::tell(&result, false).await
}

/// Sends one message to all and waits until they have it.
async fn greet(
    target: &Target,
    room: &Rc<RefCell<Room>>,
    stats: &Rc<Stats>,
    writer: &mut Writer,
) -> Result<(), Failure> {
    let publisher = Publisher {
        room: room.clone(),
        stats: stats.clone(),
        number: 0,
        dialect: target.dialect,
        channel: target.carried(0),
        instance: wire::instance(0),
        says: Says::Event("hot".into()),
        size: SIZE,
    };
    publisher.publish_now(writer).await;
    Ok(timeout(PATIENCE, settled(room)).await.map_err(|_| "a message did not reach everybody")?)
}

/// Sends a heartbeat now and then.
fn beat(mut writer: Writer, first: Instant, every: Duration, stats: Rc<Stats>) {
    spawn_local(async move {
        let mut ticks = interval_at(first, every);
        loop {
            ticks.tick().await;
            if !stats.running() {
                return;
            }
            if writer.feed("ping".into()).await.is_err() || writer.flush().await.is_err() {
                stats.note(|| "a heartbeat could not be sent".into());
                return;
            }
        }
    });
}
