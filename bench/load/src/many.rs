//! Many channels each: how fast clients join them, on one connection or on one for each, and how fast all come back.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::spawn_local;

use crate::args::{Many, Target};
use crate::link::{Door, Incoming, Link, expect};
use crate::wire::{self, Position};
use crate::{Failure, join, process, stdio};

/// The most joins of one frame.
const BATCH: usize = 100;

/// Where a client was in its channels, by their numbers.
type Places = BTreeMap<usize, Position>;

/// A client that is in all its channels.
struct Client {
    token: Option<String>,
    links: Vec<Link>,
    places: Places,
}

impl Client {
    /// Its connections break; what it says when it comes back.
    fn lose(self) -> (Option<String>, Places) {
        drop(self.links);
        (self.token, self.places)
    }
}

/// Measures how fast clients join all their channels, and come back to them.
pub async fn run(target: &Target, plan: &Many) -> Result<(), Failure> {
    let channels = plan.channels;
    // One who is in all of them, so that they are awake and the service's code is compiled.
    let first = enter_all(target, channels, fresh(join::tokens(target, 0, 0, 1)?)).await?;
    let clients = fresh(join::tokens(target, 0, 1, plan.clients)?);
    let names: Vec<_> = (0..channels).map(|channel| target.name(channel)).collect();
    stdio::tell(&json!({"event": "joined", "channels": names}), target.gated).await?;

    let memberships = (plan.clients * channels) as f64;
    let (before, own) = (process::usage(target.pid)?, process::own()?);
    let begin = Instant::now();
    let clients = enter_all(target, channels, clients).await?;
    let joining = begin.elapsed().as_secs_f64();
    let (joined, own_joined) = (process::usage(target.pid)?, process::own()?);

    // All break at once, and each comes back with its positions.
    let begin = Instant::now();
    let broken = clients.into_iter().map(Client::lose).collect();
    let clients = enter_all(target, channels, broken).await?;
    let returning = begin.elapsed().as_secs_f64();
    let returned = process::usage(target.pid)?;

    stdio::tell(&json!({"event": "finished"}), target.gated).await?;
    let result = json!({
        "event": "result",
        "seconds": joining,
        "joins_per_s": memberships / joining,
        "cpu_us_per_join": (joined.cpu_ms - before.cpu_ms) as f64 * 1_000.0 / memberships,
        "kb_per_membership": (joined.rss_kb as f64 - before.rss_kb as f64) / memberships,
        "reconnect_ms": returning * 1_000.0,
        "rejoins_per_s": memberships / returning,
        "cpu_us_per_rejoin": (returned.cpu_ms - joined.cpu_ms) as f64 * 1_000.0 / memberships,
        "rss_kb": returned.rss_kb,
        "server_cpu_ms": joined.cpu_ms - before.cpu_ms,
        "load_cpu_ms": own_joined.cpu_ms - own.cpu_ms,
    });
    drop((first, clients));
    stdio::tell(&result, false).await
}

/// Clients that were in no channel yet.
fn fresh(tokens: Vec<Option<String>>) -> Vec<(Option<String>, Places)> {
    tokens.into_iter().map(|token| (token, Places::new())).collect()
}

/// Lets clients into all their channels, several connections at a time.
async fn enter_all(
    target: &Target,
    channels: usize,
    clients: Vec<(Option<String>, Places)>,
) -> Result<Vec<Client>, Failure> {
    let target = Rc::new(target.clone());
    let free = Arc::new(Semaphore::new(target.joining.max(1)));
    let mut entering = Vec::with_capacity(clients.len());
    for (token, places) in clients {
        let (target, free) = (target.clone(), free.clone());
        entering.push(spawn_local(async move {
            let entered = match &target.connect {
                Some(url) => enter_by_one(&target, url, channels, token, &places, &free).await,
                None => enter_by_each(&target, channels, token, &places, &free).await,
            };
            entered.and_then(|client| came_back(&places, client)).map_err(|error| error.to_string())
        }));
    }
    let mut entered = Vec::with_capacity(entering.len());
    for task in entering {
        entered.push(task.await??);
    }
    Ok(entered)
}

/// One who comes back finds the same history, and no other connection under its name.
fn came_back(before: &Places, client: Client) -> Result<Client, Failure> {
    match before.iter().find(|(channel, was)| client.places.get(channel).is_none_or(|is| is.epoch != was.epoch)) {
        Some((channel, was)) => Err(format!("channel {channel} is another than that of {was:?}").into()),
        None => Ok(client),
    }
}

/// All on one connection, in arrays that do not wait for its greeting.
async fn enter_by_one(
    target: &Target,
    url: &str,
    channels: usize,
    token: Option<String>,
    before: &Places,
    free: &Semaphore,
) -> Result<Client, Failure> {
    let _place = free.acquire().await?;
    let mut link = Door::of_many(target, url)?.open(token.as_deref()).await?;
    let joins: Vec<_> = (0..channels).map(|channel| wire::join(&target.name(channel), before.get(&channel))).collect();
    for joins in joins.chunks(BATCH) {
        link.writer.feed(format!("[{}]", joins.join(","))).await?;
    }
    link.writer.flush().await?;
    expect(&mut link.reader, "hello").await?;
    let mut places = Places::new();
    while places.len() < channels {
        match link.reader.next().await {
            Incoming::Text(text) => note(target, &text, before, &mut places)?,
            Incoming::Closed(reason) => return Err(format!("closed before all was joined: {reason}").into()),
        }
    }
    Ok(Client { token, links: vec![link], places })
}

/// Each on a connection of its own.
async fn enter_by_each(
    target: &Rc<Target>,
    channels: usize,
    token: Option<String>,
    before: &Places,
    free: &Arc<Semaphore>,
) -> Result<Client, Failure> {
    let mut entering = Vec::with_capacity(channels);
    for channel in 0..channels {
        let place = free.clone().acquire_owned().await?;
        let door = Door::direct(target, channel, before.get(&channel))?;
        let token = token.clone();
        entering.push(spawn_local(async move {
            let entered = async {
                let mut link = door.open(token.as_deref()).await?;
                let text = expect(&mut link.reader, "welcome").await?;
                Ok::<_, Failure>((link, text))
            };
            let entered = entered.await.map_err(|error| error.to_string());
            drop(place);
            entered
        }));
    }
    let (mut links, mut places) = (Vec::with_capacity(channels), Places::new());
    for task in entering {
        let (link, text) = task.await??;
        note(target, &text, before, &mut places)?;
        links.push(link);
    }
    Ok(Client { token, links, places })
}

/// Notes the welcome of a channel.
fn note(target: &Target, text: &[u8], before: &Places, places: &mut Places) -> Result<(), Failure> {
    let (name, position, resume) = wire::welcome(text)?;
    let number = name.strip_prefix(&target.prefix).and_then(|number| number.parse().ok());
    let channel: usize = number.ok_or_else(|| format!("nobody has joined {name}"))?;
    let wanted = if before.contains_key(&channel) { "recovered" } else { "fresh" };
    if resume != wanted {
        return Err(format!("{name} was to be {wanted} and is {resume}").into());
    }
    match places.insert(channel, position) {
        None => Ok(()),
        Some(_) => Err(format!("{name} has welcomed twice").into()),
    }
}
