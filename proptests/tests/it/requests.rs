//! What becomes of a requested dial, and of an answer with a token of another kind.

use dialstate::{
    Change, Config, ConnectionId, DialOutcome, EventError, LastOutcome, LookupId, Notice, Refusal, Source,
    Task,
};
use dialstate_proptests::world::{Command, Dialer, Event};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use crate::small::{at, dialer, node, step};

/// A request that something has come to exclude before it had a slot is dropped, in both profiles, with a notice.
#[test]
fn a_request_that_is_excluded_meanwhile_is_dropped() {
    for config in [Config::balanced(), Config::classic()] {
        let mut dialer = Dialer::new([0; 32], config, ChaCha8Rng::seed_from_u64(1), at(0)).unwrap();
        let id = [3; 32];
        dialer.handle(at(1), Event::DialRequested(id)).unwrap();
        dialer.handle(at(1), Event::InboundPending { connection: ConnectionId(1), id }).unwrap();
        while !matches!(dialer.poll(), Command::Sleep { .. }) {}
        let reason =
            Refusal::InboundPending { until: at(1).saturating_add(std::time::Duration::from_secs(30)) };
        let dropped = Notice::RequestDropped { id, reason };
        assert_eq!(dialer.next_notice(), Some(dropped));
        let refused = dialer.handle(at(2), Event::DialRequested(id));
        assert_eq!(refused, Err(EventError::NotDialable(reason)));
        let change = Event::Reconfigured(Change::DynamicTarget(u32::MAX));
        assert!(matches!(dialer.handle(at(3), change), Err(EventError::InvalidChange(_)) | Ok(())));
    }
}

/// Whoever has asked for a dial is told what came of it, also if it was given up.
#[test]
fn the_end_of_a_request_is_told() {
    for config in [Config::balanced(), Config::classic()] {
        let config = config.with_discovery(false).with_dynamic_target(0);
        let mut dialer = Dialer::new([0; 32], config, ChaCha8Rng::seed_from_u64(1), at(0)).unwrap();
        step(&mut dialer, 1, Event::NodeDiscovered { node: node(2), source: Source(1), vouched: true });
        let id = [2; 32];
        let dialed = |commands: &[Command]| match commands {
            [Command::Dial { dial, .. }, ..] => *dial,
            other => panic!("{other:?}"),
        };
        let dial = dialed(&step(&mut dialer, 2, Event::DialRequested(id)));
        step(&mut dialer, 3, Event::DialFinished { dial, outcome: DialOutcome::Refused, tried: vec![] });
        let outcome = Some(LastOutcome::Dial(DialOutcome::Refused));
        assert_eq!(dialer.next_notice(), Some(Notice::RequestEnded { id, outcome }));
        let dial = dialed(&step(&mut dialer, 4, Event::DialRequested(id)));
        let commands = step(&mut dialer, 5, Event::Reconfigured(Change::Dialing(false)));
        assert_eq!(commands, [Command::Cancel(Task::Dial(dial))]);
        assert_eq!(dialer.next_notice(), Some(Notice::RequestEnded { id, outcome: None }));
    }
}

/// An answer of the wrong kind is a fault of the driver, and not a late one.
#[test]
fn a_token_of_another_kind_is_unknown() {
    let mut dialer = dialer(|config| config.dynamic_target = 1);
    let commands =
        step(&mut dialer, 1, Event::NodeDiscovered { node: node(1), source: Source(1), vouched: false });
    let Some(Command::Dial { dial, .. }) = commands.first() else { panic!("{commands:?}") };
    let lookup = LookupId::from_raw(dial.as_raw());
    let refused = dialer.handle(at(1), Event::LookupFinished { lookup, nodes: vec![] });
    assert_eq!(refused, Err(EventError::UnknownTask(Task::Lookup(lookup))));
    let finished = |dial| Event::DialFinished { dial, outcome: DialOutcome::Refused, tried: vec![] };
    dialer.handle(at(1), finished(*dial)).unwrap();
    assert_eq!(dialer.handle(at(1), finished(*dial)), Err(EventError::EndedTask(Task::Dial(*dial))));
}

/// There is no way to a node without an address where nobody can be asked for one.
#[test]
fn a_request_without_an_address_is_refused_where_there_is_no_discovery() {
    for config in [Config::balanced(), Config::classic(), Config::scheduler()] {
        for discovery in [true, false] {
            let config = config.clone().with_discovery(discovery);
            let mut dialer = Dialer::new([0; 32], config, ChaCha8Rng::seed_from_u64(1), at(0)).unwrap();
            let wanted = if discovery { Ok(()) } else { Err(EventError::NotDialable(Refusal::NoAddress)) };
            assert_eq!(dialer.handle(at(1), Event::DialRequested([3; 32])), wanted);
        }
    }
}
