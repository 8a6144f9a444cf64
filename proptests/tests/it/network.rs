//! Networks of dialers that talk to each other: with faults all along, and with faults that stop.
//!
//! `DIALSTATE_SEEDS=100..200` chooses other seeds than the few by default.

use std::collections::BTreeSet;
use std::ops::Range;

use dialstate::Timestamp;
use dialstate_proptests::network::Network;

const HOURS: u64 = 2;

fn seeds(default: Range<u64>) -> Range<u64> {
    let Ok(seeds) = std::env::var("DIALSTATE_SEEDS") else { return default };
    let (from, to) = seeds.split_once("..").expect("DIALSTATE_SEEDS is of the form 100..200");
    from.parse().unwrap()..to.parse().unwrap()
}

/// 2 to 50 hosts.
fn network(seed: u64) -> Network {
    const COUNTS: [u8; 12] = [2, 3, 5, 8, 2, 12, 4, 20, 6, 3, 30, 50];
    Network::new(seed, COUNTS[usize::try_from(seed % 12).unwrap()])
}

/// What has to happen in 12 networks or more: what never happened was not tested.
const SEEN: [&str; 29] = [
    "active dials",
    "anchor dialed",
    "ban lifted",
    "ban of a network",
    "ban of an id",
    "bootnodes",
    "dial Bootnode",
    "dial Dynamic",
    "dial Feeler",
    "dial Requested",
    "dial Reunion",
    "dial Static",
    "disconnect Banned",
    "disconnect Churn",
    "disconnect Duplicate",
    "disconnect FeelerDone",
    "disconnect OverTarget",
    "disconnect Restricted",
    "family down",
    "node forgotten",
    "node restored",
    "orphan cancelled",
    "refused request",
    "request",
    "restart from a snapshot",
    "restart with an address book",
    "restrict list",
    "static node removed",
    "target",
];

/// Every drain of every dialer is checked on the way.
#[test]
fn with_faults_all_along_no_rule_is_broken() {
    let mut seen = BTreeSet::new();
    let seeds = seeds(0..12);
    for seed in seeds.clone() {
        println!("seed {seed}");
        let mut network = network(seed);
        network.run_until(Timestamp::from_secs(HOURS * 3600));
        let (events, faults, dials, stats) = network.digest();
        assert!(faults > 60 && dials > 10 && events > 100, "seed {seed}: {events}, {faults}, {dials}");
        seen.extend(network.seen().keys().cloned());
        if stats.iter().any(|stats| stats.refusals.family_down > 0) {
            seen.insert("family down".to_owned());
        }
    }
    let never: Vec<&str> = SEEN.into_iter().filter(|what| !seen.contains(*what)).collect();
    assert!(seeds.end - seeds.start < 12 || never.is_empty(), "never seen: {never:?}");
}

#[test]
fn when_faults_stop_every_slot_is_filled_within_the_bound() {
    seeds(12..24).for_each(settles);
}

/// Worlds in which it was not so once: static nodes that never answer took every probe of a network that seemed to be
/// down; nodes of a dark address family came back whenever a bootnode had just taken its probe.
#[test]
fn static_nodes_and_bootnodes_leave_probes_to_others() {
    [1_025, 1_067, 1_073, 1_087, 1_151].into_iter().for_each(settles);
}

/// A world in which a host wakes from a long sleep with the news that a dial has connected, whose deadline is over: the
/// driver is told to cancel what is a peer.
#[test]
fn an_answer_may_cross_its_cancel() {
    settles(2_159);
}

fn settles(seed: u64) {
    println!("seed {seed}");
    let mut network = network(seed);
    let stop = Timestamp::from_secs(HOURS * 3600);
    network.run_until(stop);
    network.stop_faults();
    network.run_until(stop.saturating_add(network.bound()));
    network.assert_full();
    network.assert_settled();
}

#[test]
fn one_seed_is_one_history() {
    let run = |seed| {
        let mut network = network(seed);
        network.run_until(Timestamp::from_secs(3600));
        network.digest()
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(19));
}
