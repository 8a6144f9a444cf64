//! Ten million hostile ids fill what they may fill, and no more. (reth's peers were kept without a cap;
//! telcoin-network#827 and litep2p#268 are maps that grew without end.)
//!
//! Ten million ids come, 800 times what the table holds; `DIALSTATE_HOSTILE` says how many, if that takes too long.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use dialstate::{DialOutcome, KnownNode, Refusal, Source};
use dialstate_proptests::world::{Config, Event, Node, Sim};

use super::common::{Answer, HOUR, ME, MINUTE, SECOND, Town, id, inbound, node, number};

/// Numbers: honest nodes first, then static ones, then the attacker's.
const HONEST: u32 = 200;
const STATIC: u32 = 300;
const LATE: u32 = 400;
const HOSTILE: u32 = 1_000;
const OTHERS: u32 = 12_288;

fn flood() -> u32 {
    std::env::var("DIALSTATE_HOSTILE").map_or(10_000_000, |count| count.parse().expect("a number of ids"))
}

/// Where the attacker's ids claim to be.
#[derive(Clone, Copy, Debug)]
enum Where {
    /// In as many subnets as there are.
    Everywhere,
    /// In three /16s.
    Few,
}

fn hostile(n: u32, at: Where) -> Node {
    match at {
        Where::Everywhere => node(HOSTILE + n),
        Where::Few => {
            let [_, high, mid, low] = n.to_be_bytes();
            let addr = SocketAddr::from(([5, (n % 3) as u8, mid, low], 1_000 + u16::from(high)));
            Node::new(id(HOSTILE + n), [addr])
        }
    }
}

/// A town of healthy honest nodes; static nodes and the attacker's never answer. Sessions last `session`.
fn town(session: Duration) -> Sim<Town> {
    let mut town = Town::new(|node, _, _| match number(&node.id) {
        STATIC..LATE | HOSTILE.. => Answer::Fails(15 * SECOND, DialOutcome::TimedOut),
        _ => Answer::Connects(SECOND),
    });
    town.session = Some(session);
    // Without revalidation those who are good already are not preferred, and all become so.
    Sim::new(ME, Config::default().with_revalidation(false), 1, town).unwrap()
}

fn hand(sim: &mut Sim<Town>, node: Node, source: u8) {
    sim.hand(&Event::NodeDiscovered { node, source: Source(source), vouched: false }, |_| Ok(())).unwrap();
}

fn run(sim: &mut Sim<Town>, span: Duration) {
    sim.run_until(sim.now().saturating_add(span), |_| Ok(())).unwrap();
}

/// Twelve hours among honest nodes, which are heard of again each hour, and are good then.
fn settled() -> Sim<Town> {
    let mut sim = town(10 * MINUTE);
    for n in STATIC..LATE {
        sim.hand(&Event::StaticAdded(node(n)), |_| Ok(())).unwrap();
    }
    for _ in 0..12 {
        (0..HONEST).for_each(|n| hand(&mut sim, node(n), 0));
        run(&mut sim, HOUR);
    }
    assert_eq!(sim.dialer().gauges().good, HONEST);
    sim
}

/// Hands in these hostile ids within an hour, while `watch`, which sees the dialer a thousand times, says so.
fn rain(sim: &mut Sim<Town>, ids: Range<u32>, source: u8, at: Where, watch: impl Fn(&Sim<Town>) -> bool) {
    let count = ids.end - ids.start;
    for n in ids {
        hand(sim, hostile(n, at), source);
        run(sim, HOUR / count);
        if n.is_multiple_of(count / 1_000) && !watch(sim) {
            return;
        }
    }
}

fn assert_kept(sim: &Sim<Town>) {
    let gauges = sim.dialer().gauges();
    let (now, others) = (sim.now(), gauges.known - gauges.good);
    assert!(others <= OTHERS && gauges.good <= 4_096, "at {now}: {gauges:?}");
    assert_eq!((gauges.good, gauges.statics), (HONEST, LATE - STATIC), "at {now}");
    assert!(gauges.parked + gauges.crowded + gauges.cooling + gauges.ready <= gauges.known, "at {now}");
    assert!(gauges.dynamic_peers + gauges.dynamic_attempts - gauges.slow_dials <= 16, "at {now}: {gauges:?}");
}

#[test]
fn a_flood_reaches_the_caps_and_washes_nobody_out() {
    let count = flood();
    for at in [Where::Everywhere, Where::Few] {
        let mut sim = settled();
        // From the source of the honest nodes, and in part from their subnets.
        rain(&mut sim, 0..count, 0, at, |sim| {
            assert_kept(sim);
            true
        });
        assert_kept(&sim);
        let dialer = sim.dialer();
        let gauges = dialer.gauges();
        assert_eq!(gauges.known - gauges.good, OTHERS, "{at:?}: the caps are reached");
        let stats = dialer.stats();
        assert_eq!(stats.evictions + stats.dropped, u64::from(count - OTHERS), "{at:?}");
        for n in 0..HONEST {
            assert!(!dialer.explain(&id(n)).refusals.contains(&Refusal::Unknown), "{at:?}: {n} is forgotten");
        }
        // The good nodes keep their half of the dials: most slots are theirs.
        let honest = |sim: &Sim<Town>| sim.world().connected.len();
        assert!(honest(&sim) >= 12, "{at:?}: {} peers in the flood", honest(&sim));
    }
}

#[test]
fn whoever_is_connected_or_in_an_attempt_stays() {
    // A table of 32 others and of 4 good ones, under a flood of the same source and subnet. (It is a private one,
    // where diversity does not count.)
    let near = |n: u32| {
        let [_, _, high, low] = n.to_be_bytes();
        Node::new(id(n), [SocketAddr::from(([10, 0, high, low], 1_000))])
    };
    let mut config = Config::default();
    (config.limits.good, config.limits.others) = (4, 32);
    config.backoff.keep_usable = 1;
    let town = Town::new(|node, _, _| match number(&node.id) {
        0..8 => Answer::Connects(SECOND),
        8..16 => Answer::Lost,
        _ => Answer::Fails(SECOND, DialOutcome::Refused),
    });
    let mut sim = Sim::new(ME, config, 1, town).unwrap();
    for n in 0..16 {
        hand(&mut sim, near(n), 0);
    }
    run(&mut sim, 2 * SECOND);
    let known = |sim: &Sim<Town>, n: u32| !sim.dialer().explain(&id(n)).refusals.contains(&Refusal::Unknown);
    for n in HOSTILE..HOSTILE + 20_000 {
        hand(&mut sim, near(n), 0);
        run(&mut sim, Duration::from_millis(1));
        assert!((0..16).all(|n| known(&sim, n)), "somebody was evicted at {}", sim.now());
    }
    let gauges = sim.dialer().gauges();
    // Four of the peers are others, because only four may be good: they stay all the same.
    assert_eq!((gauges.good, gauges.known, gauges.dynamic_peers), (4, 36, 8));
}

/// How long the last of 20 honest nodes that are heard of in the middle of a flood waits for its first dial.
fn wait_of_newcomers(source: u8, at: Where) -> Option<Duration> {
    let mut sim = town(MINUTE);
    for n in 0..8 {
        hand(&mut sim, node(n), 0);
    }
    run(&mut sim, 10 * MINUTE);
    let half = flood() / 2;
    rain(&mut sim, 0..half, 1, at, |_| true);
    for n in LATE..LATE + 20 {
        hand(&mut sim, node(n), source);
    }
    let came = sim.now();
    let waiting = |sim: &Sim<Town>| (LATE..LATE + 20).any(|n| sim.dialer().explain(&id(n)).attempts == 0);
    rain(&mut sim, half..2 * half, 1, at, waiting);
    (!waiting(&sim)).then(|| sim.now().saturating_since(came))
}

#[test]
fn honest_newcomers_from_another_source_have_their_turn_soon() {
    for at in [Where::Everywhere, Where::Few] {
        let wait = wait_of_newcomers(2, at);
        assert!(wait.is_some_and(|wait| wait <= 5 * MINUTE), "{at:?}: dialed after {wait:?}");
    }
}

#[test]
fn honest_newcomers_from_the_source_of_a_narrow_flood_have_their_turn_within_an_hour() {
    let wait = wait_of_newcomers(1, Where::Few);
    assert!(wait.is_some_and(|wait| wait <= HOUR), "dialed after {wait:?}");
}

#[test]
fn a_flood_of_lookup_answers_is_bounded_too() {
    // 5,000 nodes at once, again and again: nobody else answers.
    let mut town = Town::new(|_, _, _| Answer::Fails(SECOND, DialOutcome::Refused));
    let mut next = 0;
    town.lookups = Box::new(move |_| {
        next += 5_000;
        (next - 5_000..next).map(|n| hostile(n, Where::Few)).collect()
    });
    let mut sim = Sim::new(ME, Config::default(), 1, town).unwrap();
    sim.hand(&inbound(0), |_| Ok(())).unwrap();
    run(&mut sim, 10 * MINUTE);
    let gauges = sim.dialer().gauges();
    assert_eq!((gauges.known, gauges.good), (OTHERS, 0));
    assert!(sim.dialer().stats().lookups >= 3, "{:?}", sim.dialer().stats());
}

/// The largest crowd of the only source is one of static nodes, which are never evicted. (They are in a private network.)
#[test]
fn a_crowd_that_may_not_go_keeps_no_newcomer_out() {
    let mut config = Config::default();
    (config.limits.others, config.dynamic_target, config.discovery) = (32, 0, false);
    let town = Town::new(|_, _, _| Answer::Fails(SECOND, DialOutcome::Refused));
    let mut sim = Sim::new(ME, config, 1, town).unwrap();
    let near = |n: u8| Node::new(id(n.into()), [SocketAddr::from(([10, 0, 0, n], 1_000))]);
    for n in 1..=20 {
        sim.hand(&Event::StaticAdded(near(n)), |_| Ok(())).unwrap();
        hand(&mut sim, near(n), 0);
    }
    for n in 100..400 {
        hand(&mut sim, node(n), 0);
    }
    let (stats, gauges) = (sim.dialer().stats(), sim.dialer().gauges());
    assert_eq!((stats.dropped, stats.evictions, gauges.known), (0, 20 + 300 - 32, 32));
    assert!((1..=20).all(|n| !sim.dialer().explain(&id(n)).refusals.contains(&Refusal::Unknown)));
}

/// Restored in any number, good nodes fill the table like others: each has one place, and the dialer comes to rest.
#[test]
fn more_good_nodes_are_restored_than_there_is_room_for() {
    for (good, others) in [(1, 1), (1, 2), (2, 3)] {
        let mut config = Config::default().with_discovery(false).with_dynamic_target(0);
        (config.limits.good, config.limits.others) = (good, others);
        let mut sim = Sim::new(ME, config, 1, Town::new(|_, _, _| Answer::Lost)).unwrap();
        for n in 0..8 {
            let known = KnownNode {
                node: node(n),
                source: Source(0),
                good: true,
                failures: 0,
                last_tried: None,
                anchor: false,
            };
            sim.hand(&Event::NodeRestored(known), |drain| {
                assert_eq!(drain.dialer.verify(), Ok(()));
                Ok(())
            })
            .unwrap();
        }
        let gauges = sim.dialer().gauges();
        assert_eq!((gauges.good, gauges.known), (good, good + others), "{good}, {others}");
    }
}
