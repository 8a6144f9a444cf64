//! The reader of the compact form. Any bytes may be read: an error names the place and the reason.

use alloc::string::{String, ToString};
use core::any::type_name;
use core::fmt;
use core::marker::PhantomData;

use serde::de::DeserializeOwned;

use super::binary::{Kind, MAGIC, VERSION, link};
use super::recorder::Header;
use crate::command::Command;
use crate::event::Event;
use crate::time::Timestamp;

/// A recording in the compact form: its header, and an iterator over its steps.
///
/// Memory is allocated for what the bytes contain, never for a length that they claim.
///
/// To replay it, make the dialer again and compare:
///
/// ```
/// use dialstate::record::{BinarySink, RecordedStep, Recorder, Recording};
/// use dialstate::{Command, Config, Dialer, Event, Timestamp};
/// use rand_chacha::ChaCha8Rng;
/// use std::net::SocketAddr;
///
/// # let mut file = Vec::new();
/// # let sink = BinarySink::new(|record: &[u8]| std::io::Write::write_all(&mut file, record));
/// # let (me, seed, now) = ([1; 32], [7; 32], Timestamp::ZERO);
/// # let mut recorder =
/// #     Recorder::<[u8; 32], SocketAddr, ChaCha8Rng, _>::new(me, Config::default(), seed, now, sink)?;
/// # recorder.handle(now, Event::Tick)?;
/// # while !matches!(recorder.poll(), Command::Sleep { .. }) {}
/// # recorder.finish().1.into_result()?;
/// let recording = Recording::<[u8; 32], SocketAddr>::open(&file)?;
/// let header = recording.header().clone();
/// let rng: ChaCha8Rng = header.seed.rng().ok_or("the seed was not recorded")?;
/// let mut dialer = Dialer::new(header.me, header.config, rng, header.start)?;
/// for step in recording {
///     match step? {
///         RecordedStep::Event(now, event) => _ = dialer.handle(now, event),
///         RecordedStep::Command(command) => assert_eq!(command, dialer.poll()),
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Recording<'a, I, A> {
    header: Header<I, A>,
    records: Records<'a>,
    ended: bool,
    types: PhantomData<(I, A)>,
}

/// An event or a command of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a dialer takes events and gives commands, nothing else")]
pub enum RecordedStep<I, A> {
    /// The dialer handled this event.
    Event(Timestamp, Event<I, A>),
    /// The dialer was polled, and returned this command.
    Command(Command<I, A>),
}

/// Why a recording can't be read on. All steps before are intact.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadError {
    /// The first byte of the record.
    pub offset: u64,
    /// The reason.
    pub kind: ReadErrorKind,
}

/// Why a recording can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadErrorKind {
    /// It does not begin as a recording does.
    NotARecording,
    /// It has another version of the form.
    Version {
        /// The version of the recording.
        found: u16,
        /// The version that can be read.
        known: u16,
    },
    /// It ends within a record.
    Truncated {
        /// The size of the record in bytes.
        needed: u64,
        /// The number of bytes left.
        left: u64,
    },
    /// It ends after a record, but was not finished: the program was stopped, or is still running. All that is there
    /// is intact.
    Unfinished,
    /// The bytes are not those that were written.
    Damaged,
    /// The bytes are those that were written, but can't be decoded: most likely the types of ids and addresses differ.
    Undecodable {
        /// Why they can't be decoded.
        reason: String,
        /// The types of id and address in the recording.
        recorded: String,
        /// The types with which it is read.
        read: String,
    },
    /// A record is out of place: a second header, or anything after the end.
    Misplaced,
}

impl ReadError {
    /// An error of the record at this byte.
    #[must_use]
    pub const fn new(offset: u64, kind: ReadErrorKind) -> Self {
        Self { offset, kind }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: ", self.offset)?;
        match &self.kind {
            ReadErrorKind::NotARecording => f.write_str("this is not a recording of dialstate"),
            ReadErrorKind::Version { found, known } => {
                write!(f, "the recording has version {found}, but only version {known} can be read here: ")?;
                f.write_str("use the release of dialstate that wrote it")
            }
            ReadErrorKind::Truncated { needed, left } => {
                write!(f, "the recording ends within a record: {left} bytes of {needed} are there")
            }
            ReadErrorKind::Unfinished => {
                f.write_str("the recording was not finished; it is sound up to here")
            }
            ReadErrorKind::Damaged => f.write_str("the recording is damaged: the check of this record fails"),
            ReadErrorKind::Undecodable { reason, recorded, read } => {
                write!(f, "the record can't be decoded ({reason}): ")?;
                write!(f, "it was recorded with the types {recorded}, and is read with {read}")
            }
            ReadErrorKind::Misplaced => f.write_str("the record is out of place"),
        }
    }
}

impl core::error::Error for ReadError {}

impl<'a, I: DeserializeOwned, A: DeserializeOwned + Ord> Recording<'a, I, A> {
    /// Reads the header.
    ///
    /// # Errors
    /// The header is missing, damaged or of another version.
    pub fn open(bytes: &'a [u8]) -> Result<Self, ReadError> {
        let mut records = Records { bytes, at: 0, chain: 0, recorded: "?" };
        records.preamble()?;
        let (kind, start, content) = records.next()?;
        if kind != Kind::Header {
            return Err(ReadError::new(start, ReadErrorKind::Misplaced));
        }
        let undecodable = |error: postcard::Error| records.undecodable::<I, A>(start, &error);
        let (recorded, rest) = postcard::take_from_bytes::<&str>(content).map_err(undecodable)?;
        records.recorded = recorded;
        let header = records.decode::<Header<I, A>, I, A>(start, rest)?;
        Ok(Self { header, records, ended: false, types: PhantomData })
    }

    /// Whether these are the first bytes of a recording in the compact form.
    #[must_use]
    pub fn is_one(bytes: &[u8]) -> bool {
        bytes.starts_with(&MAGIC)
    }

    /// What the dialer was made from.
    #[must_use]
    pub const fn header(&self) -> &Header<I, A> {
        &self.header
    }

    /// The first byte of the next record.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.records.at as u64
    }

    fn entry(&mut self) -> Result<Option<RecordedStep<I, A>>, ReadError> {
        let (kind, start, content) = self.records.next()?;
        match kind {
            Kind::Event => {
                let (now, event) = self.records.decode::<(Timestamp, Event<I, A>), I, A>(start, content)?;
                Ok(Some(RecordedStep::Event(now, event)))
            }
            Kind::Command => {
                Ok(Some(RecordedStep::Command(self.records.decode::<Command<I, A>, I, A>(start, content)?)))
            }
            Kind::End if self.records.left() == 0 => Ok(None),
            Kind::End => Err(ReadError::new(self.offset(), ReadErrorKind::Misplaced)),
            Kind::Header => Err(ReadError::new(start, ReadErrorKind::Misplaced)),
        }
    }
}

/// The steps up to the end, or up to the first error.
impl<I: DeserializeOwned, A: DeserializeOwned + Ord> Iterator for Recording<'_, I, A> {
    type Item = Result<RecordedStep<I, A>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let entry = self.entry().transpose();
        self.ended = !matches!(entry, Some(Ok(_)));
        entry
    }
}

/// The records of a file, whatever their content.
#[derive(Clone, Debug)]
struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
    chain: u64,
    /// The types of id and address in the recording.
    recorded: &'a str,
}

impl<'a> Records<'a> {
    fn preamble(&mut self) -> Result<(), ReadError> {
        let found = self.bytes.get(..MAGIC.len()).unwrap_or(self.bytes);
        if !MAGIC.starts_with(found) || found.is_empty() {
            return Err(ReadError::new(0, ReadErrorKind::NotARecording));
        }
        self.take(MAGIC.len(), 0)?;
        let at = self.at;
        let version = self.take(2, at)?.first_chunk().map_or(0, |bytes| u16::from_le_bytes(*bytes));
        if version == VERSION {
            return Ok(());
        }
        let kind = ReadErrorKind::Version { found: version, known: VERSION };
        Err(ReadError::new(at as u64, kind))
    }

    const fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    /// The next `count` bytes of the record that begins at `start`.
    fn take(&mut self, count: usize, start: usize) -> Result<&'a [u8], ReadError> {
        let end = self.at.saturating_add(count);
        let Some(taken) = self.bytes.get(self.at..end) else {
            let needed = end.saturating_sub(start) as u64;
            let left = self.bytes.len().saturating_sub(start) as u64;
            return Err(ReadError { offset: start as u64, kind: ReadErrorKind::Truncated { needed, left } });
        };
        self.at = end;
        Ok(taken)
    }

    /// The next record: its kind, its first byte, and its content.
    fn next(&mut self) -> Result<(Kind, u64, &'a [u8]), ReadError> {
        let start = self.at;
        if self.left() == 0 {
            return Err(ReadError::new(start as u64, ReadErrorKind::Unfinished));
        }
        let head = self.take(4, start)?.first_chunk().copied().unwrap_or_default();
        let (kind, length) = Kind::split(head);
        let content = self.take(length, start)?;
        let record = self.bytes.get(start..self.at).unwrap_or_default();
        let check = self.take(4, start)?.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        self.chain = link(self.chain, record);
        if self.chain as u32 == check {
            return Ok((kind, start as u64, content));
        }
        Err(ReadError::new(start as u64, ReadErrorKind::Damaged))
    }

    fn decode<T: DeserializeOwned, I, A>(&self, start: u64, content: &[u8]) -> Result<T, ReadError> {
        match postcard::take_from_bytes(content) {
            Ok((value, [])) => Ok(value),
            Ok(_) => Err(self.undecodable::<I, A>(start, &"bytes are left over")),
            Err(error) => Err(self.undecodable::<I, A>(start, &error)),
        }
    }

    fn undecodable<I, A>(&self, offset: u64, reason: &dyn fmt::Display) -> ReadError {
        let (recorded, read) = (self.recorded.to_string(), type_name::<(I, A)>().to_string());
        ReadError { offset, kind: ReadErrorKind::Undecodable { reason: reason.to_string(), recorded, read } }
    }
}
