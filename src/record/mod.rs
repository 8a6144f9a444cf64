//! Recording: a [`Recorder`] writes down what a dialer is told and what it answers, while it runs.
//!
//! A recording holds the config, the seed, every event and every command, so the same decisions can be made again
//! elsewhere. It is as confidential as the seed and the addresses in it.
//!
//! A recorder writes to a [`Sink`] of yours, or with the feature `record` to a `BinarySink`, which writes a compact form;
//! a `Recording` reads that.

#[cfg(feature = "record")]
mod binary;
#[cfg(feature = "record")]
mod read;
mod recorder;

#[cfg(feature = "record")]
pub use binary::{BinarySink, WriteError};
#[cfg(feature = "record")]
pub use read::{ReadError, ReadErrorKind, RecordedStep, Recording};
pub use recorder::{Header, Recorder, RngSeed, Sink};
