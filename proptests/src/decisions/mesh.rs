//! Many nodes that know one another only a little, and ask their peers for more. Each has a dialer of its own. Beside them
//! there is a bootnode, which dials nobody.
//!
//! A connection is one for both ends: whoever comes second is refused by the handshake, and his dial is cancelled.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;
use std::net::SocketAddr;
use std::time::Duration;

use dialstate::{DialId, DialKind, DialOutcome, LookupId, PeerKind, RemovalReason, Source, Task, Timestamp};
use siphasher::sip::SipHasher13;

use super::oracle::Foresight;
use crate::world::{Command, Decides, Event, Id, Node};

/// How many peers a lookup asks at once, as in Kademlia.
const ASKED: usize = 3;
/// How many nodes each of them names.
const NAMED: usize = 16;

/// Whom each node knows at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knows {
    /// The bootnode.
    Bootnode,
    /// The one before it, and the first one the bootnode.
    Previous,
}

/// Many nodes.
#[derive(Clone, Copy, Debug)]
pub struct Mesh {
    /// How many, beside the bootnode.
    pub nodes: u8,
    /// Whom they know.
    pub knows: Knows,
    /// How many dynamic peers each is to keep. Nobody is dialed who is connected, so fewer than half of them.
    pub target: u32,
    /// The longest round trip, in milliseconds; the shortest is a quarter of it.
    pub round_trip: u64,
}

/// How it went.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// When the last node had its first dynamic peer.
    pub first_peer: Option<Timestamp>,
    /// When all were full.
    pub full: Option<Timestamp>,
    /// When the first dial began.
    pub first_dial: Option<Timestamp>,
    /// Dials of all.
    pub dials: u32,
}

/// The number of the bootnode. It accepts everybody, and names its peers like the others.
const BOOTNODE: u8 = 0;

/// The node with this number.
#[must_use]
pub(super) fn node(number: u8) -> Node {
    // Scattered, so that the smaller of two ids is now the one's and now the other's.
    Node::new([number.wrapping_mul(167); 32], [SocketAddr::from(([20, number, 0, 1], 30_303))])
}

/// In this network, every dial connects.
#[derive(Clone, Copy, Debug)]
pub(super) struct All;

impl Foresight for All {
    fn connects(&self, _id: &Id, _addr: &SocketAddr, _n: u64, _now: Timestamp) -> Option<Duration> {
        Some(Duration::ZERO)
    }

    fn changes(&self, _now: Timestamp) -> Option<Timestamp> {
        None
    }
}

#[derive(Debug)]
struct Host<D> {
    dialer: D,
    wake: Option<Timestamp>,
    /// Its peers, and whether each counts towards its target.
    peers: BTreeMap<usize, bool>,
    tasks: BTreeSet<Task>,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Wakes(usize),
    Arrives { from: usize, to: usize, dial: DialId, kind: DialKind },
    Named { host: usize, lookup: LookupId },
    Closes { one: usize, other: usize },
}

struct Run<D> {
    mesh: Mesh,
    seed: u64,
    now: Timestamp,
    hosts: Vec<Host<D>>,
    agenda: BTreeMap<(Timestamp, u64), What>,
    sequence: u64,
    outcome: Outcome,
}

impl Mesh {
    /// Runs it until all are full, or until `end`. `dialer` makes the dialer of the node with a number.
    pub fn run<D: Decides>(&self, seed: u64, end: Timestamp, dialer: impl Fn(u8) -> D) -> Outcome {
        let host =
            |n: u8| Host { dialer: dialer(n), wake: None, peers: BTreeMap::new(), tasks: BTreeSet::new() };
        let mut run = Run {
            mesh: *self,
            seed,
            now: Timestamp::ZERO,
            hosts: (0..=self.nodes).map(host).collect(),
            agenda: BTreeMap::new(),
            sequence: 0,
            outcome: Outcome { first_peer: None, full: None, first_dial: None, dials: 0 },
        };
        for n in 1..=self.nodes {
            let known = match self.knows {
                Knows::Bootnode => BOOTNODE,
                Knows::Previous => n - 1,
            };
            run.hand(
                n.into(),
                Event::NodeDiscovered { node: node(known), source: Source(0), vouched: false },
            );
        }
        while let Some(entry) = run.agenda.first_entry().filter(|entry| entry.key().0 <= end) {
            run.now = entry.key().0;
            let what = entry.remove();
            run.happens(what);
            if run.outcome.full.is_some() {
                break;
            }
        }
        run.outcome
    }
}

impl<D: Decides> Run<D> {
    fn happens(&mut self, what: What) {
        match what {
            What::Wakes(host) => {
                if self.hosts[host].wake == Some(self.now) {
                    self.hand(host, Event::Tick);
                }
            }
            What::Arrives { from, to, dial, kind } => {
                if self.hosts[from].tasks.remove(&Task::Dial(dial)) {
                    self.arrives(from, to, dial, kind);
                }
            }
            What::Named { host, lookup } => {
                if self.hosts[host].tasks.remove(&Task::Lookup(lookup)) {
                    let nodes = self.named(host);
                    self.hand(host, Event::LookupFinished { lookup, nodes });
                }
            }
            What::Closes { one, other } => self.closes(one, other),
        }
    }

    /// A connection that one end gives up.
    fn closes(&mut self, one: usize, other: usize) {
        if self.hosts[one].peers.remove(&other).is_some() {
            self.hosts[other].peers.remove(&one);
            let (here, there) = (node(one as u8).id, node(other as u8).id);
            self.hand(one, Event::PeerRemoved { id: there, reason: RemovalReason::Local });
            self.hand(other, Event::PeerRemoved { id: here, reason: RemovalReason::Closed });
        }
    }

    fn arrives(&mut self, from: usize, to: usize, dial: DialId, kind: DialKind) {
        let finished = |outcome| Event::DialFinished { dial, outcome, tried: Vec::new() };
        if self.hosts[from].peers.contains_key(&to) {
            self.hand(from, finished(DialOutcome::Cancelled));
            return;
        }
        let counts = matches!(kind, DialKind::Dynamic | DialKind::Bootnode | DialKind::Reunion);
        self.hosts[from].peers.insert(to, counts);
        self.hosts[to].peers.insert(from, false);
        let (caller, called) = (node(from as u8), node(to as u8));
        let addr = called.addrs.first().copied();
        self.hand(from, Event::PeerAdded { id: called.id, kind: PeerKind::Outbound(kind), addr });
        self.hand(from, finished(DialOutcome::Connected));
        self.hand(to, Event::PeerAdded { id: caller.id, kind: PeerKind::Inbound, addr: None });
        self.look();
    }

    fn look(&mut self) {
        let all = self.hosts.len() - 1;
        // Who is connected with everybody has nobody left to dial.
        let dynamic = |host: &Host<D>| match host.peers.len() {
            peers if peers == all => all,
            _ => host.peers.values().filter(|counts| **counts).count(),
        };
        let fewest = self.hosts.iter().skip(1).map(dynamic).min().unwrap_or(0);
        let outcome = &mut self.outcome;
        outcome.first_peer = outcome.first_peer.or((fewest > 0).then_some(self.now));
        outcome.full = outcome.full.or((fewest >= self.mesh.target as usize).then_some(self.now));
    }

    /// What a few of its peers name: some of their own peers each.
    fn named(&self, host: usize) -> Vec<Node> {
        let asked = self.some(self.hosts[host].peers.keys().copied(), host, ASKED);
        let named: BTreeSet<usize> = asked
            .into_iter()
            .flat_map(|peer| self.some(self.hosts[peer].peers.keys().copied(), host + peer, NAMED))
            .filter(|named| *named != host)
            .collect();
        named.into_iter().map(|named| node(named as u8)).collect()
    }

    /// A few of these, drawn anew at each instant.
    fn some(&self, of: impl Iterator<Item = usize>, who: usize, most: usize) -> Vec<usize> {
        let now = self.now.as_nanos();
        let mut drawn: Vec<_> = of.map(|n| (self.draw(now, (who << 8 | n) as u64), n)).collect();
        drawn.sort_unstable();
        drawn.into_iter().take(most).map(|(_, n)| n).collect()
    }

    fn hand(&mut self, host: usize, event: Event) {
        if host == usize::from(BOOTNODE) {
            return;
        }
        // The nodes of this world answer each task once, and tell nothing that a dialer refuses but what has crossed.
        let _ = self.hosts[host].dialer.handle(self.now, event);
        loop {
            let command = self.hosts[host].dialer.poll();
            if let Command::Sleep { until, .. } = command {
                assert!(until.is_none_or(|until| until > self.now), "a sleep that has ended at {}", self.now);
                self.hosts[host].wake = until;
                until.into_iter().for_each(|until| self.at(until, What::Wakes(host)));
                return;
            }
            self.obey(host, command);
        }
    }

    fn obey(&mut self, host: usize, command: Command) {
        match command {
            Command::Dial { dial, node: called, kind, .. } => {
                self.outcome.dials += 1;
                self.outcome.first_dial = self.outcome.first_dial.or(Some(self.now));
                self.hosts[host].tasks.insert(Task::Dial(dial));
                let to = self.number(&called.id);
                let what = What::Arrives { from: host, to, dial, kind };
                // A connection, and two handshakes over it.
                self.at(self.now.saturating_add(self.round_trip(host, to) * 3), what);
            }
            Command::Lookup { lookup, .. } => {
                self.hosts[host].tasks.insert(Task::Lookup(lookup));
                let slowest = Duration::from_millis(self.mesh.round_trip);
                self.at(self.now.saturating_add(slowest), What::Named { host, lookup });
            }
            Command::Cancel(task) => {
                self.hosts[host].tasks.remove(&task);
            }
            Command::Disconnect { id, .. } => {
                let other = self.number(&id);
                self.at(self.now, What::Closes { one: host, other });
            }
            // All addresses are known.
            Command::Resolve { .. } | Command::Sleep { .. } => {}
        }
    }

    fn number(&self, id: &Id) -> usize {
        let number = (0..=self.mesh.nodes).find(|n| node(*n).id == *id);
        number.expect("a dialer knows nodes of the mesh only").into()
    }

    fn round_trip(&self, one: usize, other: usize) -> Duration {
        let pair = (one.min(other) << 8 | one.max(other)) as u64;
        let least = self.mesh.round_trip / 4;
        Duration::from_millis(least + self.draw(u64::MAX, pair) % (self.mesh.round_trip - least).max(1))
    }

    fn draw(&self, what: u64, who: u64) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.seed, what);
        hasher.write(&who.to_le_bytes());
        hasher.finish()
    }

    fn at(&mut self, at: Timestamp, what: What) {
        self.sequence += 1;
        self.agenda.insert((at, self.sequence), what);
    }
}
