//! What may be said here, and by whom: the contract, the code that has a say in it, and the Worker of both.

use dormouse::Verdict::AsSaid;
use dormouse::{
    Application, Channel, Contract, Event, Json, Presence, Refused, Said, State, Turn, Verdict,
    payload, reasons,
};

/// What people say, by its name and its type.
pub const SAY: Said<Say> = Said::new("say");

/// This application.
pub struct App;

impl Application for App {
    fn contract() -> Contract {
        Contract::new().channel(
            "chat:*",
            Channel::with_token()
                .judged(SAY, Event::kept().rate(10).burst(30), say)
                .presence::<Json>(Presence::list()),
        )
    }
}

dormouse::serve!(App);

/// Your own code: lets a message pass, says another in its place, or refuses it.
fn say(_: &mut State<()>, _: &mut Turn<'_>, said: &Say) -> Result<Verdict<Say>, Refused<No>> {
    if said.text.to_lowercase().contains("spam") {
        return Err(No::Spam.into());
    }
    Ok(AsSaid)
}

/// Why something is refused, as the sender is told and the page's types know.
#[reasons]
pub enum No {
    /// Nobody wants to hear that.
    Spam,
}

/// Something said in a room.
#[payload]
pub struct Say {
    /// What is said.
    #[garde(length(chars, min = 1, max = 4_000))]
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use dormouse::testing::World;
    use serde_json::json;

    #[test]
    fn the_contract_has_no_mistake() {
        let mistakes = App::contract().check().err().unwrap_or_default();
        let lines: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "\n{}\n", lines.join("\n"));
    }

    #[test]
    fn what_is_said_is_heard_and_nothing_is_not_something_to_say() {
        let mut world = World::<App>::new("chat:lobby");
        let (ann, bob) = (world.joined("ann"), world.joined("bob"));
        world.publish(ann, "say", json!({"text": "hello"}));
        assert_eq!(world.receives(bob)["data"], json!({"text": "hello"}));
        world.publish(bob, "say", json!({"text": ""}));
        world.assert_refused(bob, "invalid_data");
    }

    #[test]
    fn spam_is_refused_and_nobody_hears_it() {
        let mut world = World::<App>::new("chat:lobby");
        let (ann, bob) = (world.joined("ann"), world.joined("bob"));
        world.publish(ann, "say", json!({"text": "Buy SPAM!"}));
        assert_eq!(world.assert_refused(ann, "refused")["reason"], "spam");
        world.refute_received(bob);
    }
}
