//! A restart of the program, from a snapshot: nothing is under way, nobody is connected, and nobody is to blame.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use dialstate::{
    ConnectionId, DialKind, EventError, KnownNode, Node, PeerKind, Snapshot, Source, Timestamp, WakeReason,
};
use dialstate_proptests::world::{Command, Config, Dialer, Event, Id};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

const ME: Id = [0xff; 32];
const UP: Timestamp = Timestamp::from_secs(3_600);

fn profiles() -> [Config; 3] {
    [Config::balanced(), Config::classic(), Config::scheduler()]
}

fn node(n: u8) -> Node<Id, SocketAddr> {
    Node::new([n; 32], [([20, n, 0, 1], 30_303).into()])
}

fn discovered(n: u8) -> Event {
    Event::NodeDiscovered { node: node(n), source: Source(1), vouched: false }
}

fn new(config: &Config) -> Dialer {
    Dialer::new(ME, config.clone(), ChaCha8Rng::seed_from_u64(1), Timestamp::ZERO).unwrap()
}

/// What one event makes a dialer say, without the `Sleep`.
fn tell(dialer: &mut Dialer, now: Timestamp, event: Event) -> Vec<Command> {
    let mut commands = Vec::new();
    dialer.step(now, event, &mut commands).unwrap();
    commands.pop();
    commands
}

/// Restored in another process, whose clock began anew, and told of the restart.
fn restart(dialer: &Dialer, config: &Config) -> Dialer {
    let saved = postcard::to_allocvec(&dialer.snapshot()).unwrap();
    let snapshot: Snapshot<'_, Id, SocketAddr> = postcard::from_bytes(&saved).unwrap();
    let rng = ChaCha8Rng::seed_from_u64(2);
    let mut restored = Dialer::restore(snapshot, config.clone(), rng, Timestamp::ZERO).unwrap();
    restored.handle(Timestamp::ZERO, Event::Restarted).unwrap();
    restored.verify().unwrap();
    restored
}

fn dialed(commands: &[Command]) -> BTreeSet<u8> {
    let ids = commands.iter().filter_map(|command| match command {
        Command::Dial { node, .. } => Some(node.id[0]),
        _ => None,
    });
    ids.collect()
}

/// Static and other nodes that have been connected for `session`, with dials as they were asked for.
fn connected(config: &Config, session: Duration) -> Dialer {
    let mut dialer = new(config);
    let before = UP.saturating_sub(session);
    let mut commands = Vec::new();
    for n in 1..=4 {
        let event = if n <= 2 { Event::StaticAdded(node(n)) } else { discovered(n) };
        commands.extend(tell(&mut dialer, before, event));
    }
    // Classic draws one at random in each round.
    let mut now = before;
    while dialer.peers().count() < 4 {
        for command in std::mem::take(&mut commands) {
            if let Command::Dial { dial, .. } = command {
                commands.extend(tell(
                    &mut dialer,
                    now,
                    Event::DialConnected { dial, addr: None, tried: vec![] },
                ));
            }
            if let Command::Lookup { lookup, .. } = command {
                commands.extend(tell(&mut dialer, now, Event::LookupFinished { lookup, nodes: vec![] }));
            }
        }
        now = now.saturating_add(Duration::from_millis(100));
        commands.extend(tell(&mut dialer, now, Event::Tick));
    }
    // In small steps: after a jump of the clock dials would be paced.
    while now < UP {
        now = now.saturating_add(Duration::from_secs(1)).min(UP);
        tell(&mut dialer, now, Event::Tick);
    }
    dialer
}

#[test]
fn peers_may_be_dialed_again_at_once() {
    for config in profiles() {
        for session in [Duration::from_secs(30), Duration::from_secs(3_000)] {
            let dialer = connected(&config, session);
            let mut restored = restart(&dialer, &config);
            assert_eq!(restored.peers().count(), 0);
            for n in 1..=4 {
                let known = restored.known_node(&[n; 32]);
                let explained = restored.explain(&[n; 32]);
                let cooling = explained.refusals.iter().any(|refusal| refusal.until().is_some());
                assert!(!cooling, "{}, node {n}: {explained}", config.profile());
                if config.profile() == dialstate::Profile::Balanced && n > 2 {
                    assert!(known.is_some_and(|KnownNode { good, .. }| good), "node {n}");
                }
            }
            let mut commands = tell(&mut restored, Timestamp::ZERO, Event::Tick);
            // Scheduler keeps no nodes: it dials the others when it hears of them again.
            for n in 3..=4 {
                commands.extend(tell(&mut restored, Timestamp::ZERO, discovered(n)));
            }
            assert_eq!(dialed(&commands), BTreeSet::from([1, 2, 3, 4]), "{}", config.profile());
        }
    }
}

/// A dial, a resolve, a lookup and a handshake that nobody will answer or end.
#[test]
fn what_was_under_way_is_taken_up_again() {
    for config in profiles() {
        let mut dialer = new(&config);
        let mut commands = tell(&mut dialer, UP, Event::StaticAdded(node(1)));
        commands.extend(tell(&mut dialer, UP, Event::StaticAdded(Node::unresolved([2; 32]))));
        commands.extend(tell(&mut dialer, UP, Event::StaticAdded(node(3))));
        let pending = Event::InboundPending { connection: ConnectionId(1), id: [4; 32] };
        commands.extend(tell(&mut dialer, UP, pending));
        commands.extend(tell(&mut dialer, UP, Event::StaticAdded(node(4))));
        let open = dialer.tasks().count();
        assert_eq!(open, 4, "{}: two dials, a resolve, a lookup: {commands:?}", config.profile());

        let mut restored = restart(&dialer, &config);
        assert_eq!(restored.tasks().count(), 0);
        assert_eq!(restored.gauges().inbound_handshakes, 0);
        let commands = tell(&mut restored, Timestamp::ZERO, Event::Tick);
        assert_eq!(dialed(&commands), BTreeSet::from([1, 3, 4]), "{}: {commands:?}", config.profile());
        let resolves = |command: &Command| matches!(command, Command::Resolve { id, .. } if *id == [2; 32]);
        assert!(commands.iter().any(resolves), "{}: {commands:?}", config.profile());
        // The next lookup keeps the interval between two.
        let Command::Sleep { until, reason } = restored.poll() else { panic!("a drain has an end") };
        let looks = |command: &Command| matches!(command, Command::Lookup { .. });
        let at = until.filter(|_| reason == WakeReason::Lookup).unwrap_or(Timestamp::ZERO);
        let later = tell(&mut restored, at.max(Timestamp::from_secs(4)), Event::Tick);
        assert!(commands.iter().chain(&later).any(looks), "{}: {later:?}", config.profile());
        for command in commands {
            if let Command::Dial { dial, .. } = command {
                let event = Event::DialConnected { dial, addr: None, tried: vec![] };
                restored.handle(Timestamp::from_secs(4), event).unwrap();
            }
        }
    }
}

/// Owed to a driver that is gone: neither cancels nor disconnects go out, and an answer to an old task is late.
#[test]
fn nothing_is_owed_to_the_driver_of_before() {
    for config in profiles() {
        let mut dialer = connected(&config, Duration::from_secs(30));
        let commands = tell(&mut dialer, UP, Event::StaticAdded(node(5)));
        let Some(Command::Dial { dial, .. }) = commands.last() else { panic!("{commands:?}") };
        dialer
            .handle(UP, Event::Banned { subject: dialstate::BanSubject::Id([1; 32]), until: None })
            .unwrap();
        dialer
            .handle(UP, Event::Banned { subject: dialstate::BanSubject::Id([5; 32]), until: None })
            .unwrap();
        let mut restored = restart(&dialer, &config);
        let commands = tell(&mut restored, Timestamp::ZERO, Event::Tick);
        let owed = |command: &Command| matches!(command, Command::Cancel(_) | Command::Disconnect { .. });
        assert!(!commands.iter().any(owed), "{}: {commands:?}", config.profile());
        assert!(!dialed(&commands).contains(&1));
        let late = Event::DialConnected { dial: *dial, addr: None, tried: vec![] };
        let refused = restored.handle(Timestamp::ZERO, late);
        assert!(matches!(refused, Err(EventError::EndedTask(_))), "{}: {refused:?}", config.profile());
    }
}

/// The peers that were connected longest come first, where the config asks for anchors.
#[test]
fn anchors_are_dialed_first() {
    let mut config = Config::balanced();
    (config.anchors, config.discovery) = (2, false);
    let mut dialer = new(&config);
    for n in 10..=20 {
        let now = Timestamp::from_secs(n.into());
        tell(&mut dialer, now, discovered(n));
        let kind = PeerKind::Outbound(DialKind::Dynamic);
        tell(&mut dialer, now, Event::PeerAdded { id: [n; 32], kind, addr: None });
    }
    let mut restored = restart(&dialer, &config);
    let first = [restored.poll(), restored.poll()];
    assert_eq!(dialed(&first), BTreeSet::from([10, 11]), "{first:?}");
}
