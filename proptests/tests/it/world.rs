//! The simulator itself: how its clock moves, and that a seed says everything.

use std::path::Path;
use std::time::Duration;

use dialstate::{DialId, DialKind, DialOutcome, LookupId, RemovalReason, Source, Task, Timestamp};
use dialstate_proptests::world::{
    Agenda, Command, Config, Event, Fault, Id, Key, Net, NetConfig, Node, Sim, World, read_nodes,
};

const ME: Id = [0xff; 32];

fn node(n: u8) -> Node {
    Node::new([n; 32], [([10, 0, n, 1], 30303).into()])
}

/// Twenty nodes, heard of one a second. Each dial times out after 15 s.
struct Dark;

impl World for Dark {
    fn start(&mut self, agenda: &mut Agenda) {
        for n in 1..=20 {
            let event = Event::NodeDiscovered { node: node(n), source: Source(0), vouched: false };
            agenda.after(Duration::from_secs(n.into()), Key::World(0), event);
        }
    }

    fn dial(&mut self, dial: DialId, _: &Node, _: DialKind, agenda: &mut Agenda) {
        agenda.finish(Duration::from_secs(15), dial, DialOutcome::TimedOut);
    }
}

#[test]
fn the_clock_moves_exactly_to_what_comes_next() {
    let mut sim = Sim::new(ME, Config::classic(), 1, Dark).unwrap();
    let mut until = Some(Timestamp::ZERO);
    let mut dialed = Vec::new();
    let (mut ticks, mut timeouts) = (0, 0);
    sim.run_until(Timestamp::from_secs(600), |drain| {
        let now = drain.now;
        assert!(until.is_none_or(|until| now <= until), "slept over {until:?}, until {now}");
        match drain.event {
            Event::Tick => {
                assert_eq!(Some(now), until, "a tick that nobody asked for");
                ticks += 1;
            }
            Event::NodeDiscovered { node, .. } => {
                assert_eq!(now, Timestamp::from_secs(node.id[0].into()));
            }
            Event::DialFinished { dial, .. } => {
                let (begun, _) = dialed.iter().find(|(_, d)| d == dial).unwrap();
                assert_eq!(now.saturating_since(*begun), Duration::from_secs(15));
                timeouts += 1;
            }
            _ => {}
        }
        for command in drain.commands {
            match command {
                Command::Dial { dial, .. } => dialed.push((now, *dial)),
                Command::Sleep { until: next, .. } => until = *next,
                _ => {}
            }
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(sim.now(), Timestamp::from_secs(600));
    assert!(timeouts > 20 && ticks > 20, "{timeouts} timeouts, {ticks} ticks");
}

#[test]
fn a_world_that_runs_in_circles_is_stopped() {
    /// A peer leaves every 5 µs.
    struct Circle;
    impl World for Circle {
        fn start(&mut self, agenda: &mut Agenda) {
            let event = Event::PeerRemoved { id: [1; 32], reason: RemovalReason::Closed };
            agenda.after(Duration::from_micros(5), Key::World(0), event);
        }
        fn dial(&mut self, _: DialId, _: &Node, _: DialKind, _: &mut Agenda) {}
        fn lookup(&mut self, _: LookupId, _: [u8; 32], _: &mut Agenda) {}
        fn handed(&mut self, event: &Event, _: bool, agenda: &mut Agenda) {
            if matches!(event, Event::PeerRemoved { .. }) {
                self.start(agenda);
            }
        }
    }
    let mut sim = Sim::new(ME, Config::classic(), 1, Circle).unwrap();
    let fault = sim.run_until(Timestamp::from_secs(600), |_| Ok(())).unwrap_err();
    let Fault::Busy { at, steps, .. } = &fault else { panic!("{fault}") };
    assert_eq!((at.as_millis(), *steps), (500, 100_001));
    assert!(fault.to_string().starts_with("busy loop at 0.500s: 100001 events"), "{fault}");
}

#[test]
fn a_peer_is_added_before_its_dial_is_finished() {
    struct Near;
    impl World for Near {
        fn dial(&mut self, dial: DialId, node: &Node, kind: DialKind, agenda: &mut Agenda) {
            agenda.connect(Duration::from_millis(50), dial, node.id, kind, node.addrs.as_slice()[0]);
        }
    }
    let mut sim = Sim::new(ME, Config::classic(), 1, Near).unwrap();
    let mut seen = Vec::new();
    let event = Event::NodeDiscovered { node: node(1), source: Source(0), vouched: false };
    sim.hand(&event, |_| Ok(())).unwrap();
    sim.run_until(Timestamp::from_millis(50), |drain| {
        assert!(drain.result.is_ok(), "{:?}", drain.result);
        match drain.event {
            Event::PeerAdded { .. } => seen.push("added"),
            Event::DialFinished { .. } => seen.push("finished"),
            _ => {}
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(seen, ["added", "finished"]);
}

/// Answers every dial 15 s after the dialer has given it up.
struct Late {
    cancelled: usize,
}

impl World for Late {
    fn dial(&mut self, dial: DialId, _: &Node, _: DialKind, agenda: &mut Agenda) {
        agenda.finish(Duration::from_secs(45), dial, DialOutcome::TimedOut);
    }

    fn cancelled(&mut self, task: Task, _: &mut Agenda) {
        self.cancelled += usize::from(matches!(task, Task::Dial(_)));
    }
}

#[test]
fn a_cancelled_dial_is_not_answered() {
    let mut sim = Sim::new(ME, Config::balanced(), 1, Late { cancelled: 0 }).unwrap();
    for n in 1..=5 {
        sim.hand(&Event::NodeDiscovered { node: node(n), source: Source(0), vouched: false }, |_| Ok(()))
            .unwrap();
    }
    let mut dials = 0;
    sim.run_until(Timestamp::from_secs(600), |drain| {
        assert!(!matches!(drain.event, Event::DialFinished { .. }), "an answer at {}", drain.now);
        dials += drain.commands.iter().filter(|command| matches!(command, Command::Dial { .. })).count();
        Ok(())
    })
    .unwrap();
    assert!(dials > 5 && sim.world().cancelled > 5, "{dials} dials, {} cancelled", sim.world().cancelled);
}

/// Everything that one simulated day shows, in words.
fn day(mut config: Config, seed: u64) -> Vec<String> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data");
    let nodes = read_nodes(&data.join("nodes.csv")).unwrap();
    let bootnodes = read_nodes(&data.join("bootnodes.csv")).unwrap();
    let net = Net::new(NetConfig::new(seed), nodes, &bootnodes);
    config.bootnodes = bootnodes;
    let mut sim = Sim::new(ME, config, seed, net).unwrap();
    let mut told = Vec::new();
    sim.run_until(Timestamp::from_secs(24 * 3_600), |drain| {
        told.push(format!("{} {:?} {:?}", drain.now.as_nanos(), drain.event, drain.commands));
        Ok(())
    })
    .unwrap();
    told
}

#[test]
fn a_seed_says_everything() {
    for config in [Config::classic(), Config::balanced()] {
        let one = day(config.clone(), 1);
        assert!(one == day(config.clone(), 1), "two runs with one seed differ");
        assert!(one != day(config, 2), "another seed is no other world");
        assert!(one.len() > 500, "only {} events in a day", one.len());
    }
}
