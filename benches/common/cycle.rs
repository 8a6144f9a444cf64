//! The dial cycle, driven: a node has cooled down, is planned, its `Dial` polled, its `DialFinished` handled, and it
//! cools down again, as do all the others meanwhile.

use core::time::Duration;
use std::collections::VecDeque;

use dialstate::{Backoff, ConnectionId, DialId, DialOutcome, LookupId, PeerKind, Source, Timestamp};

use super::{Chance, Command, Config, Dialer, Event, ME, Node, id, node};

/// Nodes in the answer to a lookup.
pub(crate) const FOUND: u32 = 16;

/// Which profile, and by which way its nodes come to be dialed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// Known nodes, from its ranked queues.
    BalancedDynamic,
    BalancedStatic,
    /// Known nodes that lookups bring once more when their history has ended: what classic lives on, since it draws
    /// from its table blindly.
    ClassicDynamic,
    ClassicStatic,
    /// Candidates that lookups bring once more when their history has ended. The scheduler knows no nodes: the N nodes are
    /// those in its history. One whose history ends is forgotten, and the next lookup that brings it makes a new record.
    SchedulerDynamic,
    SchedulerStatic,
}

impl Case {
    /// By profile: dynamic and static nodes.
    pub(crate) const PROFILES: [[Self; 2]; 3] = [
        [Self::BalancedDynamic, Self::BalancedStatic],
        [Self::ClassicDynamic, Self::ClassicStatic],
        [Self::SchedulerDynamic, Self::SchedulerStatic],
    ];

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Self::PROFILES.into_iter().flatten()
    }

    pub(crate) const fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::BalancedDynamic => ("balanced", "dynamic"),
            Self::BalancedStatic => ("balanced", "static"),
            Self::ClassicDynamic => ("classic", "dynamic"),
            Self::ClassicStatic => ("classic", "static"),
            Self::SchedulerDynamic => ("scheduler", "dynamic"),
            Self::SchedulerStatic => ("scheduler", "static"),
        }
    }

    const fn is_static(self) -> bool {
        matches!(self, Self::BalancedStatic | Self::ClassicStatic | Self::SchedulerStatic)
    }

    /// Whether its nodes come from lookups.
    const fn looks_up(self) -> bool {
        matches!(self, Self::ClassicDynamic | Self::SchedulerDynamic)
    }

    /// Whether its nodes are known beforehand, and wait for their turn.
    const fn is_told(self) -> bool {
        !matches!(self, Self::SchedulerDynamic)
    }

    const fn is_balanced(self) -> bool {
        matches!(self, Self::BalancedDynamic | Self::BalancedStatic)
    }

    /// A config without caps and pace, in which all nodes cool down all the time.
    pub(crate) fn config(self, n: u32) -> Config {
        let mut config = match self {
            Self::BalancedDynamic | Self::BalancedStatic => Config::balanced(),
            Self::ClassicDynamic | Self::ClassicStatic => Config::classic(),
            Self::SchedulerDynamic | Self::SchedulerStatic => Config::scheduler(),
        };
        config.limits.others = n.max(1 << 20) + 2;
        config.limits.good = config.limits.others;
        config.limits.statics = config.limits.statics.max(n);
        config.pace.interval = Duration::ZERO;
        // Two slots: one attempt is under way, and the other slot waits for the next node.
        config.pace.static_active = if self == Self::BalancedStatic { 2 } else { u32::MAX };
        config.dynamic_target = match self {
            Self::BalancedDynamic => 2,
            // One at a time, so that half of the need, which would be drawn blindly, is none.
            Self::ClassicDynamic => 1,
            // The scheduler counts static nodes too, and dials twice as many as are missing.
            Self::SchedulerDynamic | Self::SchedulerStatic => 1,
            Self::BalancedStatic | Self::ClassicStatic => 0,
        };
        if self == Self::SchedulerDynamic {
            config.max_active_dials = 1;
        }
        // An attempt has a deadline, but all nodes may cool down for longer than the usual one.
        config.deadlines.dial = config.deadlines.dial.map(|_| Duration::from_secs(3_600));
        config.discovery = self.looks_up();
        config.lookups.interval = Duration::from_millis(1);
        level(&mut config.backoff);
        // Each answer takes a second, and so does the lookup after every 16 of them.
        let round = if self.looks_up() { n + n / FOUND - 2 * FOUND } else { n };
        config.backoff.history = Duration::from_secs(u64::from(round));
        config
    }
}

/// Every failure costs the same delay, however many there were.
fn level(backoff: &mut Backoff) {
    let delay = Duration::from_secs(900);
    (backoff.static_first, backoff.static_max) = (delay, delay);
    (backoff.short, backoff.medium, backoff.long, backoff.max) = (delay, delay, delay, delay);
    backoff.worn_after = u32::from(u8::MAX);
}

/// A dialer whose N nodes all have been dialed and cool down.
pub(crate) struct Cycle {
    pub(crate) dialer: Dialer,
    pub(crate) now: Timestamp,
    case: Case,
    n: u32,
    until: Option<Timestamp>,
    open: VecDeque<DialId>,
    lookup: Option<LookupId>,
    /// Answers to lookups, built beforehand, and how many nodes they hold from the beginning on.
    answers: VecDeque<Vec<Node>>,
    found: u64,
    done: u64,
}

impl Cycle {
    /// Fails every node once, so that all are in the history.
    pub(crate) fn new(case: Case, n: u32) -> Self {
        let now = Timestamp::from_secs(1);
        let dialer = Dialer::new(ME, case.config(n), Chance::fast(1), now).expect("the config is valid");
        let (open, answers) = (VecDeque::with_capacity(n as usize), VecDeque::new());
        let mut cycle =
            Self { dialer, now, case, n, until: None, open, lookup: None, answers, found: 0, done: 0 };
        // With a live peer nobody thinks that the network is down.
        cycle.handle(Event::PeerAdded { id: id(u32::MAX), kind: PeerKind::Inbound, addr: None });
        for number in (0..n).filter(|_| case.is_told()) {
            cycle.handle(if case.is_static() {
                Event::StaticAdded(node(number))
            } else {
                Event::NodeDiscovered { node: node(number), source: Source(0), vouched: false }
            });
        }
        cycle.drain();
        for done in (0..n).step_by(1 << 16) {
            cycle.run(u64::from((n - done).min(1 << 16)));
        }
        let gauges = cycle.dialer.gauges();
        // Of its history the scheduler keeps no count, but each of the nodes that it has dialed is in it.
        let dialed = cycle.dialer.stats().outcomes.unreachable as u32;
        let resting = if case.is_told() { gauges.cooling.max(gauges.statics) } else { dialed };
        assert!(resting + 512 >= n, "{case:?}: {resting} of {n}, {gauges:?}");
        cycle
    }

    /// So many dial cycles; the answers to lookups are built beforehand, the time for that is not in `timed`.
    pub(crate) fn run(&mut self, cycles: u64) {
        self.prepare(cycles);
        self.timed(cycles);
    }

    /// Builds the answers to the lookups of so many cycles.
    pub(crate) fn prepare(&mut self, cycles: u64) {
        if !self.case.looks_up() {
            return;
        }
        assert_eq!(self.dialer.stats().refusals.cooling, 0, "lookups bring nodes whose history has ended");
        while (self.answers.len() as u64) < cycles / u64::from(FOUND) + 2 {
            let nodes = (0..u64::from(FOUND)).map(|at| node(self.nth(self.found + at))).collect();
            self.answers.push_back(nodes);
            self.found += u64::from(FOUND);
        }
    }

    /// The nodes in an order that is not that of their discovery, over and over.
    fn nth(&self, at: u64) -> u32 {
        ((at % u64::from(self.n)) * 2_654_435_761 % u64::from(self.n)) as u32
    }

    /// So many dial cycles, prepared.
    pub(crate) fn timed(&mut self, cycles: u64) {
        let goal = self.done + cycles;
        while self.done < goal {
            self.step();
        }
    }

    /// The same, known to callgrind by its name.
    #[inline(never)]
    pub(crate) fn counted(&mut self, cycles: u64) {
        self.timed(cycles);
    }

    fn step(&mut self) {
        let event = if let Some(lookup) = self.lookup.take() {
            Event::LookupFinished { lookup, nodes: self.answers.pop_front().expect("prepared") }
        } else if let Some(dial) = self.open.pop_front() {
            self.done += 1;
            Event::DialFinished { dial, outcome: DialOutcome::Unreachable, tried: Vec::new() }
        } else {
            Event::Tick
        };
        self.handle(event);
        self.drain();
        self.now = match self.until {
            Some(until) if self.open.len() < 2 && !self.case.looks_up() => until,
            _ if self.case.is_balanced() => self.now,
            _ => self.now.saturating_add(Duration::from_secs(1)),
        };
    }

    pub(crate) fn handle(&mut self, event: Event) {
        self.dialer.handle(self.now, event).expect("every event is in order");
    }

    pub(crate) fn drain(&mut self) {
        loop {
            match self.dialer.poll() {
                Command::Dial { dial, .. } => self.open.push_back(dial),
                Command::Lookup { lookup, .. } => self.lookup = Some(lookup),
                Command::Sleep { until, .. } => {
                    self.until = until;
                    return;
                }
                other => panic!("no such command in a dial cycle: {other:?}"),
            }
        }
    }

    pub(crate) fn into_dialer(self) -> Dialer {
        self.dialer
    }

    /// An inbound handshake that is over at once.
    pub(crate) fn inbound(&mut self, number: u32) {
        let connection = ConnectionId(u64::from(number));
        self.handle(Event::InboundPending { connection, id: id(number) });
        self.handle(Event::InboundEnded { connection });
    }
}
