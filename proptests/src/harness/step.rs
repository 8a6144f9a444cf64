//! One step: a delay, what happens, and how far the dialer is drained. Every step means something in every state
//! (index k is the k-th task in flight, modulo), so that a sequence may be cut anywhere.

use std::time::Duration;

use dialstate::{
    AddrOutcome, BanSubject, Change, ConnectionId, DialId, DialKind, DialOutcome, LookupId, PeerKind,
    RemovalReason, ResolveId, Source, Task, Timestamp,
};

use super::book::Book;
use super::pool;
use crate::world::{Event, Id};

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub after: After,
    /// What happens.
    pub act: Act,
    /// What is polled then.
    pub drain: Drain,
}

/// When a step happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// So long after the one before.
    Delay(Duration),
    /// So long before it: a clock that was set back.
    Before(Duration),
    /// When the dialer asked to be woken.
    Wake,
    /// At an instant beyond the range.
    OutOfRange,
}

/// How far the dialer is drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drain {
    /// Until `Sleep`.
    Full,
    /// At most so many commands.
    Cut(u8),
}

/// What happens. Numbers are taken modulo what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "as the events of the same names")]
pub enum Act {
    Tick,
    /// A dial succeeds: the peer, then the answer.
    Connect {
        task: u8,
    },
    DialEnds {
        task: u8,
        outcome: DialOutcome,
        tried: bool,
    },
    ResolveEnds {
        task: u8,
        addrs: u8,
    },
    LookupEnds {
        first: u8,
        nodes: u8,
        addrs: u8,
    },
    /// An answer with a token that is not in flight.
    Stray {
        task: u8,
        token: u8,
    },
    StaticAdd {
        id: u8,
        addrs: u8,
    },
    StaticRemove {
        id: u8,
    },
    Discover {
        id: u8,
        addrs: u8,
        source: u8,
    },
    Forget {
        id: u8,
    },
    PeerUp {
        id: u8,
        kind: PeerKind,
        addrs: u8,
    },
    PeerDown {
        id: u8,
        reason: RemovalReason,
    },
    InboundStart {
        connection: u8,
        id: u8,
    },
    InboundEnd {
        connection: u8,
    },
    Request {
        id: u8,
    },
    BanId {
        id: u8,
        until: u8,
    },
    BanNetwork {
        network: u8,
        until: u8,
    },
    UnbanId {
        id: u8,
    },
    UnbanNetwork {
        network: u8,
    },
    NetworkChanged,
    Target {
        target: u8,
    },
    MaxActive {
        active: u8,
    },
    Restrict {
        list: u8,
    },
    Bootnodes {
        first: u8,
        count: u8,
    },
    /// The program was restarted. No byte says so: saved inputs are to go on meaning what they meant.
    Restart,
    /// Dialing is turned off or on, which no byte says either.
    Dialing(bool),
}

const OUTCOMES: [DialOutcome; 10] = [
    DialOutcome::TimedOut,
    DialOutcome::Refused,
    DialOutcome::Unreachable,
    DialOutcome::Connected,
    DialOutcome::HandshakeFailed,
    DialOutcome::WrongIdentity,
    DialOutcome::TooManyPeers,
    DialOutcome::Useless,
    DialOutcome::LocalError,
    DialOutcome::Cancelled,
];

const REASONS: [RemovalReason; 6] = [
    RemovalReason::Closed,
    RemovalReason::Local,
    RemovalReason::Duplicate,
    RemovalReason::TooManyPeers,
    RemovalReason::Useless,
    RemovalReason::Misbehaved,
];

const KINDS: [PeerKind; 8] = [
    PeerKind::Inbound,
    PeerKind::Outbound(DialKind::Dynamic),
    PeerKind::Outbound(DialKind::Static),
    PeerKind::External,
    PeerKind::Outbound(DialKind::Bootnode),
    PeerKind::Outbound(DialKind::Requested),
    PeerKind::Outbound(DialKind::Feeler),
    PeerKind::Outbound(DialKind::Reunion),
];

const SECOND: Duration = Duration::from_secs(1);

impl Step {
    /// How many bytes say everything.
    pub const BYTES: usize = 6;

    /// The step that these bytes say.
    #[must_use]
    pub fn from_bytes([after, act, a, b, c, drain]: [u8; Self::BYTES]) -> Self {
        Self {
            after: After::from_byte(after),
            act: Act::from_bytes([act, a, b, c]),
            drain: Drain::from_byte(drain),
        }
    }

    /// The same step with a restart of the program in the place of what happens.
    #[must_use]
    pub const fn with_restart(self) -> Self {
        Self { act: Act::Restart, ..self }
    }

    /// The same step, in which dialing is turned off or on.
    #[must_use]
    pub const fn with_dialing(self, on: bool) -> Self {
        Self { act: Act::Dialing(on), ..self }
    }

    /// Takes the dialer itself out of a list of bootnodes.
    pub(crate) fn avoid_own_bootnode(&mut self) {
        if let Act::Bootnodes { first, count } = &mut self.act {
            while (0..*count % 4).any(|n| pool::id(first.wrapping_add(n)) == pool::ME) {
                *first = first.wrapping_add(1);
            }
        }
    }
}

impl After {
    fn from_byte(byte: u8) -> Self {
        Self::Delay(match byte % 32 {
            0..=7 => Duration::ZERO,
            8 | 9 => Duration::from_nanos(1),
            10 => Duration::from_millis(1),
            11 => Duration::from_millis(125),
            12..=14 => SECOND,
            15 => 4 * SECOND,
            16 => 5 * SECOND,
            17 => 20 * SECOND,
            18 => 30 * SECOND,
            19 => 30 * SECOND + Duration::from_nanos(1),
            20 => 60 * SECOND,
            21 => 600 * SECOND,
            22 => 3_600 * SECOND,
            23 if byte > 127 => 8 * 3_600 * SECOND,
            24 if byte > 127 => return Self::Before(SECOND),
            24 => return Self::Before(3_600 * SECOND),
            25 if byte > 127 => return Self::OutOfRange,
            _ => return Self::Wake,
        })
    }

    /// The instant, or `None` for one beyond the range.
    pub(super) fn at(self, now: Timestamp, wake: Option<Timestamp>) -> Option<Timestamp> {
        match self {
            Self::Delay(delay) => Some(now.saturating_add(delay)),
            Self::Before(span) => Some(now.saturating_sub(span)),
            Self::Wake => Some(wake.unwrap_or(now)),
            Self::OutOfRange => None,
        }
    }
}

impl Drain {
    const fn from_byte(byte: u8) -> Self {
        match byte % 16 {
            0..=10 => Self::Full,
            11..=13 => Self::Cut(0),
            14 => Self::Cut(1),
            _ => Self::Cut(byte / 16),
        }
    }
}

impl Act {
    fn from_bytes([act, a, b, c]: [u8; 4]) -> Self {
        let outcome = OUTCOMES[usize::from(b) % OUTCOMES.len()];
        match act % 64 {
            0..=3 => Self::Tick,
            4..=9 => Self::Connect { task: a },
            10..=16 => Self::DialEnds { task: a, outcome, tried: c % 2 == 1 },
            17..=21 => Self::ResolveEnds { task: a, addrs: b },
            22..=25 => Self::LookupEnds { first: a, nodes: b % 4, addrs: c },
            26 => Self::Stray { task: a, token: b },
            27..=32 => Self::StaticAdd { id: a, addrs: b },
            33 | 34 => Self::StaticRemove { id: a },
            35..=40 => Self::Discover { id: a, addrs: b, source: c % 3 },
            41 => Self::Forget { id: a },
            42..=44 => Self::PeerUp { id: a, kind: KINDS[usize::from(b) % KINDS.len()], addrs: c },
            45..=47 => Self::PeerDown { id: a, reason: REASONS[usize::from(b) % REASONS.len()] },
            48 | 49 => Self::InboundStart { connection: b % 4, id: a },
            50 => Self::InboundEnd { connection: b % 4 },
            51..=53 => Self::Request { id: a },
            54 => Self::BanId { id: a, until: b },
            55 | 56 => Self::BanNetwork { network: a, until: b },
            57 => Self::UnbanId { id: a },
            58 => Self::UnbanNetwork { network: a },
            59 => Self::NetworkChanged,
            60 => Self::Target { target: a },
            61 => Self::MaxActive { active: a },
            62 => Self::Restrict { list: a },
            _ => Self::Bootnodes { first: a, count: b },
        }
    }

    /// The events, in their order; `now` is when they happen.
    pub(super) fn events(self, book: &Book, now: Timestamp) -> Vec<Event> {
        vec![match self {
            Self::Connect { task } => return connect(book, task),
            Self::DialEnds { task, outcome, tried } => dial_ends(book, task, outcome, tried),
            Self::ResolveEnds { task, addrs } => resolve_ends(book, task, addrs),
            Self::LookupEnds { first, nodes, addrs } => lookup_ends(book, first, nodes, addrs),
            Self::Stray { task, token } => stray(task, token),
            Self::StaticAdd { id, addrs } => Event::StaticAdded(pool::node(id, addrs)),
            Self::StaticRemove { id } => Event::StaticRemoved(pool::id(id)),
            Self::Discover { id, addrs, source } => {
                Event::NodeDiscovered { node: pool::node(id, addrs), source: Source(source), vouched: false }
            }
            Self::Forget { id } => Event::NodeForgotten(pool::id(id)),
            Self::PeerUp { id, kind, addrs } => {
                Event::PeerAdded { id: pool::id(id), kind, addr: pool::addrs(id, addrs).first().copied() }
            }
            Self::PeerDown { id, reason } => Event::PeerRemoved { id: some_peer(book, id), reason },
            Self::InboundStart { connection, id } => {
                Event::InboundPending { connection: ConnectionId(connection.into()), id: pool::id(id) }
            }
            Self::InboundEnd { connection } => {
                Event::InboundEnded { connection: ConnectionId(connection.into()) }
            }
            Self::Request { id } => Event::DialRequested(pool::id(id)),
            Self::BanId { id, until } => {
                Event::Banned { subject: BanSubject::Id(pool::id(id)), until: ban_end(until, now) }
            }
            Self::BanNetwork { network, until } => {
                let subject = BanSubject::Network(pool::network(network));
                Event::Banned { subject, until: ban_end(until, now) }
            }
            Self::UnbanId { id } => Event::Unbanned(BanSubject::Id(pool::id(id))),
            Self::UnbanNetwork { network } => Event::Unbanned(BanSubject::Network(pool::network(network))),
            Self::NetworkChanged => Event::NetworkChanged,
            Self::Target { target } => Event::Reconfigured(Change::DynamicTarget(u32::from(target % 6))),
            Self::MaxActive { active } => Event::Reconfigured(Change::MaxActiveDials(u32::from(active % 4))),
            Self::Restrict { list } => Event::Reconfigured(Change::Restrict(pool::restrict(list))),
            Self::Bootnodes { first, count } => {
                let nodes = (0..count % 4).map(|n| pool::node(first.wrapping_add(n), n * 5)).collect();
                Event::Reconfigured(Change::Bootnodes(nodes))
            }
            Self::Tick => Event::Tick,
            Self::Restart => Event::Restarted,
            Self::Dialing(on) => Event::Reconfigured(Change::Dialing(on)),
        }]
    }
}

/// The end of a ban: past, now, soon, later, never.
fn ban_end(choice: u8, now: Timestamp) -> Option<Timestamp> {
    match choice % 7 {
        0 => Some(now.saturating_add(30 * SECOND)),
        1 => Some(now.saturating_add(3_600 * SECOND)),
        2 => Some(now.saturating_add(Duration::from_nanos(1))),
        3 => Some(now),
        4 => Some(now.saturating_sub(SECOND)),
        5 => Some(now.saturating_add(5 * SECOND)),
        _ => None,
    }
}

/// A peer, or any id where there is none.
fn some_peer(book: &Book, n: u8) -> Id {
    let count = book.peers.len().max(1);
    book.peers.keys().nth(usize::from(n) % count).copied().unwrap_or_else(|| pool::id(n))
}

fn connect(book: &Book, task: u8) -> Vec<Event> {
    let Some((dial, flight)) = book.dial(task) else { return vec![Event::Tick] };
    let (Some(id), Some(kind)) = (flight.id, flight.kind) else { return vec![Event::Tick] };
    let addr = flight.addrs.last().copied();
    let outcome = DialOutcome::Connected;
    // One event or two: they mean the same.
    if dial.as_raw() % 2 == 0 {
        return vec![Event::DialConnected { dial, addr, tried: Vec::new() }];
    }
    vec![
        Event::PeerAdded { id, kind: PeerKind::Outbound(kind), addr },
        Event::DialFinished { dial, outcome, tried: Vec::new() },
    ]
}

fn dial_ends(book: &Book, task: u8, outcome: DialOutcome, tried: bool) -> Event {
    let Some((dial, flight)) = book.dial(task) else { return Event::Tick };
    let tried =
        flight.addrs.iter().filter(|_| tried).map(|addr| AddrOutcome { addr: *addr, outcome }).collect();
    Event::DialFinished { dial, outcome, tried }
}

fn resolve_ends(book: &Book, task: u8, list: u8) -> Event {
    let Some((resolve, id)) = book.resolve(task) else { return Event::Tick };
    Event::ResolveFinished { resolve, addrs: pool::addrs(id[0], list).into_iter().collect() }
}

fn lookup_ends(book: &Book, first: u8, nodes: u8, addrs: u8) -> Event {
    let Some(lookup) = book.lookup() else { return Event::Tick };
    let nodes = (0..nodes).map(|n| pool::node(first.wrapping_add(n), addrs.wrapping_add(n))).collect();
    Event::LookupFinished { lookup, nodes }
}

fn stray(task: u8, token: u8) -> Event {
    let token = if token == u8::MAX { u64::MAX } else { token.into() };
    match task % 3 {
        0 => Event::DialFinished {
            dial: DialId::from_raw(token),
            outcome: DialOutcome::TimedOut,
            tried: Vec::new(),
        },
        1 => Event::ResolveFinished { resolve: ResolveId::from_raw(token), addrs: dialstate::Addrs::new() },
        _ => Event::LookupFinished { lookup: LookupId::from_raw(token), nodes: Vec::new() },
    }
}

/// The task that an event answers.
pub(super) const fn answered(event: &Event) -> Option<Task> {
    match event {
        Event::DialFinished { dial, .. } | Event::DialConnected { dial, .. } => Some(Task::Dial(*dial)),
        Event::ResolveFinished { resolve, .. } => Some(Task::Resolve(*resolve)),
        Event::LookupFinished { lookup, .. } => Some(Task::Lookup(*lookup)),
        _ => None,
    }
}
