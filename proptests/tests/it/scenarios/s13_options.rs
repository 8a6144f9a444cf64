//! What is off by default: feelers, anchors, churn advice, family health. (Bitcoin's feelers and anchors, go-ethereum's
//! dropper, go-libp2p's black hole detection, whose read-only form could refuse for ever: go-libp2p#3491.)

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::{Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use dialstate::{
    AddrOutcome, Churn, Command, DialKind, DialOutcome, DisconnectReason, Event as Any, PeerKind,
    RemovalReason, Side, Timestamp,
};
use dialstate_proptests::world::{Config, Dialer, Event, Id, Node};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use crate::small::{at, dialer, step};

use super::common::{Answer, HOUR, ME, MINUTE, SECOND, Scene, Town, discovered, id, inbound, node, number};

fn healthy() -> Town {
    Town::new(|_, _, _| Answer::Connects(Duration::from_millis(100)))
}

fn scene(config: Config, town: Town, nodes: u32) -> Scene<Town> {
    let mut scene = Scene::new(config, town);
    for n in 0..nodes {
        scene.hand(discovered(node(n)));
    }
    scene
}

#[test]
fn feelers_probe_one_node_in_two_minutes_beside_a_full_target() {
    let mut config = Config::default();
    config.dynamic_target = 4;
    let mut without = scene(config.clone(), healthy(), 300);
    without.run(4 * HOUR);
    assert_eq!(without.seen.dials.len(), 4);
    config.feeler_interval = Some(2 * MINUTE);
    let mut scene = scene(config, healthy(), 300);
    scene.run(4 * HOUR);
    let feelers: Vec<Id> = scene
        .seen
        .dials
        .iter()
        .filter(|dialed| dialed.kind == DialKind::Feeler)
        .map(|dialed| dialed.id)
        .collect();
    let distinct: BTreeSet<&Id> = feelers.iter().collect();
    assert!((110..=130).contains(&feelers.len()), "{} feelers in four hours", feelers.len());
    assert_eq!(distinct.len(), feelers.len(), "a node is probed once");
    // Each was closed again at once, and is good from then on.
    assert_eq!((scene.sim.world().connected.len(), scene.seen.peers()), (4, 4));
    assert_eq!(scene.sim.dialer().gauges().good as usize, 4 + feelers.len());
}

#[test]
fn the_peers_that_stayed_longest_are_dialed_first_after_a_restart() {
    let mut config = Config::default();
    config.dynamic_target = 6;
    config.anchors = 2;
    let mut before = Scene::new(config.clone(), healthy());
    // Node 77 and node 78 are peers for an hour before the others come.
    for n in [77, 78] {
        before.hand(discovered(node(n)));
        before.run(SECOND);
    }
    before.run(HOUR);
    for n in 0..60 {
        before.hand(discovered(node(n)));
    }
    before.run(HOUR);
    let book: Vec<_> = before.sim.dialer().known_nodes().collect();
    let anchors: Vec<u32> =
        book.iter().filter(|known| known.anchor).map(|known| number(&known.node.id)).collect();
    assert_eq!((book.len(), anchors), (62, vec![77, 78]));

    let mut after = Dialer::new(ME, config.clone(), ChaCha8Rng::seed_from_u64(9), Timestamp::ZERO).unwrap();
    for known in book.clone() {
        after.handle(Timestamp::ZERO, Any::NodeRestored(known)).unwrap();
    }
    let dialed = |dialer: &mut Dialer| match dialer.poll() {
        Command::Dial { node, .. } => number(&node.id),
        other => panic!("{other:?}"),
    };
    let first: BTreeSet<u32> = [dialed(&mut after), dialed(&mut after)].into();
    assert_eq!(first, BTreeSet::from([77, 78]));
    assert_eq!(after.gauges().good, before.sim.dialer().gauges().good, "good nodes stay good");

    // Without the option nobody is an anchor, and nobody is preferred.
    config.anchors = 0;
    let mut plain = Dialer::new(ME, config, ChaCha8Rng::seed_from_u64(9), Timestamp::ZERO).unwrap();
    for known in book {
        plain.handle(Timestamp::ZERO, Any::NodeRestored(known)).unwrap();
    }
    assert_eq!(plain.known_nodes().filter(|known| known.anchor).count(), 0);
}

#[test]
fn churn_replaces_one_old_dynamic_peer_in_three_to_seven_minutes() {
    let mut config = Config::default();
    config.dynamic_target = 8;
    config.churn = Some(Churn::default());
    let mut scene = scene(config, healthy(), 500);
    scene.hand(Event::StaticAdded(node(900)));
    let advice = Rc::new(RefCell::new(Vec::new()));
    let start = scene.sim.now();
    let mut since = std::collections::BTreeMap::new();
    let seen = Rc::clone(&advice);
    scene
        .sim
        .run_until(start.saturating_add(6 * HOUR), |drain| {
            if let Event::PeerAdded { id, .. } = drain.event {
                since.insert(*id, drain.now);
            }
            for command in drain.commands {
                if let Command::Disconnect { id, reason: DisconnectReason::Churn } = command {
                    seen.borrow_mut().push((drain.now, *id, drain.now.saturating_since(since[id])));
                }
            }
            Ok(())
        })
        .unwrap();
    let advice = advice.borrow();
    // In 6 hours 51 to 120 times, less those on which a peer was drawn that is too young.
    assert!((45..=120).contains(&advice.len()), "{} times", advice.len());
    for pair in advice.windows(2) {
        assert!(pair[1].0.saturating_since(pair[0].0) >= 3 * MINUTE, "{pair:?}");
    }
    assert!(advice.iter().all(|(_, id, age)| *age >= 10 * MINUTE && number(id) != 900));
    let gauges = scene.sim.dialer().gauges();
    assert_eq!((gauges.dynamic_peers, gauges.static_peers), (8, 1), "each was replaced");
}

/// The n-th node of an IPv6 /32 of its own.
fn node6(n: u32) -> Node {
    let [_, _, high, low] = n.to_be_bytes();
    let ip = Ipv6Addr::new(0x2a00 + u16::from(high), u16::from(low) << 4, 0, 0, 0, 0, 0, 1);
    Node::new(id(100_000 + n), [SocketAddr::from((ip, 30_303))])
}

#[test]
fn a_family_that_leads_nowhere_is_only_probed_until_it_works_again() {
    let back = Timestamp::from_secs(4 * 3600);
    let dials_to_v6 = |family_health: bool| {
        let mut config = Config::default();
        config.family_health = family_health;
        let mut town = Town::new(move |node: &Node, _, now| {
            let dark = node.addrs.as_slice()[0].is_ipv6() && now < back;
            if dark { Answer::Fails(SECOND, DialOutcome::TimedOut) } else { Answer::Connects(SECOND) }
        });
        town.session = Some(2 * MINUTE);
        let mut scene = Scene::new(config, town);
        scene.hand(inbound(5_000));
        for n in 0..300 {
            scene.hand(discovered(node6(n)));
        }
        for n in 0..40 {
            scene.hand(discovered(node(n)));
        }
        scene.run(5 * HOUR);
        let v6 = |from: Timestamp, to: Timestamp| {
            scene.seen.dials.iter().filter(|d| d.addr.is_ipv6() && (from..to).contains(&d.at)).count()
        };
        (v6(Timestamp::ZERO, back), v6(back, Timestamp::from_secs(5 * 3600)))
    };
    let ((dark, light), (plain, _)) = (dials_to_v6(true), dials_to_v6(false));
    // After a hundred failures about one probe in 30 s; without the option each node in its turn.
    assert!(dark <= 100 + 16 + 4 * 120, "{dark} dials into the dark");
    assert!(plain > 2 * dark, "{plain} without the option");
    assert!(light > 100, "{light} dials since IPv6 works again");
}

/// A node that connects to us while it is being probed stays: only the probe is closed.
#[test]
fn a_feeler_does_not_take_an_inbound_session_along() {
    let mut config = Config::default();
    config.dynamic_target = 0;
    config.discovery = false;
    config.feeler_interval = Some(MINUTE);
    let mut dialer = Dialer::new(ME, config, ChaCha8Rng::seed_from_u64(3), Timestamp::ZERO).unwrap();
    let mut commands = Vec::new();
    let mut now = Timestamp::ZERO;
    dialer.step(now, discovered(node(1)), &mut commands).unwrap();
    while !commands.iter().any(|command| matches!(command, Command::Dial { .. })) {
        let Some(Command::Sleep { until: Some(until), .. }) = commands.last() else { panic!("{commands:?}") };
        now = *until;
        dialer.step(now, Any::Tick, &mut commands).unwrap();
    }
    commands.clear();
    // Our id is the larger one: the connection that the other side dialed is the one that stays.
    let kind = PeerKind::Outbound(DialKind::Feeler);
    dialer.handle(now, inbound(1)).unwrap();
    dialer.step(now, Any::PeerAdded { id: id(1), kind, addr: None }, &mut commands).unwrap();
    let close = DisconnectReason::Duplicate { close: Side::Outbound };
    let told: Vec<_> =
        commands.iter().filter(|command| matches!(command, Command::Disconnect { .. })).collect();
    assert_eq!(told, [&Command::Disconnect { id: id(1), reason: close }]);
    assert_eq!((dialer.gauges().inbound_peers, dialer.verify()), (1, Ok(())));
}

/// Forgotten and heard of again, a peer is what it was: a good node.
#[test]
fn a_peer_that_is_heard_of_again_is_good() {
    let mut scene = Scene::new(Config::default(), Town::new(|_, _, _| Answer::Connects(SECOND)));
    scene.hand(discovered(node(1)));
    scene.run(MINUTE);
    let good = |scene: &Scene<Town>| -> Vec<bool> {
        scene.sim.dialer().known_nodes().map(|known| known.good).collect()
    };
    assert_eq!(good(&scene), [true]);
    scene.hand(Event::NodeForgotten(id(1)));
    assert!(good(&scene).is_empty());
    scene.hand(discovered(node(1)));
    assert_eq!((good(&scene), scene.sim.dialer().gauges().good), (vec![true], 1));
}

/// A probe has connected, and before the driver is told to close it the node connects to us too: both connections are closed, so
/// that the next probe is not held up by a peer that nobody closes.
#[test]
fn a_feeler_that_is_done_is_closed_beside_a_second_connection() {
    let mut dialer = dialer(|config| {
        (config.dynamic_target, config.discovery, config.feeler_interval) = (0, false, Some(MINUTE));
    });
    step(&mut dialer, 0, discovered(node(1)));
    let is_dial = |command: &Command<_, _>| matches!(command, Command::Dial { .. });
    let (second, dial) = (1..600)
        .find_map(|second| Some((second, step(&mut dialer, second, Event::Tick).into_iter().find(is_dial)?)))
        .unwrap();
    let Command::Dial { dial, .. } = dial else { panic!("{dial:?}") };
    assert_eq!((dialer.gauges().feelers, dialer.gauges().dynamic_attempts), (1, 0));
    dialer.handle(at(second), Event::DialConnected { dial, addr: None, tried: vec![] }).unwrap();
    assert_eq!(dialer.gauges().feelers, 1);
    let commands = step(&mut dialer, second, inbound(1));
    assert_eq!(commands, [Command::Disconnect { id: id(1), reason: DisconnectReason::FeelerDone }]);
    step(&mut dialer, second, Event::PeerRemoved { id: id(1), reason: RemovalReason::Local });
    assert_eq!(dialer.gauges().feelers, 0);
}

/// Of a node in both families only the IPv6 address fails: that counts for IPv6, though an IPv4 address comes first.
#[test]
fn a_family_is_judged_by_each_address_that_was_tried() {
    let mut dialer = dialer(|config| (config.discovery, config.family_health) = (false, true));
    let addrs = |n: u32| [node(n).addrs.as_slice()[0], node6(n).addrs.as_slice()[0]];
    // The dial after a hundred failures is a probe.
    for n in 1..=101 {
        let now = u64::from(n);
        let commands = step(&mut dialer, now, discovered(Node::new(id(n), addrs(n))));
        let [Command::Dial { dial, node, .. }] = &commands[..] else { panic!("{commands:?}") };
        let outcome = |addr: &SocketAddr| match addr.is_ipv4() {
            true => DialOutcome::Connected,
            false => DialOutcome::TimedOut,
        };
        let tried =
            node.addrs.iter().map(|addr| AddrOutcome { addr: *addr, outcome: outcome(addr) }).collect();
        step(&mut dialer, now, Event::DialConnected { dial: *dial, addr: None, tried });
        step(&mut dialer, now, Event::PeerRemoved { id: id(n), reason: RemovalReason::Useless });
    }
    let commands = step(&mut dialer, 102, discovered(Node::new(id(102), addrs(102))));
    let [Command::Dial { node, .. }] = &commands[..] else { panic!("{commands:?}") };
    assert!(node.addrs.iter().all(SocketAddr::is_ipv4), "{node:?}");
}
