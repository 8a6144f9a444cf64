//! A restored dialer is the one that was saved: command by command, on whatever timeline; and what is damaged is
//! refused.

use std::path::Path;
use std::time::Duration;

use dialstate::{RestoreError, Snapshot, Timestamp};
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
    config.options.feeler = Some(Duration::from_secs(120));
    config.options.churn = Some((Duration::from_secs(180), Duration::from_secs(420)));
    config.options.family_health = true;
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
    let (mut refused, mut accepted) = (0, 0);
    for at in numbers.iter().step_by(numbers.len() / 400) {
        let mut damaged = saved.clone().into_bytes();
        damaged[*at] = if damaged[*at] == b'9' { b'1' } else { b'9' };
        let Ok(snapshot) = serde_json::from_slice::<Snapshot<Id, _>>(&damaged) else {
            refused += 1;
            continue;
        };
        match Dialer::restore(snapshot, config.clone(), dialer.rng(), dialer.now()) {
            Err(_) => refused += 1,
            Ok(mut other) => {
                accepted += 1;
                for (now, event) in &events[400..420] {
                    step(&mut other, *now, event);
                }
            }
        }
    }
    assert!(refused > 100 && accepted > 100, "{refused} refused, {accepted} accepted");
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
    let future = saved.replacen("[1,", "[2,", 1);
    let error = serde_json::from_str::<Snapshot<Id, std::net::SocketAddr>>(&future).unwrap_err();
    assert!(error.to_string().starts_with("snapshot version 2, but this build reads version 1"), "{error}");
    let cut = serde_json::from_str::<Snapshot<Id, std::net::SocketAddr>>(&saved[..saved.len() - 9]);
    assert!(cut.unwrap_err().is_eof());
}
