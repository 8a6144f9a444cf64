//! A running dialer is told other rules: a lower target, another restrict list, other bootnodes, no dialing for a while.

use std::collections::BTreeSet;
use std::time::Duration;

use dialstate::{
    Change, ConfigError, DialKind, DialOutcome, DisconnectReason, EventError, MAX_DURATION, Refusal,
    RestoreError, Standing, Task, Timestamp,
};
use dialstate_proptests::world::{Command, Config, Dialer, Event, Id};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use crate::small::{dialer, step};

use super::common::{Answer, MINUTE, SECOND, Scene, Town, discovered, id, node, number};

const BLINK: Duration = Duration::from_millis(50);

/// Hands an event in; returns who is to be disconnected, and what is cancelled.
fn hand(
    scene: &mut Scene<Town>,
    change: Change<Id, std::net::SocketAddr>,
) -> (Vec<(u32, DisconnectReason)>, Vec<Task>) {
    let (mut closed, mut cancelled) = (Vec::new(), Vec::new());
    let seen = &mut scene.seen;
    let watch = |drain: &dialstate_proptests::world::Drain<'_>| {
        assert_eq!(*drain.result, Ok(()));
        for command in drain.commands {
            match command {
                Command::Disconnect { id, reason } => closed.push((number(id), *reason)),
                Command::Cancel(task) => cancelled.push(*task),
                _ => {}
            }
        }
        seen.step(drain);
        Ok(())
    };
    scene.sim.hand(&Event::Reconfigured(change), watch).unwrap();
    (closed, cancelled)
}

/// Nodes 1 to `last`, heard of one a second, each of which connects at once.
fn peers(last: u32) -> Scene<Town> {
    let mut scene = Scene::new(Config::default(), Town::new(|_, _, _| Answer::Connects(BLINK)));
    for n in 1..=last {
        scene.hand(discovered(node(n)));
        scene.run(SECOND);
    }
    scene
}

/// A bootnode with the dialer's own id is an error, at the start as later, and changes nothing.
#[test]
fn a_dialer_is_not_its_own_bootnode() {
    let me = [9; 32];
    let own = || vec![node(1), dialstate::Node::unresolved(me)];
    let rng = || ChaCha8Rng::seed_from_u64(1);
    for config in [Config::classic(), Config::balanced()] {
        let with_own = config.clone().with_bootnodes(own());
        let refused = Dialer::new(me, with_own.clone(), rng(), Timestamp::ZERO).unwrap_err();
        assert_eq!(refused, ConfigError::OwnBootnode);
        let config = config.with_bootnodes(vec![node(2)]);
        let mut dialer = Dialer::new(me, config, rng(), Timestamp::ZERO).unwrap();
        let change = Event::Reconfigured(Change::Bootnodes(own()));
        let refused = dialer.handle(Timestamp::ZERO, change).unwrap_err();
        assert_eq!(refused, EventError::InvalidChange(ConfigError::OwnBootnode));
        assert_eq!(dialer.config().bootnodes, [node(2)]);
        let restored = Dialer::restore(dialer.snapshot(), with_own, rng(), Timestamp::ZERO);
        assert_eq!(restored.unwrap_err(), RestoreError::Config(ConfigError::OwnBootnode));
    }
}

/// More bootnodes than `Limits::bootnodes` are an error that names both.
#[test]
fn too_many_bootnodes_are_refused() {
    let mut config = Config::default();
    config.limits.bootnodes = 1;
    let mut dialer = Dialer::new([9; 32], config, ChaCha8Rng::seed_from_u64(1), Timestamp::ZERO).unwrap();
    let change = Event::Reconfigured(Change::Bootnodes(vec![node(1), node(2)]));
    let above = ConfigError::Above { field: "bootnodes", bound: "limits.bootnodes" };
    assert_eq!(dialer.handle(Timestamp::ZERO, change), Err(EventError::InvalidChange(above)));
}

#[test]
fn a_lower_target_disconnects_the_newest() {
    let mut scene = peers(40);
    scene.hand(Event::StaticAdded(node(100)));
    scene.run(SECOND);
    let gauges = scene.sim.dialer().gauges();
    assert_eq!((gauges.dynamic_peers, gauges.static_peers), (16, 1));
    let (mut closed, cancelled) = hand(&mut scene, Change::DynamicTarget(10));
    closed.sort_unstable_by_key(|(n, _)| *n);
    let newest: Vec<_> = (11..=16).map(|n| (n, DisconnectReason::OverTarget)).collect();
    assert_eq!((closed, cancelled), (newest, vec![]));
    let before = scene.seen.dials.len();
    scene.run(10 * MINUTE);
    let gauges = scene.sim.dialer().gauges();
    assert_eq!((gauges.dynamic_peers, gauges.static_peers), (10, 1));
    assert_eq!(scene.seen.dials.len(), before, "somebody is dialed, and no slot is free");
    let kept: Vec<_> = scene.sim.world().connected.keys().map(number).collect();
    assert_eq!(kept, (1..=10).chain([100]).collect::<Vec<_>>());
    // Up again: 24 other nodes are known, and the six that had to go.
    assert_eq!(hand(&mut scene, Change::DynamicTarget(16)), (vec![], vec![]));
    scene.run(SECOND);
    assert_eq!(scene.sim.dialer().gauges().dynamic_peers, 16);
    assert_eq!(scene.seen.dials.len(), before + 6);
}

#[test]
fn a_target_of_nobody_ends_all_and_holds() {
    let mut scene = peers(16);
    let (closed, _) = hand(&mut scene, Change::DynamicTarget(0));
    assert_eq!(closed.len(), 16);
    let (dials, lookups) = (scene.seen.dials.len(), scene.seen.lookups.len());
    scene.run(10 * MINUTE);
    assert_eq!(scene.sim.dialer().gauges().dynamic_peers, 0);
    assert_eq!((scene.seen.dials.len(), scene.seen.lookups.len()), (dials, lookups));
}

#[test]
fn another_list_closes_and_cancels_what_it_excludes() {
    // Nodes 1 to 8 connect, 9 to 16 never answer; the list allows the even ones of both.
    let town =
        Town::new(|node, _, _| if number(&node.id) <= 8 { Answer::Connects(BLINK) } else { Answer::Lost });
    let mut scene = Scene::new(Config::default(), town);
    for n in 1..=16 {
        scene.hand(discovered(node(n)));
    }
    scene.run(10 * SECOND);
    let gauges = scene.sim.dialer().gauges();
    assert_eq!((gauges.dynamic_peers, gauges.dynamic_attempts), (8, 8));
    let list = (1..=40).filter(|n| n % 2 == 0).map(|n| node(n).addrs.as_slice()[0].ip().into());
    let odd: BTreeSet<Task> = scene
        .seen
        .dials
        .iter()
        .filter(|dialed| number(&dialed.id) > 8)
        .filter(|dialed| number(&dialed.id) % 2 == 1)
        .map(|dialed| Task::Dial(dialed.dial))
        .collect();
    let (mut closed, cancelled) = hand(&mut scene, Change::Restrict(Some(list.collect())));
    closed.sort_unstable_by_key(|(n, _)| *n);
    assert_eq!(closed, [1, 3, 5, 7].map(|n| (n, DisconnectReason::Restricted)));
    assert_eq!((odd.len(), cancelled.into_iter().collect::<BTreeSet<_>>()), (4, odd));
    // What follows keeps the list.
    let before = scene.seen.dials.len();
    for n in 17..=40 {
        scene.hand(discovered(node(n)));
    }
    scene.run(5 * MINUTE);
    let after = &scene.seen.dials[before..];
    assert!(after.len() >= 8 && after.iter().all(|dialed| number(&dialed.id).is_multiple_of(2)), "{after:?}");
    // And without a list all may be dialed again.
    scene.hand(Event::Reconfigured(Change::Restrict(None)));
    let before = scene.seen.dials.len();
    scene.run(2 * MINUTE);
    assert!(scene.seen.dials[before..].iter().any(|dialed| number(&dialed.id) % 2 == 1));
}

#[test]
fn other_bootnodes_are_tried_from_then_on() {
    let mut config = Config::default();
    config.bootnodes = vec![node(1), node(2)];
    let town = Town::new(|_, _, _| Answer::Fails(BLINK, DialOutcome::Refused));
    let mut scene = Scene::new(config, town);
    scene.run(5 * MINUTE);
    let tried = |scene: &Scene<Town>, from: Timestamp| -> Vec<u32> {
        let bootnodes = scene.seen.dials.iter().filter(|d| d.at >= from && d.kind == DialKind::Bootnode);
        bootnodes.map(|dialed| number(&dialed.id)).collect()
    };
    assert_eq!(scene.seen.dials[0].at, Timestamp::from_secs(20));
    let old = tried(&scene, Timestamp::ZERO);
    assert!(old.len() >= 5 && old.windows(2).all(|two| two[0] != two[1]), "{old:?}");
    let now = scene.sim.now();
    scene.hand(Event::Reconfigured(Change::Bootnodes(vec![node(3), node(4), node(5)])));
    scene.run(60 * SECOND);
    assert!(!tried(&scene, now).is_empty(), "none of the new ones within a minute");
    scene.run(10 * MINUTE);
    let new = tried(&scene, now);
    assert_eq!(new.iter().copied().collect::<BTreeSet<_>>(), BTreeSet::from([3, 4, 5]), "{new:?}");
    scene.hand(Event::Reconfigured(Change::Bootnodes(vec![])));
    let now = scene.sim.now();
    scene.run(10 * MINUTE);
    assert!(tried(&scene, now).is_empty());
    assert!(scene.sim.dialer().explain(&id(3)).refusals.contains(&Refusal::Unknown));
}

/// Bootnodes that were heard of have their turn after all others, and are others once they are no bootnodes any more.
#[test]
fn a_new_list_of_bootnodes_holds_for_nodes_that_wait() {
    let mut dialer = dialer(|config| {
        (config.dynamic_target, config.discovery) = (0, false);
        config.bootnodes = vec![node(1)];
    });
    for n in 1..=2 {
        step(&mut dialer, 0, discovered(node(n)));
    }
    let queues = |dialer: &Dialer| [1, 2].map(|n| dialer.explain(&id(n)).standing);
    let (bootnode, other) = (Standing::Bootnode, Standing::Fresh);
    assert_eq!(queues(&dialer), [bootnode, other]);
    step(&mut dialer, 1, Event::Reconfigured(Change::Bootnodes(vec![node(2)])));
    assert_eq!(queues(&dialer), [other, bootnode]);
}

/// The time until a burst is full again is a duration like others.
#[test]
fn an_interval_that_is_too_long_for_its_burst_is_refused() {
    let mut config = Config::default();
    (config.pace.burst, config.pace.interval) = (1_000, MAX_DURATION / 1_000);
    assert_eq!(config.validate(), Ok(()));
    config.pace.burst += 1;
    let told = config.validate().unwrap_err();
    assert!(matches!(told, ConfigError::DurationOutOfRange { field: "pace.interval", .. }), "{told}");
}

/// Nodes 1 to 8 connect, 9 to 16 never answer.
#[test]
fn dialing_can_be_turned_off_and_on() {
    let town =
        Town::new(|node, _, _| if number(&node.id) <= 8 { Answer::Connects(BLINK) } else { Answer::Lost });
    let mut scene = Scene::new(Config::default().with_discovery(false), town);
    (1..=16).for_each(|n| scene.hand(discovered(node(n))));
    scene.run(SECOND);
    let (closed, cancelled) = hand(&mut scene, Change::Dialing(false));
    assert_eq!((closed.len(), cancelled.len()), (0, 8));
    let before = scene.seen.dials.len();
    scene.run(10 * MINUTE);
    let gauges = scene.sim.dialer().gauges();
    assert_eq!((gauges.dynamic_peers, gauges.dynamic_attempts), (8, 0));
    let why = scene.sim.dialer().explain(&id(9));
    assert_eq!((why.refusals.as_slice(), why.earliest), (&[Refusal::DialingOff][..], None));
    // Who was dialed then is not to blame.
    assert_eq!(hand(&mut scene, Change::Dialing(true)), (vec![], vec![]));
    assert_eq!(scene.seen.dials.len(), before + 8);
}

/// While dialing is off it waits for nothing, and nothing that was waited for counts when it is on again.
#[test]
fn a_dialer_that_is_off_waits_for_nothing() {
    for profile in dialstate::Profile::ALL {
        let config = Config::for_profile(profile).with_bootnodes(vec![node(1)]).with_discovery(false);
        let mut dialer = Dialer::new([0; 32], config, ChaCha8Rng::seed_from_u64(1), Timestamp::ZERO).unwrap();
        assert!(step(&mut dialer, 1, Event::Tick).is_empty());
        assert!(step(&mut dialer, 2, Event::Reconfigured(Change::Dialing(false))).is_empty());
        for event in [Event::StaticAdded(node(2)), discovered(node(3)), Event::Tick] {
            assert!(step(&mut dialer, 100, event).is_empty());
            assert!(matches!(dialer.poll(), Command::Sleep { until: None, .. }), "{:?}", dialer.poll());
        }
        let refused = dialer.handle(dialer.now(), Event::DialRequested(id(2)));
        assert_eq!(refused, Err(EventError::NotDialable(Refusal::DialingOff)));
        let told = dialer.explain_need().to_string();
        assert!(told.contains("; dialing is off"), "{told}");
        // A restore keeps it off.
        dialer =
            Dialer::restore(dialer.snapshot(), dialer.config().clone(), dialer.rng(), dialer.now()).unwrap();
        let commands = step(&mut dialer, 200, Event::Reconfigured(Change::Dialing(true)));
        let dialed = |command: &Command| match command {
            Command::Dial { node, .. } => Some(number(&node.id)),
            _ => None,
        };
        let dialed: BTreeSet<u32> = commands.iter().filter_map(dialed).collect();
        assert!(dialed.contains(&2), "{dialed:?}");
        assert_eq!(dialed.contains(&1), profile == dialstate::Profile::Classic, "{dialed:?}");
    }
}
