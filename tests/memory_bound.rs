//! The bound on memory that a config promises: it holds, and is not far above what a full dialer takes.
#![allow(
    clippy::std_instead_of_core,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    dead_code,
    unreachable_pub,
    reason = "a test"
)]

#[path = "../benches/common/mod.rs"]
mod common;

use std::alloc::System;
use std::time::Duration;

use common::{Chance, Command, Config, Dialer, Event, ME, Node, addr, id};
use dialstate::{AddrOutcome, Addrs, DialOutcome, PeerKind, Source, Timestamp};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Every node at its most addresses.
const NODES: u32 = 12_000;

fn config(max_addrs: u32) -> Config {
    let mut config = Config::balanced();
    config.max_addrs = max_addrs;
    config.discovery = false;
    config.pace.interval = Duration::ZERO;
    config.dynamic_target = 2;
    config.diversity = None;
    config.limits.good = 1;
    config.limits.others = NODES;
    config.limits.peers = 16;
    config.limits.statics = 16;
    config.limits.banned_ids = 16;
    config.limits.banned_networks = 16;
    config.limits.bootnodes = 1;
    config.limits.inbound_handshakes = 16;
    config
}

fn hear_of(dialer: &mut Dialer, now: Timestamp, node: Node, source: Source) {
    dialer.handle(now, Event::NodeDiscovered { node, source, vouched: false }).expect("in order");
}

/// Each address of a node fails in its own way, so that all of them are told apart.
fn fail(dialer: &mut Dialer, now: Timestamp) {
    loop {
        match dialer.poll() {
            Command::Dial { dial, node, .. } => {
                let outcomes = [DialOutcome::Refused, DialOutcome::TimedOut].into_iter().cycle();
                let tried = node.addrs.iter().zip(outcomes);
                let tried = tried.map(|(addr, outcome)| AddrOutcome { addr: *addr, outcome }).collect();
                let outcome = DialOutcome::Unreachable;
                dialer.handle(now, Event::DialFinished { dial, outcome, tried }).expect("the dial is open");
            }
            Command::Sleep { .. } => return,
            other => panic!("no such command: {other:?}"),
        }
    }
}

/// Nodes that have failed, each address in its own way; with `hang` each is being dialed once more in the end, and none has
/// answered, as slow dials leave their slots to others.
fn bytes_of(config: Config, nodes: u32, hang: bool) -> u64 {
    let addrs = config.max_addrs;
    let region = Region::new(ALLOCATOR);
    let mut now = Timestamp::from_secs(1);
    let mut dialer = Dialer::new(ME, config, Chance::fast(1), now).expect("a valid config");
    let alone = Event::PeerAdded { id: id(u32::MAX), kind: PeerKind::Inbound, addr: None };
    dialer.handle(now, alone).expect("in order");
    for number in 0..nodes {
        // One more than are kept.
        let addrs: Addrs<_> = (0..=addrs).map(|at| addr(number * 32 + at)).collect();
        let node = Node { id: id(number), addrs };
        hear_of(&mut dialer, now, node, Source(0));
    }
    fail(&mut dialer, now);
    while dialer.gauges().ready > 0 {
        dialer.handle(now, Event::Tick).expect("in order");
        fail(&mut dialer, now);
    }
    now = now.saturating_add(Duration::from_secs(7_200));
    while hang && dialer.gauges().dynamic_attempts < NODES {
        now = now.saturating_add(Duration::from_millis(1));
        dialer.handle(now, Event::Tick).expect("in order");
        while let Command::Dial { .. } = dialer.poll() {}
    }
    let change = region.change();
    assert_eq!(dialer.gauges().known, NODES);
    (change.bytes_allocated - change.bytes_deallocated) as u64
}

/// Nodes of all sources in turn, as many as are kept, each time in other subnets; what came before is forgotten, and must
/// leave no memory behind.
fn bytes_of_sources(config: Config) -> u64 {
    let kept = config.limits.others;
    let region = Region::new(ALLOCATOR);
    let now = Timestamp::from_secs(1);
    let mut dialer = Dialer::new(ME, config, Chance::fast(1), now).expect("a valid config");
    for source in [254, 255].into_iter().chain(0..254) {
        let numbers = u32::from(source) * kept..(u32::from(source) + 1) * kept;
        for number in numbers.clone() {
            let node = Node::new(id(number), [addr(number)]);
            hear_of(&mut dialer, now, node, Source(source));
        }
        for number in numbers.skip(1).filter(|_| source != 253) {
            dialer.handle(now, Event::NodeForgotten(id(number))).expect("in order");
        }
    }
    let change = region.change();
    assert_eq!(dialer.gauges().known, kept);
    (change.bytes_allocated - change.bytes_deallocated) as u64
}

/// One crowded subnet after the other, of which only one node stays known: what made up the crowd must leave no memory behind.
fn bytes_of_crowds(config: Config, crowd: u32) -> u64 {
    let rounds = config.limits.others - crowd;
    let region = Region::new(ALLOCATOR);
    let now = Timestamp::from_secs(1);
    let mut dialer = Dialer::new(ME, config, Chance::fast(1), now).expect("a valid config");
    for round in 0..rounds {
        let numbers = round * crowd..(round + 1) * crowd;
        for number in numbers.clone() {
            let [.., high, low] = (number % crowd).to_be_bytes();
            let node = Node::new(id(number), [([20, round as u8, high, low], 30_303).into()]);
            hear_of(&mut dialer, now, node, Source(0));
        }
        for number in numbers.skip(1) {
            dialer.handle(now, Event::NodeForgotten(id(number))).expect("in order");
        }
    }
    let change = region.change();
    assert_eq!(dialer.gauges().known, rounds);
    (change.bytes_allocated - change.bytes_deallocated) as u64
}

/// One test, because the allocator counts for all threads. The second round sends twice what the caps allow.
#[test]
fn the_bound_holds_and_is_near() {
    for (max_addrs, nodes) in [(4, NODES), (4, NODES * 2), (16, NODES), (1, NODES * 2)] {
        let bound = config(max_addrs).memory_bound();
        let truth = bytes_of(config(max_addrs), nodes, false);
        println!("{max_addrs} addresses, {nodes} nodes: at most {bound} bytes, in truth {truth}");
        assert!(truth <= bound, "{max_addrs} addresses: {truth} bytes, more than {bound}");
        // Each of 256 sources may have a circle in each of eight classes, which is much for so few nodes.
        assert!(max_addrs == 1 || bound * 20 <= truth * 31, "{max_addrs} addresses: {bound} for {truth}");
    }
    for kept in [1, 8, 100, 1_000, 5_000] {
        let mut config = config(1);
        config.limits.others = kept;
        let (bound, truth) = (config.memory_bound(), bytes_of_sources(config));
        println!("{kept} nodes, of all sources: at most {bound} bytes, in truth {truth}");
        assert!(truth <= bound, "{kept} nodes: {truth} bytes, more than {bound}");
    }
    for (crowd, rounds) in [(100, 200), (5_000, 200)] {
        let mut config = config(1);
        config.limits.others = crowd + rounds;
        let (bound, truth) = (config.memory_bound(), bytes_of_crowds(config, crowd));
        println!("{rounds} crowds of {crowd}, one after the other: at most {bound} bytes, in truth {truth}");
        assert!(truth <= bound, "{rounds} crowds of {crowd}: {truth} bytes, more than {bound}");
    }
    let mut config = config(16);
    (config.max_active_dials, config.pace.slow_after) = (NODES, Duration::ZERO);
    config.deadlines.dial = None;
    let (bound, truth) = (config.memory_bound(), bytes_of(config, NODES, true));
    println!("{NODES} slow dials to 16 addresses: at most {bound} bytes, in truth {truth}");
    assert!(truth <= bound, "{truth} bytes, more than {bound}");
}
