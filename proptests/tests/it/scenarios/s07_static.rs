//! Static nodes: removed and added again, moved, retried for ever, parked by the restrict list and never forgotten.
//! (go-ethereum #20592 and #21774, cosmos-sdk#2436, tendermint#2542)

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use dialstate::{Change, DialId, DialKind, DialOutcome, Notice, Refusal, Standing, Timestamp};
use dialstate_proptests::world::{Command, Config, Dialer, Event, Id, Node};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use super::common::{
    Answer, Dialed, HOUR, MINUTE, SECOND, Scene, Town, discovered, id, inbound, node, number,
};

const BLINK: Duration = Duration::from_millis(50);
/// 60 s, and a fifth of it.
const LONGEST: Duration = Duration::from_secs(72);

/// A world in which every dial fails as `answer` says, and an inbound peer shows that the network works.
fn failing(answer: impl Fn(u32) -> Answer + 'static) -> Scene<Town> {
    let town = Town::new(move |node, _, _| answer(number(&node.id)));
    let mut scene = Scene::new(Config::default(), town);
    scene.hand(inbound(900));
    scene
}

fn refused(_: u32) -> Answer {
    Answer::Fails(BLINK, DialOutcome::Refused)
}

fn dials_of(scene: &Scene<Town>, of: Id) -> Vec<Dialed> {
    scene.seen.dials.iter().filter(|dialed| dialed.id == of).cloned().collect()
}

fn last(scene: &Scene<Town>) -> Timestamp {
    scene.seen.dials.last().unwrap().at
}

/// Also where it is known besides, so that a record of it stays. (Without dynamic slots it is not dialed as such.)
#[test]
fn removed_and_added_at_the_same_instant_it_is_dialed_at_once() {
    for known in [false, true] {
        let mut config = Config::default();
        config.dynamic_target = 0;
        let mut scene = Scene::new(config, Town::new(|_, _, _| refused(1)));
        scene.hand(inbound(900));
        if known {
            scene.hand(discovered(node(1)));
        }
        scene.hand(Event::StaticAdded(node(1)));
        scene.run(20 * MINUTE);
        let before = scene.seen.dials.len();
        scene.run_until(2 * MINUTE, |seen| seen.dials.len() > before).unwrap();
        scene.run(5 * SECOND);
        let now = scene.sim.now();
        let earliest = scene.sim.dialer().explain(&id(1)).earliest.unwrap();
        assert!(
            earliest > now.saturating_add(40 * SECOND),
            "no cooldown worth the name: {earliest} at {now}"
        );
        let before = scene.seen.dials.len();
        scene.hand(Event::StaticRemoved(id(1)));
        assert_eq!(scene.seen.dials.len(), before);
        scene.hand(Event::StaticAdded(node(1)));
        assert_eq!((scene.seen.dials.len(), last(&scene)), (before + 1, now));
        assert_eq!(scene.seen.dials[before].kind, DialKind::Static);
        // Its failures are forgotten too: the second dial comes after 5 s ± 20 %.
        scene.run(10 * SECOND);
        let gap = dials_of(&scene, id(1))[before + 1].at.saturating_since(now);
        assert!((4 * SECOND..=6 * SECOND + 3 * BLINK).contains(&gap), "{gap:?}");
    }
}

#[test]
fn moved_it_is_dialed_where_it_is_now() {
    let old = node(1).addrs.as_slice()[0];
    let moved = Node::new(id(1), [([198, 18, 0, 1], 30_303).into()]);
    let new = moved.addrs.as_slice()[0];
    // Moved while it cools down, and while a dial is under way that is never answered.
    for (answer, wait, most) in [
        (refused as fn(u32) -> Answer, 10 * MINUTE + SECOND, LONGEST),
        (|_| Answer::Lost, SECOND, 30 * SECOND + LONGEST),
    ] {
        let mut scene = failing(answer);
        scene.hand(Event::StaticAdded(node(1)));
        scene.run(wait);
        let (before, now) = (scene.seen.dials.len(), scene.sim.now());
        assert!(scene.seen.dials.iter().all(|dialed| dialed.addr == old));
        scene.hand(Event::StaticAdded(moved.clone()));
        scene.run(10 * MINUTE);
        let after = &scene.seen.dials[before..];
        assert!(after.len() > 5 && after.iter().all(|dialed| dialed.addr == new), "{after:?}");
        let waited = after[0].at.saturating_since(now);
        assert!(waited <= most, "dialed at its new address after {waited:?} only");
    }
}

#[test]
fn sixteen_are_retried_for_ever_at_most_72_s_apart() {
    let answer = |n| match n % 4 {
        0 => Answer::Fails(BLINK, DialOutcome::Refused),
        1 => Answer::Fails(BLINK, DialOutcome::TooManyPeers),
        2 => Answer::Fails(BLINK, DialOutcome::WrongIdentity),
        _ => Answer::Lost,
    };
    let mut scene = failing(answer);
    for n in 1..=16 {
        scene.hand(Event::StaticAdded(node(n)));
    }
    scene.run(24 * HOUR);
    for n in 1..=16 {
        let dials = dials_of(&scene, id(n));
        // A lost dial is given up after 30 s; a refused one is followed by a resolve of 100 ms.
        let busy = if n % 4 == 3 { 30 * SECOND } else { BLINK + Duration::from_millis(100) };
        let gaps: Vec<_> = dials.windows(2).map(|two| two[1].at.saturating_since(two[0].at)).collect();
        let longest = gaps.iter().max().unwrap();
        assert!(*longest <= LONGEST + busy, "node {n} waited for {longest:?}");
        let settled = &gaps[8..];
        let shortest = settled.iter().min().unwrap();
        assert!(*shortest >= 48 * SECOND, "node {n} was dialed again after {shortest:?}");
        assert!(settled.iter().any(|gap| gap != longest), "no jitter");
        let idle = scene.sim.now().saturating_since(dials.last().unwrap().at);
        assert!(idle <= LONGEST + busy, "node {n} was given up {idle:?} ago");
        let least = (24 * HOUR).as_secs() / (LONGEST + busy).as_secs();
        assert!(dials.len() as u64 >= least, "node {n}: {} dials", dials.len());
    }
}

#[test]
fn excluded_it_is_parked_and_dialed_when_the_list_changes() {
    let addr = |n| node(n).addrs.as_slice()[0].ip().into();
    let mut config = Config::default();
    config.restrict = Some(vec![addr(2)]);
    let mut scene = Scene::new(config, Town::new(|_, _, _| Answer::Connects(BLINK)));
    scene.hand(Event::StaticAdded(node(1)));
    scene.hand(Event::StaticAdded(node(2)));
    scene.run(HOUR);
    assert_eq!(dials_of(&scene, id(1)), []);
    assert_eq!(dials_of(&scene, id(2)).len(), 1);
    let mut dialer = scene.sim.dialer().clone();
    let notices: Vec<_> = std::iter::from_fn(|| dialer.next_notice()).collect();
    assert_eq!(notices, [Notice::StaticParked { id: id(1), reason: Refusal::Restricted }]);
    let explanation = dialer.explain(&id(1));
    assert_eq!((explanation.standing, explanation.refusals), (Standing::Parked, vec![Refusal::Restricted]));
    assert_eq!(explanation.earliest, None);
    let now = scene.sim.now();
    scene.hand(Event::Reconfigured(Change::Restrict(Some(vec![addr(1), addr(2)]))));
    let dials = dials_of(&scene, id(1));
    assert_eq!((dials.len(), dials[0].at, dials[0].kind), (1, now, DialKind::Static));
    scene.run(SECOND);
    assert_eq!(scene.sim.dialer().gauges().static_peers, 2);
}

/// Found by the fuzzer, which saw that the first instant of all is like no other.
#[test]
fn added_again_while_it_is_resolved_it_waits_its_turn() {
    let mut config = Config::default();
    config.pace.static_active = 1;
    let mut dialer = Dialer::new(id(9), config, ChaCha8Rng::seed_from_u64(1), Timestamp::ZERO).unwrap();
    let mut resolves = |at, event| {
        let mut commands = Vec::new();
        dialer.step(Timestamp::from_secs(at), event, &mut commands).unwrap();
        let resolve = |command| {
            if let Command::Resolve { resolve, id, .. } = command {
                Some((resolve, number(&id)))
            } else {
                None
            }
        };
        commands.into_iter().find_map(resolve)
    };
    let added = |n| Event::StaticAdded(Node::unresolved(id(n)));
    let (resolve, first) = resolves(0, added(1)).unwrap();
    assert_eq!((first, resolves(1, added(2)), resolves(2, added(1))), (1, None, None));
    // The first may be resolved again at once, but the second has waited longer.
    let nothing = |resolve| Event::ResolveFinished { resolve, addrs: dialstate::Addrs::new() };
    let (resolve, second) = resolves(3, nothing(resolve)).unwrap();
    assert_eq!((second, resolves(4, nothing(resolve)).unwrap().1), (2, 1));
}

fn step(dialer: &mut Dialer, at: u64, event: Event) -> Vec<Command> {
    let mut commands = Vec::new();
    dialer.step(Timestamp::from_secs(at), event, &mut commands).unwrap();
    commands
}

/// The dial among some commands, and where to.
fn dial_in(commands: &[Command]) -> (DialId, Vec<SocketAddr>) {
    let dial = |command: &Command| match command {
        Command::Dial { dial, node, .. } => Some((*dial, node.addrs.iter().copied().collect())),
        _ => None,
    };
    commands.iter().find_map(dial).expect("a dial")
}

fn failed(dial: DialId) -> Event {
    Event::DialFinished { dial, outcome: DialOutcome::Refused, tried: Vec::new() }
}

/// An attempt knows only the addresses that were allowed when it began.
#[test]
fn a_resolve_that_finds_nothing_takes_no_address_away() {
    let addrs: [SocketAddr; 2] = [([198, 18, 0, 1], 1).into(), ([198, 19, 0, 1], 1).into()];
    let mut config = Config::default();
    config.restrict = Some(vec![addrs[0].ip().into()]);
    let mut dialer = Dialer::new(id(9), config, ChaCha8Rng::seed_from_u64(1), Timestamp::ZERO).unwrap();
    let (dial, at) = dial_in(&step(&mut dialer, 1, Event::StaticAdded(Node::new(id(1), addrs))));
    assert_eq!(at, addrs[..1]);
    let resolving = step(&mut dialer, 2, failed(dial));
    let Some(&Command::Resolve { resolve, .. }) = resolving.first() else { panic!("{resolving:?}") };
    step(&mut dialer, 3, Event::ResolveFinished { resolve, addrs: dialstate::Addrs::new() });
    step(&mut dialer, 4, Event::Reconfigured(Change::Restrict(None)));
    assert_eq!(dial_in(&step(&mut dialer, 60, Event::Tick)).1, addrs);
}

/// A static node that is known too is dialed where the operator says, and where it was discovered when it is static no
/// more, also if it was discovered meanwhile or heard of elsewhere.
#[test]
fn where_it_was_discovered_is_kept_beside_what_the_operator_says() {
    let [operator, first, later]: [SocketAddr; 3] = [1, 2, 3].map(|n| ([198, 18, n, 1], 1).into());
    let heard = |addr| discovered(Node::new(id(1), [addr]));
    let fixed = || Event::StaticAdded(Node::new(id(1), [operator]));
    let rng = ChaCha8Rng::seed_from_u64(1);
    for events in [[heard(first), fixed(), heard(later)], [fixed(), heard(first), heard(later)]] {
        let mut config = Config::default();
        (config.discovery, config.dynamic_target) = (false, 0);
        let mut dialer = Dialer::new(id(9), config, rng.clone(), Timestamp::ZERO).unwrap();
        let commands: Vec<_> = events.into_iter().flat_map(|event| step(&mut dialer, 1, event)).collect();
        let (dial, at) = dial_in(&commands);
        assert_eq!(at, [operator]);
        let known: Vec<_> = dialer.known_nodes().map(|known| known.node).collect();
        assert_eq!(known, [Node::new(id(1), [first, later])]);
        step(&mut dialer, 2, failed(dial));
        step(&mut dialer, 3, Event::StaticRemoved(id(1)));
        let target = Event::Reconfigured(Change::DynamicTarget(1));
        assert_eq!(dial_in(&step(&mut dialer, 4, target)).1, [first, later]);
    }
}

/// Also if it was a dynamic peer before, or became static while it was dialed as such: churn does not replace it, and a lower
/// target ends its connection last.
#[test]
fn a_dynamic_peer_that_becomes_static_stays() {
    for while_dialed in [false, true] {
        let mut config = Config::default().with_dynamic_target(3);
        config.churn = Some(dialstate::Churn::default());
        let mut scene = Scene::new(config, Town::new(|_, _, _| Answer::Connects(SECOND)));
        (1..=3).for_each(|n| scene.hand(discovered(node(n))));
        if !while_dialed {
            scene.run(5 * SECOND);
        }
        (1..=2).for_each(|n| scene.hand(Event::StaticAdded(node(n))));
        scene.run(5 * SECOND);
        assert_eq!(scene.sim.dialer().gauges().dynamic_peers, 3);
        // Many chances for churn to take one of them.
        (4..=40).for_each(|n| scene.hand(discovered(node(n))));
        scene.run(3 * HOUR);
        let peers = |scene: &Scene<Town>| -> BTreeSet<u32> {
            scene.sim.world().connected.keys().map(number).collect()
        };
        assert!(peers(&scene).is_superset(&[1, 2].into()) && peers(&scene).len() == 3);
        assert!(scene.seen.dials.len() > 3, "nobody was replaced");
        scene.hand(Event::Reconfigured(Change::DynamicTarget(2)));
        scene.run(HOUR);
        assert_eq!(peers(&scene), [1, 2].into());
        let kinds = |scene: &Scene<Town>| -> Vec<DialKind> {
            [1, 2].into_iter().flat_map(|n| dials_of(scene, id(n))).map(|dialed| dialed.kind).collect()
        };
        assert_eq!(kinds(&scene), [DialKind::Dynamic; 2]);
        // Where there is no slot left for them, they have those of static nodes.
        scene.hand(Event::Reconfigured(Change::DynamicTarget(0)));
        scene.run(MINUTE);
        assert_eq!(peers(&scene), [1, 2].into());
        let [dynamic, fixed] = [DialKind::Dynamic, DialKind::Static];
        assert_eq!(kinds(&scene), [dynamic, fixed, dynamic, fixed]);
    }
}

/// What the operator says holds until the operator says something else, whatever resolves find.
#[test]
fn a_resolve_that_finds_another_address_takes_none_away() {
    let operator: [SocketAddr; 2] = [1, 2].map(|n| ([198, 18, n, 1], 1).into());
    let mut dialer =
        Dialer::new(id(9), Config::default(), ChaCha8Rng::seed_from_u64(1), Timestamp::ZERO).unwrap();
    let (mut dial, mut to) = dial_in(&step(&mut dialer, 0, Event::StaticAdded(Node::new(id(1), operator))));
    assert_eq!(to, operator);
    let mut now = 0;
    for hour in 1..6u8 {
        let found = SocketAddr::from(([30, hour, 0, 1], 1));
        let resolving = step(&mut dialer, now, failed(dial));
        let Some(&Command::Resolve { resolve, .. }) = resolving.first() else { panic!("{resolving:?}") };
        let addrs = dialstate::Addrs::from(found);
        let again;
        (again, to) = dial_in(&step(&mut dialer, now, Event::ResolveFinished { resolve, addrs }));
        assert_eq!(to, [found]);
        step(&mut dialer, now, failed(again));
        let [first, second] = operator;
        now = u64::from(hour) * 3_600;
        // The instant after a long sleep has no tokens for dials.
        step(&mut dialer, now - 1, Event::Tick);
        (dial, to) = dial_in(&step(&mut dialer, now, Event::Tick));
        assert_eq!(to, [found, first, second]);
    }
}
