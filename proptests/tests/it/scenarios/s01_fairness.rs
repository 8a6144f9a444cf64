//! Nobody is tried twice before everybody was tried once. (reth#1405: 10,990 dials reached only 931 addresses; the
//! newest go-ethereum needs 77,636 dials for 10,000 nodes.)

use std::collections::BTreeSet;

use dialstate::DialOutcome;
use dialstate_proptests::world::Config;

use super::common::{Answer, HOUR, SECOND, Scene, Town, discovered, inbound, node, number};

const CANDIDATES: u32 = 10_000;

#[test]
fn most_of_ten_thousand_dials_go_to_dead_nodes_that_were_not_tried_yet() {
    for outcome in [DialOutcome::TimedOut, DialOutcome::Refused, DialOutcome::TooManyPeers] {
        let mut scene =
            Scene::new(Config::default(), Town::new(move |_, _, _| Answer::Fails(15 * SECOND, outcome)));
        scene.hand(inbound(CANDIDATES));
        for n in 0..CANDIDATES {
            scene.hand(discovered(node(n)));
        }
        scene.run_until(12 * HOUR, |seen| seen.dials.len() > CANDIDATES as usize).unwrap();
        let first = &scene.seen.dials[..CANDIDATES as usize];
        let tried: BTreeSet<u32> = first.iter().map(|dialed| number(&dialed.id)).collect();
        // Nodes that were tried come back in turns of their own, such that answered in two of five.
        let most = if outcome == DialOutcome::TimedOut { 78 } else { 58 };
        let share = tried.len() * 100 / CANDIDATES as usize;
        assert!(share >= most, "{outcome:?}: {share} % of the dials went to new nodes");
        // 16 slots of 15 s each: nearly all of the time they are all in use.
        let took = first[first.len() - 1].at;
        assert!(took.as_millis() < 10_000 * 15_000 / 16 * 101 / 100, "{outcome:?}: slots stood idle, {took}");
    }
}
