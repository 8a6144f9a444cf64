//! The scheduler profile against its reference model, on random traces; and what those traces are worth.
//!
//! `PROPTEST_CASES` and `PROPTEST_RNG_SEED` mean what they mean for `differential`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use dialstate::Timestamp;
use dialstate_proptests::differential::{divergence, model};
use dialstate_proptests::scheduler_model::rules::{Rule, rules};
use dialstate_proptests::scheduler_steps::{Setup, Step, shrink, trace};
use dialstate_proptests::steps::Pick;
use dialstate_proptests::trace::{Input, InputLine, Link, Outcome, Output, OutputLine, TraceId};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::test_runner::TestCaseError;

use crate::differential::{explain, report, runner};
use crate::traces::{SCHEDULER, read, traces};

const STEPS: usize = 1_000;
/// Enough for the rarest of the rules.
const CASES: u32 = 256;

/// Any bytes are steps, so that the fuzzer has the same traces.
fn case() -> impl Strategy<Value = (Setup, Vec<Step>)> {
    let step = any::<[u8; Step::BYTES]>().prop_map(Step::from_bytes);
    (any::<[u8; Setup::BYTES]>().prop_map(Setup::from_bytes), vec(step, STEPS))
}

#[test]
fn the_dialer_does_what_the_model_does() {
    let differs = |trace: &[InputLine]| divergence(trace).is_some();
    let result = runner(CASES).run(&case(), |(setup, steps)| {
        if differs(&trace(&setup, &steps)) {
            let least = shrink(&setup, &steps, differs);
            Err(TestCaseError::fail(report(&least, "divergence-scheduler")))
        } else {
            Ok(())
        }
    });
    explain(result);
}

/// If the steps did not reach what the model does, agreement would say little.
#[test]
fn the_steps_reach_every_rule() {
    let seen = RefCell::new(BTreeMap::<Rule, u32>::new());
    let result = runner(CASES).run(&case(), |(setup, steps)| {
        for (rule, count) in rules(&trace(&setup, &steps)) {
            *seen.borrow_mut().entry(rule).or_default() += count;
        }
        Ok(())
    });
    explain(result);
    let seen = seen.into_inner();
    let count = |rule| seen.get(rule).copied().unwrap_or_default();
    let rare: Vec<_> = Rule::ALL.iter().filter(|rule| count(*rule) < 20).collect();
    assert!(rare.is_empty(), "seldom: {rare:?}\n{seen:#?}");
    assert_eq!(seen.len(), Rule::ALL.len(), "{seen:#?}");
}

/// What decides whether the next line may stand in a trace.
#[derive(Default)]
struct Book {
    now: Timestamp,
    peers: BTreeMap<TraceId, Link>,
    dials: BTreeSet<TraceId>,
    resolves: BTreeSet<TraceId>,
    handshakes: BTreeMap<u64, TraceId>,
    /// Dials whose connection has come up.
    up: BTreeSet<TraceId>,
}

impl Book {
    fn line(&mut self, line: &InputLine) {
        let is_tick = line.input == Input::Tick {};
        assert!(line.at == self.now || is_tick && line.at > self.now, "only ticks move the time");
        self.now = line.at;
        match &line.input {
            Input::PeerAdded { id, kind, .. } => {
                assert!(self.peers.insert(*id, *kind).is_none(), "it was no peer before");
                if *kind != Link::Inbound && self.dials.contains(id) {
                    assert!(self.up.insert(*id), "a dial connects once");
                }
            }
            Input::PeerRemoved { id, .. } => assert!(self.peers.remove(id).is_some(), "it was a peer"),
            Input::InboundPending { connection, id } => {
                assert!(self.handshakes.insert(*connection, *id).is_none(), "a number of its own");
            }
            Input::InboundEnded { connection } => assert!(self.handshakes.remove(connection).is_some()),
            Input::DialFinished { id: Some(id), outcome, .. } => {
                assert!(self.dials.remove(id), "it was dialed");
                let up = self.up.remove(id);
                let otherwise = self.peers.get(id).is_some_and(|kind| !up || *kind == Link::Inbound);
                assert_eq!(*outcome == Outcome::Connected, up && !otherwise, "{outcome:?}");
            }
            Input::ResolveFinished { id: Some(id), node, .. } => {
                assert!(self.resolves.remove(id), "it was asked for");
                // In this crate an answer without an address is one that found nobody.
                assert!(node.as_ref().is_none_or(|node| node.id == *id && node.addr.is_some()));
            }
            Input::Tick {}
            | Input::StaticAdded { .. }
            | Input::StaticRemoved { .. }
            | Input::NodesDiscovered { .. } => {}
            other => panic!("the format has no {other:?}"),
        }
    }

    fn answer(&mut self, answer: &OutputLine) {
        for command in &answer.commands {
            let new = match command {
                Output::Dial { id, .. } => self.dials.insert(*id) && !self.resolves.contains(id),
                Output::Resolve { id } => self.resolves.insert(*id) && !self.dials.contains(id),
                other => panic!("the format has no {other}"),
            };
            assert!(new, "at most one command is out per id: {command}");
        }
    }
}

fn check_legal(trace: &[InputLine]) {
    let mut book = Book::default();
    for (at, (line, answer)) in trace.iter().zip(model(trace)).enumerate() {
        if at > 0 {
            book.line(line);
        }
        book.answer(&answer);
    }
}

#[test]
fn every_trace_is_legal() {
    let result = runner(CASES).run(&case(), |(setup, steps)| {
        check_legal(&trace(&setup, &steps));
        Ok(())
    });
    explain(result);
}

#[test]
fn the_recorded_traces_are_legal_in_the_same_sense() {
    for (input, _) in traces(&SCHEDULER) {
        let lines: Vec<_> = read(&input).map(|text| text.unwrap().input().unwrap()).collect();
        check_legal(&lines);
    }
}

#[test]
fn shrinking_finds_the_few_steps_that_matter() {
    let pick = |node, addr| Pick { node, addr };
    let setup = Setup {
        max_dial_peers: 1,
        max_active_dials: 1,
        draw: 0,
        statics: (1..5).map(|node| pick(node, 1)).collect(),
        restricted: false,
        discovery: true,
        hopeless: false,
    };
    let mut steps = vec![Step::Tick; 50];
    steps[17] = Step::Finish(0, Outcome::HandshakeFailed);
    steps[20] = Step::Discover(vec![pick(7, 1)]);
    steps[40] = Step::Wait { back: 0, millis: 35_001 };
    let dials = |trace: &[InputLine]| model(trace).iter().map(|answer| answer.commands.len()).sum::<usize>();
    let least = shrink(&setup, &steps, |trace| dials(trace) >= 2);
    assert_eq!(least.len(), 2, "{least:#?}");
    let Input::Config(header) = &least[0].input else { panic!("{least:?}") };
    assert_eq!(header.statics.len(), 2);
}
