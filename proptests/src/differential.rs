//! The dialer against the reference model of its profile, on one trace.

use dialstate::Timestamp;

use crate::replay::Replayer;
use crate::trace::{Header, Input, InputLine, OutputLine, Policy};
use crate::{model, scheduler_model};

/// The reference model of a profile that follows an original.
#[derive(Debug)]
pub enum Reference {
    /// Of classic.
    Classic(model::Model),
    /// Of scheduler.
    Scheduler(scheduler_model::Model),
}

impl Reference {
    /// The model of the profile that a header names, and its answer to the first line.
    ///
    /// # Errors
    /// There is no model of that profile.
    pub fn new(header: &Header, at: Timestamp) -> Result<(Self, OutputLine), String> {
        match header.policy() {
            Policy::Classic => {
                let (model, answer) = model::Model::new(header, at);
                Ok((Self::Classic(model), answer))
            }
            Policy::Scheduler => {
                let (model, answer) = scheduler_model::Model::new(header, at);
                Ok((Self::Scheduler(model), answer))
            }
            Policy::Balanced => Err("balanced follows no original: it has no reference model".to_owned()),
        }
    }

    /// What the original answers to the next line.
    pub fn line(&mut self, line: &InputLine) -> OutputLine {
        match self {
            Self::Classic(model) => model.line(line),
            Self::Scheduler(model) => model.line(line),
        }
    }
}

/// What the model answers, line by line.
///
/// # Panics
/// The first line is not a `config` of a profile with a model.
#[must_use]
pub fn model(trace: &[InputLine]) -> Vec<OutputLine> {
    let first = trace.first().expect("a trace has a first line");
    let Input::Config(header) = &first.input else { unreachable!("the first line is {first:?}") };
    let (mut model, answer) = Reference::new(header, first.at).expect("a profile with a model");
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
