//! permessage-deflate (RFC 7692) the way a browser offers it: both sides keep their window from message to message.

use std::sync::atomic::{AtomicU64, Ordering};

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use soketto::base::{Header, OpCode};
use soketto::extension::{Extension, Param};
use soketto::{BoxedError, Storage};

/// The bytes that end a flushed block and are left out on the wire (RFC 7692, 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

/// Bytes of all messages received so far as they were on the wire, of all connections that have the extension.
static RECEIVED: AtomicU64 = AtomicU64::new(0);

/// Bytes of all messages received so far, as they were on the wire.
pub fn received() -> u64 {
    RECEIVED.load(Ordering::Relaxed)
}

/// The extension of one connection.
#[derive(Debug)]
pub struct Deflate {
    agreed: bool,
    offer: [Param<'static>; 1],
    fragmented: bool,
    forget_after: (bool, bool),
    inflate: Decompress,
    compress: Compress,
    buffer: Vec<u8>,
}

impl Deflate {
    /// An extension that has not been negotiated yet.
    pub fn new() -> Self {
        Self {
            agreed: false,
            offer: [Param::new("client_max_window_bits")],
            fragmented: false,
            forget_after: (false, false),
            inflate: Decompress::new(false),
            compress: Compress::new(Compression::fast(), false),
            buffer: Vec::new(),
        }
    }

    fn inflate(&mut self, data: &mut Vec<u8>) -> Result<(), BoxedError> {
        data.extend_from_slice(&TAIL);
        self.buffer.clear();
        let before = self.inflate.total_in();
        loop {
            self.buffer.reserve(data.len().max(1024) * 4);
            let done = usize::try_from(self.inflate.total_in() - before)?;
            let rest = data.get(done..).unwrap_or_default();
            self.inflate.decompress_vec(rest, &mut self.buffer, FlushDecompress::Sync)?;
            let read = usize::try_from(self.inflate.total_in() - before)?;
            if read == data.len() && self.buffer.len() < self.buffer.capacity() {
                break;
            }
        }
        std::mem::swap(data, &mut self.buffer);
        if self.forget_after.0 {
            self.inflate.reset(false);
        }
        Ok(())
    }

    fn compress(&mut self, data: &[u8]) -> Result<Vec<u8>, BoxedError> {
        let mut out = Vec::with_capacity(data.len() + 64);
        let before = self.compress.total_in();
        loop {
            let done = usize::try_from(self.compress.total_in() - before)?;
            let rest = data.get(done..).unwrap_or_default();
            self.compress.compress_vec(rest, &mut out, FlushCompress::Sync)?;
            if out.len() < out.capacity() {
                break;
            }
            out.reserve(data.len() + 64);
        }
        if !out.ends_with(&TAIL) {
            return Err("the compressor did not flush".into());
        }
        out.truncate(out.len() - TAIL.len());
        if self.forget_after.1 {
            self.compress.reset();
        }
        Ok(out)
    }
}

impl Extension for Deflate {
    fn is_enabled(&self) -> bool {
        self.agreed
    }

    fn name(&self) -> &str {
        "permessage-deflate"
    }

    fn params(&self) -> &[Param<'_>] {
        &self.offer
    }

    fn configure(&mut self, params: &[Param<'_>]) -> Result<(), BoxedError> {
        self.forget_after.0 = params.iter().any(|param| param.name() == "server_no_context_takeover");
        self.forget_after.1 = params.iter().any(|param| param.name() == "client_no_context_takeover");
        let bits = params.iter().find(|param| param.name() == "client_max_window_bits").and_then(Param::value);
        if let Some(bits) = bits {
            // zlib knows no window of 8 bits; one of 9 is written so that a reader of 8 understands it.
            let bits = bits.parse::<u8>()?.clamp(9, 15);
            self.compress = Compress::new_with_window_bits(Compression::fast(), false, bits);
        }
        self.agreed = true;
        Ok(())
    }

    fn encode(&mut self, header: &mut Header, data: &mut Storage<'_>) -> Result<(), BoxedError> {
        if !matches!(header.opcode(), OpCode::Text | OpCode::Binary) || data.as_ref().is_empty() {
            return Ok(());
        }
        let out = self.compress(data.as_ref())?;
        header.set_rsv1(true);
        header.set_payload_len(out.len());
        *data = Storage::Owned(out);
        Ok(())
    }

    fn decode(&mut self, header: &mut Header, data: &mut Vec<u8>) -> Result<(), BoxedError> {
        if header.is_fin() {
            RECEIVED.fetch_add(data.len() as u64, Ordering::Relaxed);
        }
        match header.opcode() {
            OpCode::Text | OpCode::Binary if header.is_rsv1() && !header.is_fin() => self.fragmented = true,
            OpCode::Text | OpCode::Binary if header.is_rsv1() => self.inflate(data)?,
            OpCode::Continue if header.is_fin() && self.fragmented => {
                self.fragmented = false;
                self.inflate(data)?;
            }
            _ => {}
        }
        header.set_rsv1(false);
        header.set_payload_len(data.len());
        Ok(())
    }

    fn reserved_bits(&self) -> (bool, bool, bool) {
        (true, false, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_inflates_again_message_after_message() {
        let (mut from, mut to) = (Deflate::new(), Deflate::new());
        for round in 0..50 {
            let text = format!("{}{}", "the same words again and again ".repeat(round * 7), round);
            let mut wire = from.compress(text.as_bytes()).expect("compresses");
            to.inflate(&mut wire).expect("inflates");
            assert_eq!(wire, text.as_bytes());
        }
    }
}
