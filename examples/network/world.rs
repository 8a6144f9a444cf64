//! The world: who lives in it, where, and how long a message takes. Nothing here depends on a profile.
//!
//! These constants were fixed before any constant of a profile was tuned in this world. What is measured has its source
//! beside it; what is not says "a guess".

use std::net::SocketAddr;

use dialstate::DialOutcome;
use dialstate_proptests::world::{Id, Node};

use crate::addresses;
use crate::draws::{Draw, Draws};

pub(crate) const MILLI: u64 = 1_000_000;
pub(crate) const SECOND: u64 = 1_000 * MILLI;
pub(crate) const MINUTE: u64 = 60 * SECOND;
pub(crate) const HOUR: u64 = 60 * MINUTE;
pub(crate) const DAY: u64 = 24 * HOUR;

/// Outbound peers that a node wants (geth: 50 peers, a third of them dialed).
pub(crate) const TARGET: u32 = 16;
/// Inbound peers and handshakes that a node has room for. Given by the task.
pub(crate) const INBOUND_SLOTS: u32 = 100;
/// Known nodes per dialer: a quarter for those that were connected once. Given by the task.
pub(crate) const KNOWN_GOOD: u32 = 256;
pub(crate) const KNOWN_OTHERS: u32 = 768;
/// Nodes that everybody knows from the start.
pub(crate) const BOOTNODES: u32 = 4;

/// Nodes behind a NAT, which dial and can't be dialed, in thousandths. Given by the task. (Bitcoin at the end of 2020:
/// some 31,000 useful unreachable peers were seen a day, which the authors take for half of them, beside about 10,000
/// reachable ones; Grundmann, Amberg and Hartenstein, arXiv 2102.12774.)
const NATTED: u64 = 700;
/// Of those, the ones that discovery finds all the same, in thousandths: their UDP gets through, their TCP does not. So
/// 52 % of what discovery finds can't be dialed, as in the DHT of IPFS (at least 52.19 %; Henningsen, Florian, Rust and
/// Scheuermann, "Mapping the Interplanetary Filesystem", 2020).
const LISTED: u64 = 464;
/// What the dialer sees of a node that can't be dialed, or is down, in thousandths; the rest says "no route". A guess: most
/// firewalls drop.
const SILENT: u64 = 700;
const REFUSING: u64 = 200;

/// Nodes that never leave, in thousandths: of the peers of the IPFS DHT that were seen at all in a week, 17 % were
/// always there (10.5 of 62.3; ProbeLab, network-measurements, RFM 2, 2022).
const STABLE: u64 = 170;
/// Sessions of the others. They are Weibull distributed in KAD (Steiner, En-Najjary and Biersack, "Long term study of peer
/// behavior in the KAD DHT", 2009), and far from exponential everywhere (Stutzbach and Rejaie, "Understanding churn in
/// peer-to-peer networks", 2006). Shape and scale are those for which half of the sessions are shorter than 2 h and 80 %
/// shorter than 8 h, as RFM 2 measured: shape = ln(ln 5 / ln 2) / ln 4, scale = 2 h / (ln 2)^(1 / shape).
const SESSION_SHAPE: f64 = 0.61;
const SESSION_SCALE: u64 = 219 * MINUTE;
/// Absences between them: the same distribution (a guess; RFM 2 shows that most who leave come back within the week).
const ABSENCE_SHAPE: f64 = SESSION_SHAPE;
const ABSENCE_SCALE: u64 = SESSION_SCALE;
/// A process that ends says goodbye, or is killed: the other end then sees it only when a keepalive is missing. In
/// thousandths. A guess.
pub(crate) const KILLED: u64 = 250;
/// When a connection is given up on which nothing comes: geth's frame timeout is 30 s, its pings come every 15 s.
pub(crate) const KEEPALIVE: (u64, u64) = (15 * SECOND, 30 * SECOND);

/// A transport gives up a connect after this (geth's `defaultDialTimeout`).
pub(crate) const CONNECT_TIMEOUT: u64 = 15 * SECOND;
/// … and a handshake that makes no progress after this (geth's frame timeout).
pub(crate) const HANDSHAKE_TIMEOUT: u64 = 30 * SECOND;
/// A question of the discovery that gets no answer costs this (geth's `respTimeout`).
pub(crate) const ASK_TIMEOUT: u64 = 500 * MILLI;
/// Discovery tables are checked entry by entry, one every 5 s on average (geth, p2p/discover: revalidation), and renewed
/// by lookups every 30 min (its `refreshInterval`). Checks are made in batches, which costs less.
pub(crate) const CHECK_EVERY: u64 = 5 * MINUTE;
pub(crate) const CHECKS: u32 = 60;
pub(crate) const REFRESH_EVERY: u64 = 6;

/// Clocks: how far ahead, and how fast, in about parts per million. A guess: quartz is good for ± 50.
const CLOCK_AHEAD: u64 = HOUR;
const CLOCK_DRIFT: u64 = 50;

/// Round trips between data centres, in milliseconds: North America, Europe, Asia and the Pacific, Latin America, Africa.
/// From IBM Cloud's table of 8 November to 7 December 2025 (github.com/ibm-cloud-docs/vpc, network-latency.md), e.g.
/// Washington–Frankfurt 88, Dallas–London 112, Dallas–Tokyo 141, Frankfurt–Tokyo 225, Tokyo–Sydney 115, São
/// Paulo–London 184, São Paulo–Tokyo 282. It has no row for Africa, which is a guess, as is the field for Latin America
/// with itself.
const ROUND_TRIP: [[u64; 5]; 5] = [
    [30, 95, 170, 130, 230],
    [95, 25, 210, 194, 150],
    [170, 210, 100, 300, 260],
    [130, 194, 300, 40, 330],
    [230, 150, 260, 330, 80],
];
/// What the access network of a node adds one way, in milliseconds (a guess: from a data centre to DSL), and how much
/// longer the way between two of them may be, in percent.
const ACCESS: (u64, u64) = (1, 20);
const DETOUR: u64 = 30;

/// The adversary's share of all addresses, in thousandths. Given by the task.
const ADVERSARY: u64 = 50;
/// Its subnets: 8 /24 in 4 /16. At two per /24 and four per /16 that is just enough for all 16 slots of a victim.
pub(crate) const ADVERSARY_16: u32 = 4;
pub(crate) const ADVERSARY_24: u32 = 8;
/// Ids are free: so many live at each of its addresses (Marcus, Heilman and Goldberg, "Low-resource eclipse attacks on
/// Ethereum's peer-to-peer network", 2018, take thousands on one).
pub(crate) const SYBILS_PER_ADDRESS: u32 = 20;

/// A node's clock. All arithmetic is on integers, and `until` is exact.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    ahead: u64,
    drift: i64,
}

impl Clock {
    /// What it shows at an instant.
    pub(crate) const fn show(self, now: u64) -> u64 {
        (now + self.ahead).saturating_add_signed((now >> 20) as i64 * self.drift)
    }

    /// The first instant at which it shows `shown` or more.
    pub(crate) fn until(self, shown: u64) -> u64 {
        let mut at = shown.saturating_sub(self.ahead);
        at = at.saturating_add_signed(-((at >> 20) as i64 * self.drift)).saturating_sub(MILLI);
        while self.show(at) < shown {
            at += shown - self.show(at);
        }
        at
    }
}

/// A node as the world sees it: where it is, and what it is like for as long as it lives.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) id: Id,
    pub(crate) addr: SocketAddr,
    pub(crate) region: usize,
    access: u64,
    pub(crate) clock: Clock,
    /// Accepts connections.
    pub(crate) reachable: bool,
    /// Discovery finds it.
    pub(crate) listed: bool,
    pub(crate) stable: bool,
    /// What a dial sees while it can't be dialed.
    pub(crate) down: DialOutcome,
}

/// Everybody, the adversary last.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) draws: Draws,
    /// How many are honest, and have a dialer.
    pub(crate) hosts: u32,
    places: Vec<Place>,
}

impl World {
    /// `hosts` honest nodes, the bootnodes among them, and an adversary if there is one.
    pub(crate) fn new(seed: u64, hosts: u32, attacked: bool, list: &[Node], bootnodes: &[Node]) -> Self {
        let draws = Draws::new(seed);
        let addrs = addresses::extend(draws, list, bootnodes, hosts);
        let mut places: Vec<Place> =
            (0..).zip(&addrs).map(|(who, addr)| Place::new(draws, who, *addr)).collect();
        if attacked {
            let count = (u64::from(hosts) * ADVERSARY / 1_000).max(u64::from(ADVERSARY_24));
            let bases = addresses::adversary(draws, count, &addrs);
            let sybils = bases.iter().cycle().take(bases.len() * SYBILS_PER_ADDRESS as usize);
            places.extend((hosts..).zip(sybils).map(|(who, addr)| Place::sybil(draws, who, *addr)));
        }
        Self { draws, hosts, places }
    }

    pub(crate) fn place(&self, who: u32) -> &Place {
        &self.places[who as usize]
    }

    /// The adversary's ids.
    pub(crate) fn sybils(&self) -> std::ops::Range<u32> {
        self.hosts..u32::try_from(self.places.len()).unwrap_or(u32::MAX)
    }

    pub(crate) const fn is_sybil(&self, who: u32) -> bool {
        who >= self.hosts
    }

    /// Where a node stands in the key space of the discovery: the first bits of its id.
    pub(crate) fn key(&self, who: u32) -> u64 {
        key(&self.place(who).id)
    }

    /// The round trip between two nodes. Always the same: a path is as long as it is.
    pub(crate) fn round_trip(&self, one: u32, other: u32) -> u64 {
        let (a, b) = (self.place(one), self.place(other));
        let pair = u64::from(one.min(other)) << 32 | u64::from(one.max(other));
        let longer = 100 + self.draws.below(Draw::Path, pair, 0, DETOUR + 1);
        ROUND_TRIP[a.region][b.region] * MILLI * longer / 100 + 2 * (a.access + b.access)
    }

    /// How long a node stays the `count`-th time; never-ending for those that never leave.
    pub(crate) fn session(&self, who: u32, count: u32) -> Option<u64> {
        let span =
            || self.draws.weibull(Draw::Session, who.into(), count.into(), SESSION_SHAPE, SESSION_SCALE);
        (!self.place(who).stable).then(span)
    }

    /// How long it stays away then.
    pub(crate) fn absence(&self, who: u32, count: u32) -> u64 {
        self.draws.weibull(Draw::Absence, who.into(), count.into(), ABSENCE_SHAPE, ABSENCE_SCALE)
    }
}

impl Place {
    fn new(draws: Draws, who: u32, addr: SocketAddr) -> Self {
        let name = u64::from(who);
        let natted = who >= BOOTNODES && draws.hits(Draw::Reachable, name, 0, NATTED);
        let down = match draws.below(Draw::Down, name, 0, 1_000) {
            share if share < SILENT => DialOutcome::TimedOut,
            share if share < SILENT + REFUSING => DialOutcome::Refused,
            _ => DialOutcome::Unreachable,
        };
        Self {
            id: id(draws, who),
            addr,
            region: addresses::region(addr.ip()),
            access: MILLI * (ACCESS.0 + draws.below(Draw::Access, name, 0, ACCESS.1 - ACCESS.0 + 1)),
            clock: Clock {
                ahead: draws.below(Draw::ClockAhead, name, 0, CLOCK_AHEAD),
                drift: draws.below(Draw::ClockDrift, name, 0, 2 * CLOCK_DRIFT + 1) as i64
                    - CLOCK_DRIFT as i64,
            },
            reachable: !natted,
            listed: !natted || draws.hits(Draw::Listed, name, 0, LISTED),
            stable: who < BOOTNODES || draws.hits(Draw::Stable, name, 0, STABLE),
            down,
        }
    }

    fn sybil(draws: Draws, who: u32, addr: SocketAddr) -> Self {
        Self { reachable: true, listed: true, stable: true, ..Self::new(draws, who, addr) }
    }
}

/// Random, but for the last four bytes, which say who it is.
fn id(draws: Draws, who: u32) -> Id {
    let mut id = [0; 32];
    for (part, bytes) in (0..).zip(id.chunks_mut(8)) {
        bytes.copy_from_slice(&draws.bits(Draw::Id, who.into(), part).to_be_bytes());
    }
    id[28..].copy_from_slice(&who.to_be_bytes());
    id
}

/// Who has an id.
pub(crate) fn who(id: &Id) -> u32 {
    id[28..].iter().fold(0, |who, byte| who << 8 | u32::from(*byte))
}

/// The first 64 bits of an id or of a lookup's target.
pub(crate) fn key(bytes: &[u8; 32]) -> u64 {
    bytes[..8].iter().fold(0, |key, byte| key << 8 | u64::from(*byte))
}
