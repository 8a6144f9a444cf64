//! Single events among 100,000 and a million known nodes, each beside a floor of its own, and the worst cases: the longest single
//! `handle` and `poll`.
#![allow(
    clippy::std_instead_of_core,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    clippy::disallowed_methods,
    dead_code,
    reason = "a program that measures time"
)]

mod common;
mod floor;

use std::hint::black_box;
use std::time::Instant;

use clap::Parser;
use cpu_time::ThreadTime;
use dialstate::{BanSubject, DialOutcome, EventError, PeerKind, RemovalReason, Source, Timestamp};

use common::cycle::{Case, Cycle};
use common::rows::{Args, Row, median, round};
use common::{Chance, Command, Dialer, Event, ME, Mix, Node, addr, id, node};
use floor::Floor;

fn main() {
    let args = Args::parse();
    let n = args.nodes.unwrap_or(if args.quick { 100_000 } else { 1_000_000 });
    // With a number of nodes that was asked for, the longest single calls only.
    for n in [100_000, 1_000_000].into_iter().filter(|size| *size <= n && args.nodes.is_none()) {
        singles(n, &args);
    }
    for worst in [Worst::Cooldowns, Worst::Bans, Worst::Crowd, Worst::Events, Worst::Network] {
        worst.measure(n, &args).print(&args);
    }
}

/// An event, and what of the floor it can't do without: a hash hit for each id in it, a timer where it sets one. Building
/// the event's own nodes is part of its time.
struct Single {
    name: &'static str,
    floor: fn(&mut Floor),
    event: fn(&mut Cycle, u32),
}

const SINGLES: [Single; 7] = [
    Single { name: "tick", floor: |_| {}, event: |cycle, _| cycle.handle(Event::Tick) },
    Single {
        name: "peer added, removed",
        floor: |floor| (0..2).for_each(|_| _ = floor.hit()),
        event: |cycle, at| {
            let (id, kind) = (id(at), PeerKind::Inbound);
            cycle.handle(Event::PeerAdded { id, kind, addr: None });
            cycle.handle(Event::PeerRemoved { id, reason: RemovalReason::Closed });
        },
    },
    Single {
        name: "inbound pending, ended",
        floor: |floor| (floor.hit(), floor.timer()).1,
        event: |cycle, at| cycle.inbound(at),
    },
    Single {
        name: "discovered, known",
        floor: |floor| _ = floor.hit(),
        event: |cycle, at| discover(cycle, node(at)),
    },
    Single {
        name: "discovered, new; forgotten",
        floor: |floor| (0..4).for_each(|_| _ = floor.hit()),
        event: |cycle, at| {
            discover(cycle, node(at | 1 << 31));
            cycle.handle(Event::NodeForgotten(id(at | 1 << 31)));
        },
    },
    Single {
        name: "discovered, refused",
        floor: |_| {},
        event: |cycle, at| {
            discover(cycle, Node::new(id(at), ["0.0.0.0:1".parse().expect("an address")]));
        },
    },
    Single {
        name: "explain",
        floor: |floor| _ = floor.hit(),
        event: |cycle, at| drop(black_box(cycle.dialer.explain(&id(at)))),
    },
];

fn discover(cycle: &mut Cycle, node: Node) {
    cycle.handle(Event::NodeDiscovered { node, source: Source(0), vouched: false });
}

/// Each event beside its floor, in turn; then the answer to a lookup.
fn singles(n: u32, args: &Args) {
    let (mut cycle, mut floor) = (Cycle::new(Case::BalancedDynamic, n), Floor::new(n));
    let (rounds, each) = if args.quick { (31, 1_000) } else { (101, 1_000) };
    let mut rng = Mix::new(5);
    for single in &SINGLES {
        let (mut of_event, mut of_floor) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let start = Instant::now();
            (0..each).for_each(|_| (single.floor)(&mut floor));
            of_floor.push(start.elapsed().as_nanos() as f64 / f64::from(each));
            let start = Instant::now();
            (0..each).for_each(|_| (single.event)(&mut cycle, rng.below(u64::from(n)) as u32));
            of_event.push(start.elapsed().as_nanos() as f64 / f64::from(each));
        }
        let row = Row::new("single", "balanced", n).with("kind", single.name);
        row.beside(median(of_event), median(of_floor).max(0.1)).print(args);
    }
    lookups(n, rounds, args);
}

/// The answer to a lookup with 16 known nodes, which is built beforehand, beside 16 hits.
fn lookups(n: u32, rounds: usize, args: &Args) {
    let mut config = Case::BalancedDynamic.config(n);
    config.discovery = true;
    // More peers are missing than nodes are known, so a lookup is always wanted; but none is dialed.
    config.dynamic_target = 1 << 20;
    config.max_active_dials = 1;
    config.limits.others = n;
    let (mut now, mut rng) = (Timestamp::from_secs(1), Mix::new(6));
    let mut dialer = Dialer::new(ME, config, Chance::fast(3), now).expect("a valid config");
    for number in 0..n {
        let event = Event::NodeDiscovered { node: node(number), source: Source(0), vouched: false };
        dialer.handle(now, event).expect("in order");
    }
    let mut floor = Floor::new(n);
    let (mut of_event, mut of_floor) = (Vec::new(), Vec::new());
    let mut lookup = None;
    for _ in 0..rounds {
        while lookup.is_none() {
            now = now.saturating_add(core::time::Duration::from_secs(60));
            drop(dialer.handle(now, Event::Tick));
            loop {
                match dialer.poll() {
                    Command::Lookup { lookup: open, .. } => lookup = Some(open),
                    Command::Sleep { .. } => break,
                    _ => {}
                }
            }
        }
        let nodes: Vec<Node> = (0..16).map(|_| node(rng.below(u64::from(n)) as u32)).collect();
        let event = Event::LookupFinished { lookup: lookup.take().expect("it was asked for"), nodes };
        let start = Instant::now();
        dialer.handle(now, event).expect("the lookup is open");
        of_event.push(start.elapsed().as_nanos() as f64);
        let start = Instant::now();
        (0..16).for_each(|_| _ = floor.hit());
        of_floor.push(start.elapsed().as_nanos() as f64);
    }
    let row = Row::new("single", "balanced", n).with("kind", "lookup finished, 16 known");
    row.beside(median(of_event), median(of_floor)).print(args);
}

/// The longest that a single call should take.
const TARGET_NS: f64 = 1e6;

/// What may take long at once.
#[derive(Clone, Copy, Debug)]
enum Worst {
    /// All cooldowns end at the same instant.
    Cooldowns,
    /// As many bans as nodes, which end at the same instant.
    Bans,
    /// All candidates are of one subnet, which is full.
    Crowd,
    /// A poll after as many events.
    Events,
    /// The network changes while all cool down.
    Network,
}

/// How long each `handle` and each `poll` took, in nanoseconds of this thread, so that other programs do not count; and how
/// many dials may still be answered.
#[derive(Default)]
struct Longest {
    handle: Vec<u32>,
    poll: Vec<u32>,
    left: u64,
}

/// Every run makes the same calls, so the shortest time of each call is what it took when no other program had its turn.
fn least(mut all: Vec<u32>, other: &[u32]) -> Vec<u32> {
    assert_eq!(all.len(), other.len(), "the dialer is deterministic");
    all.iter_mut().zip(other).for_each(|(one, other)| *one = (*one).min(*other));
    all
}

fn longest(of: &[u32]) -> u32 {
    of.iter().copied().max().unwrap_or(0)
}

impl Longest {
    fn handle(&mut self, dialer: &mut Dialer, now: Timestamp, event: Event) -> Result<(), EventError> {
        let start = ThreadTime::now();
        let result = dialer.handle(now, event);
        let took = start.elapsed().as_nanos() as u32;
        self.handle.push(took);
        result
    }

    /// Drains, and answers every dial as long as events are left; returns when to go on. With N candidates ready at once
    /// one drain is N dials long.
    fn drain(&mut self, dialer: &mut Dialer, now: Timestamp) -> Option<Timestamp> {
        loop {
            let start = ThreadTime::now();
            let command = dialer.poll();
            let took = start.elapsed().as_nanos() as u32;
            self.poll.push(took);
            match command {
                Command::Sleep { until, .. } => return until,
                Command::Dial { .. } if self.left == 0 => return None,
                Command::Dial { dial, .. } => {
                    self.left -= 1;
                    let outcome = DialOutcome::Unreachable;
                    drop(self.handle(dialer, now, Event::DialFinished { dial, outcome, tried: Vec::new() }));
                }
                _ => {}
            }
        }
    }
}

impl Worst {
    /// The longest calls of the case, and the longest event before it, while the tables grew.
    fn measure(self, n: u32, args: &Args) -> Row {
        let [mut calls, mut growth] = self.run(n, args);
        // With ten million nodes each run takes minutes.
        let again = if n > 1_000_000 { 1 } else { 2 };
        for _ in 0..again {
            let [again, grown] = self.run(n, args);
            calls.handle = least(calls.handle, &again.handle);
            calls.poll = least(calls.poll, &again.poll);
            growth.handle = least(growth.handle, &grown.handle);
        }
        let row = Row::new("worst", "balanced", n).with("kind", format!("{self:?}").to_lowercase());
        let all = [&calls.handle, &calls.poll, &growth.handle].map(|of| longest(of));
        let most = f64::from(all.into_iter().max().unwrap_or(0));
        row.with("to_target", round(most / TARGET_NS, 100.0))
            .with("handle_ns", all[0])
            .with("poll_ns", all[1])
            .with("growth_ns", all[2])
    }

    fn run(self, n: u32, args: &Args) -> [Longest; 2] {
        let mut config = Case::BalancedDynamic.config(n);
        config.backoff.jitter_percent = 0;
        config.limits.banned_ids = n.max(1 << 21);
        let mut dialer = Dialer::new(ME, config, Chance::fast(3), Timestamp::ZERO).expect("a valid config");
        let mut now = Timestamp::from_secs(1);
        let alone = Event::PeerAdded { id: id(u32::MAX), kind: PeerKind::Inbound, addr: None };
        dialer.handle(now, alone).expect("in order");
        let mut setup = Longest { left: u64::MAX, ..Longest::default() };
        for number in 0..n {
            let place = if matches!(self, Self::Crowd) { number % 200 } else { number };
            let mut addr = addr(place);
            if matches!(self, Self::Crowd) {
                addr.set_ip(core::net::IpAddr::from([20, 1, 1, place as u8]));
            }
            let node = Node::new(id(number), [addr]);
            let discovered = Event::NodeDiscovered { node, source: Source(0), vouched: false };
            setup.handle(&mut dialer, now, discovered).expect("in order");
        }
        if matches!(self, Self::Cooldowns | Self::Network) {
            // Everybody fails at the same instant, so that all cooldowns end together.
            while dialer.gauges().ready > 0 {
                setup.drain(&mut dialer, now);
                now = Timestamp::from_nanos(now.as_nanos() + 1);
                drop(dialer.handle(now, Event::Tick));
            }
        }
        let mut longest = Longest { left: u64::from(n), ..Longest::default() };
        let until = Timestamp::from_secs(2_000);
        match self {
            Self::Bans => {
                // Once so that the tables have grown, which takes long now and then and is shown apart; then again.
                for all in [&mut setup, &mut longest] {
                    for number in 0..n {
                        let ban = Event::Banned { subject: BanSubject::Id(id(number)), until: Some(until) };
                        all.handle(&mut dialer, now, ban).expect("below the cap");
                    }
                }
                now = until;
            }
            Self::Cooldowns => now = until,
            Self::Network => drop(longest.handle(&mut dialer, now, Event::NetworkChanged)),
            Self::Events => {
                for number in 0..n {
                    let forgotten = Event::NodeForgotten(id(number));
                    drop(longest.handle(&mut dialer, now, forgotten));
                }
            }
            Self::Crowd => {
                let kind = PeerKind::Outbound(dialstate::DialKind::Static);
                for number in [n + 1, n + 2] {
                    let added = Event::PeerAdded {
                        id: id(number),
                        kind,
                        addr: Some("20.1.1.9:1".parse().expect("an address")),
                    };
                    drop(longest.handle(&mut dialer, now, added));
                }
            }
        }
        let steps = if args.quick { 2_000 } else { 20_000 };
        for _ in 0..steps {
            drop(longest.handle(&mut dialer, now, Event::Tick));
            let Some(next) = longest.drain(&mut dialer, now) else { break };
            now = next;
        }
        [longest, setup]
    }
}
