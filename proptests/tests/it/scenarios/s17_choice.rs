//! Who is worth a dial: whoever was heard of lately comes before those that are known for long, a lookup comes before these,
//! and nodes that never answered, bootnodes and a host without a network take few dials. (Seen in the simulated network of
//! `examples/network`: a quarter of the dials to nodes that were known for hours connected, and of those to nodes that had
//! failed three times one in a hundred.)

use std::time::Duration;

use dialstate::{DialOutcome, Event as E, RemovalReason, Source};
use dialstate_proptests::world::{Config, Event};

use super::common::{Answer, HOUR, MINUTE, SECOND, Scene, Town, discovered, id, inbound, node, number};

/// Sixteen peers, and 100 further nodes that were heard of five hours ago.
fn full(answer: impl Fn(u32) -> Answer + 'static, lookups: bool) -> Scene<Town> {
    let config = Config::default().with_discovery(lookups);
    let mut scene = Scene::new(config, Town::new(move |node, _, _| answer(number(&node.id))));
    scene.hand(inbound(5_000));
    (0..16).for_each(|n| scene.hand(discovered(node(n))));
    scene.run(MINUTE);
    assert_eq!(scene.seen.peers(), 16);
    (16..116).for_each(|n| scene.hand(discovered(node(n))));
    scene.run(5 * HOUR);
    assert_eq!(scene.seen.dials.len(), 16);
    scene
}

fn lose(scene: &mut Scene<Town>, n: u32) {
    scene.hand(Event::PeerRemoved { id: id(n), reason: RemovalReason::Closed });
}

#[test]
fn whoever_was_heard_of_lately_comes_before_those_known_for_long() {
    let mut scene = full(|_| Answer::Connects(Duration::ZERO), false);
    (200..204).for_each(|n| scene.hand(discovered(node(n))));
    (0..4).for_each(|n| lose(&mut scene, n));
    scene.run(SECOND);
    let dialed: Vec<u32> = scene.seen.dials[16..].iter().map(|dialed| number(&dialed.id)).collect();
    let recent = dialed.iter().filter(|n| (200..204).contains(*n)).count();
    assert!(dialed.len() == 4 && recent >= 3, "{dialed:?}");
}

#[test]
fn one_that_was_told_again_is_recent_again() {
    let mut scene = full(|_| Answer::Connects(Duration::ZERO), false);
    scene.hand(discovered(node(77)));
    (0..2).for_each(|n| lose(&mut scene, n));
    scene.run(SECOND);
    assert!(scene.seen.dials[16..].iter().any(|dialed| dialed.id == id(77)), "{:?}", &scene.seen.dials[16..]);
}

#[test]
fn with_most_peers_there_a_lookup_comes_before_nodes_known_for_long() {
    let mut scene = full(|_| Answer::Connects(Duration::ZERO), true);
    scene.sim.world_mut().lookups = Box::new(|_| (300..316).map(node).collect());
    let before = scene.seen.lookups.len();
    lose(&mut scene, 0);
    scene.run(SECOND);
    assert_eq!(scene.seen.lookups.len(), before + 1);
    let found: Vec<u32> = scene.seen.dials[16..].iter().map(|dialed| number(&dialed.id)).collect();
    assert!(found.len() == 1 && found[0] >= 300, "{found:?}");
}

#[test]
fn a_lookup_that_takes_long_is_not_waited_for() {
    let mut scene = full(|_| Answer::Connects(Duration::ZERO), true);
    scene.sim.world_mut().lookups_hang = true;
    lose(&mut scene, 0);
    let lost = scene.sim.now();
    scene.run(MINUTE);
    let dialed = &scene.seen.dials[16..];
    assert!(dialed.len() == 1 && dialed[0].at == lost.saturating_add(4 * SECOND), "{dialed:?} after {lost}");
}

#[test]
fn with_most_peers_missing_nobody_waits_for_a_lookup() {
    let mut scene = full(|_| Answer::Connects(Duration::ZERO), true);
    (0..12).for_each(|n| lose(&mut scene, n));
    scene.run(Duration::ZERO);
    assert!(scene.seen.dials.len() > 16, "nobody was dialed at once");
}

/// Sixteen nodes connect, and 40 others never do. How many dials go to these in the second hour, with so many peers missing?
fn to_the_dead(missing: u32) -> usize {
    let dead = |n: u32| (100..140).contains(&n);
    let mut scene = full(
        move |n| {
            if dead(n) { Answer::Fails(SECOND, DialOutcome::TimedOut) } else { Answer::Connects(SECOND) }
        },
        false,
    );
    (16..116).for_each(|n| scene.hand(E::NodeForgotten(id(n))));
    (100..140).for_each(|n| scene.hand(discovered(node(n))));
    (0..missing).for_each(|n| {
        lose(&mut scene, n);
        scene.hand(E::NodeForgotten(id(n)));
    });
    scene.run(HOUR);
    assert!((100..140).all(|n| scene.sim.dialer().explain(&id(n)).failures >= 3), "each was tried often");
    // Their cooldowns have ended while the host slept: they are all there at once.
    scene.sim.suspend(2 * HOUR);
    let before = scene.seen.dials.len();
    scene.run(20 * SECOND);
    scene.seen.dials.len() - before
}

#[test]
fn nodes_that_failed_often_and_never_connected_are_dialed_one_at_a_time_unless_there_is_need() {
    let (few, many) = (to_the_dead(2), to_the_dead(12));
    assert!((2..=5).contains(&few), "{few} dials in 20 s, one in 5 s is due");
    assert!(many >= 30, "{many} dials in 20 s where most peers are missing");
}

#[test]
fn a_bootnode_that_was_heard_of_is_dialed_after_all_others() {
    let mut config = Config::default();
    config.bootnodes = vec![node(0)];
    let mut town = Town::new(|_, _, _| Answer::Connects(SECOND));
    town.lookups = Box::new(|_| (1..17).map(node).collect());
    let mut scene = Scene::new(config, town);
    scene.hand(E::NodeDiscovered { node: node(0), source: Source(1), vouched: true });
    scene.run(HOUR);
    assert_eq!(scene.seen.peers(), 16);
    assert!(scene.seen.dials.iter().all(|dialed| dialed.id != id(0)), "{:?}", scene.seen.dials);
    // With nobody else to be found it is a node like others.
    scene.sim.world_mut().lookups = Box::new(|_| Vec::new());
    lose(&mut scene, 1);
    scene.run(SECOND);
    assert_eq!(scene.seen.dials.last().unwrap().id, id(0));
}

#[test]
fn after_errors_of_the_host_one_dial_goes_out_at_a_time() {
    let mut scene = full(|_| Answer::Connects(SECOND), false);
    scene.sim.world_mut().dials =
        Box::new(|_, _, _| Answer::Fails(Duration::from_millis(1), DialOutcome::LocalError));
    (0..16).for_each(|n| lose(&mut scene, n));
    scene.run(10 * MINUTE);
    // Those that were on their way when the first failed, and then one after 1, 2, 4, 8, 16 and each 30 s.
    let errors = scene.seen.dials.len() - 16;
    assert!((20..=50).contains(&errors), "{errors} dials in ten minutes");
    // Once the network is back, all are there soon.
    scene.sim.world_mut().dials = Box::new(|_, _, _| Answer::Connects(SECOND));
    scene.run(40 * SECOND);
    assert_eq!(scene.seen.peers(), 16);
}
