//! Many strangers: rows 6, 10 and 11.

use std::time::Duration;

use dialstate::{DialOutcome, Source};

use super::{HOUR, at, secs};
use crate::decisions::log::Figure;
use crate::decisions::scenario::{Limit, Scenario, Stop};
use crate::decisions::script::{Act, Script};

const FULL: Act = Act::Answers(DialOutcome::TooManyPeers);
const REFUSES: Act = Act::Answers(DialOutcome::Refused);

pub(super) fn scenarios() -> Vec<Scenario> {
    let usual =
        Trickle { honest: 40, answer: FULL, busy: 20 * 60, every: secs(4), sources: 1, dead: Act::Silent };
    let flooded = Flood { honest: 50, flood: 10_000, networks: 1, act: Act::Silent, later: false };
    vec![
        trickle("6", usual),
        trickle("6b-fast", Trickle { every: secs(1), ..usual }),
        trickle("6b-refusing", Trickle { every: secs(2), dead: REFUSES, ..usual }),
        trickle("6b-8-sources", Trickle { honest: 24, busy: 10 * 60, every: secs(2), sources: 8, ..usual }),
        trickle("6b-restart", Trickle { answer: REFUSES, busy: 5 * 60, ..usual }),
        flood("10", flooded),
        flood("10b-refusing", Flood { act: REFUSES, ..flooded }),
        flood("10b-4-networks", Flood { networks: 4, ..flooded }),
        flood("10b-1000", Flood { honest: 20, flood: 1_000, ..flooded }),
        flood("10b-later", Flood { flood: 5_000, later: true, ..flooded }),
        hostile("11", 4_000, 20, 100, true),
        hostile("11b-fresh", 4_000, 20, 100, false),
        hostile("11b-1000", 1_000, 5, 40, true),
        hostile("11b-8000", 8_000, 20, 200, true),
    ]
}

#[derive(Clone, Copy)]
struct Trickle {
    honest: usize,
    /// What they answer at first, and for how many seconds.
    answer: Act,
    busy: u64,
    every: Duration,
    sources: u8,
    /// What the nodes do that the other sources announce.
    dead: Act,
}

/// Honest nodes that can't be had for a while, and sources that announce one dead node after another.
fn trickle(name: &str, of: Trickle) -> Scenario {
    let Trickle { honest, answer, busy, every, sources, dead } = of;
    let about = format!(
        "{honest} honest nodes, {answer:?} for {busy} s; {sources} other source(s) announce a dead one each {} s",
        every.as_secs()
    );
    let script = move |seed, count: usize| {
        let mut script = Script::new(seed);
        let honest = script.hosts(honest, answer);
        script.heard(&honest, Source(0));
        script.then(&honest, at(busy), Act::Connects);
        let dead = script.hosts(count, dead);
        for (n, node) in script.nodes(&dead).into_iter().enumerate() {
            let from = at(0).saturating_add(every * n as u32);
            script.trickle(vec![node], Source(1 + n as u8 % sources), from, every);
        }
        script
    };
    let end = 12 * HOUR;
    let count = (u128::from(end) * 1_000 / every.as_millis()) as usize;
    Scenario::new(name, about, move |seed| script(seed, count))
        .reference(move |seed| script(seed, 0))
        .stop(Stop::Full(at(end)))
        .goal(Figure::Full, Limit::Times(1.2))
}

#[derive(Clone, Copy)]
struct Flood {
    honest: usize,
    flood: usize,
    networks: usize,
    act: Act,
    /// Whether it goes on, 100 a second, instead of being there at the start.
    later: bool,
}

/// Honest nodes, and many dead ones of few networks, all from one source.
fn flood(name: &str, of: Flood) -> Scenario {
    let Flood { honest, flood, networks, act, later } = of;
    let about =
        format!("{honest} honest nodes, and {flood} dead ones in {networks} /16 from the same source");
    let script = move |seed| {
        let mut script = Script::new(seed);
        let mut all = script.hosts(honest, Act::Connects);
        let flood = script.crowd(flood, networks, act);
        if later {
            let nodes = script.nodes(&flood);
            script.trickle(nodes, Source(0), at(0), Duration::from_millis(10));
            let nodes = script.nodes(&all);
            script.trickle(nodes, Source(0), at(1), secs(1));
        } else {
            all.extend(flood);
            script.heard(&all, Source(0));
        }
        script
    };
    Scenario::new(name, about, script).stop(Stop::Full(at(12 * HOUR))).full_within(120.0)
}

/// An address book in which hostile nodes, which do connect, outnumber the honest ones.
fn hostile(name: &str, hostile: usize, networks: usize, honest: usize, good: bool) -> Scenario {
    let known = if good { "once good" } else { "never tried" };
    let about = format!("{hostile} hostile nodes in {networks} /16 and {honest} honest ones, all {known}");
    let script = move |seed| {
        let mut script = Script::new(seed);
        let hostile = script.crowd(hostile, networks, Act::Connects);
        let honest = script.hosts(honest, Act::Connects);
        script.honest.extend(script.nodes(&honest).into_iter().map(|node| node.id));
        let all: Vec<_> = hostile.into_iter().chain(honest).collect();
        if good {
            script.in_book(&all, &[]);
        } else {
            script.in_book(&[], &all);
        }
        script
    };
    Scenario::new(name, about, script)
        .stop(Stop::At(at(600)))
        .formula(Figure::Honest, honest.min(16) as f64)
        .goal(Figure::Honest, Limit::AtLeast(10.0))
}
