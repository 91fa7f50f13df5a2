//! Joining: many members at once, and how many a second the service takes.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::spawn_local;

use crate::args::{Join, Target};
use crate::link::{Door, Link};
use crate::process;
use crate::stats::Stats;
use crate::wire::Dialect;
use crate::{Failure, stdio, token};

/// The tokens of the members of one channel, signed before the clock runs.
pub fn tokens(target: &Target, channel: usize, first: usize, count: usize) -> Result<Vec<Option<String>>, Failure> {
    let user = |member| format!("user-{channel}-{member}");
    let mint = |member| match target.dialect {
        Dialect::Raw => Ok(None),
        Dialect::Dormouse => token::mint(&target.secret, user(member)).map(Some),
    };
    (first..first + count).map(mint).collect()
}

/// Joins one member for each token, in order, several at a time; each duration goes to `stats`.
pub async fn members(
    target: &Target,
    channel: usize,
    tokens: Vec<Option<String>>,
    stats: &Rc<Stats>,
) -> Result<Vec<Link>, Failure> {
    through(Door::new(target, channel)?, target.joining, tokens, stats).await
}

/// The same through a door of one's own.
pub async fn through(
    door: Door,
    joining_at_once: usize,
    tokens: Vec<Option<String>>,
    stats: &Rc<Stats>,
) -> Result<Vec<Link>, Failure> {
    let door = Rc::new(door);
    let places = Arc::new(Semaphore::new(joining_at_once.max(1)));
    let mut joining = Vec::with_capacity(tokens.len());
    for token in tokens {
        let place = places.clone().acquire_owned().await?;
        let (door, stats) = (door.clone(), stats.clone());
        joining.push(spawn_local(async move {
            let begin = Instant::now();
            // The text of an error can leave the task, the error itself cannot.
            let link = door.join(token.as_deref()).await.map_err(|error| error.to_string());
            stats.record(u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX));
            drop(place);
            link
        }));
    }
    let mut links = Vec::with_capacity(joining.len());
    for task in joining {
        links.push(task.await??);
    }
    Ok(links)
}

/// Measures how many members join a second.
pub async fn run(target: &Target, plan: &Join) -> Result<(), Failure> {
    let (warm, stats) = (Rc::new(Stats::new(false)?), Rc::new(Stats::new(false)?));
    let early = members(target, 1, tokens(target, 1, 0, plan.warmup)?, &warm).await?;
    let first = members(target, 0, tokens(target, 0, 0, 1)?, &warm).await?;
    let tokens = tokens(target, 0, 1, plan.members)?;
    stdio::tell(&json!({"event": "joined", "channels": [target.name(0)]}), target.gated).await?;

    let (before, own) = (process::usage(target.pid)?, process::own()?);
    let begin = Instant::now();
    let links = members(target, 0, tokens, &stats).await?;
    let seconds = begin.elapsed().as_secs_f64();
    let (after, own_after) = (process::usage(target.pid)?, process::own()?);

    stdio::tell(&json!({"event": "finished"}), target.gated).await?;
    let mut result = stats.fields();
    result["event"] = json!("result");
    result["seconds"] = json!(seconds);
    result["joins_per_s"] = json!(links.len() as f64 / seconds);
    result["rss_kb"] = json!(after.rss_kb);
    result["kb_per_connection"] = json!((after.rss_kb as f64 - before.rss_kb as f64) / links.len() as f64);
    result["server_cpu_ms"] = json!(after.cpu_ms - before.cpu_ms);
    result["load_cpu_ms"] = json!(own_after.cpu_ms - own.cpu_ms);
    drop((early, first));
    stdio::tell(&result, false).await
}
