//! One message to all: while the object is awake, and as the first after its sleep.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::args::{Target, Wake};
use crate::link::{Link, Writer};
use crate::member::{Publisher, Says, listen, settled};
use crate::room::{Form, Room};
use crate::stats::{Stats, millis};
use crate::{Failure, join, process, stdio, wire};

/// The pause between two messages to the awake object: each finds it at rest, as the one after sleep does.
const PAUSE: Duration = Duration::from_millis(500);

/// How long one message may take to reach all.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the measurement and prints its result.
pub async fn run(target: &Target, plan: &Wake) -> Result<(), Failure> {
    let joined = Rc::new(Stats::new(false)?);
    let mut links = join::members(target, 0, join::tokens(target, 0, 0, plan.members)?, &joined).await?;
    stdio::tell(&json!({"event": "joined", "channels": [target.name(0)]}), target.gated).await?;

    let stats = Rc::new(Stats::new(false)?);
    stats.open_window();
    let form = Form { dialect: target.dialect, size: plan.payload, kept: false, channel: target.carried(0) };
    let room = Rc::new(RefCell::new(Room::new(stats.clone(), form, links.len(), 1)));
    let Link { reader, mut writer } = links.pop().ok_or("nobody joined")?;
    for link in links {
        listen(link.reader, room.clone(), stats.clone());
    }
    listen(reader, room.clone(), stats.clone());
    let publisher = Publisher {
        room: room.clone(),
        stats: stats.clone(),
        number: 0,
        dialect: target.dialect,
        channel: target.carried(0),
        instance: wire::instance(0),
        says: Says::Event(plan.event.clone()),
        size: plan.payload,
    };

    let (mut awake, mut woken) = (Vec::new(), Vec::new());
    to_all(&publisher, &mut writer, &room).await?;
    for _ in 0..plan.sleeps {
        for _ in 0..plan.awake {
            sleep(PAUSE).await;
            awake.push(to_all(&publisher, &mut writer, &room).await?);
        }
        sleep(Duration::from_secs_f64(plan.quiet)).await;
        woken.push(to_all(&publisher, &mut writer, &room).await?);
    }
    stats.stop();
    stdio::tell(&json!({"event": "finished"}), target.gated).await?;

    let mut result = stats.fields();
    result["event"] = json!("result");
    result["awake_ms"] = json!(awake);
    result["woken_ms"] = json!(woken);
    result["rss_kb"] = json!(process::usage(target.pid)?.rss_kb);
    stdio::tell(&result, false).await
}

/// Milliseconds until a message has reached every member.
async fn to_all(publisher: &Publisher, writer: &mut Writer, room: &RefCell<Room>) -> Result<f64, Failure> {
    let begin = publisher.stats.now();
    publisher.publish_now(writer).await;
    timeout(PATIENCE, settled(room)).await.map_err(|_| "a message did not reach everybody")?;
    Ok(millis(publisher.stats.now() - begin))
}
