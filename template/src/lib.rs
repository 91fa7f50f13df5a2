//! What may be said here, and by whom: the contract, and the Worker that holds everybody to it.

use dormouse::{Application, Channel, Contract, Event, Json, Presence, payload};

/// This application.
pub struct App;

impl Application for App {
    fn contract() -> Contract {
        Contract::new().channel(
            "chat:*",
            Channel::with_token()
                .event::<Say>("say", Event::kept().rate(10).burst(30))
                .presence::<Json>(Presence::list()),
        )
    }
}

dormouse::serve!(App);

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
}
