//! An outage of this host's own network poisons nothing. (zebra#7772, bitcoin#8065: every candidate fails while the
//! link is down, and when it is back nothing is eligible. reth#26051: the only reachable peer is forgotten.)

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use dialstate::{
    Change, DialKind, DialOutcome, LastOutcome, Notice, Refusal, RemovalReason, Standing, Timestamp,
};
use dialstate_proptests::world::{Command, Config, Event};

use super::common::{Answer, MINUTE, SECOND, Scene, Town, discovered, id, node, number};

const HEALTHY: u32 = 1_000;
const STATIC: u32 = 20;

/// A dialer among healthy nodes, and the switch of its network.
struct Host {
    scene: Scene<Town>,
    up: Rc<Cell<bool>>,
}

/// How dials fail while the network is down.
const HANG: (Duration, DialOutcome) = (Duration::from_secs(15), DialOutcome::TimedOut);
const NO_ROUTE: (Duration, DialOutcome) = (Duration::from_millis(10), DialOutcome::Unreachable);

impl Host {
    /// A host that has been full for 20 min.
    fn new(statics: u32, failure: (Duration, DialOutcome)) -> Self {
        let up = Rc::new(Cell::new(true));
        let mut scene = Self::among_healthy_nodes(statics, failure, Rc::clone(&up));
        scene.run(20 * MINUTE);
        let mut host = Self { scene, up };
        assert!(host.is_full(statics));
        host.scene.seen.dials.clear();
        host
    }

    fn among_healthy_nodes(
        statics: u32,
        failure: (Duration, DialOutcome),
        up: Rc<Cell<bool>>,
    ) -> Scene<Town> {
        let town =
            Town::new(
                move |_, _, _| {
                    if up.get() { Answer::Connects(SECOND) } else { Answer::Fails(failure.0, failure.1) }
                },
            );
        let mut scene = Scene::new(Config::default(), town);
        for n in 0..HEALTHY {
            scene.hand(discovered(node(n)));
        }
        for n in 0..statics {
            scene.hand(Event::StaticAdded(node(HEALTHY + n)));
        }
        scene
    }

    fn is_full(&self, statics: u32) -> bool {
        let gauges = self.scene.sim.dialer().gauges();
        (gauges.dynamic_peers, gauges.static_peers) == (16, statics)
    }

    /// The network goes down, for ten minutes and a bit, so that it comes back between two probes; a peer is lost
    /// every `apart`.
    fn outage(&mut self, apart: Duration) {
        self.up.set(false);
        let peers: Vec<_> = self.scene.sim.world().connected.keys().copied().collect();
        let end = self.scene.sim.now().saturating_add(10 * MINUTE + 2 * SECOND);
        for id in peers {
            self.scene.hand(Event::PeerRemoved { id, reason: RemovalReason::Closed });
            self.scene.run(apart);
        }
        self.scene.run(end.saturating_since(self.scene.sim.now()));
        assert_eq!(self.scene.seen.peers(), 0);
        self.up.set(true);
    }

    /// How long it takes until all slots are filled again.
    fn refill(&mut self, statics: u32) -> Option<Duration> {
        let start = self.scene.sim.now();
        while !self.is_full(statics) {
            self.scene.run(Duration::from_millis(100));
            if self.scene.sim.now().saturating_since(start) > 5 * MINUTE {
                return None;
            }
        }
        Some(self.scene.sim.now().saturating_since(start))
    }

    /// Nobody is blamed for the outage, and nobody is forgotten.
    fn assert_unharmed(&self) {
        let dialer = self.scene.sim.dialer();
        assert_eq!(dialer.gauges().known, HEALTHY);
        for n in 0..HEALTHY {
            let why = dialer.explain(&id(n));
            let connected = why.refusals == [Refusal::Connected];
            // Discovery is asked for some, and says nothing in this world.
            let asked = why.last.is_some_and(|(last, _)| last == LastOutcome::Unresolved)
                || dialer.gauges().revalidations > 0
                    && matches!(why.refusals[..], [Refusal::InAttempt { .. }]);
            assert!(
                (connected || asked || why.refusals.is_empty()) && why.failures == 0,
                "node {n}: {why:?}"
            );
        }
    }
}

#[test]
fn after_an_outage_all_is_as_before() {
    for failure in [HANG, NO_ROUTE] {
        for (statics, apart) in [(0, 0), (0, 15), (STATIC, 0), (STATIC, 10)] {
            let case = format!("{failure:?}, {statics} static nodes, a peer lost every {apart} s");
            let mut host = Host::new(statics, failure);
            host.outage(apart * SECOND);
            let took = host.refill(statics);
            assert!(took.is_some_and(|took| took <= MINUTE), "{case}: full after {took:?}");
            host.assert_unharmed();
        }
    }
}

#[test]
fn after_a_network_change_it_is_full_in_ten_seconds() {
    // Dials that hang are given up at once: they don't keep their slots until they time out.
    let cases = [NO_ROUTE, HANG].into_iter().flat_map(|failure| {
        [(0, 0), (0, 15), (STATIC, 0), (STATIC, 10)].map(|(statics, apart)| (failure, statics, apart))
    });
    for (failure, statics, apart) in cases {
        let mut host = Host::new(statics, failure);
        host.outage(apart * SECOND);
        host.scene.hand(Event::NetworkChanged);
        let back = host.scene.sim.now();
        let took = host.refill(statics);
        let case = format!("{failure:?}, {statics} static nodes, a peer lost every {apart} s");
        assert!(took.is_some_and(|took| took <= 10 * SECOND), "{case}: full after {took:?}");
        host.assert_unharmed();
        // Paced all the same: the burst is used up.
        let first = host.scene.seen.count(DialKind::Dynamic, back, back.saturating_add(SECOND));
        assert!(first <= 9, "{case}: {first} dynamic dials in the first second");
    }
}

#[test]
fn a_host_that_starts_without_a_network_is_full_a_minute_after_it_comes() {
    for statics in [0, STATIC] {
        let up = Rc::new(Cell::new(false));
        let scene = Host::among_healthy_nodes(statics, HANG, Rc::clone(&up));
        let mut host = Host { scene, up };
        host.scene.run(10 * MINUTE);
        host.up.set(true);
        let took = host.refill(statics);
        assert!(took.is_some_and(|took| took <= MINUTE), "{statics} static nodes: full after {took:?}");
        host.assert_unharmed();
    }
}

#[test]
fn while_it_lasts_the_search_goes_on() {
    let mut host = Host::new(0, HANG);
    let start = host.scene.sim.now();
    host.outage(Duration::ZERO);
    // Suspected after 30 s and 8 failures: then dials are 5 s apart at first, and soon as many as there are slots for.
    let at = |seconds| start.saturating_add(seconds * SECOND);
    let before = host.scene.seen.count(DialKind::Dynamic, Timestamp::ZERO, at(60));
    let probes = host.scene.seen.count(DialKind::Dynamic, at(60), at(600));
    let most = |seconds: u64| 32 * (seconds / HANG.0.as_secs() + 1);
    assert!(before as u64 <= most(60), "{before} dials in the first minute");
    assert!((100..=most(540)).contains(&(probes as u64)), "{probes} dials in the nine minutes after it");
}

#[test]
fn a_few_dead_nodes_are_no_outage() {
    // One peer is left, which is the proof that the network works: the dead are charged as ever.
    let town = Town::new(|node, _, _| match number(&node.id) {
        0 => Answer::Connects(SECOND),
        _ => Answer::Fails(HANG.0, HANG.1),
    });
    let mut scene = Scene::new(Config::default(), town);
    for n in 0..32 {
        scene.hand(discovered(node(n)));
    }
    scene.run(10 * MINUTE);
    assert_eq!(scene.seen.peers(), 1);
    let dialer = scene.sim.dialer();
    assert!((1..32).all(|n| dialer.explain(&id(n)).failures >= 3));
    assert_eq!(scene.sim.next_notice(), None);
}

#[test]
fn a_network_change_forgives_the_transport_and_not_the_protocol() {
    let town = Town::new(|node, _, _| match number(&node.id) % 2 {
        0 => Answer::Fails(SECOND, DialOutcome::Refused),
        _ => Answer::Fails(SECOND, DialOutcome::Useless),
    });
    let mut scene = Scene::new(Config::default(), town);
    for n in 0..16 {
        scene.hand(discovered(node(n)));
    }
    scene.run(2 * SECOND);
    let cooling = |scene: &Scene<Town>| -> Vec<u32> {
        let cools = |n: &u32| scene.sim.dialer().explain(&id(*n)).earliest > Some(scene.sim.now());
        (0..16).filter(cools).collect()
    };
    assert_eq!(cooling(&scene), (0..16).collect::<Vec<_>>());
    scene.hand(Event::NetworkChanged);
    assert_eq!(cooling(&scene), [1, 3, 5, 7, 9, 11, 13, 15]);
}

/// Whatever static nodes never answer, dynamic ones are dialed too, and the other way round.
#[test]
fn dead_static_nodes_do_not_take_all_dials() {
    for statics in [1, 3, STATIC] {
        let up = Rc::new(Cell::new(false));
        let works = Rc::clone(&up);
        let town = Town::new(move |node, _, _| {
            let answers = works.get() && number(&node.id) < HEALTHY;
            if answers { Answer::Connects(SECOND) } else { Answer::Fails(HANG.0, HANG.1) }
        });
        let mut scene = Scene::new(Config::default(), town);
        for n in 0..HEALTHY {
            scene.hand(discovered(node(n)));
        }
        for n in 0..statics {
            scene.hand(Event::StaticAdded(node(HEALTHY + n)));
        }
        scene.run(10 * MINUTE);
        let start = scene.sim.now();
        let from = start.saturating_sub(5 * MINUTE);
        let probes = [DialKind::Static, DialKind::Dynamic].map(|kind| scene.seen.count(kind, from, start));
        let [fixed, dynamic] = probes;
        assert!(fixed >= 3 && dynamic >= 20, "{statics} static nodes: {probes:?}");
        up.set(true);
        let took = scene.run_until(MINUTE, |seen| seen.peers() == 16);
        assert!(took.is_some(), "{statics} static nodes: {:?}", scene.sim.dialer().gauges());
    }
}

/// Whom a pardon concerns is looked for among all nodes, a bounded number in one poll.
#[test]
fn a_network_change_finds_two_nodes_among_many() {
    const MANY: u32 = 50_000;
    let mut config = Config::default();
    (config.dynamic_target, config.limits.others) = (0, MANY);
    let town = Town::new(|_, _, _| Answer::Fails(SECOND, DialOutcome::Refused));
    let mut scene = Scene::new(config, town);
    scene.hand(Event::StaticAdded(node(0)));
    for n in 1..MANY {
        scene.hand(discovered(node(n)));
    }
    scene.hand(Event::StaticAdded(node(MANY)));
    scene.run(3 * SECOND);
    let now = scene.sim.now();
    let cools = |n: u32| scene.sim.dialer().explain(&id(n)).earliest > Some(now.saturating_add(SECOND));
    assert!(cools(0) && cools(MANY));
    let (before, sleeps) = (scene.seen.dials.len(), scene.sim.dialer().stats().sleeps);
    scene.hand(Event::NetworkChanged);
    scene.run(SECOND / 2);
    let mut dialed: Vec<_> = scene.seen.dials[before..].iter().map(|dialed| number(&dialed.id)).collect();
    dialed.sort_unstable();
    assert_eq!(dialed, [0, MANY]);
    // 256 nodes in a poll, and two dials that wait for the pace.
    let sleeps = scene.sim.dialer().stats().sleeps - sleeps;
    let least = u64::from(MANY / 256);
    assert!((least..=least + 5).contains(&sleeps), "{sleeps}");
}

/// A pardon is for those who cool down: who waits for something else stays where it is, and is told of once.
#[test]
fn a_network_change_leaves_parked_nodes_alone() {
    let addr = |n| node(n).addrs.as_slice()[0].ip().into();
    let town = Town::new(|_, _, _| Answer::Fails(SECOND, DialOutcome::Refused));
    let mut scene = Scene::new(Config::default(), town);
    scene.hand(Event::StaticAdded(node(1)));
    scene.run(3 * SECOND);
    scene.hand(Event::Reconfigured(Change::Restrict(Some(vec![addr(2)]))));
    scene.run(MINUTE);
    let parked = |scene: &Scene<Town>| {
        let standing = scene.sim.dialer().explain(&id(1)).standing;
        (standing, scene.sim.dialer().stats().refusals.restricted)
    };
    assert_eq!(parked(&scene), (Standing::Parked, 1));
    scene.hand(Event::NetworkChanged);
    scene.run(MINUTE);
    assert_eq!(parked(&scene), (Standing::Parked, 1));
    let parked = |notice: &_| matches!(notice, Notice::StaticParked { .. });
    assert_eq!(std::iter::from_fn(|| scene.sim.next_notice()).filter(parked).count(), 1);
}

/// However many drains lie between, and as `explain` says before.
#[test]
fn a_network_change_forgives_a_connected_node_too() {
    for drains in [false, true] {
        let works = Rc::new(Cell::new(false));
        let up = Rc::clone(&works);
        let town = Town::new(move |_, _, _| match up.get() {
            true => Answer::Connects(SECOND),
            false => Answer::Fails(SECOND, DialOutcome::Refused),
        });
        let mut scene = Scene::new(Config::default(), town);
        scene.hand(Event::StaticAdded(node(1)));
        let failures = |scene: &Scene<Town>| scene.sim.dialer().explain(&id(1)).failures;
        while failures(&scene) < 3 {
            scene.run(SECOND);
        }
        works.set(true);
        scene.run(2 * MINUTE);
        assert_eq!(scene.sim.dialer().gauges().static_peers, 1);
        assert_eq!(failures(&scene), 3);
        let mut dialer = scene.sim.dialer().clone();
        let now = dialer.now();
        dialer.handle(now, Event::NetworkChanged).unwrap();
        assert_eq!(dialer.explain(&id(1)).failures, 0);
        while drains && !matches!(dialer.poll(), Command::Sleep { .. }) {}
        dialer.handle(now, Event::PeerRemoved { id: id(1), reason: RemovalReason::Closed }).unwrap();
        // A session of a minute is no flap.
        assert_eq!(dialer.explain(&id(1)).failures, 0);
    }
}
