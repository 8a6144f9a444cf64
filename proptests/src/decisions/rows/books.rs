//! Address books that are worth little: rows 2 to 5.

use dialstate::{DialOutcome, Source};

use super::{DAY, HOUR, at, secs};
use crate::decisions::log::Figure;
use crate::decisions::scenario::{Limit, Scenario, Stop};
use crate::decisions::script::{Act, Script, TRANSPORT_TIMEOUT};

const REFUSES: Act = Act::Answers(DialOutcome::Refused);

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        gone("2", Gone { dead: 48, act: Act::Silent, live: 16, size: 16, mute: 0 }),
        replaced("2-replaced", 100, Act::Silent, 16),
        replaced("2b-replaced-48", 48, Act::Silent, 16),
        gone("2b-refusing", Gone { dead: 48, act: REFUSES, live: 16, size: 16, mute: 0 }),
        gone("2b-500", Gone { dead: 500, act: Act::Silent, live: 24, size: 8, mute: 0 }),
        gone("2b-mute", Gone { dead: 48, act: Act::Silent, live: 24, size: 8, mute: 300 }),
        replaced("2b-replaced-refusing", 200, REFUSES, 32),
        untried("3-1000", 1_000, Act::Silent, 0),
        untried("3-10000", 10_000, Act::Silent, 0),
        untried("3b-300-refusing", 300, REFUSES, 0),
        untried("3b-5000-refusing", 5_000, REFUSES, 0),
        untried("3b-50", 50, Act::Silent, 0),
        untried("3b-mixed", 2_000, Act::Silent, 40),
        bootnode("4-1000", 1_000, Act::Silent, true),
        bootnode("4-4000", 4_000, Act::Silent, true),
        bootnode("4b-100", 100, Act::Silent, true),
        bootnode("4b-2000-refusing", 2_000, REFUSES, true),
        bootnode("4b-lookups", 1_000, Act::Silent, false),
        one_good("5", 10_000, 5_000),
        one_good("5b-last", 10_000, 10_000),
        one_good("5b-2000", 2_000, 1_000),
        one_good("5b-200", 200, 100),
    ]
}

struct Gone {
    dead: usize,
    act: Act,
    live: usize,
    size: u64,
    /// For how many seconds lookups find nobody.
    mute: u64,
}

/// All that were good once are gone.
fn gone(name: &str, of: Gone) -> Scenario {
    let Gone { dead, act, live, size, mute } = of;
    let about =
        format!("{dead} nodes that were once good are gone; lookups bring {live} live ones after {mute} s");
    let script = move |seed| {
        let mut script = Script::new(seed);
        let dead = script.hosts(dead, act);
        script.in_book(&dead, &[]);
        let live = script.hosts(live, Act::Connects);
        script.found(&live, at(mute));
        script.lookups.size = size;
        script
    };
    Scenario::new(name, about, script).since(at(mute)).stop(Stop::Full(at(7 * DAY))).full_within(120.0)
}

/// A running dialer whose whole network is replaced after an hour.
fn replaced(name: &str, old: usize, act: Act, new: usize) -> Scenario {
    let about = format!("after an hour all {old} nodes of a network are gone, and {new} others come");
    let script = move |seed| {
        let mut script = Script::new(seed);
        let old = script.hosts(old, Act::Connects);
        script.heard(&old, Source(0));
        // Short ones, so that many of them have been connected to.
        script.sessions(&old, secs(1_200));
        script.then(&old, at(HOUR), Act::Silent);
        script.then(&old, at(HOUR), act);
        script.found(&old, at(0));
        let new = script.hosts(new, Act::Connects);
        script.found(&new, at(HOUR));
        script
    };
    Scenario::new(name, about, script).since(at(HOUR)).stop(Stop::Full(at(7 * DAY))).full_within(120.0)
}

/// An address book of nodes that were never tried, and are dead.
fn untried(name: &str, dead: usize, act: Act, alive: usize) -> Scenario {
    let about = format!(
        "an address book of {dead} dead and {alive} live nodes, never tried; lookups bring live ones"
    );
    let script = move |seed| {
        let mut script = Script::new(seed);
        let mut book = script.hosts(dead, act);
        book.extend(script.hosts(alive, Act::Connects));
        script.in_book(&[], &book);
        let live = script.hosts(200, Act::Connects);
        script.found(&live, at(0));
        script
    };
    Scenario::new(name, about, script)
        .stop(Stop::Full(at(DAY)))
        .goal(Figure::FirstPeer, Limit::AtMost(10.0))
        .full_within(60.0)
}

/// An address book of nodes that were good once, and are dead, and a bootnode that lives. Lookups find others, in vain while
/// nobody is connected if they ask peers.
fn bootnode(name: &str, dead: usize, act: Act, asks_peers: bool) -> Scenario {
    let others = if asks_peers { "which knows others" } else { "and lookups bring others" };
    let about = format!("{dead} dead nodes that were once good, and a live bootnode, {others}");
    let script = move |seed| {
        let mut script = Script::new(seed);
        let dead = script.hosts(dead, act);
        script.in_book(&dead, &[]);
        let bootnode = script.hosts(1, Act::Connects);
        script.bootnodes = script.nodes(&bootnode);
        let live = script.hosts(100, Act::Connects);
        script.found(&live, at(0));
        script.lookups.asks_peers = asks_peers;
        script
    };
    Scenario::new(name, about, script).stop(Stop::Full(at(2 * DAY))).full_within(120.0)
}

/// One good node among dead ones that time out, and nobody else to be found. It is the one that is dialed as the `place`-th.
///
/// What is feasible: with 16 at once, `place` − 1 dials take (`place` − 1) / 16 timeouts, rounded down, and the next one
/// connects.
fn one_good(name: &str, dead: usize, place: usize) -> Scenario {
    let about = format!("one good node among {dead} dead ones, dialed as number {place}; no lookups");
    let script = move |seed| {
        let mut script = Script::new(seed);
        let all = script.hosts(dead + 1, Act::Silent);
        script.in_book(&[], &all);
        script.lucky = Some(place);
        script
    };
    let waves = (place as u32 - 1) / 16;
    let chance = (TRANSPORT_TIMEOUT * waves).as_secs_f64() + 0.3;
    Scenario::new(name, about, script)
        .stop(Stop::First(at(DAY)))
        .formula(Figure::FirstPeer, chance)
        .without_oracle()
        .goal(Figure::FirstPeer, Limit::AtMost(1.15 * chance))
}
