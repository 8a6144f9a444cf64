//! The dialer's classic profile against the reference model, on one trace.

use crate::model::Model;
use crate::replay::Replayer;
use crate::trace::{Input, InputLine, OutputLine};

/// What the model answers, line by line.
///
/// # Panics
/// The first line is not a `config`.
#[must_use]
pub fn model(trace: &[InputLine]) -> Vec<OutputLine> {
    let first = trace.first().expect("a trace has a first line");
    let Input::Config(header) = &first.input else { unreachable!("the first line is {first:?}") };
    let (mut model, answer) = Model::new(header, first.at);
    core::iter::once(answer).chain(trace[1..].iter().map(|line| model.line(line))).collect()
}

/// The first line at which the dialer differs from the model, and both answers.
///
/// # Panics
/// The trace can't be replayed.
#[must_use]
pub fn divergence(trace: &[InputLine]) -> Option<(usize, OutputLine, OutputLine)> {
    let (mut replayer, first) = Replayer::new(&trace[0]).expect("the config of a trace makes sense");
    let mut answer = first.line;
    for (at, right) in model(trace).into_iter().enumerate() {
        if at > 0 {
            answer = replayer.line(&trace[at]).expect("a line that can be replayed").line;
        }
        if answer != right {
            return Some((at, right, answer));
        }
    }
    None
}
