//! An application whose code panics where it is told to, and asks another server on this machine.

use dormouse::Verdict::AsSaid;
use dormouse::{
    Application, Call, Calls, Channel, Contract, Event, HttpCall, Job, JobFailed, Refused, Said,
    State, Turn, Verdict, payload,
};

const SAY: Said<Say> = Said::new("say");
const SCORED: Said<Scored> = Said::new("scored");
const RATE: Call<Say, Done> = Call::new("rate");
const SCORE: Job<Say, Scored> = Job::new("score");

/// This application.
pub struct App;

impl Application for App {
    fn contract() -> Contract {
        let code = Channel::with_token()
            .judged(SAY, Event::kept(), say)
            .event(SCORED, Event::kept().from_service())
            .call(RATE, Calls::remembered(), rate)
            .calls_out_to(["127.0.0.1:PORT"])
            .job(SCORE, scoring, scored);
        Contract::new().channel("code:*", code)
    }
}

dormouse::serve!(App);

fn say(_: &mut State<()>, _: &mut Turn<'_>, said: &Say) -> Result<Verdict<Say>, Refused> {
    assert_ne!(said.text, "panic", "on purpose");
    Ok(AsSaid)
}

fn rate(_: &mut State<()>, turn: &mut Turn<'_>, said: &Say) -> Result<Done, Refused> {
    turn.start(SCORE, said);
    Ok(Done {})
}

fn scoring(said: &Say) -> HttpCall {
    HttpCall::post(format!("http://127.0.0.1:PORT/{}", said.text))
        .secret_header("Authorization", "SCORE_KEY")
        .json(said)
}

fn scored(_: &mut State<()>, turn: &mut Turn<'_>, said: &Say, came: Result<Scored, JobFailed>) {
    let of = said.text.clone();
    let points = match came {
        Ok(scored) => scored.points,
        Err(JobFailed::Refused { status, .. }) => status.into(),
        Err(JobFailed::GivenUp(_) | JobFailed::Unreadable(_)) => 0,
    };
    turn.say(SCORED, &Scored { of, points });
}

/// Something said.
#[payload]
pub struct Say {
    text: String,
}

/// What it was worth.
#[payload]
pub struct Scored {
    #[serde(default)]
    of: String,
    points: u64,
}

/// No more than that it is done.
#[payload]
pub struct Done {}
