//! Bytes for each known node of `balanced`, counted by the allocator after every single node, so that no number of nodes is left
//! out at which a table has just grown.
#![allow(
    clippy::std_instead_of_core,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    clippy::disallowed_methods,
    dead_code,
    reason = "a program that measures memory"
)]

mod common;

use std::alloc::System;

use clap::Parser;
use dialstate::{DialOutcome, PeerKind, Source, Timestamp};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use common::cycle::Case;
use common::rows::{Args, Row, round};
use common::{Chance, Command, Dialer, Event, ME, id, node};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The fewest nodes that are looked at: with fewer, what a dialer takes without any node would count.
const LEAST: u32 = 1_000;
/// What a known node may cost.
const TARGET: f64 = 200.0;

fn main() {
    let args = Args::parse();
    let most = args.nodes.unwrap_or(if args.quick { 100_000 } else { 1_000_000 });
    for state in State::ALL {
        let sweep = Sweep::new(state, most);
        for n in [1_000, 10_000, 100_000, 1_000_000, 10_000_000].into_iter().filter(|n| *n <= most) {
            sweep.row(n).with("at", "as such").print(&args);
        }
        for from in [1_000, 10_000, 100_000, 1_000_000].into_iter().filter(|from| *from < most) {
            let to = most.min(from.saturating_mul(10));
            let worst = (from..=to).max_by(|a, b| sweep.each(*a).total_cmp(&sweep.each(*b)));
            let row = sweep.row(worst.expect("the range is not empty"));
            row.with("at", "the worst").with("from", from).with("to", to).print(&args);
        }
        for n in sweep.jumps() {
            let row = sweep.row(n).with("at", "a jump").with("grew_by", sweep.bytes(n) - sweep.bytes(n - 1));
            row.print(&args);
        }
    }
}

/// What all nodes do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Each was dialed once in vain, and cools down.
    Cooling,
    /// None was dialed yet, and each is ready.
    Ready,
}

impl State {
    const ALL: [Self; 2] = [Self::Cooling, Self::Ready];

    const fn name(self) -> &'static str {
        match self {
            Self::Cooling => "all cool down",
            Self::Ready => "all are ready",
        }
    }
}

/// How many bytes were in use with each number of nodes.
struct Sweep {
    state: State,
    bytes: Vec<usize>,
}

impl Sweep {
    fn new(state: State, most: u32) -> Self {
        let mut bytes = vec![0; most as usize + 1];
        let region = Region::new(ALLOCATOR);
        let (mut config, now) = (Case::BalancedDynamic.config(most), Timestamp::from_secs(1));
        if state == State::Ready {
            config.dynamic_target = 0;
        }
        let mut dialer = Dialer::new(ME, config, Chance::fast(1), now).expect("the config is valid");
        let alone = Event::PeerAdded { id: id(u32::MAX), kind: PeerKind::Inbound, addr: None };
        dialer.handle(now, alone).expect("in order");
        for number in 0..most {
            let event = Event::NodeDiscovered { node: node(number), source: Source(0), vouched: false };
            dialer.handle(now, event).expect("in order");
            fail(&mut dialer, now);
            let change = region.change();
            bytes[number as usize + 1] = change.bytes_allocated - change.bytes_deallocated;
        }
        let gauges = dialer.gauges();
        let count = if state == State::Ready { gauges.ready } else { gauges.cooling };
        assert_eq!((count, gauges.known), (most, most), "{state:?}");
        Self { state, bytes }
    }

    fn bytes(&self, n: u32) -> usize {
        self.bytes[n as usize]
    }

    /// Bytes for each of N nodes.
    fn each(&self, n: u32) -> f64 {
        self.bytes(n) as f64 / f64::from(n)
    }

    /// With which numbers of nodes it takes a twentieth more than with one node less.
    fn jumps(&self) -> impl Iterator<Item = u32> {
        let most = self.bytes.len() as u32 - 1;
        (LEAST..=most).filter(|n| self.bytes(*n).saturating_sub(self.bytes(n - 1)) * 20 > self.bytes(*n))
    }

    fn row(&self, n: u32) -> Row {
        let row = Row::new("memory", "balanced", n).with("kind", self.state.name());
        row.with("to_target", round(self.each(n) / TARGET, 100.0))
            .with("bytes_a_node", round(self.each(n), 10.0))
    }
}

/// Drains, and fails every dial.
fn fail(dialer: &mut Dialer, now: Timestamp) {
    loop {
        match dialer.poll() {
            Command::Dial { dial, .. } => {
                let outcome = DialOutcome::Unreachable;
                let failed = Event::DialFinished { dial, outcome, tried: Vec::new() };
                dialer.handle(now, failed).expect("the dial is open");
            }
            Command::Sleep { .. } => return,
            other => panic!("no such command: {other:?}"),
        }
    }
}
