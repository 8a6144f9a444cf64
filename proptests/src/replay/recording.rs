//! Recordings in the compact form: replayed to the first divergence, and turned into lines.

use core::net::SocketAddr;
use std::fmt;
use std::io::{self, Write};

use dialstate::record::{ReadError, ReadErrorKind, RecordedStep, Recording, Sink};
use dialstate::{Command, Dialer, Event, Task, Timestamp};

use super::{JsonLines, TraceRng};
use crate::trace::Id;

/// A whole replay.
#[derive(Clone, Debug, Default)]
pub struct Replayed {
    /// How many events were handed in.
    pub events: u64,
    /// How many commands agreed with those that were recorded.
    pub commands: u64,
    /// The first that did not.
    pub divergence: Option<Box<Divergence>>,
    /// The recording was never finished; everything up to its end has been replayed.
    pub unfinished: bool,
}

/// Where a replay and its recording part.
#[derive(Clone, Debug)]
pub struct Divergence {
    /// Where the command stands in the recording, in bytes.
    pub offset: u64,
    /// How many events were handed in before it.
    pub events: u64,
    /// The last of them.
    pub event: Option<(Timestamp, Event<Id, SocketAddr>)>,
    /// What was recorded.
    pub recorded: Command<Id, SocketAddr>,
    /// What came out now.
    pub replayed: Command<Id, SocketAddr>,
    /// The rng that the recording names, and the version of the crate.
    pub made_with: (String, String),
    /// What the dialer thinks now of the nodes that the two commands name.
    pub explained: Vec<String>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}, after {} events: the replay differs", self.offset, self.events)?;
        if let Some((at, event)) = &self.event {
            write!(f, "\n  event     {at} {event:?}")?;
        }
        write!(f, "\n  recorded  {:?}\n  replay    {:?}", self.recorded, self.replayed)?;
        self.explained.iter().try_for_each(|line| write!(f, "\n  {line}"))?;
        let (rng, version) = &self.made_with;
        write!(f, "\n  recorded by version {version} with {rng}; this is version ")?;
        write!(f, "{} with ChaCha8", env!("CARGO_PKG_VERSION"))
    }
}

/// Replays a recording to its first divergence, or to the last event at or before `until`.
///
/// # Errors
/// The recording is not sound, or its config makes no sense.
pub fn replay(bytes: &[u8], until: Option<Timestamp>) -> Result<Replayed, String> {
    let mut recording = Recording::<Id, SocketAddr>::open(bytes).map_err(text)?;
    let header = recording.header().clone();
    let rng = TraceRng::new(&header.seed);
    let mut dialer = Dialer::new(header.me, header.config, rng, header.start)
        .map_err(|error| format!("the config makes no sense: {error}"))?;
    let mut done = Replayed::default();
    let mut last = None;
    loop {
        let offset = recording.offset();
        match recording.next() {
            None => return Ok(done),
            Some(Err(ReadError { kind: ReadErrorKind::Unfinished, .. })) => {
                done.unfinished = true;
                return Ok(done);
            }
            Some(Err(error)) => return Err(text(error)),
            Some(Ok(RecordedStep::Event(now, _))) if until.is_some_and(|until| now > until) => {
                return Ok(done);
            }
            Some(Ok(RecordedStep::Event(now, event))) => {
                // A refusal is part of the recording.
                let _ = dialer.handle(now, event.clone());
                last = Some((now, event));
                done.events += 1;
            }
            Some(Ok(RecordedStep::Command(recorded))) => {
                let replayed = dialer.poll();
                if recorded == replayed {
                    done.commands += 1;
                    continue;
                }
                let explained = explained(&dialer, [&recorded, &replayed]);
                let made_with = (header.rng, header.version);
                let (events, event) = (done.events, last);
                let divergence =
                    Divergence { offset, events, event, recorded, replayed, made_with, explained };
                done.divergence = Some(Box::new(divergence));
                return Ok(done);
            }
        }
    }
}

fn explained(
    dialer: &Dialer<Id, SocketAddr, TraceRng>,
    commands: [&Command<Id, SocketAddr>; 2],
) -> Vec<String> {
    let id = |command: &Command<Id, SocketAddr>| match command {
        Command::Dial { node, .. } => Some(node.id),
        Command::Resolve { id, .. } | Command::Disconnect { id, .. } => Some(*id),
        Command::Lookup { .. } | Command::Sleep { .. } => None,
        Command::Cancel(Task::Dial(_) | Task::Resolve(_) | Task::Lookup(_)) => None,
    };
    let mut ids: Vec<_> = commands.into_iter().filter_map(id).collect();
    ids.dedup();
    let line = |id: &Id| format!("{} now: {}", crate::trace::TraceId::from(*id), dialer.explain(id));
    ids.iter().map(line).collect()
}

/// Writes a recording as lines. Returns whether it was finished.
///
/// # Errors
/// It is not sound, a writer fails, or the lines have no word for something.
pub fn to_lines<W: Write>(bytes: &[u8], input: W, output: W) -> Result<bool, String> {
    let recording = Recording::<Id, SocketAddr>::open(bytes).map_err(text)?;
    let mut lines = JsonLines::new(input, output);
    lines.begin(recording.header());
    let mut finished = true;
    for entry in recording {
        match entry {
            Ok(RecordedStep::Event(now, event)) => lines.event(now, &event),
            Ok(RecordedStep::Command(command)) => lines.command(&command),
            Err(ReadError { kind: ReadErrorKind::Unfinished, .. }) => finished = false,
            Err(error) => return Err(text(error)),
        }
    }
    lines.finish().map_err(|error: io::Error| error.to_string())?;
    Ok(finished)
}

fn text(error: ReadError) -> String {
    error.to_string()
}
