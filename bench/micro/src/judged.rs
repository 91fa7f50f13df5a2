//! Events that code judges, beside one that nobody judges: what a handler costs a message.

use dormouse::Verdict::AsSaid;
use dormouse::{Application, Channel, Contract, Event, Refused, Said, State, Turn, Verdict, payload, state};

/// A contract of one typed event under three names: judged by nobody, by code that changes nothing, and by code that changes
/// a small state.
#[derive(Clone, Copy, Debug)]
pub struct App;

impl Application for App {
    fn contract() -> Contract {
        let hot = || Event::ephemeral().rate(100_000).burst(100_000);
        let channel = Channel::with_token()
            .state::<Tally>()
            .event(Said::<Line>::new("plain"), hot())
            .judged(Said::new("judged"), hot(), judge)
            .judged(Said::new("counted"), hot(), count);
        Contract::new().channel("bench:*", channel)
    }
}

/// What is said.
#[payload]
pub struct Line {
    /// In words.
    #[garde(length(chars, max = 4_000))]
    pub text: String,
}

/// What the code remembers.
#[state]
pub struct Tally {
    count: u64,
    longest: u64,
}

fn judge(_: &mut State<Tally>, _: &mut Turn<'_>, _: &Line) -> Result<Verdict<Line>, Refused> {
    Ok(AsSaid)
}

fn count(tally: &mut State<Tally>, _: &mut Turn<'_>, line: &Line) -> Result<Verdict<Line>, Refused> {
    tally.count = tally.count.saturating_add(1);
    tally.longest = tally.longest.max(line.text.len() as u64);
    Ok(AsSaid)
}

/// A publish under one of the names, of so many bytes of data.
pub fn frame(event: &str, id: u64, bytes: usize) -> String {
    let text = "x".repeat(bytes.saturating_sub(r#"{"text":""}"#.len()));
    format!(r#"{{"type":"publish","id":"rig-{id}","event":"{event}","data":{{"text":"{text}"}}}}"#)
}
