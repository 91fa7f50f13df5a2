//! A channel with code of its own: what is said is judged, dice are rolled, something is counted, and one is reminded.

use std::collections::BTreeSet;
use std::time::Duration;

use dormouse::Verdict::{AsSaid, Instead};
use dormouse::{
    Call, Calls, Channel, Event, Presence, Refused, Said, State, Timer, Turn, Verdict, payload, reasons, state,
};

const SAY: Said<Say> = Said::new("say");
const ROLLED: Said<Rolled> = Said::new("rolled");
const REMINDED: Said<Reminded> = Said::new("reminded");
const ROLL: Call<Roll, Rolled> = Call::new("roll");
const COUNT: Call<Nothing, Counted> = Call::new("count");
const REMIND: Call<Remind, Nothing> = Call::new("remind");
const REMINDER: Timer<Reminded> = Timer::new("reminder");
const UNMUTE: Timer<String> = Timer::new("unmute");

/// For how long nobody hears one who sends spam.
const MUTED_FOR: Duration = Duration::from_secs(60);

/// The channel, to be declared under a pattern.
pub fn demo() -> Channel<Room> {
    Channel::with_token()
        .state::<Room>()
        .snapshot(shown)
        .judged(SAY, Event::kept(), say)
        .event(ROLLED, Event::kept().from_service())
        .event(REMINDED, Event::kept().from_service())
        .call(ROLL, Calls::plain(), roll)
        .call(COUNT, Calls::remembered(), count)
        .call(REMIND, Calls::plain(), remind)
        .timer(REMINDER, reminded)
        .timer(UNMUTE, unmute)
        .presence::<Nothing>(Presence::list())
}

/// What the channel remembers.
#[state]
pub struct Room {
    count: u64,
    muted: BTreeSet<String>,
}

/// Why something is refused here.
#[reasons]
pub enum No {
    /// You are muted for a minute after sending spam.
    Muted,
}

fn say(room: &mut State<Room>, turn: &mut Turn<'_>, said: &Say) -> Result<Verdict<Say>, Refused<No>> {
    let user = turn.user()?;
    if room.muted.contains(&user) {
        return Err(No::Muted.into());
    }
    if !said.text.contains("spam") {
        return Ok(AsSaid);
    }
    turn.after(UNMUTE, &user, MUTED_FOR, &user);
    room.muted.insert(user);
    Ok(Instead(Say { text: "…".to_owned() }))
}

fn roll(_: &mut State<Room>, turn: &mut Turn<'_>, dice: &Roll) -> Result<Rolled, Refused> {
    let rolled = Rolled { by: turn.user()?, n: turn.random(1..=dice.sides) };
    turn.say(ROLLED, &rolled);
    Ok(rolled)
}

fn count(room: &mut State<Room>, _: &mut Turn<'_>, _: &Nothing) -> Result<Counted, Refused> {
    room.count = room.count.saturating_add(1);
    Ok(Counted { count: room.count })
}

fn remind(_: &mut State<Room>, turn: &mut Turn<'_>, asked: &Remind) -> Result<Nothing, Refused> {
    let by = turn.user()?;
    let wait = Duration::from_millis(asked.after_ms);
    turn.after(REMINDER, &by, wait, &Reminded { by: by.clone(), text: asked.text.clone() });
    Ok(Nothing {})
}

fn reminded(_: &mut State<Room>, turn: &mut Turn<'_>, it: &Reminded) {
    turn.say(REMINDED, it);
}

fn unmute(room: &mut State<Room>, _: &mut Turn<'_>, user: &String) {
    room.muted.remove(user);
}

fn shown(room: &Room) -> Shown {
    Shown { count: room.count, muted: room.muted.clone() }
}

/// Something said in the room.
#[payload]
pub struct Say {
    /// What is said.
    #[garde(length(chars, min = 1, max = 4_000))]
    pub text: String,
}

/// Dice to be rolled.
#[payload]
pub struct Roll {
    /// How many sides the die has.
    #[garde(range(min = 2, max = 1_000))]
    pub sides: u64,
}

/// What somebody rolled.
#[payload]
pub struct Rolled {
    /// Who.
    pub by: String,
    /// The number.
    pub n: u64,
}

/// How often everybody together has counted.
#[payload]
pub struct Counted {
    /// The number.
    pub count: u64,
}

/// What one wants to be reminded of.
#[payload]
pub struct Remind {
    /// After how many milliseconds, a day at most.
    #[garde(range(max = 86_400_000))]
    pub after_ms: u64,
    /// Of what.
    #[garde(length(chars, min = 1, max = 500))]
    pub text: String,
}

/// Somebody is reminded of something.
#[payload]
pub struct Reminded {
    /// Who.
    pub by: String,
    /// Of what.
    pub text: String,
}

/// No data: `{}`.
#[payload]
pub struct Nothing {}

/// What members are shown of the room.
#[payload]
pub struct Shown {
    /// How often everybody together has counted.
    pub count: u64,
    /// Who was muted lately.
    pub muted: BTreeSet<String>,
}
