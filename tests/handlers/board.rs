//! An application that does all that code in a channel can do: a board with staff, a score that is asked for outside, and a
//! clock that ticks.

use std::collections::BTreeMap;
use std::time::Duration;

use dormouse::{
    Application, BindingCall, Call, Calls, Channel, Contract, Event, HttpCall, Job, JobFailed, Json, Never, Presence,
    Refused, Rows, Said, State, Timer, To, Turn, Verdict, payload, reasons, state,
};

pub const PIN: Said<Pin> = Said::new("pin");
pub const NOTE: Said<Pin> = Said::new("note");
pub const SCORED: Said<Score> = Said::new("scored");
pub const GONE: Said<Names> = Said::new("gone");
pub const TICKED: Said<Number> = Said::new("ticked");
pub const PUT: Call<Item, Nothing> = Call::new("put");
pub const TAKE: Call<Key, Nothing> = Call::new("take");
pub const LIST: Call<Page, Items> = Call::new("list");
pub const KICK: Call<Key, Nothing> = Call::new("kick");
pub const TELL: Call<Key, Nothing> = Call::new("tell");
pub const HERE: Call<Nothing, Names> = Call::new("here");
pub const RATE: Call<Pin, Nothing> = Call::new("rate");
pub const TICK: Call<Number, Nothing> = Call::new("tick");
pub const BREAK: Call<Key, Nothing> = Call::new("break");
pub const FILL: Call<Long, Nothing> = Call::new("fill");
pub const TELL_MUCH: Call<Long, Long> = Call::new("tell_much");
pub const SCORE: Job<Pin, Score> = Job::new("score");
pub const FILE: Job<Pin, Option<Score>> = Job::new("file");
pub const FILE_IT: Call<Pin, Nothing> = Call::new("file");
pub const LATE: Timer<Pin> = Timer::new("late");
pub const ITEMS: Rows<Pin> = Rows::new("items");

#[derive(Clone, Copy, Debug)]
pub struct Board;

impl Application for Board {
    fn contract() -> Contract {
        Contract::new()
            .channel("board:*", board())
            .channel("plain:*", Channel::with_token().event::<Json>("say", Event::kept()))
    }
}

fn board() -> Channel<Room> {
    Channel::with_token()
        .state::<Room>()
        .guard(open_or_staff)
        .judged(PIN, Event::kept(), pin)
        .event(NOTE, Event::ephemeral().directed())
        .event(SCORED, Event::kept().from_service())
        .event(GONE, Event::kept().from_service())
        .event(TICKED, Event::ephemeral().from_service())
        .call(PUT, Calls::plain().rate(100), put)
        .call(TAKE, Calls::plain().rate(100), take)
        .call(LIST, Calls::plain(), list)
        .call(KICK, Calls::plain(), kick)
        .call(TELL, Calls::plain(), tell)
        .call(HERE, Calls::plain(), here)
        .call(RATE, Calls::remembered().rate(1_000).burst(10_000), rate)
        .call(TICK, Calls::plain(), tick)
        .call(BREAK, Calls::plain(), break_it)
        .call(FILL, Calls::plain(), fill)
        .call(TELL_MUCH, Calls::remembered(), tell_much)
        .on_join(joined)
        .on_leave(left)
        .on_tick(ticked)
        .timer(LATE, late)
        .calls_out_to(["score.example"])
        .job(SCORE, scoring, scored)
        .binding_job(FILE, filing, filed)
        .call(FILE_IT, Calls::plain(), file_it)
        .presence::<Json>(Presence::list())
}

#[state]
pub struct Room {
    pub closed: bool,
    pub visits: BTreeMap<String, u64>,
    pub pins: u64,
    pub ticks: u64,
}

#[reasons]
pub enum No {
    /// Nothing can be pinned twice.
    Pinned,
    /// There is a pin of this text.
    Twice,
}

#[reasons]
pub enum Guarded {
    /// Only staff may do anything while the board is closed.
    StaffOnly,
}

fn open_or_staff(room: &Room, turn: &Turn<'_>) -> Result<(), Refused<Guarded>> {
    match room.closed && !turn.who().has_role("staff") {
        true => Err(Guarded::StaffOnly.into()),
        false => Ok(()),
    }
}

fn pin(room: &mut State<Room>, turn: &mut Turn<'_>, pin: &Pin) -> Result<Verdict<Pin>, Refused<No>> {
    room.pins += 1;
    match pin.text.as_str() {
        "close" => room.closed = true,
        "twice" => return Err(No::Twice.into()),
        "pinned" => return Err(No::Pinned.into()),
        "unfit" => return Ok(Verdict::Instead(Pin { text: String::new() })),
        "later" => turn.after(LATE, "one", Duration::from_secs(60), pin),
        "again" => turn.after(LATE, "one", Duration::ZERO, pin),
        "never" => turn.cancel(LATE, "one"),
        "unknown" => turn.say(Said::<Pin>::new("nothing"), pin),
        _ => {}
    }
    Ok(Verdict::AsSaid)
}

fn put(_: &mut State<Room>, turn: &mut Turn<'_>, item: &Item) -> Result<Nothing, Refused<No>> {
    turn.put_row(ITEMS, &item.key, &Pin { text: item.text.clone() });
    // What was put is read at once.
    match turn.row(ITEMS, &item.key) {
        Some(Pin { text }) if text == "refused" => Err(No::Twice.into()),
        _ => Ok(Nothing {}),
    }
}

fn take(_: &mut State<Room>, turn: &mut Turn<'_>, key: &Key) -> Result<Nothing, Refused> {
    turn.remove_row(ITEMS, &key.key);
    Ok(Nothing {})
}

fn list(_: &mut State<Room>, turn: &mut Turn<'_>, page: &Page) -> Result<Items, Refused> {
    let rows = turn.rows(ITEMS, page.after.as_deref(), page.limit);
    Ok(Items { items: rows.into_iter().map(|(key, Pin { text })| Item { key, text }).collect() })
}

fn kick(_: &mut State<Room>, turn: &mut Turn<'_>, key: &Key) -> Result<Nothing, Refused> {
    turn.kick(&key.key);
    Ok(Nothing {})
}

fn tell(_: &mut State<Room>, turn: &mut Turn<'_>, key: &Key) -> Result<Nothing, Refused> {
    turn.tell(To::user(&key.key), NOTE, &Pin { text: "for you".to_owned() });
    Ok(Nothing {})
}

fn here(_: &mut State<Room>, turn: &mut Turn<'_>, _: &Nothing) -> Result<Names, Refused> {
    let mut names: Vec<_> = turn.members().iter().filter_map(|who| who.user().ok().map(str::to_owned)).collect();
    names.sort();
    Ok(Names { names })
}

fn rate(_: &mut State<Room>, turn: &mut Turn<'_>, pin: &Pin) -> Result<Nothing, Refused> {
    turn.start(SCORE, pin);
    Ok(Nothing {})
}

pub fn tick(_: &mut State<Room>, turn: &mut Turn<'_>, every: &Number) -> Result<Nothing, Refused> {
    match every.n {
        0 => turn.stop_ticks(),
        every => turn.tick_every(Duration::from_millis(every)),
    }
    Ok(Nothing {})
}

fn break_it(room: &mut State<Room>, _: &mut Turn<'_>, key: &Key) -> Result<Nothing, Refused<Never>> {
    room.pins += 100;
    Err(Refused::broken(format!("{} is broken", key.key)))
}

fn fill(room: &mut State<Room>, _: &mut Turn<'_>, long: &Long) -> Result<Nothing, Refused> {
    room.visits.extend((0..20).map(|nth| (format!("{nth} {}", long.text), 1)));
    Ok(Nothing {})
}

fn tell_much(_: &mut State<Room>, _: &mut Turn<'_>, long: &Long) -> Result<Long, Refused> {
    Ok(Long { text: long.text.repeat(300_000) })
}

fn joined(room: &mut State<Room>, turn: &mut Turn<'_>) {
    if let Ok(user) = turn.user() {
        *room.visits.entry(user).or_default() += 1;
    }
}

fn left(_: &mut State<Room>, turn: &mut Turn<'_>) {
    if let Ok(user) = turn.user() {
        turn.say(GONE, &Names { names: vec![user] });
    }
}

pub fn ticked(room: &mut State<Room>, turn: &mut Turn<'_>) {
    room.ticks += 1;
    // What it could not read is no fault of its own.
    turn.rows(ITEMS, None, 1);
    turn.say(TICKED, &Number { n: room.ticks });
}

fn late(_: &mut State<Room>, turn: &mut Turn<'_>, pin: &Pin) {
    if pin.text == "again" {
        turn.after(LATE, "one", Duration::ZERO, pin);
    }
    if pin.text == "round" {
        turn.start(SCORE, pin);
    }
    let items = turn.rows(ITEMS, None, 1);
    turn.say(SCORED, &Score { text: pin.text.clone(), points: items.len() as u64 });
}

fn scoring(pin: &Pin) -> HttpCall {
    let host = if pin.text == "elsewhere" { "other.example" } else { "score.example" };
    HttpCall::post(format!("https://{host}/score")).secret_header("Authorization", "SCORE_KEY").json(pin)
}

fn scored(room: &mut State<Room>, turn: &mut Turn<'_>, pin: &Pin, came: Result<Score, JobFailed>) {
    room.pins += 1;
    if pin.text == "round" {
        turn.after(LATE, "one", Duration::ZERO, pin);
    }
    let points = match came {
        Ok(score) => score.points,
        Err(JobFailed::Refused { .. }) => 400,
        Err(JobFailed::Unreadable(_)) => 404,
        Err(JobFailed::GivenUp(_)) => 500,
    };
    turn.say(SCORED, &Score { text: pin.text.clone(), points });
}

fn file_it(_: &mut State<Room>, turn: &mut Turn<'_>, pin: &Pin) -> Result<Nothing, Refused> {
    turn.start(FILE, pin);
    Ok(Nothing {})
}

fn filing(pin: &Pin, key: &str) -> BindingCall {
    BindingCall::on("FILES").call("put").arg(key).arg(pin).arg(Number { n: 60 })
}

fn filed(_: &mut State<Room>, turn: &mut Turn<'_>, pin: &Pin, came: Result<Option<Score>, JobFailed>) {
    let points = if came.is_ok() { 1 } else { 0 };
    turn.say(SCORED, &Score { text: pin.text.clone(), points });
}

#[payload]
pub struct Pin {
    #[garde(length(chars, min = 1, max = 100))]
    pub text: String,
}

#[payload]
pub struct Item {
    pub key: String,
    pub text: String,
}

#[payload]
pub struct Key {
    pub key: String,
}

#[payload]
pub struct Page {
    #[serde(default)]
    pub after: Option<String>,
    pub limit: usize,
}

#[payload]
pub struct Items {
    pub items: Vec<Item>,
}

#[payload]
pub struct Names {
    pub names: Vec<String>,
}

#[payload]
pub struct Number {
    pub n: u64,
}

#[payload]
pub struct Score {
    pub text: String,
    pub points: u64,
}

#[payload]
pub struct Nothing {}

#[payload]
pub struct Long {
    pub text: String,
}
