//! A host that wakes up doesn't stampede. (freenet-core#3210: 3,066 connects in 7 min, and no end by itself.)

use std::time::Duration;

use dialstate::{
    DialKind, DialOutcome, KnownNode, Notice, PeerKind, Refusal, RemovalReason, Source, Timestamp,
};
use dialstate_proptests::world::{Command, Config, Dialer, Event};

use crate::small::dialer;

use super::common::{Answer, HOUR, MINUTE, SECOND, Scene, Town, discovered, id, inbound, node};

const NODES: u32 = 1_000;
const MILLI: Duration = Duration::from_millis(1);

/// How many dials of a kind go out in each of the first seconds from `start` on.
fn by_second(scene: &Scene<Town>, kind: DialKind, start: Timestamp, seconds: u32) -> Vec<usize> {
    let at = |second| start.saturating_add(SECOND * second);
    (0..seconds).map(|second| scene.seen.count(kind, at(second), at(second + 1))).collect()
}

fn assert_paced(dials: &[usize]) {
    assert!(dials[0] <= 9, "{} dials in the first second", dials[0]);
    assert!(dials[1..].iter().all(|dials| *dials <= 8), "{dials:?}");
    // Paced, and not idle: there are timers enough for 8 a second.
    assert!(dials.iter().sum::<usize>() >= 7 * dials.len(), "{dials:?}");
}

/// All nodes fail at once, and cool down.
fn refusing() -> Town {
    Town::new(|_, _, _| Answer::Fails(10 * MILLI, DialOutcome::Refused))
}

#[test]
fn a_thousand_known_nodes_come_back_eight_a_second() {
    let mut scene = Scene::new(Config::default(), refusing());
    scene.hand(inbound(NODES));
    for n in 0..NODES {
        scene.hand(discovered(node(n)));
    }
    scene.run(HOUR);
    scene.sim.suspend(8 * HOUR);
    let woke = scene.sim.now();
    let before = scene.sim.dialer().gauges();
    assert!(before.cooling + before.ready >= NODES - 16, "{before:?}");
    scene.run(2 * MINUTE);
    assert_paced(&by_second(&scene, DialKind::Dynamic, woke, 60));
    assert_eq!(scene.sim.dialer().stats().clock_jumps, 1);
    let jump = std::iter::from_fn(|| scene.sim.next_notice()).find_map(|notice| match notice {
        Notice::TimeJumped { expected } => Some(expected),
        _ => None,
    });
    assert!(jump.is_some_and(|expected| expected <= woke.saturating_sub(7 * HOUR)), "{jump:?}");
}

#[test]
fn a_thousand_static_nodes_come_back_eight_a_second() {
    let mut scene = Scene::new(Config::default(), refusing());
    scene.hand(inbound(NODES));
    for n in 0..NODES {
        scene.hand(Event::StaticAdded(node(n)));
    }
    scene.run(10 * MINUTE);
    scene.sim.suspend(8 * HOUR);
    let woke = scene.sim.now();
    scene.run(2 * MINUTE);
    assert_paced(&by_second(&scene, DialKind::Static, woke, 60));
}

#[test]
fn tasks_that_were_open_end_uncharged() {
    let mut scene = Scene::new(Config::default(), Town::new(|_, _, _| Answer::Lost));
    scene.hand(inbound(NODES));
    for n in 0..16 {
        scene.hand(discovered(node(n)));
    }
    scene.run(10 * SECOND);
    assert_eq!(scene.seen.open(), 16);
    scene.sim.suspend(8 * HOUR);
    let woke = scene.sim.now();
    scene.run(Duration::ZERO);
    assert_eq!((scene.seen.open(), scene.seen.cancels.len()), (0, 16));
    let dialer = scene.sim.dialer();
    assert!((0..16).all(|n| dialer.explain(&id(n)).failures == 0));
    // They are dialed again at once, as the pace allows.
    scene.run(2 * SECOND);
    assert_eq!(by_second(&scene, DialKind::Dynamic, woke, 3), [7, 8, 1]);
}

#[test]
fn a_jump_without_a_timer_due_is_no_jump() {
    // 16 peers, nobody missing: nothing is due in the 8 hours, and nothing is held up by them.
    let mut scene = Scene::new(Config::default(), Town::new(|_, _, _| Answer::Connects(SECOND)));
    for n in 0..40 {
        scene.hand(discovered(node(n)));
    }
    scene.run(MINUTE);
    scene.sim.suspend(8 * HOUR);
    let lost = scene.seen.dials[0].id;
    scene.hand(Event::PeerRemoved { id: lost, reason: RemovalReason::Closed });
    // What is known is eight hours old: a lookup comes first, and then somebody of those.
    assert_eq!(scene.seen.lookups.last(), Some(&scene.sim.now()));
    scene.run(Duration::ZERO);
    assert_eq!(scene.seen.dials.last().unwrap().at, scene.sim.now());
    assert_eq!(scene.sim.dialer().stats().clock_jumps, 0);
}

/// With all slots filled there is nothing to wake up for, and with everybody silent little: 32 dynamic dials become slow,
/// free their slots and are given up twice a minute, 16 static ones are given up, and a lookup goes out once.
#[test]
fn in_an_hour_it_wakes_up_as_often_as_there_is_something_to_do() {
    let mut full = Scene::new(Config::default(), Town::new(|_, _, _| Answer::Connects(SECOND)));
    let mut silent = Scene::new(Config::default(), Town::new(|_, _, _| Answer::Lost));
    for scene in [&mut full, &mut silent] {
        // One inbound peer: nobody thinks of an outage.
        scene.hand(inbound(5_000));
        for n in 0..1_000 {
            scene.hand(discovered(node(n)));
        }
        for n in 1_000..1_016 {
            scene.hand(Event::StaticAdded(node(n)));
        }
        scene.run(HOUR);
        scene.seen.ticks.clear();
        scene.run(HOUR);
    }
    assert_eq!(full.seen.ticks.len(), 0, "{:?}", full.seen.ticks);
    let ticks = silent.seen.ticks.len();
    assert!((60..=(32 * 3 + 16) * 2 * 60 + 60).contains(&ticks), "{ticks} wake-ups in an hour");
}

/// A node that was never connected to, with so many failures before a restart.
fn restored(n: u32, failures: u32) -> Event {
    let (source, last_tried) = (Source(1), None);
    Event::NodeRestored(KnownNode { node: node(n), source, good: false, failures, last_tried, anchor: false })
}

/// A good node is waited for although others are ready that wait for a lookup: it waits for nothing else.
#[test]
fn the_end_of_a_good_nodes_cooldown_is_not_overlooked() {
    let mut dialer = dialer(|config| {
        config.dynamic_target = 2;
        config.lookups.interval_max = Duration::from_secs(4);
    });
    dialer.handle(Timestamp::ZERO, discovered(node(2))).unwrap();
    let kind = PeerKind::Outbound(DialKind::Dynamic);
    for n in [1, 2] {
        dialer.handle(Timestamp::ZERO, Event::PeerAdded { id: id(n), kind, addr: None }).unwrap();
    }
    let cooled = |dialer: &Dialer| match dialer.explain(&id(2)).refusals.as_slice() {
        [Refusal::Cooling { until }] => *until,
        other => panic!("{other:?}"),
    };
    // Until a lookup goes out shortly before the end of the cooldown.
    let (mut now, mut event) = (SECOND, Event::PeerRemoved { id: id(2), reason: RemovalReason::Local });
    let until = loop {
        let mut commands = Vec::new();
        dialer.step(Timestamp::ZERO.saturating_add(now), event, &mut commands).unwrap();
        let until = cooled(&dialer);
        let left = until.saturating_since(dialer.now());
        event = match commands.as_slice() {
            [Command::Lookup { .. }, ..] if left < 4 * SECOND => break until,
            [Command::Lookup { lookup, .. }, ..] => Event::LookupFinished { lookup: *lookup, nodes: vec![] },
            [Command::Sleep { until: Some(until), .. }] => {
                now = until.saturating_since(Timestamp::ZERO);
                Event::Tick
            }
            other => panic!("{other:?}"),
        };
    };
    let mut commands = Vec::new();
    dialer.step(dialer.now(), restored(3, 0), &mut commands).unwrap();
    let Some(Command::Sleep { until: Some(wake), .. }) = commands.last() else { panic!("{commands:?}") };
    assert!(*wake <= until, "it sleeps until {wake}, and node 2 may be dialed at {until}");
}

/// An early dial that has to wait for the next probe is not waited for if a cooldown has ended by then.
#[test]
fn an_early_dial_that_would_come_too_late_is_not_waited_for() {
    let mut dialer = dialer(|config| {
        (config.discovery, config.backoff.jitter_percent) = (false, 0);
        (config.outage.failures, config.outage.probe) = (2, Duration::from_millis(29_500));
    });
    let mut hand = |millis, event| {
        let mut commands = Vec::new();
        dialer.step(Timestamp::from_millis(millis), event, &mut commands).unwrap();
        commands
    };
    for n in [1, 2] {
        hand(0, restored(n, 1));
    }
    // Both are overdue, so an outage is suspected, and node 3 takes the probe.
    for millis in [29_000, 29_999, 30_000] {
        hand(millis, Event::Tick);
    }
    hand(31_000, Event::NodeForgotten(id(1)));
    hand(59_800, discovered(node(3)));
    let first = hand(60_000, Event::Tick).pop();
    let Some(Command::Sleep { until: Some(until), .. }) = first else { panic!("{first:?}") };
    dialer.handle(until.saturating_sub(Duration::from_nanos(1)), Event::Tick).unwrap();
    assert_eq!(dialer.poll(), first.unwrap(), "a tick before the wake-up changes it");
}
