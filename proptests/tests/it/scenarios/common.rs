//! What the scenarios share: nodes, a world whose answers are closures, and the laws that hold at every step.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use dialstate::{DialId, DialKind, DialOutcome, LookupId, PeerKind, RemovalReason, Source, Task, Timestamp};
use dialstate_proptests::world::{Agenda, Command, Config, Drain, Event, Id, Key, Node, Sim, World};

pub(crate) const ME: Id = [0xff; 32];
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

/// The id of the n-th node.
pub(crate) fn id(n: u32) -> Id {
    let mut id = [0; 32];
    id[..4].copy_from_slice(&n.to_be_bytes());
    id
}

/// The number of a node made by [`id`].
pub(crate) fn number(id: &Id) -> u32 {
    u32::from_be_bytes([id[0], id[1], id[2], id[3]])
}

/// The n-th node, in a public IPv4 /16 that it shares with none of the 25,600 around it.
pub(crate) fn node(n: u32) -> Node {
    let ([_, _, high, low], [.., third]) = ((n % 25_600).to_be_bytes(), (n / 25_600).to_be_bytes());
    Node::new(id(n), [SocketAddr::from(([20 + high, low, third, 1], 30_303))])
}

pub(crate) fn discovered(node: Node) -> Event {
    Event::NodeDiscovered { node, source: Source(0), vouched: false }
}

/// An inbound peer: while there is one, no outage is suspected.
pub(crate) fn inbound(n: u32) -> Event {
    let addr = node(n).addrs.first().copied();
    Event::PeerAdded { id: id(n), kind: PeerKind::Inbound, addr }
}

/// How a dial goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Connects(Duration),
    Fails(Duration, DialOutcome),
    /// Nobody ever says.
    Lost,
}

type Dials = Box<dyn FnMut(&Node, DialKind, Timestamp) -> Answer>;
type Lookups = Box<dyn FnMut(Timestamp) -> Vec<Node>>;

/// A world that answers as two closures say.
pub(crate) struct Town {
    pub(crate) dials: Dials,
    /// Every lookup is answered at once. By default it finds nothing.
    pub(crate) lookups: Lookups,
    /// No lookup is answered.
    pub(crate) lookups_hang: bool,
    /// Sessions last as long as this says; `None`: for ever.
    pub(crate) session: Option<Duration>,
    /// Who is connected, in order.
    pub(crate) connected: BTreeMap<Id, PeerKind>,
}

impl Town {
    pub(crate) fn new(dials: impl FnMut(&Node, DialKind, Timestamp) -> Answer + 'static) -> Self {
        let lookups = Box::new(|_| Vec::new());
        Self {
            dials: Box::new(dials),
            lookups,
            lookups_hang: false,
            session: None,
            connected: BTreeMap::new(),
        }
    }
}

impl fmt::Debug for Town {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Town").field("connected", &self.connected).finish_non_exhaustive()
    }
}

impl World for Town {
    fn dial(&mut self, dial: DialId, node: &Node, kind: DialKind, agenda: &mut Agenda) {
        match (self.dials)(node, kind, agenda.now()) {
            Answer::Connects(delay) => agenda.connect(delay, dial, node.id, kind, node.addrs.as_slice()[0]),
            Answer::Fails(delay, outcome) => agenda.finish(delay, dial, outcome),
            Answer::Lost => {}
        }
    }

    fn lookup(&mut self, lookup: LookupId, _: [u8; 32], agenda: &mut Agenda) {
        if self.lookups_hang {
            return;
        }
        let nodes = (self.lookups)(agenda.now());
        let event = Event::LookupFinished { lookup, nodes };
        agenda.after(Duration::ZERO, Key::Task(Task::Lookup(lookup)), event);
    }

    fn handed(&mut self, event: &Event, taken: bool, agenda: &mut Agenda) {
        match event {
            Event::PeerAdded { id, kind, .. } if taken => {
                self.connected.insert(*id, *kind);
                if let Some(length) = self.session {
                    agenda.hang_up(length, *id, RemovalReason::Closed);
                }
            }
            Event::PeerRemoved { id, reason } if *reason != RemovalReason::Duplicate => {
                self.connected.remove(id);
                agenda.cancel(Key::Session(*id));
            }
            _ => {}
        }
    }
}

/// A dial that went out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dialed {
    pub(crate) at: Timestamp,
    pub(crate) id: Id,
    pub(crate) addr: SocketAddr,
    pub(crate) kind: DialKind,
    pub(crate) dial: DialId,
}

/// What was seen of a dialer from outside. Each step is checked: no dial beyond the limits, no task without a
/// deadline in the future.
#[derive(Debug)]
pub(crate) struct Seen {
    target: usize,
    static_active: usize,
    /// Dynamic and bootnode peers and dials in flight, by id: one id counts once.
    dynamic_peers: BTreeMap<Id, ()>,
    in_flight: BTreeMap<DialId, (Id, DialKind)>,
    /// When a dynamic dial no longer holds its slot.
    slow_after: Duration,
    now: Timestamp,
    pub(crate) dials: Vec<Dialed>,
    pub(crate) lookups: Vec<Timestamp>,
    pub(crate) cancels: Vec<(Timestamp, Task)>,
    /// When the dialer woke up by itself.
    pub(crate) ticks: Vec<Timestamp>,
    /// Answers that were refused.
    pub(crate) refused: u32,
}

impl Seen {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            target: config.dynamic_target as usize,
            static_active: config.pace.static_active as usize,
            dynamic_peers: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            slow_after: config.pace.slow_after,
            now: Timestamp::ZERO,
            dials: Vec::new(),
            lookups: Vec::new(),
            cancels: Vec::new(),
            ticks: Vec::new(),
            refused: 0,
        }
    }

    /// How many dynamic slots are taken: |ids connected ∪ ids in flight|, without dials that take long.
    pub(crate) fn taken(&self) -> usize {
        let begun = |dial| self.dials.iter().rev().find(|dialed| dialed.dial == dial).map(|dialed| dialed.at);
        let slow = |dial| begun(dial).is_some_and(|at| at.saturating_add(self.slow_after) <= self.now);
        let dials = self.in_flight.iter().filter(|(dial, _)| !slow(**dial));
        let flying = dials.filter(|(_, (id, kind))| dynamic(*kind) && !self.has_peer(id));
        flying.count() + self.dynamic_peers.len()
    }

    /// How many dynamic outbound peers there are.
    pub(crate) fn peers(&self) -> usize {
        self.dynamic_peers.len()
    }

    /// How many dials wait for their answers.
    pub(crate) fn open(&self) -> usize {
        self.in_flight.len()
    }

    /// How many dials of one kind went out since `from`, that instant included, and before `to`.
    pub(crate) fn count(&self, kind: DialKind, from: Timestamp, to: Timestamp) -> usize {
        self.dials.iter().filter(|dialed| dialed.kind == kind && (from..to).contains(&dialed.at)).count()
    }

    fn has_peer(&self, id: &Id) -> bool {
        self.dynamic_peers.contains_key(id)
    }

    /// Takes one step in, and checks it.
    pub(crate) fn step(&mut self, drain: &Drain<'_>) {
        if drain.result.is_ok() {
            self.event(drain.event, drain.now);
        } else {
            self.refused += 1;
        }
        for command in drain.commands {
            self.command(command, drain.now);
        }
        let gauges = drain.dialer.gauges();
        let flying = |wanted| self.in_flight.values().filter(|(_, kind)| dynamic(*kind) == wanted).count();
        assert_eq!(gauges.dynamic_attempts as usize, flying(true), "at {}: a slot leaked", drain.now);
        assert_eq!(
            gauges.dynamic_peers as usize,
            self.peers(),
            "at {}: a peer is counted wrongly",
            drain.now
        );
    }

    fn event(&mut self, event: &Event, now: Timestamp) {
        match event {
            Event::PeerAdded { id, kind: PeerKind::Outbound(kind), .. }
                if dynamic(*kind) || *kind == DialKind::Reunion =>
            {
                self.dynamic_peers.insert(*id, ());
            }
            Event::PeerRemoved { id, reason } if *reason != RemovalReason::Duplicate => {
                self.dynamic_peers.remove(id);
            }
            Event::DialFinished { dial, .. } => {
                self.in_flight.remove(dial).expect("an answer was taken that nobody waits for");
            }
            Event::Tick => self.ticks.push(now),
            _ => {}
        }
    }

    fn command(&mut self, command: &Command, now: Timestamp) {
        self.now = now;
        match command {
            Command::Dial { dial, node, kind, deadline, .. } => {
                assert!(deadline.is_some_and(|deadline| deadline > now), "no deadline: {command:?}");
                assert!(!self.in_flight.values().any(|(id, _)| *id == node.id), "dialed twice: {command:?}");
                self.in_flight.insert(*dial, (node.id, *kind));
                let addr = node.addrs.as_slice()[0];
                self.dials.push(Dialed { at: now, id: node.id, addr, kind: *kind, dial: *dial });
                if dynamic(*kind) {
                    assert!(self.taken() <= self.target, "at {now} a dial beyond the target: {command:?}");
                } else {
                    let active = self.in_flight.values().filter(|(_, kind)| !dynamic(*kind)).count();
                    assert!(active <= self.static_active, "at {now} one static dial too many: {command:?}");
                }
            }
            Command::Lookup { deadline, .. } => {
                assert!(deadline.is_some_and(|deadline| deadline > now), "no deadline: {command:?}");
                self.lookups.push(now);
            }
            Command::Cancel(task) => {
                self.cancels.push((now, *task));
                if let Task::Dial(dial) = task {
                    self.in_flight.remove(dial).expect("a dial is cancelled that is not in flight");
                }
            }
            _ => {}
        }
    }
}

fn dynamic(kind: DialKind) -> bool {
    matches!(kind, DialKind::Dynamic | DialKind::Bootnode)
}

/// A dialer in a world, and what was seen of it.
#[derive(Debug)]
pub(crate) struct Scene<W> {
    pub(crate) sim: Sim<W>,
    pub(crate) seen: Seen,
}

impl<W: World> Scene<W> {
    pub(crate) fn new(config: Config, world: W) -> Self {
        let seen = Seen::new(&config);
        Self { sim: Sim::new(ME, config, 1, world).unwrap(), seen }
    }

    pub(crate) fn hand(&mut self, event: Event) {
        let seen = &mut self.seen;
        self.sim
            .hand(&event, |drain| {
                seen.step(drain);
                Ok(())
            })
            .unwrap();
    }

    /// Runs for this long.
    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.sim.now().saturating_add(span);
        let seen = &mut self.seen;
        self.sim
            .run_until(end, |drain| {
                seen.step(drain);
                Ok(())
            })
            .unwrap();
    }

    /// Runs until `done`, at most for `most`; returns how long it took, `None` if it never came.
    pub(crate) fn run_until(
        &mut self,
        most: Duration,
        mut done: impl FnMut(&Seen) -> bool,
    ) -> Option<Duration> {
        let start = self.sim.now();
        let end = start.saturating_add(most);
        while !done(&self.seen) {
            let next = self.sim.next().filter(|next| *next <= end)?;
            let seen = &mut self.seen;
            self.sim
                .run_until(next, |drain| {
                    seen.step(drain);
                    Ok(())
                })
                .unwrap();
        }
        Some(self.sim.now().saturating_since(start))
    }
}
