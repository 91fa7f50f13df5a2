//! One WebSocket connection to a channel, plain or compressed.

use std::net::SocketAddr;

use bytes::Bytes;
use dormouse_protocol::SUBPROTOCOL;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use http::{HeaderName, HeaderValue, Uri, header};
use soketto::handshake::{Client, ServerResponse};
use tokio::net::{TcpSocket, TcpStream};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};
use tokio_websockets::{ClientBuilder, Message, WebSocketStream};

use crate::Failure;
use crate::args::Target;
use crate::deflate::Deflate;
use crate::wire::{self, Dialect, Position};

/// Where a channel is joined, resolved once for all members.
pub struct Door {
    uri: Uri,
    address: SocketAddr,
    dialect: Dialect,
    deflate: bool,
    buffer: Option<u32>,
    /// What joins the channel, where the connection is one for many.
    join: Option<String>,
}

/// The two halves of a connection.
pub struct Link {
    /// What the service says.
    pub reader: Reader,
    /// What the member says.
    pub writer: Writer,
}

/// What the service says.
pub enum Reader {
    /// Without extensions.
    Plain(SplitStream<WebSocketStream<TcpStream>>),
    /// With permessage-deflate on offer.
    Deflate(Box<soketto::Receiver<Compat<TcpStream>>>),
}

/// What the member says.
pub enum Writer {
    /// Without extensions.
    Plain(SplitSink<WebSocketStream<TcpStream>, Message>),
    /// With permessage-deflate on offer.
    Deflate(Box<soketto::Sender<Compat<TcpStream>>>),
}

/// What came over a connection.
pub enum Incoming {
    /// A text frame.
    Text(Bytes),
    /// The end, with the reason as far as it was told.
    Closed(String),
}

impl Door {
    /// The door of one channel of the target.
    pub fn new(target: &Target, channel: usize) -> Result<Self, Failure> {
        match &target.connect {
            Some(url) => Self::to(target, url, Some(wire::join(&target.name(channel), None))),
            None => Self::direct(target, channel, None),
        }
    }

    /// The door of the channel's own URL, whether or not members come behind a relay.
    pub fn direct(target: &Target, channel: usize, position: Option<&Position>) -> Result<Self, Failure> {
        let query = position.map(Position::query).unwrap_or_default();
        Self::to(target, &(target.url.replace("{channel}", &target.name(channel)) + &query), None)
    }

    fn to(target: &Target, url: &str, join: Option<String>) -> Result<Self, Failure> {
        let uri: Uri = url.parse()?;
        let host = uri.host().ok_or("the URL names no host")?;
        let address = format!("{host}:{}", uri.port_u16().unwrap_or(80)).parse()?;
        Ok(Self { uri, address, dialect: target.dialect, deflate: target.deflate, buffer: None, join })
    }

    /// A door of connections for many channels, nothing of which is joined yet.
    pub fn of_many(target: &Target, url: &str) -> Result<Self, Failure> {
        Self::to(target, url, None)
    }

    /// The same with so many bytes of the kernel's memory for what has come and is not read yet.
    pub fn with_buffer(self, bytes: u32) -> Self {
        Self { buffer: Some(bytes), ..self }
    }

    /// Joins: the connection is open, and in the dormouse dialect the welcome has been read.
    pub async fn join(&self, token: Option<&str>) -> Result<Link, Failure> {
        let mut link = self.open(token).await?;
        if let Some(join) = &self.join {
            link.writer.feed(join.clone()).await?;
            link.writer.flush().await?;
            expect(&mut link.reader, "hello").await?;
        }
        if self.dialect == Dialect::Dormouse {
            expect(&mut link.reader, "welcome").await?;
        }
        Ok(link)
    }

    /// Opens the connection; nothing has been read of it.
    pub async fn open(&self, token: Option<&str>) -> Result<Link, Failure> {
        let socket = if self.address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(bytes) = self.buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        let tcp = socket.connect(self.address).await?;
        tcp.set_nodelay(true)?;
        let offers = token.map(|token| format!("{SUBPROTOCOL}, bearer.{token}"));
        if self.deflate { self.compressed(tcp, offers).await } else { self.plain(tcp, offers).await }
    }

    async fn plain(&self, tcp: TcpStream, offers: Option<String>) -> Result<Link, Failure> {
        let mut builder = ClientBuilder::from_uri(self.uri.clone());
        if let Some(offers) = &offers {
            let name = HeaderName::from_static("sec-websocket-protocol");
            builder = builder.add_header(name, HeaderValue::from_str(offers)?)?;
        }
        let (stream, response) = builder.connect_on(tcp).await?;
        let chosen = response.headers().get(header::SEC_WEBSOCKET_PROTOCOL).map(HeaderValue::as_bytes);
        if offers.is_some() && chosen != Some(SUBPROTOCOL.as_bytes()) {
            return Err(format!("the service did not choose {SUBPROTOCOL}").into());
        }
        let (writer, reader) = stream.split();
        Ok(Link { reader: Reader::Plain(reader), writer: Writer::Plain(writer) })
    }

    async fn compressed(&self, tcp: TcpStream, offers: Option<String>) -> Result<Link, Failure> {
        let host = self.uri.authority().ok_or("the URL names no host")?.as_str();
        let mut client = Client::new(tcp.compat(), host, self.uri.path());
        for offer in offers.iter().flat_map(|offers| offers.split(", ")) {
            client.add_protocol(offer);
        }
        client.add_extension(Box::new(Deflate::new()));
        match client.handshake().await? {
            ServerResponse::Accepted { protocol } if offers.is_some() && protocol.as_deref() != Some(SUBPROTOCOL) => {
                return Err(format!("the service did not choose {SUBPROTOCOL}").into());
            }
            ServerResponse::Accepted { .. } => {}
            other => return Err(format!("the upgrade was answered by {other:?}").into()),
        }
        let (sender, receiver) = client.into_builder().finish();
        Ok(Link { reader: Reader::Deflate(Box::new(receiver)), writer: Writer::Deflate(Box::new(sender)) })
    }
}

impl Reader {
    /// The next text frame, or the end. Only the plain reader may be dropped while it waits.
    pub async fn next(&mut self) -> Incoming {
        match self {
            Self::Plain(stream) => loop {
                match stream.next().await {
                    Some(Ok(message)) if message.is_text() => return Incoming::Text(message.into_payload().into()),
                    Some(Ok(message)) => {
                        if let Some((code, reason)) = message.as_close() {
                            return Incoming::Closed(format!("{} {reason}", u16::from(code)));
                        }
                    }
                    Some(Err(error)) => return Incoming::Closed(error.to_string()),
                    None => return Incoming::Closed("the connection ended".into()),
                }
            },
            Self::Deflate(receiver) => {
                let mut message = Vec::new();
                match receiver.receive_data(&mut message).await {
                    Ok(_) => Incoming::Text(message.into()),
                    Err(error) => Incoming::Closed(error.to_string()),
                }
            }
        }
    }
}

impl Writer {
    /// Puts a text frame into the line; it leaves with the next flush at the latest.
    pub async fn feed(&mut self, text: String) -> Result<(), Failure> {
        match self {
            Self::Plain(sink) => Ok(sink.feed(Message::text(text)).await?),
            Self::Deflate(sender) => Ok(sender.send_text_owned(text).await?),
        }
    }

    /// Sends what is in the line.
    pub async fn flush(&mut self) -> Result<(), Failure> {
        match self {
            Self::Plain(sink) => Ok(sink.flush().await?),
            Self::Deflate(sender) => Ok(sender.flush().await?),
        }
    }
}

/// Reads one text, which must hold a frame of this type; it is answered.
pub async fn expect(reader: &mut Reader, kind: &str) -> Result<Bytes, Failure> {
    match reader.next().await {
        Incoming::Text(text) if contains(&text, format!(r#""type":"{kind}""#).as_bytes()) => Ok(text),
        Incoming::Text(text) => Err(format!("instead of a {kind}: {}", String::from_utf8_lossy(&text)).into()),
        Incoming::Closed(reason) => Err(format!("closed before the {kind}: {reason}").into()),
    }
}

/// Whether a text holds another.
pub fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
