//! A life of 144 s, made by hand, and the numbers that it must give.

use std::time::Duration;

use dialstate::{
    DialId, DialKind, DialOutcome, LookupId, PeerKind, RemovalReason, Source, Task, Timestamp, WakeReason,
};

use crate::world::{Command, Event, History, Id, Node, Report, json, table};

const A: Id = [1; 32];
const B: Id = [2; 32];
const C: Id = [3; 32];

fn node(id: Id) -> Node {
    Node::new(id, [([10, id[0], 0, 1], 30303).into()])
}

fn dial(n: u64, id: Id) -> Command {
    let (dial, kind) = (DialId::from_raw(n), DialKind::Dynamic);
    Command::Dial { dial, node: node(id), kind, stagger: Duration::ZERO, deadline: None }
}

fn lookup(n: u64) -> Command {
    Command::Lookup { lookup: LookupId::from_raw(n), target: [0; 32], deadline: None }
}

fn sleep(reason: WakeReason) -> Command {
    Command::Sleep { until: None, reason }
}

fn added(id: Id, kind: PeerKind, addr: [u8; 4]) -> Event {
    Event::PeerAdded { id, kind, addr: Some((addr, 30303).into()) }
}

fn finished(n: u64, outcome: DialOutcome) -> Event {
    Event::DialFinished { dial: DialId::from_raw(n), outcome, tried: Vec::new() }
}

fn found(n: u64, ids: &[Id]) -> Event {
    let nodes = ids.iter().map(|id| node(*id)).collect();
    Event::LookupFinished { lookup: LookupId::from_raw(n), nodes }
}

fn removed(id: Id, reason: RemovalReason) -> Event {
    Event::PeerRemoved { id, reason }
}

/// Two dialed peers are wanted: they are there from 20 s to 50 s, and from 60 s to 80 s.
fn life() -> History {
    use WakeReason::{Lookup, Redial};
    let outbound = PeerKind::Outbound(DialKind::Dynamic);
    let at = Timestamp::from_secs;
    let mut history = History::new(2, at(144));
    let mut record = |s, event: &Event, commands: &[Command]| history.record(at(s), event, true, commands);

    let heard = Event::NodeDiscovered { node: node(A), source: Source(0), vouched: false };
    record(0, &heard, &[dial(1, A), lookup(2), sleep(Lookup)]);
    record(4, &Event::Tick, &[sleep(Redial)]);
    record(5, &found(2, &[A, B, C]), &[dial(3, B), dial(4, C), sleep(Redial)]);
    record(10, &added(A, outbound, [10, 1, 0, 1]), &[]);
    record(10, &finished(1, DialOutcome::Connected), &[]);
    record(12, &added(C, PeerKind::Inbound, [10, 3, 9, 1]), &[]);
    record(20, &added(B, outbound, [10, 1, 0, 2]), &[]);
    record(20, &finished(3, DialOutcome::Connected), &[lookup(5)]);
    record(21, &removed(A, RemovalReason::Duplicate), &[]);
    record(30, &found(5, &[]), &[]);
    record(
        50,
        &removed(B, RemovalReason::Closed),
        &[dial(6, B), Command::Cancel(Task::Dial(DialId::from_raw(4)))],
    );
    record(60, &added(B, outbound, [10, 1, 0, 2]), &[]);
    record(60, &finished(6, DialOutcome::Connected), &[sleep(Redial)]);
    record(80, &removed(A, RemovalReason::Closed), &[dial(7, A), dial(8, C), lookup(9), sleep(Redial)]);
    record(82, &finished(8, DialOutcome::TimedOut), &[]);
    record(100, &Event::Tick, &[dial(10, C)]);
    history.record(at(101), &finished(4, DialOutcome::Connected), false, &[]);
    history.finish();
    history
}

#[test]
fn the_numbers_of_a_life() {
    let report = Report::new(&life(), 3);
    assert_eq!((report.first_peer_ms, report.full_target_ms), (Some(10_000), Some(20_000)));
    assert_eq!(report.longest_below_target_ms, 64_000, "from 80 s to the end");
    assert_eq!(report.at_target_percent, 34.7, "50 s of 144 s");
    // 1 from 10 s, 2 from 20 s, 1 from 50 s, 2 from 60 s, 1 from 80 s: 184 peer-seconds of 144 s.
    assert_eq!(report.mean_peers, 1.2);
    assert_eq!((report.peers_at_end, report.sessions, report.sessions_ended), (2, 4, 2));

    assert_eq!((report.dials, report.most_dials_at_once), (7, 3));
    assert_eq!((report.outcomes["connected"], report.outcomes["timed_out"]), (3, 1));
    assert_eq!((report.dials_given_up, report.events_refused, report.answers_lost), (1, 1, 3));
    assert_eq!((report.dials_open_at_end, report.dials_wedged_at_end), (2, 1), "44 s are not over 60 s");

    assert_eq!((report.lookups, report.lookups_answered, report.lookups_empty), (3, 2, 1));
    assert_eq!((report.nodes_found, report.nodes_new, report.lookups_wedged_at_end), (3, 2, 1));

    assert_eq!((report.subnets, report.most_peers_in_subnet, report.most_peers_in_narrow_subnet), (2, 2, 2));
    let by_subnet: Vec<_> = report.peers_by_subnet.iter().map(|(net, n)| (net.as_str(), *n)).collect();
    assert_eq!(by_subnet, [("10.1.0.0/16", 1), ("10.3.0.0/16", 1)]);
    assert_eq!((report.wakeups["Lookup"], report.wakeups["Redial"]), (1, 1));
    assert_eq!((report.wakeups_per_hour, report.events_per_hour), (50.0, 425.0));
}

#[test]
fn the_curves_of_a_life() {
    // 720 parts of 0.2 s, and 144 of 1 s.
    let series = life().series();
    let at = |seconds: usize| series.peers[seconds * 5];
    assert_eq!([0, 9, 10, 19, 20, 49, 50, 60, 80, 143].map(at), [0, 0, 1, 1, 2, 2, 1, 2, 1, 1]);
    assert_eq!(series.peers.len(), 720);
    let begun: Vec<_> = series.dials.iter().enumerate().filter(|(_, n)| **n > 0).collect();
    assert_eq!(begun, [(0, &1), (5, &2), (50, &1), (80, &2), (100, &1)]);
}

#[test]
fn a_gap_shorter_than_a_part_is_seen() {
    let at = Timestamp::from_millis;
    let outbound = PeerKind::Outbound(DialKind::Dynamic);
    let mut history = History::new(1, at(720_000));
    history.record(at(0), &added(A, outbound, [10, 1, 0, 1]), true, &[]);
    history.record(at(5_100), &removed(A, RemovalReason::Closed), true, &[]);
    history.record(at(5_101), &added(A, outbound, [10, 1, 0, 1]), true, &[]);
    history.finish();
    assert_eq!(history.series().peers[4..7], [1, 0, 1]);
    assert_eq!(history.longest_below(), Duration::from_millis(1));
}

#[test]
fn the_table_has_a_column_for_each_life_and_fits_80_columns() {
    let report = Report::new(&life(), 3);
    let text = table(&[("classic", report.clone()), ("balanced", report.clone())]);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let cells = |label: &str| {
        let row =
            text.lines().find(|line| line.contains(label)).unwrap_or_else(|| panic!("{label} in {text}"));
        row.split(label).nth(1).unwrap().trim_matches(['│', ' ']).to_owned()
    };
    assert!(cells("longest time below target").starts_with("1 min 04 s"));
    assert!(cells("by /16 (IPv6: /32)").ends_with("2 alone"));
    assert!(!text.contains("local error"), "a rare outcome without a case has no row");

    let text = json(&serde_json::json!({ "seed": 7 }), &[("classic", report)]);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["profiles"]["classic"]["outcomes"]["connected"], 3);
    assert_eq!(value["world"]["seed"], 7);
}
