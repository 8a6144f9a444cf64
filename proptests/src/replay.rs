//! From a trace to a dialer, and from a dialer to a trace.

mod jsonl;
mod recording;
mod tasks;

use core::convert::Infallible;
use core::net::SocketAddr;
use core::time::Duration;

use dialstate::rand_core::{Rng, TryRng};
use dialstate::record::RngSeed;
use dialstate::{
    AddrOutcome, BanSubject, Change, Command, ConnectionId, DialOutcome, Dialer, Event, EventError,
    KnownNode, LookupId, RemovalReason, ResolveId, Source, Timestamp, WakeReason,
};
use rand_chacha::ChaCha8Rng;

use self::tasks::{Style, Tasks};
use crate::trace::{
    Drain, Header, Id, Input, InputLine, Names, Output, OutputLine, Policy, Subject, TraceChange, TraceNode,
    TraceSeed, TriedAddr,
};

pub use self::jsonl::JsonLines;
pub use self::recording::{Divergence, Replayed, replay, to_lines};

/// The token of an answer to nothing: no dialer ever counts this far.
const NEVER: u64 = u64::MAX;

/// The rng that a trace names.
#[derive(Clone, Debug)]
pub enum TraceRng {
    /// Without a seed: always the same number, which is zero unless the trace names a draw.
    Constant(u64),
    /// With a seed.
    Seeded(Box<ChaCha8Rng>),
}

impl TraceRng {
    /// The rng of a recording with this seed; that of zeros, if it is told none.
    #[must_use]
    pub fn new(seed: &RngSeed) -> Self {
        seed.rng::<ChaCha8Rng>().map_or(Self::Constant(0), |rng| Self::Seeded(Box::new(rng)))
    }

    fn of(header: &Header) -> Self {
        match header.draw {
            Some(draw) => Self::Constant(draw.0),
            None => Self::new(&header.seed.map_or(RngSeed::NotRecorded, TraceSeed::seed)),
        }
    }
}

impl TryRng for TraceRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(match self {
            Self::Constant(number) => (*number >> 32) as u32,
            Self::Seeded(rng) => rng.next_u32(),
        })
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(match self {
            Self::Constant(number) => *number,
            Self::Seeded(rng) => rng.next_u64(),
        })
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        match self {
            Self::Constant(number) => {
                let number = number.to_le_bytes();
                bytes
                    .chunks_mut(number.len())
                    .for_each(|chunk| chunk.copy_from_slice(&number[..chunk.len()]));
            }
            Self::Seeded(rng) => rng.fill_bytes(bytes),
        }
        Ok(())
    }
}

/// What a dialer made of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The line of output.
    pub line: OutputLine,
    /// The events of the line that the dialer refused. A trace may hold them: they were refused when it was
    /// recorded, too.
    pub refused: Vec<EventError>,
}

/// Drives a dialer through a trace.
#[derive(Clone, Debug)]
pub struct Replayer {
    dialer: Dialer<Id, SocketAddr, TraceRng>,
    tasks: Tasks,
    names: Names,
    style: Style,
    /// When the dialer wants to be woken.
    wake: Option<Timestamp>,
}

impl Replayer {
    /// The dialer of the first line, and its answer to it.
    ///
    /// # Errors
    /// The line is not a `config`, or its config makes no sense.
    pub fn new(first: &InputLine) -> Result<(Self, Answer), String> {
        let Input::Config(header) = &first.input else {
            return Err("the first line must be a `config`".to_owned());
        };
        let mut replayer = Self::idle(header, first.at)?;
        let events = header.statics.iter().map(|node| Event::StaticAdded(node.node(&mut replayer.names)));
        let events = events.collect();
        let answer = replayer.feed(first, events)?;
        Ok((replayer, answer))
    }

    fn idle(header: &Header, at: Timestamp) -> Result<Self, String> {
        let mut names = Names::default();
        let me = names.note(header.me);
        let config = header.config(&mut names)?;
        let dialer = Dialer::new(me, config, TraceRng::of(header), at);
        let dialer = dialer.map_err(|error| format!("the config makes no sense: {error}"))?;
        let style = Style { policy: header.policy(), recorded: header.seed.is_some() };
        Ok(Self { dialer, tasks: Tasks::default(), names, style, wake: None })
    }

    /// The answer to the next line.
    ///
    /// # Errors
    /// The line is a second `config`, or the dialer gives a command that the format has no word for.
    pub fn line(&mut self, line: &InputLine) -> Result<Answer, String> {
        let events = self.events(&line.input)?;
        self.feed(line, events)
    }

    /// The dialer as it is after the last line.
    #[must_use]
    pub const fn dialer(&self) -> &Dialer<Id, SocketAddr, TraceRng> {
        &self.dialer
    }

    /// When the dialer wants to be woken, as it said in the last whole drain.
    #[must_use]
    pub const fn wake(&self) -> Option<Timestamp> {
        self.wake
    }

    fn feed(&mut self, line: &InputLine, events: Vec<Event<Id, SocketAddr>>) -> Result<Answer, String> {
        let most = match line.drain {
            Drain::Whole => usize::MAX,
            Drain::Part(count) => usize::try_from(count).unwrap_or(usize::MAX),
        };
        // The scheduler comes to rest after each static node that its first line names.
        let one_by_one = self.style.policy == Policy::Scheduler && !self.style.recorded;
        let (mut refused, mut shown) = (Vec::new(), Vec::new());
        self.wake = None;
        let last = events.len().saturating_sub(1);
        for (at, event) in events.into_iter().enumerate() {
            refused.extend(self.handle(line.at, event).err());
            if one_by_one && at < last {
                shown.extend(self.drain(line.at, most)?);
            }
        }
        shown.extend(self.drain(line.at, most)?);
        Ok(Answer { line: OutputLine::new(line.at, shown), refused })
    }

    /// In the traces of go-ethereum a dial may have connected without a peer that was added: the handshake has failed
    /// afterwards. Neither profile looks at the outcome then; the attempt ends.
    fn handle(&mut self, at: Timestamp, event: Event<Id, SocketAddr>) -> Result<(), EventError> {
        match self.dialer.handle(at, event) {
            Err(EventError::NotConnected(dial)) if !self.style.recorded => {
                let outcome = DialOutcome::HandshakeFailed;
                self.dialer.handle(at, Event::DialFinished { dial, outcome, tried: Vec::new() })
            }
            result => result,
        }
    }

    fn drain(&mut self, at: Timestamp, most: usize) -> Result<Vec<Output>, String> {
        let (mut shown, mut polled) = (Vec::new(), 0);
        while polled < most {
            let command = self.dialer.poll();
            if let Command::Sleep { until, reason } = command {
                self.wake = until;
                if reason != WakeReason::Backlog || self.style.recorded {
                    return Ok(shown);
                }
                // go-ethereum plans to the end, however long that takes: so does a trace of it.
                self.dialer.handle(at, Event::Tick).map_err(|error| error.to_string())?;
                continue;
            }
            polled += 1;
            shown.extend(self.tasks.command(&command, &self.names, self.style)?);
        }
        Ok(shown)
    }

    /// The events of a line. There is always one, because the original plans anew for every line.
    fn events(&mut self, input: &Input) -> Result<Vec<Event<Id, SocketAddr>>, String> {
        let names = &mut self.names;
        let event = match input {
            Input::Config(_) => return Err("a second `config`: only the first line may be one".to_owned()),
            Input::NodesDiscovered { nodes } if !nodes.is_empty() => {
                return Ok(nodes.iter().map(|node| discovered(node, 0, false, names)).collect());
            }
            Input::Tick {} | Input::NodesDiscovered { .. } => Event::Tick,
            Input::StaticAdded { node } => Event::StaticAdded(node.node(names)),
            Input::StaticRemoved { id } => Event::StaticRemoved(names.note(*id)),
            Input::NodeDiscovered { node, source, vouched } => discovered(node, *source, *vouched, names),
            Input::NodeRestored { node, source, good, failures, last_tried_ns, anchor } => {
                Event::NodeRestored(KnownNode {
                    node: node.node(names),
                    source: Source(*source),
                    good: *good,
                    failures: *failures,
                    last_tried: last_tried_ns.map(Duration::from_nanos),
                    anchor: *anchor,
                })
            }
            Input::NodeForgotten { id } => Event::NodeForgotten(names.note(*id)),
            Input::PeerAdded { id, kind, addr } => {
                Event::PeerAdded { id: names.note(*id), kind: (*kind).into(), addr: *addr }
            }
            Input::PeerRemoved { id, reason } => {
                let reason = reason.map_or(RemovalReason::Closed, Into::into);
                Event::PeerRemoved { id: names.note(*id), reason }
            }
            Input::InboundPending { connection, id } => {
                Event::InboundPending { connection: ConnectionId(*connection), id: names.note(*id) }
            }
            Input::InboundEnded { connection } => {
                Event::InboundEnded { connection: ConnectionId(*connection) }
            }
            Input::DialRequested { id } => Event::DialRequested(names.note(*id)),
            Input::Banned { subject, until_ns } => {
                Event::Banned { subject: banned(subject, names), until: until_ns.map(Timestamp::from_nanos) }
            }
            Input::Unbanned { subject } => Event::Unbanned(banned(subject, names)),
            Input::NetworkChanged {} => Event::NetworkChanged,
            Input::Restarted {} => Event::Restarted,
            Input::Reconfigured { change } => Event::Reconfigured(changed(change, names)),
            Input::DialFinished { .. }
            | Input::DialConnected { .. }
            | Input::ResolveFinished { .. }
            | Input::LookupFinished { .. } => self.answer(input),
        };
        Ok(vec![event])
    }

    /// An answer, with the token that it names, or else that of the task in flight.
    fn answer(&mut self, input: &Input) -> Event<Id, SocketAddr> {
        let Self { tasks, names, .. } = self;
        match input {
            Input::DialFinished { id, token, outcome, tried } => {
                let dial = tasks.answered_dial(*id, *token);
                Event::DialFinished { dial, outcome: (*outcome).into(), tried: outcomes(tried) }
            }
            Input::DialConnected { id, token, addr, tried } => {
                let dial = tasks.answered_dial(*id, *token);
                Event::DialConnected { dial, addr: *addr, tried: outcomes(tried) }
            }
            Input::ResolveFinished { id, token, node } => {
                let in_flight = || id.and_then(|id| tasks.resolves.of(&id.bytes()));
                let resolve = token.map(ResolveId::from_raw).or_else(in_flight);
                let resolve = resolve.unwrap_or(ResolveId::from_raw(NEVER));
                tasks.resolves.answer(resolve);
                let addrs = node.as_ref().map(|node| node.node(names).addrs);
                Event::ResolveFinished { resolve, addrs: addrs.unwrap_or_default() }
            }
            Input::LookupFinished { token, nodes } => {
                let lookup = token.map(LookupId::from_raw).or(tasks.lookup);
                let lookup = lookup.unwrap_or(LookupId::from_raw(NEVER));
                tasks.end_lookup(lookup);
                Event::LookupFinished { lookup, nodes: nodes.iter().map(|node| node.node(names)).collect() }
            }
            _ => Event::Tick,
        }
    }
}

fn outcomes(tried: &[TriedAddr]) -> Vec<AddrOutcome<SocketAddr>> {
    tried.iter().map(|tried| AddrOutcome { addr: tried.addr, outcome: tried.outcome.into() }).collect()
}

fn discovered(node: &TraceNode, source: u8, vouched: bool, names: &mut Names) -> Event<Id, SocketAddr> {
    Event::NodeDiscovered { node: node.node(names), source: Source(source), vouched }
}

fn banned(subject: &Subject, names: &mut Names) -> BanSubject<Id> {
    match subject {
        Subject::Id(id) => BanSubject::Id(names.note(*id)),
        Subject::Network(network) => BanSubject::Network(*network),
    }
}

fn changed(change: &TraceChange, names: &mut Names) -> Change<Id, SocketAddr> {
    match change {
        TraceChange::DynamicTarget(target) => Change::DynamicTarget(*target),
        TraceChange::MaxActiveDials(most) => Change::MaxActiveDials(*most),
        TraceChange::Restrict(networks) => Change::Restrict(networks.clone()),
        TraceChange::Bootnodes(nodes) => {
            Change::Bootnodes(nodes.iter().map(|node| node.node(names)).collect())
        }
        TraceChange::Dialing(dialing) => Change::Dialing(*dialing),
    }
}
