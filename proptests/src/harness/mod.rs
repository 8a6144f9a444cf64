//! Random sequences of events against every profile, and what must hold after each: shared by the property tests
//! and the fuzzer.
//!
//! | file | what lives there |
//! |---|---|
//! | `pool.rs` | the few ids, addresses and networks that everything is made of |
//! | `setup.rs` | the config a run begins with |
//! | `step.rs` | one step: a delay, what happens, how far the dialer is drained; total, and made from bytes |
//! | `book.rs` | the harness's own books: who is connected, pending, banned, in flight |
//! | `counts.rs` | what the harness has counted itself, beside the statistics |
//! | `rules.rs` | what every command, and every state after a drain, must comply with |
//! | `run.rs` | a dialer and its twin, driven through the steps |
//! | `calm.rs` | what must follow when nothing is answered any more, and when everything goes well |

mod book;
mod calm;
mod counts;
mod pool;
mod rules;
mod run;
mod setup;
mod step;

pub use run::{Rigor, dialer, run, run_restored, transcribe};
pub use setup::Setup;
pub use step::{Act, After, Drain, Step};

/// Which rule is broken, and how.
pub type Broken = String;

/// Ends the function with a [`Broken`] unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($told:tt)+) => {
        if !$condition {
            return Err(format!($($told)+));
        }
    };
}
use ensure;
