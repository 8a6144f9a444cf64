//! The classic profile against the reference model, on random traces.
//!
//! `PROPTEST_CASES` sets how many, `PROPTEST_RNG_SEED` which; without them the traces are always the same. A
//! divergence is shrunk to the shortest trace, which is printed, and written to a file for the `replay` example.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use dialstate_proptests::differential::{divergence, model};
use dialstate_proptests::steps::{Pick, Setup, Step, shrink, trace};
use dialstate_proptests::trace::{Input, InputLine, Kind, Lines, Link, Outcome, Output, Text};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof};
use proptest::test_runner::{RngSeed, TestCaseError, TestError, TestRunner};

/// Enough for at least 500 lines, also where few of the steps find something to do.
const STEPS: usize = 1_500;

/// Runs so many cases, unless the environment says otherwise.
pub(crate) fn runner(cases: u32) -> TestRunner {
    let mut config = ProptestConfig { failure_persistence: None, max_shrink_iters: 0, ..Default::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(1827);
    }
    TestRunner::new(config)
}

fn picks(most: usize) -> impl Strategy<Value = Vec<Pick>> {
    vec(pick(), 0..=most)
}

fn pick() -> impl Strategy<Value = Pick> {
    (0..Pick::NODES, 0..Pick::ADDRS).prop_map(|(node, addr)| Pick { node, addr })
}

fn setup() -> impl Strategy<Value = Setup> {
    (0u8..8, picks(5), picks(5), proptest::bool::weighted(0.3), proptest::bool::weighted(0.75)).prop_map(
        |(max_dynamic, statics, bootnodes, restricted, discovery)| Setup {
            max_dynamic,
            statics,
            bootnodes,
            restricted,
            discovery,
        },
    )
}

/// Every span that the original knows, exactly and 1 ms to both sides, and short ones.
fn wait() -> impl Strategy<Value = Step> {
    let span = prop_oneof![
        4 => Just(4_000u32),
        4 => Just(30_000),
        3 => Just(20_000),
        3 => Just(60_000),
        2 => Just(120_000),
        1 => Just(240_000),
        1 => Just(3_600_000),
        4 => 1u32..4_000,
    ];
    let off = prop_oneof![6 => Just(1u32), 1 => Just(0), 1 => Just(2)];
    (0u8..12, span, off)
        .prop_map(|(back, span, off)| Step::Wait { back, millis: (span + off).saturating_sub(1) })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        3 => Just(Outcome::Unreachable),
        1 => Just(Outcome::HandshakeFailed),
        1 => Just(Outcome::Connected),
    ]
}

fn link() -> impl Strategy<Value = Link> {
    prop_oneof![
        2 => Just(Link::Inbound),
        1 => Just(Link::Outbound(Kind::Dynamic)),
        1 => Just(Link::Outbound(Kind::Static)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<u8>;
    prop_oneof![
        20 => wait(),
        8 => Just(Step::Tick),
        6 => pick().prop_map(Step::AddStatic),
        4 => index().prop_map(Step::RemoveStatic),
        3 => picks(4).prop_map(Step::Discover),
        2 => (index(), link()).prop_map(|(node, kind)| Step::AddPeer(node, kind)),
        10 => index().prop_map(Step::RemovePeer),
        7 => index().prop_map(Step::Connect),
        14 => (index(), outcome()).prop_map(|(index, outcome)| Step::Finish(index, outcome)),
        12 => (index(), 0..Pick::ADDRS).prop_map(|(index, addr)| Step::Resolve { index, addr }),
        6 => picks(6).prop_map(Step::Lookup),
        1 => (index(), outcome()).prop_map(|(node, outcome)| Step::StrayDial(node, outcome)),
        1 => pick().prop_map(Step::StrayResolve),
        1 => picks(3).prop_map(Step::StrayLookup),
        1 => index().prop_map(Step::StrayPeer),
    ]
}

/// In one case of four the static nodes stay, and no resolve finds anything: delays grow up to their cap.
fn case() -> impl Strategy<Value = (Setup, Vec<Step>)> {
    let hopeless = |step| match step {
        Step::AddStatic(_) | Step::RemoveStatic(_) => Step::Tick,
        Step::Resolve { index, .. } => Step::Resolve { index, addr: 0 },
        other => other,
    };
    let steps = prop_oneof![
        3 => vec(step(), STEPS),
        1 => vec(step().prop_map(hopeless), STEPS),
    ];
    (setup(), steps)
}

/// The shortest trace with a divergence, for people; and as a pair of files of this name.
pub(crate) fn report(least: &[InputLine], name: &str) -> String {
    let (at, right, wrong) = divergence(least).unwrap();
    let least = &least[..=at];
    let input: String = least.iter().map(|line| line.text() + "\n").collect();
    let output: String = model(least).iter().map(|line| line.text() + "\n").collect();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let files = ["in", "out"].map(|side| folder.join(format!("{name}.{side}.jsonl")));
    fs::write(&files[0], &input).unwrap();
    fs::write(&files[1], &output).unwrap();
    let mut report = String::new();
    writeln!(report, "the dialer differs from the model at line {} of this trace:\n{input}", at + 1).unwrap();
    writeln!(report, "model:  {}\ndialer: {}", right.text(), wrong.text()).unwrap();
    write!(report, "replay it with: replay {} --expect {}", files[0].display(), files[1].display()).unwrap();
    report
}

#[test]
fn the_dialer_does_what_the_model_does() {
    let result = runner(64).run(&case(), |(setup, steps)| {
        let trace = trace(&setup, &steps);
        let differs = |trace: &[InputLine]| divergence(trace).is_some();
        if differs(&trace) {
            Err(TestCaseError::fail(report(&shrink(&trace, differs), "divergence")))
        } else {
            Ok(())
        }
    });
    explain(result);
}

/// Fails with the report alone: the steps say no more than the trace.
pub(crate) fn explain<T>(result: Result<(), TestError<T>>) {
    match result {
        Ok(()) => {}
        Err(TestError::Fail(report, _)) => panic!("{report}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

/// If the steps did not reach what the model does, agreement would say little.
#[test]
fn the_steps_reach_all_that_the_original_does() {
    let seen = RefCell::new(BTreeMap::<String, u32>::new());
    let result = runner(32).run(&case(), |(setup, steps)| {
        let trace = trace(&setup, &steps);
        assert!(trace.len() >= 500, "only {} lines", trace.len());
        for (line, answer) in trace.iter().zip(model(&trace)) {
            let commands = answer.commands.iter().map(what);
            let answers = matches!(line.input, Input::ResolveFinished { .. } | Input::DialFinished { .. });
            let chained = answers.then(|| answer.commands.iter().map(|command| what(command) + " at once"));
            for name in commands.chain(chained.into_iter().flatten()) {
                *seen.borrow_mut().entry(name).or_default() += 1;
            }
        }
        Ok(())
    });
    result.unwrap();
    let seen = seen.into_inner();
    for name in ["dial dynamic", "dial static", "resolve", "lookup", "dial static at once", "resolve at once"]
    {
        assert!(seen.get(name).is_some_and(|count| *count >= 1_000), "{name}: {seen:?}");
    }
}

fn what(command: &Output) -> String {
    match command {
        Output::Dial { kind: Kind::Static, .. } => "dial static".to_owned(),
        Output::Dial { .. } => "dial dynamic".to_owned(),
        Output::Resolve { .. } => "resolve".to_owned(),
        Output::Lookup {} => "lookup".to_owned(),
        other => panic!("classic never gives {other:?}"),
    }
}

#[test]
fn a_trace_reads_back_as_it_was_written() {
    let result = runner(8).run(&case(), |(setup, steps)| {
        let trace = trace(&setup, &steps);
        let input: String = trace.iter().map(|line| line.text() + "\n").collect();
        let read = |text: Result<Text, _>| text.unwrap().input().unwrap();
        let again: Vec<_> = Lines::new("input", input.as_bytes()).map(read).collect();
        assert_eq!(again, trace);
        for answer in model(&trace) {
            let lines: Vec<_> = Lines::new("output", answer.text().as_bytes()).collect();
            assert_eq!(lines[0].as_ref().unwrap().output().unwrap(), answer);
        }
        Ok(())
    });
    result.unwrap();
}

#[test]
fn shrinking_finds_the_few_lines_that_matter() {
    let setup = Setup {
        max_dynamic: 0,
        statics: (1..5).map(|node| Pick { node, addr: 1 }).collect(),
        bootnodes: vec![Pick { node: 6, addr: 1 }],
        restricted: false,
        discovery: true,
    };
    let mut steps = vec![Step::Tick; 100];
    steps[17] = Step::RemoveStatic(3);
    steps[71] = Step::AddPeer(3, Link::Inbound);
    let count = |trace: &[InputLine], wanted: fn(&Input) -> bool| {
        trace.iter().filter(|line| wanted(&line.input)).count()
    };
    let least = shrink(&trace(&setup, &steps), |trace| {
        let Input::Config(header) = &trace[0].input else { return false };
        header.statics.len() >= 2
            && count(trace, |input| matches!(input, Input::StaticRemoved { .. })) > 0
            && count(trace, |input| matches!(input, Input::PeerAdded { .. })) > 0
            && count(trace, |input| matches!(input, Input::Tick {})) >= 2
    });
    assert_eq!(least.len(), 5);
    let Input::Config(header) = &least[0].input else { panic!("{least:?}") };
    assert_eq!((header.statics.len(), header.bootnodes.len()), (2, 0));
}
