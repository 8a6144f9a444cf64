//! Bytes as steps of the classic profile, for the model and the dialer.

use crate::differential::divergence;
use crate::replay::Replayer;
use crate::steps::{Pick, Setup, Step, shrink, trace};
use crate::trace::{Kind, Link, Outcome};
use crate::transcript::Transcript;

/// Steps of one run.
const MOST_STEPS: usize = 400;
/// How many bytes say what a trace begins with, and a step.
const SETUP: usize = 6;
const STEP: usize = 4;

/// The spans that the original knows, and some between them, in ms.
const SPANS: [u32; 10] = [4_000, 30_000, 20_000, 60_000, 120_000, 240_000, 3_600_000, 1, 1_000, 3_000];

/// Steps of the classic profile: the dialer answers as the model does, line by line.
///
/// # Panics
/// It doesn't.
pub fn differential(bytes: &[u8]) {
    let Some((setup, steps)) = sequence(bytes) else { return };
    let trace = trace(&setup, &steps);
    if divergence(&trace).is_some() {
        let least = shrink(&trace, |trace| divergence(trace).is_some());
        let (at, right, wrong) = divergence(&least).expect("shrinking keeps the divergence");
        unreachable!("line {} of {least:#?}\nmodel:  {}\ndialer: {}", at + 1, right.text(), wrong.text());
    }
}

/// What the dialer answers to the trace that these bytes say.
pub(crate) fn transcribe(bytes: &[u8], transcript: &mut Transcript) {
    let Some((setup, steps)) = sequence(bytes) else { return };
    let trace = trace(&setup, &steps);
    let (mut replayer, mut answer) = Replayer::new(&trace[0]).expect("the config of a trace makes sense");
    for line in &trace[1..] {
        transcript.answer(&answer, replayer.wake());
        answer = replayer.line(line).expect("a line that can be replayed");
    }
    transcript.answer(&answer, replayer.wake());
}

/// The setup and the steps that these bytes say.
fn sequence(bytes: &[u8]) -> Option<(Setup, Vec<Step>)> {
    let (setup, steps) = bytes.split_first_chunk()?;
    let steps = steps.chunks_exact(STEP).filter_map(|step| step.try_into().ok());
    Some((self::setup(*setup), steps.take(MOST_STEPS).map(step).collect()))
}

fn setup([target, statics, bootnodes, first, addr, flags]: [u8; SETUP]) -> Setup {
    Setup {
        max_dynamic: target % 8,
        statics: picks(statics, first, addr),
        bootnodes: picks(bootnodes, first.wrapping_add(5), addr),
        restricted: flags % 4 == 3,
        discovery: flags / 4 % 4 != 3,
    }
}

fn picks(count: u8, first: u8, addr: u8) -> Vec<Pick> {
    let pick = |n: u8| Pick { node: first.wrapping_add(n), addr: addr.wrapping_add(n / 2) };
    (0..count % 7).map(pick).collect()
}

fn step([kind, a, b, c]: [u8; STEP]) -> Step {
    let outcome = [Outcome::Unreachable, Outcome::HandshakeFailed, Outcome::Connected][usize::from(b % 3)];
    let link =
        [Link::Inbound, Link::Outbound(Kind::Dynamic), Link::Outbound(Kind::Static)][usize::from(b % 3)];
    match kind % 64 {
        0..=17 => {
            let off = [1, 1, 1, 0, 2][usize::from(c % 5)];
            Step::Wait { back: a % 12, millis: (SPANS[usize::from(b) % SPANS.len()] + off).saturating_sub(1) }
        }
        18..=23 => Step::Tick,
        24..=29 => Step::AddStatic(Pick { node: a, addr: b }),
        30..=32 => Step::RemoveStatic(a),
        33..=35 => Step::Discover(picks(c % 5, a, b)),
        36 | 37 => Step::AddPeer(a, link),
        38..=42 => Step::RemovePeer(a),
        43..=46 => Step::Connect(a),
        47..=51 => Step::Finish(a, outcome),
        52..=56 => Step::Resolve { index: a, addr: b },
        57..=59 => Step::Lookup(picks(c, a, b)),
        60 => Step::StrayDial(a, outcome),
        61 => Step::StrayResolve(Pick { node: a, addr: b }),
        62 => Step::StrayLookup(picks(c % 4, a, b)),
        _ => Step::StrayPeer(a),
    }
}
