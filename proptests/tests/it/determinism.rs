//! What decides about a node is its own history: in which order things happen to different nodes at one instant, and
//! who else there is, shifts nobody's delay.

use std::collections::BTreeMap;

use dialstate::{DialId, DialOutcome, Event as Any, PeerKind, Refusal, Source, Timestamp};
use dialstate_proptests::world::{Command, Config, Dialer, Event, Id, Node};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

const START: Timestamp = Timestamp::from_secs(1);

/// Node n of two, in a subnet of its own: even ones are static.
fn node(n: u8) -> Node {
    Node::new([n; 32], [([20, n, 0, 1], 30_303).into()])
}

/// A dialer that has dialed these nodes, and its dials.
fn dialing(nodes: &[u8]) -> (Dialer, BTreeMap<Id, DialId>) {
    let mut config = Config::balanced();
    // Without discovery an attempt is one dial.
    config.discovery = false;
    (config.dynamic_target, config.max_active_dials) = (64, 64);
    (config.pace.static_active, config.pace.burst) = (64, 64);
    let mut dialer = Dialer::new([0; 32], config, ChaCha8Rng::seed_from_u64(1), START).unwrap();
    // With a peer nobody takes all these failures for an outage.
    let peer = Event::PeerAdded { id: [255; 32], kind: PeerKind::Inbound, addr: None };
    dialer.handle(START, peer).unwrap();
    for &n in nodes {
        let event = if n % 2 == 0 {
            Any::StaticAdded(node(n))
        } else {
            Any::NodeDiscovered { node: node(n), source: Source(1), vouched: false }
        };
        dialer.handle(START, event).unwrap();
    }
    let mut dials = BTreeMap::new();
    loop {
        match dialer.poll() {
            Command::Dial { dial, node, .. } => drop(dials.insert(node.id, dial)),
            Command::Sleep { .. } => return (dialer, dials),
            _ => {}
        }
    }
}

/// When each of these nodes may be dialed again, after its dial has failed in its own way.
fn delays(nodes: &[u8], answers: &[u8]) -> BTreeMap<u8, Option<Timestamp>> {
    const OUTCOMES: [DialOutcome; 4] =
        [DialOutcome::Refused, DialOutcome::TimedOut, DialOutcome::TooManyPeers, DialOutcome::Useless];
    let (mut dialer, dials) = dialing(nodes);
    assert_eq!(dials.len(), nodes.len());
    let now = Timestamp::from_secs(5);
    for &n in answers {
        let (dial, outcome) = (dials[&[n; 32]], OUTCOMES[usize::from(n / 2 % 4)]);
        dialer.handle(now, Event::DialFinished { dial, outcome, tried: Vec::new() }).unwrap();
    }
    let cooling = |refusal: Refusal| match refusal {
        Refusal::Cooling { until } => Some(until),
        _ => None,
    };
    nodes.iter().map(|&n| (n, dialer.explain(&[n; 32]).refusals.into_iter().find_map(cooling))).collect()
}

fn nodes() -> Vec<u8> {
    (1..41).collect()
}

fn runner() -> ProptestConfig {
    ProptestConfig {
        cases: 64,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(runner())]

    #[test]
    fn the_order_of_answers_at_one_instant_shifts_no_delay(answers in Just(nodes()).prop_shuffle()) {
        prop_assert_eq!(delays(&nodes(), &answers), delays(&nodes(), &nodes()));
    }

    #[test]
    fn who_else_there_is_shifts_no_delay(few in proptest::sample::subsequence(nodes(), 1..40)) {
        let all = delays(&nodes(), &nodes());
        for (n, earliest) in delays(&few, &few) {
            prop_assert_eq!(earliest, all[&n], "node {}", n);
        }
    }
}

#[test]
fn each_node_has_a_delay_of_its_own() {
    let all = delays(&nodes(), &nodes());
    assert!(all.values().all(|earliest| earliest.is_some_and(|at| at > Timestamp::from_secs(5))), "{all:?}");
    let distinct: std::collections::BTreeSet<_> = all.values().collect();
    assert_eq!(distinct.len(), all.len(), "{all:?}");
}
