//! An application whose every change of state is also said, so that its history tells what its state must be, which timers
//! are set and which jobs are under way.

use std::time::Duration;

use dormouse::{
    Application, BindingCall, Call, Calls, Channel, Contract, Event, HistoryBounds, HttpCall, Job, JobFailed, Json,
    Presence, Refused, Said, State, Timer, To, Turn, Verdict, payload, reasons, state,
};
use serde::Serialize;
use xxhash_rust::xxh64::xxh64;

use super::asked::{Ask, Done, How, What, Word, Worked};
use super::deed::Deed;
use super::items::{ITEMS, Item, rearrange};

pub const SAY: Said<Word> = Said::new("say");
pub const WAVE: Said<Word> = Said::new("wave");
pub const DEED: Said<Deed> = Said::new("deed");
pub const WHISPER: Said<Word> = Said::new("whisper");
pub const ONCE: Call<Ask, Done> = Call::new("once");
pub const ASK: Call<Ask, Done> = Call::new("ask");
pub const LATE: Timer<Deed> = Timer::new("late");
pub const WORK: Job<Deed, Worked> = Job::new("work");
pub const FILE: Job<Deed, Worked> = Job::new("file");

/// So often the channel ticks before it stops by itself.
pub const TICKS: u64 = 8;

/// A day is longer than any script.
const HELD: HistoryBounds = HistoryBounds { count: 100_000, age: 80 * 86_400_000, bytes: 1 << 30 };

#[derive(Clone, Copy, Debug)]
pub struct Tally;

impl Application for Tally {
    fn contract() -> Contract {
        Contract::new().channel(
            "tally:*",
            Channel::with_token()
                .state::<Room>()
                .snapshot(shown)
                .judged(SAY, Event::kept(), say)
                .judged(WAVE, Event::ephemeral(), wave)
                .event(DEED, Event::kept().from_service())
                .event(WHISPER, Event::ephemeral().directed().from_service())
                .event::<Json>("note", Event::kept())
                .call(ONCE, Calls::plain(), ask)
                .call(ASK, Calls::remembered(), ask)
                .on_join(joined)
                .on_leave(left)
                .on_tick(ticked)
                .timer(LATE, late)
                .calls_out_to(["work.example"])
                .job(WORK, working, worked)
                .binding_job(FILE, filing, worked)
                .presence::<Json>(Presence::list())
                .history(HELD),
        )
    }
}

/// What the kept history adds up to.
#[state]
#[derive(PartialEq, Eq)]
pub struct Room {
    /// How many messages that count.
    pub said: u64,
    /// All of them, in their order, hashed.
    pub digest: u32,
    /// How often it is to tick still.
    pub ticks: u64,
}

impl Room {
    /// One more message is in the history.
    pub fn add(&mut self, event: &str, data: &impl Serialize) {
        self.said += 1;
        let data = serde_json::to_value(data).unwrap();
        self.digest = xxh64(format!("{} {event} {data}", self.digest).as_bytes(), 0) as u32;
    }
}

fn shown(room: &Room) -> Shown {
    Shown { said: room.said, digest: room.digest }
}

/// The state as it is told.
#[payload]
pub struct Shown {
    pub said: u64,
    pub digest: u32,
}

#[reasons]
pub enum No {
    /// This is never taken.
    Never,
}

/// Says that something was done, and adds it up.
fn tell(room: &mut State<Room>, turn: &mut Turn<'_>, deed: &Deed) {
    room.add(DEED.name(), deed);
    turn.say(DEED, deed);
}

fn say(room: &mut State<Room>, turn: &mut Turn<'_>, word: &Word) -> Result<Verdict<Word>, Refused<No>> {
    let n = word.n;
    if word.how == How::Instead {
        let other = Word { n, how: How::Other };
        room.add(SAY.name(), &other);
        return Ok(Verdict::Instead(other));
    }
    room.add(SAY.name(), word);
    match word.how {
        How::Also => {
            tell(room, turn, &Deed::of("also", n));
            turn.tell(To::user(turn.user()?), WHISPER, word);
        }
        How::No => {
            // None of it may be seen of anywhere.
            tell(room, turn, &Deed::of("never", n));
            set(room, turn, &Ask { n, what: What::Set, key: "never".to_owned(), after: 0 });
            turn.start(WORK, &Deed::of("never", n));
            turn.tick_every(Duration::from_millis(77));
            return Err(No::Never.into());
        }
        How::Plain | How::Instead | How::Other => {}
    }
    Ok(Verdict::AsSaid)
}

fn wave(room: &mut State<Room>, turn: &mut Turn<'_>, word: &Word) -> Result<Verdict<Word>, Refused<No>> {
    tell(room, turn, &Deed::of("waved", word.n));
    Ok(Verdict::AsSaid)
}

fn ask(room: &mut State<Room>, turn: &mut Turn<'_>, ask: &Ask) -> Result<Done, Refused<No>> {
    let key = ask.key.clone();
    match ask.what {
        What::Count => tell(room, turn, &Deed::of("count", ask.n)),
        What::Set => set(room, turn, ask),
        What::Cancel => {
            tell(room, turn, &Deed { key, ..Deed::of("cancel", ask.n) });
            turn.cancel(LATE, &ask.key);
        }
        What::Start | What::File => {
            let job = if ask.what == What::File { FILE } else { WORK };
            tell(room, turn, &Deed::of("start", ask.n));
            turn.start(job, &Deed::of("start", ask.n));
        }
        What::Tick => {
            let every = Duration::from_millis(pause(&ask.key));
            room.ticks = TICKS;
            tell(room, turn, &Deed { due: pause(&ask.key), ..Deed::of("tick", ask.n) });
            turn.tick_every(every);
        }
        What::Hush => {
            room.ticks = 0;
            tell(room, turn, &Deed::of("hush", ask.n));
            turn.stop_ticks();
        }
        What::Put | What::Take | What::List => {
            let deed = rearrange(turn, ask);
            tell(room, turn, &deed);
        }
        What::Kick => {
            tell(room, turn, &Deed { key, ..Deed::of("kick", ask.n) });
            turn.kick(&ask.key);
        }
        What::No => {
            // None of it may be seen of anywhere.
            tell(room, turn, &Deed::of("never", ask.n));
            turn.put_row(ITEMS, "never", &Item { n: ask.n });
            turn.remove_row(ITEMS, "a0");
            turn.kick("ann");
            turn.stop_ticks();
            return Err(No::Never.into());
        }
    }
    Ok(Done { n: ask.n, said: room.said })
}

/// How long from one tick to the next, in milliseconds.
fn pause(key: &str) -> u64 {
    match key {
        "a" => 20,
        "b" => 900,
        "c" => 10_000,
        _ => 60_000,
    }
}

fn ticked(room: &mut State<Room>, turn: &mut Turn<'_>) {
    room.ticks -= 1;
    let (due, at) = (room.ticks, turn.now());
    tell(room, turn, &Deed { due, at, ..Deed::of("ticked", 0) });
    if due == 0 {
        turn.stop_ticks();
    }
}

fn set(room: &mut State<Room>, turn: &mut Turn<'_>, ask: &Ask) {
    let set = Deed { key: ask.key.clone(), due: turn.now() + ask.after, ..Deed::of("set", ask.n) };
    tell(room, turn, &set);
    turn.after(LATE, &ask.key, Duration::from_millis(ask.after), &set);
}

fn late(room: &mut State<Room>, turn: &mut Turn<'_>, set: &Deed) {
    let at = turn.now();
    let fired = Deed { what: "fired".to_owned(), at, ..set.clone() };
    tell(room, turn, &fired);
    turn.put_row(ITEMS, &set.key, &Item { n: set.n });
    if let Some(user) = fired.kicked() {
        turn.kick(user);
    }
    // One that sets itself again under its own key, once, and at once: which is a second later.
    if set.key == "twice" && set.what == "set" {
        let again = Deed { what: "again".to_owned(), due: at + 1_000, ..set.clone() };
        tell(room, turn, &again);
        turn.after(LATE, &set.key, Duration::ZERO, &again);
    }
}

fn working(deed: &Deed) -> HttpCall {
    HttpCall::post("https://work.example/").json(deed)
}

fn filing(deed: &Deed, key: &str) -> BindingCall {
    BindingCall::on("FILES").call("put").arg(key).arg(deed)
}

fn worked(room: &mut State<Room>, turn: &mut Turn<'_>, deed: &Deed, came: Result<Worked, JobFailed>) {
    let key = match came {
        Ok(_) => "ok",
        Err(JobFailed::Refused { .. }) => "refused",
        Err(JobFailed::Unreadable(_)) => "unreadable",
        Err(JobFailed::GivenUp(_)) => "given up",
    };
    tell(room, turn, &Deed { key: key.to_owned(), ..Deed::of("done", deed.n) });
}

fn joined(room: &mut State<Room>, turn: &mut Turn<'_>) {
    tell(room, turn, &Deed::of("joined", 0));
}

fn left(room: &mut State<Room>, turn: &mut Turn<'_>) {
    tell(room, turn, &Deed::of("left", 0));
}
