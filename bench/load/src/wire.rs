//! The two ways a message travels: bare, or in the frames of the dormouse protocol.

use std::fmt::Write;

use bytes::Bytes;
use clap::ValueEnum;
use serde::Deserialize;
use serde_json::value::RawValue;

/// How messages are framed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum Dialect {
    /// A message is a text frame that holds nothing but its data, and goes to all as it came.
    Raw,
    /// Messages travel in frames of Dormouse's own sub-protocol, alone or in arrays.
    Dormouse,
}

/// One message of a publisher, as its data tells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Post {
    /// Which publisher of the channel sent it.
    pub publisher: usize,
    /// How many that publisher had sent before.
    pub count: u64,
    /// When it was due, in nanoseconds since the generator began.
    pub due: u64,
    /// Its place in the order of the channel, where it is kept.
    pub seq: Option<u64>,
}

/// What one text frame held.
#[derive(Default, PartialEq, Eq, Debug)]
pub struct Received {
    /// The messages, in order.
    pub posts: Vec<Post>,
    /// The channel whose they are, where the frame says so.
    pub channel: Option<String>,
    /// How many frames refused something; their text goes to the person who looks.
    pub refused: usize,
    /// The code of the farewell, if the service said one.
    pub bye: Option<u16>,
    /// How many heartbeats were answered.
    pub pongs: usize,
}

/// Writes the data of one message: exactly `size` bytes of JSON, or as many as its numbers need.
pub fn data(publisher: usize, count: u64, due: u64, size: usize) -> String {
    let mut text = String::with_capacity(size);
    // Writing to a String cannot fail.
    let _ = write!(text, r#"{{"p":{publisher},"c":{count},"t":{due},"x":""#);
    for _ in text.len() + 2..size {
        text.push('x');
    }
    text.push_str("\"}");
    text
}

/// Wraps data into what a member sends to have it published.
pub fn publish(dialect: Dialect, instance: &str, event: &str, count: u64, data: String) -> String {
    match dialect {
        Dialect::Raw => data,
        Dialect::Dormouse => {
            format!(r#"{{"type":"publish","id":"{instance}{count}","event":"{event}","data":{data}}}"#)
        }
    }
}

/// What the ids of one publisher begin with: as long as the 96 random bits that the client library takes.
pub fn instance(publisher: usize) -> String {
    format!("instance{publisher:08}")
}

/// Says of a frame which channel it is for, on a connection of many.
pub fn carried(channel: &str, frame: &str) -> String {
    let fields = frame.strip_prefix('{').unwrap_or(frame);
    format!(r#"{{"channel":"{channel}",{fields}"#)
}

/// Where a member was in a channel: what it says when it comes back.
#[derive(Deserialize, PartialEq, Eq, Debug)]
pub struct Position {
    /// The life of the channel's history.
    pub epoch: String,
    /// The number of the last message.
    pub seq: u64,
    /// The connection it had.
    pub connection: String,
}

impl Position {
    /// As the query of an upgrade.
    pub fn query(&self) -> String {
        let Self { epoch, seq, connection } = self;
        format!("?epoch={epoch}&after={seq}&connection={connection}")
    }
}

/// What joins a channel on a connection of many, as one who comes back or anew.
pub fn join(channel: &str, position: Option<&Position>) -> String {
    let frame = position.map_or_else(
        || r#"{"type":"join"}"#.to_owned(),
        |Position { epoch, seq, connection }| {
            format!(r#"{{"type":"join","epoch":"{epoch}","after":{seq},"connection":"{connection}"}}"#)
        },
    );
    carried(channel, &frame)
}

/// Reads the welcome of a channel; on a connection of many it lies in `in`. The channel, the position, and how what was
/// missed is told.
pub fn welcome(text: &[u8]) -> Result<(String, Position, String), String> {
    #[derive(Deserialize)]
    struct Welcome {
        channel: String,
        resume: String,
        #[serde(flatten)]
        position: Position,
    }
    #[derive(Deserialize)]
    struct Carried {
        frames: (Welcome,),
    }
    let Welcome { channel, resume, position } =
        if text.starts_with(br#"{"type":"in""#) { parse::<Carried>(text)?.frames.0 } else { parse(text)? };
    Ok((channel, position, resume))
}

/// What a text frame holds of its channel without what is around it: the envelope of a connection of many, and the
/// brackets of an array. So it is byte for byte the same for each member, wherever it is.
pub fn body(channel: Option<&str>, text: &Bytes) -> Bytes {
    let inner = channel.and_then(|channel| {
        let rest = text.strip_prefix(br#"{"type":"in","channel":""#)?.strip_prefix(channel.as_bytes())?;
        rest.strip_prefix(br#"","frames":"#)?.strip_suffix(b"}")
    });
    let inner = inner.unwrap_or(text);
    text.slice_ref(inner.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(inner))
}

/// Wraps data into what a member asks a call with.
pub fn call(instance: &str, name: &str, count: u64, data: &str) -> String {
    format!(r#"{{"type":"call","id":"{instance}{count}","name":"{name}","data":{data}}}"#)
}

/// Reads a text frame in full; `size` is what [`data`] was given. An error says what is wrong with it.
pub fn read(dialect: Dialect, text: &[u8], size: usize) -> Result<Received, String> {
    if text == b"pong" {
        return Ok(Received { pongs: 1, ..Received::default() });
    }
    match dialect {
        Dialect::Raw => Ok(Received { posts: vec![post(text, None, size)?], ..Received::default() }),
        Dialect::Dormouse if text.first() == Some(&b'[') => collect(&parse::<Vec<Frame<'_>>>(text)?, size),
        Dialect::Dormouse => match parse::<Frame<'_>>(text)? {
            Frame { kind: "in", channel, frames, .. } => {
                Ok(Received { channel: channel.map(str::to_owned), ..collect(&frames, size)? })
            }
            frame => collect(&[frame], size),
        },
    }
}

/// The fields of a frame that the benchmark looks at.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    seq: Option<u64>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    channel: Option<&'a str>,
    /// What a channel tells on a connection of many.
    #[serde(borrow, default)]
    frames: Vec<Frame<'a>>,
}

/// The data of a message, as [`data`] writes it.
#[derive(Deserialize)]
struct Data {
    p: usize,
    c: u64,
    t: u64,
}

fn collect(frames: &[Frame<'_>], size: usize) -> Result<Received, String> {
    let mut received = Received::default();
    for frame in frames {
        match frame.kind {
            "message" => {
                let text = frame.data.ok_or("a message without data")?.get();
                received.posts.push(post(text.as_bytes(), frame.seq, size)?);
            }
            "result" => {
                let text = frame.data.ok_or("a result without data")?.get();
                let post = post(text.as_bytes(), None, size)?;
                answers(frame.id, &post)?;
                received.posts.push(post);
            }
            "error" => received.refused += 1,
            "bye" => received.bye = frame.code.and_then(|code| code.get().parse().ok()).or(Some(0)),
            _ => {}
        }
    }
    Ok(received)
}

/// A reply must carry the id that was asked with.
fn answers(id: Option<&RawValue>, post: &Post) -> Result<(), String> {
    let asked = format!("\"{}{}\"", instance(post.publisher), post.count);
    if id.is_some_and(|id| id.get() == asked) { Ok(()) } else { Err(format!("a reply to {id:?} instead of {asked}")) }
}

fn post(text: &[u8], seq: Option<u64>, size: usize) -> Result<Post, String> {
    let Data { p, c, t } = parse(text)?;
    // The data must have come through byte for byte.
    if data(p, c, t, size).as_bytes() != text {
        return Err(format!("altered data: {}", shown(text)));
    }
    Ok(Post { publisher: p, count: c, due: t, seq })
}

fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(text).map_err(|error| format!("{error} in {}", shown(text)))
}

fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text.get(..text.len().min(300)).unwrap_or(text)).into_owned()
}

#[cfg(test)]
mod tests {
    use dormouse_protocol::error::{Close, Code};
    use dormouse_protocol::frame::{self, Bye, Message};
    use dormouse_protocol::multiplex::{self, Asks};
    use dormouse_protocol::name::{RequestId, UserId};
    use dormouse_protocol::request::{self, Request};

    use super::*;

    /// A message as the service encodes it.
    fn message(count: u64, seq: Option<u64>) -> String {
        let data = data(0, count, 5, 64);
        let (id, user) = (RequestId::parse("a"), UserId::parse("u"));
        let from = frame::from(user.as_ref(), None);
        frame::message(&Message { seq, id: id.as_ref(), event: "hot", data: &data, from: &from, at: 1 })
    }

    #[test]
    fn data_has_the_size_asked_for_and_reads_back() {
        let text = data(7, 42, 123_456_789, 64);
        assert_eq!(text.len(), 64);
        let read = read(Dialect::Raw, text.as_bytes(), 64).expect("reads");
        assert_eq!(read.posts, [Post { publisher: 7, count: 42, due: 123_456_789, seq: None }]);
    }

    #[test]
    fn a_publish_is_the_one_request_that_the_service_parses_out_of_it() {
        let data = data(7, 42, 5, 64);
        let text = publish(Dialect::Dormouse, &instance(7), "kept", 42, data.clone());
        let requests = request::parse(&text, 1).expect("parses");
        let [request::Incoming { id: Some(id), request: Ok(Request::Publish(publish)) }] = &*requests else {
            panic!("{requests:?}");
        };
        assert_eq!(id.as_str(), "instance0000000742");
        assert_eq!((&*publish.event, publish.data.get()), ("kept", &*data));
        assert!(publish.echo && publish.to.is_none() && publish.if_seq.is_none());
    }

    #[test]
    fn a_single_frame_and_an_array_count_alike() {
        let (one, two) = (message(1, Some(9)), message(2, Some(10)));
        let single = read(Dialect::Dormouse, one.as_bytes(), 64).expect("reads");
        let array = frame::batch([&*one, &*two]).expect("two frames");
        let array = read(Dialect::Dormouse, array.as_bytes(), 64).expect("reads");
        assert_eq!(single.posts, array.posts.get(..1).expect("two"));
        assert_eq!(array.posts.iter().map(|post| post.seq).collect::<Vec<_>>(), [Some(9), Some(10)]);
    }

    #[test]
    fn a_frame_for_one_of_many_channels_is_the_one_request_that_the_relay_parses_out_of_it() {
        let frame = publish(Dialect::Dormouse, &instance(7), "hot", 42, data(7, 42, 5, 64));
        let text = carried("bench:room0", &frame);
        let asked = multiplex::parse(&text, 1).expect("parses");
        let [multiplex::Asked { id: Some(id), asks: Ok(Asks::Request { channel, text: passed }) }] = &*asked else {
            panic!("{asked:?}");
        };
        assert_eq!((id.as_str(), &**channel, *passed), ("instance0000000742", "bench:room0", &*text));
        let requests = request::parse(&text, 1).expect("parses");
        assert!(matches!(&*requests, [request::Incoming { request: Ok(Request::Publish(_)), .. }]), "{requests:?}");
    }

    #[test]
    fn a_join_names_the_position_that_the_welcome_told() {
        let frame =
            r#"{"type":"welcome","channel":"bench:room3","connection":"c","epoch":"e","seq":41,"resume":"fresh"}"#;
        let direct = welcome(frame.as_bytes()).expect("reads");
        assert_eq!(welcome(multiplex::inside("bench:room3", frame).as_bytes()).expect("reads"), direct);
        let (channel, position, resume) = direct;
        assert_eq!(
            (&*channel, &*resume, &*position.query()),
            ("bench:room3", "fresh", "?epoch=e&after=41&connection=c")
        );
        let (fresh, again) = (join(&channel, None), join(&channel, Some(&position)));
        let text = format!("[{fresh},{again}]");
        let asked = multiplex::parse(&text, 2).expect("parses");
        let [
            multiplex::Asked { asks: Ok(Asks::Join(fresh)), .. },
            multiplex::Asked { asks: Ok(Asks::Join(again)), .. },
        ] = &*asked
        else {
            panic!("{asked:?}");
        };
        assert_eq!((&*fresh.channel, &fresh.epoch, &fresh.after), ("bench:room3", &None, &None));
        let position = (again.epoch.as_deref(), again.after.as_deref(), again.connection.as_deref());
        assert_eq!((&*again.channel, position), ("bench:room3", (Some("e"), Some("41"), Some("c"))));
    }

    #[test]
    fn what_is_around_the_frames_of_a_channel_is_taken_off() {
        let (one, two) = (message(1, None), message(2, None));
        let array = frame::batch([&*one, &*two]).expect("two frames");
        for text in [&one, &array] {
            let direct = Bytes::from(text.clone());
            let relayed = Bytes::from(multiplex::inside("bench:room0", text));
            assert_eq!(body(Some("bench:room0"), &relayed), body(None, &direct));
            let inside = read(Dialect::Dormouse, &relayed, 64).expect("reads");
            assert_eq!(inside.posts, read(Dialect::Dormouse, &direct, 64).expect("reads").posts);
            assert_eq!(inside.channel.as_deref(), Some("bench:room0"));
            assert_ne!(body(Some("bench:room1"), &relayed), body(None, &direct), "another channel's");
        }
    }

    #[test]
    fn a_call_is_the_one_request_that_the_service_parses_out_of_it() {
        let data = data(7, 42, 5, 64);
        let text = call(&instance(7), "ask", 42, &data);
        let requests = request::parse(&text, 1).expect("parses");
        let [request::Incoming { id: Some(id), request: Ok(Request::Call(call)) }] = &*requests else {
            panic!("{requests:?}");
        };
        assert_eq!((id.as_str(), &*call.name, call.data.get()), ("instance0000000742", "ask", &*data));
    }

    #[test]
    fn a_reply_counts_as_a_message_where_it_carries_the_id_that_was_asked_with() {
        let data = data(0, 42, 5, 64);
        let reply = |id| frame::result(&RequestId::parse(id).expect("an id"), &data, false);
        let received = read(Dialect::Dormouse, reply("instance0000000042").as_bytes(), 64).expect("reads");
        assert_eq!(received.posts, [Post { publisher: 0, count: 42, due: 5, seq: None }]);
        assert!(read(Dialect::Dormouse, reply("instance0000000043").as_bytes(), 64).is_err());
    }

    #[test]
    fn altered_data_is_an_error() {
        let text = data(7, 42, 5, 64).replace("xx", "xy");
        assert!(read(Dialect::Raw, text.as_bytes(), 64).is_err());
        let short = data(7, 42, 5, 63);
        assert!(read(Dialect::Raw, short.as_bytes(), 64).is_err());
    }

    #[test]
    fn refusals_farewells_and_heartbeats_are_no_messages() {
        let refusal = frame::error(None, &Code::RateLimited.into());
        let bye = frame::bye(Bye { close: Close::TooSlow, retry_after: None });
        let text = frame::batch([&*refusal, &*bye]).expect("two frames");
        let received = read(Dialect::Dormouse, text.as_bytes(), 64).expect("reads");
        assert_eq!((received.posts.len(), received.refused, received.bye), (0, 1, Some(Close::TooSlow.number())));
        assert_eq!(read(Dialect::Raw, b"pong", 64).expect("reads").pongs, 1);
    }
}
