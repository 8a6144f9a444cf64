//! What the contract promises, where it was once broken.

use std::net::SocketAddr;
use std::time::Duration;

use dialstate::{
    AddrOutcome, BanSubject, Change, Command, ConnectionId, DialId, DialKind, DialOutcome, EventError,
    Notice, PeerKind, Refusal, RemovalReason, Snapshot, Source, Task, Timestamp,
};
use dialstate_proptests::world::{Config, Dialer, Event, Id, Node};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::common::{MINUTE, SECOND, discovered, id, inbound, node};

const ME: Id = [0xff; 32];

fn dialer(config: Config) -> Dialer {
    Dialer::new(ME, config, ChaCha8Rng::seed_from_u64(1), Timestamp::ZERO).unwrap()
}

fn at(span: Duration) -> Timestamp {
    Timestamp::ZERO.saturating_add(span)
}

fn step(dialer: &mut Dialer, now: Timestamp, event: Event) -> Vec<Command<Id, SocketAddr>> {
    let mut commands = Vec::new();
    dialer.step(now, event, &mut commands).unwrap();
    commands
}

fn dials(commands: &[Command<Id, SocketAddr>]) -> Vec<(DialId, Node)> {
    let dial = |command: &Command<Id, SocketAddr>| match command {
        Command::Dial { dial, node, .. } => Some((*dial, node.clone())),
        _ => None,
    };
    commands.iter().filter_map(dial).collect()
}

fn with_target(target: u32) -> Config {
    Config::default().with_dynamic_target(target).with_discovery(false)
}

/// A new rule ends what is under way before the round counts what is missing.
#[test]
fn what_a_ban_cancels_is_missing_in_the_same_drain() {
    let mut dialer = dialer(Config::classic().with_dynamic_target(4).with_discovery(false));
    for n in 0..8 {
        dialer.handle(at(SECOND), discovered(node(n))).unwrap();
    }
    let mut begun = 0;
    for second in 1..4 {
        begun += dials(&step(&mut dialer, at(second * SECOND), Event::Tick)).len();
    }
    // Half of those that are missing, and half of the rest: the other half would come from lookups.
    assert_eq!(begun, 3);
    let everything = BanSubject::Network("0.0.0.0/0".parse().unwrap());
    let commands = step(&mut dialer, at(5 * SECOND), Event::Banned { subject: everything, until: None });
    let [Command::Cancel(_), Command::Cancel(_), Command::Cancel(_), Command::Sleep { until, .. }] =
        commands[..]
    else {
        panic!("{commands:?}")
    };
    // Four peers are missing: other nodes are drawn later.
    assert!(until.is_some());
}

/// `earliest` is when a node may be dialed if nothing but time passes: by the address that is allowed first, and with the
/// last of the bans that cover it.
#[test]
fn the_earliest_instant_takes_every_address_and_every_ban() {
    let mut dialer = dialer(with_target(1));
    let addrs: [SocketAddr; 2] = ["11.1.0.1:1".parse().unwrap(), "12.1.0.1:1".parse().unwrap()];
    dialer.handle(at(SECOND), discovered(Node::new(id(1), addrs))).unwrap();
    let mut ban = |network: &str, until| {
        let subject = BanSubject::Network(network.parse().unwrap());
        dialer.handle(at(SECOND), Event::Banned { subject, until }).unwrap();
        dialer.explain(&id(1)).earliest
    };
    assert_eq!(ban("11.1.0.0/16", Some(at(100 * SECOND))), Some(at(SECOND)));
    assert_eq!(ban("12.0.0.0/8", Some(at(50 * SECOND))), Some(at(50 * SECOND)));
    assert_eq!(ban("12.1.0.0/16", None), Some(at(100 * SECOND)));
    assert_eq!(ban("11.0.0.0/8", None), None);
    dialer.handle(at(SECOND), Event::Unbanned(BanSubject::Network("11.0.0.0/8".parse().unwrap()))).unwrap();
    assert_eq!(dials(&step(&mut dialer, at(99 * SECOND), Event::Tick)), []);
    assert_eq!(dials(&step(&mut dialer, at(100 * SECOND), Event::Tick)).len(), 1);
}

#[test]
fn what_is_under_way_has_an_end_that_explain_tells() {
    let mut dialer = dialer(with_target(1));
    let commands = step(&mut dialer, at(SECOND), discovered(node(1)));
    assert_eq!(dials(&commands).len(), 1);
    assert_eq!(dialer.explain(&id(1)).earliest, Some(at(31 * SECOND)));
    step(&mut dialer, at(2 * SECOND), Event::InboundPending { connection: ConnectionId(1), id: id(2) });
    step(&mut dialer, at(2 * SECOND), discovered(node(2)));
    let explanation = dialer.explain(&id(2));
    assert_eq!(explanation.refusals, [Refusal::InboundPending { until: at(32 * SECOND) }]);
    assert_eq!(explanation.earliest, Some(at(32 * SECOND)));
}

#[test]
fn a_full_subnet_gets_room_in_time() {
    let mut config = with_target(2);
    config.diversity.as_mut().unwrap().v4_24 = 1;
    let mut dialer = dialer(config);
    for n in 1..3 {
        let addr = SocketAddr::from(([44, 1, 1, n], 1));
        dialer.handle(at(SECOND), discovered(Node::new(id(n.into()), [addr]))).unwrap();
    }
    let (_, first) = dials(&step(&mut dialer, at(SECOND), Event::Tick)).remove(0);
    let other = if first.id == id(1) { id(2) } else { id(1) };
    let earliest = dialer.explain(&other).earliest;
    let mut wake = at(SECOND);
    let dialed = loop {
        let commands = step(&mut dialer, wake, Event::Tick);
        if dials(&commands).iter().any(|(_, node)| node.id == other) {
            break wake;
        }
        let Some(Command::Sleep { until: Some(until), .. }) = commands.last() else { panic!("{commands:?}") };
        wake = *until;
    };
    assert!(earliest.is_some_and(|earliest| earliest <= dialed), "{earliest:?}, dialed at {dialed}");
}

#[test]
fn the_need_names_nodes_that_are_connected_otherwise() {
    let mut dialer = dialer(with_target(1));
    dialer.handle(at(SECOND), inbound(1)).unwrap();
    dialer.handle(at(SECOND), discovered(node(1))).unwrap();
    step(&mut dialer, at(SECOND), Event::Tick);
    let need = dialer.explain_need();
    assert_eq!(need.connected_otherwise, 1);
    assert!(need.to_string().contains("1 connected otherwise"), "{need}");
}

fn restored(dialer: &Dialer, config: Config) -> Dialer {
    let saved = serde_json::to_vec(&dialer.snapshot()).unwrap();
    let snapshot: Snapshot<Id, SocketAddr> = serde_json::from_slice(&saved).unwrap();
    Dialer::restore(snapshot, config, dialer.rng(), dialer.now()).unwrap()
}

/// Whatever is new in a config takes effect on what waits.
#[test]
fn a_looser_config_lets_go_what_waited() {
    // Without diversity nobody waits for room.
    let mut crowded = dialer(with_target(4));
    for n in 1..4 {
        let addr = SocketAddr::from(([44, 1, 1, n], 1));
        crowded.handle(at(SECOND), discovered(Node::new(id(n.into()), [addr]))).unwrap();
    }
    assert_eq!(dials(&step(&mut crowded, at(SECOND), Event::Tick)).len(), 2);
    let mut loose = restored(&crowded, with_target(4).with_diversity(None));
    assert_eq!(dials(&step(&mut loose, at(SECOND), Event::Tick)).len(), 1);
    // With discovery a static node without an address is resolved.
    let mut parked = dialer(with_target(0));
    step(&mut parked, at(SECOND), Event::StaticAdded(Node::unresolved(id(1))));
    assert_eq!(parked.gauges().parked, 1);
    let mut found = restored(&parked, with_target(0).with_discovery(true));
    let commands = step(&mut found, at(SECOND), Event::Tick);
    assert!(matches!(commands[0], Command::Resolve { .. }), "{commands:?}");
}

/// A requested dial whose resolve was answered does not wait behind others that a pause holds back.
#[test]
fn a_requested_dial_goes_on_at_once() {
    let mut dialer = dialer(with_target(0).with_discovery(true));
    let resolve_of = |commands: &[Command<Id, SocketAddr>]| match commands[0] {
        Command::Resolve { resolve, .. } => resolve,
        _ => panic!("{commands:?}"),
    };
    let fixed = resolve_of(&step(&mut dialer, at(SECOND), Event::StaticAdded(Node::unresolved(id(1)))));
    let wanted = resolve_of(&step(&mut dialer, at(SECOND), Event::DialRequested(id(2))));
    let commands = step(&mut dialer, at(SECOND), Event::StaticAdded(node(3)));
    let (dial, _) = dials(&commands)[0].clone();
    // All dials pause.
    let outcome = DialOutcome::LocalError;
    step(&mut dialer, at(SECOND), Event::DialFinished { dial, outcome, tried: Vec::new() });
    let found = |resolve, n| Event::ResolveFinished { resolve, addrs: node(n).addrs };
    assert_eq!(dials(&step(&mut dialer, at(SECOND), found(fixed, 1))), []);
    let commands = step(&mut dialer, at(SECOND), found(wanted, 2));
    assert_eq!(dials(&commands).iter().map(|(_, node)| node.id).collect::<Vec<_>>(), [id(2)]);
}

/// The attempt of a peer whose dial is unanswered holds the slot of that peer: a lowered target does not cancel others for
/// it.
#[test]
fn a_lowered_target_counts_a_peer_and_its_dial_once() {
    let mut dialer = dialer(with_target(3));
    let first = dials(&step(&mut dialer, at(SECOND), discovered(node(1))));
    let kind = PeerKind::Outbound(DialKind::Dynamic);
    step(&mut dialer, at(SECOND), Event::PeerAdded { id: first[0].1.id, kind, addr: None });
    assert_eq!(dials(&step(&mut dialer, at(SECOND), discovered(node(2)))).len(), 1);
    let commands = step(&mut dialer, at(SECOND), Event::Reconfigured(Change::DynamicTarget(2)));
    assert!(matches!(commands[..], [Command::Sleep { .. }]), "{commands:?}");
}

/// Near the end of the timeline a dialer can be saved, and goes on from zero.
#[test]
fn a_restored_dialer_outlives_its_first_timeline() {
    let mut old = dialer(with_target(1));
    step(&mut old, Timestamp::MAX_NOW, discovered(node(1)));
    let snapshot = old.snapshot();
    let mut new = Dialer::restore(snapshot, with_target(1), old.rng(), Timestamp::ZERO).unwrap();
    step(&mut new, at(10 * SECOND), Event::Tick);
    assert_eq!(new.verify(), Ok(()));
}

#[test]
fn a_snapshot_whose_tokens_are_used_up_is_refused() {
    let dialer = dialer(with_target(1));
    let saved = serde_json::to_string(&dialer.snapshot()).unwrap();
    assert_eq!(saved.matches("\"tokens\":0").count(), 1, "{saved}");
    let damaged = saved.replace("\"tokens\":0", &format!("\"tokens\":{}", u64::MAX));
    let snapshot: Snapshot<Id, SocketAddr> = serde_json::from_str(&damaged).unwrap();
    assert!(Dialer::restore(snapshot, with_target(1), dialer.rng(), Timestamp::ZERO).is_err());
}

/// After a dial that was not answered by its deadline, the next one does not begin with the same address.
#[test]
fn after_an_overdue_dial_another_address_comes_first() {
    let mut dialer = dialer(with_target(1));
    let addrs: [SocketAddr; 2] = ["44.1.0.1:1".parse().unwrap(), "45.1.0.1:1".parse().unwrap()];
    let first = dials(&step(&mut dialer, at(SECOND), discovered(Node::new(id(1), addrs))));
    assert_eq!(first[0].1.addrs.as_slice(), addrs);
    step(&mut dialer, at(31 * SECOND), Event::Tick);
    let mut minutes = (1..60).map(|n| dials(&step(&mut dialer, at(n * MINUTE), Event::Tick)));
    let again = minutes.find(|dials| !dials.is_empty()).unwrap();
    assert_eq!(again[0].1.addrs.as_slice(), [addrs[1], addrs[0]]);
}

/// An address that connected is kept whatever else is heard, until it fails; what is vouched for replaces it.
#[test]
fn an_address_that_works_is_not_replaced_by_hearsay() {
    let mut dialer = dialer(with_target(1));
    let [works, lie, signed]: [SocketAddr; 3] = [44, 45, 46].map(|n| ([n, 1, 0, 1], 1).into());
    let first = dials(&step(&mut dialer, at(SECOND), discovered(Node::new(id(1), [works]))));
    let kind = PeerKind::Outbound(DialKind::Dynamic);
    step(&mut dialer, at(SECOND), Event::PeerAdded { id: id(1), kind, addr: Some(works) });
    let tried = vec![AddrOutcome { addr: works, outcome: DialOutcome::Connected }];
    let (dial, outcome) = (first[0].0, DialOutcome::Connected);
    step(&mut dialer, at(SECOND), Event::DialFinished { dial, outcome, tried });
    let known = |dialer: &Dialer| dialer.known_nodes().next().unwrap().node;
    for n in 0..20 {
        let lies = [lie, ([47, n, 0, 1], 1).into()];
        step(&mut dialer, at(2 * SECOND), discovered(Node::new(id(1), lies)));
        assert_eq!(known(&dialer).addrs.first(), Some(&works));
        assert!(known(&dialer).addrs.len() <= 4);
    }
    let node = Node::new(id(1), [signed]);
    step(&mut dialer, at(3 * SECOND), Event::NodeDiscovered { node, source: Source(0), vouched: true });
    assert_eq!(known(&dialer).addrs.as_slice(), [signed]);
}

/// One answer takes a bounded time, however long it is.
#[test]
fn of_a_long_answer_to_a_lookup_the_rest_is_dropped() {
    let mut dialer = dialer(Config::default());
    let commands = step(&mut dialer, at(SECOND), Event::Tick);
    let Some(&Command::Lookup { lookup, .. }) = commands.first() else { panic!("{commands:?}") };
    step(&mut dialer, at(SECOND), Event::LookupFinished { lookup, nodes: (0..1_000).map(node).collect() });
    assert_eq!((dialer.gauges().known, dialer.stats().dropped), (256, 744));
}

/// A dial that is said to have connected, while its node is no peer, is refused, with a word on what to do; nothing else
/// changes, and nobody is dialed twice.
#[test]
fn a_dial_that_has_connected_has_led_to_a_peer() {
    for config in [with_target(1), Config::classic(), Config::scheduler()] {
        let mut dialer = dialer(config.with_dynamic_target(1).with_discovery(false));
        let first = dials(&step(&mut dialer, at(SECOND), Event::StaticAdded(node(1))));
        let (dial, outcome) = (first[0].0, DialOutcome::Connected);
        let finished = || Event::DialFinished { dial, outcome, tried: Vec::new() };
        let refused = dialer.handle(at(SECOND), finished());
        assert_eq!(refused, Err(EventError::NotConnected(dial)));
        let says = refused.unwrap_err().to_string();
        assert!(
            says.contains("Send DialConnected instead of DialFinished, or PeerAdded before it"),
            "{says}"
        );
        assert_eq!(dialer.tasks().map(|open| open.task).collect::<Vec<_>>(), [Task::Dial(dial)]);
        let kind = PeerKind::Outbound(DialKind::Static);
        let (id, addr, reason) = (id(1), None, RemovalReason::Closed);
        step(&mut dialer, at(SECOND), Event::PeerAdded { id, kind, addr });
        // It may be gone by then.
        step(&mut dialer, at(SECOND), Event::PeerRemoved { id, reason });
        assert_eq!(dialer.handle(at(SECOND), finished()), Ok(()));
        assert_eq!((dialer.tasks().count(), dialer.stats().dials), (0, 1));
    }
}

/// One event says the same as two.
#[test]
fn a_dial_that_has_connected_is_told_in_one_event_or_two() {
    for config in [Config::balanced(), Config::classic(), Config::scheduler()] {
        let config = config.with_dynamic_target(3).with_discovery(false);
        let [mut one, mut two] = [dialer(config.clone()), dialer(config)];
        let both = |one: &mut Dialer, two: &mut Dialer, event: Event| {
            let commands = step(one, at(SECOND), event.clone());
            assert_eq!(step(two, at(SECOND), event), commands);
            commands
        };
        let mut open = dials(&both(&mut one, &mut two, Event::StaticAdded(node(1))));
        open.extend(dials(&both(&mut one, &mut two, discovered(node(2)))));
        assert!(!open.is_empty());
        for (dial, node) in open {
            let (addr, kind) = (node.addrs.first().copied(), two.tasks().count());
            assert!(one.tasks().eq(two.tasks()), "{kind}");
            let kind = if node.id == id(1) { DialKind::Static } else { DialKind::Dynamic };
            let (kind, outcome) = (PeerKind::Outbound(kind), DialOutcome::Connected);
            two.handle(at(2 * SECOND), Event::PeerAdded { id: node.id, kind, addr }).unwrap();
            let second = step(&mut two, at(2 * SECOND), Event::DialFinished { dial, outcome, tried: vec![] });
            // A missing address is that of the dial.
            let connected = Event::DialConnected { dial, addr: None, tried: vec![] };
            assert_eq!(step(&mut one, at(2 * SECOND), connected), second);
        }
        assert!(one.peers().eq(two.peers()) && one.gauges() == two.gauges());
        assert_eq!(one.stats().outcomes, two.stats().outcomes);
        for minute in 1..10 {
            let [a, b] = [&mut one, &mut two].map(|of| step(of, at(minute * MINUTE), Event::Tick));
            assert_eq!(a, b);
        }
    }
}

/// What a connection is that another part of the program opened: a peer, and none of the target.
#[test]
fn an_external_peer_is_no_dynamic_one() {
    let mut dialer = dialer(with_target(1));
    let added =
        Event::PeerAdded { id: id(1), kind: PeerKind::External, addr: node(1).addrs.first().copied() };
    step(&mut dialer, at(SECOND), added);
    let gauges = dialer.gauges();
    assert_eq!([gauges.static_peers, gauges.dynamic_peers, gauges.inbound_peers], [1, 0, 0]);
    assert_eq!(dials(&step(&mut dialer, at(SECOND), discovered(node(1)))), []);
    assert_eq!(dials(&step(&mut dialer, at(SECOND), discovered(node(2)))).len(), 1);
    assert_eq!(dialer.verify(), Ok(()));
}

/// A driver may ask for what it would otherwise keep beside.
#[test]
fn peers_tasks_and_known_nodes_can_be_asked_for() {
    let mut dialer = dialer(with_target(2).with_discovery(true));
    let commands = step(&mut dialer, at(SECOND), discovered(node(1)));
    let dial = dials(&commands)[0].0;
    let open: Vec<_> = dialer.tasks().collect();
    assert!(open.is_sorted_by_key(|open| open.task.as_raw()) && open.len() == 2, "{open:?}");
    let of_dial = open.iter().find(|open| open.task == Task::Dial(dial)).unwrap();
    assert_eq!((of_dial.id, of_dial.deadline), (Some(id(1)), Some(at(31 * SECOND))));
    assert!(open.iter().any(|open| matches!(open.task, Task::Lookup(_)) && open.id.is_none()));
    assert_eq!(dialer.peers().count(), 0);
    step(&mut dialer, at(2 * SECOND), Event::DialConnected { dial, addr: None, tried: Vec::new() });
    let peers: Vec<_> = dialer.peers().collect();
    assert_eq!((peers[0].id, peers[0].kind), (id(1), PeerKind::Outbound(DialKind::Dynamic)));
    assert_eq!((peers[0].addr, peers[0].since), (node(1).addrs.first().copied(), at(2 * SECOND)));
    assert!(!peers[0].leaving && peers.len() == 1);
    assert_eq!(dialer.known_node(&id(1)), dialer.known_nodes().next());
    assert_eq!(dialer.known_node(&id(2)), None);
    step(&mut dialer, at(3 * SECOND), Event::Banned { subject: BanSubject::Id(id(1)), until: None });
    assert!(dialer.peers().all(|peer| peer.leaving));
}

/// Who keeps something beside a known node learns when to drop it, and strangers can't fill the queue with that.
#[test]
fn a_node_that_is_known_no_more_is_told() {
    let mut config = with_target(0);
    config.limits.notices = 5;
    let mut dialer = dialer(config);
    for n in 1..=9 {
        step(&mut dialer, at(SECOND), discovered(node(n)));
    }
    step(&mut dialer, at(SECOND), Event::NodeForgotten(id(20)));
    for n in 1..=9 {
        step(&mut dialer, at(SECOND), Event::NodeForgotten(id(n)));
    }
    let notices: Vec<_> = std::iter::from_fn(|| dialer.next_notice()).collect();
    assert_eq!(notices, [1, 2, 3].map(|n| Notice::KnownNodeForgotten { id: id(n) }));
    assert_eq!(dialer.stats().notices_dropped, 6);
}

/// A bootnode takes no dial beyond the limit, however long the others hang.
#[test]
fn a_bootnode_is_dialed_within_the_limit() {
    let mut config = with_target(8).with_bootnodes(vec![node(100)]);
    config.max_active_dials = 3;
    let mut dialer = dialer(config);
    for n in 0..9 {
        step(&mut dialer, at(SECOND), discovered(node(n)));
    }
    let mut bootnode = false;
    for second in 2..120 {
        let commands = step(&mut dialer, at(second * SECOND), Event::Tick);
        bootnode |= dials(&commands).iter().any(|(_, node)| node.id == id(100));
        let open = dialer.tasks().filter(|open| matches!(open.task, Task::Dial(_))).count();
        assert!(open <= 3, "{open} dials after {second} s");
    }
    assert!(bootnode);
}
