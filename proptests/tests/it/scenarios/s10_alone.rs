//! A node that finds nobody neither spins nor gives up. (go-ethereum#1296: lookups out of control while offline;
//! zebra#3177: 20 GB of log; bitcoin#22013: peers that are none kept the seeds from being asked.)

use std::time::Duration;

use dialstate::{DialKind, DialOutcome, RemovalReason, Timestamp};
use dialstate_proptests::world::{Config, Event};

use super::common::{Answer, HOUR, MINUTE, SECOND, Scene, Town, discovered, id, inbound, node, number};

const BOOTNODES: u32 = 5;

fn with_bootnodes() -> Config {
    let mut config = Config::default();
    config.bootnodes = (0..BOOTNODES).map(node).collect();
    config
}

/// All dials are refused, and all lookups find nothing, at once.
fn barren() -> Town {
    Town::new(|_, _, _| Answer::Fails(Duration::ZERO, DialOutcome::Refused))
}

fn gaps(times: &[Timestamp]) -> Vec<Duration> {
    times.windows(2).map(|pair| pair[1].saturating_since(pair[0])).collect()
}

fn bootnode_dials(scene: &Scene<Town>) -> Vec<(Timestamp, u32)> {
    let dials = scene.seen.dials.iter().filter(|dialed| dialed.kind == DialKind::Bootnode);
    dials.map(|dialed| (dialed.at, number(&dialed.id))).collect()
}

/// The gaps between the first few lookups, in milliseconds.
const FIRST: [u64; 15] = [250, 250, 250, 500, 500, 500, 500, 1000, 1000, 1000, 1000, 2000, 2000, 2000, 2000];

fn first() -> Vec<Duration> {
    FIRST.map(Duration::from_millis).to_vec()
}

#[test]
fn lookups_back_off_to_a_minute() {
    for config in [Config::default(), with_bootnodes()] {
        let mut scene = Scene::new(config, barren());
        scene.hand(discovered(node(100)));
        scene.run(HOUR);
        let gaps = gaps(&scene.seen.lookups);
        assert_eq!(scene.seen.lookups[0], Timestamp::ZERO);
        assert_eq!(gaps[..FIRST.len()], first());
        assert!(gaps[FIRST.len()..].iter().all(|gap| *gap == MINUTE), "{gaps:?}");
        assert!(scene.seen.lookups.len() >= 60, "the last lookup was at {:?}", scene.seen.lookups.last());
    }
}

/// Nobody is known: discovery may know somebody at any moment.
#[test]
fn without_any_node_lookups_go_on_every_four_seconds() {
    let mut scene = Scene::new(with_bootnodes(), barren());
    scene.run(HOUR);
    let gaps = gaps(&scene.seen.lookups);
    assert_eq!(gaps[..FIRST.len()], first());
    assert!(gaps[FIRST.len()..].iter().all(|gap| *gap == 4 * SECOND), "{gaps:?}");
}

#[test]
fn lookups_that_bring_something_new_go_on_every_four_seconds() {
    let mut town = barren();
    let mut found = 100;
    town.lookups = Box::new(move |_| {
        found += 1;
        vec![node(found)]
    });
    let mut scene = Scene::new(Config::default(), town);
    scene.hand(inbound(99));
    scene.run(10 * MINUTE);
    let gaps = gaps(&scene.seen.lookups);
    assert_eq!(gaps[..FIRST.len()], first());
    assert!(gaps[FIRST.len()..].iter().all(|gap| *gap == 4 * SECOND), "{gaps:?}");
    assert_eq!(gaps.len(), FIRST.len() + 146);
}

#[test]
fn bootnodes_are_dialed_in_turn_less_and_less_often() {
    let mut scene = Scene::new(with_bootnodes(), barren());
    scene.run(HOUR);
    let dials = bootnode_dials(&scene);
    assert_eq!(dials[0].0, Timestamp::from_secs(20));
    assert!((0..).zip(&dials).all(|(n, (_, bootnode))| *bootnode == n % BOOTNODES), "{dials:?}");
    let times: Vec<_> = dials.iter().map(|(at, _)| *at).collect();
    let gaps = gaps(&times);
    assert_eq!(gaps[..3], [20, 40, 60].map(Duration::from_secs));
    assert!(gaps[3..].iter().all(|gap| *gap == MINUTE), "{gaps:?}");
    assert!(times.last() >= Some(&Timestamp::from_secs(3_540)), "{:?} was the last", times.last());
}

#[test]
fn after_ten_minutes_it_wakes_up_five_times_a_minute_at_most() {
    for config in [Config::default(), with_bootnodes()] {
        let mut scene = Scene::new(config, barren());
        scene.hand(discovered(node(100)));
        scene.run(HOUR);
        for minute in 10..60 {
            let (from, to) = (Timestamp::from_secs(minute * 60), Timestamp::from_secs(minute * 60 + 60));
            let ticks = scene.seen.ticks.iter().filter(|at| (from..to).contains(at)).count();
            assert!((1..=5).contains(&ticks), "{ticks} wake-ups in minute {minute}");
        }
    }
}

#[test]
fn the_first_node_heard_of_is_dialed_at_once() {
    for config in [Config::default(), with_bootnodes()] {
        let mut scene = Scene::new(config, barren());
        scene.run(30 * MINUTE);
        // Not within 5 s of the last bootnode, which counts as a probe while the network seems to be down.
        while bootnode_dials(&scene)
            .last()
            .is_some_and(|(at, _)| at.saturating_add(10 * SECOND) > scene.sim.now())
        {
            scene.run(SECOND);
        }
        scene.hand(discovered(node(100)));
        let dialed = scene.seen.dials.last().map(|dialed| (dialed.id, dialed.kind, dialed.at));
        assert_eq!(dialed, Some((id(100), DialKind::Dynamic, scene.sim.now())));
    }
}

#[test]
fn what_the_first_fruitful_lookup_brings_is_dialed_at_once() {
    let mut town = barren();
    let wanted = 30 * MINUTE;
    town.lookups = Box::new(move |now| match now >= Timestamp::ZERO.saturating_add(wanted) {
        true => vec![node(100)],
        false => Vec::new(),
    });
    let mut scene = Scene::new(Config::default(), town);
    let took = scene.run_until(HOUR, |seen| !seen.dials.is_empty()).unwrap();
    assert!(took < wanted + MINUTE, "{took:?}");
    let dialed = &scene.seen.dials[0];
    assert_eq!((dialed.id, Some(&dialed.at)), (id(100), scene.seen.lookups.last()));
}

#[test]
fn inbound_peers_do_not_count_as_company() {
    let mut scene = Scene::new(with_bootnodes(), barren());
    for n in 100..130 {
        scene.hand(inbound(n));
    }
    scene.run(10 * MINUTE);
    let dials = bootnode_dials(&scene);
    assert_eq!(dials[0], (Timestamp::from_secs(20), 0));
    assert!((10..=12).contains(&dials.len()), "{} bootnode dials in ten minutes", dials.len());
}

#[test]
fn an_outbound_peer_ends_the_fallback_and_its_loss_begins_it_anew() {
    let town = Town::new(|node, kind, _| match (kind, number(&node.id)) {
        (DialKind::Dynamic, 100) => Answer::Connects(SECOND),
        _ => Answer::Fails(Duration::ZERO, DialOutcome::Refused),
    });
    let mut scene = Scene::new(with_bootnodes(), town);
    scene.hand(discovered(node(100)));
    scene.run(HOUR);
    assert_eq!((scene.seen.peers(), bootnode_dials(&scene)), (1, Vec::new()));
    let lost = scene.sim.now();
    scene.hand(Event::PeerRemoved { id: id(100), reason: RemovalReason::Misbehaved });
    scene.run(5 * MINUTE);
    assert_eq!(bootnode_dials(&scene)[0], (lost.saturating_add(20 * SECOND), 0));
}

#[test]
fn a_bootnode_that_answers_takes_a_slot() {
    let town = Town::new(|node, _, _| match number(&node.id) {
        1 => Answer::Connects(SECOND),
        _ => Answer::Fails(Duration::ZERO, DialOutcome::Refused),
    });
    let mut config = with_bootnodes();
    config.dynamic_target = 1;
    let mut scene = Scene::new(config, town);
    scene.run(HOUR);
    assert_eq!(scene.seen.peers(), 1);
    assert_eq!(bootnode_dials(&scene).len(), 2);
    // The one slot is taken: nobody else is dialed, nor looked for.
    scene.hand(discovered(node(100)));
    scene.run(HOUR);
    assert_eq!(scene.seen.dials.len(), 2);
    assert!(scene.seen.lookups.last() < Some(&Timestamp::from_secs(60)));
}
