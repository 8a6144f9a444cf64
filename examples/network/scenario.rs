//! The scenarios: who is what, and what happens when.

use crate::draws::Draw;
use crate::queue::{Act, Queue, What};
use crate::sim::Host;
use crate::world::{BOOTNODES, DAY, HOUR, MINUTE, SECOND, World};

/// What is special about a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    ColdStart,
    SteadyState,
    Partition,
    MassRestart,
    Eclipse,
    FlakyLinks,
    SlowLoris,
    LongLife,
}

#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// What happens, for the report.
    pub(crate) story: &'static str,
    /// What to look at.
    pub(crate) question: &'static str,
    /// How many dialers, if the command line does not say.
    pub(crate) nodes: u32,
    /// What happens before is not counted.
    pub(crate) warm: u64,
    span: u64,
    /// The short form: a few minutes of everything.
    pub(crate) quick: bool,
}

pub(crate) const SCENARIOS: [Scenario; 8] = [
    Scenario {
        kind: Kind::ColdStart,
        name: "cold-start",
        title: "Cold start",
        story: "Everybody joins within a minute, and knows four bootnodes and nobody else.",
        question: "How soon does everybody have all peers, and how hard are the bootnodes hit?",
        nodes: 10_000,
        warm: 0,
        span: 30 * MINUTE,
        quick: false,
    },
    Scenario {
        kind: Kind::SteadyState,
        name: "steady-state",
        title: "Steady state",
        story: "A day with churn, after an hour to settle.",
        question: "How many dials does a connection cost, and does anybody lack peers?",
        nodes: 10_000,
        warm: HOUR,
        span: DAY,
        quick: false,
    },
    Scenario {
        kind: Kind::Partition,
        name: "partition",
        title: "Partition and healing",
        story: "After an hour the network is cut in two random halves, for an hour; then the cut ends.",
        question: "How soon do the halves grow together?",
        nodes: 10_000,
        warm: HOUR,
        span: 3 * HOUR,
        quick: false,
    },
    Scenario {
        kind: Kind::MassRestart,
        name: "mass-restart",
        title: "Mass restart",
        story: "A release day: after an hour, 60 % restart within ten minutes, each down for 30 to 120 s.",
        question: "How soon do they have all peers again, and is anybody trampled on?",
        nodes: 10_000,
        warm: HOUR,
        span: HOUR,
        quick: false,
    },
    Scenario {
        kind: Kind::Eclipse,
        name: "eclipse",
        title: "Eclipse attack",
        story: "An adversary with 5 % as many addresses as there are honest nodes, in eight /24, with 20 ids each, \
                answers lookups with its own ids and with honest ones at false addresses, calls on everybody, and takes \
                every free inbound slot of one honest node in ten, the victims. After two hours the victims restart with \
                the address book that they have by then.",
        question: "How many outbound slots of the victims lead to the adversary?",
        nodes: 10_000,
        warm: HOUR,
        span: 150 * MINUTE,
        quick: false,
    },
    Scenario {
        kind: Kind::FlakyLinks,
        name: "flaky-links",
        title: "Flaky mobile nodes",
        story: "One node in five that nobody can dial is a mobile one: its link is up for 2 to 5 min, down for 10 to 120 s.",
        question: "How soon after link-up does a mobile node have its first peer, and all of them?",
        nodes: 10_000,
        warm: 30 * MINUTE,
        span: 2 * HOUR,
        quick: false,
    },
    Scenario {
        kind: Kind::SlowLoris,
        name: "slow-loris",
        title: "Slow loris",
        story: "Of the nodes that accept connections, 30 % never finish a handshake. (The dialing transport gives up after \
                30 s.)",
        question: "Does anybody stay below half of the target?",
        nodes: 10_000,
        warm: 30 * MINUTE,
        span: 2 * HOUR,
        quick: false,
    },
    Scenario {
        kind: Kind::LongLife,
        name: "long-life",
        title: "A long life",
        story: "30 days, in which everybody but the bootnodes is replaced once, at a random time, by somebody new.",
        question: "Is anybody stuck with an address book of the dead?",
        nodes: 1_000,
        warm: HOUR,
        span: 30 * DAY,
        quick: false,
    },
];

/// Restarts are spread over so long.
const RESTARTS: u64 = 10 * MINUTE;
/// In thousandths. Given by the task, but for the victims and the mobile nodes.
const RESTARTED: u64 = 600;
const VICTIMS: u64 = 100;
const MOBILE: u64 = 200;
const LORIS: u64 = 300;

impl Scenario {
    /// The short form of the scenario.
    pub(crate) fn quickly(mut self) -> Self {
        self.quick = true;
        self.nodes = 300;
        self.warm = self.warm.min(5 * MINUTE);
        self
    }

    pub(crate) const fn span(&self) -> u64 {
        match (self.quick, self.kind) {
            (false, _) => self.span,
            (true, Kind::LongLife | Kind::SteadyState) => 2 * HOUR,
            (true, _) => 30 * MINUTE,
        }
    }

    /// When the scenario's event begins (an attack, a cut …), and how long it lasts.
    const fn main_event(&self) -> (u64, u64) {
        match (self.quick, self.kind) {
            (true, _) => (self.warm + 2 * MINUTE, 10 * MINUTE),
            (false, Kind::Eclipse) => (self.warm + MINUTE, 2 * HOUR),
            (false, _) => (self.warm + 5 * MINUTE, HOUR),
        }
    }

    /// How long the scenario lasts after its event is over.
    pub(crate) const fn after_event(&self) -> u64 {
        let (begins, lasts) = self.main_event();
        self.warm + self.span() - begins - lasts
    }

    /// How many honest identities live in the world of so many dialers.
    pub(crate) const fn hosts(&self, nodes: u32) -> u32 {
        if matches!(self.kind, Kind::LongLife) { 2 * nodes } else { nodes }
    }

    pub(crate) const fn is_attacked(&self) -> bool {
        matches!(self.kind, Kind::Eclipse)
    }

    /// Who is what.
    pub(crate) fn cast(&self, world: &World, who: u32, host: &mut Host) {
        let hits = |share| who >= BOOTNODES && world.draws.hits(Draw::Role, who.into(), 0, share);
        let reachable = world.place(who).reachable;
        match self.kind {
            Kind::Eclipse => host.victim = hits(VICTIMS),
            Kind::FlakyLinks => host.mobile = hits(MOBILE) && !reachable,
            Kind::SlowLoris => host.loris = hits(LORIS) && reachable,
            Kind::LongLife => host.absent = who >= world.hosts / 2,
            Kind::ColdStart | Kind::SteadyState | Kind::Partition | Kind::MassRestart => {}
        }
    }

    /// Whether a host takes no part in the churn, so that it can be watched.
    pub(crate) const fn stays(&self, host: &Host) -> bool {
        host.victim || host.mobile
    }

    /// Which half of the network a node is in.
    pub(crate) fn side(&self, world: &World, who: u32) -> bool {
        // Two bootnodes in each.
        let side = if who < BOOTNODES { who.into() } else { world.draws.bits(Draw::Side, who.into(), 0) };
        self.kind == Kind::Partition && side % 2 == 1
    }

    /// What happens when.
    pub(crate) fn schedule(&self, world: &World, queue: &mut Queue) {
        let (begins, lasts) = self.main_event();
        let ends = begins + lasts;
        let mut push = |at, act, host| queue.push(at, What::Act { act, host });
        match self.kind {
            Kind::Partition => {
                push(begins, Act::Cut, 0);
                push(ends, Act::Heal, 0);
            }
            Kind::MassRestart => {
                for host in BOOTNODES..world.hosts {
                    if world.draws.hits(Draw::Role, host.into(), 0, RESTARTED) {
                        push(
                            begins + world.draws.below(Draw::Restart, host.into(), 0, RESTARTS),
                            Act::Restart,
                            host,
                        );
                    }
                }
            }
            Kind::Eclipse => {
                push(begins, Act::Attack, 0);
                push(ends, Act::Count, 0);
                push(ends + SECOND, Act::RestartVictims, 0);
                push(self.warm + self.span() - SECOND, Act::Count, 0);
            }
            Kind::LongLife => {
                for host in BOOTNODES..world.hosts / 2 {
                    let at = world.draws.below(Draw::Replace, host.into(), 0, self.span());
                    push(self.warm + at, Act::Replace, host);
                }
            }
            Kind::ColdStart | Kind::SteadyState | Kind::FlakyLinks | Kind::SlowLoris => {}
        }
    }
}
