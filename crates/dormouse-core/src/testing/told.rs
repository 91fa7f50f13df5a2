//! What the sender of some data is told, without a channel around it.

use crate::contract::{Channel, Contract, Event, Payload};
use dormouse_protocol::name::ChannelName;

/// What the sender of this data would be told if an event carried this type; empty where it fits.
#[track_caller]
pub fn told<T: Payload>(data: &str) -> String {
    let contract = Contract::new().channel("told", Channel::with_token().event::<T>("said", Event::kept()));
    let contract = contract.check().unwrap_or_else(|mistakes| panic!("{}", mistakes[0]));
    let rules = ChannelName::parse("told").and_then(|name| contract.rules(&name).cloned());
    let event = rules.as_ref().and_then(|rules| rules.event("said"));
    event.and_then(|event| event.validate(data).err()).map(|wrong| wrong.to_string()).unwrap_or_default()
}
