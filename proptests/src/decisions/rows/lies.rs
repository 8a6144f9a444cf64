//! False addresses: row 7.

use dialstate::Source;

use super::{DAY, at, secs};
use crate::decisions::log::Figure;
use crate::decisions::scenario::{Limit, Scenario, Stop};
use crate::decisions::script::{Act, Script};
use crate::world::{Event, Node};

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        lie("7", Lie { honest: 40, told: Told::Source, at: Act::Connects, again: 1 }),
        lie("7b-silent", Lie { honest: 40, told: Told::Source, at: Act::Silent, again: 1 }),
        lie("7b-lookups", Lie { honest: 40, told: Told::Lookups, at: Act::Silent, again: 1 }),
        lie("7b-often", Lie { honest: 24, told: Told::Source, at: Act::Silent, again: 20 }),
        lie("7b-static", Lie { honest: 16, told: Told::OfStatics, at: Act::Silent, again: 1 }),
        lie("7b-restored", Lie { honest: 40, told: Told::Restored, at: Act::Silent, again: 1 }),
    ]
}

/// Who tells a lie.
#[derive(Clone, Copy)]
enum Told {
    Source,
    /// By a source too, and the honest nodes are static ones.
    OfStatics,
    Lookups,
    Restored,
}

#[derive(Clone, Copy)]
struct Lie {
    honest: usize,
    told: Told,
    /// What answers at the false addresses.
    at: Act,
    /// How often each node is lied about, with another address each time.
    again: usize,
}

/// Honest nodes, all of them connected, are announced with false addresses. Then all connections are closed, and the nodes
/// are where they were.
fn lie(name: &str, lie: Lie) -> Scenario {
    let told = match lie.told {
        Told::Source => "by another source",
        Told::OfStatics => "(static ones) by another source",
        Told::Lookups => "by lookups",
        Told::Restored => "by an address book",
    };
    let Lie { honest, again, .. } = lie;
    let about = format!(
        "{honest} connected nodes are announced {again} x {told} with false addresses; then all close"
    );
    Scenario::new(name, about, move |seed| world(seed, lie, true))
        .reference(move |seed| world(seed, lie, false))
        .since(at(600))
        .stop(Stop::Full(at(DAY)))
        .goal(Figure::Full, Limit::Times(1.2))
}

fn world(seed: u64, lie: Lie, told: bool) -> Script {
    let mut script = Script::new(seed);
    let honest = script.hosts(lie.honest, Act::Connects);
    if matches!(lie.told, Told::OfStatics) {
        script.target = Some(0);
        script.statics = Some(lie.honest as u32);
        let nodes = script.nodes(&honest);
        script.book.extend(nodes.into_iter().map(Event::StaticAdded));
    } else {
        script.target = Some(lie.honest as u32);
        script.heard(&honest, Source(0));
    }
    script.closings.push(at(600));
    let truth = script.nodes(&honest);
    for round in 0..lie.again {
        let elsewhere = script.hosts(lie.honest, lie.at);
        let elsewhere = script.nodes(&elsewhere);
        let lied =
            truth.iter().zip(elsewhere).map(|(node, other)| Node { addrs: other.addrs, ..node.clone() });
        let lied: Vec<_> = lied.collect();
        let from = at(300 + 10 * round as u64);
        match lie.told {
            _ if !told => {}
            Told::Source | Told::OfStatics => script.trickle(lied, Source(1), from, secs(1)),
            Told::Restored => script.restore_later(lied, from),
            Told::Lookups => script.lookups.brings.push((from, lied)),
        }
    }
    script
}
