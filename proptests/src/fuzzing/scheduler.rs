//! Bytes as steps of the scheduler profile, for the model and the dialer.

use crate::differential::divergence;
use crate::scheduler_steps::{from_bytes, shrink, trace};

/// Steps of one run.
const MOST_STEPS: usize = 400;

/// Steps of the scheduler profile: the dialer answers as the model does, line by line.
///
/// # Panics
/// It doesn't.
pub fn scheduler(bytes: &[u8]) {
    let Some((setup, steps)) = from_bytes(bytes, MOST_STEPS) else { return };
    let trace = trace(&setup, &steps);
    if divergence(&trace).is_some() {
        let least = shrink(&setup, &steps, |trace| divergence(trace).is_some());
        let (at, right, wrong) = divergence(&least).expect("shrinking keeps the divergence");
        unreachable!("line {} of {least:#?}\nmodel:  {}\ndialer: {}", at + 1, right.text(), wrong.text());
    }
}
