//! A dialer that knows beforehand how each dial would go: what it needs is the least that is feasible in a world.
//!
//! It knows nobody that it was not told of, and asks for lookups one at a time like every dialer, but it dials only
//! who connects, as soon as he does, and waits for nothing. It has no pace, no cooldown and no limit of dials, and does
//! not look at subnets.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use dialstate::{
    DialId, DialKind, DialOutcome, EventError, LookupId, PeerKind, RemovalReason, Timestamp, WakeReason,
};

use super::script::Script;
use crate::world::{Command, Decides, Event, Id, Net, Node};

/// A lookup that takes longer than this has been lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// What an oracle knows of its world.
pub trait Foresight {
    /// How long the `n`-th dial of this node takes if it begins now; `None`: it would fail.
    fn connects(&self, id: &Id, addr: &SocketAddr, n: u64, now: Timestamp) -> Option<Duration>;

    /// When it is worth while to look again.
    fn changes(&self, now: Timestamp) -> Option<Timestamp>;
}

impl Foresight for Rc<Script> {
    fn connects(&self, id: &Id, addr: &SocketAddr, _n: u64, now: Timestamp) -> Option<Duration> {
        let (takes, outcome) = self.answer(id, addr, now);
        (outcome == DialOutcome::Connected).then_some(takes)
    }

    fn changes(&self, now: Timestamp) -> Option<Timestamp> {
        Script::changes(self, now)
    }
}

impl Foresight for Net {
    fn connects(&self, id: &Id, _addr: &SocketAddr, n: u64, now: Timestamp) -> Option<Duration> {
        self.foresee(id, n, now)
    }

    fn changes(&self, now: Timestamp) -> Option<Timestamp> {
        Some(now.saturating_add(Duration::from_secs(1)))
    }
}

/// The dialer that knows.
#[derive(Debug)]
pub struct Oracle<F> {
    world: F,
    target: u32,
    now: Timestamp,
    token: u64,
    known: BTreeMap<Id, Vec<SocketAddr>>,
    statics: BTreeSet<Id>,
    dials: BTreeMap<Id, u64>,
    /// Who is connected, who is being dialed, and whether that counts towards the target.
    peers: BTreeMap<Id, bool>,
    attempts: BTreeMap<DialId, (Id, bool)>,
    /// Since when a lookup is under way.
    lookup: Option<Timestamp>,
}

impl<F: Foresight> Oracle<F> {
    /// An oracle that is to keep `target` dynamic peers, and has heard of `nodes`.
    pub fn new(world: F, target: u32, nodes: &[Node]) -> Self {
        let mut oracle = Self {
            world,
            target,
            now: Timestamp::ZERO,
            token: 0,
            known: BTreeMap::new(),
            statics: BTreeSet::new(),
            dials: BTreeMap::new(),
            peers: BTreeMap::new(),
            attempts: BTreeMap::new(),
            lookup: None,
        };
        nodes.iter().for_each(|node| oracle.hears_of(node));
        oracle
    }

    fn hears_of(&mut self, node: &Node) {
        let addrs = self.known.entry(node.id).or_default();
        for addr in &node.addrs {
            if !addrs.contains(addr) {
                addrs.push(*addr);
            }
        }
    }

    fn need(&self) -> usize {
        let attempts = self.attempts.values().map(|(_, dynamic)| dynamic);
        let counted = self.peers.values().chain(attempts).filter(|dynamic| **dynamic).count();
        (self.target as usize).saturating_sub(counted)
    }

    /// Of those who would connect now, the one that would do so first, and where.
    fn best(&self) -> Option<(Duration, Id, SocketAddr)> {
        let need = self.need();
        let dialed = |id: &Id| self.attempts.values().any(|(other, _)| other == id);
        let free = |id: &Id| !self.peers.contains_key(id) && !dialed(id);
        let wanted = |id: &Id| (need > 0 || self.statics.contains(id)) && free(id);
        let known = self.known.iter().filter(|(id, _)| wanted(id));
        let would = known.flat_map(|(id, addrs)| {
            let n = self.dials.get(id).copied().unwrap_or(0) + 1;
            let takes = move |addr: &SocketAddr| self.world.connects(id, addr, n, self.now);
            addrs.iter().filter_map(move |addr| Some((takes(addr)?, *id, *addr)))
        });
        would.min()
    }

    const fn token(&mut self) -> u64 {
        self.token += 1;
        self.token
    }
}

impl<F: Foresight> Decides for Oracle<F> {
    fn handle(&mut self, now: Timestamp, event: Event) -> Result<(), EventError> {
        self.now = now;
        match event {
            Event::NodeDiscovered { node, .. } => self.hears_of(&node),
            Event::NodeRestored(known) => self.hears_of(&known.node),
            Event::StaticAdded(node) => {
                self.statics.insert(node.id);
                self.hears_of(&node);
            }
            Event::LookupFinished { nodes, .. } => {
                self.lookup = None;
                nodes.iter().for_each(|node| self.hears_of(node));
            }
            Event::PeerAdded { id, kind, .. } => {
                let dynamic = PeerKind::Outbound(DialKind::Dynamic);
                self.attempts.retain(|_, (other, _)| *other != id);
                self.peers.insert(id, kind == dynamic);
            }
            Event::PeerRemoved { id, reason } if reason != RemovalReason::Duplicate => {
                self.peers.remove(&id);
            }
            Event::DialFinished { dial, .. } => {
                self.attempts.remove(&dial);
            }
            _ => {}
        }
        Ok(())
    }

    fn poll(&mut self) -> Command {
        if let Some((_, id, addr)) = self.best() {
            *self.dials.entry(id).or_default() += 1;
            let dial = DialId::from_raw(self.token());
            let kind = if self.statics.contains(&id) { DialKind::Static } else { DialKind::Dynamic };
            self.attempts.insert(dial, (id, kind == DialKind::Dynamic));
            let node = Node::new(id, [addr]);
            return Command::Dial { dial, node, kind, stagger: Duration::ZERO, deadline: None };
        }
        let asks = self.lookup.is_some_and(|since| self.now.saturating_since(since) < PATIENCE);
        if self.need() > 0 && !asks {
            let lookup = LookupId::from_raw(self.token());
            self.lookup = Some(self.now);
            let mut target = [0; 32];
            // Scattered over the key space.
            target[..8].copy_from_slice(&self.token.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
            return Command::Lookup { lookup, target, deadline: None };
        }
        let until = self.world.changes(self.now).filter(|_| self.need() > 0 || !self.statics.is_empty());
        Command::Sleep { until, reason: WakeReason::Redial }
    }
}
