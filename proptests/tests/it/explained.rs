//! What questions and errors tell of what was before: a restart, a cooldown that has ended, a pause; and what can be asked of
//! whatever a driver runs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use dialstate::driver::Decide;
use dialstate::record::{Recorder, RngSeed};
use dialstate::{
    BanSubject, Change, ConnectionId, DialKind, DialOutcome, KnownNode, PeerKind, Refusal, RemovalReason,
    Source, Standing,
};
use dialstate_proptests::world::{Command, Config, Dialer, Event, Id};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use crate::small::{at, dialer, node, step};

/// A node that was tried before a restart, one whose cooldown has ended, and a bootnode that is never dialed.
#[test]
fn an_explanation_tells_what_was_before() {
    let mut dialer = dialer(|config| {
        (config.dynamic_target, config.discovery) = (1, false);
        config.backoff.jitter_percent = 0;
    });
    let kind = PeerKind::Outbound(DialKind::Dynamic);
    step(&mut dialer, 1, Event::PeerAdded { id: [9; 32], kind, addr: None });
    let last_tried = Some(Duration::from_secs(10));
    let known =
        KnownNode { node: node(1), source: Source(1), good: false, failures: 3, last_tried, anchor: false };
    step(&mut dialer, 1, Event::NodeRestored(known));
    assert_eq!(
        dialer.explain(&[1; 32]).to_string(),
        "eligible, queued as unlikely, but no slot is free (no outcome since the start; failures in a row: 3)"
    );
    let reason = RemovalReason::Closed;
    step(&mut dialer, 2, Event::NodeDiscovered { node: node(2), source: Source(1), vouched: false });
    step(&mut dialer, 2, Event::PeerAdded { id: [2; 32], kind: PeerKind::External, addr: None });
    step(&mut dialer, 3, Event::PeerRemoved { id: [2; 32], reason });
    step(&mut dialer, 40, Event::Tick);
    let told = dialer.explain(&[2; 32]).to_string();
    assert!(
        told.starts_with("eligible, since its cooldown has ended, but no slot is free (at 3.000s"),
        "{told}"
    );

    let config = Config::scheduler().with_bootnodes(vec![node(3)]);
    let scheduler = Dialer::new([0; 32], config, ChaCha8Rng::seed_from_u64(1), at(0)).unwrap();
    let why = scheduler.explain(&[3; 32]);
    assert_eq!((why.standing, why.earliest), (Standing::None, None));
    assert_eq!(why.refusals.first(), Some(&Refusal::Unknown));
}

#[test]
fn a_pause_lasts_until_an_instant() {
    let mut dialer = dialer(|config| config.discovery = false);
    let discovered = |n| Event::NodeDiscovered { node: node(n), source: Source(1), vouched: false };
    let commands = step(&mut dialer, 1, discovered(1));
    let Some(Command::Dial { dial, .. }) = commands.first() else { panic!("{commands:?}") };
    let failed = Event::DialFinished { dial: *dial, outcome: DialOutcome::LocalError, tried: vec![] };
    step(&mut dialer, 2, failed);
    let told = dialer.explain_need().to_string();
    assert!(told.contains("; pause after local errors until 3.000s"), "{told}");
}

#[test]
fn durations_have_their_unit() {
    let config = Config::balanced().with_stagger(Duration::MAX);
    let told = config.validate().unwrap_err().to_string();
    assert_eq!(told, "stagger is 18446744073709551615.999999999s, but must be from 0ns to 31536000s");
}

/// Any setting but the profile can be changed by a restore, which keeps what is known, under way and connected.
#[test]
fn other_settings_change_with_a_restore() {
    let mut dialer = dialer(|config| config.discovery = false);
    let discovered = |n| Event::NodeDiscovered { node: node(n), source: Source(1), vouched: false };
    let commands = step(&mut dialer, 1, discovered(1));
    let Some(Command::Dial { dial, .. }) = commands.first() else { panic!("{commands:?}") };
    step(&mut dialer, 2, Event::PeerAdded { id: [2; 32], kind: PeerKind::External, addr: None });
    let config = dialer.config().clone().with_anchors(3);
    dialer = Dialer::restore(dialer.snapshot().into_owned(), config, dialer.rng(), dialer.now()).unwrap();
    assert_eq!((dialer.config().anchors, dialer.peers().count(), dialer.now()), (3, 1, at(2)));
    assert!(step(&mut dialer, 3, Event::Tick).is_empty());
    step(&mut dialer, 3, Event::DialConnected { dial: *dial, addr: None, tried: vec![] });
    assert_eq!(dialer.peers().count(), 2);
}

fn peers<D: Decide<Id, SocketAddr>>(runs: &D) -> usize {
    runs.dialer().peers().count()
}

/// A driver that runs a dialer or a recorder asks both alike.
#[test]
fn whatever_a_driver_runs_can_be_asked() {
    let added = || Event::PeerAdded { id: [2; 32], kind: PeerKind::Inbound, addr: None };
    let mut dialer = dialer(|_| {});
    Decide::handle(&mut dialer, at(1), added()).unwrap();
    let rng = ChaCha8Rng::seed_from_u64(1);
    let mut recorder =
        Recorder::with_rng([0; 32], Config::balanced(), rng, RngSeed::Number(1), at(0), ()).unwrap();
    Decide::handle(&mut recorder, at(1), added()).unwrap();
    assert_eq!((peers(&dialer), peers(&recorder)), (1, 1));
}

/// Of the addresses of a bootnode that is on the list twice, one that may be dialed is enough.
#[test]
fn a_bootnode_on_the_list_twice_is_free_at_either_address() {
    let [first, second] = [[20, 1, 0, 1], [30, 1, 0, 1]].map(|ip| SocketAddr::from((ip, 30_303)));
    let dialer = dialer(|config| {
        config.discovery = false;
        config.bootnodes = [first, second].map(|addr| dialstate::Node::new([1; 32], [addr])).to_vec();
        config.restrict = Some(vec![second.ip().into()]);
    });
    assert_eq!(dialer.explain(&[1; 32]).earliest, Some(at(0)));
}

/// Bans can be asked for, on the timeline of whoever asks.
#[test]
fn bans_are_listed_while_they_hold() {
    let mut first = dialer(|_| ());
    let network = BanSubject::Network("20.1.0.0/16".parse().unwrap());
    let [short, long] = [BanSubject::Id([1; 32]), BanSubject::Id([2; 32])];
    for (subject, until) in [(short, Some(at(10))), (long, Some(at(100))), (network, None)] {
        step(&mut first, 1, Event::Banned { subject, until });
    }
    let listed = |dialer: &Dialer| BTreeMap::from_iter(dialer.bans());
    assert_eq!(listed(&first), [(short, Some(at(10))), (long, Some(at(100))), (network, None)].into());
    assert_eq!(first.excludes_id(&[1; 32]), Some(Refusal::BannedId { until: Some(at(10)) }));
    assert_eq!([first.excludes_id(&[0; 32]), first.excludes_id(&[3; 32])], [Some(Refusal::OwnId), None]);
    let excluded = |n| first.excludes(node(n).addrs.first().unwrap());
    let Some(Refusal::BannedNetwork { until, .. }) = excluded(1) else { panic!("{:?}", excluded(1)) };
    assert_eq!((until, excluded(2)), (None, None));
    step(&mut first, 10, Event::Unbanned(network));
    assert_eq!(listed(&first), [(long, Some(at(100)))].into());
    let restored = Dialer::restore(first.snapshot(), first.config().clone(), first.rng(), at(1_010)).unwrap();
    assert_eq!(listed(&restored), [(long, Some(at(1_100)))].into());
}

/// A cooldown is cut short only where a peer is missing: while none is, its end is what counts.
#[test]
fn nobody_is_said_to_be_dialed_early_while_no_peer_is_missing() {
    let mut dialer = dialer(|config| {
        (config.dynamic_target, config.discovery) = (1, false);
        config.backoff.jitter_percent = 0;
    });
    let discovered = Event::NodeDiscovered { node: node(1), source: Source(1), vouched: false };
    let commands = step(&mut dialer, 0, discovered);
    let Some(Command::Dial { dial, .. }) = commands.first() else { panic!("{commands:?}") };
    let failed = Event::DialFinished { dial: *dial, outcome: DialOutcome::HandshakeFailed, tried: vec![] };
    step(&mut dialer, 0, failed);
    let told = dialer.explain(&[1; 32]).to_string();
    let early = "dialed from 30.000s on if peers are missing and nobody else is ready";
    assert!(told.contains("it is cooling down until 180.000s") && told.contains(early), "{told}");
    let kind = PeerKind::Outbound(DialKind::Dynamic);
    step(&mut dialer, 1, Event::PeerAdded { id: [2; 32], kind, addr: None });
    let why = dialer.explain(&[1; 32]);
    assert_eq!((why.earliest, why.slot), (Some(at(180)), false));
}

fn scheduler(target: u32) -> Dialer {
    let config = Config::scheduler().with_dynamic_target(target).with_discovery(false);
    Dialer::new([0; 32], config, ChaCha8Rng::seed_from_u64(1), at(0)).unwrap()
}

/// A candidate that `scheduler` has not come to yet is dialed when its turn comes, and `explain` says so.
#[test]
fn what_was_found_is_not_unknown() {
    let mut dialer = scheduler(1);
    let discovered = |n| Event::NodeDiscovered { node: node(n), source: Source(1), vouched: false };
    for n in 1..=4 {
        let commands = step(&mut dialer, 1, discovered(n));
        assert_eq!(commands.iter().any(|command| matches!(command, Command::Dial { .. })), n <= 2);
    }
    let why = dialer.explain(&[4; 32]);
    assert_eq!((why.standing, why.ahead, why.earliest), (Standing::Found, Some(1), Some(at(1))));
    assert_eq!(why.to_string(), "eligible, queued as found, but no slot is free (never tried)");
    step(&mut dialer, 2, Event::Banned { subject: BanSubject::Id([4; 32]), until: Some(at(9)) });
    assert_eq!(dialer.explain(&[4; 32]).earliest, Some(at(9)));
}

/// A static node that is in the pool of `scheduler` is dialed although it is connecting to us.
#[test]
fn a_handshake_does_not_take_a_static_node_out_of_the_pool() {
    let mut dialer = scheduler(0);
    step(&mut dialer, 1, Event::StaticAdded(node(1)));
    step(&mut dialer, 1, Event::InboundPending { connection: ConnectionId(1), id: [1; 32] });
    let why = dialer.explain(&[1; 32]);
    assert_eq!((why.standing, why.earliest, why.refusals.len()), (Standing::Static, Some(at(1)), 0));
    let commands = step(&mut dialer, 2, Event::Reconfigured(Change::DynamicTarget(1)));
    assert!(matches!(commands.as_slice(), [Command::Dial { .. }, ..]), "{commands:?}");
}

/// `slot` is about the dial that would go out, whatever the node is dialed as; in `classic` a peer whose dial has not ended
/// counts twice.
#[test]
fn a_slot_is_free_where_one_of_the_dials_has_one() {
    let config = Config::classic().with_dynamic_target(2);
    let mut classic = Dialer::new([0; 32], config, ChaCha8Rng::seed_from_u64(1), at(0)).unwrap();
    let discovered = Event::NodeDiscovered { node: node(1), source: Source(1), vouched: false };
    let commands = step(&mut classic, 1, discovered);
    let lookup = commands.iter().find_map(|command| match command {
        Command::Lookup { lookup, .. } => Some(*lookup),
        _ => None,
    });
    let kind = PeerKind::Outbound(DialKind::Dynamic);
    step(&mut classic, 2, Event::PeerAdded { id: [1; 32], kind, addr: None });
    step(&mut classic, 2, Event::LookupFinished { lookup: lookup.unwrap(), nodes: vec![node(2)] });
    let why = classic.explain(&[2; 32]);
    assert_eq!((why.standing, why.slot, why.refusals.len()), (Standing::Found, false, 0));

    let mut balanced = dialer(|config| {
        config.discovery = false;
        config.bootnodes = vec![node(1)];
        config.pace.static_active = 1;
    });
    step(&mut balanced, 0, Event::StaticAdded(node(9)));
    step(&mut balanced, 0, Event::StaticAdded(node(1)));
    assert!(balanced.explain(&[1; 32]).slot, "as a bootnode it has one");
    let commands = step(&mut balanced, 20, Event::Tick);
    assert!(
        matches!(commands.as_slice(), [Command::Dial { node, .. }] if node.id == [1; 32]),
        "{commands:?}"
    );
}

/// In `scheduler` the first of two handshakes that ends is enough, and a dial that is given up makes room in its subnet.
#[test]
fn what_ends_first_is_what_is_foretold() {
    let mut dialer = scheduler(1);
    for (seconds, connection) in [(0, 1), (3, 2)] {
        let pending = Event::InboundPending { connection: ConnectionId(connection), id: [1; 32] };
        step(&mut dialer, seconds, pending);
    }
    step(&mut dialer, 4, Event::StaticAdded(node(1)));
    let expires = at(0).saturating_add(dialer.config().deadlines.inbound_handshake);
    assert_eq!(dialer.explain(&[1; 32]).earliest, Some(expires));

    let mut config = Config::scheduler().with_discovery(false).with_dynamic_target(1);
    config.diversity = Some(dialstate::Diversity::default().with_v4_24(1));
    config.deadlines.dial = Some(Duration::from_secs(30));
    let mut dialer = Dialer::new([0; 32], config, ChaCha8Rng::seed_from_u64(1), at(0)).unwrap();
    for (n, ip) in [(1, [20, 1, 1, 1]), (2, [20, 2, 2, 2]), (3, [20, 1, 1, 3])] {
        let node = dialstate::Node::new([n; 32], [SocketAddr::from((ip, 30_303))]);
        step(&mut dialer, 1, Event::NodeDiscovered { node, source: Source(1), vouched: false });
    }
    assert_eq!(dialer.explain(&[3; 32]).earliest, Some(at(31)));
}
