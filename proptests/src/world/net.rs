//! The network of `examples/simulate`: real addresses, invented behaviour.
//!
//! Every draw is a keyed hash of (seed, what for, who, how many times before), so what a node does at its k-th
//! dial is the same for every dialer that lives in this world, and one node's history never shifts another's.
//! All arithmetic is on integers: the same world on every machine.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;
use std::net::SocketAddr;
use std::time::Duration;

use dialstate::{DialId, DialKind, DialOutcome, LookupId, RemovalReason, ResolveId, Source, Task, Timestamp};
use siphasher::sip::SipHasher13;

use super::agenda::{Agenda, Key};
use super::sim::World;
use super::{Event, Id, Node};

/// What the world is like. Shares are in thousandths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetConfig {
    /// Everything that is left to chance follows from it.
    pub seed: u64,
    /// Nodes that are never reached. 400.
    pub unreachable: u64,
    /// Nodes that have no room most of the time. 200.
    pub full: u64,
    /// Nodes behind whose address another one answers. 10.
    pub wrong_identity: u64,
    /// Nodes of another network. 20.
    pub useless: u64,
    /// Answers that never come. 20.
    pub lost: u64,
    /// How many nodes the dialer hears of at the start; it learns of the others by lookups. 30.
    pub discovered: usize,
}

impl NetConfig {
    /// The world that `examples/simulate` shows.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed, unreachable: 400, full: 200, wrong_identity: 10, useless: 20, lost: 20, discovered: 30 }
    }
}

/// What a node is like, for as long as the world lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// No answer at all: the transport gives up after 15 s.
    Silent,
    /// Its host refuses the connection.
    Refusing,
    /// Its network says that there is no route.
    NoRoute,
    /// It has no room, but for one half hour in four.
    Full,
    /// Another node answers.
    WrongIdentity,
    /// It belongs to another network.
    Useless,
    /// It connects.
    Good,
}

/// The transport's own time limit for a connection (geth's `defaultDialTimeout`).
const TRANSPORT_TIMEOUT: Duration = Duration::from_secs(15);
/// For how long a full node stays with or without room.
const ROOM_PERIOD: u64 = 30 * 60 * 1_000_000_000;

/// What a draw is for: two purposes never share one.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
enum Draw {
    Fate,
    Unreachable,
    Room,
    Latency,
    Session,
    Reason,
    Lost,
    LookupSize,
    LookupLatency,
    First,
}

/// A seeded network.
#[derive(Clone, Debug)]
pub struct Net {
    config: NetConfig,
    nodes: Vec<Node>,
    addrs: BTreeMap<Id, SocketAddr>,
    /// How many dials and sessions each node has seen, so that no draw is made twice.
    dials: BTreeMap<Id, u64>,
    sessions: BTreeMap<Id, u64>,
    connected: BTreeSet<Id>,
    lookups: u64,
    resolves: u64,
    lost: u32,
}

impl Net {
    /// A network of `nodes`; `bootnodes` exist too, but no lookup finds them.
    #[must_use]
    pub fn new(config: NetConfig, nodes: Vec<Node>, bootnodes: &[Node]) -> Self {
        let addr = |node: &Node| Some((node.id, *node.addrs.iter().next()?));
        let addrs = nodes.iter().chain(bootnodes).filter_map(addr).collect();
        Self {
            config,
            nodes,
            addrs,
            dials: BTreeMap::new(),
            sessions: BTreeMap::new(),
            connected: BTreeSet::new(),
            lookups: 0,
            resolves: 0,
            lost: 0,
        }
    }

    /// How many answers have been lost.
    #[must_use]
    pub const fn lost(&self) -> u32 {
        self.lost
    }

    /// What this node is like.
    #[must_use]
    pub fn fate(&self, id: &Id) -> Fate {
        let config = &self.config;
        let mut share = self.draw(Draw::Fate, id, 0) % 1000;
        let mut within = |size: u64| {
            let hit = share < size;
            share = share.wrapping_sub(size);
            hit
        };
        if within(config.unreachable) {
            match self.draw(Draw::Unreachable, id, 0) % 10 {
                0..6 => Fate::Silent,
                6..9 => Fate::Refusing,
                _ => Fate::NoRoute,
            }
        } else if within(config.full) {
            Fate::Full
        } else if within(config.wrong_identity) {
            Fate::WrongIdentity
        } else if within(config.useless) {
            Fate::Useless
        } else {
            Fate::Good
        }
    }

    /// How this node answers its `n`-th dial at `now`, and after what time.
    fn answer(&self, id: &Id, n: u64, now: Timestamp) -> (Duration, DialOutcome) {
        let round_trip = self.octaves(Draw::Latency, id, n, Duration::from_millis(25), 4);
        // A connection takes one round trip, the two handshakes over it one each.
        match self.fate(id) {
            Fate::Silent => (TRANSPORT_TIMEOUT, DialOutcome::TimedOut),
            Fate::Refusing => (round_trip, DialOutcome::Refused),
            Fate::NoRoute => (round_trip, DialOutcome::Unreachable),
            Fate::WrongIdentity => (round_trip * 2, DialOutcome::WrongIdentity),
            Fate::Useless => (round_trip * 3, DialOutcome::Useless),
            Fate::Full if !self.has_room(id, now) => (round_trip * 3, DialOutcome::TooManyPeers),
            Fate::Full | Fate::Good => (round_trip * 3, DialOutcome::Connected),
        }
    }

    /// How long the `n`-th dial of this node takes if it begins at `now` and connects; `None`: it does not.
    pub(crate) fn foresee(&self, id: &Id, n: u64, now: Timestamp) -> Option<Duration> {
        let (takes, outcome) = self.answer(id, n, now);
        (outcome == DialOutcome::Connected && !self.is_lost(0, id, n)).then_some(takes)
    }

    fn has_room(&self, id: &Id, now: Timestamp) -> bool {
        let phase = self.draw(Draw::Room, id, u64::MAX) % ROOM_PERIOD;
        self.draw(Draw::Room, id, (now.as_nanos() + phase) / ROOM_PERIOD).is_multiple_of(4)
    }

    /// The nodes nearest to `target`, by XOR of the ids, as a Kademlia lookup finds them.
    fn nearest(&self, target: &[u8; 32], most: usize) -> Vec<Node> {
        let distance = |node: &Node| {
            let mut distance = node.id;
            for (byte, other) in distance.iter_mut().zip(target) {
                *byte ^= other;
            }
            distance
        };
        let mut by_distance: Vec<_> = self.nodes.iter().map(|node| (distance(node), node)).collect();
        by_distance.sort_unstable_by_key(|(distance, _)| *distance);
        by_distance.into_iter().take(most).map(|(_, node)| node.clone()).collect()
    }

    /// Whether the world loses the answer to this, and counts it.
    fn loses(&mut self, kind: u8, id: &Id, n: u64) -> bool {
        let lost = self.is_lost(kind, id, n);
        self.lost += u32::from(lost);
        lost
    }

    fn is_lost(&self, kind: u8, id: &Id, n: u64) -> bool {
        let n = n << 2 | u64::from(kind);
        self.draw(Draw::Lost, id, n) % 1000 < self.config.lost
    }

    /// A length between `least` and `least` · 2^`octaves`, each octave alike often.
    fn octaves(&self, what: Draw, id: &Id, n: u64, least: Duration, octaves: u64) -> Duration {
        let draw = self.draw(what, id, n);
        let least = u64::try_from(least.as_micros()).unwrap_or(u64::MAX) << (draw % octaves);
        Duration::from_micros(least + (draw >> 8) % least)
    }

    fn draw(&self, what: Draw, id: &Id, n: u64) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.config.seed, what as u64);
        hasher.write(id);
        hasher.write(&n.to_le_bytes());
        hasher.finish()
    }
}

impl World for Net {
    fn start(&mut self, agenda: &mut Agenda) {
        let mut order: Vec<_> =
            self.nodes.iter().map(|node| (self.draw(Draw::First, &node.id, 0), node.clone())).collect();
        order.sort_unstable();
        for (n, (_, node)) in (1..).zip(order.into_iter().take(self.config.discovered)) {
            let event = Event::NodeDiscovered { node, source: Source(0), vouched: false };
            agenda.after(Duration::from_millis(100) * n, Key::World(0), event);
        }
    }

    fn dial(&mut self, dial: DialId, node: &Node, kind: DialKind, agenda: &mut Agenda) {
        let count = self.dials.entry(node.id).or_default();
        *count += 1;
        let n = *count;
        if self.loses(0, &node.id, n) {
            return;
        }
        let (delay, outcome) = self.answer(&node.id, n, agenda.now());
        match (outcome, node.addrs.iter().next()) {
            (DialOutcome::Connected, Some(addr)) => agenda.connect(delay, dial, node.id, kind, *addr),
            _ => agenda.finish(delay, dial, outcome),
        }
    }

    fn resolve(&mut self, resolve: ResolveId, id: Id, agenda: &mut Agenda) {
        self.resolves += 1;
        if self.loses(1, &id, self.resolves) {
            return;
        }
        let addrs = self.addrs.get(&id).copied().into_iter().collect();
        let delay = self.octaves(Draw::LookupLatency, &id, self.resolves, Duration::from_millis(250), 4);
        agenda.after(delay, Key::Task(Task::Resolve(resolve)), Event::ResolveFinished { resolve, addrs });
    }

    fn lookup(&mut self, lookup: LookupId, target: [u8; 32], agenda: &mut Agenda) {
        self.lookups += 1;
        let n = self.lookups;
        if self.loses(2, &[0; 32], n) {
            return;
        }
        let size = usize::try_from(self.draw(Draw::LookupSize, &[0; 32], n) % 17).unwrap_or(0);
        let delay = self.octaves(Draw::LookupLatency, &[0; 32], n, Duration::from_millis(250), 4);
        let event = Event::LookupFinished { lookup, nodes: self.nearest(&target, size) };
        agenda.after(delay, Key::Task(Task::Lookup(lookup)), event);
    }

    /// A session that has begun will end: after two minutes, or half a day, or anything between.
    fn handed(&mut self, event: &Event, taken: bool, agenda: &mut Agenda) {
        match event {
            Event::PeerAdded { id, .. } if taken && self.connected.insert(*id) => {
                let count = self.sessions.entry(*id).or_default();
                *count += 1;
                let n = *count;
                let length = self.octaves(Draw::Session, id, n, Duration::from_secs(120), 9);
                let reason = match self.draw(Draw::Reason, id, n) % 10 {
                    0 => RemovalReason::TooManyPeers,
                    _ => RemovalReason::Closed,
                };
                agenda.hang_up(length, *id, reason);
            }
            Event::PeerRemoved { id, reason } if *reason != RemovalReason::Duplicate => {
                self.connected.remove(id);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(count: u16) -> Vec<Node> {
        let node = |n: u16| {
            let mut id = [0; 32];
            id[..2].copy_from_slice(&n.to_be_bytes());
            Node::new(id, [SocketAddr::from(([10, 0, n.to_be_bytes()[0], n.to_be_bytes()[1]], 1))])
        };
        (0..count).map(node).collect()
    }

    fn net(seed: u64, count: u16) -> Net {
        Net::new(NetConfig::new(seed), nodes(count), &[])
    }

    #[test]
    fn shares_of_fates() {
        let net = net(7, 20_000);
        let mut counts: BTreeMap<Fate, u32> = BTreeMap::new();
        for node in &net.nodes {
            *counts.entry(net.fate(&node.id)).or_default() += 1;
        }
        let percent = |fates: &[Fate]| fates.iter().map(|fate| counts[fate]).sum::<u32>() / 200;
        assert!((38..=42).contains(&percent(&[Fate::Silent, Fate::Refusing, Fate::NoRoute])), "{counts:?}");
        assert!((18..=22).contains(&percent(&[Fate::Full])), "{counts:?}");
        assert!((35..=39).contains(&percent(&[Fate::Good])), "{counts:?}");
        assert!(counts[&Fate::WrongIdentity] > 100 && counts[&Fate::Useless] > 200, "{counts:?}");
    }

    #[test]
    fn full_nodes_have_room_one_period_in_four() {
        let net = net(7, 1);
        let day = |n: u64| Timestamp::from_nanos(n * ROOM_PERIOD);
        let with_room = (0..4_000).filter(|n| net.has_room(&[1; 32], day(*n))).count();
        assert!((900..1_100).contains(&with_room), "{with_room}");
    }

    #[test]
    fn octaves_stay_in_their_range_and_reach_its_ends() {
        let net = net(7, 1);
        let least = Duration::from_millis(25);
        let draws: Vec<_> = (0..1_000).map(|n| net.octaves(Draw::Latency, &[1; 32], n, least, 4)).collect();
        assert!(draws.iter().all(|d| (least..least * 16).contains(d)));
        assert!(draws.iter().any(|d| *d < least * 2) && draws.iter().any(|d| *d > least * 14));
    }

    #[test]
    fn a_lookup_finds_the_nearest() {
        let net = net(7, 256);
        let found: Vec<_> = net.nearest(&net.nodes[77].id, 2).iter().map(|node| node.id[1]).collect();
        assert_eq!(found, [77, 76]);
        assert!(net.nearest(&[0; 32], 0).is_empty());
    }

    #[test]
    fn another_seed_is_another_world() {
        let fates = |seed| {
            let net = net(seed, 100);
            net.nodes.iter().map(|node| net.fate(&node.id)).collect::<Vec<_>>()
        };
        assert_eq!(fates(1), fates(1));
        assert_ne!(fates(1), fates(2));
    }
}
