//! The compact form of a recording: what is in the file, and the sink that writes it.
//!
//! A file is [`MAGIC`], [`VERSION`] (two bytes, the lower first), and records. A record is a head of four bytes (the
//! lower first: its kind in the lowest two bits, the length of its content above), the content in postcard's
//! encoding, and a check of four bytes. The checks form a chain, each seeded with the one before, so that a record
//! which is missing shows as well as one that is damaged.

use alloc::vec::Vec;
use core::fmt;

use serde::Serialize;
use twox_hash::XxHash64;

use super::recorder::{Header, Sink};
use crate::command::Command;
use crate::event::Event;
use crate::time::Timestamp;

/// The first bytes of a recording. No text begins with them.
pub(super) const MAGIC: [u8; 8] = *b"\x8ddialrec";

/// The version of the form. It changes with any field of `Header`, `Config`, `Event` or `Command`, because postcard's
/// encoding has no names.
pub(super) const VERSION: u16 = 4;

/// The sizes of a head and of a check.
const HEAD: usize = 4;
const CHECK: usize = 4;

/// The largest length of a content: 30 bits of the head.
const LONGEST: usize = (1 << 30) - 1;

/// The kind of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Header,
    Event,
    Command,
    /// Without content: the recording is complete.
    End,
}

impl Kind {
    /// The kind of a record and the length of its content.
    pub(super) const fn split(head: [u8; 4]) -> (Self, usize) {
        let head = u32::from_le_bytes(head);
        let kind = match head & 3 {
            0 => Self::Header,
            1 => Self::Event,
            2 => Self::Command,
            _ => Self::End,
        };
        (kind, (head >> 2) as usize)
    }

    const fn head(self, length: usize) -> [u8; 4] {
        ((length as u32) << 2 | self as u32).to_le_bytes()
    }
}

/// The next link of the chain of checks: XXH64, of which the file has the lower half.
pub(super) fn link(chain: u64, record: &[u8]) -> u64 {
    XxHash64::oneshot(chain, record)
}

/// A sink that writes the compact form. `F` is called with the bytes of one whole record at a time.
///
/// The types of ids and addresses are not part of the form: read it with the same types.
#[derive(Clone, Debug)]
pub struct BinarySink<F, E> {
    write: F,
    failed: Option<WriteError<E>>,
    chain: u64,
    /// Reused for each record.
    buffer: Vec<u8>,
}

/// Why a recording is incomplete.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteError<E> {
    /// The bytes could not be written.
    Write(E),
    /// An id or address could not be serialized: its `Serialize` fails, or needs a self-describing format.
    Encode,
    /// An event is larger than 2^30 - 1 bytes.
    TooLong,
}

impl<E: fmt::Display> fmt::Display for WriteError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(error) => write!(f, "the recording can't be written: {error}"),
            Self::Encode => f.write_str("an id or address can't be serialized in postcard's encoding"),
            Self::TooLong => {
                write!(f, "an event is larger than {LONGEST} bytes: hand in fewer nodes at once")
            }
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for WriteError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Write(error) => Some(error),
            Self::Encode | Self::TooLong => None,
        }
    }
}

impl<E, F: FnMut(&[u8]) -> Result<(), E>> BinarySink<F, E> {
    /// A sink that gives its bytes to `write`, which is not called again after an error.
    #[must_use]
    pub const fn new(write: F) -> Self {
        Self { write, failed: None, chain: 0, buffer: Vec::new() }
    }

    /// The first error.
    #[must_use]
    pub const fn error(&self) -> Option<&WriteError<E>> {
        self.failed.as_ref()
    }

    /// Ends the sink and returns `write`, if everything could be written.
    ///
    /// # Errors
    /// The first error.
    pub fn into_result(self) -> Result<F, WriteError<E>> {
        self.failed.map_or(Ok(self.write), Err)
    }

    fn record(&mut self, kind: Kind, content: &impl Serialize) {
        if self.failed.is_none() {
            self.failed = self.try_record(kind, content).err();
        }
    }

    fn try_record(&mut self, kind: Kind, content: &impl Serialize) -> Result<(), WriteError<E>> {
        let length = self.encode(content)?;
        let end = length.saturating_add(HEAD);
        let Some((record, rest)) = self.buffer.split_at_mut_checked(end) else {
            return Err(WriteError::TooLong);
        };
        let (Some(head), Some(check)) = (record.first_chunk_mut(), rest.first_chunk_mut()) else {
            return Err(WriteError::TooLong);
        };
        *head = kind.head(length);
        self.chain = link(self.chain, record);
        *check = (self.chain as u32).to_le_bytes();
        let whole = self.buffer.get(..end.saturating_add(CHECK)).unwrap_or_default();
        (self.write)(whole).map_err(WriteError::Write)
    }

    /// Puts the content where it belongs in the buffer, which grows until there is room for it and for the check.
    /// Returns its length. (postcard is faster into a slice than into a vector.)
    fn encode(&mut self, content: &impl Serialize) -> Result<usize, WriteError<E>> {
        loop {
            let end = self.buffer.len().saturating_sub(CHECK);
            if let Some(room) = self.buffer.get_mut(HEAD..end) {
                match postcard::to_slice(content, room) {
                    Ok(encoded) if encoded.len() > LONGEST => return Err(WriteError::TooLong),
                    Ok(encoded) => return Ok(encoded.len()),
                    Err(postcard::Error::SerializeBufferFull) if end <= LONGEST => {}
                    Err(postcard::Error::SerializeBufferFull) => return Err(WriteError::TooLong),
                    Err(_) => return Err(WriteError::Encode),
                }
            }
            self.buffer.resize(self.buffer.len().saturating_mul(2).max(512), 0);
        }
    }
}

impl<I: Serialize, A: Serialize, E, F: FnMut(&[u8]) -> Result<(), E>> Sink<I, A> for BinarySink<F, E> {
    fn begin(&mut self, header: &Header<I, A>) {
        let [low, high] = VERSION.to_le_bytes();
        let opened = (self.write)(&MAGIC).and_then(|()| (self.write)(&[low, high]));
        self.failed = opened.map_err(WriteError::Write).err();
        self.record(Kind::Header, &(core::any::type_name::<(I, A)>(), header));
    }

    fn event(&mut self, now: Timestamp, event: &Event<I, A>) {
        self.record(Kind::Event, &(now, event));
    }

    fn command(&mut self, command: &Command<I, A>) {
        self.record(Kind::Command, command);
    }

    fn end(&mut self) {
        self.record(Kind::End, &());
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use core::net::SocketAddr;

    use super::*;
    use crate::record::recorder::RngSeed;
    use crate::{BanSubject, Change, Config, DialId, DialKind, DialOutcome, Node, PeerKind, Source};

    type Id = [u8; 4];

    /// postcard's bytes change with the fields and the order of variants. If this fails, old recordings can't be
    /// read any more: `VERSION` must go up, and then these numbers may change.
    #[test]
    fn the_bytes_are_those_of_version_4() {
        let (id, now) = ([1, 2, 3, 4], Timestamp::from_secs(1));
        let node: Node<Id, SocketAddr> = Node::new(id, ["1.2.3.4:5".parse().unwrap()]);
        let config = Config::<Id, SocketAddr>::balanced();
        let mut header = Header::new::<()>(id, config, RngSeed::Number(1), now);
        (header.version, header.rng) = ("0".into(), "rng".into());
        let events = vec![
            Event::NodeDiscovered { node: node.clone(), source: Source(1), vouched: false },
            Event::PeerAdded { id, kind: PeerKind::Outbound(DialKind::Requested), addr: None },
            Event::DialFinished {
                dial: DialId::from_raw(7),
                outcome: DialOutcome::Cancelled,
                tried: Vec::new(),
            },
            Event::Banned { subject: BanSubject::Network("10.0.0.0/8".parse().unwrap()), until: None },
            Event::Reconfigured(Change::Bootnodes(vec![node])),
            Event::Tick,
        ];
        let command: Command<Id, SocketAddr> =
            Command::Sleep { until: Some(now), reason: crate::WakeReason::Backlog };
        let bytes = postcard::to_allocvec(&(header, events, command)).unwrap();
        assert_eq!((VERSION, bytes.len(), link(0, &bytes)), (4, 202, 0x0ce2_f8c5_a73b_b80d));
    }
}
