//! Many dialers that talk to each other, through a network that loses, cuts, delays, and turns clocks.
//!
//! | file | what lives there |
//! |---|---|
//! | `host.rs` | a dialer, and its driver's view of connections and tasks |
//! | `driver.rs` | events in, commands out, and each command obeyed |
//! | `check.rs` | what is checked of each command, and after each drain |
//! | `wire.rs` | connections: how they arrive, come up, and are closed, at either end |
//! | `faults.rs` | what goes wrong, and when |
//! | `restart.rs` | restarts: with an empty head, with an address book, or from a snapshot |
//! | `operator.rs` | what operators do, and when: bans, other limits and lists, static nodes, requests |
//! | `rules.rs` | what an operator has told a dialer, which is held to it |
//! | `goal.rs` | what must hold once nothing goes wrong any more |
//!
//! The world goes from one scheduled instant to the next, and never ticks at a fixed rate: a dialer that forgets to
//! ask for a wake-up stands still. All chances come from one seed.

mod check;
mod driver;
mod faults;
mod goal;
mod host;
mod operator;
mod restart;
mod rules;
mod wire;

use std::collections::BTreeMap;
use std::time::Duration;

use dialstate::{DialOutcome, LookupId, ResolveId, Timestamp};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use self::faults::Fault;
use self::host::Host;
use self::wire::Connection;
use crate::transcript::Transcript;
use crate::world::{Event, Node};

/// How many nodes a lookup brings.
const LOOKUP: usize = 8;
/// Events in all; a run that needs more runs in circles.
const MOST_EVENTS: u64 = 20_000_000;

/// The hosts, and everything between them.
#[derive(Debug)]
pub struct Network {
    now: Timestamp,
    rng: ChaCha8Rng,
    hosts: Vec<Host>,
    connections: Vec<Connection>,
    agenda: BTreeMap<(Timestamp, u64), What>,
    sequence: u64,
    /// Whether things go wrong.
    faults: bool,
    /// While the network is cut in two: on which side each host is.
    cut: Option<Vec<bool>>,
    /// How many events there were, of all kinds.
    events: u64,
    /// How many faults there were.
    pub(crate) wrongs: u64,
    /// How often each of the rarer things happened.
    seen: BTreeMap<String, u64>,
    /// What the dialers decide, if it is written down.
    pub transcript: Option<Transcript>,
}

/// What happens. A host that was restarted takes nothing that was meant for it before: `life` tells.
#[derive(Clone, Copy, Debug)]
enum What {
    Wakes { host: usize, life: u32 },
    Boots(usize),
    Arrives(usize),
    Up { connection: usize, side: usize },
    Closes { connection: usize, side: usize },
    Closed { connection: usize, side: usize },
    Fails { connection: usize, outcome: DialOutcome },
    Resolved { host: usize, life: u32, resolve: ResolveId },
    LookedUp { host: usize, life: u32, lookup: LookupId },
    Fault(Fault),
    Heals,
    Saves,
    Orders,
}

impl Network {
    /// A network of `count` hosts, a quarter or three quarters of them without inbound connections. The first one has
    /// them.
    ///
    /// # Panics
    /// The config of a host makes no sense.
    #[must_use]
    pub fn new(seed: u64, count: u8) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let hidden = [2, 2, 2, 6][(rng.next_u64() % 4) as usize];
        let hosts = (0..count).map(|n| Host::new(n, count, hidden, &mut rng)).collect();
        let mut network = Self {
            now: Timestamp::ZERO,
            rng,
            hosts,
            connections: Vec::new(),
            agenda: BTreeMap::new(),
            sequence: 0,
            faults: true,
            cut: None,
            events: 0,
            wrongs: 0,
            seen: BTreeMap::new(),
            transcript: None,
        };
        for host in 0..network.hosts.len() {
            let millis = network.below(10_000);
            network.after(Duration::from_millis(millis), What::Boots(host));
        }
        network.schedule_fault();
        network.schedule_save();
        network.schedule_orders();
        network
    }

    /// How many events and faults there were, and how many dials went out: what two runs of one seed share.
    #[must_use]
    pub fn digest(&self) -> (u64, u64, u64, Vec<dialstate::Stats>) {
        let stats = self.hosts.iter().map(|host| host.dialer.stats().clone()).collect();
        (self.events, self.wrongs, self.connections.len() as u64, stats)
    }

    /// How often it happened that a dial of each kind went out, that a connection was closed for each reason, and so on:
    /// what was never seen was not tested.
    #[must_use]
    pub const fn seen(&self) -> &BTreeMap<String, u64> {
        &self.seen
    }

    fn note(&mut self, what: impl Into<String>) {
        *self.seen.entry(what.into()).or_default() += 1;
    }

    /// Runs until `end`, everything at that instant included.
    ///
    /// # Panics
    /// A dialer breaks a rule.
    pub fn run_until(&mut self, end: Timestamp) {
        while let Some(entry) = self.agenda.first_entry().filter(|entry| entry.key().0 <= end) {
            self.now = entry.key().0;
            let what = entry.remove();
            self.events += 1;
            assert!(self.events < MOST_EVENTS, "a network that runs in circles, at {}", self.now);
            self.happens(what);
        }
        self.now = end;
    }

    /// From now on nothing goes wrong: cuts heal, hosts that are down come up for good, and operators take back what
    /// they did.
    pub fn stop_faults(&mut self) {
        self.faults = false;
        self.cut = None;
        for host in 0..self.hosts.len() {
            if self.hosts[host].up {
                let events = self.calm(host);
                self.hand(host, events);
            }
        }
    }

    fn happens(&mut self, what: What) {
        match what {
            What::Wakes { host, life } => {
                if self.is_alive(host, life) && self.hosts[host].wake == Some(self.now) {
                    self.hand(host, vec![Event::Tick]);
                }
            }
            What::Boots(host) => self.boot(host),
            What::Arrives(connection) => self.arrives(connection),
            What::Up { connection, side } => self.up(connection, side),
            What::Closes { connection, side } => self.closes(connection, side),
            What::Closed { connection, side } => self.closed(connection, side),
            What::Fails { connection, outcome } => self.fails(connection, outcome),
            What::Resolved { host, life, resolve } => {
                if self.is_alive(host, life) {
                    self.resolved(host, resolve);
                }
            }
            What::LookedUp { host, life, lookup } => {
                if self.is_alive(host, life) && self.hosts[host].tasks.lookup == Some(lookup) {
                    self.hosts[host].tasks.lookup = None;
                    let nodes = self.found(host);
                    self.hand(host, vec![Event::LookupFinished { lookup, nodes }]);
                }
            }
            What::Fault(fault) => self.goes_wrong(fault),
            What::Heals => self.cut = None,
            What::Saves => self.saves(),
            What::Orders => self.orders(),
        }
    }

    fn resolved(&mut self, host: usize, resolve: ResolveId) {
        let this = &mut self.hosts[host];
        if let Some(id) = this.tasks.resolves.remove(&resolve) {
            this.tasks.owed.insert(id);
            let addrs = [self.hosts[self.position(id)].addr].into_iter().collect();
            self.hand(host, vec![Event::ResolveFinished { resolve, addrs }]);
        }
    }

    /// The next hosts in turn, so that few lookups bring them all.
    fn found(&mut self, host: usize) -> Vec<Node> {
        let count = self.hosts.len();
        let from = self.hosts[host].cursor;
        self.hosts[host].cursor = (from + LOOKUP) % count;
        (0..LOOKUP.min(count)).map(|n| self.hosts[(from + n) % count].node()).collect()
    }

    fn is_alive(&self, host: usize, life: u32) -> bool {
        self.hosts[host].up && self.hosts[host].life == life
    }

    fn after(&mut self, delay: Duration, what: What) {
        self.at(self.now.saturating_add(delay), what);
    }

    fn at(&mut self, at: Timestamp, what: What) {
        self.sequence += 1;
        self.agenda.insert((at.max(self.now), self.sequence), what);
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.rng.next_u64() % bound
    }

    /// True once in `of` times, while things go wrong.
    fn bad_luck(&mut self, of: u64) -> bool {
        let unlucky = self.below(of) == 0;
        self.faults && unlucky
    }

    fn latency(&mut self) -> Duration {
        Duration::from_millis(5 + self.below(200))
    }
}
