//! Static and dynamic nodes don't take each other's slots. (In go-ethereum 200 dead static nodes leave no dial to
//! the dynamic ones; and two full nodes that trust each other never connect, go-ethereum#21774.)

use std::collections::BTreeMap;
use std::time::Duration;

use dialstate::{DialKind, DialOutcome, Timestamp};
use dialstate_proptests::world::{Config, Event, Id};

use super::common::{Answer, MINUTE, SECOND, Scene, Town, discovered, inbound, node};

const STATIC: u32 = 200;
const DYNAMIC: u32 = 2_000;

/// Ten minutes with so many dead static nodes and 2,000 dead candidates.
fn ten_minutes(statics: u32, candidates: u32) -> Scene<Town> {
    let dead = Town::new(|_, _, _| Answer::Fails(15 * SECOND, DialOutcome::TimedOut));
    let mut scene = Scene::new(Config::default(), dead);
    scene.hand(inbound(10_000));
    for n in 0..statics {
        scene.hand(Event::StaticAdded(node(n)));
    }
    for n in 0..candidates {
        scene.hand(discovered(node(STATIC + n)));
    }
    scene.run(10 * MINUTE);
    scene
}

fn dials(scene: &Scene<Town>, kind: DialKind) -> usize {
    scene.seen.count(kind, Timestamp::ZERO, Timestamp::MAX_NOW)
}

#[test]
fn dead_static_nodes_take_no_dial_from_the_dynamic_ones_nor_the_other_way_round() {
    let (both, alone) = (ten_minutes(STATIC, DYNAMIC), ten_minutes(0, DYNAMIC));
    let (with, without) = (dials(&both, DialKind::Dynamic), dials(&alone, DialKind::Dynamic));
    // 16 slots of 15 s each make 640 dials in ten minutes.
    assert!(without >= 600, "only {without} dynamic dials without static nodes");
    assert!(with * 10 >= without * 9, "{with} dynamic dials beside static nodes, {without} without");

    let alone = ten_minutes(STATIC, 0);
    let (with, without) = (dials(&both, DialKind::Static), dials(&alone, DialKind::Static));
    assert!(without >= 600, "only {without} static dials without dynamic ones");
    assert!(with * 10 >= without * 9, "{with} static dials beside dynamic ones, {without} without");
}

#[test]
fn dead_static_nodes_are_dialed_in_turn() {
    let scene = ten_minutes(STATIC, DYNAMIC);
    let mut dials: BTreeMap<Id, usize> = BTreeMap::new();
    for dialed in scene.seen.dials.iter().filter(|dialed| dialed.kind == DialKind::Static) {
        *dials.entry(dialed.id).or_default() += 1;
    }
    let (least, most) = (dials.values().min().unwrap(), dials.values().max().unwrap());
    assert_eq!(dials.len(), STATIC as usize);
    assert!(most - least <= 2, "one static node had {least} dials, another one {most}");
}

#[test]
fn a_full_dynamic_target_does_not_delay_a_static_dial() {
    let healthy = Town::new(|_, _, _| Answer::Connects(Duration::from_millis(100)));
    let mut scene = Scene::new(Config::default(), healthy);
    for n in 0..100 {
        scene.hand(discovered(node(n)));
    }
    scene.run(MINUTE);
    assert_eq!(scene.seen.peers(), 16);
    for n in 200..216 {
        scene.hand(Event::StaticAdded(node(n)));
        let last = scene.seen.dials.last().unwrap();
        assert_eq!((last.kind, last.id, last.at), (DialKind::Static, node(n).id, scene.sim.now()));
    }
    scene.run(MINUTE);
    assert_eq!(scene.sim.dialer().gauges().static_peers, 16);
    assert_eq!(scene.seen.peers(), 16);
}

#[test]
fn static_peers_leave_the_dynamic_slots_free() {
    let healthy = Town::new(|_, _, _| Answer::Connects(Duration::from_millis(100)));
    let mut scene = Scene::new(Config::default(), healthy);
    for n in 0..100 {
        scene.hand(Event::StaticAdded(node(n)));
    }
    for n in 200..300 {
        scene.hand(discovered(node(n)));
    }
    scene.run(MINUTE);
    assert_eq!(scene.sim.dialer().gauges().static_peers, 100);
    assert_eq!(scene.seen.peers(), 16);
}
