//! Trouble with our own network: rows 8 and 9.

use std::time::Duration;

use dialstate::{DialOutcome, Event, Source};

use super::{HOUR, at, secs};
use crate::decisions::log::Figure;
use crate::decisions::scenario::{Limit, Scenario, Stop};
use crate::decisions::script::{Act, Outage, Script, Wrong};

pub(super) fn scenarios() -> Vec<Scenario> {
    let unreachable = Wrong::AtOnce(DialOutcome::Unreachable);
    let portal = Wrong::Portal(DialOutcome::HandshakeFailed);
    let usual = Trouble { wrong: Wrong::Dark, times: 1, length: HOUR, neighbour: false, nodes: 20 };
    let wrong = |name: &str, wrong| outage(name, Trouble { wrong, ..usual });
    let lan = |name: &str, wrong| outage(name, Trouble { wrong, neighbour: true, ..usual });
    vec![
        lan("8-lan", Wrong::Dark),
        lan("8-at-once", unreachable),
        wrong("8-portal", portal),
        wrong("8-loss", Wrong::Loss(90)),
        wrong("8b-dark", Wrong::Dark),
        wrong("8b-at-once-alone", unreachable),
        wrong("8b-refused", Wrong::AtOnce(DialOutcome::Refused)),
        wrong("8b-local-error", Wrong::AtOnce(DialOutcome::LocalError)),
        wrong("8b-wrong-identity", Wrong::Portal(DialOutcome::WrongIdentity)),
        wrong("8b-loss-99", Wrong::Loss(99)),
        lan("8b-portal-lan", portal),
        outage("8b-portal-10min", Trouble { wrong: portal, length: 600, ..usual }),
        outage("8b-lan-12h", Trouble { length: 12 * HOUR, neighbour: true, ..usual }),
        outage("8b-flapping", Trouble { times: 20, length: 120, ..usual }),
        outage("8b-flapping-lan", Trouble { times: 20, length: 120, neighbour: true, ..usual }),
        outage("8b-lan-100", Trouble { nodes: 100, neighbour: true, ..usual }),
        outage("8b-portal-100", Trouble { wrong: portal, nodes: 100, ..usual }),
        outage("8b-loss-100", Trouble { wrong: Wrong::Loss(90), nodes: 100, ..usual }),
        changes("9-1s", secs(1), Duration::from_millis(1_500)),
        changes("9-5s", secs(5), secs(6)),
        changes("9b-200ms", Duration::from_millis(200), Duration::from_millis(500)),
        changes("9b-3s", secs(3), secs(8)),
        changes("9b-10s", secs(10), secs(12)),
    ]
}

#[derive(Clone, Copy)]
struct Trouble {
    wrong: Wrong,
    /// How often, a minute apart.
    times: u64,
    /// How long each time, in seconds.
    length: u64,
    /// Whether a static peer in our own network stays.
    neighbour: bool,
    /// How many public nodes there are.
    nodes: usize,
}

/// Our uplink does not work for a while, as a dialer sees it that was full for an hour.
fn outage(name: &str, of: Trouble) -> Scenario {
    let Trouble { wrong, times, length, neighbour, nodes } = of;
    let company = if neighbour { ", while a static peer in our own network stays" } else { "" };
    let about = format!("{nodes} nodes, the uplink fails {times} x {} min ({wrong:?}){company}", length / 60);
    let begin = move |n: u64| HOUR + n * (length + 60);
    let end = begin(times - 1) + length;
    let script = move |seed| {
        let mut script = Script::new(seed);
        let public = script.hosts(nodes, Act::Connects);
        script.sessions(&public, secs(HOUR));
        script.heard(&public, Source(0));
        script.found(&public, at(0));
        if neighbour {
            let neighbours = script.neighbours(1, Act::Connects);
            let nodes = script.nodes(&neighbours);
            script.book.extend(nodes.into_iter().map(Event::StaticAdded));
        }
        let outage = |n| Outage { from: at(begin(n)), to: at(begin(n) + length), wrong };
        script.outages.extend((0..times).map(outage));
        script
    };
    Scenario::new(name, about, script).since(at(end)).stop(Stop::Full(at(end + 6 * HOUR))).full_within(30.0)
}

/// The network of this host changes again and again, faster than dials connect.
fn changes(name: &str, every: Duration, takes: Duration) -> Scenario {
    let about =
        format!("the network changes each {} ms, dials take {} ms", every.as_millis(), takes.as_millis());
    let script = move |seed| {
        let mut script = Script::new(seed);
        let hosts = script.hosts(60, Act::Connects);
        script.takes(&hosts, takes);
        script.heard(&hosts, Source(0));
        let count = secs(600).as_millis() / every.as_millis();
        let change = |n: u128| (at(0).saturating_add(every * n as u32), Event::NetworkChanged);
        script.events.extend((1..=count).map(change));
        script
    };
    Scenario::new(name, about, script).stop(Stop::At(at(60))).goal(Figure::Peers, Limit::AtLeast(12.0))
}
