//! How a connection joins a channel, leaves it, and replaces its token (rules M2, M3).

use super::event::Event;
use crate::effect::SessionKey;
use crate::grant::{Claims, TokenError};
use crate::link::{Gone, Up};
use crate::session::ResumeQuery;
use dormouse_protocol::error::{Close, Code, Refusal};
use dormouse_protocol::frame::{self, Ack};
use dormouse_protocol::multiplex::{self, CHANNELS_MAX, Join};
use dormouse_protocol::name::{ChannelName, RequestId};

impl Event<'_> {
    /// A join is answered by the channel, unless it cannot be asked at all.
    pub(super) fn join(&mut self, key: SessionKey, join: &Join<'_>) -> Result<(), Refusal> {
        let known = ChannelName::parse(&join.channel).filter(|name| self.config.contract.rules(name).is_some());
        let Some(channel) = known else {
            // A name as it was sent is not told again: it may be anything.
            return match ChannelName::parse(&join.channel) {
                Some(channel) => {
                    self.refuse_join(key, &channel, Close::NoSuchChannel);
                    Ok(())
                }
                None => Err(Refusal::new(Code::NotFound, "No channel has this name.")),
            };
        };
        let Some(connection) = self.connections.get_mut(key) else { return Ok(()) };
        connection.pass_join(self.steady)?;
        if connection.joined.contains_key(&channel) {
            let text = "This connection has joined this channel: leave it first, or send `resume`.";
            return Err(Refusal::new(Code::Conflict, text));
        }
        if connection.joined.len() >= CHANNELS_MAX {
            let text = format!("A connection carries at most {CHANNELS_MAX} channels.");
            return Err(Refusal::new(Code::OverCapacity, text));
        }
        let (of_connection, address) = (connection.claims.clone(), connection.address);
        let claims = match &join.token {
            None => of_connection,
            Some(token) => match self.own_token(of_connection.as_ref(), token) {
                Ok(claims) => Some(claims),
                Err(close) => {
                    self.refuse_join(key, &channel, close);
                    return Ok(());
                }
            },
        };
        let grant = claims.map(|claims| claims.grant(&channel));
        let resume = ResumeQuery { epoch: join.epoch.clone(), after: join.after.clone() }.short();
        let Some(link) = self.channels.open(&channel) else { return Ok(()) };
        let member = link.enter(key);
        link.push(&Up::Join { member, grant, resume, connection: join.connection.clone(), address });
        if let Some(connection) = self.connections.get_mut(key) {
            if join.token.is_some() {
                connection.own_tokens.push(channel.clone());
            }
            connection.joined.insert(channel, member);
            connection.changed = true;
        }
        Ok(())
    }

    /// A token for one channel is the same user's (rule M2).
    fn own_token(&self, of_connection: Option<&Claims>, token: &str) -> Result<Claims, Close> {
        let claims = self.config.verifier.verify(token, self.now).map_err(|flaw| TokenError::from(flaw).close())?;
        match of_connection {
            Some(own) if own.user != claims.user => Err(Close::Forbidden),
            _ => Ok(claims),
        }
    }

    /// A channel that cannot be joined is over before it has begun (rule M2).
    fn refuse_join(&mut self, key: SessionKey, channel: &ChannelName, close: Close) {
        let bye = frame::bye(frame::Bye { close, retry_after: None });
        self.tell(key, multiplex::inside(channel.as_str(), &bye));
    }

    pub(super) fn leave(&mut self, key: SessionKey, id: Option<&RequestId>, channel: &str) -> Result<(), Refusal> {
        let (channel, number) = self.joined(key, channel)?;
        if let Some(connection) = self.connections.get_mut(key) {
            connection.leave(&channel);
        }
        if let Some(link) = self.channels.get_mut(&channel) {
            link.leave(number);
            link.push(&Up::Close(number, Gone::Left));
        }
        self.acknowledge(key, id);
        Ok(())
    }

    /// The channel of this name, if the connection has joined it, with its number there.
    pub(super) fn joined(&self, key: SessionKey, channel: &str) -> Result<(ChannelName, u32), Refusal> {
        let name = ChannelName::parse(channel);
        let joined = name.and_then(|name| {
            let number = *self.connections.get(key)?.joined.get(&name)?;
            Some((name, number))
        });
        joined.ok_or_else(|| Refusal::new(Code::NotFound, "This connection has not joined this channel."))
    }

    /// Another token for the connection, and for all its channels but those with a token of their own (rule M3).
    pub(super) fn authenticate(&mut self, key: SessionKey, id: Option<&RequestId>, token: &str) -> Result<(), Refusal> {
        let Some(connection) = self.connections.get_mut(key) else { return Ok(()) };
        connection.pass_auth(self.steady)?;
        let claims = self.config.verifier.verify(token, self.now)?;
        if connection.claims.as_ref().is_some_and(|own| own.user != claims.user) {
            let text = "The token is another user's: connect anew to become someone else.";
            return Err(Refusal::new(Code::Forbidden, text));
        }
        (connection.claims, connection.changed) = (Some(claims), true);
        let by_it = connection.joined.iter().filter(|(channel, _)| !connection.own_tokens.contains(channel));
        let joined: Vec<_> = by_it.map(|(channel, number)| (channel.clone(), *number)).collect();
        // Each channel verifies it for itself; without an id none of them answers.
        let auth = serde_json::json!({"type": "auth", "token": token}).to_string();
        for (channel, number) in joined {
            if let Some(link) = self.channels.get_mut(&channel) {
                link.push(&Up::Frame(number, auth.clone()));
            }
        }
        self.acknowledge(key, id);
        Ok(())
    }

    fn acknowledge(&mut self, key: SessionKey, id: Option<&RequestId>) {
        if id.is_some() {
            self.tell(key, frame::ack(id, Ack::default()));
        }
    }
}
