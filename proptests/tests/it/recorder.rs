//! Recordings of a dialer, of both profiles: replaying the input gives exactly the output.

use core::convert::Infallible;
use core::net::SocketAddr;
use std::collections::BTreeMap;

use dialstate::rand_core::{Rng, SeedableRng};
use dialstate::record::{BinarySink, Header, ReadError, ReadErrorKind, Recorder, Recording, Sink};
use dialstate::{
    AddrOutcome, BanSubject, Command, Config, ConnectionId, DialId, DialKind, DialOutcome, Event, Node,
    PeerKind, RemovalReason, Source, Task, Timestamp,
};
use dialstate_proptests::replay::{JsonLines, Replayer, replay, to_lines};
use dialstate_proptests::trace::{Id, Lines};
use rand_chacha::ChaCha8Rng;

const OUTCOMES: [DialOutcome; 10] = [
    DialOutcome::Connected,
    DialOutcome::Unreachable,
    DialOutcome::Refused,
    DialOutcome::TimedOut,
    DialOutcome::HandshakeFailed,
    DialOutcome::WrongIdentity,
    DialOutcome::TooManyPeers,
    DialOutcome::Useless,
    DialOutcome::LocalError,
    DialOutcome::Cancelled,
];

/// A driver that does what it likes: it answers late, twice, or not at all.
struct Driver {
    rng: ChaCha8Rng,
    /// Every task ever asked for, so that some answers come too late.
    tasks: Vec<(Task, Id)>,
    /// How often each command was seen.
    seen: BTreeMap<&'static str, u32>,
}

impl Driver {
    fn below(&mut self, bound: u64) -> u64 {
        self.rng.next_u64() % bound
    }

    fn id(&mut self) -> Id {
        [1 + self.below(60) as u8; 32]
    }

    fn addr(&mut self) -> SocketAddr {
        let (net, host) = (self.below(8) as u8, self.below(20) as u8);
        if net == 0 {
            ([0x2001, 0xdb8, 0, 0, 0, 0, 0, host.into()], 30303).into()
        } else {
            ([9, net, 0, host], 30303).into()
        }
    }

    fn node(&mut self) -> Node<Id, SocketAddr> {
        let (id, count) = (self.id(), self.below(4));
        Node::new(id, (0..count).map(|_| self.addr()).collect::<Vec<_>>())
    }

    fn nodes(&mut self) -> Vec<Node<Id, SocketAddr>> {
        (0..self.below(5)).map(|_| self.node()).collect()
    }

    fn event(&mut self, now: Timestamp) -> Event<Id, SocketAddr> {
        match self.below(40) {
            0 | 1 => Event::StaticAdded(self.node()),
            2 => Event::StaticRemoved(self.id()),
            3..=6 => Event::NodeDiscovered {
                node: self.node(),
                source: Source(self.below(3) as u8),
                vouched: false,
            },
            7 => Event::NodeForgotten(self.id()),
            8 => Event::PeerAdded { id: self.id(), kind: PeerKind::Inbound, addr: Some(self.addr()) },
            9..=12 => Event::PeerRemoved { id: self.id(), reason: RemovalReason::Closed },
            13 => Event::InboundPending { connection: ConnectionId(self.below(9)), id: self.id() },
            14 => Event::InboundEnded { connection: ConnectionId(self.below(9)) },
            15 => Event::DialRequested(self.id()),
            16 if self.below(8) == 0 => Event::Banned {
                subject: BanSubject::Id(self.id()),
                until: Some(Timestamp::from_nanos(now.as_nanos() + self.below(100_000_000_000))),
            },
            17 => Event::Unbanned(BanSubject::Id(self.id())),
            18 if self.below(20) == 0 => Event::NetworkChanged,
            19 | 20 => Event::Tick,
            21 => Event::DialFinished {
                dial: DialId::from_raw(self.below(1 << 40)),
                outcome: DialOutcome::Connected,
                tried: Vec::new(),
            },
            _ => self.answer(),
        }
    }

    /// An answer to one of the latest tasks, or to any.
    fn answer(&mut self) -> Event<Id, SocketAddr> {
        let recent = if self.below(8) == 0 { self.tasks.len() } else { self.tasks.len().min(12) } as u64;
        if recent == 0 {
            return Event::Tick;
        }
        let back = self.below(recent) as usize;
        let (task, id) = self.tasks[self.tasks.len() - 1 - back];
        match task {
            Task::Dial(dial) => {
                let outcome = OUTCOMES[self.below(10) as usize];
                if outcome == DialOutcome::Connected && self.below(4) > 0 {
                    if self.below(2) == 0 {
                        return Event::DialConnected { dial, addr: None, tried: Vec::new() };
                    }
                    // In two parts this comes first, and then the end of the dial.
                    return Event::PeerAdded { id, kind: PeerKind::Outbound(DialKind::Dynamic), addr: None };
                }
                let tried = if self.below(2) == 0 {
                    vec![AddrOutcome { addr: self.addr(), outcome }]
                } else {
                    Vec::new()
                };
                Event::DialFinished { dial, outcome, tried }
            }
            Task::Resolve(resolve) => Event::ResolveFinished { resolve, addrs: self.node().addrs },
            Task::Lookup(lookup) => Event::LookupFinished { lookup, nodes: self.nodes() },
        }
    }

    fn note(&mut self, command: &Command<Id, SocketAddr>) {
        let name = match command {
            Command::Dial { dial, node, .. } => {
                self.tasks.push((Task::Dial(*dial), node.id));
                "dial"
            }
            Command::Resolve { resolve, id, .. } => {
                self.tasks.push((Task::Resolve(*resolve), *id));
                "resolve"
            }
            Command::Lookup { lookup, .. } => {
                self.tasks.push((Task::Lookup(*lookup), [0; 32]));
                "lookup"
            }
            Command::Cancel(_) => "cancel",
            Command::Disconnect { .. } => "disconnect",
            Command::Sleep { .. } => "sleep",
        };
        *self.seen.entry(name).or_default() += 1;
    }
}

/// A sink for both forms at once.
struct Both<'a, F> {
    lines: JsonLines<&'a mut Vec<u8>>,
    compact: BinarySink<F, Infallible>,
}

impl<F: FnMut(&[u8]) -> Result<(), Infallible>> Sink<Id, SocketAddr> for Both<'_, F> {
    fn begin(&mut self, header: &Header<Id, SocketAddr>) {
        self.lines.begin(header);
        self.compact.begin(header);
    }

    fn event(&mut self, now: Timestamp, event: &Event<Id, SocketAddr>) {
        self.lines.event(now, event);
        self.compact.event(now, event);
    }

    fn command(&mut self, command: &Command<Id, SocketAddr>) {
        self.lines.command(command);
        self.compact.command(command);
    }

    fn end(&mut self) {
        Sink::<Id, SocketAddr>::end(&mut self.compact);
    }
}

/// What one life left behind.
struct Recorded {
    input: String,
    output: String,
    compact: Vec<u8>,
    seen: BTreeMap<&'static str, u32>,
}

/// A dialer that is told anything, and drained to the end, in part, or not at all.
fn record(config: Config<Id, SocketAddr>, seed: u64, rounds: u32) -> Recorded {
    let (mut input, mut output, mut compact) = (Vec::new(), Vec::new(), Vec::new());
    let start = Timestamp::from_nanos(123_456_789);
    let keep = |bytes: &[u8]| {
        compact.extend_from_slice(bytes);
        Ok::<_, Infallible>(())
    };
    let sink = Both { lines: JsonLines::new(&mut input, &mut output), compact: BinarySink::new(keep) };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let dialer = Recorder::<_, _, ChaCha8Rng, _>::new([7; 32], config, bytes, start, sink);
    let mut dialer = dialer.unwrap();
    let rng = ChaCha8Rng::seed_from_u64(seed ^ 0xd1a1);
    let mut driver = Driver { rng, tasks: Vec::new(), seen: BTreeMap::new() };
    let mut now = start;
    for round in 0..rounds {
        let first = u64::from(round > 0 || seed.is_multiple_of(2));
        for _ in 0..first + driver.below(2) * first {
            // The driver gives nonsense, too: a refusal is part of the recording.
            let _ = dialer.handle(now, driver.event(now));
        }
        let most = if driver.below(5) == 0 { driver.below(3) } else { u64::MAX };
        for _ in 0..most {
            let command = dialer.poll();
            driver.note(&command);
            if matches!(command, Command::Sleep { .. }) {
                // Asking once more is no news.
                assert_eq!(dialer.poll(), command);
                break;
            }
        }
        let pause = [0, 1, 700_000_001, 3_000_000_000][driver.below(4) as usize];
        now = Timestamp::from_nanos(now.as_nanos() + pause);
    }
    let (_, Both { lines, compact: binary }) = dialer.finish();
    lines.finish().unwrap();
    assert!(binary.into_result().is_ok());
    let [input, output] = [input, output].map(|bytes| String::from_utf8(bytes).unwrap());
    Recorded { input, output, compact, seen: driver.seen }
}

fn replayed(input: &str) -> String {
    let mut replayer = None;
    let mut output = String::new();
    for text in Lines::new("recording", input.as_bytes()) {
        let line = text.unwrap().input().unwrap();
        let answer = match &mut replayer {
            None => {
                let (begun, answer) = Replayer::new(&line).unwrap();
                replayer = Some(begun);
                answer
            }
            Some(replayer) => replayer.line(&line).unwrap(),
        };
        output.push_str(&answer.line.text());
        output.push('\n');
    }
    output
}

/// Records and replays; returns how often each command was seen.
fn round_trip(config: Config<Id, SocketAddr>, seed: u64) -> BTreeMap<&'static str, u32> {
    let Recorded { input, output, compact, seen } = record(config, seed, 3_000);
    let again = replayed(&input);
    let differ = output.lines().zip(again.lines()).zip(input.lines()).find(|((one, two), _)| one != two);
    assert!(differ.is_none(), "{differ:#?}");
    assert_eq!(output, again);
    for hard in [r#""token":"#, r#""drain":false"#, r#""drain":1"#, r#""at_ns":"#] {
        assert!(input.contains(hard), "the recording is too easy: no {hard}");
    }

    let done = replay(&compact, None).unwrap();
    assert!(done.divergence.is_none(), "{}", done.divergence.unwrap());
    assert_eq!(done.events + 1, input.lines().count() as u64);
    assert!(!done.unfinished);
    let (mut lines, mut answers) = (Vec::new(), Vec::new());
    assert_eq!(to_lines(&compact, &mut lines, &mut answers), Ok(true));
    assert_eq!((String::from_utf8(lines).unwrap(), String::from_utf8(answers).unwrap()), (input, output));
    seen
}

#[test]
fn a_recording_of_balanced_replays_exactly() {
    for seed in 0..4 {
        let mut config = Config::balanced();
        config.bootnodes = vec![Node::new([200; 32], ["9.9.9.9:30303".parse().unwrap()])];
        config.feeler_interval = Some(core::time::Duration::from_secs(20));
        let seen = round_trip(config, seed);
        for name in ["dial", "resolve", "lookup", "cancel", "disconnect"] {
            assert!(seen.contains_key(name), "no {name}: {seen:?}");
        }
    }
}

#[test]
fn a_recording_of_classic_replays_exactly() {
    for seed in 0..4 {
        let mut config = Config::classic();
        config.restrict = Some(vec!["9.0.0.0/8".parse().unwrap()]);
        let seen = round_trip(config, seed);
        for name in ["dial", "resolve", "lookup"] {
            assert!(seen.contains_key(name), "no {name}: {seen:?}");
        }
    }
}

#[test]
fn a_recording_that_is_cut_short_says_where() {
    let Recorded { compact, .. } = record(Config::balanced(), 1, 60);
    assert!(replay(&compact, None).is_ok());
    let mut unfinished = 0;
    for length in 0..compact.len() {
        let error = last_error(&compact[..length]);
        assert!(error.offset <= length as u64, "{length}: {error}");
        match error.kind {
            ReadErrorKind::NotARecording => assert_eq!(length, 0),
            ReadErrorKind::Truncated { needed, left } => {
                assert_eq!(left, length as u64 - error.offset, "{length}");
                assert!(needed > left, "{length}: {error}");
            }
            ReadErrorKind::Unfinished => unfinished += 1,
            other => panic!("{length}: {other:?}"),
        }
    }
    assert!(unfinished > 60, "each whole record is sound: {unfinished}");
}

#[test]
fn a_recording_in_which_a_bit_has_changed_says_where() {
    let Recorded { compact, .. } = record(Config::classic(), 1, 12);
    let mut seen = BTreeMap::new();
    for at in 0..compact.len() {
        for bit in 0..8 {
            let mut damaged = compact.clone();
            damaged[at] ^= 1 << bit;
            let error = last_error(&damaged);
            assert!(error.offset <= at as u64, "byte {at}, bit {bit}: {error}");
            let name = match error.kind {
                ReadErrorKind::NotARecording => "not a recording",
                ReadErrorKind::Version { .. } => "version",
                ReadErrorKind::Truncated { .. } => "truncated",
                ReadErrorKind::Damaged => "damaged",
                other => panic!("byte {at}, bit {bit}: {other:?}"),
            };
            *seen.entry(name).or_insert(0) += 1;
        }
    }
    assert_eq!((seen["not a recording"], seen["version"]), (64, 16), "{seen:?}");
    assert!(seen["truncated"] > 100 && seen["damaged"] > 1_000, "{seen:?}");
}

#[test]
fn a_record_that_is_left_out_and_bytes_behind_the_end() {
    let Recorded { compact, .. } = record(Config::balanced(), 1, 20);
    let mut recording = Recording::<Id, SocketAddr>::open(&compact).unwrap();
    let from = recording.offset() as usize;
    recording.next();
    let until = recording.offset() as usize;
    let left_out = [&compact[..from], &compact[until..]].concat();
    assert_eq!(last_error(&left_out), ReadError::new(from as u64, ReadErrorKind::Damaged));
    let longer = [compact.as_slice(), b"x"].concat();
    assert_eq!(last_error(&longer), ReadError::new(compact.len() as u64, ReadErrorKind::Misplaced));
}

#[test]
fn other_types_are_named() {
    let Recorded { compact, .. } = record(Config::balanced(), 1, 1);
    let error = Recording::<[u8; 20], SocketAddr>::open(&compact).unwrap_err().to_string();
    assert!(error.contains("[u8; 32]") && error.contains("[u8; 20]"), "{error}");
}

/// The error at which reading ends.
fn last_error(bytes: &[u8]) -> ReadError {
    match Recording::<Id, SocketAddr>::open(bytes) {
        Err(error) => error,
        Ok(recording) => recording.filter_map(Result::err).last().unwrap(),
    }
}
