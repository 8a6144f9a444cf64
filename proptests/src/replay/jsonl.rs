//! From a running dialer to a trace.

use core::net::SocketAddr;
use std::io::{self, Write};

use dialstate::record::{RngSeed, Sink};
use dialstate::{AddrOutcome, BanSubject, Change, Command, Event, Timestamp};

use super::tasks::{Style, Tasks};
use crate::trace::{
    Drain, Header, Id, Input, InputLine, Names, Output, OutputLine, Policy, Subject, TraceChange, TraceNode,
    TriedAddr,
};

/// The sink that writes JSON Lines: replaying the input gives exactly the output.
///
/// Give it buffered writers; it writes line by line and keeps nothing but the line at hand and the tasks in flight.
/// After a failure it writes no more, and [`JsonLines::finish`] says why.
#[derive(Debug)]
pub struct JsonLines<W> {
    input: W,
    output: W,
    line: Option<Pending>,
    tasks: Tasks,
    names: Names,
    style: Style,
    failed: Option<io::Error>,
}

/// An event that may be followed by commands.
#[derive(Debug)]
struct Pending {
    line: InputLine,
    polled: u32,
    shown: Vec<Output>,
}

impl<W: Write> JsonLines<W> {
    /// A sink that writes what a dialer is told into `input`, and what it answers into `output`.
    pub fn new(input: W, output: W) -> Self {
        let (tasks, names) = (Tasks::default(), Names::default());
        let style = Style { policy: Policy::Balanced, recorded: true };
        Self { input, output, line: None, tasks, names, style, failed: None }
    }

    /// The dialer has handled `events` at `now`, in this order, and was then drained of `commands`: for programs
    /// that don't use a `dialstate::record::Recorder`, but look at drains.
    ///
    /// # Errors
    /// A writer has failed, or the format has no word for something.
    pub fn drained(
        &mut self,
        now: Timestamp,
        events: &[Event<Id, SocketAddr>],
        commands: &[Command<Id, SocketAddr>],
    ) -> io::Result<()> {
        events.iter().for_each(|event| self.event(now, event));
        commands.iter().for_each(|command| self.command(command));
        self.failed.take().map_or(Ok(()), Err)
    }

    /// Ends the recording.
    ///
    /// # Errors
    /// A writer has failed, or the format has no word for something.
    pub fn finish(mut self) -> io::Result<()> {
        self.attempt(Self::write_part);
        self.attempt(|this| this.input.flush().and_then(|()| this.output.flush()));
        self.failed.map_or(Ok(()), Err)
    }

    fn attempt(&mut self, write: impl FnOnce(&mut Self) -> io::Result<()>) {
        if self.failed.is_none() {
            self.failed = write(self).err();
        }
    }

    /// Writes the line at hand, whose drain was left before its end.
    fn write_part(&mut self) -> io::Result<()> {
        let polled = self.line.as_ref().map_or(0, |pending| pending.polled);
        self.write(Drain::Part(polled))
    }

    fn write(&mut self, drain: Drain) -> io::Result<()> {
        let Some(Pending { mut line, shown, .. }) = self.line.take() else { return Ok(()) };
        line.drain = drain;
        line.write(&mut self.input)?;
        self.input.write_all(b"\n")?;
        OutputLine::new(line.at, shown).write(&mut self.output)?;
        self.output.write_all(b"\n")
    }

    fn begin_line(&mut self, at: Timestamp, input: Input) {
        self.line = Some(Pending { line: InputLine::new(at, input), polled: 0, shown: Vec::new() });
    }

    fn note(&mut self, command: &Command<Id, SocketAddr>) -> io::Result<()> {
        if let Command::Sleep { .. } = command {
            // A second one is no news.
            return self.write(Drain::Whole);
        }
        let shown = self.tasks.command(command, &self.names, self.style).map_err(no_word)?;
        let Some(pending) = &mut self.line else {
            return Err(no_word(
                "a command behind the end of a drain, without an event before it".to_owned(),
            ));
        };
        pending.polled += 1;
        pending.shown.extend(shown);
        Ok(())
    }

    fn show(&mut self, event: &Event<Id, SocketAddr>) -> Result<Input, String> {
        Ok(match event {
            Event::Tick => Input::Tick {},
            Event::StaticAdded(node) => Input::StaticAdded { node: node.into() },
            Event::StaticRemoved(id) => Input::StaticRemoved { id: (*id).into() },
            Event::NodeDiscovered { node, source, vouched } => {
                Input::NodeDiscovered { node: node.into(), source: source.0, vouched: *vouched }
            }
            Event::NodeRestored(known) => Input::NodeRestored {
                node: (&known.node).into(),
                source: known.source.0,
                good: known.good,
                failures: known.failures,
                last_tried_ns: known.last_tried.map(|ago| u64::try_from(ago.as_nanos()).unwrap_or(u64::MAX)),
                anchor: known.anchor,
            },
            Event::NodeForgotten(id) => Input::NodeForgotten { id: (*id).into() },
            Event::PeerAdded { id, kind, addr } => {
                Input::PeerAdded { id: (*id).into(), kind: (*kind).try_into()?, addr: *addr }
            }
            Event::PeerRemoved { id, reason } => {
                Input::PeerRemoved { id: (*id).into(), reason: Some((*reason).try_into()?) }
            }
            Event::InboundPending { connection, id } => {
                Input::InboundPending { connection: connection.0, id: (*id).into() }
            }
            Event::InboundEnded { connection } => Input::InboundEnded { connection: connection.0 },
            Event::DialRequested(id) => Input::DialRequested { id: (*id).into() },
            Event::Banned { subject, until } => {
                Input::Banned { subject: (*subject).into(), until_ns: until.map(Timestamp::as_nanos) }
            }
            Event::Unbanned(subject) => Input::Unbanned { subject: (*subject).into() },
            Event::NetworkChanged => Input::NetworkChanged {},
            Event::Restarted => Input::Restarted {},
            Event::Reconfigured(change) => Input::Reconfigured { change: change.try_into()? },
            answer => self.show_answer(answer)?,
        })
    }

    /// An answer names the node if its task is the one in flight, and the token otherwise.
    fn show_answer(&mut self, event: &Event<Id, SocketAddr>) -> Result<Input, String> {
        Ok(match event {
            Event::DialFinished { dial, outcome, tried } => {
                let id = self.tasks.dials.answer(*dial);
                Input::DialFinished {
                    id: id.map(Into::into),
                    token: id.is_none().then(|| dial.as_raw()),
                    outcome: (*outcome).try_into()?,
                    tried: tried.iter().map(TriedAddr::try_from).collect::<Result<_, _>>()?,
                }
            }
            Event::DialConnected { dial, addr, tried } => {
                let id = self.tasks.dials.answer(*dial);
                Input::DialConnected {
                    id: id.map(Into::into),
                    token: id.is_none().then(|| dial.as_raw()),
                    addr: *addr,
                    tried: tried.iter().map(TriedAddr::try_from).collect::<Result<_, _>>()?,
                }
            }
            Event::ResolveFinished { resolve, addrs } => {
                let id = self.tasks.resolves.answer(*resolve);
                // The token tells whose answer it is, so the id of the node is of no account without one.
                let node = (!addrs.is_empty()).then(|| TraceNode::new(id.unwrap_or_default().into(), addrs));
                let token = id.is_none().then(|| resolve.as_raw());
                Input::ResolveFinished { id: id.map(Into::into), token, node }
            }
            Event::LookupFinished { lookup, nodes } => Input::LookupFinished {
                token: (!self.tasks.end_lookup(*lookup)).then(|| lookup.as_raw()),
                nodes: nodes.iter().map(Into::into).collect(),
            },
            other => {
                return Err(format!("the trace format has no event for {other:?}: add it to trace/mod.rs"));
            }
        })
    }
}

impl<W: Write> Sink<Id, SocketAddr> for JsonLines<W> {
    fn begin(&mut self, header: &dialstate::record::Header<Id, SocketAddr>) {
        self.attempt(|this| {
            let policy = Policy::of(&header.config).map_err(no_word)?;
            this.style = Style { policy, recorded: header.seed != RngSeed::NotRecorded };
            let line = Header::new(header.me, &header.config, &header.seed).map_err(no_word)?;
            this.begin_line(header.start, Input::Config(Box::new(line)));
            Ok(())
        });
    }

    fn event(&mut self, now: Timestamp, event: &Event<Id, SocketAddr>) {
        self.attempt(|this| {
            this.write_part()?;
            let input = this.show(event).map_err(no_word)?;
            this.begin_line(now, input);
            Ok(())
        });
    }

    fn command(&mut self, command: &Command<Id, SocketAddr>) {
        self.attempt(|this| this.note(command));
    }
}

fn no_word(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}

impl From<BanSubject<Id>> for Subject {
    fn from(subject: BanSubject<Id>) -> Self {
        match subject {
            BanSubject::Id(id) => Self::Id(id.into()),
            BanSubject::Network(network) => Self::Network(network),
        }
    }
}

impl TryFrom<&Change<Id, SocketAddr>> for TraceChange {
    type Error = String;

    fn try_from(change: &Change<Id, SocketAddr>) -> Result<Self, String> {
        Ok(match change {
            Change::DynamicTarget(target) => Self::DynamicTarget(*target),
            Change::MaxActiveDials(most) => Self::MaxActiveDials(*most),
            Change::Restrict(networks) => Self::Restrict(networks.clone()),
            Change::Bootnodes(nodes) => Self::Bootnodes(nodes.iter().map(Into::into).collect()),
            Change::Dialing(dialing) => Self::Dialing(*dialing),
            other => {
                return Err(format!("the trace format has no word for {other:?}: add it to trace/mod.rs"));
            }
        })
    }
}

impl TryFrom<&AddrOutcome<SocketAddr>> for TriedAddr {
    type Error = String;

    fn try_from(tried: &AddrOutcome<SocketAddr>) -> Result<Self, String> {
        Ok(Self { addr: tried.addr, outcome: tried.outcome.try_into()? })
    }
}
