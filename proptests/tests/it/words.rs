//! What people read: every error says what to do, every answer is a sentence.

use std::error::Error;
use std::net::SocketAddr;

use dialstate::record::{BinarySink, ReadError, ReadErrorKind, Recorder, RngSeed, WriteError};
use dialstate::{
    BanSubject, Collection, Config, ConfigError, DialId, DialKind, DialOutcome, DisconnectReason, EventError,
    LastOutcome, LookupId, Notice, PeerKind, Profile, Refusal, RemovalReason, ResolveId, RestoreError, Side,
    Source, Standing, Task, Timestamp, WakeReason,
};
use dialstate_proptests::world::{Command, Dialer, Event, Id};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use crate::small::{at, dialer, node, step};

#[test]
fn errors_say_what_to_do() {
    let change = || ConfigError::OutOfRange { field: "max_addrs", least: 1, most: 16, given: 20 };
    let dial = Task::Dial(DialId::from_raw(7));
    let told = [
        EventError::TimeOutOfRange { now: Timestamp::from_nanos(u64::MAX) },
        EventError::UnknownTask(dial),
        EventError::EndedTask(dial),
        EventError::Full { what: Collection::Statics, cap: 3 },
        EventError::NotDialable(Refusal::Connected),
        EventError::OwnId,
        EventError::InvalidChange(change()),
    ]
    .map(|error| error.to_string());
    let wanted = [
        "now is 18446744073709551615 ns, but must be at most 2^63 - 1 ns: count it from the start of the program",
        "dial 7 was never issued by this dialer: answer with the token of its command",
        "dial 7 has already ended: it was answered, cancelled or overdue",
        "there are 3 static nodes, the most that limits.statics allows: raise it or remove some",
        "the requested node can't be dialed: it is connected",
        "the node has this dialer's own id: leave it out",
        "the change is refused: max_addrs is 20, but must be from 1 to 16",
    ];
    assert_eq!(told, wanted);
    let above = ConfigError::Above { field: "backoff.short", bound: "backoff.max" };
    assert_eq!(
        above.to_string(),
        "backoff.short must not be above backoff.max: lower the one or raise the other"
    );
    let own = ConfigError::OwnBootnode.to_string();
    assert_eq!(own, "a bootnode has this dialer's own id: take it off the list");
    let told = [RestoreError::Config(change()), RestoreError::OtherProfile, RestoreError::TimeOutOfRange]
        .map(|error| error.to_string());
    let wanted = [
        "the config is invalid: max_addrs is 20, but must be from 1 to 16",
        "the snapshot is of another profile: restore it with a config of that profile",
        "now must be at most 2^63 - 1 ns",
    ];
    assert_eq!(told, wanted);
}

#[test]
fn errors_that_wrap_others_name_them_as_their_source() {
    let source = |error: &dyn Error| error.source().map(ToString::to_string);
    let config = ConfigError::OwnBootnode;
    let own = Some("a bootnode has this dialer's own id: take it off the list".to_owned());
    assert_eq!(source(&EventError::InvalidChange(config.clone())), own);
    assert_eq!(source(&RestoreError::Config(config.clone())), own);
    let failed = std::io::Error::other("disk full");
    assert_eq!(source(&WriteError::Write(failed)), Some("disk full".to_owned()));
    let plain: [&dyn Error; 3] = [&config, &EventError::OwnId, &WriteError::<std::io::Error>::Encode];
    assert_eq!(plain.map(source), [None, None, None]);
}

fn texts<T: ToString, const N: usize>(values: [T; N]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

/// Operators read words, not the names of variants.
#[test]
fn every_enum_that_operators_see_has_words() {
    use DialOutcome as Dial;
    use RemovalReason as Removal;
    use WakeReason as Wake;
    let told = texts([Dial::Connected, Dial::TimedOut, Dial::HandshakeFailed, Dial::WrongIdentity]);
    assert_eq!(told, ["connected", "timed out", "handshake failed", "wrong identity"]);
    let told =
        texts([Dial::Unreachable, Dial::TooManyPeers, Dial::Useless, Dial::LocalError, Dial::Cancelled]);
    assert_eq!(told, ["unreachable", "too many peers", "useless", "local error", "cancelled"]);
    let told = texts([Removal::Closed, Removal::Misbehaved, Removal::Local, Removal::Duplicate]);
    assert_eq!(told, ["closed", "misbehaved", "closed by us", "duplicate connection"]);
    let told = texts([Standing::None, Standing::Static, Standing::Cooling, Standing::Good, Standing::Failed]);
    assert_eq!(told, ["not a candidate", "static", "cooling down", "good", "failed"]);
    let told = texts([Standing::Sampled, Standing::Found, Standing::Crowded, Standing::Parked]);
    assert_eq!(told, ["sampled", "found", "crowded", "parked"]);
    let [bootnode, reunion] = [DialKind::Bootnode, DialKind::Reunion].map(PeerKind::Outbound);
    let told = texts([PeerKind::Inbound, bootnode, reunion, PeerKind::External]);
    assert_eq!(told, ["inbound", "outbound bootnode", "outbound reunion", "outbound external"]);
    let close = [Side::Inbound, Side::Outbound].map(|close| DisconnectReason::Duplicate { close });
    assert_eq!(texts(close), ["the inbound one of two connections", "the outbound one of two connections"]);
    let told = texts([DisconnectReason::OverTarget, DisconnectReason::FeelerDone, DisconnectReason::Churn]);
    assert_eq!(told, ["above the dynamic target", "feeler done", "churn"]);
    let told = texts([Wake::StaticRedial, Wake::OverdueLookup, Wake::InboundExpiry, Wake::LocalPause]);
    let wanted = ["static redial", "lookup deadline", "inbound handshake expiry", "pause after local errors"];
    assert_eq!(told, wanted);
    let told = texts([Collection::BannedIds, Collection::BannedNetworks, Collection::Requested]);
    assert_eq!(told, ["banned ids", "banned networks", "requested dials"]);
    let told = texts([Task::Resolve(ResolveId::from_raw(2)), Task::Lookup(LookupId::from_raw(3))]);
    assert_eq!(told, ["resolve 2", "lookup 3"]);
    assert_eq!(texts(Profile::ALL), ["classic", "scheduler", "balanced"]);
    assert_eq!(Profile::ALL.map(|profile| profile.to_string().parse()), Profile::ALL.map(Ok));
    let unknown = "Balanced".parse::<Profile>().unwrap_err();
    assert_eq!(unknown.to_string(), "no such profile: use classic, scheduler or balanced");
    assert_eq!(texts([LastOutcome::Dial(Dial::Refused)]), ["the dial ended: refused"]);
}

#[test]
fn a_snapshot_shows_nothing_private() {
    let mut dialer = dialer(|_| ());
    step(&mut dialer, 1, Event::NodeDiscovered { node: node(77), source: Source(1), vouched: false });
    assert_eq!(format!("{:?}", dialer.snapshot()), "Snapshot { version: 8, .. }");
}

#[test]
fn errors_of_recordings_say_where_and_what() {
    let told = [
        ReadErrorKind::NotARecording,
        ReadErrorKind::Version { found: 9, known: 1 },
        ReadErrorKind::Truncated { needed: 20, left: 7 },
        ReadErrorKind::Unfinished,
        ReadErrorKind::Damaged,
        ReadErrorKind::Undecodable { reason: "end".into(), recorded: "A".into(), read: "B".into() },
        ReadErrorKind::Misplaced,
    ]
    .map(|kind| ReadError::new(5, kind).to_string());
    let wanted = [
        "at byte 5: this is not a recording of dialstate",
        "at byte 5: the recording has version 9, but only version 1 can be read here: use the release of dialstate \
         that wrote it",
        "at byte 5: the recording ends within a record: 7 bytes of 20 are there",
        "at byte 5: the recording was not finished; it is sound up to here",
        "at byte 5: the recording is damaged: the check of this record fails",
        "at byte 5: the record can't be decoded (end): it was recorded with the types A, and is read with B",
        "at byte 5: the record is out of place",
    ];
    assert_eq!(told, wanted);
    let told = [WriteError::Write("disk full"), WriteError::Encode, WriteError::TooLong];
    let wanted = [
        "the recording can't be written: disk full",
        "an id or address can't be serialized in postcard's encoding",
        "an event is larger than 1073741823 bytes: hand in fewer nodes at once",
    ];
    assert_eq!(told.map(|error| error.to_string()), wanted);
}

/// A sink that can't be written to keeps its first error, and is not asked again; the dialer goes on.
#[test]
fn a_recording_that_breaks_does_not_break_the_dialer() {
    let mut calls = 0;
    let write = |_: &[u8]| {
        calls += 1;
        if calls < 4 { Ok(()) } else { Err("disk full") }
    };
    let sink = Some(BinarySink::new(write));
    let mut recorder =
        Recorder::<Id, SocketAddr, ChaCha8Rng, _>::new([0; 32], Config::balanced(), [1; 32], at(0), sink)
            .unwrap();
    let mut commands = Vec::new();
    for n in 1..5 {
        let event = Event::NodeDiscovered { node: node(n), source: Source(1), vouched: false };
        recorder.step(at(n.into()), event, &mut commands).unwrap();
    }
    assert_eq!(recorder.next_notice(), None);
    assert!(
        recorder.sink().as_ref().is_some_and(|sink| sink.error() == Some(&WriteError::Write("disk full")))
    );
    let (dialer, sink) = recorder.finish();
    assert_eq!(sink.unwrap().into_result().err(), Some(WriteError::Write("disk full")));
    assert_eq!((dialer.stats().dials, calls), (4, 4));
    let dials = commands.iter().filter(|command| matches!(command, Command::Dial { .. })).count();
    assert_eq!(dials, 4);
}

#[test]
fn seeds_make_generators_only_of_their_kind() {
    use rand_core::Rng;
    let drawn = |seed: RngSeed| seed.rng::<ChaCha8Rng>().map(|mut rng| rng.next_u64());
    assert_eq!(drawn(RngSeed::NotRecorded), None);
    assert_eq!(drawn(RngSeed::Number(3)), Some(ChaCha8Rng::seed_from_u64(3).next_u64()));
    assert_eq!(drawn(RngSeed::Bytes(vec![3; 32])), Some(ChaCha8Rng::from_seed([3; 32]).next_u64()));
    assert_eq!(drawn(RngSeed::Bytes(vec![3; 31])), None);
}

#[test]
fn refusals_and_notices_are_sentences() {
    let (network, subnet) = ("20.0.0.0/8".parse().unwrap(), dialstate::Subnet::NoIp);
    let told = [
        Refusal::OwnId,
        Refusal::Unknown,
        Refusal::InAttempt { until: None },
        Refusal::Connected,
        Refusal::DialingOff,
        Refusal::InboundPending { until: at(4) },
        Refusal::BannedId { until: Some(at(5)) },
        Refusal::BannedNetwork { network, until: None },
        Refusal::Restricted,
        Refusal::NoAddress,
        Refusal::ResolveDelay { until: at(6) },
        Refusal::Cooling { until: at(7) },
        Refusal::FamilyDown { until: Timestamp::from_secs(5) },
        Refusal::SubnetFull { subnet },
    ]
    .map(|refusal| refusal.to_string());
    let wanted = [
        "it is this node itself",
        "it is not known",
        "an attempt to reach it is under way",
        "it is connected",
        "dialing is off: Change::Dialing(true) turns it on",
        "it is connecting to us",
        "it is banned until 5.000s",
        "its network 20.0.0.0/8 is banned forever",
        "the restrict list excludes its addresses",
        "it has no address, and there is no discovery to resolve one: tell one with NodeDiscovered",
        "it has no address, and may be resolved again at 6.000s",
        "it is cooling down until 7.000s",
        "its address family does not work on this host",
        "its subnet has enough peers (all addresses without an IP)",
    ];
    assert_eq!(told, wanted);
    let (id, reason) = ([8u8, 0xab], Refusal::Connected);
    let told = [
        Notice::StaticParked { id, reason },
        Notice::StaticDeleted { id, reason },
        Notice::RequestDropped { id, reason },
        Notice::RequestEnded { id, outcome: Some(LastOutcome::Dial(DialOutcome::Refused)) },
        Notice::RequestEnded { id, outcome: None },
        Notice::KnownNodeForgotten { id },
        Notice::DiversityRelaxed { id, subnet },
        Notice::OfflineSuspected { since: at(9) },
        Notice::Online,
        Notice::TimeJumped { expected: at(10) },
    ]
    .map(|notice| notice.to_string());
    let wanted = [
        "static node 08ab is parked: it is connected",
        "static node 08ab is deleted: it is connected",
        "the requested dial of 08ab is dropped: it is connected",
        "the requested dial of 08ab is over: the dial ended: refused",
        "the requested dial of 08ab was given up",
        "node 08ab is no longer known",
        "08ab is dialed although its subnet has enough peers (all addresses without an IP): there is no other candidate",
        "the network seems to be down: nothing has succeeded since 9.000s",
        "the network works again",
        "time has jumped: the dialer was to be woken at 10.000s",
    ];
    assert_eq!(told, wanted);
}

#[test]
fn an_explanation_is_a_sentence() {
    let mut dialer = dialer(|config| {
        (config.dynamic_target, config.discovery) = (1, false);
        config.backoff.jitter_percent = 0;
    });
    let told = |dialer: &Dialer, n: u8| dialer.explain(&[n; 32]).to_string();
    assert_eq!(
        told(&dialer, 1),
        "not dialed: it is not known; it has no address, and there is no discovery to resolve one: tell one with \
         NodeDiscovered; only an event changes that (never tried)"
    );
    assert_eq!(told(&dialer, 0), "not dialed: it is this node itself");
    let commands =
        step(&mut dialer, 1, Event::NodeDiscovered { node: node(1), source: Source(1), vouched: false });
    let Some(Command::Dial { dial, .. }) = commands.first() else { panic!("{commands:?}") };
    step(&mut dialer, 2, Event::NodeDiscovered { node: node(2), source: Source(1), vouched: false });
    assert_eq!(told(&dialer, 2), "eligible, queued as fresh, but no slot is free (never tried)");
    let finished = Event::DialFinished { dial: *dial, outcome: DialOutcome::Refused, tried: vec![] };
    step(&mut dialer, 3, finished);
    let banned = Event::Banned { subject: BanSubject::Id([1; 32]), until: Some(at(20)) };
    step(&mut dialer, 4, banned);
    assert_eq!(
        told(&dialer, 1),
        "not dialed: it is banned until 20.000s; it is cooling down until 33.000s; eligible at 33.000s at the \
         earliest; no slot is free now (at 3.000s the dial ended: refused; failures in a row: 1)"
    );
    // Overdue, unresolved, and the end of a session.
    step(&mut dialer, 60, Event::Tick);
    assert!(told(&dialer, 2).contains("(at 60.000s no answer came by the deadline; failures in a row: 1)"));
    let peer = Event::PeerAdded { id: [5; 32], kind: PeerKind::Outbound(DialKind::Static), addr: None };
    step(&mut dialer, 61, peer);
    step(&mut dialer, 62, Event::StaticAdded(node(5)));
    step(&mut dialer, 63, Event::PeerRemoved { id: [5; 32], reason: RemovalReason::Useless });
    assert!(told(&dialer, 5).contains("the session ended: useless"), "{}", told(&dialer, 5));
}

#[test]
fn the_need_is_a_sentence() {
    let mut dialer = dialer(|config| {
        (config.dynamic_target, config.discovery) = (2, false);
        config.backoff.jitter_percent = 0;
    });
    assert_eq!(
        dialer.explain_need().to_string(),
        "0 of 2 dynamic peers, 0 attempts under way; 0 candidates ready, 0 cooling down, 0 crowded, 0 parked; no lookup is \
         under way"
    );
    let mut dials = Vec::new();
    for n in 1..4 {
        let commands =
            step(&mut dialer, 1, Event::NodeDiscovered { node: node(n), source: Source(1), vouched: false });
        dials.extend(commands.into_iter().filter_map(|command| match command {
            Command::Dial { dial, .. } => Some(dial),
            _ => None,
        }));
    }
    let need = dialer.explain_need();
    assert_eq!((need.free, need.ready, need.first_overdue), (0, 1, Some(at(31))));
    assert_eq!(
        need.to_string(),
        "0 of 2 dynamic peers, 2 attempts under way; every slot is taken, the first is given up at 31.000s; 1 candidates \
         ready, 0 cooling down, 0 crowded, 0 parked; no lookup is under way; redial at 3.000s; attempt deadline at \
         31.000s"
    );
    for dial in dials {
        let finished = Event::DialFinished { dial, outcome: DialOutcome::Refused, tried: vec![] };
        step(&mut dialer, 2, finished);
    }
    let told = dialer.explain_need().to_string();
    let wanted = "0 of 2 dynamic peers, 1 attempts under way; 0 candidates ready, 2 cooling down (the first until 32.000s), 0 \
                  crowded, 0 parked; no lookup is under way";
    assert_eq!(told, format!("{wanted}; redial at 32.000s; attempt deadline at 32.000s"));
    for id in [[8; 32], [9; 32]] {
        let kind = PeerKind::Outbound(DialKind::Dynamic);
        step(&mut dialer, 3, Event::PeerAdded { id, kind, addr: None });
    }
    assert_eq!(
        dialer.explain_need().to_string(),
        "2 of 2 dynamic peers, 0 attempts under way: the target is reached"
    );
}

/// What waits for somebody's notice is bounded, and what was lost is counted.
#[test]
fn notices_that_nobody_fetches_are_dropped_and_counted() {
    let mut dialer = dialer(|config| {
        config.limits.notices = 3;
        config.restrict = Some(vec!["10.0.0.0/8".parse().unwrap()]);
    });
    for n in 1..6 {
        step(&mut dialer, 1, Event::StaticAdded(node(n)));
    }
    let parked = std::iter::from_fn(|| dialer.next_notice());
    assert_eq!(parked.filter(|notice| matches!(notice, Notice::StaticParked { .. })).count(), 3);
    assert_eq!(dialer.stats().notices_dropped, 2);
}

/// The first lookups are an instant apart at least.
#[test]
fn lookups_without_a_pause_are_refused() {
    let mut config: dialstate_proptests::world::Config = Config::balanced();
    config.lookups.first = std::time::Duration::ZERO;
    let refused = config.validate().unwrap_err();
    assert!(refused.to_string().starts_with("lookups.first is 0ns, but must be from 1ms"), "{refused}");
}
