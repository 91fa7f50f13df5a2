//! What may be said here, and by whom: the contract of this deployment, and the file to edit.
//!
//! The first argument of `channel` is a pattern: `*` is one segment of a name, `**` one or more. `npm start` and
//! `cargo test` tell mistakes with the line to change. Doc comments of types and fields are shown to clients.

use super::demo::demo;
use dormouse::{Ability, Application, Channel, Contract, Event, Json, KIB, Presence, payload};

/// This deployment.
#[derive(Clone, Copy, Debug)]
pub struct App;

impl Application for App {
    fn contract() -> Contract {
        Contract::new()
            .channel("chat:*", chat(Channel::with_token()))
            .channel("door:*", chat(Channel::sign_in_later()))
            .channel(
                "cursor:*",
                Channel::with_token()
                    .event::<Move>("move", Event::ephemeral().rate(60).burst(120))
                    .presence::<Json>(Presence::list()),
            )
            .channel(
                "public:**",
                Channel::for_anyone()
                    .grants([Ability::History, Ability::Presence])
                    .event::<Json>("message", Event::kept().rate(10).burst(30).max_bytes(16 * KIB))
                    .presence::<Json>(Presence::count()),
            )
            .channel(
                "app:**",
                Channel::with_token()
                    .event::<Json>("message", Event::kept().directed().rate(20).burst(40).max_bytes(32 * KIB))
                    .event::<Json>("signal", Event::ephemeral().directed().rate(20).burst(40).max_bytes(32 * KIB))
                    .presence::<Json>(Presence::list()),
            )
            .channel("demo:*", demo())
    }
}

/// A room to talk in.
fn chat(entry: Channel) -> Channel {
    entry
        .event::<Say>("say", Event::kept().directed().rate(10).burst(30))
        .event::<Typing>("typing", Event::ephemeral().rate(5))
        .presence::<Json>(Presence::list())
}

/// Something said in a room.
#[payload]
pub struct Say {
    /// What is said.
    #[garde(length(chars, min = 1, max = 4_000))]
    pub text: String,
}

/// Whether someone is about to say something.
#[payload]
pub struct Typing {
    /// True from the first letter, false when the line is empty again.
    pub on: bool,
}

/// Where someone's pointer is, as a share of the page's width and height.
#[payload]
pub struct Move {
    /// From the left.
    #[garde(range(min = 0.0, max = 1.0))]
    pub x: f64,
    /// From the top.
    #[garde(range(min = 0.0, max = 1.0))]
    pub y: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use dormouse::testing::World;
    use serde_json::json;

    #[test]
    fn the_contract_of_this_deployment_has_no_mistake() {
        if let Err(mistakes) = App::contract().check() {
            let lines: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
            panic!("\n{}\n", lines.join("\n"));
        }
    }

    #[test]
    fn what_is_said_in_a_chat_is_heard_by_all_and_an_empty_text_is_refused() {
        let mut world = World::<App>::new("chat:lobby");
        let (ann, bob) = (world.joined("ann"), world.joined("bob"));
        world.publish(ann, "say", json!({"text": "Hello."}));
        assert_eq!(world.receives(bob)["data"], json!({"text": "Hello."}));
        world.publish(bob, "say", json!({"text": ""}));
        world.assert_refused(bob, "invalid_data");
    }
}
