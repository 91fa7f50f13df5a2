//! An application whose code panics where it is told to, and asks another server on this machine.

use dormouse::Verdict::AsSaid;
use dormouse::{
    Application, BindingCall, Call, Calls, Channel, Contract, Event, HttpCall, Job, JobFailed,
    Refused, Said, State, Turn, Verdict, answer, payload,
};

const SAY: Said<Say> = Said::new("say");
const SCORED: Said<Scored> = Said::new("scored");
const RATE: Call<Say, Done> = Call::new("rate");
const SCORE: Job<Say, Scored> = Job::new("score");

const KEEP: Call<Say, Done> = Call::new("keep");
const PUT: Job<Say, ()> = Job::new("put");
const SELECT: Job<Say, Say> = Job::new("select");
const SEND: Job<Say, Sent> = Job::new("send");
const GET: Job<Say, String> = Job::new("get");
const MISSING: Job<Say, ()> = Job::new("missing");

/// This application.
pub struct App;

impl Application for App {
    fn contract() -> Contract {
        let code = Channel::with_token()
            .judged(SAY, Event::kept(), say)
            .event(SCORED, Event::kept().from_service())
            .call(RATE, Calls::remembered(), rate)
            .calls_out_to(["127.0.0.1:PORT"])
            .job(SCORE, scoring, scored)
            .call(KEEP, Calls::remembered(), keep)
            .binding_job(PUT, putting, put)
            .binding_job(SELECT, selecting, selected)
            .binding_job(SEND, sending, sent)
            .binding_job(GET, getting, got)
            .binding_job(MISSING, missing, missed);
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
    assert_ne!(said.text, "panic", "on purpose");
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

fn keep(_: &mut State<()>, turn: &mut Turn<'_>, said: &Say) -> Result<Done, Refused> {
    turn.start(if said.text == "missing" { MISSING } else { PUT }, said);
    Ok(Done {})
}

fn putting(said: &Say, _: &str) -> BindingCall {
    BindingCall::on("FILES")
        .call("put")
        .arg("last")
        .arg(&said.text)
}

fn put(_: &mut State<()>, turn: &mut Turn<'_>, said: &Say, came: Result<(), JobFailed>) {
    if came.is_ok() {
        turn.start(SELECT, said);
    }
}

fn selecting(said: &Say, key: &str) -> BindingCall {
    BindingCall::on("TABLES")
        .call("prepare")
        .arg("SELECT ? || ' ' || substr(?, 1, 7) AS text")
        .call("bind")
        .arg(&said.text)
        .arg(key)
        .call("first")
}

fn selected(_: &mut State<()>, turn: &mut Turn<'_>, _: &Say, came: Result<Say, JobFailed>) {
    if let Ok(said) = came {
        turn.start(SEND, &said);
    }
}

fn sending(said: &Say, key: &str) -> BindingCall {
    BindingCall::on("LINES").call("send").arg((key, said))
}

fn sent(_: &mut State<()>, turn: &mut Turn<'_>, said: &Say, came: Result<Sent, JobFailed>) {
    if came.is_ok() {
        turn.start(GET, said);
    }
}

fn getting(_: &Say, _: &str) -> BindingCall {
    BindingCall::on("FILES").call("get").arg("last")
}

fn got(_: &mut State<()>, turn: &mut Turn<'_>, said: &Say, came: Result<String, JobFailed>) {
    let of = format!("{} {}", said.text, came.unwrap_or_default());
    turn.say(SCORED, &Scored { of, points: 1 });
}

fn missing(_: &Say, _: &str) -> BindingCall {
    BindingCall::on("NOWHERE").call("get")
}

fn missed(_: &mut State<()>, _: &mut Turn<'_>, _: &Say, _: Result<(), JobFailed>) {}

/// Something said.
#[payload]
pub struct Say {
    text: String,
}

/// What a queue says of what it was sent.
#[answer]
pub struct Sent {}

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
