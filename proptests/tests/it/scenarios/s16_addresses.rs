//! Nodes with several addresses: each that fails apart from the others has a cooldown of its own.

use std::net::SocketAddr;

use dialstate::{AddrOutcome, Addrs, DialOutcome, Node, Refusal, Source, Timestamp};
use dialstate_proptests::world::{Command, Config, Dialer, Event};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use crate::small::{dialer, step};

use super::common::{HOUR, ME, MINUTE, SECOND, id};

fn addrs() -> [SocketAddr; 2] {
    [[20, 1, 0, 1], [20, 2, 0, 1]].map(|ip| SocketAddr::from((ip, 30_303)))
}

/// A dialer that knows one node with two addresses.
fn one_node(target: u32) -> Dialer {
    let config = Config::default().with_discovery(false).with_dynamic_target(target);
    let rng = ChaCha8Rng::seed_from_u64(1);
    let mut dialer = Dialer::new(ME, config, rng, Timestamp::ZERO).unwrap();
    let node = Node::new(id(1), addrs());
    let event = Event::NodeDiscovered { node, source: Source(1), vouched: true };
    dialer.handle(Timestamp::ZERO, event).unwrap();
    dialer
}

/// The next dial fails: at the first address nobody listens, at the second the handshake fails. Returns where it went.
fn fails(dialer: &mut Dialer, now: Timestamp) -> Option<Vec<SocketAddr>> {
    let Command::Dial { dial, node, .. } = dialer.poll() else { return None };
    let outcome = |addr: &SocketAddr| match *addr == addrs()[0] {
        true => DialOutcome::Refused,
        false => DialOutcome::HandshakeFailed,
    };
    let tried: Vec<_> =
        node.addrs.iter().map(|addr| AddrOutcome { addr: *addr, outcome: outcome(addr) }).collect();
    let outcome = tried.last().unwrap().outcome;
    dialer.handle(now, Event::DialFinished { dial, outcome, tried }).unwrap();
    Some(node.addrs.as_slice().to_vec())
}

/// Asked for again and again, when no address cools down: the first address is free 30 s after the first dial, twice as long after
/// the second, and an hour after the last ones.
#[test]
fn the_cooldown_of_an_address_doubles_up_to_an_hour() {
    let mut dialer = one_node(0);
    let mut waits = Vec::new();
    for n in 0..10u32 {
        let now = Timestamp::ZERO.saturating_add(n * 2 * HOUR);
        dialer.handle(now, Event::DialRequested(id(1))).unwrap();
        assert_eq!(fails(&mut dialer, now), Some(addrs().to_vec()));
        let refusals = dialer.explain(&id(1)).refusals;
        let [Refusal::Cooling { until }] = refusals[..] else { panic!("{refusals:?}") };
        waits.push(until.saturating_since(now).as_secs());
    }
    assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600]);
}

/// While one address cools down, the other one is dialed, but not over and over: whoever fails alone cools down too.
#[test]
fn an_address_that_fails_alone_cools_down() {
    let mut dialer = one_node(16);
    let mut now = Timestamp::ZERO;
    let mut dials = Vec::new();
    while now < Timestamp::ZERO.saturating_add(20 * MINUTE) {
        dialer.handle(now, Event::Tick).unwrap();
        while let Some(addrs) = fails(&mut dialer, now) {
            dials.push((now.saturating_since(Timestamp::ZERO).as_secs(), addrs.len()));
        }
        dialer.verify().unwrap();
        now = now.saturating_add(SECOND);
    }
    assert!(dials.iter().any(|(_, addrs)| *addrs == 1), "{dials:?}");
    assert!(dials.windows(2).all(|two| two[1].0 >= two[0].0 + 29), "{dials:?}");
    // The node is alone, so it is dialed early each 30 s.
    assert_eq!(dials.len(), 40, "{dials:?}");
}

/// The same where the driver says nothing of single addresses, or never answers.
#[test]
fn an_address_that_hangs_alone_cools_down() {
    for answers in [true, false] {
        let mut dialer = one_node(16);
        let mut now = Timestamp::ZERO;
        assert_eq!(fails(&mut dialer, now), Some(addrs().to_vec()));
        let mut dials = Vec::new();
        while now < Timestamp::ZERO.saturating_add(20 * MINUTE) {
            dialer.handle(now, Event::Tick).unwrap();
            while let Command::Dial { dial, .. } = dialer.poll() {
                dials.push(now.saturating_since(Timestamp::ZERO).as_secs());
                if answers {
                    let outcome = DialOutcome::TimedOut;
                    dialer.handle(now, Event::DialFinished { dial, outcome, tried: Vec::new() }).unwrap();
                }
            }
            now = now.saturating_add(SECOND);
        }
        assert!(dials.windows(2).all(|two| two[1] >= two[0] + 29), "{answers}: {dials:?}");
        assert!(dials.len() >= 20, "{answers}: {dials:?}");
    }
}

/// What the node says itself holds at all its addresses: it is not dialed at the next one at once.
#[test]
fn a_node_that_is_full_is_full_at_all_its_addresses() {
    for outcome in [DialOutcome::TooManyPeers, DialOutcome::Useless] {
        let mut dialer = one_node(16);
        let Command::Dial { dial, .. } = dialer.poll() else { panic!("no dial") };
        let tried = vec![AddrOutcome { addr: addrs()[0], outcome }];
        let now = Timestamp::ZERO.saturating_add(SECOND);
        dialer.handle(now, Event::DialFinished { dial, outcome, tried }).unwrap();
        let why = dialer.explain(&id(1));
        assert_eq!((why.failures, why.refusals.len()), (1, 1), "{why}");
        assert!(why.earliest.is_some_and(|at| at > now.saturating_add(MINUTE)), "{why}");
    }
}

/// This host has no network of one family, and in the other nobody answers: the node cools down, and the host is not blamed.
#[test]
fn an_address_to_which_this_host_has_no_way_cools_down_with_the_others() {
    let mut dialer = one_node(16);
    let Command::Dial { dial, .. } = dialer.poll() else { panic!("no dial") };
    let [first, second] = addrs();
    let tried = vec![
        AddrOutcome { addr: first, outcome: DialOutcome::LocalError },
        AddrOutcome { addr: second, outcome: DialOutcome::TimedOut },
    ];
    let now = Timestamp::ZERO.saturating_add(SECOND);
    dialer.handle(now, Event::DialFinished { dial, outcome: DialOutcome::TimedOut, tried }).unwrap();
    let why = dialer.explain(&id(1));
    assert_eq!(why.failures, 1, "{why}");
    assert_eq!(why.refusals, [Refusal::Cooling { until: now.saturating_add(30 * SECOND) }]);
}

/// A node that could not be resolved waits for that no longer once an address is heard of.
#[test]
fn an_address_that_is_heard_of_ends_the_wait_for_a_resolve() {
    for fixed in [false, true] {
        let mut dialer = dialer(|_| ());
        let unresolved = Node::unresolved(id(1));
        let source = Source(1);
        let event = match fixed {
            true => Event::StaticAdded(unresolved),
            false => Event::NodeDiscovered { node: unresolved, source, vouched: false },
        };
        let commands = step(&mut dialer, 0, event);
        let Some(&Command::Resolve { resolve, .. }) = commands.first() else { panic!("{commands:?}") };
        step(&mut dialer, 1, Event::ResolveFinished { resolve, addrs: Addrs::new() });
        assert_ne!(dialer.explain(&id(1)).refusals, []);
        let node = Node::new(id(1), addrs());
        let commands = step(&mut dialer, 2, Event::NodeDiscovered { node, source, vouched: false });
        assert!(matches!(commands[..], [Command::Dial { .. }]), "{fixed}: {commands:?}");
    }
}
