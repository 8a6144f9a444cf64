//! A dialer as it is in use: the default config, a random source that is no toy, nodes of all kinds, and peers that come and go.
//!
//! A first dialer lives in an invented world, and what happens to it is written down. A second one with the same seed is
//! told the same at the same instants, and only that one is timed: the world costs nothing.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use dialstate::{
    BanSubject, DialId, DialOutcome, LookupId, RemovalReason, ResolveId, Source, Task, Timestamp,
};
use ipnet::IpNet;

use super::cycle::FOUND;
use super::{Chance, Command, Config, Dialer, Event, Id, ME, Mix, Node, id, node};

/// How many bans are in force, where there are any.
const BANS: u32 = 10_000;
/// How many of them are of networks, in the last of the cases.
const NETWORKS: u32 = 1_000;

/// Which bans are in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Banned {
    Nobody,
    Ids,
    IdsAndNetworks,
}

impl Banned {
    pub(crate) const ALL: [Self; 3] = [Self::Nobody, Self::Ids, Self::IdsAndNetworks];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "in use",
            Self::Ids => "in use, 10,000 ids banned",
            Self::IdsAndNetworks => "in use, 9,000 ids and 1,000 networks banned",
        }
    }

    const fn networks(self) -> u32 {
        if matches!(self, Self::IdsAndNetworks) { NETWORKS } else { 0 }
    }

    const fn bans(self) -> u32 {
        if matches!(self, Self::Nobody) { 0 } else { BANS }
    }

    /// Whom the ban with this number concerns: strangers for the most part, but every 20th of the known nodes too, up to
    /// half of the bans. Of the networks a tenth are a /16, and the others a /24.
    fn subject(self, n: u32, number: u32) -> BanSubject<Id> {
        if number < self.networks() {
            // No two in the same /16.
            let ip = IpAddr::from([16 + (number % 100) as u8, 25 * (number / 100) as u8, number as u8, 0]);
            let width = if number % 10 == 0 { 16 } else { 24 };
            return BanSubject::Network(IpNet::new(ip, width).expect("an IPv4 network").trunc());
        }
        let known = (number - self.networks()) * 20;
        let all = known < n && known < BANS / 2 * 20;
        BanSubject::Id(id(if all { known } else { 1 << 31 | number }))
    }
}

/// What happens to the dialer, without what it allocates.
#[derive(Clone, Copy)]
enum Happening {
    Tick,
    Connected(DialId),
    Failed(DialId, DialOutcome),
    /// A session is over.
    Ended(Id, RemovalReason),
    /// The next of the answers that are ready.
    Found(LookupId),
    /// Nothing new is known of the node.
    Resolved(ResolveId),
}

pub(crate) struct Real {
    n: u32,
    banned: Banned,
    lead: Dialer,
    timed: Dialer,
    until: Option<Timestamp>,
    /// What will happen, in the order of its instants.
    agenda: BTreeMap<(Timestamp, u64), Happening>,
    /// When the dials under way will be answered.
    open: BTreeMap<DialId, (Timestamp, u64)>,
    rng: Mix,
    written: u64,
    dials: u64,
    /// What the second dialer is yet to be told.
    tape: Vec<(Timestamp, Happening)>,
    answers: VecDeque<Vec<Node>>,
}

impl Real {
    /// `warm`: so many dials at the beginning, which are not measured, so that nodes differ in what is known of them.
    pub(crate) fn new(n: u32, banned: Banned, warm: u32) -> Self {
        let now = Timestamp::from_secs(1);
        let [lead, timed] = [0; 2].map(|_| filled(n, banned, now));
        let mut real = Self {
            n,
            banned,
            lead,
            timed,
            until: Some(now.saturating_add(Duration::from_nanos(1))),
            agenda: BTreeMap::new(),
            open: BTreeMap::new(),
            rng: Mix::new(11),
            written: 0,
            dials: 0,
            tape: Vec::new(),
            answers: VecDeque::new(),
        };
        for done in (0..warm).step_by(1 << 12) {
            let dials = real.prepare(u64::from((warm - done).min(1 << 12)));
            real.timed(dials);
        }
        real
    }

    /// Lets the first dialer live until it has dialed so many times; returns how many dials are on the tape.
    pub(crate) fn prepare(&mut self, dials: u64) -> u64 {
        let before = self.dials;
        while self.dials < before + dials {
            let due = self.agenda.first_key_value().map(|(key, _)| *key);
            let due = due.filter(|(at, _)| self.until.is_none_or(|until| *at <= until));
            let (now, happening) = match due {
                Some(key) => (key.0, self.agenda.remove(&key).expect("it is the first")),
                None => (self.until.expect("something will happen"), Happening::Tick),
            };
            self.tape.push((now, happening));
            self.live(now, happening);
        }
        self.dials - before
    }

    /// Tells the second dialer what is on the tape, in which there are so many dials.
    pub(crate) fn timed(&mut self, dials: u64) {
        let mut dialed = 0;
        for (now, happening) in self.tape.drain(..) {
            let found = || self.answers.pop_front().expect("it was made ready");
            self.timed.handle(now, event(happening, found)).expect("every event is in order");
            loop {
                match self.timed.poll() {
                    Command::Sleep { .. } => break,
                    command => dialed += u64::from(matches!(command, Command::Dial { .. })),
                }
            }
        }
        assert_eq!(dialed, dials, "both dialers do the same");
    }

    /// The same, known to callgrind by its name.
    #[inline(never)]
    pub(crate) fn counted(&mut self, dials: u64) {
        self.timed(dials);
    }

    /// Events, sessions and lookups for each dial so far.
    pub(crate) fn shares(&self) -> [f64; 3] {
        assert_eq!(self.timed.gauges().bans, self.banned.bans(), "all bans are in force still");
        let stats = self.timed.stats();
        let share = |count: u64| count as f64 / stats.dials as f64;
        [share(stats.events), share(stats.outcomes.connected), share(stats.lookups)]
    }

    /// One step of the first dialer, and what the world makes of its commands.
    fn live(&mut self, now: Timestamp, happening: Happening) {
        if let Happening::Connected(dial) | Happening::Failed(dial, _) = happening {
            self.open.remove(&dial);
        }
        let ready = self.answers.back();
        let found = || ready.expect("it was made ready").clone();
        self.lead.handle(now, event(happening, found)).expect("every event is in order");
        loop {
            match self.lead.poll() {
                Command::Dial { dial, node, .. } => self.dialed(now, dial, node.id),
                Command::Lookup { lookup, .. } => {
                    let nodes = (0..FOUND).map(|_| node(self.rng.below(u64::from(self.n)) as u32)).collect();
                    self.answers.push_back(nodes);
                    self.later(now, 1_500, Happening::Found(lookup));
                }
                Command::Resolve { resolve, .. } => _ = self.later(now, 1_500, Happening::Resolved(resolve)),
                Command::Cancel(Task::Dial(dial)) => {
                    self.open.remove(&dial).into_iter().for_each(|key| _ = self.agenda.remove(&key));
                }
                // What the world had in mind for the end of that session ends nothing, or the next one of that node.
                Command::Disconnect { id, .. } => {
                    self.later(now, 1, Happening::Ended(id, RemovalReason::Local));
                }
                Command::Sleep { until, .. } => {
                    self.until = until;
                    return;
                }
                other => panic!("the world can't do this: {other:?}"),
            }
        }
    }

    fn later(&mut self, now: Timestamp, millis: u64, what: Happening) -> (Timestamp, u64) {
        self.written += 1;
        let key = (now.saturating_add(Duration::from_millis(millis)), self.written);
        self.agenda.insert(key, what);
        key
    }

    /// A node answers as it always does, but for those that are full most of the time. The shares are those of
    /// `examples/simulate`, and some more whose handshake fails.
    fn dialed(&mut self, now: Timestamp, dial: DialId, to: Id) {
        self.dials += 1;
        let round_trip = self.octaves(25, 4);
        let room = self.rng.below(4) == 0;
        let (takes, outcome) = match u16::from_le_bytes([to[0], to[1]]) % 1_000 {
            0..240 => (15_000, DialOutcome::TimedOut),
            240..360 => (round_trip, DialOutcome::Refused),
            360..400 => (round_trip, DialOutcome::Unreachable),
            400..600 if !room => (round_trip * 3, DialOutcome::TooManyPeers),
            600..610 => (round_trip * 2, DialOutcome::WrongIdentity),
            610..630 => (round_trip * 3, DialOutcome::Useless),
            630..660 => (round_trip * 2, DialOutcome::HandshakeFailed),
            _ => (round_trip * 3, DialOutcome::Connected),
        };
        // Some answers are lost, and the dialer cancels the dial at its deadline.
        if self.rng.below(1_000) < 20 {
            return;
        }
        let key = if outcome == DialOutcome::Connected {
            // From a second to half an hour.
            let lasts = takes + self.octaves(1_000, 11);
            let reason = match self.rng.below(20) {
                0 | 1 => RemovalReason::TooManyPeers,
                2 => RemovalReason::Misbehaved,
                _ => RemovalReason::Closed,
            };
            self.later(now, lasts, Happening::Ended(to, reason));
            self.later(now, takes, Happening::Connected(dial))
        } else {
            self.later(now, takes, Happening::Failed(dial, outcome))
        };
        self.open.insert(dial, key);
    }

    /// Between `least` and `least` times 2^`octaves`, each octave alike often.
    fn octaves(&mut self, least: u64, octaves: u64) -> u64 {
        let least = least << self.rng.below(octaves);
        least + self.rng.below(least)
    }
}

fn event(happening: Happening, found: impl FnOnce() -> Vec<Node>) -> Event {
    match happening {
        Happening::Tick => Event::Tick,
        Happening::Connected(dial) => Event::DialConnected { dial, addr: None, tried: Vec::new() },
        Happening::Failed(dial, outcome) => Event::DialFinished { dial, outcome, tried: Vec::new() },
        Happening::Ended(id, reason) => Event::PeerRemoved { id, reason },
        Happening::Found(lookup) => Event::LookupFinished { lookup, nodes: found() },
        Happening::Resolved(resolve) => Event::ResolveFinished { resolve, addrs: Default::default() },
    }
}

/// The default config, and a dialer that was told of N nodes. Only the cap on known nodes is raised, where N needs it.
fn filled(n: u32, banned: Banned, now: Timestamp) -> Dialer {
    let mut config = Config::default();
    config.limits.others = config.limits.others.max(n);
    let mut dialer = Dialer::new(ME, config, Chance::strong(1), now).expect("the config is valid");
    for number in 0..n {
        let source = Source((number % 4) as u8);
        let event = Event::NodeDiscovered { node: node(number), source, vouched: false };
        dialer.handle(now, event).expect("every event is in order");
    }
    for number in 0..banned.bans() {
        let until = (number % 2 == 0).then(|| now.saturating_add(Duration::from_secs(360 * 24 * 3_600)));
        dialer
            .handle(now, Event::Banned { subject: banned.subject(n, number), until })
            .expect("below the cap");
    }
    dialer
}
