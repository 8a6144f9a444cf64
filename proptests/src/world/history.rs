//! What is counted while a simulation runs: from the events and commands of every drain, and from nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use dialstate::{
    DialId, DialKind, DialOutcome, LookupId, PeerKind, RemovalReason, Task, Timestamp, WakeReason,
};
use ipnet::IpNet;

use super::sim::Drain;
use super::{Command, Event, Id};

/// Into how many parts of equal length the time is cut for the curves: as many for the peers as a plot has
/// pixels, more or less, and fewer for the dials, so that there are some to count in each.
const PEER_PARTS: u32 = 720;
const DIAL_PARTS: u32 = 144;

/// The life of one dialer, as it is seen from outside.
#[derive(Clone, Debug)]
pub struct History {
    pub(super) target: u32,
    pub(super) end: Timestamp,
    /// Up to when time has been accounted for.
    pub(super) now: Timestamp,
    peers: BTreeMap<Id, Peer>,
    /// How many of them count towards the target.
    pub(super) dialed: u32,
    pub(super) open_dials: BTreeMap<DialId, Timestamp>,
    pub(super) open_lookups: BTreeMap<LookupId, Timestamp>,
    pub(super) first_peer: Option<Timestamp>,
    pub(super) full: Option<Timestamp>,
    below_since: Option<Timestamp>,
    longest_below: Duration,
    pub(super) at_target: Duration,
    pub(super) peer_time: u128,
    pub(super) dials: u32,
    pub(super) most_dials_open: u32,
    pub(super) outcomes: BTreeMap<DialOutcome, u32>,
    pub(super) dials_cancelled: u32,
    pub(super) sessions: u32,
    pub(super) sessions_ended: u32,
    pub(super) subnets: BTreeSet<IpNet>,
    pub(super) most_in_wide: u32,
    pub(super) most_in_narrow: u32,
    pub(super) lookups: Lookups,
    heard_of: BTreeSet<Id>,
    pub(super) events: u64,
    pub(super) refused: u32,
    pub(super) wakeups: BTreeMap<WakeReason, u64>,
    waits_for: WakeReason,
    fewest_peers: Parts,
    dials_begun: Parts,
}

/// One number for each of the parts into which the time is cut.
#[derive(Clone, Debug)]
struct Parts {
    length: Duration,
    values: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Peer {
    kind: PeerKind,
    addr: Option<SocketAddr>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lookups {
    pub(super) started: u32,
    pub(super) answered: u32,
    pub(super) empty: u32,
    pub(super) nodes: u32,
    pub(super) new_nodes: u32,
    pub(super) cancelled: u32,
}

/// The same life as curves, for a plot. Each value stands for one part of the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// How many peers the dialer was told to keep.
    pub target: u32,
    /// How long the time is as a whole.
    pub span: Duration,
    /// The smallest number of peers in each part.
    pub peers: Vec<u32>,
    /// How many dials began in each part; the parts are longer here.
    pub dials: Vec<u32>,
}

impl Parts {
    fn new(end: Timestamp, parts: u32, value: u32) -> Self {
        let length = end.saturating_since(Timestamp::ZERO) / parts;
        Self { length: length.max(Duration::from_nanos(1)), values: vec![value; parts as usize] }
    }

    /// The part in which an instant lies; what lies behind the end belongs to the last one.
    fn at(&self, at: Timestamp) -> usize {
        let part = u128::from(at.as_nanos()) / self.length.as_nanos();
        usize::try_from(part).unwrap_or(usize::MAX).min(self.values.len() - 1)
    }
}

impl History {
    /// The life of a dialer that is told to keep `target` peers, from zero to `end`.
    #[must_use]
    pub fn new(target: u32, end: Timestamp) -> Self {
        Self {
            target,
            end,
            now: Timestamp::ZERO,
            peers: BTreeMap::new(),
            dialed: 0,
            open_dials: BTreeMap::new(),
            open_lookups: BTreeMap::new(),
            first_peer: None,
            full: (target == 0).then_some(Timestamp::ZERO),
            below_since: (target > 0).then_some(Timestamp::ZERO),
            longest_below: Duration::ZERO,
            at_target: Duration::ZERO,
            peer_time: 0,
            dials: 0,
            most_dials_open: 0,
            outcomes: BTreeMap::new(),
            dials_cancelled: 0,
            sessions: 0,
            sessions_ended: 0,
            subnets: BTreeSet::new(),
            most_in_wide: 0,
            most_in_narrow: 0,
            lookups: Lookups::default(),
            heard_of: BTreeSet::new(),
            events: 0,
            refused: 0,
            wakeups: BTreeMap::new(),
            waits_for: WakeReason::Event,
            fewest_peers: Parts::new(end, PEER_PARTS, u32::MAX),
            dials_begun: Parts::new(end, DIAL_PARTS, 0),
        }
    }

    /// Takes one drain into account.
    pub fn drained(&mut self, drain: &Drain<'_>) {
        self.record(drain.now, drain.event, drain.result.is_ok(), drain.commands);
    }

    /// Takes one event, whether the dialer took it, and its commands into account.
    pub fn record(&mut self, now: Timestamp, event: &Event, taken: bool, commands: &[Command]) {
        self.pass_until(now);
        self.events += 1;
        if taken {
            self.event(event);
        } else {
            self.refused += 1;
        }
        for command in commands {
            self.command(command);
        }
        self.most_dials_open = self.most_dials_open.max(count(self.open_dials.len()));
    }

    /// Accounts for the time until the end of the simulation.
    pub fn finish(&mut self) {
        self.pass_until(self.end);
    }

    /// The longest time with fewer peers than the target, the current one included.
    #[must_use]
    pub fn longest_below(&self) -> Duration {
        let current = self.below_since.map_or(Duration::ZERO, |since| self.now.saturating_since(since));
        self.longest_below.max(current)
    }

    /// The curves of a life that has been [finished](Self::finish).
    #[must_use]
    pub fn series(&self) -> Series {
        Series {
            target: self.target,
            span: self.end.saturating_since(Timestamp::ZERO),
            peers: self.fewest_peers.values.clone(),
            dials: self.dials_begun.values.clone(),
        }
    }

    /// How many peers each subnet holds: IPv4 /16, IPv6 /32.
    pub(super) fn peers_by_subnet(&self) -> BTreeMap<IpNet, u32> {
        self.by_subnet(16, 32)
    }

    /// How many connected peers there are, of all kinds.
    pub(super) fn peer_count(&self) -> u32 {
        count(self.peers.len())
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::PeerAdded { id, kind, addr } => self.peer_added(*id, Peer { kind: *kind, addr: *addr }),
            Event::PeerRemoved { id, reason } => self.peer_removed(id, *reason),
            Event::DialFinished { dial, outcome, .. } => {
                self.open_dials.remove(dial);
                *self.outcomes.entry(*outcome).or_default() += 1;
            }
            Event::LookupFinished { lookup, nodes } => {
                self.open_lookups.remove(lookup);
                self.lookups.answered += 1;
                self.lookups.empty += u32::from(nodes.is_empty());
                self.lookups.nodes += count(nodes.len());
                for node in nodes {
                    self.lookups.new_nodes += u32::from(self.heard_of.insert(node.id));
                }
            }
            Event::NodeDiscovered { node, .. } => {
                self.heard_of.insert(node.id);
            }
            Event::Tick => *self.wakeups.entry(self.waits_for).or_default() += 1,
            _ => {}
        }
    }

    fn command(&mut self, command: &Command) {
        match command {
            Command::Dial { dial, .. } => {
                self.dials += 1;
                self.open_dials.insert(*dial, self.now);
                let part = self.dials_begun.at(self.now);
                self.dials_begun.values[part] += 1;
            }
            Command::Lookup { lookup, .. } => {
                self.lookups.started += 1;
                self.open_lookups.insert(*lookup, self.now);
            }
            Command::Cancel(Task::Dial(dial)) => {
                self.dials_cancelled += u32::from(self.open_dials.remove(dial).is_some());
            }
            Command::Cancel(Task::Lookup(lookup)) => {
                self.lookups.cancelled += u32::from(self.open_lookups.remove(lookup).is_some());
            }
            Command::Sleep { reason, .. } => self.waits_for = *reason,
            Command::Resolve { .. } | Command::Cancel(Task::Resolve(_)) | Command::Disconnect { .. } => {}
        }
    }

    fn peer_added(&mut self, id: Id, peer: Peer) {
        if self.peers.insert(id, peer).is_some() {
            return;
        }
        self.sessions += 1;
        self.first_peer = self.first_peer.or(Some(self.now));
        self.subnets.extend(peer.addr.map(|addr| subnet(addr.ip(), 16, 32)));
        self.peers_changed();
        let most = |by: BTreeMap<IpNet, u32>| by.into_values().max().unwrap_or(0);
        self.most_in_wide = self.most_in_wide.max(most(self.by_subnet(16, 32)));
        self.most_in_narrow = self.most_in_narrow.max(most(self.by_subnet(24, 48)));
    }

    fn peer_removed(&mut self, id: &Id, reason: RemovalReason) {
        // After `Duplicate` the other connection is still there.
        if reason != RemovalReason::Duplicate && self.peers.remove(id).is_some() {
            self.sessions_ended += 1;
            self.peers_changed();
        }
    }

    fn peers_changed(&mut self) {
        let dynamic = |kind| matches!(kind, DialKind::Dynamic | DialKind::Bootnode | DialKind::Reunion);
        let counts = |peer: &&Peer| matches!(peer.kind, PeerKind::Outbound(kind) if dynamic(kind));
        self.dialed = count(self.peers.values().filter(counts).count());
        if self.dialed < self.target {
            self.below_since = self.below_since.or(Some(self.now));
        } else {
            self.longest_below = self.longest_below();
            self.below_since = None;
            self.full = self.full.or(Some(self.now));
        }
    }

    fn by_subnet(&self, v4: u8, v6: u8) -> BTreeMap<IpNet, u32> {
        let mut by = BTreeMap::new();
        for addr in self.peers.values().filter_map(|peer| peer.addr) {
            *by.entry(subnet(addr.ip(), v4, v6)).or_default() += 1;
        }
        by
    }

    /// Accounts for the time from the last event until `now`.
    fn pass_until(&mut self, now: Timestamp) {
        let span = now.saturating_since(self.now);
        if self.dialed >= self.target {
            self.at_target += span;
        }
        self.peer_time += u128::from(self.dialed) * span.as_nanos();
        if span > Duration::ZERO {
            // An instant on the border of two parts belongs to the later one.
            let parts = &mut self.fewest_peers;
            let touched = parts.at(self.now)..=parts.at(now.saturating_sub(Duration::from_nanos(1)));
            for fewest in &mut parts.values[touched] {
                *fewest = (*fewest).min(self.dialed);
            }
            self.now = now;
        }
    }
}

fn subnet(ip: IpAddr, v4: u8, v6: u8) -> IpNet {
    let ip = ip.to_canonical();
    let prefix = if ip.is_ipv4() { v4 } else { v6 };
    IpNet::new(ip, prefix).expect("both prefixes fit their family").trunc()
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
