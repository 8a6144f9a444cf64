//! For the program around a dialer: what nearly every driver needs, without any I/O.
//!
//! A [`Race`] tries the addresses of one dial and makes its answer. [`Sessions`] keeps count of the connections of each peer.
//! A dialer knows nothing of either; use one, both or none.

mod race;
mod sessions;

pub use race::{Race, RaceStep};
pub use sessions::Sessions;
