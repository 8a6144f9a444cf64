//! What a small world is like: its hosts, our uplink, what lookups bring, and what is said without being asked.
//!
//! All of it is data, and every answer is a function of (seed, who, when): what a host does at an instant is the same
//! for every dialer that lives in this world, so that profiles can be compared and the best that is feasible can be
//! computed.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use dialstate::{DialOutcome, KnownNode, Source, Timestamp};
use siphasher::sip::SipHasher13;

use crate::world::{Event, Id, Node};

/// The transport's own time limit for a connection (geth's `defaultDialTimeout`).
pub(super) const TRANSPORT_TIMEOUT: Duration = Duration::from_secs(15);
/// Within how many milliseconds all sessions are found to be dead when an outage begins.
const DROP_SPREAD: u64 = 10_000;

/// What a host does when it is dialed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It connects.
    Connects,
    /// No answer at all: the transport gives up after 15 s.
    Silent,
    /// It answers, and the dial fails so.
    Answers(DialOutcome),
}

/// What is wrong with our uplink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Nothing comes back: every dial times out.
    Dark,
    /// Every dial fails so, at once: the host knows that there is no network.
    AtOnce(DialOutcome),
    /// A captive portal: somebody answers each connection, and the dial fails so.
    Portal(DialOutcome),
    /// Of a hundred dials so many time out.
    Loss(u64),
}

/// A time during which our uplink does not work. Hosts in our own network are reached all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Its first instant. The sessions with public hosts end within 10 s.
    pub from: Timestamp,
    /// The first instant at which the uplink works again.
    pub to: Timestamp,
    /// What happens meanwhile.
    pub wrong: Wrong,
}

/// What lookups bring.
#[derive(Clone, Debug)]
pub struct Lookups {
    /// From which instant on which hosts; none before the first.
    pub brings: Vec<(Timestamp, Vec<Node>)>,
    /// How many of them at a time, drawn at random.
    pub size: u64,
    /// How long one takes.
    pub takes: Duration,
    /// Whether somebody public has to be connected: peers are asked.
    pub asks_peers: bool,
}

/// A host.
#[derive(Clone, Debug)]
struct Host {
    node: Node,
    /// What it does from each instant on, in order.
    acts: Vec<(Timestamp, Act)>,
    /// How long a dial takes that it answers.
    takes: Duration,
    /// How long sessions with it last on average; `None`: for ever.
    session: Option<Duration>,
}

/// Hosts of a script.
pub type Hosts = Vec<usize>;

/// A world, written down.
#[derive(Clone, Debug)]
pub struct Script {
    seed: u64,
    hosts: Vec<Host>,
    by_addr: BTreeMap<SocketAddr, usize>,
    networks: u32,
    /// What is wrong with our uplink, and when.
    pub outages: Vec<Outage>,
    /// Instants at which all public sessions are closed.
    pub closings: Vec<Timestamp>,
    /// What lookups bring.
    pub lookups: Lookups,
    /// What the dialer is told before its first drain.
    pub book: Vec<Event>,
    /// What it is told without being asked.
    pub events: Vec<(Timestamp, Event)>,
    /// The nodes on which one can rely, where that makes a difference.
    pub honest: BTreeSet<Id>,
    /// The silent host that is dialed as the so many-th connects after all. Where nothing tells hosts from each other, this
    /// is the world in which the one good host among them has this place in the order, whatever the order is.
    pub lucky: Option<usize>,
    /// The dynamic target; `None`: the default.
    pub target: Option<u32>,
    /// How many connected static nodes make the dialer full, in a world where they count, and not the dynamic ones.
    pub statics: Option<u32>,
    /// The bootnodes of the config.
    pub bootnodes: Vec<Node>,
}

/// What a draw is for: two purposes never share one.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub(super) enum Draw {
    Id,
    RoundTrip,
    Loss,
    Session,
    Drop,
    Lookup,
}

impl Script {
    /// A world without hosts, in which lookups find nobody.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let takes = Duration::from_millis(500);
        Self {
            seed,
            hosts: Vec::new(),
            by_addr: BTreeMap::new(),
            networks: 0,
            outages: Vec::new(),
            closings: Vec::new(),
            lookups: Lookups { brings: Vec::new(), size: 16, takes, asks_peers: false },
            book: Vec::new(),
            events: Vec::new(),
            honest: BTreeSet::new(),
            lucky: None,
            target: None,
            statics: None,
            bootnodes: Vec::new(),
        }
    }

    /// `count` hosts, each in a /16 of its own.
    pub fn hosts(&mut self, count: usize, act: Act) -> Hosts {
        self.crowd(count, count, act)
    }

    /// `count` hosts, spread evenly over so many /16s that nobody else is in.
    pub fn crowd(&mut self, count: usize, networks: usize, act: Act) -> Hosts {
        let first = self.networks;
        self.networks += networks as u32;
        let addr = |n: usize| {
            let (network, host) = (first + (n % networks) as u32, (n / networks) as u32);
            // With more networks than there are between 20.0/16 and 99.255/16, a second host is in some of them.
            let [_, _, c, d] = (host + 1 + ((network / (80 * 256)) << 14)).to_be_bytes();
            SocketAddr::from(([20 + (network / 256 % 80) as u8, network as u8, c, d], 30_303))
        };
        (0..count).map(|n| self.host(addr(n), act)).collect()
    }

    /// `count` hosts of our own network.
    pub fn neighbours(&mut self, count: u8, act: Act) -> Hosts {
        (1..=count).map(|n| self.host(([192, 168, 1, n], 30_303).into(), act)).collect()
    }

    fn host(&mut self, addr: SocketAddr, act: Act) -> usize {
        let number = self.hosts.len();
        let mut id = [0; 32];
        for (part, chunk) in (0..).zip(id.chunks_exact_mut(8)) {
            chunk.copy_from_slice(&self.draw(Draw::Id, &[0; 32], (number as u64) << 2 | part).to_be_bytes());
        }
        // 25 to 200 ms, and three of them for a connection with two handshakes.
        let round_trip = Duration::from_millis(25 + self.draw(Draw::RoundTrip, &id, 0) % 176);
        let acts = vec![(Timestamp::ZERO, act)];
        self.hosts.push(Host { node: Node::new(id, [addr]), acts, takes: round_trip * 3, session: None });
        assert!(self.by_addr.insert(addr, number).is_none(), "{addr} is taken");
        number
    }

    /// From `at` on, these hosts do something else. In the order of time.
    pub fn then(&mut self, hosts: &[usize], at: Timestamp, act: Act) {
        for host in hosts {
            self.hosts[*host].acts.push((at, act));
        }
    }

    /// How long dials take that these hosts answer.
    pub fn takes(&mut self, hosts: &[usize], takes: Duration) {
        for host in hosts {
            self.hosts[*host].takes = takes;
        }
    }

    /// Sessions with these hosts last so long, give or take a fifth.
    pub fn sessions(&mut self, hosts: &[usize], length: Duration) {
        for host in hosts {
            self.hosts[*host].session = Some(length);
        }
    }

    /// The nodes of these hosts.
    #[must_use]
    pub fn nodes(&self, hosts: &[usize]) -> Vec<Node> {
        hosts.iter().map(|host| self.hosts[*host].node.clone()).collect()
    }

    /// The dialer has these in its address book, which it reads at the start, in no order: some were connected to once,
    /// others never tried.
    pub fn in_book(&mut self, good: &[usize], fresh: &[usize]) {
        let mut nodes: Vec<_> = self.nodes(good).into_iter().map(|node| (node, true)).collect();
        nodes.extend(self.nodes(fresh).into_iter().map(|node| (node, false)));
        // Ids are random, so this is a random order.
        nodes.sort_unstable_by_key(|(node, _)| node.id);
        self.book.extend(nodes.into_iter().map(|(node, good)| restored(node, good)));
    }

    /// The dialer hears of these at the start, from one source, in no order.
    pub fn heard(&mut self, hosts: &[usize], source: Source) {
        let mut nodes = self.nodes(hosts);
        nodes.sort_unstable_by_key(|node| node.id);
        self.book.extend(nodes.into_iter().map(|node| Event::NodeDiscovered {
            node,
            source,
            vouched: false,
        }));
    }

    /// The dialer hears of these one by one.
    pub fn trickle(&mut self, nodes: Vec<Node>, source: Source, from: Timestamp, every: Duration) {
        for (n, node) in (0..).zip(nodes) {
            let at = from.saturating_add(every.saturating_mul(n));
            self.events.push((at, Event::NodeDiscovered { node, source, vouched: false }));
        }
    }

    /// The dialer reads an address book while it runs: nodes that were once connected to.
    pub fn restore_later(&mut self, nodes: Vec<Node>, at: Timestamp) {
        self.events.extend(nodes.into_iter().map(|node| (at, restored(node, true))));
    }

    /// Lookups bring these, from an instant on, and nobody else.
    pub fn found(&mut self, hosts: &[usize], from: Timestamp) {
        let nodes = self.nodes(hosts);
        self.lookups.brings.push((from, nodes));
    }

    /// How a dial of this id at this address goes, if it begins now, and how long it takes.
    #[must_use]
    pub fn answer(&self, id: &Id, addr: &SocketAddr, now: Timestamp) -> (Duration, DialOutcome) {
        let silence = (TRANSPORT_TIMEOUT, DialOutcome::TimedOut);
        match self.wrong(addr, now) {
            Some(Wrong::Dark) => return silence,
            Some(Wrong::AtOnce(outcome)) => return (Duration::from_millis(1), outcome),
            Some(Wrong::Portal(outcome)) => return (Duration::from_millis(60), outcome),
            Some(Wrong::Loss(percent))
                if self.draw(Draw::Loss, id, now.as_nanos() / NANOS) % 100 < percent =>
            {
                return silence;
            }
            Some(Wrong::Loss(_)) | None => {}
        }
        let Some(host) = self.by_addr.get(addr).map(|host| &self.hosts[*host]) else { return silence };
        let then = now.saturating_add(host.takes);
        match (self.wrong(addr, then), host.act(then)) {
            (Some(Wrong::Dark | Wrong::AtOnce(_) | Wrong::Portal(_)), _) | (_, Act::Silent) => silence,
            _ if host.node.id != *id => (host.takes, DialOutcome::WrongIdentity),
            (_, Act::Answers(outcome)) => (host.takes, outcome),
            (_, Act::Connects) => (host.takes, DialOutcome::Connected),
        }
    }

    /// What is wrong with our uplink now, as far as this address is beyond it.
    pub(super) fn wrong(&self, addr: &SocketAddr, now: Timestamp) -> Option<Wrong> {
        let outage = self.outages.iter().find(|outage| (outage.from..outage.to).contains(&now))?;
        is_public(addr).then_some(outage.wrong)
    }

    /// When a session that begins now ends; `n`: how many the two have had.
    pub(super) fn end_of_session(
        &self,
        id: &Id,
        addr: &SocketAddr,
        n: u64,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let host = self.by_addr.get(addr).map(|host| &self.hosts[*host])?;
        let spread = |length: Duration| {
            length * 4 / 5 + length * (self.draw(Draw::Session, id, n) % 1_000) as u32 / 2_500
        };
        let by_itself = host.session.map(|length| now.saturating_add(spread(length)));
        let dies = host.acts.iter().find(|(at, act)| *at > now && *act == Act::Silent).map(|(at, _)| *at);
        let beyond = is_public(addr).then_some(());
        let cut =
            beyond.and_then(|()| self.outages.iter().map(|outage| outage.from).find(|from| *from > now));
        let cut = cut.map(|from| {
            from.saturating_add(Duration::from_millis(self.draw(Draw::Drop, id, n) % DROP_SPREAD))
        });
        let closed = beyond.and_then(|()| self.closings.iter().copied().find(|at| *at > now));
        [by_itself, dies, cut, closed].into_iter().flatten().min()
    }

    /// What the `n`-th lookup brings, if it ends now.
    pub(super) fn brought(&self, n: u64, now: Timestamp) -> Vec<Node> {
        let elsewhere = SocketAddr::from(([1, 1, 1, 1], 1));
        if matches!(self.wrong(&elsewhere, now), Some(Wrong::Dark | Wrong::AtOnce(_) | Wrong::Portal(_))) {
            return Vec::new();
        }
        let Some((_, nodes)) = self.lookups.brings.iter().rfind(|(from, _)| *from <= now) else {
            return Vec::new();
        };
        let mut order: Vec<_> = (0..nodes.len()).collect();
        let size = usize::try_from(self.lookups.size).unwrap_or(usize::MAX).min(nodes.len());
        for place in 0..size {
            let left = (nodes.len() - place) as u64;
            let draw = self.draw(Draw::Lookup, &[0; 32], n << 16 | place as u64) % left;
            order.swap(place, place + draw as usize);
        }
        order.into_iter().take(size).map(|place| nodes[place].clone()).collect()
    }

    /// When something about the world changes next, for a dialer that has nothing to do until then.
    #[must_use]
    pub(super) fn changes(&self, now: Timestamp) -> Option<Timestamp> {
        let acts = self.hosts.iter().flat_map(|host| host.acts.iter().map(|(at, _)| *at));
        let outages = self.outages.iter().flat_map(|outage| [outage.from, outage.to]);
        let lossy = self.outages.iter().any(|outage| (outage.from..outage.to).contains(&now));
        // What is lost is drawn anew each second.
        let second = lossy.then(|| Timestamp::from_nanos((now.as_nanos() / NANOS + 1) * NANOS));
        acts.chain(outages).chain(second).filter(|at| *at > now).min()
    }

    fn draw(&self, what: Draw, id: &Id, n: u64) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.seed, what as u64);
        hasher.write(id);
        hasher.write(&n.to_le_bytes());
        hasher.finish()
    }
}

/// A node of an address book: connected to an hour ago, or never tried.
fn restored(node: Node, good: bool) -> Event {
    let last_tried = good.then_some(Duration::from_secs(3_600));
    Event::NodeRestored(KnownNode { node, source: Source(0), good, failures: 0, last_tried, anchor: false })
}

const NANOS: u64 = 1_000_000_000;

impl Host {
    fn act(&self, now: Timestamp) -> Act {
        self.acts.iter().rfind(|(from, _)| *from <= now).map_or(Act::Silent, |(_, act)| *act)
    }
}

/// Whether an address lies beyond our uplink.
pub(super) fn is_public(addr: &SocketAddr) -> bool {
    match addr.ip() {
        IpAddr::V4(ip) => !ip.is_private() && !ip.is_loopback(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unique_local(),
    }
}
