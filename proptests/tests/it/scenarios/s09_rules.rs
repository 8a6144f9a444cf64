//! The restrict list and bans hold for every address, wherever it comes from; a ban ends when it says, and no sooner.

use std::net::SocketAddr;
use std::time::Duration;

use dialstate::{
    BanSubject, DialId, DialKind, DialOutcome, DisconnectReason, LookupId, PeerKind, ResolveId, Task,
    Timestamp,
};
use dialstate_proptests::world::{Agenda, Command, Config, Dialer, Event, Id, Key, Node, Sim, World};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use super::common::{Answer, ME, MINUTE, SECOND, Scene, Town, discovered, id, node};

const BLINK: Duration = Duration::from_millis(50);

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Banned, outside the list, fine; and a banned one in IPv6 clothes.
fn mixed() -> Vec<SocketAddr> {
    ["6.6.6.1:1", "9.9.9.9:1", "[::ffff:6.6.6.2]:1", "7.7.7.7:1"].map(addr).to_vec()
}

/// Allowed: 6.0.0.0/8 and 7.0.0.0/8; banned: 6.6.0.0/16.
fn config() -> Config {
    let mut config = Config::default();
    config.restrict = Some(vec!["6.0.0.0/8".parse().unwrap(), "7.0.0.0/8".parse().unwrap()]);
    config
}

fn ban(network: &str, until: Option<Timestamp>) -> Event {
    Event::Banned { subject: BanSubject::Network(network.parse().unwrap()), until }
}

/// Dials fail; resolves and lookups bring the same addresses, to each lookup's node.
struct Names {
    found: Vec<SocketAddr>,
    lookups: u32,
}

impl World for Names {
    fn dial(&mut self, dial: DialId, _: &Node, _: DialKind, agenda: &mut Agenda) {
        agenda.finish(BLINK, dial, DialOutcome::Refused);
    }

    fn resolve(&mut self, resolve: ResolveId, _: Id, agenda: &mut Agenda) {
        let event = Event::ResolveFinished { resolve, addrs: self.found.iter().copied().collect() };
        agenda.after(BLINK, Key::Task(Task::Resolve(resolve)), event);
    }

    fn lookup(&mut self, lookup: LookupId, _: [u8; 32], agenda: &mut Agenda) {
        self.lookups += 1;
        let nodes = vec![Node::new(id(1_000 + self.lookups), self.found.iter().copied())];
        agenda.after(BLINK, Key::Task(Task::Lookup(lookup)), Event::LookupFinished { lookup, nodes });
    }
}

/// Runs ten minutes; returns the addresses of each dial.
fn dialed(events: &[Event], found: &[SocketAddr]) -> Vec<(Id, Vec<SocketAddr>)> {
    let mut sim = Sim::new(ME, config(), 1, Names { found: found.to_vec(), lookups: 0 }).unwrap();
    let mut dials = Vec::new();
    let mut watch = |drain: &dialstate_proptests::world::Drain<'_>| {
        for command in drain.commands {
            if let Command::Dial { node, .. } = command {
                dials.push((node.id, node.addrs.as_slice().to_vec()));
            }
        }
        Ok(())
    };
    sim.hand(&ban("6.6.0.0/16", None), &mut watch).unwrap();
    for event in events {
        sim.hand(event, &mut watch).unwrap();
    }
    sim.run_until(Timestamp::from_secs(600), &mut watch).unwrap();
    dials
}

#[test]
fn of_a_resolve_only_what_is_allowed_is_dialed() {
    let unresolved = |n| Node::unresolved(id(n));
    let events = [Event::StaticAdded(unresolved(1)), discovered(unresolved(2)), Event::DialRequested(id(3))];
    let dials = dialed(&events, &mixed());
    for n in 1..=3 {
        let of: Vec<_> = dials.iter().filter(|(of, _)| *of == id(n)).collect();
        assert!(!of.is_empty(), "node {n} was never dialed");
        assert!(of.iter().all(|(_, addrs)| *addrs == [addr("7.7.7.7:1")]), "{of:?}");
    }
    assert_eq!(dialed(&events, &mixed()[..3]), [], "nothing is allowed, and somebody is dialed");
}

#[test]
fn of_a_lookup_only_what_is_allowed_is_dialed() {
    let dials = dialed(&[], &mixed());
    assert!(dials.len() >= 3, "{} dials", dials.len());
    assert!(dials.iter().all(|(_, addrs)| *addrs == [addr("7.7.7.7:1")]), "{dials:?}");
    assert_eq!(dialed(&[], &mixed()[..3]), []);
}

#[test]
fn each_address_of_a_node_is_judged() {
    let node = |n| Node::new(id(n), mixed());
    let mut events = vec![Event::StaticAdded(node(1)), discovered(node(2))];
    let dials = dialed(&events, &[]);
    assert!(dials.iter().any(|(of, _)| *of == id(1)) && dials.iter().any(|(of, _)| *of == id(2)));
    assert!(dials.iter().all(|(_, addrs)| *addrs == [addr("7.7.7.7:1")]), "{dials:?}");
    // A second ban takes the last one away.
    events.insert(0, ban("7.7.7.0/24", None));
    assert_eq!(dialed(&events, &[]), []);
}

/// A node is resolved at two addresses; one is banned before its dial, which has to wait for the pace.
#[test]
fn a_ban_between_a_resolve_and_its_dial_holds() {
    let mut config = Config::default();
    config.pace.burst = 1;
    let found = vec![addr("6.6.6.1:1"), addr("7.7.7.7:1")];
    let mut sim = Sim::new(ME, config, 1, Names { found, lookups: 0 }).unwrap();
    let mut dials = Vec::new();
    let mut watch = |drain: &dialstate_proptests::world::Drain<'_>| {
        for command in drain.commands {
            if let Command::Dial { node, .. } = command {
                dials.push((node.id, drain.now, node.addrs.as_slice().to_vec()));
            }
        }
        Ok(())
    };
    sim.hand(&Event::StaticAdded(Node::unresolved(id(1))), &mut watch).unwrap();
    sim.run_until(Timestamp::from_millis(49), &mut watch).unwrap();
    // The token goes to another one; the resolve is answered 1 ms later, and its dial waits for the next token.
    sim.hand(&Event::StaticAdded(node(2)), &mut watch).unwrap();
    sim.run_until(Timestamp::from_millis(60), &mut watch).unwrap();
    sim.hand(&ban("6.6.0.0/16", None), &mut watch).unwrap();
    sim.run_until(Timestamp::from_secs(1), &mut watch).unwrap();
    let first = dials.iter().find(|(of, ..)| *of == id(1)).unwrap();
    assert_eq!((first.1, &first.2), (Timestamp::from_millis(174), &vec![addr("7.7.7.7:1")]));
}

/// A ban ends at its instant: not sooner, whatever happens, and not later.
#[test]
fn a_ban_survives_a_network_change_and_ends_once() {
    let until = Some(Timestamp::from_secs(600));
    let network = BanSubject::Network("20.0.0.0/8".parse().unwrap());
    let same = BanSubject::Network("::ffff:20.1.2.3/104".parse().unwrap());
    for (subject, again) in [(BanSubject::Id(id(1)), BanSubject::Id(id(1))), (network, same)] {
        let mut scene = Scene::new(Config::default(), Town::new(|_, _, _| Answer::Connects(BLINK)));
        // The second ban of the same subject, however it is written, replaces the first.
        scene.hand(Event::Banned { subject, until: None });
        scene.hand(Event::Banned { subject: again, until });
        assert_eq!(scene.sim.dialer().gauges().bans, 1);
        scene.hand(discovered(node(1)));
        scene.hand(Event::StaticAdded(node(2)));
        for _ in 0..5 {
            scene.run(MINUTE);
            scene.hand(Event::NetworkChanged);
        }
        assert_eq!(scene.sim.dialer().explain(&id(1)).earliest, until);
        scene.run(5 * MINUTE - Duration::from_nanos(1));
        let dials_of_1 = |scene: &Scene<Town>| -> Vec<Timestamp> {
            scene.seen.dials.iter().filter(|dialed| dialed.id == id(1)).map(|dialed| dialed.at).collect()
        };
        assert_eq!((dials_of_1(&scene), scene.sim.dialer().gauges().bans), (vec![], 1));
        scene.run(Duration::from_nanos(1));
        assert_eq!(dials_of_1(&scene), [Timestamp::from_secs(600)]);
        scene.run(MINUTE);
        assert_eq!((scene.sim.dialer().gauges().bans, scene.sim.dialer().gauges().dynamic_peers), (0, 1));
    }
}

#[test]
fn whoever_is_banned_is_disconnected_or_cancelled() {
    let town = Town::new(|node, _, _| if node.id == id(1) { Answer::Connects(BLINK) } else { Answer::Lost });
    let mut scene = Scene::new(Config::default(), town);
    scene.hand(discovered(node(1)));
    scene.hand(discovered(node(2)));
    scene.run(SECOND);
    let mut told = Vec::new();
    let event = ban("20.0.0.0/8", None);
    scene
        .sim
        .hand(&event, |drain| {
            told.extend(
                drain.commands.iter().filter(|command| !matches!(command, Command::Sleep { .. })).cloned(),
            );
            Ok(())
        })
        .unwrap();
    let dial = scene.seen.dials.iter().find(|dialed| dialed.id == id(2)).unwrap().dial;
    let closed = Command::Disconnect { id: id(1), reason: DisconnectReason::Banned };
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.contains(&closed) && told.contains(&Command::Cancel(Task::Dial(dial))), "{told:?}");
}

/// A second connection of somebody who is banned does not replace the order to close it: not if one of the two were to
/// go anyway, and not if it takes the place of the first.
#[test]
fn whoever_is_banned_is_disconnected_from_every_connection() {
    let (id, addr) = (id(1), node(1).addrs.first().copied());
    let dynamic = PeerKind::Outbound(DialKind::Dynamic);
    for kinds in [[dynamic, PeerKind::Inbound], [PeerKind::Inbound, dynamic], [PeerKind::Inbound; 2]] {
        for drained in [true, false] {
            let rng = ChaCha8Rng::seed_from_u64(1);
            let now = Timestamp::from_secs(1);
            let mut dialer = Dialer::new(ME, Config::default(), rng, now).unwrap();
            dialer.handle(now, Event::PeerAdded { id, kind: kinds[0], addr }).unwrap();
            dialer.handle(now, Event::Banned { subject: BanSubject::Id(id), until: None }).unwrap();
            while drained && !matches!(dialer.poll(), Command::Sleep { .. }) {}
            dialer.handle(now, Event::PeerAdded { id, kind: kinds[1], addr }).unwrap();
            let closed = Command::Disconnect { id, reason: DisconnectReason::Banned };
            assert_eq!(dialer.poll(), closed, "{kinds:?}, drained between: {drained}");
        }
    }
}
