//! Who holds a few networks doesn't hold the peers. (arXiv 1908.10141: two /24s were enough to eclipse a node;
//! go-ethereum#20522: an IPv6 attacker has as many /64s as it likes.)

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use dialstate::{DialOutcome, Notice, PeerKind, Timestamp};
use dialstate_proptests::world::{Command, Config, Event, Id, Node};
use ipnet::IpNet;

use crate::small::{at, dialer, step};

use super::common::{Answer, HOUR, MINUTE, SECOND, Scene, Town, discovered, id, node, number};

const HOSTILE: u32 = 950;
const HONEST: u32 = 50;

/// An address of the attacker: in one of two /24s, or in one IPv6 /32, where each has a /48 of its own.
fn hostile(n: u32) -> Node {
    let [_, _, high, low] = n.to_be_bytes();
    let host = 1 + low % 250;
    let addr: SocketAddr = match n % 3 {
        0 => ([203, 0, 113, host], 1_000 + u16::from(high)).into(),
        1 => ([198, 51, 100, host], 1_000 + u16::from(high)).into(),
        _ => (Ipv6Addr::new(0x2001, 0xdb8, (n % 0x1_0000) as u16, 0, 0, 0, 0, 1), 1_000).into(),
    };
    Node::new(id(n), [addr])
}

/// The n-th of all nodes: the attacker's first.
fn any(n: u32) -> Node {
    if n < HOSTILE { hostile(n) } else { node(n) }
}

fn net(ip: IpAddr, prefix: u8) -> IpNet {
    IpNet::new(ip, prefix).unwrap().trunc()
}

/// How many outbound peers each network holds: /24 and /16, or /48 and /32.
fn crowds(scene: &Scene<Town>, of: fn(u32) -> Node) -> BTreeMap<IpNet, u32> {
    let mut crowds = BTreeMap::new();
    let outbound = scene.sim.world().connected.iter().filter(|(_, kind)| **kind != PeerKind::Inbound);
    for (id, _) in outbound {
        let ip = of(number(id)).addrs.as_slice()[0].ip();
        for prefix in if ip.is_ipv4() { [24, 16] } else { [48, 32] } {
            *crowds.entry(net(ip, prefix)).or_default() += 1;
        }
    }
    crowds
}

fn assert_spread(scene: &Scene<Town>) {
    for (network, peers) in crowds(scene, any) {
        let limit = if [24, 48].contains(&network.prefix_len()) { 2 } else { 4 };
        assert!(peers <= limit, "at {} {peers} peers in {network}", scene.sim.now());
    }
}

fn healthy() -> Town {
    Town::new(|_, _, _| Answer::Connects(Duration::from_millis(100)))
}

/// Who was dialed against the limits, as the notices say.
fn relaxed(scene: &mut Scene<Town>) -> Vec<Id> {
    let relaxed = |notice| match notice {
        Notice::DiversityRelaxed { id, .. } => Some(id),
        _ => None,
    };
    std::iter::from_fn(|| scene.sim.next_notice()).filter_map(relaxed).collect()
}

#[test]
fn two_subnets_and_a_v6_network_hold_at_most_their_share() {
    let mut scene = Scene::new(Config::default(), healthy());
    scene.sim.world_mut().session = Some(20 * MINUTE);
    // The attacker is heard of first, and all the time.
    for n in 0..HOSTILE + HONEST {
        scene.hand(discovered(any(n)));
    }
    scene.run(MINUTE);
    for second in 0..6 * 3_600 {
        scene.run(SECOND);
        assert_spread(&scene);
        scene.hand(discovered(hostile(second % HOSTILE)));
        assert_eq!(scene.seen.taken(), 16, "a slot is free at {}", scene.sim.now());
    }
    scene.sim.world_mut().session = None;
    scene.run(30 * MINUTE);
    assert_eq!(scene.seen.peers(), 16);
    let honest = scene.sim.world().connected.keys().filter(|id| number(id) >= HOSTILE).count();
    assert!(honest >= 8, "only {honest} honest peers");
    assert_eq!(relaxed(&mut scene), [] as [Id; 0]);
}

#[test]
fn with_nothing_else_to_be_had_one_slot_a_minute_is_filled_against_the_limits() {
    let mut scene = Scene::new(Config::default(), healthy());
    let alike = |n: u32| hostile(3 * n);
    for n in 0..100 {
        scene.hand(discovered(alike(n)));
    }
    scene.run(59 * SECOND);
    assert_eq!((scene.seen.peers(), relaxed(&mut scene).len()), (2, 0));
    for minute in 1..=14 {
        scene.run(MINUTE);
        assert_eq!(scene.seen.peers(), 2 + minute, "after {minute} minutes");
        let last = scene.seen.dials.last().unwrap().id;
        assert_eq!(relaxed(&mut scene), [last], "after {minute} minutes");
    }
    scene.run(HOUR);
    assert_eq!((scene.seen.peers(), scene.seen.dials.len()), (16, 16));
}

#[test]
fn lookups_that_bring_more_of_the_same_do_not_hold_the_relaxed_slots_back() {
    let mut town = healthy();
    let mut next = 0;
    town.lookups = Box::new(move |_| {
        next += 3;
        vec![hostile(next)]
    });
    let mut scene = Scene::new(Config::default(), town);
    scene.hand(discovered(hostile(0)));
    scene.run(30 * MINUTE);
    assert_eq!((scene.seen.peers(), relaxed(&mut scene).len()), (16, 14));
}

#[test]
fn the_limits_hold_while_others_may_be_had() {
    // Honest nodes refuse twice, so that all are on cooldown when the attacker's two slots are filled.
    let mut refused: BTreeMap<Id, u32> = BTreeMap::new();
    let town = Town::new(move |node, _, _| {
        let times = refused.entry(node.id).or_default();
        *times += 1;
        match number(&node.id) >= HOSTILE && *times <= 1 {
            true => Answer::Fails(SECOND, DialOutcome::Refused),
            false => Answer::Connects(SECOND),
        }
    });
    let mut scene = Scene::new(Config::default(), town);
    for n in (0..HOSTILE).step_by(3).chain(HOSTILE..HOSTILE + 14) {
        scene.hand(discovered(any(n)));
    }
    // 30 s after the refusals, ± 20 %, the honest ones have their second turn.
    scene.run(MINUTE);
    assert_spread(&scene);
    assert_eq!(scene.seen.peers(), 16);
    assert_eq!(relaxed(&mut scene), [] as [Id; 0]);
}

#[test]
fn inbound_peers_of_the_attacker_displace_nobody() {
    let mut scene = Scene::new(Config::default(), healthy());
    // In the very subnets of the honest nodes.
    for n in 0..2_000 {
        let addr = SocketAddr::new(node(HOSTILE + n % 16).addrs.as_slice()[0].ip(), 40_000);
        scene.hand(Event::PeerAdded { id: id(10_000 + n), kind: PeerKind::Inbound, addr: Some(addr) });
    }
    for n in HOSTILE..HOSTILE + 16 {
        scene.hand(discovered(node(n)));
    }
    scene.run(SECOND);
    assert_eq!(scene.seen.peers(), 16);
    assert!(scene.seen.dials.iter().all(|dialed| dialed.at == Timestamp::ZERO));
    assert_eq!((scene.sim.dialer().gauges().inbound_peers, scene.sim.dialer().gauges().known), (2_000, 16));
}

/// A node without an address is resolved: one address has room, and stands for nobody; the node is at the other, in one /24
/// with all the rest.
#[test]
fn an_address_with_room_does_not_take_one_without_along() {
    let mut dialer = dialer(|_| ());
    for n in 1..=40 {
        dialer.handle(at(0), discovered(Node::unresolved(id(n)))).unwrap();
    }
    for second in 0..200 {
        for command in step(&mut dialer, second, Event::Tick) {
            let answer = match command {
                Command::Resolve { resolve, id, .. } => {
                    let crowded = SocketAddr::from(([66, 6, 6, number(&id) as u8], 1));
                    let addrs = [crowded, node(number(&id)).addrs.as_slice()[0]].into_iter().collect();
                    Event::ResolveFinished { resolve, addrs }
                }
                Command::Dial { dial, node, .. } => {
                    match node.addrs.iter().find(|addr| addr.ip().to_string().starts_with("66.")) {
                        Some(&addr) => Event::DialConnected { dial, addr: Some(addr), tried: vec![] },
                        None => Event::DialFinished { dial, outcome: DialOutcome::TimedOut, tried: vec![] },
                    }
                }
                Command::Lookup { lookup, .. } => Event::LookupFinished { lookup, nodes: vec![] },
                _ => continue,
            };
            dialer.handle(at(second), answer).unwrap();
        }
    }
    let mut relaxed = 0;
    while let Some(notice) = dialer.next_notice() {
        relaxed += u32::from(matches!(notice, Notice::DiversityRelaxed { .. }));
    }
    let peers = dialer.gauges().dynamic_peers;
    assert!(peers <= 2 + relaxed, "{peers} peers in one /24, {relaxed} of them against the limits");
}
