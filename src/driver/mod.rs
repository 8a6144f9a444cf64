//! For the program around a dialer: what nearly every driver needs, without any I/O.
//!
//! A [`Runner`] holds a dialer and all that is open for it; what is left to the driver is to connect to addresses, to look for
//! nodes, and to wait. It is made of two parts that can be used alone: a [`Race`] tries the addresses of one dial and makes its
//! answer; [`Sessions`] keeps count of the connections of each peer. A dialer knows nothing of these; use any of them, or none.

mod race;
mod races;
mod runner;
mod sessions;

pub use race::{Race, RaceStep};
pub use runner::{Decide, Runner, RunnerStep};
pub use sessions::Sessions;
