//! Nodes leave and come back: who has left is no better than others until it is heard of again, and whoever comes back is
//! dialed soon. (Seen in the simulated network of `examples/network`: half of all dials went to nodes that had just left.)

use std::time::Duration;

use dialstate::{DialOutcome, Event as E, RemovalReason, Source};
use dialstate_proptests::world::{Config, Event, Node};

use super::common::{Answer, HOUR, MINUTE, SECOND, Scene, Town, discovered, id, inbound, node, number};

/// The discovery has met a node at its address.
fn met(node: Node) -> Event {
    E::NodeDiscovered { node, source: Source(1), vouched: true }
}

/// Node 0 was a peer for an hour, has left, and 40 others are known, of which nobody answers.
fn left_alone() -> Scene<Town> {
    let answer = |node: &Node| match number(&node.id) {
        0 => Answer::Connects(Duration::ZERO),
        _ => Answer::Fails(SECOND, DialOutcome::Unreachable),
    };
    let mut scene = Scene::new(
        Config::default().with_dynamic_target(1).with_discovery(false),
        Town::new(move |node, _, _| answer(node)),
    );
    scene.hand(inbound(1_000));
    scene.hand(discovered(node(0)));
    scene.run(HOUR);
    assert_eq!(scene.seen.dials.len(), 1);
    (1..=40).for_each(|n| scene.hand(discovered(node(n))));
    scene.hand(Event::PeerRemoved { id: id(0), reason: RemovalReason::Closed });
    scene
}

#[test]
fn whoever_has_left_is_dialed_at_once_when_it_is_met_again() {
    let mut scene = left_alone();
    scene.run(10 * SECOND);
    assert!(scene.seen.dials[1..].iter().all(|dialed| dialed.id != id(0)), "it cools down");
    scene.hand(met(node(0)));
    // Others have their turns too, but it is a good one again.
    scene.run(5 * SECOND);
    assert!(scene.seen.dials[1..].iter().any(|dialed| dialed.id == id(0)));
}

#[test]
fn whoever_has_left_has_no_privilege_once_it_has_cooled_down() {
    let mut scene = left_alone();
    scene.run(MINUTE);
    let before = scene.seen.dials[1..].iter().take_while(|dialed| dialed.id != id(0)).count();
    assert!(before >= 20, "dialed after {before} others");
}
