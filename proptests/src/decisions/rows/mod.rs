//! The scenarios. A name begins with the number of its row; with a `b` after it, it is a variant: other numbers, other
//! timings, another mix of the same trouble, with the same targets where nothing else is said.

mod books;
mod crowds;
mod lies;
mod starts;
mod uplinks;

use std::time::Duration;

use dialstate::Timestamp;

use super::scenario::Scenario;

/// All of them, in the order of the table.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let files = [books::scenarios, crowds::scenarios, lies::scenarios, starts::scenarios, uplinks::scenarios];
    let mut all: Vec<_> = files.iter().flat_map(|scenarios| scenarios()).collect();
    // Stable: within a row the order is that of its file.
    all.sort_by_key(Scenario::row);
    all
}

const fn at(secs: u64) -> Timestamp {
    Timestamp::from_secs(secs)
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
