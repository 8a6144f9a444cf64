//! An ordinary day, static nodes, and how dialers start: rows 1 and 12 to 14.

use dialstate::{DialOutcome, Event};

use super::{HOUR, at, secs};
use crate::decisions::log::Figure;
use crate::decisions::mesh::{Knows, Mesh};
use crate::decisions::scenario::{Limit, Scenario, Setting, Stop};
use crate::decisions::script::{Act, Script};
use crate::world::{Config, NetConfig};

pub(super) fn scenarios() -> Vec<Scenario> {
    let usual = |seed| NetConfig::new(seed);
    let mesh = Mesh { nodes: 30, knows: Knows::Bootnode, target: 8, round_trip: 100 };
    vec![
        day("1", "the network of `simulate`", 15.0, usual).median(Figure::DialsToBefore, Limit::AtMost(1.2)),
        day("1b-dark", "the same with 60 % unreachable", 30.0, |seed| NetConfig {
            unreachable: 600,
            ..NetConfig::new(seed)
        }),
        day("1b-full", "the same with 40 % full", 30.0, |seed| NetConfig {
            full: 400,
            ..NetConfig::new(seed)
        }),
        day("1b-unknown", "the same with 5 nodes known", 20.0, |seed| NetConfig {
            discovered: 5,
            ..NetConfig::new(seed)
        }),
        statics("12", 10, 190, Act::Silent),
        statics("12b-1000", 40, 960, Act::Silent),
        statics("12b-refusing", 10, 190, Act::Answers(DialOutcome::Refused)),
        statics("12b-30", 10, 20, Act::Silent),
        cold("13", 10),
        cold("13b-30s", 30),
        cold("13b-60s", 60),
        cold("13b-300s", 300),
        many("14", mesh, 3.0),
        many("14b-previous", Mesh { knows: Knows::Previous, ..mesh }, 4.0),
        many("14b-100", Mesh { nodes: 100, ..mesh }, 4.0),
        many("14b-far", Mesh { round_trip: 300, ..mesh }, 6.0),
        many("14b-10", Mesh { nodes: 10, target: 3, ..mesh }, 3.0),
    ]
}

/// Six hours in the network of `examples/simulate`.
fn day(name: &str, about: &str, within: f64, net: impl Fn(u64) -> NetConfig + 'static) -> Scenario {
    Scenario::of(name, format!("{about}, 6 h"), Setting::Day(Box::new(net)))
        .stop(Stop::At(at(6 * HOUR)))
        .median(Figure::Full, Limit::AtMost(within))
}

/// Static nodes, few of which live. From the end of a session to the redial.
///
/// What is feasible: no static node is redialed sooner than after its first delay, which the jitter makes shorter.
fn statics(name: &str, good: usize, dead: usize, act: Act) -> Scenario {
    let about = format!("{good} static nodes that live among {dead} dead ones, sessions of 5 min");
    let count = good as u32;
    let script = move |seed| {
        let mut script = Script::new(seed);
        let good = script.hosts(good, Act::Connects);
        script.sessions(&good, secs(300));
        let dead = script.hosts(dead, act);
        script.honest.extend(script.nodes(&good).into_iter().map(|node| node.id));
        let mut nodes = script.nodes(&good);
        nodes.extend(script.nodes(&dead));
        nodes.sort_unstable_by_key(|node| node.id);
        script.book.extend(nodes.into_iter().map(Event::StaticAdded));
        script.target = Some(0);
        script.statics = Some(count);
        script
    };
    let backoff = Config::balanced().backoff;
    let least = backoff.static_first * (100 - backoff.jitter_percent) / 100;
    Scenario::new(name, about, script)
        .stop(Stop::At(at(2 * HOUR)))
        .formula(Figure::Redial, least.as_secs_f64())
        .goal(Figure::Redial, Limit::AtMost(60.0))
}

/// Nobody is known, and lookups find nobody for a while.
fn cold(name: &str, after: u64) -> Scenario {
    let about = format!("nobody is known, and lookups find nobody for {after} s");
    let script = move |seed| {
        let mut script = Script::new(seed);
        let live = script.hosts(100, Act::Connects);
        script.found(&live, at(after));
        script
    };
    // At most one more lookup of the usual interval, and what it takes.
    let limit = if after <= 10 { 12.0 } else { after as f64 + 5.0 };
    Scenario::new(name, about, script).goal(Figure::FirstDial, Limit::AtMost(limit))
}

/// Many dialers that know one another only a little.
fn many(name: &str, mesh: Mesh, within: f64) -> Scenario {
    let knows = match mesh.knows {
        Knows::Bootnode => "a bootnode",
        Knows::Previous => "the one before",
    };
    let Mesh { nodes, target, .. } = mesh;
    let about = format!("{nodes} nodes, target {target}, each knows {knows} and asks its peers");
    Scenario::of(name, about, Setting::Mesh(mesh)).full_within(within)
}
