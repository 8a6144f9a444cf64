//! A restored dialer is the one that was saved: command by command, on whatever timeline; and what is damaged is
//! refused.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use dialstate::{Churn, RestoreError, Snapshot, Timestamp};
use dialstate_proptests::world::{Command, Config, Dialer, Event, Id, Net, NetConfig, Sim, read_nodes};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

const ME: Id = [7; 32];

fn list(name: &str) -> Vec<dialstate_proptests::world::Node> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data");
    read_nodes(&folder.join(name)).unwrap()
}

fn config(mut config: Config) -> Config {
    config.bootnodes = list("bootnodes.csv");
    config.feeler_interval = Some(Duration::from_secs(120));
    config.churn = Some(Churn::default());
    config.family_health = true;
    config
}

/// Eight hours in the world of `simulate`, with bans, static nodes, inbound handshakes and requests strewn in.
fn hours(config: &Config, seed: u64) -> Vec<(Timestamp, Event)> {
    let net = Net::new(NetConfig::new(seed), list("nodes.csv"), &list("bootnodes.csv"));
    let mut sim = Sim::new(ME, config.clone(), seed, net).unwrap();
    let mut events = Vec::new();
    let nodes = list("nodes.csv");
    for hour in 0..8u64 {
        let node = &nodes[(hour as usize * 25) % nodes.len()];
        let subject = dialstate::BanSubject::Id(nodes[hour as usize * 3].id);
        let until = Some(Timestamp::from_secs(hour * 3600 + 5000));
        let network = "2.0.0.0/8".parse().unwrap();
        let extra: Vec<Event> = vec![
            Event::StaticAdded(node.clone()),
            Event::StaticAdded(dialstate::Node::unresolved([hour as u8; 32])),
            Event::Banned { subject, until },
            Event::Banned { subject: dialstate::BanSubject::Network(network), until },
            Event::InboundPending { connection: dialstate::ConnectionId(hour), id: nodes[500].id },
            Event::DialRequested(nodes[600 - hour as usize].id),
        ];
        for event in extra {
            let watch = |drain: &dialstate_proptests::world::Drain<'_>| {
                events.push((drain.now, drain.event.clone()));
                Ok(())
            };
            sim.hand(&event, watch).unwrap();
        }
        let watch = |drain: &dialstate_proptests::world::Drain<'_>| {
            events.push((drain.now, drain.event.clone()));
            Ok(())
        };
        sim.run_until(Timestamp::from_secs((hour + 1) * 3600), watch).unwrap();
    }
    events
}

fn step(dialer: &mut Dialer, now: Timestamp, event: &Event) -> Vec<Command> {
    let mut commands = Vec::new();
    let _ = dialer.step(now, event.clone(), &mut commands);
    dialer.verify().unwrap();
    commands
}

fn earlier(at: Option<Timestamp>, by: Duration) -> Option<Timestamp> {
    at.map(|at| at.saturating_sub(by))
}

/// A command on a timeline that is ahead by `by`, as it is on the original one.
fn back(command: Command, by: Duration) -> Command {
    match command {
        Command::Dial { dial, node, kind, stagger, deadline } => {
            Command::Dial { dial, node, kind, stagger, deadline: earlier(deadline, by) }
        }
        Command::Resolve { resolve, id, deadline } => {
            Command::Resolve { resolve, id, deadline: earlier(deadline, by) }
        }
        Command::Lookup { lookup, target, deadline } => {
            Command::Lookup { lookup, target, deadline: earlier(deadline, by) }
        }
        Command::Sleep { until, reason } => Command::Sleep { until: earlier(until, by), reason },
        other => other,
    }
}

fn later(event: &Event, by: Duration) -> Event {
    match event.clone() {
        Event::Banned { subject, until } => {
            Event::Banned { subject, until: until.map(|until| until.saturating_add(by)) }
        }
        other => other,
    }
}

fn check(base: Config) {
    let config = config(base);
    let events = hours(&config, 3);
    let by = Duration::from_nanos(1_234_567_890_123);
    let new = || Dialer::new(ME, config.clone(), ChaCha8Rng::seed_from_u64(3), Timestamp::ZERO).unwrap();
    let mut original = new();
    let mut restored: Option<Dialer> = None;
    let mut last = Timestamp::ZERO;
    for (count, (now, event)) in events.iter().enumerate() {
        if count % 53 == 0 {
            let saved = serde_json::to_vec(&original.snapshot()).unwrap();
            let snapshot: Snapshot<Id, _> = serde_json::from_slice(&saved).unwrap();
            let at = last.saturating_add(by);
            restored = Some(Dialer::restore(snapshot, config.clone(), original.rng(), at).unwrap());
        }
        let right = step(&mut original, *now, event);
        let restored = restored.as_mut().unwrap();
        let other = step(restored, now.saturating_add(by), &later(event, by));
        let other: Vec<_> = other.into_iter().map(|command| back(command, by)).collect();
        assert_eq!(other, right, "event {count} at {now}: {event:?}");
        last = original.now();
    }
    assert!(events.len() > 500, "{} events are few", events.len());
}

#[test]
fn balanced_goes_on_as_if_nothing_had_happened() {
    check(Config::balanced());
}

#[test]
fn classic_goes_on_as_if_nothing_had_happened() {
    check(Config::classic());
}

/// Whatever number in a snapshot is replaced by another one: it is refused, or works without a contradiction.
#[test]
fn damage_is_refused_or_harmless() {
    let config = config(Config::balanced());
    let events = hours(&config, 5);
    let mut dialer = Dialer::new(ME, config.clone(), ChaCha8Rng::seed_from_u64(5), Timestamp::ZERO).unwrap();
    for (now, event) in &events[..400] {
        step(&mut dialer, *now, event);
    }
    let saved = serde_json::to_string(&dialer.snapshot()).unwrap();
    let numbers: Vec<_> = saved.match_indices(|c: char| c.is_ascii_digit()).map(|(at, _)| at).collect();
    let (mut refused, mut accepted, mut contradictions) = (0, 0, 0);
    for at in numbers.iter().step_by(numbers.len() / 600) {
        let mut damaged = saved.clone().into_bytes();
        damaged[*at] = if damaged[*at] == b'9' { b'1' } else { b'9' };
        let Ok(snapshot) = serde_json::from_slice::<Snapshot<Id, _>>(&damaged) else {
            refused += 1;
            continue;
        };
        match Dialer::restore(snapshot, config.clone(), dialer.rng(), dialer.now()) {
            Err(error) => {
                refused += 1;
                contradictions += usize::from(is_contradiction(&error));
            }
            Ok(mut other) => {
                accepted += 1;
                for (now, event) in &events[400..420] {
                    step(&mut other, *now, event);
                }
            }
        }
    }
    assert!(refused > 100 && accepted > 100, "{refused} refused, {accepted} accepted");
    assert!(contradictions > 10, "only {contradictions} were read and contradicted themselves");
}

/// A snapshot that contradicts itself says what disagrees, and names what `verify` would say as the source.
fn is_contradiction(error: &RestoreError) -> bool {
    let RestoreError::Inconsistent(found) = error else { return false };
    assert_eq!(error.to_string(), format!("the snapshot is damaged: {}; start without it", found.what()));
    let source = error.source().unwrap().to_string();
    assert_eq!(source, format!("the state is inconsistent: {}", found.what()));
    !found.what().is_empty()
}

#[test]
fn what_cannot_be_restored_says_why() {
    let now = Timestamp::from_secs(5);
    let dialer = Dialer::new(ME, Config::balanced(), ChaCha8Rng::seed_from_u64(1), now).unwrap();
    let rng = dialer.rng();
    let other = Dialer::restore(dialer.snapshot(), Config::classic(), rng.clone(), now);
    assert_eq!(other.unwrap_err(), RestoreError::OtherProfile);
    let late = Timestamp::from_nanos(u64::MAX);
    let other = Dialer::restore(dialer.snapshot(), Config::balanced(), rng, late);
    assert_eq!(other.unwrap_err(), RestoreError::TimeOutOfRange);
    let saved = serde_json::to_string(&dialer.snapshot()).unwrap();
    let future = saved.replacen("[8,", "[9,", 1);
    let error = serde_json::from_str::<Snapshot<Id, std::net::SocketAddr>>(&future).unwrap_err();
    assert!(error.to_string().starts_with("snapshot version 9, but this build reads version 8"), "{error}");
    let cut = serde_json::from_str::<Snapshot<Id, std::net::SocketAddr>>(&saved[..saved.len() - 9]);
    assert!(cut.unwrap_err().is_eof());
}

/// A saved dialer, through bytes or as it is.
fn saved(dialer: &Dialer, bytes: bool) -> Snapshot<'_, Id, std::net::SocketAddr> {
    let snapshot = dialer.snapshot();
    if bytes { postcard::from_bytes(&postcard::to_allocvec(&snapshot).unwrap()).unwrap() } else { snapshot }
}

fn known(n: u8) -> Event {
    let node = dialstate::Node::new([n; 32], [([20, n, 0, 1], 30_303).into()]);
    Event::NodeDiscovered { node, source: dialstate::Source(1), vouched: false }
}

/// Bytes are not needed: what was taken of a dialer can be restored at once.
#[test]
fn a_snapshot_that_was_never_written_can_be_restored() {
    for profile in [Config::balanced(), Config::classic()] {
        let config = config(profile);
        let mut dialer =
            Dialer::new(ME, config.clone(), ChaCha8Rng::seed_from_u64(1), Timestamp::ZERO).unwrap();
        for (now, event) in hours(&config, 4).iter().take(2_000) {
            step(&mut dialer, *now, event);
        }
        let now = dialer.now();
        let [one, two] = [false, true].map(|bytes| {
            let mut restored =
                Dialer::restore(saved(&dialer, bytes), config.clone(), dialer.rng(), now).unwrap();
            let later = now.saturating_add(Duration::from_secs(60));
            [step(&mut restored, now, &known(3)), step(&mut restored, later, &Event::Tick)]
        });
        assert_eq!(one, two);
    }
}

/// A restrict list that was lifted while the dialer was down: whoever it excluded is a candidate again.
#[test]
fn under_a_wider_config_nobody_stays_parked() {
    let mut config = Config::balanced();
    config.discovery = false;
    config.restrict = Some(vec!["10.0.0.0/8".parse().unwrap()]);
    let mut dialer = Dialer::new(ME, config.clone(), ChaCha8Rng::seed_from_u64(1), Timestamp::ZERO).unwrap();
    step(&mut dialer, Timestamp::from_secs(1), &known(1));
    assert_eq!(dialer.gauges().parked, 1);
    config.restrict = None;
    for bytes in [false, true] {
        let now = Timestamp::from_secs(5);
        let mut restored = Dialer::restore(saved(&dialer, bytes), config.clone(), dialer.rng(), now).unwrap();
        assert!(matches!(restored.poll(), Command::Dial { node, .. } if node.id == [1; 32]));
    }
}

/// A narrower list and a lower target take effect on the peers that are there; the same config on nobody.
#[test]
fn under_a_narrower_config_peers_are_disconnected() {
    use dialstate::{DialKind, DisconnectReason, PeerKind};
    let mut config = Config::balanced();
    config.discovery = false;
    let mut dialer = Dialer::new(ME, config.clone(), ChaCha8Rng::seed_from_u64(1), Timestamp::ZERO).unwrap();
    for n in [1, 2, 3] {
        let kind = PeerKind::Outbound(DialKind::Dynamic);
        let peer = Event::PeerAdded { id: [n; 32], kind, addr: Some(([20, n, 0, 1], 30_303).into()) };
        step(&mut dialer, Timestamp::from_secs(n.into()), &peer);
    }
    let disconnects = |config: Config, bytes| {
        let now = Timestamp::from_secs(9);
        let mut restored = Dialer::restore(saved(&dialer, bytes), config, dialer.rng(), now).unwrap();
        let mut all = Vec::new();
        while let Command::Disconnect { id, reason } = restored.poll() {
            all.push((id[0], reason));
        }
        all.sort_unstable_by_key(|(id, _)| *id);
        all
    };
    let mut listed = config.clone();
    listed.restrict = Some(vec!["20.2.0.0/16".parse().unwrap()]);
    let mut lower = config.clone();
    lower.dynamic_target = 1;
    for bytes in [false, true] {
        assert_eq!(disconnects(config.clone(), bytes), []);
        let (restricted, over) = (DisconnectReason::Restricted, DisconnectReason::OverTarget);
        assert_eq!(disconnects(listed.clone(), bytes), [(1, restricted), (3, restricted)]);
        assert_eq!(disconnects(lower.clone(), bytes), [(2, over), (3, over)]);
    }
}

/// A dialer with all slots filled sleeps without an end; under a higher target it dials at once.
#[test]
fn under_a_higher_target_it_does_not_sleep_on() {
    use dialstate::{DialKind, PeerKind};
    for mut config in [Config::balanced(), Config::classic()] {
        (config.discovery, config.dynamic_target) = (false, 1);
        let rng = ChaCha8Rng::seed_from_u64(1);
        let mut dialer = Dialer::new(ME, config.clone(), rng, Timestamp::ZERO).unwrap();
        let kind = PeerKind::Outbound(DialKind::Dynamic);
        step(&mut dialer, Timestamp::ZERO, &Event::PeerAdded { id: [9; 32], kind, addr: None });
        for n in 1..5 {
            step(&mut dialer, Timestamp::ZERO, &known(n));
        }
        assert!(matches!(dialer.poll(), Command::Sleep { .. }));
        config.dynamic_target = 9;
        for bytes in [false, true] {
            let now = Timestamp::from_secs(5);
            let mut restored =
                Dialer::restore(saved(&dialer, bytes), config.clone(), dialer.rng(), now).unwrap();
            let command = restored.poll();
            assert!(matches!(command, Command::Dial { .. }), "{command:?}");
        }
    }
}

/// What was changed while it ran can be read from what was saved.
#[test]
fn a_snapshot_tells_its_config() {
    let rng = ChaCha8Rng::seed_from_u64(1);
    let mut dialer = Dialer::new(ME, config(Config::balanced()), rng, Timestamp::ZERO).unwrap();
    let change = dialstate::Change::DynamicTarget(50);
    step(&mut dialer, Timestamp::ZERO, &Event::Reconfigured(change));
    for bytes in [false, true] {
        let snapshot = saved(&dialer, bytes);
        assert_eq!((snapshot.config(), snapshot.config().dynamic_target), (dialer.config(), 50));
    }
}

/// Two nodes wait for room in a subnet that holds two peers, and both of these leave: both are dialed at once. A dialer that is
/// restored in the middle of that goes on as the first one does.
#[test]
fn all_that_have_got_room_are_dialed_in_one_drain() {
    use dialstate::{DialKind, Node, PeerKind, RemovalReason, Source};
    let addr = |n: u8| std::net::SocketAddr::from(([20, 5, 6, n], 1));
    let config = Config::balanced().with_dynamic_target(4).with_discovery(false);
    let mut dialer = Dialer::new(ME, config.clone(), ChaCha8Rng::seed_from_u64(1), Timestamp::ZERO).unwrap();
    let (begin, now) = (Timestamp::from_secs(1), Timestamp::from_secs(60));
    let is_dial = |command: &Command| matches!(command, Command::Dial { .. });
    for n in 1..=2 {
        let kind = PeerKind::Outbound(DialKind::Dynamic);
        step(&mut dialer, begin, &Event::PeerAdded { id: [n; 32], kind, addr: Some(addr(n)) });
    }
    for n in 3..=4 {
        let (node, source) = (Node::new([n; 32], [addr(n)]), Source(0));
        let commands = step(&mut dialer, begin, &Event::NodeDiscovered { node, source, vouched: false });
        assert!(!commands.iter().any(is_dial), "{commands:?}");
    }
    for n in 1..=2 {
        dialer.handle(now, Event::PeerRemoved { id: [n; 32], reason: RemovalReason::Local }).unwrap();
    }
    let first = dialer.poll();
    let mut later = Dialer::restore(saved(&dialer, true).into_owned(), config, dialer.rng(), now).unwrap();
    let rest = [dialer.poll(), dialer.poll()];
    assert_eq!(rest, [later.poll(), later.poll()]);
    let all: Vec<_> = [first].into_iter().chain(rest).collect();
    assert_eq!(all.iter().filter(|command| is_dial(command)).count(), 2, "{all:?}");
}
