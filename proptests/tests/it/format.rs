//! The trace format: mistakes are named, and what is written reads back as it was.

use core::net::SocketAddr;
use core::time::Duration;

use dialstate::rand_core::Rng;
use dialstate::record::{RngSeed, Sink};
use dialstate::{
    AddrOutcome, BanSubject, Change, Churn, Command, Config, ConnectionId, DialId, DialKind, DialOutcome,
    Event, Node, PeerKind, RemovalReason, ResolveId, Source, Task, Timestamp, WakeReason,
};
use dialstate_proptests::replay::{JsonLines, TraceRng};
use dialstate_proptests::trace::{Draw, Header, Id, Input, Lines, Names, Policy, Text, TraceSeed};

const CONFIG: &str = r#"{"at_ms":0,"event":"config","self":"ffff","max_dynamic":5,"static":[],"bootnodes":[],"restrict":[],"discovery":true}"#;

fn texts(file: &str) -> Vec<Text> {
    Lines::new("t.jsonl", file.as_bytes()).map(Result::unwrap).collect()
}

fn mistake(line: &str) -> String {
    texts(line)[0].input().unwrap_err().to_string()
}

#[test]
fn a_mistake_has_file_line_and_reason() {
    for (line, reason) in [
        ("{", "t.jsonl:1: not a JSON object: EOF while parsing an object at column 1"),
        ("[]", "t.jsonl:1: not a JSON object: invalid type: sequence, expected a map at column 0"),
        (r#"{"event":"tick"}"#, "t.jsonl:1: missing field `at_ms` (or `at_ns`)"),
        (r#"{"at_ms":-1,"event":"tick"}"#, "t.jsonl:1: `at_ms` is -1, but must be a whole number in range"),
        (r#"{"at_ms":1}"#, "t.jsonl:1: missing field `event`"),
        (r#"{"at_ms":1,"event":"tick","id":"00"}"#, "t.jsonl:1: unknown field `id`"),
        (r#"{"at_ms":1,"event":"static_removed"}"#, "t.jsonl:1: missing field `id`"),
        (
            r#"{"at_ms":1,"event":"static_removed","id":"XY"}"#,
            r#"t.jsonl:1: the id "XY" is not 1 to 64 lower-case hex digits"#,
        ),
        (r#"{"at_ms":1,"event":"dial_finished","outcome":"connected"}"#, "t.jsonl:1: missing field `id`"),
        (
            r#"{"at_ms":1,"event":"dial_finished","id":"00","outcome":"bad"}"#,
            "t.jsonl:1: unknown variant `bad`",
        ),
        (r#"{"at_ms":1,"event":"peer_added","id":"00","kind":"bad"}"#, "t.jsonl:1: data did not match"),
        (r#"{"at_ms":1,"event":"nonsense"}"#, "t.jsonl:1: unknown variant `nonsense`"),
        (
            r#"{"at_ms":1,"event":"tick","drain":-1}"#,
            "t.jsonl:1: `drain` is -1, but must be true, false or a number of commands",
        ),
    ] {
        let error = mistake(line);
        assert!(error.starts_with(reason), "{line}\n{error}");
    }
    let error = texts("\n{}\n")[0].output().unwrap_err();
    assert_eq!(error.to_string(), "t.jsonl:2: missing field `at_ms` (or `at_ns`)", "blank lines count");
}

#[test]
fn a_setting_that_does_not_exist_is_named() {
    let header = |setting: &str| {
        let line = CONFIG.replace('}', &format!(r#","settings":{{{setting}}}}}"#));
        match texts(&line)[0].input().unwrap().input {
            Input::Config(header) => header.config(&mut Names::default()),
            other => Err(format!("{other:?}")),
        }
    };
    assert_eq!(header(r#""pace.speed":1"#).unwrap_err(), "unknown setting `pace.speed`");
    assert!(header(r#""pace.burst":"x""#).unwrap_err().starts_with(r#"setting `pace.burst` is "x": "#));
    assert!(header(r#""diversity":{"v4_24":1}"#).unwrap_err().ends_with("missing field `v4_16`"));
    assert_eq!(header(r#""pace.burst":9"#).unwrap().pace.burst, 9);
}

const SCHEDULER: &str = r#"{"at_ms":0,"event":"config","profile":"scheduler","self":"ffff","max_dial_peers":5,"max_active_dials":7,"draw":"0123456789abcdef","static":[],"restrict":[],"discovery":true}"#;

#[test]
fn the_config_of_a_scheduler_has_fields_of_its_own() {
    let line = texts(SCHEDULER)[0].input().unwrap();
    let Input::Config(header) = &line.input else { panic!("{line:?}") };
    assert_eq!(
        (header.policy(), header.max_dynamic, header.max_active_dials),
        (Policy::Scheduler, 5, Some(7))
    );
    assert_eq!(header.draw, Some(Draw(0x0123_4567_89ab_cdef)));
    assert_eq!(texts(&line.text())[0].input().unwrap(), line, "what is written can be read");
    for (part, other, reason) in [
        (r#""max_dial_peers":5,"#, "", "missing field `max_dial_peers`"),
        (r#""max_active_dials":7,"#, "", "missing field `max_active_dials`"),
        ("max_dial_peers", "max_dynamic", "field `max_dynamic` does not belong to the profile Scheduler"),
        (r#""profile":"scheduler","#, "", "field `max_dial_peers` does not belong to the profile Classic"),
        (r#""static""#, r#""seed":1,"static""#, "both `seed` and `draw`: give one of them"),
        ("0123", "123", r#"the draw "123456789abcdef" is not 16 hex digits"#),
    ] {
        assert_eq!(mistake(&SCHEDULER.replace(part, other)), format!("t.jsonl:1: {reason}"));
    }
    for (part, reason) in [
        (r#""max_dynamic":5,"#, "missing field `max_dynamic`"),
        (r#""bootnodes":[],"#, "missing field `bootnodes`"),
    ] {
        assert_eq!(mistake(&CONFIG.replace(part, "")), format!("t.jsonl:1: {reason}"));
    }
}

#[test]
fn a_scheduler_is_made_from_its_line() {
    let Input::Config(mut header) = texts(SCHEDULER)[0].input().unwrap().input else { panic!("no config") };
    let config = header.config(&mut Names::default()).unwrap();
    assert_eq!((config.dynamic_target, config.max_active_dials, config.discovery), (5, 7, true));
    let again = Header::new(header.me.bytes(), &config, &RngSeed::NotRecorded).unwrap();
    assert_eq!((again.settings.len(), again.max_dynamic, again.max_active_dials), (0, 5, Some(7)));
    header.max_active_dials = Some(0);
    assert_eq!(header.config(&mut Names::default()).unwrap().max_active_dials, 50, "no limit given");
}

#[test]
fn the_rng_of_a_draw_gives_it_each_time() {
    let mut rng = TraceRng::Constant(0x0123_4567_89ab_cdef);
    let mut bytes = [0; 11];
    rng.fill_bytes(&mut bytes);
    assert_eq!((rng.next_u64(), rng.next_u32()), (0x0123_4567_89ab_cdef, 0x0123_4567));
    assert_eq!(bytes, [0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 1, 0xef, 0xcd, 0xab]);
}

fn id(byte: u8) -> Id {
    [byte; 32]
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn a_config_reads_back_as_it_was() {
    let mut changed = Config::<Id, SocketAddr>::balanced();
    changed.dynamic_target = 3;
    changed.bootnodes = vec![Node::new(id(1), [addr("1.2.3.4:5"), addr("[::1]:6")]), Node::unresolved(id(2))];
    changed.restrict = Some(Vec::new());
    changed.deadlines.dial = None;
    changed.backoff.short = Duration::from_nanos(1_234_567);
    changed.churn = Some(Churn::default().with_min(Duration::from_secs(1)));
    changed.family_health = true;
    let mut diverse = Config::classic();
    diverse.diversity = Config::<Id, SocketAddr>::balanced().diversity;
    diverse.restrict = Some(vec!["10.0.0.0/8".parse().unwrap()]);
    for (config, settings) in [(Config::balanced(), 0), (Config::classic(), 0), (changed, 5), (diverse, 1)] {
        let seed = if settings == 1 { RngSeed::Bytes(vec![5; 32]) } else { RngSeed::Number(7) };
        let header = Header::new(id(9), &config, &seed).unwrap();
        assert_eq!(header.settings.len(), settings, "only what differs is written");
        let text = serde_json::to_string(&header).unwrap();
        let read: Header = serde_json::from_str(&text).unwrap();
        assert_eq!(read.config(&mut Names::default()).unwrap(), config);
        assert_eq!((read.me.bytes(), read.seed.map(TraceSeed::seed)), (id(9), Some(seed)));
    }
}

/// The paths of all fields of a config that are numbers, durations or flags, each with its value changed.
fn changed_fields(whole: &serde_json::Value, path: &str) -> Vec<(String, serde_json::Value)> {
    use serde_json::{Value, json};
    let changed = match whole.pointer(path) {
        Some(Value::Number(number)) => json!(number.as_u64().unwrap().checked_sub(1).unwrap_or(1)),
        Some(Value::Bool(flag)) => json!(!flag),
        Some(Value::Object(fields)) => {
            let names = fields.keys().map(|name| format!("{path}/{name}"));
            return names.flat_map(|path| changed_fields(whole, &path)).collect();
        }
        _ => return Vec::new(),
    };
    let mut copy = whole.clone();
    *copy.pointer_mut(path).unwrap() = changed;
    vec![(path.to_owned(), copy)]
}

/// Whatever a field of the config is set to, a trace says it.
#[test]
fn every_field_of_the_config_reads_back() {
    let mut all = Config::<Id, SocketAddr>::balanced();
    (all.anchors, all.churn) = (2, Some(Churn::default()));
    all.feeler_interval = Some(Duration::from_secs(120));
    let fields = changed_fields(&serde_json::to_value(&all).unwrap(), "");
    assert!(fields.len() > 90, "{} numbers, with the seconds and nanoseconds of durations", fields.len());
    let mut names = Vec::new();
    for (name, json) in fields {
        let config: Config<Id, SocketAddr> = serde_json::from_value(json).unwrap();
        let header =
            Header::new(id(9), &config, &RngSeed::Number(7)).unwrap_or_else(|error| panic!("{error}"));
        let text = serde_json::to_string(&header).unwrap();
        let read: Header = serde_json::from_str(&text).unwrap();
        assert_eq!(read.config(&mut Names::default()).unwrap(), config, "{name}");
        names.push(name);
    }
    for name in ["/pace/slow_after/secs", "/outage/changes/secs", "/limits/lookup_answer", "/anchors"] {
        assert!(names.iter().any(|one| one == name), "{name} is not among {names:?}");
    }
}

/// Every event, recorded as one drain.
fn events() -> Vec<Event<Id, SocketAddr>> {
    let node = || Node::new(id(1), [addr("1.2.3.4:5"), addr("[::1]:6")]);
    let tried = vec![AddrOutcome { addr: addr("1.2.3.4:5"), outcome: DialOutcome::Refused }];
    let dial = |raw, tried| Event::DialFinished {
        dial: DialId::from_raw(raw),
        outcome: DialOutcome::TimedOut,
        tried,
    };
    vec![
        Event::StaticAdded(node()),
        Event::StaticRemoved(id(2)),
        Event::NodeDiscovered { node: Node::unresolved(id(3)), source: Source(4), vouched: false },
        Event::NodeForgotten(id(3)),
        Event::PeerAdded { id: id(4), kind: PeerKind::Inbound, addr: None },
        Event::PeerAdded {
            id: id(5),
            kind: PeerKind::Outbound(DialKind::Feeler),
            addr: Some(addr("1.1.1.1:1")),
        },
        Event::PeerRemoved { id: id(4), reason: RemovalReason::Useless },
        Event::InboundPending { connection: ConnectionId(8), id: id(6) },
        Event::InboundEnded { connection: ConnectionId(8) },
        dial(11, tried.clone()),
        dial(11, Vec::new()),
        Event::DialConnected { dial: DialId::from_raw(14), addr: Some(addr("1.1.1.1:1")), tried: Vec::new() },
        Event::PeerAdded { id: id(5), kind: PeerKind::External, addr: None },
        Event::ResolveFinished { resolve: ResolveId::from_raw(12), addrs: node().addrs },
        Event::ResolveFinished { resolve: ResolveId::from_raw(12), addrs: node().addrs },
        Event::LookupFinished { lookup: dialstate::LookupId::from_raw(13), nodes: vec![node()] },
        Event::LookupFinished { lookup: dialstate::LookupId::from_raw(13), nodes: Vec::new() },
        Event::DialRequested(id(7)),
        Event::Banned { subject: BanSubject::Id(id(8)), until: Some(Timestamp::from_nanos(99)) },
        Event::Banned { subject: BanSubject::Network("10.0.0.0/8".parse().unwrap()), until: None },
        Event::Unbanned(BanSubject::Id(id(8))),
        Event::NetworkChanged,
        Event::Restarted,
        Event::Reconfigured(Change::DynamicTarget(4)),
        Event::Reconfigured(Change::MaxActiveDials(5)),
        Event::Reconfigured(Change::Restrict(None)),
        Event::Reconfigured(Change::Bootnodes(vec![node()])),
        Event::Reconfigured(Change::Dialing(false)),
        Event::Tick,
    ]
}

fn commands() -> Vec<Command<Id, SocketAddr>> {
    let node = Node::new(id(1), [addr("1.2.3.4:5")]);
    let dial = |raw, kind| Command::Dial {
        dial: DialId::from_raw(raw),
        node: node.clone(),
        kind,
        stagger: Duration::ZERO,
        deadline: None,
    };
    vec![
        Command::Cancel(Task::Dial(DialId::from_raw(99))),
        Command::Lookup { lookup: dialstate::LookupId::from_raw(13), target: [0; 32], deadline: None },
        Command::Resolve { resolve: ResolveId::from_raw(12), id: id(2), deadline: None },
        dial(11, DialKind::Bootnode),
        Command::Sleep { until: None, reason: WakeReason::Event },
    ]
}

#[test]
fn a_recording_names_nodes_and_falls_back_to_tokens() {
    let (mut input, mut output) = (Vec::new(), Vec::new());
    let start = Timestamp::from_millis(5);
    let mut recorder = JsonLines::new(&mut input, &mut output);
    recorder.begin(&dialstate::record::Header::new::<()>(
        id(9),
        Config::balanced(),
        RngSeed::Number(1),
        start,
    ));
    recorder.drained(start, &[], &commands()).unwrap();
    recorder.drained(Timestamp::from_nanos(5_000_001), &events(), &commands()[4..]).unwrap();
    recorder.drained(start, &[], &commands()[4..]).unwrap();
    assert!(recorder.drained(start, &[], &commands()).is_err(), "commands out of nothing");
    recorder.finish().unwrap();

    let (input, output) = (String::from_utf8(input).unwrap(), String::from_utf8(output).unwrap());
    let lines: Vec<_> = texts(&input).iter().map(|text| text.input().unwrap()).collect();
    assert_eq!((lines.len(), texts(&output).len()), (1 + events().len(), 1 + events().len()));
    let undrained = lines.iter().filter(|line| !line.drain.is_whole()).count();
    assert_eq!(undrained, events().len() - 1, "only the last event is drained");
    assert!(input.lines().nth(1).unwrap().starts_with(r#"{"at_ns":5000001,"event":"static_added","#));
    let tokens: Vec<_> = input.lines().filter(|line| line.contains("token")).collect();
    assert_eq!(tokens.len(), 4, "of two answers to a task the second is to none: {tokens:#?}");
    let first = texts(&output)[0].output().unwrap();
    let shown = serde_json::to_string(&first.commands).unwrap();
    let (one, two) = ("01".repeat(32), "02".repeat(32));
    assert_eq!(
        shown,
        format!(
            r#"[{{"command":"cancel","task":"dial"}},{{"command":"dial","id":"{one}","kind":"bootnode","addr":"1.2.3.4:5"}},{{"command":"lookup"}},{{"command":"resolve","id":"{two}"}}]"#
        )
    );
}
